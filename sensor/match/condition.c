/* Recursive descent over `or`, `and`, `not` and parentheses, which bind in this order in YARA. */
#include "condition.h"

#include <stdlib.h>
#include <string.h>

#include "lexer.h"

#define DEPTH_MAX 64
#define PARTS_MAX 4096

struct condition_reader {
    struct condition *condition;
    struct lexer lexer;
    struct token token; /* the next one */
    const char *last;   /* end of the one before it */
    bool failed;
};

static void step(struct condition_reader *r)
{
    r->last = r->token.start + r->token.len;
    r->token = lexer_next(&r->lexer);
}

static uint32_t add_part(struct condition_reader *r, enum condition_kind kind)
{
    struct condition *c = r->condition;
    if (c->count == PARTS_MAX) {
        r->failed = true;
        return 0;
    }
    if ((c->count & (c->count - 1)) == 0) {
        c->parts = realloc(c->parts, (c->count ? c->count * 2 : 1) * sizeof(c->parts[0]));
        if (!c->parts)
            abort(); /* reading rules, with no memory left for a condition */
    }
    c->parts[c->count] = (struct condition_part){.kind = kind,
                                                 .text = {r->token.start, 0},
                                                 .line = r->token.line,
                                                 .first = CONDITION_NONE,
                                                 .next = CONDITION_NONE,
                                                 .parent = CONDITION_NONE};
    return c->count++;
}

static void end_part(struct condition_reader *r, uint32_t part)
{
    struct condition_text *text = &r->condition->parts[part].text;
    text->len = r->last > text->start ? (size_t)(r->last - text->start) : 0; /* nothing stood there */
}

static void adopt(struct condition_reader *r, uint32_t parent, uint32_t child)
{
    struct condition_part *parts = r->condition->parts;
    uint32_t *at = &parts[parent].first;
    while (*at != CONDITION_NONE)
        at = &parts[*at].next;
    *at = child;
    parts[child].parent = parent;
}

static bool is_join(const struct token *token)
{
    return token_is(token, "and") || token_is(token, "or");
}

/* Whether the parenthesis at hand holds a whole part: `(a or b) and c`, unlike `(a + b) > c`. */
static bool is_group(const struct condition_reader *r)
{
    struct lexer lexer = r->lexer;
    unsigned depth = 1;
    while (depth) {
        struct token t = lexer_next(&lexer);
        if (t.kind == TOKEN_END)
            return false;
        depth += token_is(&t, "(") ? 1u : 0u;
        depth -= token_is(&t, ")") ? 1u : 0u;
    }
    struct token after = lexer_next(&lexer);
    return after.kind == TOKEN_END || is_join(&after) || token_is(&after, ")");
}

static bool is_comparison(const struct token *token)
{
    static const char *const operators[] = {
        "==",        "!=",         "<",           "<=",       ">",         ">=",      "contains",
        "icontains", "startswith", "istartswith", "endswith", "iendswith", "iequals", "matches"};
    for (unsigned i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (token_is(token, operators[i]))
            return true;
    }
    return false;
}

static uint32_t read_leaf(struct condition_reader *r)
{
    uint32_t part = add_part(r, CONDITION_LEAF);
    struct condition_part leaf = {.left = {NULL, 0}};
    unsigned depth = 0, comparisons = 0;
    while (r->token.kind != TOKEN_END &&
           (depth || (!is_join(&r->token) && !token_is(&r->token, ")")))) {
        depth += token_is(&r->token, "(") ? 1u : 0u;
        depth -= token_is(&r->token, ")") ? 1u : 0u;
        if (depth == 0 && is_comparison(&r->token) && ++comparisons == 1) {
            const char *start = r->condition->parts[part].text.start;
            leaf.left = (struct condition_text){start, (size_t)(r->last - start)};
            leaf.operator=(struct condition_text){r->token.start, r->token.len};
            leaf.right.start = NULL;
        } else if (comparisons == 1 && !leaf.right.start) {
            leaf.right.start = r->token.start;
        }
        step(r);
    }
    end_part(r, part);
    struct condition_part *p = &r->condition->parts[part];
    r->failed = r->failed || depth || !p->text.len;
    if (comparisons == 1 && leaf.right.start && leaf.left.len) {
        p->left = leaf.left;
        p->operator= leaf.operator;
        p->right = (struct condition_text){leaf.right.start, (size_t)(r->last - leaf.right.start)};
    }
    return part;
}

static uint32_t read_or(struct condition_reader *r, unsigned depth);

static uint32_t read_not(struct condition_reader *r, unsigned depth)
{
    if (depth >= DEPTH_MAX || r->failed) {
        r->failed = true;
        return 0;
    }
    if (token_is(&r->token, "not")) {
        uint32_t part = add_part(r, CONDITION_NOT);
        step(r);
        uint32_t child = read_not(r, depth + 1);
        if (r->failed)
            return 0;
        adopt(r, part, child);
        end_part(r, part);
        return part;
    }
    if (!token_is(&r->token, "(") || !is_group(r))
        return read_leaf(r);
    step(r);
    uint32_t part = read_or(r, depth + 1);
    step(r);
    return part;
}

/* Parts joined by `word`; one alone is itself. */
static uint32_t read_joined(struct condition_reader *r, unsigned depth, const char *word,
                            enum condition_kind kind,
                            uint32_t (*read)(struct condition_reader *r, unsigned depth))
{
    const struct token start = r->token;
    uint32_t first = read(r, depth);
    if (r->failed || !token_is(&r->token, word))
        return first;
    uint32_t part = add_part(r, kind);
    r->condition->parts[part].text.start = start.start;
    r->condition->parts[part].line = start.line;
    if (!r->failed)
        adopt(r, part, first);
    while (!r->failed && token_is(&r->token, word)) {
        step(r);
        uint32_t child = read(r, depth);
        if (!r->failed)
            adopt(r, part, child);
    }
    if (!r->failed)
        end_part(r, part);
    return part;
}

static uint32_t read_and(struct condition_reader *r, unsigned depth)
{
    return read_joined(r, depth, "and", CONDITION_AND, read_not);
}

static uint32_t read_or(struct condition_reader *r, unsigned depth)
{
    return read_joined(r, depth, "or", CONDITION_OR, read_and);
}

bool condition_read(struct condition *condition, const char *start, const char *end, unsigned line)
{
    struct condition_reader r = {
        .condition = condition, .lexer = {start, end, line}, .last = start};
    memset(condition, 0, sizeof(*condition));
    r.token = lexer_next(&r.lexer);
    condition->root = read_or(&r, 0);
    if (!r.failed && r.token.kind == TOKEN_END)
        return true;
    condition_free(condition);
    return false;
}

void condition_free(struct condition *condition)
{
    free(condition->parts);
    memset(condition, 0, sizeof(*condition));
}
