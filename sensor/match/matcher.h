/* The inside of a matcher: matcher.c evaluates, sieve.c watches an object's bytes go by. */
#ifndef DLP_MATCH_MATCHER_H
#define DLP_MATCH_MATCHER_H

#include "hits.h"
#include "costs.h"
#include "slow.h"
#include "variables.h"

#define IDLE_STREAMS 256

struct matcher {
    struct mem *mem;
    struct counters *counters;
    struct rule_set *set;
    uint32_t generation; /* grows with each swap: streams of older sets are not fed any more */
    unsigned timeout_ms;
    YR_SCANNER *scanner;
    struct variables variables;
    struct match_costs *costs;  /* NULL: not measured */
    struct slow_search *search; /* for the rule a time limit stopped; NULL: none yet */
    struct pool *states;
    hs_scratch_t *scratch;
    hs_stream_t *idle[IDLE_STREAMS]; /* closed and reset on the next use; charged */
    unsigned idle_count;
};

struct match_state {
    hs_stream_t *stream; /* NULL before the first byte and once everything is let through */
    size_t stream_size;
    uint32_t generation; /* of the set the stream belongs to */
    bool whole;          /* everything is let through */
    uint8_t timeouts;
    uint64_t next;       /* object offset of the next byte to feed */
    struct hits hits;
};

/* sieve.c: bytes of an object through the prefilter. */
void sieve_feed(struct matcher *m, struct match_state *state, const uint8_t *data, size_t len, uint64_t at);
/* Bytes up to `size` that never came were kept as zeros: so they are read. */
void sieve_gap(struct matcher *m, struct match_state *state, uint64_t size);
void sieve_close(struct matcher *m, struct match_state *state);
void sieve_drop_idle(struct matcher *m);

#endif
