/* Making the prefilter's database. */
#include "prefilter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression.h"

struct planned { /* a string that has a syntax tree */
    struct expression narrow, wide;
};

struct prefilter_plan {
    const YR_COMPILER *compiler;
    struct planned *strings; /* by index of the YR_STRING */
    size_t count;
    /* while building */
    char **texts;
    unsigned *flags, *ids;
    uint32_t *rules; /* the YR_RULE each expression is of */
    struct prefilter_span *spans;
    size_t used, room;
};

static void *need(void *memory)
{
    if (!memory)
        abort(); /* compiling rules, with no memory left */
    return memory;
}

struct prefilter_plan *prefilter_plan_new(void)
{
    return need(calloc(1, sizeof(struct prefilter_plan)));
}

void prefilter_plan_compiler(struct prefilter_plan *plan, const YR_COMPILER *compiler)
{
    plan->compiler = compiler;
}

void prefilter_plan_tree(struct prefilter_plan *plan, const RE_AST *tree)
{
    size_t index = plan->compiler->current_string_idx;
    if (index >= plan->count) {
        size_t count = (index + 64) * 2;
        plan->strings = need(realloc(plan->strings, count * sizeof(plan->strings[0])));
        memset(plan->strings + plan->count, 0, (count - plan->count) * sizeof(plan->strings[0]));
        plan->count = count;
    }
    struct planned *p = &plan->strings[index];
    free(p->narrow.text);
    free(p->wide.text);
    p->narrow = expression_of_tree(tree, false);
    p->wide = expression_of_tree(tree, true);
}

void prefilter_plan_free(struct prefilter_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->strings[i].narrow.text);
        free(plan->strings[i].wide.text);
    }
    for (size_t i = 0; i < plan->used; i++)
        free(plan->texts[i]);
    free(plan->strings);
    free(plan->texts);
    free(plan->flags);
    free(plan->ids);
    free(plan->rules);
    free(plan->spans);
    free(plan);
}

/* Takes the expression's text. */
static bool add(struct prefilter_plan *plan, const YR_STRING *string, struct expression expression)
{
    if (!expression.text)
        return false;
    if (plan->used == plan->room) {
        plan->room = plan->room ? plan->room * 2 : 64;
        plan->texts = need(realloc(plan->texts, plan->room * sizeof(plan->texts[0])));
        plan->flags = need(realloc(plan->flags, plan->room * sizeof(plan->flags[0])));
        plan->ids = need(realloc(plan->ids, plan->room * sizeof(plan->ids[0])));
        plan->rules = need(realloc(plan->rules, plan->room * sizeof(plan->rules[0])));
        plan->spans = need(realloc(plan->spans, plan->room * sizeof(plan->spans[0])));
    }
    size_t i = plan->used++;
    plan->texts[i] = expression.text;
    plan->flags[i] = (STRING_IS_DOT_ALL(string) || STRING_IS_HEX(string) ? HS_FLAG_DOTALL : 0) |
                     (STRING_IS_NO_CASE(string) ? HS_FLAG_CASELESS : 0);
    plan->ids[i] = (unsigned)i;
    plan->rules[i] = string->rule_idx;
    plan->spans[i] = (struct prefilter_span){expression.before + PREFILTER_EDGE,
                                             expression.after + PREFILTER_EDGE, STRING_IS_CHAIN_PART(string)};
    return true;
}

/* Text and plain hex. libyara tries xor with whatever key the first byte gives. */
static bool add_bytes(struct prefilter_plan *plan, const YR_STRING *string)
{
    bool wide = STRING_IS_WIDE(string), narrow = STRING_IS_ASCII(string) || !wide;
    unsigned keys = STRING_IS_XOR(string) ? 256 : 1;
    for (unsigned key = 0; key < keys; key++) {
        size_t len = (size_t)string->length;
        if ((narrow || keys > 1) &&
            !add(plan, string, expression_of_bytes(string->string, len, false, (uint8_t)key)))
            return false;
        if (wide && !add(plan, string, expression_of_bytes(string->string, len, true, (uint8_t)key)))
            return false;
    }
    return true;
}

static bool add_tree(struct prefilter_plan *plan, const YR_STRING *string)
{
    if (string->idx >= plan->count)
        return false;
    struct planned *p = &plan->strings[string->idx];
    bool wide = STRING_IS_WIDE(string);
    bool narrow =
        STRING_IS_ASCII(string) || STRING_IS_BASE64(string) || STRING_IS_BASE64_WIDE(string) || !wide;
    bool fine = true;
    if (narrow) {
        fine = add(plan, string, p->narrow);
        p->narrow.text = NULL;
    }
    if (wide) {
        fine = add(plan, string, p->wide) && fine;
        p->wide.text = NULL;
    }
    return fine;
}

static bool add_string(struct prefilter_plan *plan, const YR_STRING *string)
{
    if (STRING_IS_CHAIN_PART(string)) /* the first piece's tree is the whole string's */
        return string->chained_to ? true : add_tree(plan, string);
    return STRING_IS_LITERAL(string) ? add_bytes(plan, string) : add_tree(plan, string);
}

static void __attribute__((format(printf, 3, 4)))
make_blind(struct prefilter *prefilter, uint32_t rule, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    prefilter->blind = true;
    prefilter->blind_rule = rule;
    if (vasprintf(&prefilter->reason, format, args) < 0)
        prefilter->reason = NULL;
    va_end(args);
}

static void compile(struct prefilter *prefilter, struct prefilter_plan *plan)
{
    hs_compile_error_t *error = NULL;
    if (!plan->used)
        return;
    hs_error_t result =
        hs_compile_multi((const char *const *)plan->texts, plan->flags, plan->ids, (unsigned)plan->used,
                         HS_MODE_STREAM, NULL, &prefilter->database, &error);
    if (result != HS_SUCCESS) {
        int at = error ? error->expression : -1;
        make_blind(prefilter, at >= 0 ? plan->rules[at] : 0, "Hyperscan refuses /%.200s/: %s",
                   at >= 0 ? plan->texts[at] : "", error ? error->message : "no memory");
        hs_free_compile_error(error);
        prefilter->database = NULL;
        return;
    }
    hs_stream_size(prefilter->database, &prefilter->stream_size);
    prefilter->spans = plan->spans;
    prefilter->count = (uint32_t)plan->used;
    plan->spans = NULL;
}

struct prefilter *prefilter_build(struct prefilter_plan *plan, const YR_RULES *rules)
{
    struct prefilter *prefilter = need(calloc(1, sizeof(*prefilter)));
    for (uint32_t i = 0; i < rules->num_strings; i++) {
        const YR_STRING *string = &rules->strings_table[i];
        if (add_string(plan, string))
            continue;
        make_blind(prefilter, string->rule_idx, "%s can match with no byte of its own", string->identifier);
        return prefilter;
    }
    compile(prefilter, plan);
    return prefilter;
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    hs_free_database(prefilter->database);
    free(prefilter->spans);
    free(prefilter->reason);
    free(prefilter);
}
