/* `dlp-sensor rules check|list|test|explain|new|variables`: the tuner's bench. */
#include "cli/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "json.h"
#include "log.h"
#include "rule_load.h"

const char *const RULES_SEVERITIES[5] = {"", "critical", "high", "medium", "low"};

struct saying {
    unsigned errors, warnings;
};

static void say(void *user, bool error, const char *message)
{
    struct saying *s = user;
    *(error ? &s->errors : &s->warnings) += 1;
    puts(message);
}

struct rule_set *rules_compile(const struct config *config, const struct string_list *paths)
{
    return rule_load(config, paths->count ? paths : NULL, rule_load_say, NULL);
}

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static int rules_check(const struct config *config, const struct string_list *paths)
{
    struct saying s = {0, 0};
    struct rule_set *set = rule_load(config, paths->count ? paths : NULL, say, &s);
    if (set)
        rule_set_lint(set, say, &s);
    uint32_t count = set ? rule_set_count(set) : 0;
    if (set)
        printf("%u rule%s compile%s; %u warning%s\n", count, plural(count), count == 1 ? "s" : "", s.warnings,
               plural(s.warnings));
    else
        printf("%u error%s, %u warning%s\n", s.errors, plural(s.errors), s.warnings, plural(s.warnings));
    rule_set_drop(set);
    return set ? 0 : 2;
}

/* The rule where none of its overrides with a condition holds; NULL when it is silent there. */
static const struct rule *rule_in_force(const struct rule_set *set, uint32_t index)
{
    const struct rule_override *overrides;
    const struct rule *rule = rule_set_at(set, index);
    uint32_t count = rule_set_overrides(set, index, &overrides);
    bool silent = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!overrides[i].always)
            continue;
        silent = overrides[i].silences || (silent && !overrides[i].enables);
        rule = overrides[i].rule ? overrides[i].rule : rule;
    }
    return silent ? NULL : rule;
}

static void list_overrides_json(struct json *json, const struct rule_set *set, uint32_t index)
{
    const struct rule_override *overrides;
    uint32_t count = rule_set_overrides(set, index, &overrides);
    json_open_array(json, "overrides");
    for (uint32_t i = 0; i < count; i++) {
        json_open_object(json, NULL);
        json_text(json, "rule", overrides[i].name);
        json_bytes(json, "file", overrides[i].file, strlen(overrides[i].file));
        json_uint(json, "line", overrides[i].line);
        json_bool(json, "always", overrides[i].always);
        if (overrides[i].silences || overrides[i].enables)
            json_bool(json, "enabled", overrides[i].enables);
        if (overrides[i].rule)
            json_uint(json, "severity", overrides[i].rule->severity);
        json_close_object(json);
    }
    json_close_array(json);
}

static void list_json(const struct rule_set *set)
{
    struct json json;
    json_init(&json);
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        const struct rule *enabled = rule_in_force(set, i);
        const struct rule *rule = enabled ? enabled : rule_set_at(set, i);
        json_reset(&json);
        json_open_object(&json, NULL);
        json_text(&json, "name", rule->name);
        json_text(&json, "category", rule->category);
        json_uint(&json, "severity", rule->severity);
        json_bool(&json, "enabled", enabled != NULL);
        json_bytes(&json, "description", rule->description, strlen(rule->description));
        if (rule->reference)
            json_bytes(&json, "reference", rule->reference, strlen(rule->reference));
        if (rule->confidence)
            json_bytes(&json, "confidence", rule->confidence, strlen(rule->confidence));
        json_bytes(&json, "file", rule->path, strlen(rule->path));
        json_uint(&json, "line", rule->line);
        list_overrides_json(&json, set, i);
        json_close_object(&json);
        printf("%.*s\n", (int)json.len, json.data);
    }
    json_free(&json);
}

/* "silenced by ours.yar:3; low by ours.yar:9 where it holds": every override that may apply, the strongest last. */
static void describe_overrides(const struct rule_set *set, uint32_t index, char *text, size_t size)
{
    const struct rule_override *overrides;
    uint32_t count = rule_set_overrides(set, index, &overrides);
    size_t len = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && len + 1 < size; i++) {
        const struct rule_override *o = &overrides[i];
        const char *what = o->silences  ? "silenced"
                           : o->rule    ? RULES_SEVERITIES[o->rule->severity]
                           : o->enables ? "enabled"
                                        : "unchanged";
        int n = snprintf(text + len, size - len, "%s%s by %s:%u%s", len ? "; " : "", what, o->file, o->line,
                         o->always ? "" : " where it holds");
        len += n > 0 ? (size_t)n : 0;
    }
}

static int rules_list(const struct config *config, const struct string_list *paths)
{
    static const char *const header[] = {"NAME", "CATEGORY", "SEVERITY", "FILE", "OVERRIDES", "DESCRIPTION"};
    struct table table;
    char overrides[400];
    bool any = false;
    struct rule_set *set = rules_compile(config, paths);
    if (!set)
        return 2;
    if (config->json_lines) {
        list_json(set);
        rule_set_drop(set);
        return 0;
    }
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        const struct rule_override *list;
        any = any || rule_set_overrides(set, i, &list);
    }
    /* The column stands there only when there is something to say in it. */
    static const char *const plain[] = {"NAME", "CATEGORY", "SEVERITY", "FILE", "DESCRIPTION"};
    table_begin(&table, any ? 6 : 5, any ? header : plain);
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        const struct rule *enabled = rule_in_force(set, i);
        const struct rule *rule = enabled ? enabled : rule_set_at(set, i);
        const char *severity = enabled ? RULES_SEVERITIES[rule->severity] : "off";
        describe_overrides(set, i, overrides, sizeof(overrides));
        const char *const with[] = {rule->name, rule->category, severity, rule->file, overrides, rule->description};
        const char *const without[] = {rule->name, rule->category, severity, rule->file, rule->description};
        table_row(&table, any ? with : without);
    }
    table_print(&table, stdout);
    rule_set_drop(set);
    return 0;
}

static bool is_rule_name(const char *name)
{
    if (!*name || (*name >= '0' && *name <= '9') || strlen(name) > 127)
        return false;
    for (const char *p = name; *p; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') && *p != '_')
            return false;
    }
    return true;
}

static int rules_new(const struct string_list *names)
{
    const char *name = names->count == 1 ? names->items[0] : "";
    if (!is_rule_name(name)) {
        log_error("rules new: give one name of letters, digits and _");
        return 2;
    }
    printf("rule %s\n{\n    meta:\n"
           "        severity    = \"medium\"   // critical, high, medium, low\n"
           "        category    = \"local\"    // what the SOC files it under\n"
           "        description = \"Say what left, and why it matters\"\n"
           "        confidence  = \"medium\"   // how often it is right: high, medium, low\n"
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
    if (strcmp(what, "explain") == 0)
        return rules_explain(config, &rest);
    if (strcmp(what, "new") == 0)
        return rules_new(&rest);
    if (strcmp(what, "variables") == 0)
        return rules_variables();
    log_error("rules: say check, list, test, explain, profile, new or variables");
    return 2;
}
