/* See gate.h. Precedence as in YARA's grammar, loosest first: or, and, not, comparison. An operand that is not one of
 * the few forms known here is unknown, so a construct nobody thought of costs speed, never an alert. */
#include "gate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lexer.h"

#define DEPTH_MAX 32
#define TOKENS_MAX 4096 /* of one condition; a longer one is unknown */

enum verdict { FALSE, UNKNOWN, TRUE }; /* their order makes `and` the least and `or` the greatest */

enum node_kind { NODE_UNKNOWN, NODE_CONSTANT, NODE_AND, NODE_OR, NODE_NOT, NODE_NUMBER, NODE_REAL, NODE_TEXT };

enum relation { EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, CONTAINS, BEGINS, ENDS };

struct node {
    enum node_kind kind;
    enum relation relation;
    bool caseless;
    enum fact_id fact;
    union {
        int64_t number; /* NODE_CONSTANT too */
        double real;
        struct {
            const char *at; /* in the source, which the rule set owns */
            size_t len;
        } text;
    } value;
    uint32_t first, next; /* children; 0 ends a list */
};

struct gate {
    struct node *nodes; /* [0] is no node */
    uint32_t count, capacity;
    uint32_t *roots; /* a condition each */
    uint32_t root_count;
    bool failed;
};

struct span { /* of tokens */
    const struct token *at, *end;
};

static uint32_t add_node(struct gate *g, struct node node)
{
    if (g->count == g->capacity) {
        uint32_t capacity = g->capacity ? g->capacity * 2 : 256;
        struct node *nodes = realloc(g->nodes, capacity * sizeof(*nodes));
        if (!nodes) {
            g->failed = true;
            return 0;
        }
        g->nodes = nodes;
        g->capacity = capacity;
    }
    g->nodes[g->count] = node;
    return g->count++;
}

static uint32_t unknown(struct gate *g)
{
    return add_node(g, (struct node){.kind = NODE_UNKNOWN});
}

static bool opens(const struct token *t)
{
    return token_is(t, "(") || token_is(t, "[");
}

static bool closes(const struct token *t)
{
    return token_is(t, ")") || token_is(t, "]");
}

/* The next `word` outside parentheses, or the end. */
static const struct token *find(struct span s, const char *word)
{
    int depth = 0;
    for (const struct token *t = s.at; t < s.end; t++) {
        depth += opens(t) - closes(t);
        if (depth == 0 && token_is(t, word))
            return t;
    }
    return s.end;
}

/* Whether one pair of parentheses is around all of it. */
static bool is_wrapped(struct span s)
{
    int depth = 0;
    if (s.end - s.at < 2 || !token_is(s.at, "("))
        return false;
    for (const struct token *t = s.at; t < s.end; t++) {
        depth += opens(t) - closes(t);
        if (depth == 0)
            return t == s.end - 1;
    }
    return false;
}

static bool find_fact(const struct token *t, enum fact_id *id)
{
    for (unsigned i = 0; t->kind == TOKEN_WORD && i < FACT_COUNT; i++) {
        if (token_is(t, FACT_INFO[i].name)) {
            *id = (enum fact_id)i;
            return true;
        }
    }
    return false;
}

static bool find_relation(const struct token *t, enum relation *relation, bool *caseless)
{
    static const struct {
        const char *word;
        enum relation relation;
        bool caseless;
    } words[] = {
        {"==", EQUAL, false},         {"!=", UNEQUAL, false},        {"<", LESS, false},
        {"<=", LESS_EQUAL, false},    {">", GREATER, false},         {">=", GREATER_EQUAL, false},
        {"contains", CONTAINS, false}, {"startswith", BEGINS, false}, {"endswith", ENDS, false},
        {"icontains", CONTAINS, true}, {"istartswith", BEGINS, true}, {"iendswith", ENDS, true},
        {"iequals", EQUAL, true},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (token_is(t, words[i].word)) {
            *relation = words[i].relation;
            *caseless = words[i].caseless;
            return true;
        }
    }
    return false;
}

/* A whole number as YARA writes one, with its sign and its KB or MB; no other. */
static bool read_number(struct span s, int64_t *number)
{
    bool negative = s.at < s.end && token_is(s.at, "-");
    char digits[24], *stop;
    s.at += negative;
    if (s.end - s.at != 1 || s.at->kind != TOKEN_WORD || s.at->len >= sizeof(digits) ||
        !isdigit((unsigned char)s.at->start[0]))
        return false;
    memcpy(digits, s.at->start, s.at->len);
    digits[s.at->len] = '\0';
    bool hex = digits[0] == '0' && digits[1] == 'x';
    if (digits[0] == '0' && digits[1] == 'o')
        return false;
    unsigned long long value = strtoull(digits, &stop, hex ? 16 : 10);
    unsigned long long unit = strcmp(stop, "KB") == 0 ? 1024 : strcmp(stop, "MB") == 0 ? 1 << 20 : *stop ? 0 : 1;
    if (!unit || value > INT64_MAX / unit)
        return false;
    *number = (int64_t)(value * unit) * (negative ? -1 : 1);
    return true;
}

