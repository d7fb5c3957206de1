/* The settings' one table at work: defaults, the YAML file and the command line all go through set_value(),
 * so a value means the same wherever it stands. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "config_table.h"
#include "event.h"
#include "log.h"
#include "redis_url.h"

#define R COMMAND_REPLAY
#define C COMMAND_CAPTURE
#define U COMMAND_RULES
#define F COMMAND_FACTS
#define A COMMAND_ALERTS
#define K COMMAND_CHECK
#define S COMMAND_SPOOL
#define OPTION(field, kind, path, name, letter, value, low, high, of, commands, arg, text)         \
    {offsetof(struct config, field), SETTING_##kind, path, name, letter, value, low, high, of,     \
     commands,                       arg,            text},
const struct setting SETTINGS[] = {
#include "option_list.def"
};
#undef OPTION
#undef R
#undef C
#undef U
#undef F
#undef A
#undef K
#undef S
const size_t SETTING_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]);

static void *field_of(struct config *config, const struct setting *setting)
{
    return (char *)config + setting->offset;
}

char *config_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy)
        abort(); /* only at start */
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static void list_clear(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct string_list){0};
}

static void list_add(struct string_list *list, const char *text, size_t len)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        abort(); /* only at start */
    list->items = items;
    list->items[list->count++] = config_copy(text, len);
}

static bool is_choice(const char *choices, const char *text, size_t len)
{
    for (const char *at = choices; *at; at += strcspn(at, ","), at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n == len && memcmp(at, text, n) == 0)
            return true;
    }
    return false;
}

static bool set_int(const struct setting *setting, int64_t *value, const char *text, char *error,
                    size_t error_len)
{
    char *end;
    if (setting->low == 0 && strcmp(text, "auto") == 0) {
        *value = 0;
        return true;
    }
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < setting->low || n > setting->high ||
        (setting->low == 0 && n == 0)) {
        snprintf(error, error_len, "'%s' is not a whole number from %lld to %lld", text,
                 (long long)(setting->low ? setting->low : 1), (long long)setting->high);
        return false;
    }
    *value = n;
    return true;
}

static bool set_flag(bool *value, const char *text, char *error, size_t error_len)
{
    if (is_choice("true,yes,on", text, strlen(text))) {
        *value = true;
        return true;
    }
    if (is_choice("false,no,off", text, strlen(text))) {
        *value = false;
        return true;
    }
    snprintf(error, error_len, "'%s' is neither true nor false", text);
    return false;
}

static bool is_net(const char *text, size_t len)
{
    struct ip_set *set = ip_set_new();
    char *net = config_copy(text, len);
    bool is = ip_set_add(set, net);
    free(net);
    ip_set_free(set);
    return is;
}

static bool is_address_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
        return false;
    long port = strtol(colon + 1, &end, 10);
    return !*end && port >= 1 && port <= 65535;
}

/* A text with a form of its own. */
static bool check_text(const struct setting *setting, const char *text, char *error, size_t error_len)
{
    const char *forms = NULL;
    if (setting->kind == SETTING_FILTER && *text)
        return capture_check_filter(text, error, error_len);
    if (setting->kind == SETTING_URL && *text && strcmp(text, "off") != 0 && !redis_url_is(text))
        forms = REDIS_URL_FORMS;
    else if (setting->kind == SETTING_LISTEN && *text && !is_address_and_port(text))
        forms = "ADDRESS:PORT, or \"\" for no page";
    if (forms)
        snprintf(error, error_len, "'%s' is not %s", text, forms);
    return !forms;
}

/* A comma list, added to what the list holds. */
static bool set_list(const struct setting *setting, struct string_list *list, const char *text,
                     char *error, size_t error_len)
{
    for (const char *at = text; *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        if (len && setting->choices[0] && !is_choice(setting->choices, at, len)) {
            snprintf(error, error_len, "'%.*s' is not one of %s", (int)len, at, setting->choices);
            return false;
        }
        if (len && setting->kind == SETTING_NETS && !is_net(at, len)) {
            snprintf(error, error_len, "'%.*s' is not an address or CIDR prefix", (int)len, at);
            return false;
        }
        if (len)
            list_add(list, at, len);
        at += len;
    }
    return true;
}

bool config_set(struct config *config, const struct setting *setting, const char *text, char *error,
                size_t error_len)
{
    void *field = field_of(config, setting);
    switch (setting->kind) {
    case SETTING_CHOICE:
        if (!is_choice(setting->choices, text, strlen(text))) {
            snprintf(error, error_len, "'%s' is not one of %s", text, setting->choices);
            return false;
        }
        /* fall through */
    case SETTING_TEXT:
    case SETTING_FILE:
    case SETTING_URL:
    case SETTING_LISTEN:
    case SETTING_FILTER:
        if (!check_text(setting, text, error, error_len))
            return false;
        free(*(char **)field);
        *(char **)field = config_copy(text, strlen(text));
        return true;
    case SETTING_INT:
        return set_int(setting, field, text, error, error_len);
    case SETTING_FLAG:
        return set_flag(field, text, error, error_len);
    case SETTING_LIST:
    case SETTING_NETS:
        return set_list(setting, field, text, error, error_len);
    case SETTING_TALLY:
        *(int *)field += 1;
        return true;
    }
    return false;
}

void config_empty_list(struct config *config, const struct setting *setting)
{
    if (setting_is_list(setting))
        list_clear(field_of(config, setting));
}

void config_given(struct config *config, const struct setting *setting)
{
    config->given |= UINT64_C(1) << (setting - SETTINGS);
}

