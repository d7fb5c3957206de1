/* The rules with one more rule for each part of the condition in question:
 *
 *      rule dlp_part_3 { strings: (as in the rule) condition: (the part) and (true or any of them)
 * }
 *
 * `any of them` is there because YARA refuses strings that a condition does not name. One rule
 * always holds and so tells where every string was found. The word `global` is blanked in the file:
 * a global rule that does not hold would silence the parts too; it is a part of its own instead. */
#include "explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "condition.h"
#include "lexer.h"
#include "ruleset.h"

#define ALWAYS "dlp_part_always"
#define PART "dlp_part_"

struct text_writer {
    char *data;
    size_t len;
};

static void *need(void *memory)
{
    if (!memory)
        abort(); /* a command at a terminal, with no memory left */
    return memory;
}

static void put(struct text_writer *w, const char *text, size_t len)
{
    w->data = need(realloc(w->data, w->len + len + 1));
    memcpy(w->data + w->len, text, len);
    w->len += len;
    w->data[w->len] = '\0';
}

static void put_text(struct text_writer *w, const char *text)
{
    put(w, text, strlen(text));
}

static void add_part(struct explanation *e, enum explained_kind kind, unsigned depth,
                     const char *text, size_t len, unsigned line)
{
    e->parts = need(realloc(e->parts, (e->part_count + 1) * sizeof(e->parts[0])));
    e->parts[e->part_count++] = (struct explained_part){
        .kind = kind, .depth = depth, .text = text, .len = len, .line = line};
}

static void find_facts(struct explained_part *part)
{
    struct lexer lexer = {part->text, part->text + part->len, 1};
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END; t = lexer_next(&lexer)) {
        for (unsigned i = 0; t.kind == TOKEN_WORD && i < FACT_COUNT; i++) {
            if (token_is(&t, FACT_INFO[i].name) && part->fact_count < EXPLAINED_FACTS_MAX)
                part->facts[part->fact_count++] = (enum fact_id)i;
        }
    }
}

/* The tree flattened: each part before its own. condition_read bounds the depth. */
static void add_condition(struct explanation *e, const struct condition *c, uint32_t index,
                          unsigned depth)
{
    static const enum explained_kind kinds[] = {[CONDITION_AND] = EXPLAINED_ALL,
                                                [CONDITION_OR] = EXPLAINED_ANY,
                                                [CONDITION_NOT] = EXPLAINED_NOT,
                                                [CONDITION_LEAF] = EXPLAINED_LEAF};
    const struct condition_part *part = &c->parts[index];
    add_part(e, kinds[part->kind], depth, part->text.start, part->text.len, part->line);
    if (part->kind == CONDITION_LEAF)
        find_facts(&e->parts[e->part_count - 1]);
    for (uint32_t i = part->first; i != CONDITION_NONE; i = c->parts[i].next)
        add_condition(e, c, i, depth + 1);
}

static void read_parts(struct explanation *e, const struct rule_text *text)
{
    struct condition condition;
    if (condition_read(&condition, text->condition, text->condition_end, text->condition_line)) {
        add_condition(e, &condition, condition.root, 0);
        condition_free(&condition);
        return;
    }
    add_part(e, EXPLAINED_LEAF, 0, text->condition, (size_t)(text->condition_end - text->condition),
             text->condition_line);
    find_facts(&e->parts[0]);
}

static void read_strings(struct explanation *e, const struct rule_text *text)
{
    struct lexer lexer = {text->strings, text->strings_end, 1};
    struct token before = {0}, name = {0};
    if (!text->strings)
        return;
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END;
         before = t, t = lexer_next(&lexer)) {
        if (token_is(&before, "$") && t.start == before.start + 1 && t.kind == TOKEN_WORD)
            name = t;
        if (token_is(&t, "=") && name.start && e->string_count < EXPLAINED_STRINGS_MAX) {
            struct explained_string *s = &e->strings[e->string_count++];
            snprintf(s->identifier, sizeof(s->identifier), "$%.*s", (int)name.len, name.start);
            name.start = NULL;
        }
    }
}

static void put_rule(struct text_writer *w, const struct rule_text *text, const char *name,
                     const char *condition, size_t len)
{
    put_text(w, "\nrule ");
    put_text(w, name);
    put_text(w, " {\n");
    if (text->strings) {
        put_text(w, "strings:");
        put(w, text->strings, (size_t)(text->strings_end - text->strings));
    }
    put_text(w, "\ncondition: (");
    put(w, condition, len);
    put_text(w, "\n)"); /* the part may end in a comment */
    put_text(w, text->strings ? " and (true or any of them) }\n" : " }\n");
}

/* Global rules become ordinary ones, and parts. */
static void blank_globals(struct explanation *e, char *text, size_t len)
{
    struct lexer lexer = {text, text + len, 1};
    bool global = false;
    struct token before = {0};
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END;
         before = t, t = lexer_next(&lexer)) {
        if (token_is(&t, "global") && t.kind == TOKEN_WORD) {
            memset(text + (t.start - text), ' ', t.len);
            global = true;
        } else if (global && token_is(&before, "rule")) {
            add_part(e, EXPLAINED_GLOBAL, 0, t.start, t.len, t.line);
            global = false;
        }
    }
}

