/* A syntax tree of libyara's, written out again as a Hyperscan expression that accepts no less.
 *
 * Left out: anchors and word boundaries (they only forbid), and optional parts at both ends, so that an
 * expression ends its hit as soon as the string's own mandatory part is there and is not reported again
 * for every byte that follows. Great repetition counts become "or more": Hyperscan would unroll them. */
#include "expression.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX (1u << 20) /* stands for without end */
#define DEPTH_MAX 200
#define BYTES_MAX 96          /* of a long text: its beginning tells enough */
#define REPEAT_BYTE_MAX 200   /* counted repetitions of one byte */
#define REPEAT_GROUP_MAX 12   /* of anything longer */

struct writer {
    char *text;
    size_t len, cap;
    bool wide;
    bool failed;
};

struct extent {
    uint32_t min, max;
};

static void put(struct writer *w, const char *text)
{
    size_t n = strlen(text);
    if (w->failed)
        return;
    if (w->len + n + 1 > w->cap) {
        size_t cap = (w->cap + n + 64) * 2;
        char *more = cap < (4u << 20) ? realloc(w->text, cap) : NULL;
        if (!more) {
            w->failed = true;
            return;
        }
        w->text = more;
        w->cap = cap;
    }
    memcpy(w->text + w->len, text, n + 1);
    w->len += n;
}

static void put_byte(struct writer *w, unsigned byte)
{
    char text[8];
    snprintf(text, sizeof(text), "\\x%02x", byte & 0xff);
    put(w, text);
}

static uint32_t add(uint32_t a, uint32_t b)
{
    return a + b > LENGTH_MAX ? LENGTH_MAX : a + b;
}

static uint32_t times(uint32_t a, uint32_t n)
{
    uint64_t product = (uint64_t)a * n;
    return product > LENGTH_MAX ? LENGTH_MAX : (uint32_t)product;
}

static bool is_endless(int count)
{
    return count < 0 || count >= RE_MAX_RANGE;
}

/* The least and greatest number of characters a node takes. */
static struct extent extent_of(const RE_NODE *node, unsigned depth)
{
    struct extent sum = {0, 0}, one;
    if (depth == DEPTH_MAX)
        return (struct extent){0, LENGTH_MAX};
    switch (node->type) {
    case RE_NODE_EMPTY:
    case RE_NODE_ANCHOR_START:
    case RE_NODE_ANCHOR_END:
    case RE_NODE_WORD_BOUNDARY:
    case RE_NODE_NON_WORD_BOUNDARY:
        return sum;
    case RE_NODE_CONCAT:
        for (const RE_NODE *child = node->children_head; child; child = child->next_sibling) {
            one = extent_of(child, depth + 1);
            sum = (struct extent){add(sum.min, one.min), add(sum.max, one.max)};
        }
        return sum;
    case RE_NODE_ALT:
        sum.min = LENGTH_MAX;
        for (const RE_NODE *child = node->children_head; child; child = child->next_sibling) {
            one = extent_of(child, depth + 1);
            sum.min = one.min < sum.min ? one.min : sum.min;
            sum.max = one.max > sum.max ? one.max : sum.max;
        }
        return sum;
    case RE_NODE_STAR:
        return (struct extent){0, LENGTH_MAX};
    case RE_NODE_PLUS:
        return (struct extent){extent_of(node->children_head, depth + 1).min, LENGTH_MAX};
    case RE_NODE_RANGE:
    case RE_NODE_RANGE_ANY:
        one = node->type == RE_NODE_RANGE ? extent_of(node->children_head, depth + 1) : (struct extent){1, 1};
        sum.min = times(one.min, (uint32_t)node->start);
        sum.max = is_endless(node->end) ? LENGTH_MAX : times(one.max, (uint32_t)node->end);
        return sum;
    default:
        return (struct extent){1, 1};
    }
}