static bool was_given(const struct config *config, const void *field)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if ((const char *)config + SETTINGS[i].offset == (const char *)field)
            return config->given >> i & 1;
    }
    return false;
}

void config_init(struct config *config)
{
    char error[128];
    _Static_assert(sizeof(SETTINGS) / sizeof(SETTINGS[0]) <= 64, "config.given has 64 bits");
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (SETTINGS[i].kind != SETTING_TALLY &&
            !config_set(config, &SETTINGS[i], SETTINGS[i].value, error, sizeof(error)))
            abort(); /* a default in the table is wrong */
    }
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (setting_is_list(&SETTINGS[i]))
            list_clear(field_of(config, &SETTINGS[i]));
        else if (SETTINGS[i].kind != SETTING_INT && SETTINGS[i].kind != SETTING_FLAG &&
                 SETTINGS[i].kind != SETTING_TALLY)
            free(*(char **)field_of(config, &SETTINGS[i]));
    }
    ip_set_free(config->home);
    memset(config, 0, sizeof(*config));
}

static void replace(char **field, const char *text)
{
    free(*field);
    *field = config_copy(text, strlen(text));
}

static void finish_home(struct config *config)
{
    config->home = ip_set_new();
    for (size_t i = 0; i < config->home_nets.count; i++)
        ip_set_add(config->home, config->home_nets.items[i]); /* set_list() saw that it is one */
}

static void finish_events(struct config *config)
{
    static const char *const names[EVENT_TYPE_COUNT] = {"alert", "object", "flow", "stats"};
    for (size_t i = 0; i < config->event_types.count; i++) {
        for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
            if (strcmp(config->event_types.items[i], names[type]) == 0 ||
                strcmp(config->event_types.items[i], "all") == 0)
                config->events |= 1u << type;
        }
    }
}

/* What differs between reading files and standing on a tap. */
static void finish_by_command(struct config *config, enum config_command command)
{
    bool live = command == COMMAND_CAPTURE || command == COMMAND_CHECK;
    bool redis_given = was_given(config, &config->redis_url);
    if (config->workers == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        config->workers = live && cpus > 0 ? cpus : 1;
    }
    if (!redis_given)
        replace(&config->redis_url, command == COMMAND_REPLAY ? "off" : "redis://127.0.0.1:6379");
    bool redis = strcmp(config->redis_url, "off") != 0 && config->redis_url[0];
    if (command == COMMAND_REPLAY && !redis && !was_given(config, &config->json))
        replace(&config->json, "-");
    if (!config->sensor_name[0]) {
        char host[65] = "";
        gethostname(host, sizeof(host) - 1);
        replace(&config->sensor_name, host[0] ? host : "sensor");
    }
}

/* The shipped rules: beside an installed program, or in the tree it was built in. */
static void finish_rules(struct config *config)
{
    static const char *const places[] = {"/../share/dlp-sensor/rules", "/../rules", "/rules"};
    char self[4096];
    if (config->rule_paths.count)
        return;
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 64);
    if (n <= 0)
        return;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    size_t at = slash ? (size_t)(slash - self) : 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(self + at, sizeof(self) - at, "%s", places[i]);
        char *real = realpath(self, NULL);
        if (real) {
            list_add(&config->rule_paths, real, strlen(real));
            free(real);
            return;
        }
    }
}

/* Settings whose part is not built yet are valid, and said aloud: nobody should believe they work. */
static void warn_unbuilt(const struct config *config)
{
    if (config->evidence_dir[0])
        log_warning("evidence.dir: this version keeps no evidence");
}

void config_finish(struct config *config, enum config_command command)
{
    finish_by_command(config, command);
    finish_events(config);
    finish_rules(config);
    config->inspect_both = strcmp(config->inspect, "both") == 0;
    warn_unbuilt(config);
    finish_home(config);
}

static void show_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void show_list(const struct string_list *list)
{
    putchar('[');
    for (size_t i = 0; i < list->count; i++) {
        fputs(i ? ", " : "", stdout);
        show_text(list->items[i]);
    }
    putchar(']');
}

static void show_value(const struct config *config, const struct setting *setting)
{
    const void *field = (const char *)config + setting->offset;
    switch (setting->kind) {
    case SETTING_TEXT:
    case SETTING_FILE:
    case SETTING_CHOICE:
    case SETTING_URL:
    case SETTING_LISTEN:
    case SETTING_FILTER:
        show_text(*(char *const *)field);
        break;
    case SETTING_INT:
        printf("%lld", (long long)*(const int64_t *)field);
        break;
    case SETTING_FLAG:
        fputs(*(const bool *)field ? "true" : "false", stdout);
        break;
    case SETTING_LIST:
    case SETTING_NETS:
        show_list(field);
        break;
    case SETTING_TALLY:
        break;
    }
}

void config_show(const struct config *config)
{
    char open_section[64] = "";
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *path = SETTINGS[i].path, *dot = strrchr(path, '.');
        if (!dot)
            continue;
        size_t len = (size_t)(dot - path);
        unsigned depth = memchr(path, '.', len) ? 2 : 1;
        if (strlen(open_section) != len || memcmp(open_section, path, len) != 0) {
            const char *name = memrchr(path, '.', len);
            name = name ? name + 1 : path;
            printf("%*s%.*s:\n", (int)(depth - 1) * 2, "", (int)(dot - name), name);
            snprintf(open_section, sizeof(open_section), "%.*s", (int)len, path);
        }
        printf("%*s%s: ", (int)depth * 2, "", dot + 1);
        show_value(config, &SETTINGS[i]);
        printf("%*s# %s\n", 2, "", SETTINGS[i].help);
    }
}