/* The file with its parts; `text` was read from e->texts. */
static char *parted(struct explanation *e, const struct rule_text *text, size_t len)
{
    struct text_writer w = {NULL, 0};
    char name[40];
    put(&w, e->texts, (size_t)(text->end - e->texts));
    put_rule(&w, text, ALWAYS, "true", 4);
    for (uint32_t i = 0; i < e->part_count; i++) {
        const struct explained_part *part = &e->parts[i];
        snprintf(name, sizeof(name), PART "%u", i);
        if (part->kind != EXPLAINED_GLOBAL)
            put_rule(&w, text, name, part->text, part->len);
    }
    put(&w, text->end, len - (size_t)(text->end - e->texts));
    for (uint32_t i = 0; i < e->part_count; i++) { /* a rule can only be named after it */
        static const struct rule_text none;
        snprintf(name, sizeof(name), PART "%u", i);
        if (e->parts[i].kind == EXPLAINED_GLOBAL)
            put_rule(&w, &none, name, e->parts[i].text, e->parts[i].len);
    }
    return w.data;
}

/* Where the rule of that name stands: one that alerts before others. */
static const struct rule_place *find_place(const struct rule_set *set, const char *name)
{
    const struct rule_place *found = NULL;
    for (uint32_t i = 0; i < set->yara_count; i++) {
        if (strcmp(set->yara->rules_table[i].identifier, name) == 0 && set->places[i].source &&
            (!found || set->by_yara[i]))
            found = &set->places[i];
    }
    return found;
}

static void say_no_rule(const struct rule_set *set, const char *name, rule_say say, void *user)
{
    char text[400];
    const char *near = rule_nearest(set, name);
    snprintf(text, sizeof(text), "there is no rule \"%.120s\"%s%s%s", name,
             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    say(user, true, text);
}

static void say_nothing(void *user, bool error, const char *message)
{
    (void)user;
    (void)error;
    (void)message;
}

static struct explanation *take_apart(const struct source *source, const struct rule_place *place)
{
    struct explanation *e = need(calloc(1, sizeof(*e)));
    struct rule_text text;
    size_t path_len = strlen(source->path);
    /* Texts that outlive the first set: the file, its path, the rule's name. */
    e->texts = need(malloc(source->len + 1 + path_len + 1 + 256));
    memcpy(e->texts, source->text, source->len + 1);
    char *path = e->texts + source->len + 1, *name = path + path_len + 1;
    memcpy(path, source->path, path_len + 1);
    if (!rule_text_read(e->texts, source->len, e->texts + (place->name - source->text), &text)) {
        explanation_free(e);
        return NULL;
    }
    snprintf(name, 256, "%.*s", (int)text.name_len, text.name);
    e->rule = name;
    e->file = path;
    e->line = text.line;
    read_parts(e, &text);
    read_strings(e, &text);
    blank_globals(e, e->texts, source->len);
    return e;
}

struct explanation *explanation_new(const char *const *paths, size_t count, const char *rule,
                                    rule_say say, void *user)
{
    struct rule_set *set = rule_set_compile(paths, count, false, say, user);
    const struct rule_place *place = set ? find_place(set, rule) : NULL;
    if (set && !place)
        say_no_rule(set, rule, say, user);
    struct explanation *e = place ? take_apart(place->source, place) : NULL;
    if (e) {
        struct rule_text text;
        rule_text_read(e->texts, place->source->len, e->texts + (place->name - place->source->text),
                       &text);
        char *instead = parted(e, &text, place->source->len);
        e->set = rule_set_compile_with(paths, count, e->file, instead, say_nothing, NULL);
        free(instead);
    }
    rule_set_drop(set);
    if (!e || e->set)
        return e;
    say(user, true, "the rule cannot be taken apart: its parts do not compile alone");
    explanation_free(e);
    return NULL;
}

void explanation_free(struct explanation *e)
{
    if (!e)
        return;
    rule_set_drop(e->set);
    free(e->parts);
    free(e->texts);
    free(e);
}

void explanation_begin(struct explanation *e)
{
    e->evaluated = e->raised = false;
    for (uint32_t i = 0; i < e->part_count; i++)
        e->parts[i].holds = false;
    for (unsigned i = 0; i < e->string_count; i++)
        e->strings[i].found = false;
}

static void note_strings(struct explanation *e, const struct match *match)
{
    for (uint32_t n = 0; n < match->string_count; n++) {
        for (unsigned i = 0; i < e->string_count; i++) {
            if (strcmp(e->strings[i].identifier, match->strings[n].identifier) != 0)
                continue;
            e->strings[i].found = true;
            e->strings[i].match = match->strings[n];
            e->strings[i].match.identifier = NULL;
        }
    }
}

void explanation_match(struct explanation *e, const struct match *match)
{
    const char *name = match->rule->name;
    char *end;
    if (strcmp(name, e->rule) == 0 && strcmp(match->rule->path, e->file) == 0) {
        e->raised = true;
        e->severity = match->rule->severity;
    } else if (strcmp(name, ALWAYS) == 0) {
        e->evaluated = true;
        note_strings(e, match);
    } else if (strncmp(name, PART, strlen(PART)) == 0) {
        unsigned long part = strtoul(name + strlen(PART), &end, 10);
        if (!*end && part < e->part_count)
            e->parts[part].holds = true;
    }
}
