/* `dlp-sensor rules test`: which rules hold for plain files, which strings matched where, and every fact that is not
 * neutral. Objects found inside a file come before it, each under its path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file_run.h"
#include "cli/rules.h"
#include "cli/show_facts.h"
#include "cli/table.h"
#include "log.h"

struct testing {
    const struct config *config;
    const char *path;
    bool json;
    struct json rules; /* of the object being evaluated: array members */
    struct table held; /* the same as a table */
};

static void hold_json(struct json *json, const struct match *match)
{
    const struct rule *rule = match->rule;
    json_open_object(json, NULL);
    json_text(json, "rule", rule->name);
    json_uint(json, "severity", rule->severity);
    json_text(json, "category", rule->category);
    json_bytes(json, "rule_file", rule->file, strlen(rule->file));
    json_uint(json, "line", rule->line);
    json_open_array(json, "strings");
    for (uint32_t i = 0; i < match->string_count; i++) {
        json_open_object(json, NULL);
        json_text(json, "string", match->strings[i].identifier);
        json_uint(json, "offset", match->strings[i].offset);
        json_uint(json, "length", match->strings[i].length);
        json_uint(json, "count", match->strings[i].count);
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}

static void hold_text(struct table *table, const struct match *match)
{
    char where[300], at[120];
    snprintf(where, sizeof(where), "%.255s:%u", match->rule->file, match->rule->line);
    table_row(table, (const char *const[]){"  holds", match->rule->name,
                                           RULES_SEVERITIES[match->rule->severity], where});
    for (uint32_t i = 0; i < match->string_count; i++) {
        const struct match_string *s = &match->strings[i];
        snprintf(at, sizeof(at), "at %llu, %u bytes, %u time%s", (unsigned long long)s->offset, s->length, s->count,
                 s->count == 1 ? "" : "s");
        table_row(table, (const char *const[]){"", s->identifier, at, ""});
    }
}

static void on_match(void *user, const struct object *object, const struct match *match)
{
    struct testing *t = user;
    (void)object;
    if (t->json)
        hold_json(&t->rules, match);
    else
        hold_text(&t->held, match);
}

static void begin_object(struct testing *t)
{
    json_reset(&t->rules);
    json_open_array(&t->rules, NULL);
    table_begin(&t->held, 4, NULL);
}

static void object_json(const struct testing *t, struct json *json, const struct object *object)
{
    json_bytes(json, "file", t->path, strlen(t->path));
    json_open_array(json, "object_path");
    for (unsigned i = 0; i < object->path_count; i++)
        json_bytes(json, NULL, object->path[i], strlen(object->path[i]));
    json_close_array(json);
    json_uint(json, "size", object->size);
    if (object->has_sha256)
        json_hex(json, "sha256", object->sha256, sizeof(object->sha256));
}

static void print_json(struct testing *t, const struct object *object, const struct fact_set *facts)
{
    struct json json;
    json_init(&json);
    json_open_object(&json, NULL);
    if (object)
        object_json(t, &json, object);
    json_open_object(&json, "facts");
    show_facts(&json, facts, false);
    json_close_object(&json);
    /* The rules were written while the object was evaluated: their array closes the line. */
    printf("%.*s,\"rules\":%.*s]}\n", (int)json.len, json.data, (int)t->rules.len, t->rules.data);
    json_free(&json);
}

static void print_facts(const struct fact_set *facts)
{
    struct table table;
    char value[64];
    table_begin(&table, 3, NULL);
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        const char *text = value;
        if (!fact_present(facts, id))
            continue;
        if (FACT_INFO[i].type == FACT_TYPE_TEXT)
            text = fact_text(facts, id);
        else if (FACT_INFO[i].type == FACT_TYPE_REAL)
            snprintf(value, sizeof(value), "%.3f", fact_real(facts, id));
        else if (FACT_INFO[i].type == FACT_TYPE_BOOL)
            text = "true";
        else
            snprintf(value, sizeof(value), "%lld", (long long)fact_int(facts, id));
        table_row(&table, (const char *const[]){"  fact", FACT_INFO[i].name, text});
    }
    table_print(&table, stdout);
}

