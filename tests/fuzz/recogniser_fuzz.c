/* Every recogniser of the table, on bytes an attacker chose. The input's first byte picks the recogniser, the
 * second the seed of the cutting. Whatever the pieces, the answer and the facts must be the same as for the whole,
 * and an item may not end beyond its bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"

static const struct recogniser *const ALL[] = {
#define RECOGNISER(name) &recogniser_##name,
#include "recogniser_list.def"
#undef RECOGNISER
};

struct outcome {
    enum recogniser_state state;
    uint64_t end;
    struct fact_set facts;
};

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Pieces of their own on the heap, so that a read beyond one is caught. */
static enum recogniser_state feed_piece(const struct recogniser *r, void *state, struct fact_set *facts,
                                        const uint8_t *data, size_t len, uint64_t at)
{
    uint8_t *copy = malloc(len);
    if (!copy)
        abort();
    memcpy(copy, data, len);
    enum recogniser_state answer = r->feed(state, facts, copy, len, at);
    free(copy);
    return answer;
}

static bool goes_on(enum recogniser_state state)
{
    return state == RECOGNISE_MORE || state == RECOGNISE_PROVED;
}

static void run(const struct recogniser *r, const uint8_t *data, size_t len, uint32_t seed, struct outcome *o)
{
    void *state = calloc(1, r->state_size);
    if (!state)
        abort();
    fact_set_clear(&o->facts);
    o->state = RECOGNISE_MORE;
    o->end = 0;
    for (size_t at = 0; at < len && goes_on(o->state);) {
        size_t n = seed ? 1 + draw(&seed) % (draw(&seed) % 4 ? 8 : 200) : len;
        if (n > len - at)
            n = len - at;
        o->state = feed_piece(r, state, &o->facts, data + at, n, at);
        at += n;
    }
    if (goes_on(o->state) && r->finish)
        o->state = r->finish(state, &o->facts);
    if (o->state == RECOGNISE_END && r->end_at)
        o->end = r->end_at(state);
    if (o->end > len)
        abort();
    free(state);
}

/* A gap somewhere: no promise about the facts, only that nothing breaks. */
static void run_with_gap(const struct recogniser *r, const uint8_t *data, size_t len, uint32_t seed)
{
    struct fact_set facts;
    void *state = calloc(1, r->state_size);
    if (!state)
        abort();
    fact_set_clear(&facts);
    size_t cut = len ? draw(&seed) % len : 0;
    enum recogniser_state answer = cut ? feed_piece(r, state, &facts, data, cut, 0) : RECOGNISE_MORE;
    uint64_t gap = 1 + draw(&seed) % 100;
    if (goes_on(answer) && r->gap) {
        answer = r->gap(state, &facts, gap, cut);
        if (goes_on(answer) && cut < len)
            answer = feed_piece(r, state, &facts, data + cut, len - cut, cut + gap);
        if (goes_on(answer) && r->finish)
            r->finish(state, &facts);
    }
    free(state);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    if (a->state != b->state || a->end != b->end) {
        fprintf(stderr, "whole: state %d end %llu; cut: state %d end %llu\n", (int)a->state,
                (unsigned long long)a->end, (int)b->state, (unsigned long long)b->end);
        abort();
    }
    if (a->state == RECOGNISE_NO)
        return;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        bool same = FACT_INFO[i].type == FACT_TYPE_TEXT ? strcmp(fact_text(&a->facts, i), fact_text(&b->facts, i)) == 0
                                                        : a->facts.value[i].number == b->facts.value[i].number;
        if (!same) {
            fprintf(stderr, "%s differs\n", FACT_INFO[i].name);
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct recogniser *r = ALL[data[0] % (sizeof(ALL) / sizeof(ALL[0]))];
    uint32_t seed = data[1] + 1u;
    static struct outcome whole, cut;
    data += 2;
    size -= 2;
    r->sniff(data, size < RECOGNISER_HEAD ? size : RECOGNISER_HEAD);
    run(r, data, size, 0, &whole);
    run(r, data, size, seed, &cut);
    compare(&whole, &cut);
    run_with_gap(r, data, size, seed);
    return 0;
}
