/* One segment's bytes: what is old, what is next, what is early, and which fate each byte has.
 *
 * An early byte is booked as lost_gap while it waits, because that is what it is should nothing
 * more happen; it moves to its final fate when it is handed on or shed. */
#include <string.h>

#include "stream/connection.h"

#define WILD_MAX 255

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum fate report_conflict(struct streams *s, struct flow *flow, enum side side, uint64_t offset,
                          const uint8_t *data, size_t len)
{
    flow->conflict = true;
    flow->evasion |= 1u << EVASION_OVERLAP;
    count_add(s->counters, COUNT_STREAM_CONFLICTS, 1);
    if (other_take(s, flow, side, offset, data, len))
        return stream_fate(flow, side);
    if (!s->sink.conflict)
        return FATE_DUPLICATE;
    s->sink.conflict(s->sink.user, flow, side, offset, data, len);
    return stream_fate(flow, side);
}

void half_forget(struct streams *s, struct half *half, struct flow *flow, enum side side,
                 enum fate fate)
{
    (void)flow;
    (void)side;
    if (!half->window)
        return;
    fate_move(s->counters, FATE_LOST_GAP, fate, half->window->held);
    window_free(s, half->window);
}

void half_trim(struct streams *s, struct half *half, struct flow *flow)
{
    struct window *w = half->window;
    if (!w)
        return;
    w->tail_from = max64(w->tail_from, min64(half->offset, (uint64_t)half_acked_offset(half)));
    if (w->over && w->tail_from >= w->next_message) { /* copies of the message before cannot differ now */
        w->message_from = w->next_message;
        w->whole = true;
        w->over = false;
    }
    w->whole = w->whole && half->offset - w->message_from <= MESSAGE_MAX;
    w->over = w->over && half->offset - w->next_message <= MESSAGE_MAX;
    uint64_t limit = w->whole ? MESSAGE_MAX : one_sided(flow, w->side) ? TAIL_ONE_SIDED : TAIL_MAX;
    if (!flow->content[w->side])
        limit = 0;
    if (half->offset - w->tail_from > limit)
        w->tail_from = half->offset - limit;
    if (!w->held && !w->doubts && !w->other && window_floor(w) == half->offset) {
        if (w->whole)
            half->flags |= HALF_MESSAGE_OVER;
        window_free(s, w);
    } else {
        window_release_before(s, w, window_floor(w));
    }
}

void stream_message_over(struct flow *flow, enum side side)
{
    struct connection *c = flow->stream;
    struct half *half = c ? &c->half[side] : NULL;
    if (!half)
        return;
    if (!half->window) {
        half->flags |= HALF_MESSAGE_OVER;
    } else if (!half->window->over) { /* else the earlier place serves until the tail has passed it */
        half->window->next_message = half->offset;
        half->window->over = true;
    }
}

void half_gap(struct streams *s, struct connection *c, struct flow *flow, enum side side,
              uint64_t len)
{
    struct half *half = &c->half[side];
    if (!len)
        return;
    uint64_t from = half->offset;
    half->offset += len;
    half->next += (uint32_t)len;
    half->gap_end = half->next;
    half->gap_len = (uint32_t)len;
    half->flags |= HALF_LATE;
    half->flags &= (uint16_t)~HALF_MESSAGE_OVER;
    if (half->window) {
        half->window->tail_from = half->offset;
        half->window->whole = half->window->over = false;
    }
    flow->gaps = true;
    count_add(s->counters, COUNT_STREAM_GAPS, 1);
    count_add(s->counters, COUNT_STREAM_GAP_BYTES, len);
    if (s->sink.gap)
        s->sink.gap(s->sink.user, flow, side, len);
    if (half->window)
        other_gap(s, half->window, from, len);
}

void half_lost(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               uint64_t len)
{
    struct half *half = &c->half[side];
    int64_t acked = half_acked_offset(half) - (int64_t)half->offset;
    uint64_t lost = acked > 0 ? min64((uint64_t)acked, len) : 0;
    uint32_t dropped = (uint32_t)min64(half->dropped, lost);
    half->dropped -= dropped;
    count_add(s->counters, COUNT_STREAM_UPSTREAM_LOST_BYTES, lost - dropped);
    half_gap(s, c, flow, side, len);
}

/* Content that is not acknowledged yet stays comparable, and the message it belongs to readable. */
static void keep_tail(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                      const uint8_t *data, size_t len)
{
    struct half *half = &c->half[side];
    struct window *w = half->window;
    if (!flow->content[side])
        return;
    bool message = w ? w->whole || w->over : !half->offset || half->flags & HALF_MESSAGE_OVER;
    if (!message && half_acked_offset(half) >= (int64_t)(half->offset + len)) {
        if (w)
            w->tail_from = half->offset + len;
        return;
    }
    if (!w && !(w = window_get(s, c, flow, side))) {
        half->flags &= (uint16_t)~HALF_MESSAGE_OVER;
        return;
    }
    if (s->by_age.prev != &w->by_age) {
        link_remove(&w->by_age);
        link_append(&s->by_age, &w->by_age);
    }
    w->kept_ns = s->now_ns;
    window_keep_tail(s, w, half->offset, data, len);
}

