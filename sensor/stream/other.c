/* The other reading of a side whose copies differ.
 *
 * It is a window of its own beside the first, never larger than what can still change: copies that
 * differ are written over what is there, delivered bytes fill in what is not, and what lies before
 * the first window's tail is handed on. So both readings go through the same decoders whole, each in
 * order, and an object that makes sense only with the other copies in place comes out as any other.
 *
 *      copy -------overwrite--\
 *      delivered --insert------> [tail_from of `other` ... offset] --before the tail--> other_data */
#include "stream/connection.h"

void other_drop(struct streams *s, struct window *w)
{
    if (w->other)
        window_free(s, w->other);
    w->other = NULL;
}

/* No room for it, and none will be looked for again before the next message: each attempt costs what is kept. */
static void give_up(struct streams *s, struct window *w)
{
    other_drop(s, w);
    window_forget_message(s, w);
}

/* What the first reading kept, from `from` to `to`, page by page. */
static bool copy_kept(struct streams *s, struct window *w, uint64_t from, uint64_t to)
{
    while (from < to) {
        const struct page *page = window_page(w, from >> PAGE_SHIFT);
        size_t at = from & (PAGE_BYTES - 1);
        size_t n = PAGE_BYTES - at < to - from ? PAGE_BYTES - at : (size_t)(to - from);
        if (!page || !window_overwrite(s, w->other, from, page->data + at, n))
            return false;
        from += n;
    }
    return true;
}

static bool begin(struct streams *s, struct window *w)
{
    const struct half *half = &w->connection->half[w->side];
    if (!w->whole || !w->flow->content[w->side] || !s->sink.other_begin)
        return false;
    struct window *other = pool_get_zeroed(s->windows);
    if (!other)
        return false;
    other->connection = w->connection;
    other->flow = w->flow;
    other->side = w->side;
    other->slots = other->inline_slots;
    other->slot_count = INLINE_SLOTS;
    other->tail_from = w->message_from;
    link_init(&other->by_age);
    link_init(&other->by_rank);
    link_init(&other->by_hole);
    w->other = other;
    if (!copy_kept(s, w, w->message_from, half->offset)) {
        give_up(s, w);
        return false;
    }
    s->sink.other_begin(s->sink.user, w->flow, w->side);
    return true;
}

bool other_take(struct streams *s, struct flow *flow, enum side side, uint64_t offset,
                const uint8_t *data, size_t len)
{
    struct connection *c = flow->stream;
    struct window *w = c->half[side].window;
    if (!w || (!w->other && !begin(s, w)))
        return false;
    uint64_t from = w->other->tail_from;
    size_t skip = from <= offset ? 0 : from - offset < len ? (size_t)(from - offset) : len;
    if (window_overwrite(s, w->other, offset + skip, data + skip, len - skip))
        return true;
    give_up(s, w);
    return false;
}

void other_follow(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                  size_t len)
{
    struct insertion done;
    if (!w || !w->other)
        return;
    window_insert(s, w->other, offset, data, len, &done);
    if (done.taken < len)
        give_up(s, w);
}

void other_hand_on(struct streams *s, struct window *w, uint64_t to)
{
    struct window *other = w->other;
    const uint8_t *data;
    size_t n;
    if (!other)
        return;
    while (other->tail_from < to && (n = window_run(other, other->tail_from, &data)) > 0) {
        if (n > to - other->tail_from)
            n = (size_t)(to - other->tail_from);
        other->tail_from += n;
        other->held -= (uint32_t)n;
        s->sink.other_data(s->sink.user, w->flow, w->side, data, n);
    }
    window_release_before(s, other, other->tail_from);
}

/* Before a gap of the first reading everything is there. */
void other_gap(struct streams *s, struct window *w, uint64_t from, uint64_t len)
{
    other_hand_on(s, w, from);
    if (!w->other)
        return;
    w->other->tail_from = from + len;
    window_release_before(s, w->other, from + len);
    s->sink.other_gap(s->sink.user, w->flow, w->side, len);
}

void other_end(struct streams *s, struct window *w, enum stream_end how)
{
    other_hand_on(s, w, w->connection->half[w->side].offset);
    if (w->other)
        s->sink.other_end(s->sink.user, w->flow, w->side, how);
    other_drop(s, w);
}
