/* Raw LZMA after the specification in Igor Pavlov's LZMA SDK (lzma-specification.txt). The output is the dictionary, so
 * nothing is allocated, and distances are checked against what was written. */
#include "lzma.h"

#include <stdbool.h>

#define STATES 12
#define POSITIONS 16 /* 1 << pb, at most */
#define LITERALS 768 /* probabilities of a literal's coder */
#define CODERS 8     /* 1 << (lc + lp), at most: what 7z uses by default */
#define ALIGN_BITS 4
#define MATCH_MIN 2

struct lengths {
    uint16_t choice[2], low[POSITIONS][8], mid[POSITIONS][8], high[256];
};

struct model {
    uint16_t is_match[STATES][POSITIONS], is_rep[STATES], is_rep0[STATES], is_rep1[STATES], is_rep2[STATES];
    uint16_t is_rep0_long[STATES][POSITIONS];
    uint16_t slot[4][64], special[115], align[1 << ALIGN_BITS];
    struct lengths match, rep;
    uint16_t literal[CODERS][LITERALS];
};

struct range {
    const uint8_t *in;
    size_t len, at;
    uint32_t range, code;
    bool ended; /* bytes beyond the input were asked for */
};

static uint32_t next_byte(struct range *r)
{
    if (r->at < r->len)
        return r->in[r->at++];
    r->ended = true;
    return 0;
}

static void normalise(struct range *r)
{
    if (r->range < UINT32_C(1) << 24) {
        r->range <<= 8;
        r->code = r->code << 8 | next_byte(r);
    }
}

static unsigned bit(struct range *r, uint16_t *p)
{
    uint32_t bound = (r->range >> 11) * *p;
    unsigned value = r->code >= bound;
    if (value) {
        r->range -= bound;
        r->code -= bound;
        *p = (uint16_t)(*p - (*p >> 5));
    } else {
        r->range = bound;
        *p = (uint16_t)(*p + ((2048 - *p) >> 5));
    }
    normalise(r);
    return value;
}

static unsigned tree(struct range *r, uint16_t *p, unsigned bits)
{
    unsigned m = 1;
    for (unsigned i = 0; i < bits; i++)
        m = m << 1 | bit(r, p + m);
    return m - (1u << bits);
}

static unsigned reverse_tree(struct range *r, uint16_t *p, unsigned bits)
{
    unsigned m = 1, value = 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned b = bit(r, p + m);
        m = m << 1 | b;
        value |= b << i;
    }
    return value;
}

static uint32_t direct(struct range *r, unsigned bits)
{
    uint32_t value = 0;
    while (bits--) {
        r->range >>= 1;
        unsigned b = r->code >= r->range;
        if (b)
            r->code -= r->range;
        value = value << 1 | b;
        normalise(r);
    }
    return value;
}

static unsigned take_length(struct range *r, struct lengths *l, unsigned position)
{
    if (!bit(r, &l->choice[0]))
        return tree(r, l->low[position], 3);
    if (!bit(r, &l->choice[1]))
        return 8 + tree(r, l->mid[position], 3);
    return 16 + tree(r, l->high, 8);
}

static uint32_t take_distance(struct range *r, struct model *m, unsigned length)
{
    unsigned slot = tree(r, m->slot[length < 3 ? length : 3], 6);
    if (slot < 4)
        return slot;
    unsigned bits = (slot >> 1) - 1;
    uint32_t distance = (2 | (slot & 1)) << bits;
    if (slot < 14)
        return distance + reverse_tree(r, m->special + distance - slot, bits);
    distance += direct(r, bits - ALIGN_BITS) << ALIGN_BITS;
    return distance + reverse_tree(r, m->align, ALIGN_BITS);
}

static uint8_t take_literal(struct range *r, uint16_t *p, bool after_match, unsigned match)
{
    unsigned symbol = 1;
    while (after_match && symbol < 0x100) {
        unsigned expected = match >> 7 & 1, b = bit(r, p + ((1 + expected) << 8) + symbol);
        match <<= 1;
        symbol = symbol << 1 | b;
        after_match = b == expected;
    }
    while (symbol < 0x100)
        symbol = symbol << 1 | bit(r, p + symbol);
    return (uint8_t)symbol;
}

/* A match of an earlier distance: moves it to the front. False: one byte only. */
static bool take_repeat(struct range *r, struct model *m, unsigned state, unsigned position, uint32_t rep[4])
{
    unsigned which = 0;
    if (!bit(r, &m->is_rep0[state])) {
        if (!bit(r, &m->is_rep0_long[state][position]))
            return false;
    } else {
        which = !bit(r, &m->is_rep1[state]) ? 1 : 2 + bit(r, &m->is_rep2[state]);
    }
    uint32_t distance = rep[which];
    for (; which; which--)
        rep[which] = rep[which - 1];
    rep[0] = distance;
    return true;
}

size_t lzma_decode(const uint8_t props[5], const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
    struct model m;
    struct range r = {.in = in, .len = len, .range = UINT32_MAX};
    unsigned lc = props[0] % 9, lp = props[0] / 9 % 5, pb = props[0] / 45, state = 0;
    uint32_t rep[4] = {0};
    size_t at = 0;
    if (pb > 4 || lc + lp > 3 || next_byte(&r) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(m) / sizeof(uint16_t); i++)
        ((uint16_t *)(void *)&m)[i] = 1024;
    for (unsigned i = 0; i < 4; i++)
        r.code = r.code << 8 | next_byte(&r);
    while (at < size && !r.ended) {
        unsigned position = (unsigned)at & ((1u << pb) - 1), length = 1;
        if (!bit(&r, &m.is_match[state][position])) {
            unsigned before = at ? out[at - 1] : 0;
            unsigned coder = (((unsigned)at & ((1u << lp) - 1)) << lc) + (before >> (8 - lc));
            bool after_match = state >= 7;
            out[at] = take_literal(&r, m.literal[coder], after_match, after_match ? out[at - rep[0] - 1] : 0);
            at++;
            state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
            continue;
        }
        if (!bit(&r, &m.is_rep[state])) {
            rep[3] = rep[2];
            rep[2] = rep[1];
            rep[1] = rep[0];
            length = take_length(&r, &m.match, position);
            rep[0] = take_distance(&r, &m, length);
            length += MATCH_MIN;
            state = state < 7 ? 7 : 10;
        } else if (take_repeat(&r, &m, state, position, rep)) {
            length = MATCH_MIN + take_length(&r, &m.rep, position);
            state = state < 7 ? 8 : 11;
        } else {
            state = state < 7 ? 9 : 11;
        }
        if (rep[0] >= at) /* before the beginning; the end marker too */
            break;
        for (; length && at < size; length--, at++)
            out[at] = out[at - rep[0] - 1];
    }
    return at;
}