static bool in_class(const RE_CLASS *set, unsigned byte)
{
    return set->bitmap[byte / 8] >> (byte % 8) & 1;
}

static void put_class(struct writer *w, const RE_CLASS *set)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 256; i++)
        count += in_class(set, i);
    if (count == 0 || count == 256) { /* everything or nothing: no class Hyperscan would take */
        if ((count == 256) != (set->negated != 0))
            put(w, "[\\x00-\\xff]");
        else
            w->failed = true;
        return;
    }
    put(w, set->negated ? "[^" : "[");
    for (unsigned from = 0; from < 256;) {
        if (!in_class(set, from)) {
            from++;
            continue;
        }
        unsigned to = from;
        while (to < 255 && in_class(set, to + 1))
            to++;
        put_byte(w, from);
        if (to > from) {
            put(w, "-");
            put_byte(w, to);
        }
        from = to + 1;
    }
    put(w, "]");
}

/* Hex nibbles: { 4? ?1 }. */
static void put_masked(struct writer *w, unsigned value, unsigned mask)
{
    put(w, "[");
    for (unsigned i = 0; i < 256; i++) {
        if ((i & mask) == (value & mask))
            put_byte(w, i);
    }
    put(w, "]");
}

/* One character; in a group of its own where a zero byte follows it. */
static void put_character(struct writer *w, const RE_NODE *node)
{
    if (w->wide)
        put(w, "(?:");
    switch (node->type) {
    case RE_NODE_LITERAL:
        put_byte(w, (unsigned)node->value);
        break;
    case RE_NODE_MASKED_LITERAL:
        put_masked(w, (unsigned)node->value, (unsigned)node->mask);
        break;
    case RE_NODE_ANY:
    case RE_NODE_RANGE_ANY:
        put(w, "."); /* with or without the newline: HS_FLAG_DOTALL says, once the string's flags are known */
        break;
    case RE_NODE_CLASS:
        put_class(w, node->re_class);
        break;
    case RE_NODE_WORD_CHAR:
        put(w, "[0-9A-Za-z_]");
        break;
    case RE_NODE_NON_WORD_CHAR:
        put(w, "[^0-9A-Za-z_]");
        break;
    case RE_NODE_SPACE:
        put(w, "[\\x09-\\x0d\\x20]");
        break;
    case RE_NODE_NON_SPACE:
        put(w, "[^\\x09-\\x0d\\x20]");
        break;
    case RE_NODE_DIGIT:
        put(w, "[0-9]");
        break;
    case RE_NODE_NON_DIGIT:
        put(w, "[^0-9]");
        break;
    default:
        w->failed = true; /* a kind of node that came after this was written */
    }
    if (w->wide)
        put(w, "\\x00)");
}

static void put_node(struct writer *w, const RE_NODE *node, unsigned depth);

/* `start` to `end` times what `node` (a repetition) repeats; an `end` below zero is without end. */
static void put_repeat(struct writer *w, const RE_NODE *node, int start, int end, unsigned depth)
{
    char count[40];
    const RE_NODE *child = node->type == RE_NODE_RANGE_ANY ? node : node->children_head;
    struct extent one = node->type == RE_NODE_RANGE_ANY ? (struct extent){1, 1} : extent_of(child, depth);
    int max = one.max <= 1 ? REPEAT_BYTE_MAX : REPEAT_GROUP_MAX;
    if (start > max)
        start = max;
    if (end > max || is_endless(end))
        end = -1;
    if (end < 0 && start < 2)
        snprintf(count, sizeof(count), "%s", start ? "+" : "*");
    else if (end < 0)
        snprintf(count, sizeof(count), "{%d,}", start);
    else
        snprintf(count, sizeof(count), "{%d,%d}", start, end);
    if (end == 0)
        return;
    put(w, "(?:");
    if (child == node)
        put_character(w, node);
    else
        put_node(w, child, depth + 1);
    put(w, ")");
    put(w, count);
}

