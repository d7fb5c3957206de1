/* `dlp-sensor rules check|list|test|new|variables`: the tuner's bench. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/file_run.h"
#include "cli/show_facts.h"
#include "log.h"
#include "match.h"

static const char *const severities[] = {"", "critical", "high", "medium", "low"};

struct saying {
    unsigned errors, warnings;
};

/* The known name nearest to `word`, or NULL when none is near (edit distance at most a third of its length). */
static const char *nearest_fact(const char *word, size_t len)
{
    enum { LONGEST = 63 };
    unsigned row[LONGEST + 1], best = (unsigned)len / 3 + 1;
    const char *found = NULL;
    for (unsigned f = 0; f < FACT_COUNT && len <= LONGEST; f++) {
        const char *name = FACT_INFO[f].name;
        for (unsigned i = 0; i <= len; i++)
            row[i] = i;
        for (unsigned j = 1; name[j - 1]; j++) {
            unsigned corner = row[0];
            row[0] = j;
            for (unsigned i = 1; i <= len; i++) {
                unsigned swap = corner + (word[i - 1] != name[j - 1]);
                unsigned drop = row[i] + 1, add = row[i - 1] + 1;
                corner = row[i];
                row[i] = swap < drop ? (swap < add ? swap : add) : (drop < add ? drop : add);
            }
        }
        if (row[len] < best) {
            best = row[len];
            found = name;
        }
    }
    return found;
}

static void say(void *user, bool error, const char *message)
{
    static const char undefined[] = "undefined identifier \"";
    struct saying *s = user;
    *(error ? &s->errors : &s->warnings) += 1;
    const char *at = strstr(message, undefined);
    const char *near = NULL;
    if (at) {
        at += strlen(undefined);
        near = nearest_fact(at, strcspn(at, "\""));
    }
    if (near)
        printf("%s (did you mean %s?)\n", message, near);
    else
        printf("%s%s\n", error ? "" : "warning: ", message);
}

static struct rule_set *compile(const struct config *config, const struct string_list *paths, rule_say how, void *user)
{
    const struct string_list *from = paths->count ? paths : &config->rule_paths;
    if (!from->count) {
        log_error("rules: no rules found; name a file or directory");
        return NULL;
    }
    return rule_set_compile((const char *const *)from->items, from->count, config->prefilter, how, user);
}

static void lint(const struct rule *rule, struct saying *s)
{
    const char *missing = NULL;
    if (strcmp(rule->category, "uncategorised") == 0)
        missing = "category";
    else if (!rule->description[0])
        missing = "description";
    if (!missing)
        return;
    printf("%s:%u: warning: rule %s has no metadata \"%s\"\n", rule->path, rule->line, rule->name, missing);
    s->warnings++;
}

static int rules_check(const struct config *config, const struct string_list *paths)
{
    struct saying s = {0, 0};
    struct rule_set *set = compile(config, paths, say, &s);
    if (!set) {
        printf("%u errors, %u warnings\n", s.errors, s.warnings);
        return 2;
    }
    for (uint32_t i = 0; i < rule_set_count(set); i++)
        lint(rule_set_at(set, i), &s);
    printf("%u rules are good; %u warnings\n", rule_set_count(set), s.warnings);
    rule_set_drop(set);
    return 0;
}

static void say_log(void *user, bool error, const char *message)
{
    (void)user;
    log_write(error ? LOG_ERROR : LOG_WARNING, "%s", message);
}

static int rules_list(const struct config *config, const struct string_list *paths)
{
    struct rule_set *set = compile(config, paths, say_log, NULL);
    if (!set)
        return 2;
    int name = 4, category = 8;
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        const struct rule *rule = rule_set_at(set, i);
        name = (int)strlen(rule->name) > name ? (int)strlen(rule->name) : name;
        category = (int)strlen(rule->category) > category ? (int)strlen(rule->category) : category;
    }
    printf("%-*s  %-*s  %-8s  %-18s  %s\n", name, "NAME", category, "CATEGORY", "SEVERITY", "FILE", "DESCRIPTION");
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        const struct rule *rule = rule_set_at(set, i);
        printf("%-*s  %-*s  %-8s  %-18s  %s\n", name, rule->name, category, rule->category,
               severities[rule->severity], rule->file, rule->description);
    }
    rule_set_drop(set);
    return 0;
}

struct testing {
    const char *path;
    bool json;
    struct json out; /* the object's matches, while it is evaluated */
    unsigned held;
};

static void test_match_line(const struct match *match)
{
    const struct rule *rule = match->rule;
    printf("  holds: %s (%s, %s:%u)\n", rule->name, severities[rule->severity], rule->file, rule->line);
    for (uint32_t i = 0; i < match->string_count; i++) {
        const struct match_string *s = &match->strings[i];
        printf("         %s at %llu, %u bytes, %u time%s\n", s->identifier, (unsigned long long)s->offset, s->length,
               s->count, s->count == 1 ? "" : "s");
    }
}