/* A number with or without a fraction: "7.5" is a word, a sign and a word that touch. */
static bool read_real(struct span s, double *real)
{
    int64_t whole;
    char digits[48], *stop;
    if (read_number(s, &whole)) {
        *real = (double)whole;
        return true;
    }
    if (s.end - s.at != 3 || !token_is(s.at + 1, ".") || s.at->start + s.at->len != s.at[1].start ||
        s.at[1].start + 1 != s.at[2].start)
        return false;
    size_t len = (size_t)(s.at[2].start + s.at[2].len - s.at->start);
    if (len >= sizeof(digits))
        return false;
    memcpy(digits, s.at->start, len);
    digits[len] = '\0';
    *real = strtod(digits, &stop);
    return !*stop && isdigit((unsigned char)digits[0]);
}

/* A fact by itself: true unless it is neutral. */
static uint32_t read_lone_fact(struct gate *g, enum fact_id fact)
{
    if (FACT_INFO[fact].type == FACT_TYPE_REAL)
        return unknown(g);
    if (FACT_INFO[fact].type != FACT_TYPE_TEXT)
        return add_node(g, (struct node){.kind = NODE_NUMBER, .relation = UNEQUAL, .fact = fact});
    return add_node(g, (struct node){.kind = NODE_TEXT, .relation = UNEQUAL, .fact = fact, .value.text = {"", 0}});
}

static uint32_t compare(struct gate *g, enum fact_id fact, enum relation relation, bool caseless, struct span constant)
{
    struct node node = {.relation = relation, .caseless = caseless, .fact = fact};
    const struct token *t = constant.at;
    switch (FACT_INFO[fact].type) {
    case FACT_TYPE_INT:
    case FACT_TYPE_BOOL:
        node.kind = relation <= GREATER_EQUAL && read_number(constant, &node.value.number) ? NODE_NUMBER : NODE_UNKNOWN;
        break;
    case FACT_TYPE_REAL:
        node.kind = relation <= GREATER_EQUAL && relation >= LESS && read_real(constant, &node.value.real)
                        ? NODE_REAL
                        : NODE_UNKNOWN;
        break;
    case FACT_TYPE_TEXT: /* escapes are libyara's business */
        if (constant.end - t == 1 && t->kind == TOKEN_TEXT && t->len >= 2 && !memchr(t->start, '\\', t->len) &&
            (relation < LESS || relation > GREATER_EQUAL)) {
            node.kind = NODE_TEXT;
            node.value.text.at = t->start + 1;
            node.value.text.len = t->len - 2;
        }
        break;
    }
    return add_node(g, node);
}

static enum relation turned(enum relation relation)
{
    switch (relation) {
    case LESS:
        return GREATER;
    case LESS_EQUAL:
        return GREATER_EQUAL;
    case GREATER:
        return LESS;
    case GREATER_EQUAL:
        return LESS_EQUAL;
    default:
        return relation;
    }
}

static uint32_t read_operand(struct gate *g, struct span s)
{
    enum fact_id fact;
    enum relation relation;
    bool caseless, one = s.end - s.at == 1;
    if (one && (token_is(s.at, "true") || token_is(s.at, "false")))
        return add_node(g, (struct node){.kind = NODE_CONSTANT, .value.number = token_is(s.at, "true")});
    if (find_fact(s.at, &fact)) {
        if (one)
            return read_lone_fact(g, fact);
        if (find_relation(s.at + 1, &relation, &caseless))
            return compare(g, fact, relation, caseless, (struct span){s.at + 2, s.end});
    } else if (s.end - s.at >= 3 && find_fact(s.end - 1, &fact) && find_relation(s.end - 2, &relation, &caseless) &&
               relation <= GREATER_EQUAL) {
        return compare(g, fact, turned(relation), caseless, (struct span){s.at, s.end - 2});
    }
    return unknown(g);
}

static uint32_t read_condition(struct gate *g, struct span s, int depth);

/* Operands between `word`s, or 0 when there is no such word. */
static uint32_t read_list(struct gate *g, struct span s, const char *word, enum node_kind kind, int depth)
{
    const struct token *cut = find(s, word);
    uint32_t last = 0;
    if (cut == s.end)
        return 0;
    uint32_t list = add_node(g, (struct node){.kind = kind});
    for (;;) {
        uint32_t child = read_condition(g, (struct span){s.at, cut}, depth + 1);
        if (g->failed)
            return list;
        if (last)
            g->nodes[last].next = child;
        else
            g->nodes[list].first = child;
        last = child;
        if (cut == s.end)
            return list;
        s.at = cut + 1;
        cut = find(s, word);
    }
}