static void advance(struct half *half, size_t len)
{
    half->offset += len;
    half->next += (uint32_t)len;
    half->flags |= HALF_FIRM;
    half->wild = 0;
}

static void deliver(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                    const uint8_t *data, size_t len)
{
    book(s, stream_fate(flow, side), len);
    if (!flow->opaque) {
        keep_tail(s, c, flow, side, data, len);
        other_follow(s, c->half[side].window, c->half[side].offset, data, len);
    }
    advance(&c->half[side], len);
    if (s->sink.data && !flow->opaque)
        s->sink.data(s->sink.user, flow, side, data, len);
}

static void add_wait(struct window *w, struct wait wait)
{
    unsigned at = 0;
    while (at < w->wait_count && w->wait[at].from < wait.from)
        at++;
    if (at == WAITS_MAX || (at < w->wait_count && w->wait[at].from == wait.from))
        return;
    unsigned last = w->wait_count < WAITS_MAX ? w->wait_count++ : WAITS_MAX - 1;
    memmove(&w->wait[at + 1], &w->wait[at], (last - at) * sizeof(wait));
    w->wait[at] = wait;
}

/* Where the first bytes are that go on waiting. */
static uint64_t waits_from(struct window *w, const struct half *peer)
{
    unsigned gone = 0;
    while (gone < w->wait_count && (int32_t)(peer->next - w->wait[gone].ack) >= 0)
        gone++;
    w->wait_count = (uint8_t)(w->wait_count - gone);
    memmove(&w->wait[0], &w->wait[gone], w->wait_count * sizeof(w->wait[0]));
    return w->wait_count ? w->wait[0].from : UINT64_MAX;
}

void half_drain(struct streams *s, struct connection *c, struct flow *flow, enum side side)
{
    struct half *half = &c->half[side];
    struct window *w = half->window;
    const uint8_t *data;
    size_t len;
    if (!w || !w->held)
        return;
    uint64_t limit = waits_from(w, &c->half[side_other(side)]);
    while (!flow->opaque && half->offset < limit && (len = window_run(w, half->offset, &data)) > 0) {
        len = (size_t)min64(len, limit - half->offset);
        fate_move(s->counters, FATE_LOST_GAP, stream_fate(flow, side), len);
        w->held -= (uint32_t)len;
        other_follow(s, w, half->offset, data, len);
        advance(half, len);
        if (s->sink.data)
            s->sink.data(s->sink.user, flow, side, data, len);
    }
    if (flow->opaque) {
        half_forget(s, half, flow, side, stream_fate(flow, side));
        return;
    }
    if (w->held && half->offset > w->first_held) {
        window_find_held(w, half->offset);
        hole_begins(s, w);
    }
    window_rank(s, w);
}

/* Bytes before `next`: never seen (before the start, or in a gap given up), or a second copy. */
static void take_old(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                     const uint8_t *data, uint32_t len, int64_t offset, bool alone)
{
    struct half *half = &c->half[side];
    struct window *w = half->window;
    int64_t end = offset + len;
    bool probe =
        alone && len == 1 && end == (int64_t)half->offset; /* a keep-alive's byte means nothing */
    if (offset < 0) {
        uint32_t before = end < 0 ? len : (uint32_t)-offset;
        book(s, probe ? FATE_DUPLICATE : flow->midstream ? FATE_LOST_GAP : FATE_MALFORMED, before);
        data += before;
        len -= before;
        offset += before;
        if (!len)
            return;
    }
    uint32_t late = 0, late_end = 0; /* counted from `offset` */
    if (half->flags & HALF_LATE) {
        int64_t gap_end = half_offset_of(half, half->gap_end), gap_start = gap_end - half->gap_len;
        int64_t from = offset > gap_start ? offset : gap_start, to = end < gap_end ? end : gap_end;
        late = to > from ? (uint32_t)(to - from) : 0;
        late_end = late ? (uint32_t)(to - offset) : 0;
    }
    book(s, FATE_LOST_GAP, late);
    uint64_t known = w ? max64(w->tail_from, (uint64_t)offset + late_end) : UINT64_MAX;
    size_t skip = known < (uint64_t)end ? (size_t)(known - (uint64_t)offset) : len;
    if (skip < len && !probe && !window_tail_equals(w, known, data + skip, len - skip)) {
        enum fate fate = report_conflict(s, flow, side, known, data + skip, len - skip);
        book(s, fate, len - skip);
        book(s, FATE_DUPLICATE, skip > late ? skip - late : 0);
        return;
    }
    book(s, FATE_DUPLICATE, len - late);
}

/* A FIN that bytes follow: refused when the receiver acknowledged it, else it was not this
 * connection's. */
