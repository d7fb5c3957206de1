/* The command line: getopt_long(3) over an option array made from the settings table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_table.h"

#define OPTION_MAX 160
#define CONFIG_LETTER 'c'
#define HELP_LETTER 'h'
#define DEFAULT_FILE "/etc/dlp-sensor/sensor.yaml"

/* getopt's `val` for setting n, and for its --no- form. */
enum { VALUE_SET = 0x100, VALUE_NO = 0x200 };

struct option_table {
    struct option options[OPTION_MAX];
    char letters[64];
    char no_names[16][40]; /* "no-prefilter" */
};

static void build_table(struct option_table *table, enum config_command command)
{
    size_t n = 0, no = 0, l = 0;
    memset(table, 0, sizeof(*table));
    table->letters[l++] = ':'; /* missing argument is told from unknown option */
    table->letters[l++] = CONFIG_LETTER;
    table->letters[l++] = ':';
    table->letters[l++] = HELP_LETTER;
    table->options[n++] = (struct option){"config", required_argument, NULL, CONFIG_LETTER};
    table->options[n++] = (struct option){"help", no_argument, NULL, HELP_LETTER};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *s = &SETTINGS[i];
        if (!(s->commands & command) || !s->name[0])
            continue;
        bool bare = s->kind == SETTING_FLAG || s->kind == SETTING_TALLY;
        int value = VALUE_SET + (int)i;
        table->options[n++] =
            (struct option){s->name, bare ? no_argument : required_argument, NULL, value};
        if (s->kind == SETTING_FLAG && no < sizeof(table->no_names) / sizeof(table->no_names[0])) {
            snprintf(table->no_names[no], sizeof(table->no_names[no]), "no-%s", s->name);
            table->options[n++] =
                (struct option){table->no_names[no++], no_argument, NULL, VALUE_NO + (int)i};
        }
        if (s->letter) {
            table->letters[l++] = s->letter;
            if (!bare)
                table->letters[l++] = ':';
        }
    }
}

static const struct setting *by_letter(int letter, enum config_command command)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (SETTINGS[i].letter == letter && (SETTINGS[i].commands & command))
            return &SETTINGS[i];
    }
    return NULL;
}

/* Words after a lone "--" are the filter, joined by spaces as tcpdump joins them. */
static int take_filter(struct config *config, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") != 0)
            continue;
        size_t len = 1;
        for (int j = i + 1; j < argc; j++)
            len += strlen(argv[j]) + 1;
        char *filter = calloc(1, len);
        if (!filter)
            abort(); /* only at start */
        for (int j = i + 1; j < argc; j++) {
            memcpy(filter + strlen(filter), argv[j], strlen(argv[j]));
            if (j + 1 < argc)
                filter[strlen(filter)] = ' ';
        }
        free(config->filter);
        config->filter = filter;
        return i;
    }
    return argc;
}

static bool apply(struct config *config, int code, const char *text, enum config_command command,
                  uint64_t *used, char *error, size_t error_len)
{
    char reason[256];
    const struct setting *s;
    if (code >= VALUE_NO)
        s = &SETTINGS[code - VALUE_NO];
    else if (code >= VALUE_SET)
        s = &SETTINGS[code - VALUE_SET];
    else
        s = by_letter(code, command);
    if (!(*used >> (s - SETTINGS) & 1))
        config_empty_list(config, s); /* the command line replaces what the file said */
    *used |= UINT64_C(1) << (s - SETTINGS);
    config_given(config, s);
    if (s->kind == SETTING_FLAG)
        text = code >= VALUE_NO ? "false" : "true";
    if (config_set(config, s, text, reason, sizeof(reason)))
        return true;
    snprintf(error, error_len, "--%s: %s", s->name, reason);
    return false;
}

static bool usage_error(int code, char **argv, char *error, size_t error_len)
{
    const char *word = argv[optind - 1];
    if (code == ':')
        snprintf(error, error_len, "option %s needs a value", word);
    else if (optopt && optopt < VALUE_SET)
        snprintf(error, error_len, "unknown option -%c (see --help)", optopt);
    else
        snprintf(error, error_len, "unknown option %s (see --help)", word);
    return false;
}

/* One walk over argv; `load` reads only -c, so that options beat the file wherever it is named. */
static bool walk(struct config *config, enum config_command command, int argc, char **argv, bool load,
                 bool *loaded, char *error, size_t error_len)
{
    struct option_table table;
    uint64_t used = 0;
    int code;
    build_table(&table, command);
    optind = 0;
    opterr = 0;
    while ((code = getopt_long(argc, argv, table.letters, table.options, NULL)) != -1) {
        if (code == '?' || code == ':')
            return usage_error(code, argv, error, error_len);
        if (code == HELP_LETTER) {
            config_help(command);
            exit(0);
        }
        if (code == CONFIG_LETTER) {
            if (load && !config_load(config, optarg, error, error_len))
                return false;
            *loaded = true;
        } else if (!load && !apply(config, code, optarg, command, &used, error, error_len)) {
            return false;
        }
    }
    return true;
}

bool config_options(struct config *config, enum config_command command, int argc, char **argv,
                    struct string_list *operands, char *error, size_t error_len)
{
    bool loaded = false;
    int end = argc;
    for (int i = 1; i < argc && end == argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            end = i;
    }
    if (!walk(config, command, end, argv, true, &loaded, error, error_len))
        return false;
    bool service = command & (COMMAND_CAPTURE | COMMAND_CHECK | COMMAND_CONFIG | COMMAND_SPOOL);
    if (!loaded && service && access(DEFAULT_FILE, R_OK) == 0 &&
        !config_load(config, DEFAULT_FILE, error, error_len))
        return false;
    if (!walk(config, command, end, argv, false, &loaded, error, error_len))
        return false;
    int first = optind;
    take_filter(config, argc, argv);
    operands->items = argv + first;
    operands->count = (size_t)(end - first);
    return true;
}

void config_help(enum config_command command)
{
    printf("  %-34s %s\n", "-c, --config FILE", "settings in YAML; options beat them");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *s = &SETTINGS[i];
        char left[96];
        if (!(s->commands & command) || !s->name[0])
            continue;
        const char *no = s->kind == SETTING_FLAG && strcmp(s->value, "true") == 0 ? "no-" : "";
        char letter[8] = "";
        if (s->letter)
            snprintf(letter, sizeof(letter), "-%c, ", s->letter);
        snprintf(left, sizeof(left), "%s--%s%s %s", letter, no, s->name, s->argument);
        printf("  %-34s %s%s\n", left, *no ? "do not: " : "", s->help);
    }
}
