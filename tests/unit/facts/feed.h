/* Runs recognisers and the engine over bytes, whole and cut in pieces, for the tests of facts/. */
#ifndef TEST_FACTS_FEED_H
#define TEST_FACTS_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "facts.h"

struct outcome {
    enum recogniser_state state; /* the last answer */
    uint64_t end;                /* once END */
    struct fact_set facts;
};

/* Feeds `data` in pieces of `piece` bytes (0: whole), then finishes. */
static inline struct outcome run_recogniser(const struct recogniser *r, const uint8_t *data, size_t len, size_t piece)
{
    struct outcome o = {.state = RECOGNISE_MORE};
    void *state = calloc(1, r->state_size);
    assert_non_null(state);
    fact_set_clear(&o.facts);
    if (r->type[0] && !r->sniff(data, len < RECOGNISER_HEAD ? len : RECOGNISER_HEAD))
        o.state = RECOGNISE_NO;
    for (size_t at = 0; at < len && (o.state == RECOGNISE_MORE || o.state == RECOGNISE_PROVED);) {
        size_t n = piece && piece < len - at ? piece : len - at;
        uint8_t *copy = malloc(n); /* so that a read past the piece is seen by the sanitizer */
        memcpy(copy, data + at, n);
        o.state = r->feed(state, &o.facts, copy, n, at);
        free(copy);
        at += n;
    }
    if ((o.state == RECOGNISE_MORE || o.state == RECOGNISE_PROVED) && r->finish)
        o.state = r->finish(state, &o.facts);
    if (o.state == RECOGNISE_END && r->end_at)
        o.end = r->end_at(state);
    free(state);
    return o;
}

/* The same facts whatever the pieces. */
static inline void assert_same_facts(const struct fact_set *a, const struct fact_set *b)
{
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        if (FACT_INFO[i].type == FACT_TYPE_TEXT)
            assert_string_equal(fact_text(a, i), fact_text(b, i));
        else
            assert_true(a->value[i].number == b->value[i].number);
    }
}

/* The answer for the whole, after checking that pieces of 1, 7 and 1460 bytes give the same. */
static inline struct outcome recognise(const struct recogniser *r, const uint8_t *data, size_t len)
{
    static const size_t pieces[] = {1, 7, 1460};
    struct outcome whole = run_recogniser(r, data, len, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct outcome cut = run_recogniser(r, data, len, pieces[i]);
        assert_int_equal(cut.state, whole.state);
        assert_int_equal(cut.end, whole.end);
        assert_same_facts(&cut.facts, &whole.facts);
    }
    return whole;
}

/* A record under construction. */
struct record {
    uint8_t data[1 << 16];
    size_t len;
};

static inline void put(struct record *r, const void *data, size_t len)
{
    assert_true(r->len + len <= sizeof(r->data));
    memcpy(r->data + r->len, data, len);
    r->len += len;
}

static inline void put_u8(struct record *r, unsigned value)
{
    uint8_t b = (uint8_t)value;
    put(r, &b, 1);
}

static inline void put_be16(struct record *r, unsigned value)
{
    put_u8(r, value >> 8);
    put_u8(r, value);
}

static inline void put_be32(struct record *r, unsigned value)
{
    put_be16(r, value >> 16);
    put_be16(r, value & 0xffff);
}

static inline void put_zeros(struct record *r, size_t n)
{
    while (n--)
        put_u8(r, 0);
}

static inline void set_be32(struct record *r, size_t at, size_t value)
{
    for (unsigned i = 0; i < 4; i++)
        r->data[at + i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void put_text(struct record *r, const char *text)
{
    put(r, text, strlen(text));
}

#endif