static uint32_t respect_fin(struct streams *s, struct connection *c, struct flow *flow,
                            struct half *half, struct segment *segment)
{
    int32_t beyond = (int32_t)(segment->seq + segment->len - half->fin);
    if (!(half->flags & HALF_FIN) || beyond <= 0)
        return segment->len;
    if (half->flags & HALF_ACKED && (int32_t)(half->acked - half->fin) > 0) {
        uint32_t refused = (uint32_t)beyond < segment->len ? (uint32_t)beyond : segment->len;
        book(s, FATE_MALFORMED, refused);
        segment->cut = 0;
        return segment->len - refused;
    }
    half->flags &= (uint16_t)~HALF_FIN;
    flow->evasion |= 1u << EVASION_FIN;
    if (c->lingers && !c->reset) {
        c->lingers = false;
        flow_table_revive(s->table, flow);
    }
    return segment->len;
}

static void book_inserted(struct streams *s, struct flow *flow, enum side side, uint64_t offset,
                          struct segment segment, const struct insertion *done)
{
    uint32_t known = done->taken - done->fresh;
    fate_add(s->counters, FATE_LOST_GAP, done->fresh);
    s->tally[stream_fate(flow, side)] += done->fresh;
    if (done->differs) {
        enum fate fate = report_conflict(s, flow, side, done->known_from,
                                         segment.data + (done->known_from - offset),
                                         (size_t)(done->known_to - done->known_from));
        book(s, fate, known);
    } else {
        book(s, FATE_DUPLICATE, known);
    }
}

/* Into the window's pages; what is next leaves them again at once, in half_drain. */
static void hold(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                 struct segment segment, uint64_t offset)
{
    struct half *half = &c->half[side];
    struct window *w = window_get(s, c, flow, side);
    struct insertion done;
    if (!w) {
        book(s, FATE_SHED_MEMORY, segment.len);
        return;
    }
    bool first = !w->held;
    if (segment.waits)
        add_wait(w, (struct wait){offset, segment.ack});
    window_insert(s, w, offset, segment.data, segment.len, &done);
    if (offset > half->offset && done.fresh)
        count_add(s->counters, COUNT_STREAM_OUT_OF_ORDER, 1);
    if (first && w->held)
        hole_begins(s, w);
    window_rank(s, w);
    book_inserted(s, flow, side, offset, segment, &done);
    if (done.taken == segment.len)
        return;
    if (done.stopped == PAGE_OUT_OF_REACH &&
        hole_jump(s, c, flow, side, (int64_t)offset + done.taken)) {
        segment.data += done.taken;
        segment.len -= done.taken;
        segment.seq += done.taken;
        segment_take(s, c, flow, side, segment); /* once: the jump made room */
        return;
    }
    book(s, done.stopped == PAGE_REFUSED ? FATE_SHED_MEMORY : FATE_LOST_GAP,
         segment.len - done.taken);
}

static void refuse_wild(struct streams *s, struct flow *flow, struct half *half, uint32_t len)
{
    if (half->wild < WILD_MAX)
        half->wild++;
    flow->evasion |= 1u << EVASION_WINDOW;
    book(s, FATE_MALFORMED, len);
}

void segment_take(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  struct segment segment)
{
    struct half *half = &c->half[side];
    int64_t offset = half_offset_of(half, segment.seq);
    if (offset < (int64_t)half->offset) {
        int64_t behind = (int64_t)half->offset - offset;
        uint32_t old = behind < segment.len ? (uint32_t)behind : segment.len;
        take_old(s, c, flow, side, segment.data, old, offset, old == segment.len);
        segment.data += old;
        segment.len -= old;
        segment.seq += old;
        offset += old;
    }
    if (offset > (int64_t)half->offset && tcp_beyond_window(half, segment.seq)) {
        refuse_wild(s, flow, half, segment.len);
        return;
    }
    segment.len = respect_fin(s, c, flow, half, &segment);
    if (segment.len) {
        struct window *w = half->window;
        if (w && w->doubts)
            doubt_compare(s, flow, side, w, (uint64_t)offset, segment.data, segment.len);
        w = half->window;
        if (offset == (int64_t)half->offset && !segment.waits &&
            !(w && (w->wait_count || window_has_early(w, (uint64_t)offset, segment.len))))
            deliver(s, c, flow, side, segment.data, segment.len);
        else
            hold(s, c, flow, side, segment, (uint64_t)offset);
        half_drain(s, c, flow, side);
    }
    if (segment.cut && !flow->opaque && half->next == segment.seq + segment.len) {
        struct window *w = half->window;
        uint64_t room = w && w->held ? w->first_held - half->offset : segment.cut;
        half_gap(s, c, flow, side, min64(room, segment.cut));
        half_drain(s, c, flow, side);
    }
}

void segment_pass(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  struct segment segment)
{
    struct half *half = &c->half[side];
    int32_t beyond = (int32_t)(segment.seq + segment.len + segment.cut - half->next);
    book(s, stream_fate(flow, side), segment.len);
    if (beyond > 0 && beyond < 1 << 30)
        advance(half, (size_t)beyond);
}
