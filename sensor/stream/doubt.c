/* Segments set aside. A receiver would drop them (wrong checksum, a signature nobody agreed on, an
 * old timestamp, no ACK flag, data on a SYN, a time to live that ends on the way), but a tap cannot
 * be quite sure, and two people who conspire can make it wrong on purpose. So they wait, booked as
 * malformed. If the other side acknowledges their range and no sound copy came, it took them, and
 * they are data. If a sound copy comes, that is the data, and a doubtful one that differs is the
 * other reading. */
#include <string.h>

#include "stream/connection.h"

#define DOUBTS_MAX 32 /* of a half */
#define DOUBT_BYTES_MAX (128u * 1024)

static void remove_doubt(struct streams *s, struct window *w, struct doubt **at)
{
    struct doubt *d = *at;
    *at = d->next;
    w->doubt_count--;
    w->doubt_bytes -= (uint32_t)d->bytes.len;
    buffer_release(s->heap, &d->bytes);
    pool_put(s->doubts, d);
}

void doubt_free_all(struct streams *s, struct window *w)
{
    while (w->doubts)
        remove_doubt(s, w, &w->doubts);
}

bool doubt_has_room(const struct half *half, uint32_t len)
{
    const struct window *w = half->window;
    return !w || (w->doubt_count < DOUBTS_MAX && w->doubt_bytes + len <= DOUBT_BYTES_MAX);
}

static uint64_t end_of(const struct doubt *d)
{
    return d->offset + d->bytes.len;
}

void doubt_add(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               struct segment segment, enum evasion reason)
{
    struct half *half = &c->half[side];
    int64_t offset = half_offset_of(half, segment.seq);
    int64_t end = offset + segment.len;
    struct window *w = half->window;
    if (end <= (int64_t)half->offset) { /* nothing new: a copy, or nothing at all */
        bool same = w && offset >= (int64_t)w->tail_from &&
                    window_tail_equals(w, (uint64_t)offset, segment.data, segment.len);
        book(s, same ? FATE_DUPLICATE : FATE_MALFORMED, segment.len);
        return;
    }
    book(s, FATE_MALFORMED, segment.len);
    if (offset < 0 || !(half->flags & HALF_ANCHORED) || tcp_beyond_window(half, segment.seq))
        return;
    if (!w && !(w = window_get(s, c, flow, side)))
        return;
    if (!doubt_has_room(half, segment.len))
        return;
    struct doubt *d = pool_get_zeroed(s->doubts);
    if (!d)
        return;
    if (!buffer_append(s->heap, &d->bytes, segment.data, segment.len)) {
        pool_put(s->doubts, d);
        return;
    }
    d->offset = (uint64_t)offset;
    d->reason = reason;
    struct doubt **at = &w->doubts;
    while (*at)
        at = &(*at)->next; /* the order of arrival: the first copy is taken first */
    *at = d;
    w->doubt_count++;
    w->doubt_bytes += segment.len;
}

void doubt_compare(struct streams *s, struct flow *flow, enum side side, struct window *w,
                   uint64_t offset, const uint8_t *data, size_t len)
{
    struct doubt **at = &w->doubts;
    while (*at) {
        struct doubt *d = *at;
        uint64_t from = d->offset > offset ? d->offset : offset;
        uint64_t to = end_of(d) < offset + len ? end_of(d) : offset + len;
        if (from >= to) {
            at = &d->next;
            continue;
        }
        bool same =
            memcmp(d->bytes.data + (from - d->offset), data + (from - offset), to - from) == 0;
        if (same && to - from < d->bytes.len) {
            at = &d->next; /* the rest of it may yet be needed */
            continue;
        }
        if (same) {
            fate_move(s->counters, FATE_MALFORMED, FATE_DUPLICATE, d->bytes.len);
        } else {
            flow->evasion |= (uint16_t)(1u << d->reason);
            enum fate fate = report_conflict(s, flow, side, d->offset, d->bytes.data, d->bytes.len);
            fate_move(s->counters, FATE_MALFORMED, fate, d->bytes.len);
        }
        remove_doubt(s, w, at);
    }
}

static bool believable(const struct half *half, const struct flow *flow, enum side side,
                       const struct doubt *d, bool last)
{
    if (half_acked_offset(half) >= (int64_t)end_of(d))
        return true;
    return one_sided(flow, side) && d->reason != EVASION_CHECKSUM &&
           (last || d->reason == EVASION_SYN_DATA);
}

bool doubt_accept(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                  bool last)
{
    struct half *half = &c->half[side];
    struct window *w = half->window;
    for (struct doubt **at = &w->doubts; *at; at = &(*at)->next) {
        struct doubt *d = *at;
        if (end_of(d) <= half->offset) { /* passed: other bytes took its place, or a gap */
            remove_doubt(s, w, at);
            return true;
        }
        bool fits = d->offset <= half->offset || (last && !w->held);
        if (!fits || !believable(half, flow, side, d, last))
            continue;
        struct buffer bytes = d->bytes; /* ours now: taking it may change the list */
        struct segment segment = {.data = bytes.data, .len = (uint32_t)bytes.len,
                                  .seq = half->next + (uint32_t)(d->offset - half->offset)};
        d->bytes = (struct buffer){0};
        if (d->reason == EVASION_TTL)
            half->ttl = 1; /* its packets go by several ways: no reason for doubt any more */
        w->doubt_bytes -= (uint32_t)bytes.len;
        remove_doubt(s, w, at);
        s->counters->fate_bytes[FATE_MALFORMED] -= bytes.len; /* booked afresh by segment_take */
        segment_take(s, c, flow, side, segment);
        buffer_release(s->heap, &bytes);
        return true;
    }
    return false;
}
