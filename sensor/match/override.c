/* Overrides: rules of the user's own that silence or change a shipped rule, without an edit of its
 * file.
 *
 *      rule banners_are_fine
 *      {
 *          meta:
 *              overrides = "outbound_jpeg_photo"   // or several, separated by commas
 *              enabled = false                     // or severity = "low", category = ...
 *          condition:
 *              hostname == "www.example.com"       // where; `true` is everywhere
 *      }
 *
 * libyara has evaluated every rule before it reports the first, so when a rule is reported it is
 * known which of its overrides hold. What the rule then is was made when the rules were compiled.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"
#include "ruleset.h"

#define ITSELF UINT32_MAX /* holds_when of a rule that is not enabled: always */

struct target { /* one override of one rule */
    uint32_t rule, by;
};

struct overriding {
    struct rule_set *set;
    rule_say say;
    void *user;
    struct target *targets;
    uint32_t count;
};

static const YR_META *meta_named(const YR_RULE *yara, const char *name)
{
    const YR_META *meta;
    yr_rule_metas_foreach(yara, meta)
    {
        if (strcmp(meta->identifier, name) == 0)
            return meta;
    }
    return NULL;
}

bool rule_is_override(const YR_RULE *yara)
{
    return meta_named(yara, "overrides") != NULL;
}

static bool is_said_to_be(const YR_RULE *yara, bool enabled)
{
    const YR_META *meta = meta_named(yara, "enabled");
    return meta && meta->type != META_TYPE_STRING && (meta->integer != 0) == enabled;
}

static void say_of(const struct overriding *o, uint32_t by, const char *what, const char *name,
                   const char *near)
{
    char text[4600];
    const struct rule_place *place = &o->set->places[by];
    snprintf(text, sizeof(text), "%s:%u: warning: rule \"%s\" %s%s%s%s%s%s",
             place->source ? place->source->path : "rules", place->line,
             o->set->yara->rules_table[by].identifier, what, name, *name ? "\"" : "",
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    o->say(o->user, false, text);
}

static void add_target(struct overriding *o, uint32_t rule, uint32_t by)
{
    if ((o->count & (o->count - 1)) == 0) {
        o->targets = realloc(o->targets, (o->count ? o->count * 2 : 1) * sizeof(o->targets[0]));
        if (!o->targets)
            abort(); /* compiling rules, with no memory left for a few numbers */
    }
    o->targets[o->count++] = (struct target){rule, by};
}

const char *rule_nearest(const struct rule_set *set, const char *name)
{
    unsigned best = 4;
    const char *near = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const char *other = set->rules[i].name;
        unsigned distance = edit_distance(name, strlen(name), other, strlen(other), best);
        if (distance < best) {
            best = distance;
            near = other;
        }
    }
    return near;
}

/* Every rule of that name, in whatever file. */
static void override_name(struct overriding *o, uint32_t by, const char *name)
{
    bool found = false;
    for (uint32_t i = 0; i < o->set->count; i++) {
        if (strcmp(o->set->rules[i].name, name) != 0)
            continue;
        add_target(o, i, by);
        found = true;
    }
    if (!found)
        say_of(o, by, "overrides no rule: there is none named \"", name,
               rule_nearest(o->set, name));
}

static void read_names(struct overriding *o, uint32_t by, const char *names)
{
    char name[160];
    for (const char *at = names; *at;) {
        size_t len = strcspn(at, ", \t");
        if (len) {
            snprintf(name, sizeof(name), "%.*s", (int)len, at);
            override_name(o, by, name);
        }
        at += len + (at[len] != '\0');
    }
}

/* Says anything but `enabled`. */
static bool changes(const YR_RULE *yara)
{
    static const char *const keys[] = {"severity",  "category",   "description",
                                       "reference", "confidence", "evidence"};
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (meta_named(yara, keys[i]))
            return true;
    }
    return false;
}

static void read_override(struct overriding *o, uint32_t by)
{
    const YR_RULE *yara = &o->set->yara->rules_table[by];
    const YR_META *names = meta_named(yara, "overrides");
    if (!names) {
        if (o->set->by_yara[by] && is_said_to_be(yara, false))
            add_target(o, o->set->by_yara[by]->index, ITSELF);
        return;
    }
    if (!meta_named(yara, "enabled") && !changes(yara))
        say_of(o, by, "overrides without a change: it has neither enabled = false nor a severity",
               "", NULL);
    if (names->type == META_TYPE_STRING)
        read_names(o, by, names->string);
    else
        say_of(o, by, "has an \"overrides\" that is no rule's name in quotes", "", NULL);
}

static int by_rule(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    if (x->by == ITSELF || y->by == ITSELF) /* a rule's own word comes before those of others */
        return x->by == y->by ? 0 : x->by == ITSELF ? -1 : 1;
    return x->by < y->by ? -1 : x->by > y->by;
}