static void print_text(struct testing *t, const struct object *object, const struct fact_set *facts)
{
    struct table title;
    char path[4600];
    int n = snprintf(path, sizeof(path), "%.4000s", object ? t->path : "a flow");
    for (unsigned i = 0; object && i < object->path_count && n > 0 && (size_t)n < sizeof(path); i++)
        n += snprintf(path + n, sizeof(path) - (size_t)n, " > %s", object->path[i]);
    table_begin(&title, 1, (const char *const[]){path}); /* names are made safe to print */
    table_print(&title, stdout);
    if (t->held.rows)
        table_print(&t->held, stdout);
    else
        puts("  no rule holds");
    print_facts(facts);
}

static void on_object(void *user, const struct object *object, const struct fact_set *facts)
{
    struct testing *t = user;
    if (t->json)
        print_json(t, object, facts);
    else
        print_text(t, object, facts);
    table_free(&t->held);
    begin_object(t);
}

static bool set_value(struct fact_set *facts, enum fact_id id, const char *value)
{
    char *end = NULL;
    switch (FACT_INFO[id].type) {
    case FACT_TYPE_TEXT:
        fact_set_text(facts, id, value, strlen(value));
        return true;
    case FACT_TYPE_BOOL:
        fact_set_int(facts, id, strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
        return fact_int(facts, id) || strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
    case FACT_TYPE_REAL:
        fact_set_real(facts, id, strtod(value, &end));
        break;
    case FACT_TYPE_INT:
        fact_set_int(facts, id, strtoll(value, &end, 0));
        break;
    }
    return end && end != value && !*end;
}

bool rules_set_fact(struct fact_set *facts, const char *setting, char *error, size_t error_len)
{
    size_t len = strcspn(setting, "=");
    const char *value = setting[len] ? setting + len + 1 : "true";
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        if (strlen(FACT_INFO[i].name) != len || memcmp(FACT_INFO[i].name, setting, len) != 0)
            continue;
        if (set_value(facts, (enum fact_id)i, value))
            return true;
        snprintf(error, error_len, "%s: '%s' is no value of it", FACT_INFO[i].name, value);
        return false;
    }
    const char *near = fact_nearest(setting, len);
    snprintf(error, error_len, "%s: no such fact%s%s%s", setting, near ? "; did you mean " : "", near ? near : "",
             near ? "?" : "");
    return false;
}

bool rules_apply_facts(const struct config *config, struct fact_set *facts)
{
    char text[64 + FACT_TEXT_MAX + 1], error[512];
    const struct string_list *list = &config->set_facts;
    for (size_t i = 0; i < list->count;) {
        snprintf(text, sizeof(text), "%s", list->items[i]);
        /* A text with commas was cut at them. */
        for (i++; i < list->count && !strchr(list->items[i], '='); i++) {
            size_t n = strlen(text);
            snprintf(text + n, sizeof(text) - n, ",%s", list->items[i]);
        }
        if (!rules_set_fact(facts, text, error, sizeof(error))) {
            log_error("--fact %s", error);
            return false;
        }
    }
    return true;
}

static void on_transfer(void *user, struct fact_set *facts)
{
    const struct testing *t = user;
    rules_apply_facts(t->config, facts); /* tried before: it says nothing */
}

/* One file, or a flow when `path` is NULL. */
static bool test_one(const struct config *config, struct rule_set *set, const char *path)
{
    struct testing t = {.config = config, .path = path, .json = config->json_lines};
    const struct file_hooks hooks = {&t, on_object, on_match, on_transfer};
    bool fine = true;
    json_init(&t.rules);
    begin_object(&t);
    if (path)
        fine = file_run(config, set, path, &hooks);
    else
        file_run_flow(config, set, &hooks);
    table_free(&t.held);
    json_free(&t.rules);
    return fine;
}

int rules_test(const struct config *config, const struct string_list *files)
{
    const struct string_list configured = {NULL, 0};
    struct fact_set facts;
    int code = 0;
    fact_set_clear(&facts);
    if (!rules_apply_facts(config, &facts))
        return 2;
    if (rules_are_cases(files))
        return rules_cases(config, files);
    bool flow = strcmp(fact_text(&facts, FACT_object_type), "flow") == 0;
    if (!files->count && !flow) {
        log_error("rules test: name at least one file, or a flow with --fact object_type=flow");
        return 2;
    }
    struct rule_set *set = rules_compile(config, &configured);
    if (!set)
        return 2;
    if (!files->count)
        test_one(config, set, NULL);
    for (size_t i = 0; i < files->count; i++) {
        if (!test_one(config, set, files->items[i]))
            code = 1;
    }
    rule_set_drop(set);
    return code;
}
