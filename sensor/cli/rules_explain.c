/* `dlp-sensor rules explain RULE [FILE]...`: why a rule holds for a file or does not, part by part
 * of its condition, with the facts each part names and where each string was found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file_run.h"
#include "cli/rules.h"
#include "cli/table.h"
#include "explain.h"
#include "log.h"
#include "rule_load.h"

#define SHOWN 96 /* characters of a part */

struct explaining {
    const struct config *config;
    struct explanation *explanation;
    const char *path; /* NULL: a flow */
};

static void on_match(void *user, const struct object *object, const struct match *match)
{
    struct explaining *x = user;
    (void)object;
    explanation_match(x->explanation, match);
}

static void on_transfer(void *user, struct fact_set *facts)
{
    const struct explaining *x = user;
    rules_apply_facts(x->config, facts); /* tried before: it says nothing */
}

/* A part's words on one line, comments and all. */
static void part_text(const struct explained_part *part, char *out, size_t size)
{
    size_t n = 0;
    bool blank = false;
    for (size_t i = 0; i < part->len && n + 4 < size && n < SHOWN; i++) {
        bool is_blank = strchr(" \t\r\n", part->text[i]) != NULL;
        if (!is_blank && blank && n)
            out[n++] = ' ';
        blank = is_blank;
        if (!is_blank)
            out[n++] = part->text[i];
    }
    snprintf(out + n, size - n, "%s", n >= SHOWN ? "..." : "");
}

static void fact_value(const struct fact_set *facts, enum fact_id id, char *out, size_t size)
{
    const struct fact_info *info = &FACT_INFO[id];
    if (info->type == FACT_TYPE_TEXT)
        snprintf(out, size, "%s is \"%s\"", info->name, fact_text(facts, id));
    else if (info->type == FACT_TYPE_REAL)
        snprintf(out, size, "%s is %.3f", info->name, fact_real(facts, id));
    else if (info->type == FACT_TYPE_BOOL)
        snprintf(out, size, "%s is %s", info->name, fact_int(facts, id) ? "true" : "false");
    else
        snprintf(out, size, "%s is %lld", info->name, (long long)fact_int(facts, id));
}

static void print_parts(const struct explanation *e, const struct fact_set *facts)
{
    static const char *const joins[] = {"all of", "any of", "not", "", ""};
    struct table table;
    char text[200], row[300], values[600];
    table_begin(&table, 4, NULL);
    for (uint32_t i = 0; i < e->part_count; i++) {
        const struct explained_part *part = &e->parts[i];
        size_t n = 0;
        char line[32];
        values[0] = '\0';
        for (unsigned f = 0; f < part->fact_count && n + 2 < sizeof(values); f++) {
            n += (size_t)snprintf(values + n, sizeof(values) - n, "%s", f ? ", " : "");
            fact_value(facts, part->facts[f], values + n, sizeof(values) - n);
            n += strlen(values + n);
        }
        part_text(part, text, sizeof(text));
        const char *words = part->kind == EXPLAINED_LEAF ? text : joins[part->kind];
        if (part->kind == EXPLAINED_GLOBAL)
            snprintf(row, sizeof(row), "global rule %s", text);
        else
            snprintf(row, sizeof(row), "%*s%s", (int)(2 * part->depth), "", words);
        snprintf(line, sizeof(line), "line %u", part->line);
        table_row(&table,
                  (const char *const[]){part->holds ? "  holds" : "  FAILS", line, row, values});
    }
    table_print(&table, stdout);
}

static void print_strings(const struct explanation *e)
{
    struct table table;
    char where[160];
    if (!e->string_count)
        return;
    table_begin(&table, 3, NULL);
    for (unsigned i = 0; i < e->string_count; i++) {
        const struct explained_string *s = &e->strings[i];
        snprintf(where, sizeof(where), "not found");
        if (s->found)
            snprintf(where, sizeof(where), "first at %llu, %u bytes, %u time%s",
                     (unsigned long long)s->match.offset, s->match.length, s->match.count,
                     s->match.count == 1 ? "" : "s");
        table_row(&table, (const char *const[]){"  string", s->identifier, where});
    }
    table_print(&table, stdout);
}

/* What became of it, which the condition alone does not tell. */
static const char *verdict(const struct explanation *e)
{
    bool globals = true;
    for (uint32_t i = 0; i < e->part_count; i++)
        globals = globals && (e->parts[i].kind != EXPLAINED_GLOBAL || e->parts[i].holds);
    if (!e->evaluated)
        return "is not evaluated: a global rule of a file it includes does not hold, or the scan "
               "failed";
    if (!e->parts[0].holds)
        return "does not hold";
    if (!globals)
        return "holds, but raises no alert: a global rule of its file does not hold";
    if (!e->raised)
        return "holds, but raises no alert: it is private, an override, or silenced (see rules "
               "list)";
    return "holds";
}

static void on_object(void *user, const struct object *object, const struct fact_set *facts)
{
    struct explaining *x = user;
    const struct explanation *e = x->explanation;
    struct table title;
    char path[4600];
    int n = snprintf(path, sizeof(path), "%.4000s", object ? x->path : "a flow");
    for (unsigned i = 0; object && i < object->path_count && n > 0 && (size_t)n < sizeof(path); i++)
        n += snprintf(path + n, sizeof(path) - (size_t)n, " > %s", object->path[i]);
    table_begin(&title, 1, (const char *const[]){path}); /* names are made safe to print */
    table_print(&title, stdout);
    printf("%s (%s:%u) %s%s%s\n", e->rule, e->file, e->line, verdict(e),
           e->raised ? ", severity " : "", e->raised ? RULES_SEVERITIES[e->severity] : "");
    print_parts(e, facts);
    print_strings(e);
    explanation_begin(x->explanation);
}

static bool explain_one(struct explaining *x, const char *path)
{
    const struct file_hooks hooks = {x, on_object, on_match, on_transfer};
    x->path = path;
    explanation_begin(x->explanation);
    if (path)
        return file_run(x->config, x->explanation->set, path, &hooks);
    file_run_flow(x->config, x->explanation->set, &hooks);
    return true;
}

int rules_explain(const struct config *config, const struct string_list *operands)
{
    struct explaining x = {.config = config};
    const struct string_list *paths = &config->rule_paths;
    struct fact_set facts;
    int code = 0;
    fact_set_clear(&facts);
    if (!rules_apply_facts(config, &facts))
        return 2;
    bool flow = strcmp(fact_text(&facts, FACT_object_type), "flow") == 0;
    if (!operands->count || (operands->count == 1 && !flow)) {
        log_error("rules explain: name a rule and at least one file, or a flow with --fact "
                  "object_type=flow");
        return 2;
    }
    x.explanation = explanation_new((const char *const *)paths->items, paths->count,
                                    operands->items[0], rule_load_say, NULL);
    struct lists *lists = x.explanation ? rule_load_lists(config, rule_load_say, NULL) : NULL;
    if (!lists) {
        explanation_free(x.explanation);
        return 2;
    }
    rule_set_give_lists(x.explanation->set, lists);
    if (operands->count == 1)
        explain_one(&x, NULL);
    for (size_t i = 1; i < operands->count; i++) {
        if (!explain_one(&x, operands->items[i]))
            code = 1;
    }
    explanation_free(x.explanation);
    return code;
}
