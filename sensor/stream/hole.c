/* Holes: a range that is missing while bytes after it are there.
 *
 * As long as the receiver has not acknowledged past a hole it lacks the bytes too, and they will be
 * sent again. Once it has, they went by unseen: the capture lost them. Then the hole is given to
 * the sink as a gap, after a grace for taps whose two directions arrive a little out of step. For as
 * long an answer waits that was captured before what it answers: no decoder sees a reply to a command it
 * did not see. */
#include "stream/connection.h"

#define SECOND INT64_C(1000000000)
#define GRACE_NS (2 * SECOND)
#define GRACE_BYTES (32u * 1024)
#define ONE_SIDED_NS                                                                               \
    (10 * SECOND) /* no acknowledgement to go by: longer than any retransmission that helps */
#define ONE_SIDED_BYTES (1024u * 1024)
#define MESSAGE_NS (60 * SECOND) /* a message at which nothing comes for so long is not kept any more */
#define HELD_MAX (6u * 1024 * 1024) /* nearly all a window can reach */
#define WILD_ENOUGH 16
#define SHED_LOOK 16

void hole_begins(struct streams *s, struct window *w)
{
    w->hole_since_ns = s->now_ns;
    w->hole_check_ns = s->now_ns + GRACE_NS;
    link_remove(&w->by_hole);
    link_append(&s->by_hole, &w->by_hole);
}

static bool hole_is_lost(const struct streams *s, const struct half *half, const struct window *w)
{
    int64_t age = s->now_ns - w->hole_since_ns;
    if (half_acked_offset(half) >= (int64_t)w->first_held)
        return w->held >= GRACE_BYTES || age >= GRACE_NS;
    if (one_sided(w->flow, w->side))
        return w->held >= ONE_SIDED_BYTES || age >= ONE_SIDED_NS;
    return w->held >= HELD_MAX;
}

void hole_settle(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                 bool last)
{
    struct half *half = &c->half[side];
    struct window *w;
    while ((w = half->window) && !flow->opaque) {
        if (w->doubts && doubt_accept(s, c, flow, side, last))
            continue;
        if (!w->held || (!last && !hole_is_lost(s, half, w)))
            return;
        if (w->first_held == half->offset)
            w->wait_count = 0;
        uint64_t to = w->first_held;
        for (struct doubt *d = w->doubts; d;
             d = d->next) { /* what may fill a part of it gets its turn */
            if (d->offset > half->offset && d->offset < to &&
                half_acked_offset(half) >= (int64_t)(d->offset + d->bytes.len))
                to = d->offset;
        }
        half_lost(s, c, flow, side, to - half->offset);
        half_drain(s, c, flow, side);
    }
}

/* A segment lies farther ahead than a window reaches. True when `next` moved, so that it may fit
 * now. */
bool hole_jump(struct streams *s, struct connection *c, struct flow *flow, enum side side,
               int64_t offset)
{
    struct half *half = &c->half[side];
    uint64_t before = half->offset;
    int64_t acked = half_acked_offset(half);
    if (half->wild < UINT8_MAX)
        half->wild++;
    bool lost = one_sided(flow, side) && half->wild >= WILD_ENOUGH;
    if (acked > (int64_t)before || lost) {
        hole_settle(s, c, flow, side, true);
        int64_t to = lost || acked > offset ? offset : acked;
        if (to > (int64_t)half->offset)
            half_lost(s, c, flow, side, (uint64_t)to - half->offset);
        half_drain(s, c, flow, side);
    } else if (half->window && half->window->held >= HELD_MAX) {
        hole_settle(s, c, flow, side, true);
    }
    return half->offset != before && !flow->opaque;
}

static bool shed_tail(struct streams *s)
{
    struct link *at = s->by_age.next;
    for (int i = 0; i < SHED_LOOK && at != &s->by_age; i++) {
        struct window *w = LINK_OWNER(at, struct window, by_age);
        at = at->next;
        if (!w->connection->in_use && window_forget_message(s, w)) {
            half_trim(s, &w->connection->half[w->side], w->flow);
            return true;
        }
        if (!w->held && !w->doubts && !w->connection->in_use) {
            window_free(s, w);
            return true;
        }
        link_remove(&w->by_age); /* not now: let the next look begin behind it */
        link_append(&s->by_age, &w->by_age);
    }
    return false;
}

static bool shed_early(struct streams *s, unsigned least)
{
    for (unsigned rank = RANKS - 1; rank >= least && rank > 0; rank--) {
        struct link *at = s->by_rank[rank].next;
        for (int i = 0; i < SHED_LOOK && at != &s->by_rank[rank]; i++, at = at->next) {
            struct window *w = LINK_OWNER(at, struct window, by_rank);
            if (w->connection->in_use)
                continue;
            fate_move(s->counters, FATE_LOST_GAP, FATE_SHED_MEMORY, w->held);
            w->connection->half[w->side].dropped += w->held;
            window_drop_early(s, w);
            half_trim(s, &w->connection->half[w->side], w->flow);
            return true;
        }
    }
    return false;
}

bool window_shed(struct streams *s, unsigned rank)
{
    return rank ? shed_early(s, rank) : shed_tail(s);
}

bool streams_shed(struct streams *s)
{
    return shed_tail(s) || shed_early(s, 1);
}

/* A connection that is silent gives back what its message takes. */
static void forget_old_messages(struct streams *s)
{
    while (s->by_age.next != &s->by_age) {
        struct window *w = LINK_OWNER(s->by_age.next, struct window, by_age);
        if (s->now_ns - w->kept_ns < MESSAGE_NS)
            return;
        w->kept_ns = s->now_ns;
        link_remove(&w->by_age);
        link_append(&s->by_age, &w->by_age);
        window_forget_message(s, w);
        half_trim(s, &w->connection->half[w->side], w->flow);
    }
}

void streams_expire(struct streams *s, int64_t now_ns)
{
    s->now_ns = flow_table_clock(s->table, now_ns);
    forget_old_messages(s);
    while (s->by_hole.next != &s->by_hole) {
        struct window *w = LINK_OWNER(s->by_hole.next, struct window, by_hole);
        struct connection *c = w->connection;
        struct flow *flow = w->flow;
        enum side side = w->side;
        if (w->hole_check_ns > s->now_ns)
            return;
        w->hole_check_ns = s->now_ns + SECOND;
        link_remove(&w->by_hole);
        link_append(&s->by_hole, &w->by_hole);
        flow_table_protect(s->table, flow);
        c->in_use++;
        hole_settle(s, c, flow, side, false);
        half_trim(s, &c->half[side], flow);
        if ((w = c->half[side].window))
            other_hand_on(s, w, w->tail_from);
        tcp_close(s, c, flow);
        c->in_use--;
    }
}