static bool is_always(const struct rule_place *place)
{
    struct rule_text text;
    if (!place->source ||
        !rule_text_read(place->source->text, place->source->len, place->name, &text))
        return false;
    struct lexer lexer = {text.condition, text.condition_end, 1};
    struct token first = lexer_next(&lexer), second = lexer_next(&lexer);
    return token_is(&first, "true") && second.kind == TOKEN_END;
}

/* The rules that can alert, and one for each override that changes one, into the book. */
static void make_book(const struct overriding *o)
{
    struct rule_set *set = o->set;
    struct rule *all = calloc((size_t)set->count + o->count + 1, sizeof(*all));
    if (!all)
        abort(); /* compiling rules, with no memory left for their names */
    memcpy(all, set->rules, set->count * sizeof(*all));
    for (uint32_t i = 0; i < o->count; i++) {
        struct rule *rule = &all[set->count + i];
        *rule = all[o->targets[i].rule];
        if (o->targets[i].by != ITSELF)
            rule_read_metadata(rule, &set->yara->rules_table[o->targets[i].by]);
    }
    for (uint32_t i = 0; i < set->yara_count; i++)
        set->by_yara[i] = set->by_yara[i] ? &all[set->by_yara[i]->index] : NULL;
    set->book = rule_book_new(all, set->count + o->count, set->digest);
    for (uint32_t i = 0; i < set->yara_count; i++)
        set->by_yara[i] = set->by_yara[i] ? &set->book->rules[set->by_yara[i]->index] : NULL;
    free(set->rules);
    free(all);
    set->rules = set->book->rules;
}

static struct rule_override make_override(const struct overriding *o, uint32_t i)
{
    const struct target *target = &o->targets[i];
    const struct rule *rule = &o->set->rules[target->rule];
    if (target->by == ITSELF)
        return (struct rule_override){rule->name, rule->file, rule->line, true,
                                      true,       false,      NULL,       ITSELF};
    const YR_RULE *yara = &o->set->yara->rules_table[target->by];
    const struct rule_place *place = &o->set->places[target->by];
    const char *path = place->source ? place->source->path : "rules";
    const char *slash = strrchr(path, '/');
    return (struct rule_override){
        .name = yara->identifier,
        .file = slash ? slash + 1 : path,
        .line = place->line,
        .always = is_always(place),
        .silences = is_said_to_be(yara, false),
        .enables = is_said_to_be(yara, true),
        .rule = changes(yara) ? &o->set->rules[o->set->count + i] : NULL,
        .holds_when = target->by,
    };
}

void rule_set_read_overrides(struct rule_set *set, rule_say say, void *user)
{
    struct overriding o = {.set = set, .say = say, .user = user};
    for (uint32_t i = 0; i < set->yara_count; i++)
        read_override(&o, i);
    if (o.count)
        qsort(o.targets, o.count, sizeof(o.targets[0]), by_rule);
    make_book(&o);
    set->overrides = calloc((size_t)o.count + 1, sizeof(*set->overrides));
    set->overrides_from = calloc((size_t)set->count + 1, sizeof(*set->overrides_from));
    if (!set->overrides || !set->overrides_from)
        abort(); /* compiling rules, with no memory left for a few numbers */
    for (uint32_t i = 0; i < o.count; i++) {
        set->overrides[i] = make_override(&o, i);
        set->overrides_from[o.targets[i].rule + 1] = i + 1;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->overrides_from[i + 1] < set->overrides_from[i])
            set->overrides_from[i + 1] = set->overrides_from[i];
    }
    free(o.targets);
}

uint32_t rule_set_overrides(const struct rule_set *set, uint32_t index,
                            const struct rule_override **overrides)
{
    *overrides = &set->overrides[set->overrides_from[index]];
    return set->overrides_from[index + 1] - set->overrides_from[index];
}

static bool holds(const struct rule_set *set, uint32_t by, const YR_SCAN_CONTEXT *context)
{
    if (by == ITSELF)
        return true;
    uint32_t space = set->yara->rules_table[by].ns->idx; /* where a global rule may say no */
    return yr_bitmask_is_set(context->rule_matches_flags, by) &&
           yr_bitmask_is_not_set(context->ns_unsatisfied_flags, space);
}

const struct rule *rule_overridden(const struct rule_set *set, const struct rule *rule,
                                   const YR_SCAN_CONTEXT *context)
{
    const struct rule *changed = NULL;
    bool decided = false;
    uint32_t first = set->overrides_from[rule->index];
    for (uint32_t i = set->overrides_from[rule->index + 1]; i > first; i--) {
        const struct rule_override *o = &set->overrides[i - 1];
        if (!holds(set, o->holds_when, context))
            continue;
        if (!decided && o->silences)
            return NULL;
        decided = decided || o->enables;
        changed = changed ? changed : o->rule;
    }
    return changed ? changed : rule;
}
