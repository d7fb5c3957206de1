/* What compiles, and yet is hardly what its author meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lexer.h"
#include "lint.h"

static const char *const KEYS[] = {"severity",   "category", "description", "reference",
                                   "confidence", "evidence", "enabled",     "overrides"};
#define KEY_COUNT (sizeof(KEYS) / sizeof(KEYS[0]))
#define KEYS_WANTED 3 /* the first of them */

struct linting {
    const struct rule_set *set;
    const struct source *source;
    rule_say say;
    void *user;
    bool told[FACT_COUNT]; /* once a file */
};

static void __attribute__((format(printf, 4, 5)))
warn(const struct linting *l, const char *path, unsigned line, const char *format, ...)
{
    char text[4600];
    int n = snprintf(text, sizeof(text), "%s:%u: warning: ", path, line);
    if (n < 0 || (size_t)n >= sizeof(text))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
    va_end(args);
    l->say(l->user, false, text);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(word, *words) == 0)
            return true;
    }
    return false;
}

struct linted { /* a rule that alerts, or an override */
    const char *name, *path;
    unsigned line;
};

static void lint_value(const struct linting *l, const struct linted *rule, const YR_META *meta)
{
    static const char *const severities[] = {"critical", "high", "medium", "low", NULL};
    static const char *const confidences[] = {"high", "medium", "low", NULL};
    bool text = meta->type == META_TYPE_STRING;
    if (strcmp(meta->identifier, "severity") == 0) {
        if (text ? !is_one_of(meta->string, severities) : meta->integer < 1 || meta->integer > 4)
            warn(l, rule->path, rule->line,
                 "rule \"%s\": severity is critical, high, medium or low; this one counts as medium", rule->name);
    } else if (strcmp(meta->identifier, "confidence") == 0) {
        if (!text || !is_one_of(meta->string, confidences))
            warn(l, rule->path, rule->line, "rule \"%s\": confidence is high, medium or low", rule->name);
    } else if (strcmp(meta->identifier, "enabled") == 0) {
        if (text)
            warn(l, rule->path, rule->line, "rule \"%s\": enabled is true or false, without quotes", rule->name);
    } else if (!text && is_one_of(meta->identifier, (const char *const[]){"category", "description", NULL})) {
        warn(l, rule->path, rule->line, "rule \"%s\": %s is a text in quotes", rule->name, meta->identifier);
    }
}

/* A key of the author's own is fine; one that is nearly ours is a slip. */
static void lint_key(const struct linting *l, const struct linted *rule, const char *key)
{
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (strcmp(key, KEYS[i]) == 0)
            return;
    }
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        if (edit_distance(key, strlen(key), KEYS[i], strlen(KEYS[i]), 2) <= 2)
            warn(l, rule->path, rule->line, "rule \"%s\": nobody reads metadata \"%s\"; did you mean \"%s\"?",
                 rule->name, key, KEYS[i]);
    }
}

static void lint_rule(const struct linting *l, const YR_RULE *yara, const struct rule_place *place)
{
    const struct linted linted = {yara->identifier, place->source ? place->source->path : "rules", place->line};
    const struct linted *rule = &linted;
    bool has[KEYS_WANTED] = {false};
    const YR_META *meta;
    yr_rule_metas_foreach(yara, meta)
    {
        for (unsigned i = 0; i < KEYS_WANTED; i++)
            has[i] = has[i] || strcmp(meta->identifier, KEYS[i]) == 0;
        lint_key(l, rule, meta->identifier);
        lint_value(l, rule, meta);
    }
    if (rule_is_override(yara))
        return; /* it says only what it changes */
    static const char *const instead[] = {"it counts as medium", "it counts as \"uncategorised\"",
                                          "whoever reads the alert has only its name"};
    for (unsigned i = 0; i < KEYS_WANTED; i++) {
        if (!has[i])
            warn(l, rule->path, rule->line, "rule \"%s\" has no metadata \"%s\": %s", rule->name, KEYS[i],
                 instead[i]);
    }
}

struct linted_condition {
    const struct linting *lint;
    const char *path, *name;
};

static void on_condition(void *user, unsigned line, const char *message)
{
    const struct linted_condition *at = user;
    warn(at->lint, at->path, line, "rule \"%s\": %s", at->name, message);
}

static void lint_rule_condition(const struct linting *l, const YR_RULE *yara, const struct rule_place *place)
{
    struct rule_text text;
    struct condition condition;
    const struct source *source = place->source;
    if (!source || !rule_text_read(source->text, source->len, place->name, &text) ||
        !condition_read(&condition, text.condition, text.condition_end, text.condition_line))
        return;
    lint_condition(&condition, on_condition, &(struct linted_condition){l, source->path, yara->identifier});
    condition_free(&condition);
}

static void on_word(void *user, enum source_word kind, const char *word, size_t len, unsigned line)
{
    struct linting *l = user;
    static const char entry_point[] = "entrypoint";
    if (kind == WORD_PLAIN && l->set->prefilter && len == sizeof(entry_point) - 1 &&
        memcmp(word, entry_point, len) == 0)
        warn(l, l->source->path, line,
             "\"entrypoint\" makes the prefilter useless, so libyara has to read every byte: pe.entry_point and "
             "elf.entry_point say the same without");
    for (unsigned i = 0; kind == WORD_PLAIN && i < FACT_COUNT; i++) {
        const struct fact_info *fact = &FACT_INFO[i];
        if (fact->built || l->told[i] || strlen(fact->name) != len || memcmp(fact->name, word, len) != 0)
            continue;
        l->told[i] = true;
        warn(l, l->source->path, line, "nothing sets \"%s\" yet: it always has its neutral value", fact->name);
    }
}

static void lint_prefilter(const struct linting *l)
{
    const struct prefilter *prefilter = l->set->prefilter;
    if (!prefilter || !prefilter->blind)
        return;
    const struct rule_place *place = &l->set->places[prefilter->blind_rule];
    warn(l, place->source ? place->source->path : "rules", place->line,
         "rule \"%s\" makes the prefilter useless, so libyara has to read every byte: %s",
         l->set->yara->rules_table[prefilter->blind_rule].identifier, prefilter->reason ? prefilter->reason : "");
}

void rule_set_lint(const struct rule_set *set, rule_say say, void *user)
{
    struct linting l = {.set = set, .say = say, .user = user};
    for (uint32_t i = 0; i < set->yara_count; i++) {
        const YR_RULE *yara = &set->yara->rules_table[i];
        if (set->by_yara[i] || rule_is_override(yara))
            lint_rule(&l, yara, &set->places[i]);
        lint_rule_condition(&l, yara, &set->places[i]);
    }
    for (size_t i = 0; i < set->sources.count; i++) {
        l.source = &set->sources.items[i];
        memset(l.told, 0, sizeof(l.told));
        source_words(l.source->text, l.source->len, on_word, &l);
    }
    lint_prefilter(&l);
}