static void put_node(struct writer *w, const RE_NODE *node, unsigned depth)
{
    if (depth == DEPTH_MAX)
        w->failed = true;
    if (w->failed)
        return;
    switch (node->type) {
    case RE_NODE_EMPTY:
    case RE_NODE_ANCHOR_START:
    case RE_NODE_ANCHOR_END:
    case RE_NODE_WORD_BOUNDARY:
    case RE_NODE_NON_WORD_BOUNDARY:
        return;
    case RE_NODE_CONCAT:
        for (const RE_NODE *child = node->children_head; child; child = child->next_sibling)
            put_node(w, child, depth + 1);
        return;
    case RE_NODE_ALT:
        put(w, "(?:");
        for (const RE_NODE *child = node->children_head; child; child = child->next_sibling) {
            put_node(w, child, depth + 1);
            put(w, child->next_sibling ? "|" : "");
        }
        put(w, ")");
        return;
    case RE_NODE_STAR:
        put_repeat(w, node, 0, -1, depth);
        return;
    case RE_NODE_PLUS:
        put_repeat(w, node, 1, -1, depth);
        return;
    case RE_NODE_RANGE:
    case RE_NODE_RANGE_ANY:
        put_repeat(w, node, node->start, node->end, depth);
        return;
    default:
        put_character(w, node);
    }
}

/* A repetition at either end of the whole counts as often as it must. */
static void put_end(struct writer *w, const RE_NODE *node)
{
    if (node->type == RE_NODE_PLUS)
        put_repeat(w, node, 1, 1, 1);
    else if (node->type == RE_NODE_RANGE || node->type == RE_NODE_RANGE_ANY) {
        const RE_NODE *child = node->type == RE_NODE_RANGE ? node->children_head : NULL;
        int max = !child || extent_of(child, 1).max <= 1 ? REPEAT_BYTE_MAX : REPEAT_GROUP_MAX;
        int count = node->start < max ? node->start : max;
        put_repeat(w, node, count, count, 1);
    } else
        put_node(w, node, 1);
}

/* The whole, without what is optional at its ends. */
static void put_root(struct writer *w, const RE_NODE *root)
{
    const RE_NODE *first = root->children_head, *last = NULL;
    if (root->type != RE_NODE_CONCAT) {
        put_end(w, root);
        return;
    }
    while (first && extent_of(first, 1).min == 0)
        first = first->next_sibling;
    for (const RE_NODE *child = first; child; child = child->next_sibling)
        last = extent_of(child, 1).min ? child : last;
    for (const RE_NODE *child = first; child; child = child->next_sibling) {
        if (child == first || child == last)
            put_end(w, child);
        else
            put_node(w, child, 1);
        if (child == last)
            return;
    }
}

struct expression expression_of_tree(const RE_AST *tree, bool wide)
{
    struct writer w = {.wide = wide};
    struct extent extent = extent_of(tree->root_node, 0);
    if (extent.min > 0)
        put_root(&w, tree->root_node);
    if (w.failed || !w.len) {
        free(w.text);
        return (struct expression){NULL, 0, 0};
    }
    uint32_t reach = times(extent.max, wide ? 2 : 1);
    if (reach > PREFILTER_REACH)
        reach = PREFILTER_REACH;
    return (struct expression){w.text, reach, reach};
}

struct expression expression_of_bytes(const uint8_t *bytes, size_t len, bool wide, uint8_t key)
{
    struct writer w = {.wide = false};
    for (size_t i = 0; i < len && i < BYTES_MAX; i++) {
        put_byte(&w, bytes[i] ^ key);
        if (wide)
            put_byte(&w, key);
    }
    if (w.failed || !w.len) {
        free(w.text);
        return (struct expression){NULL, 0, 0};
    }
    uint32_t reach = (uint32_t)(wide ? 2 * len : len);
    return (struct expression){w.text, reach, len > BYTES_MAX ? reach : 0};
}
