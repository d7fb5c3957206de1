/* An object's bytes through its Hyperscan stream, as they come. Streams are kept and used again, so a worker in
 * its stride allocates none. */
#include <string.h>

#include "matcher.h"

#define GAP_BYTES_MAX 65536     /* longer gaps let the whole object through */
#define FLOOD_HITS 512          /* with more hits than this, */
#define FLOOD_BYTES_PER_HIT 64  /* one every so many bytes is a text the rules' strings are made of */
#define FEED_MAX (1u << 30)

struct feeding {
    struct match_state *state;
    const struct prefilter *prefilter;
};

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct feeding *f = user;
    struct match_state *state = f->state;
    const struct prefilter_span *span = &f->prefilter->spans[id];
    (void)from;
    (void)flags;
    if (span->whole || (state->hits.total > FLOOD_HITS && to / FLOOD_BYTES_PER_HIT < state->hits.total)) {
        state->whole = true;
        return 1; /* no need to look further */
    }
    hits_add(&state->hits, to > span->before ? to - span->before : 0, to + span->after);
    return 0;
}

static bool open_stream(struct matcher *m, struct match_state *state)
{
    const struct prefilter *prefilter = m->set->prefilter;
    if (m->idle_count) {
        state->stream = m->idle[--m->idle_count];
        hs_reset_stream(state->stream, 0, NULL, NULL, NULL);
    } else {
        if (!mem_charge(m->mem, MEM_SCAN, prefilter->stream_size))
            return false;
        if (hs_open_stream(prefilter->database, 0, &state->stream) != HS_SUCCESS) {
            mem_release(m->mem, MEM_SCAN, prefilter->stream_size);
            state->stream = NULL;
            return false;
        }
    }
    state->stream_size = prefilter->stream_size;
    state->generation = m->generation;
    return true;
}

static void destroy_stream(struct matcher *m, hs_stream_t *stream, size_t size)
{
    hs_close_stream(stream, NULL, NULL, NULL); /* without a handler it looks at no database */
    mem_release(m->mem, MEM_SCAN, size);
}

void sieve_close(struct matcher *m, struct match_state *state)
{
    if (!state->stream)
        return;
    if (state->generation == m->generation && m->idle_count < IDLE_STREAMS)
        m->idle[m->idle_count++] = state->stream;
    else
        destroy_stream(m, state->stream, state->stream_size);
    state->stream = NULL;
}

void sieve_drop_idle(struct matcher *m)
{
    while (m->idle_count)
        destroy_stream(m, m->idle[--m->idle_count], m->set->prefilter->stream_size);
}

static void let_through(struct matcher *m, struct match_state *state)
{
    state->whole = true;
    sieve_close(m, state);
}

static void feed(struct matcher *m, struct match_state *state, const uint8_t *data, size_t len)
{
    struct feeding f = {state, m->set->prefilter};
    count_add(m->counters, COUNT_SCAN_PREFILTER_BYTES, len);
    state->next += len;
    while (len && !state->whole) {
        unsigned n = len > FEED_MAX ? FEED_MAX : (unsigned)len;
        if (hs_scan_stream(state->stream, (const char *)data, n, 0, m->scratch, on_hit, &f) != HS_SUCCESS)
            state->whole = true;
        data += n;
        len -= n;
    }
    if (state->whole)
        let_through(m, state);
}

/* The stream is there and belongs to the set in force. */
static bool is_ready(struct matcher *m, struct match_state *state)
{
    const struct prefilter *prefilter = m->set->prefilter;
    if (state->whole)
        return false;
    if (!prefilter || prefilter->blind || state->generation != m->generation) {
        let_through(m, state);
        return false;
    }
    if (!prefilter->database)
        return false; /* no rule has a string: nothing to look for */
    if (!state->stream && !open_stream(m, state)) {
        let_through(m, state);
        return false;
    }
    return true;
}

void sieve_gap(struct matcher *m, struct match_state *state, uint64_t size)
{
    static const uint8_t zeros[4096];
    if (size == state->next || !is_ready(m, state))
        return;
    if (size < state->next || size - state->next > GAP_BYTES_MAX) {
        let_through(m, state);
        return;
    }
    while (!state->whole && state->next < size) {
        uint64_t n = size - state->next;
        feed(m, state, zeros, n < sizeof(zeros) ? (size_t)n : sizeof(zeros));
    }
}

void sieve_feed(struct matcher *m, struct match_state *state, const uint8_t *data, size_t len, uint64_t at)
{
    sieve_gap(m, state, at);
    if (is_ready(m, state))
        feed(m, state, data, len);
}