static uint32_t read_condition(struct gate *g, struct span s, int depth)
{
    uint32_t list;
    if (s.at >= s.end || depth == DEPTH_MAX)
        return unknown(g);
    if ((list = read_list(g, s, "or", NODE_OR, depth)) || (list = read_list(g, s, "and", NODE_AND, depth)))
        return list;
    if (token_is(s.at, "not")) {
        uint32_t negation = add_node(g, (struct node){.kind = NODE_NOT});
        uint32_t child = read_condition(g, (struct span){s.at + 1, s.end}, depth + 1);
        if (!g->failed)
            g->nodes[negation].first = child;
        return negation;
    }
    if (is_wrapped(s))
        return read_condition(g, (struct span){s.at + 1, s.end - 1}, depth + 1);
    return read_operand(g, s);
}

static uint32_t read_rule(struct gate *g, const struct rule_place *place, struct token *tokens)
{
    struct rule_text rule;
    size_t count = 0;
    if (!place->source || !rule_text_read(place->source->text, place->source->len, place->name, &rule))
        return unknown(g);
    struct lexer lexer = {rule.condition, rule.condition_end, 1};
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END; t = lexer_next(&lexer)) {
        if (count == TOKENS_MAX)
            return unknown(g);
        tokens[count++] = t;
    }
    return read_condition(g, (struct span){tokens, tokens + count}, 0);
}

struct gate *gate_build(const struct rule_set *set)
{
    struct gate *g = calloc(1, sizeof(*g));
    struct token *tokens = calloc(TOKENS_MAX, sizeof(*tokens));
    if (g && tokens) {
        g->roots = calloc((size_t)set->yara_count + 1, sizeof(*g->roots));
        g->failed = !g->roots;
        unknown(g); /* [0] */
        for (uint32_t i = 0; !g->failed && i < set->yara_count; i++) {
            if (set->by_yara[i])
                g->roots[g->root_count++] = read_rule(g, &set->places[i], tokens);
        }
    }
    free(tokens);
    if (!g || !tokens || g->failed) {
        gate_free(g);
        return NULL;
    }
    return g;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    free(g->nodes);
    free(g->roots);
    free(g);
}

/* `order`: below, at or above zero as the fact is to the constant. */
static enum verdict judge(enum relation relation, int order)
{
    bool holds = false;
    switch (relation) {
    case EQUAL:
        holds = order == 0;
        break;
    case UNEQUAL:
        holds = order != 0;
        break;
    case LESS:
        holds = order < 0;
        break;
    case LESS_EQUAL:
        holds = order <= 0;
        break;
    case GREATER:
        holds = order > 0;
        break;
    case GREATER_EQUAL:
        holds = order >= 0;
        break;
    default:
        return UNKNOWN;
    }
    return holds ? TRUE : FALSE;
}

static enum verdict judge_text(const struct node *node, const char *text)
{
    const char *constant = node->value.text.at;
    size_t len = strnlen(text, FACT_TEXT_MAX), n = node->value.text.len;
    int (*differ)(const char *, const char *, size_t) = node->caseless ? strncasecmp : strncmp;
    bool holds = false;
    switch (node->relation) {
    case EQUAL:
    case UNEQUAL:
        holds = (len == n && differ(text, constant, n) == 0) == (node->relation == EQUAL);
        break;
    case BEGINS:
        holds = len >= n && differ(text, constant, n) == 0;
        break;
    case ENDS:
        holds = len >= n && differ(text + len - n, constant, n) == 0;
        break;
    case CONTAINS:
        for (size_t at = 0; !holds && at + n <= len; at++)
            holds = differ(text + at, constant, n) == 0;
        break;
    default:
        return UNKNOWN;
    }
    return holds ? TRUE : FALSE;
}

/* Its depth is the condition's, which reading bounded. */
static enum verdict evaluate(const struct gate *g, const struct node *node, const struct fact_set *facts)
{
    enum verdict verdict, stop = node->kind == NODE_AND ? FALSE : TRUE;
    int64_t number;
    double real;
    switch (node->kind) {
    case NODE_UNKNOWN:
        break;
    case NODE_CONSTANT:
        return node->value.number ? TRUE : FALSE;
    case NODE_NOT:
        return TRUE - evaluate(g, &g->nodes[node->first], facts);
    case NODE_AND:
    case NODE_OR:
        verdict = TRUE - stop;
        for (uint32_t i = node->first; i && verdict != stop; i = g->nodes[i].next) {
            enum verdict child = evaluate(g, &g->nodes[i], facts);
            if (node->kind == NODE_AND ? child < verdict : child > verdict)
                verdict = child;
        }
        return verdict;
    case NODE_NUMBER:
        number = fact_int(facts, node->fact);
        return judge(node->relation, (number > node->value.number) - (number < node->value.number));
    case NODE_REAL:
        real = fact_real(facts, node->fact);
        return judge(node->relation, (real > node->value.real) - (real < node->value.real));
    case NODE_TEXT:
        return judge_text(node, fact_text(facts, node->fact));
    }
    return UNKNOWN;
}

bool gate_may_match(const struct gate *g, const struct fact_set *facts)
{
    for (uint32_t i = 0; i < g->root_count; i++) {
        if (evaluate(g, &g->nodes[g->roots[i]], facts) != FALSE)
            return true;
    }
    return false;
}