static void test_match(void *user, const struct object *object, const struct match *match)
{
    struct testing *t = user;
    (void)object;
    if (!t->json) {
        if (!t->held++)
            printf("%s\n", t->path);
        test_match_line(match);
        return;
    }
    if (!t->held++) {
        json_reset(&t->out);
        json_open_array(&t->out, NULL);
    }
    json_open_object(&t->out, NULL);
    json_text(&t->out, "rule", match->rule->name);
    json_uint(&t->out, "severity", match->rule->severity);
    json_open_array(&t->out, "strings");
    for (uint32_t i = 0; i < match->string_count; i++) {
        json_open_object(&t->out, NULL);
        json_text(&t->out, "string", match->strings[i].identifier);
        json_uint(&t->out, "offset", match->strings[i].offset);
        json_uint(&t->out, "length", match->strings[i].length);
        json_uint(&t->out, "count", match->strings[i].count);
        json_close_object(&t->out);
    }
    json_close_array(&t->out);
    json_close_object(&t->out);
}

static void test_object(void *user, const struct object *object, const struct fact_set *facts)
{
    struct testing *t = user;
    struct json json;
    size_t len;
    json_init(&json);
    json_open_object(&json, NULL);
    if (t->json)
        json_bytes(&json, "file", t->path, strlen(t->path));
    if (object->path_count)
        json_bytes(&json, "object", object->path[object->path_count - 1],
                   strlen(object->path[object->path_count - 1]));
    json_open_object(&json, "facts");
    show_facts(&json, facts, false);
    json_close_object(&json);
    char *text;
    if (t->json) {
        if (!t->held) {
            json_reset(&t->out);
            json_open_array(&t->out, NULL);
        }
        json_close_array(&t->out);
        json_close_object(&json);
        text = json_take(&json, &len);
        text[len - 1] = '\0'; /* the object goes on with its rules */
        printf("%s,\"rules\":%.*s}\n", text, (int)t->out.len, t->out.data);
    } else {
        if (!t->held)
            printf("%s\n  no rule holds\n", t->path);
        json_close_object(&json);
        text = json_take(&json, &len);
        printf("  %s\n", text);
    }
    free(text);
    t->held = 0;
}

static int rules_test(const struct config *config, const struct string_list *files)
{
    const struct string_list none = {NULL, 0};
    int code = 0;
    if (!files->count) {
        log_error("rules test: name at least one file");
        return 2;
    }
    struct rule_set *set = compile(config, &none, say_log, NULL);
    if (!set)
        return 2;
    for (size_t i = 0; i < files->count; i++) {
        struct testing t = {.path = files->items[i], .json = config->json_lines};
        const struct file_hooks hooks = {&t, test_object, test_match};
        json_init(&t.out);
        if (!file_run(config, set, files->items[i], &hooks))
            code = 1;
        json_free(&t.out);
    }
    rule_set_drop(set);
    return code;
}

static int rules_new(const struct string_list *names)
{
    const char *name = names->count == 1 ? names->items[0] : "";
    for (const char *p = name; *p || !*name; p++) {
        bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                    (p > name && *p >= '0' && *p <= '9');
        if (!word) {
            log_error("rules new: give one name of letters, digits and _");
            return 2;
        }
    }
    printf("rule %s\n{\n    meta:\n"
           "        severity    = \"medium\"   // critical, high, medium, low\n"
           "        category    = \"local\"    // what the SOC files it under\n"
           "        description = \"Say what left, and why it matters\"\n"
           "    strings:\n"
           "        $marker = \"CONFIDENTIAL\" nocase\n"
           "    condition:\n"
           "        direction == \"outbound\"   // facts: see dlp-sensor rules variables\n"
           "        and object_size > 1000\n"
           "        and $marker\n}\n",
           name);
    return 0;
}

static int rules_variables(void)
{
    static const char *const types[] = {"integer", "boolean", "string", "float"};
    printf("| variable | type | group | meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const struct fact_info *f = &FACT_INFO[i];
        printf("| `%s` | %s | %s | %s%s |\n", f->name, types[f->type], f->group, f->help,
               f->built ? "" : " *(not found yet: always neutral)*");
    }
    return 0;
}

int cli_rules(const struct config *config, const struct string_list *operands)
{
    const char *what = operands->count ? operands->items[0] : "";
    const struct string_list rest = {operands->items + 1, operands->count ? operands->count - 1 : 0};
    if (strcmp(what, "check") == 0)
        return rules_check(config, &rest);
    if (strcmp(what, "list") == 0)
        return rules_list(config, &rest);
    if (strcmp(what, "test") == 0)
        return rules_test(config, &rest);
    if (strcmp(what, "new") == 0)
        return rules_new(&rest);
    if (strcmp(what, "variables") == 0)
        return rules_variables();
    log_error("rules: say check, list, test, new or variables");
    return 2;
}
