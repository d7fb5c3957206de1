/* The bytes a window keeps: pages of 2 KiB in a ring of slots by page number. */
#include <string.h>

#include "stream/connection.h"

static uint64_t page_number(uint64_t offset)
{
    return offset >> PAGE_SHIFT;
}

struct window *window_get(struct streams *s, struct connection *c, struct flow *flow,
                          enum side side)
{
    struct half *half = &c->half[side];
    if (half->window)
        return half->window;
    struct window *w = pool_get_zeroed(s->windows);
    for (int i = 0; !w && i < 32 && (window_shed(s, 0) || flow_table_evict(s->table)); i++)
        w = pool_get_zeroed(s->windows);
    if (!w)
        return NULL;
    w->connection = c;
    w->flow = flow;
    w->side = side;
    w->slots = w->inline_slots;
    w->slot_count = INLINE_SLOTS;
    w->kept_ns = s->now_ns;
    w->tail_from = w->message_from = half->offset;
    w->whole = !half->offset || half->flags & HALF_MESSAGE_OVER;
    half->flags &= (uint16_t)~HALF_MESSAGE_OVER;
    link_append(&s->by_age, &w->by_age);
    link_init(&w->by_rank);
    link_init(&w->by_hole);
    half->window = w;
    return w;
}

static void put_page(struct streams *s, struct window *w, uint64_t number)
{
    struct page **slot = &w->slots[number & (w->slot_count - 1)];
    if (!*slot)
        return;
    pool_put(s->pages, *slot);
    *slot = NULL;
    w->pages--;
    s->page_count--;
}

void window_free(struct streams *s, struct window *w)
{
    other_drop(s, w);
    for (uint64_t n = w->first_page; w->pages && n < w->end_page; n++)
        put_page(s, w, n);
    doubt_free_all(s, w);
    buffer_release(s->heap, &w->slot_buffer);
    link_remove(&w->by_age);
    link_remove(&w->by_rank);
    link_remove(&w->by_hole);
    struct half *half = &w->connection->half[w->side];
    if (half->window == w)
        half->window = NULL;
    pool_put(s->windows, w);
}

struct page *window_page(const struct window *w, uint64_t number)
{
    if (number < w->first_page || number >= w->end_page)
        return NULL;
    return w->slots[number & (w->slot_count - 1)];
}

static enum page_result reach(struct streams *s, struct window *w, uint64_t first, uint64_t end)
{
    uint32_t count = w->slot_count;
    if (end - first <= count)
        return PAGE_OK;
    if (end - first > SLOTS_MAX)
        return PAGE_OUT_OF_REACH;
    while (end - first > count)
        count = count < 128 ? 128 : count * 8 > SLOTS_MAX ? SLOTS_MAX : count * 8;
    struct buffer fresh = {0};
    if (!buffer_reserve(s->heap, &fresh, count * sizeof(struct page *)))
        return PAGE_REFUSED;
    struct page **slots = (struct page **)(void *)fresh.data;
    memset(slots, 0, count * sizeof(struct page *));
    for (uint64_t n = w->first_page; n < w->end_page; n++)
        slots[n & (count - 1)] = w->slots[n & (w->slot_count - 1)];
    buffer_release(s->heap, &w->slot_buffer);
    w->slot_buffer = fresh;
    w->slots = slots;
    w->slot_count = count;
    return PAGE_OK;
}

/* Held segments may take half of the ceiling. Past that, and when memory is refused, tails go
 * first, then (for memory) idle flows, then the early bytes of holders at least as large as this
 * one: a flood sheds itself. */
static struct page *get_page(struct streams *s, const struct window *w, bool spare)
{
    size_t limit = s->mem->ceiling / 2;
    bool tight = limit && s->mem->used[MEM_REASSEMBLY] > limit;
    unsigned rank = w->rank ? w->rank : 1;
    if (spare) {
        if (tight || s->page_count >= s->tail_pages_max)
            window_shed(s, 0);
        return tight ? NULL : pool_get(s->pages);
    }
    if (tight && !window_shed(s, 0) && !window_shed(s, rank))
        return NULL;
    struct page *page = pool_get(s->pages);
    for (int i = 0; !page && i < 64; i++) {
        if (!window_shed(s, 0) && !flow_table_evict(s->table) && !window_shed(s, rank))
            break;
        page = pool_get(s->pages);
    }
    return page;
}

enum page_result window_need_page(struct streams *s, struct window *w, uint64_t number, bool spare)
{
    if (window_page(w, number))
        return PAGE_OK;
    uint64_t first = w->pages && w->first_page < number ? w->first_page : number;
    uint64_t end = w->pages && w->end_page > number + 1 ? w->end_page : number + 1;
    if (!w->pages)
        w->first_page = w->end_page = number;
    if (end - first > SLOTS_MAX && window_forget_message(s, w))
        return window_need_page(s, w, number, spare); /* once: there is nothing more to forget */
    enum page_result result = reach(s, w, first, end);
    if (result != PAGE_OK)
        return result;
    struct page *page = get_page(s, w, spare);
    if (!page)
        return PAGE_REFUSED;
    memset(page->present, 0, sizeof(page->present));
    w->first_page = first;
    w->end_page = end;
    w->slots[number & (w->slot_count - 1)] = page;
    w->pages++;
    s->page_count++;
    return PAGE_OK;
}

void window_release_before(struct streams *s, struct window *w, uint64_t offset)
{
    uint64_t number = page_number(offset);
    while (w->pages && w->first_page < number && w->first_page < w->end_page)
        put_page(s, w, w->first_page++);
    if (!w->pages)
        w->first_page = w->end_page = number;
}

uint64_t window_floor(const struct window *w)
{
    uint64_t floor = w->tail_from;
    if (w->whole && w->message_from < floor)
        floor = w->message_from;
    if (w->over && w->next_message < floor)
        floor = w->next_message;
    return floor;
}

bool window_forget_message(struct streams *s, struct window *w)
{
    uint32_t before = w->pages;
    w->whole = w->over = false;
    window_release_before(s, w, w->tail_from);
    return w->pages < before;
}

void window_keep_tail(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                      size_t len)
{
    while (len) {
        size_t at = offset & (PAGE_BYTES - 1);
        size_t n = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        if (window_need_page(s, w, page_number(offset), true) == PAGE_OK) {
            memcpy(window_page(w, page_number(offset))->data + at, data, n);
        } else {
            w->tail_from = offset + n;
            w->whole = w->over = false;
        }
        offset += n;
        data += n;
        len -= n;
    }
}

bool window_tail_equals(const struct window *w, uint64_t offset, const uint8_t *data, size_t len)
{
    while (len) {
        size_t at = offset & (PAGE_BYTES - 1);
        size_t n = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        const struct page *page = window_page(w, page_number(offset));
        if (page && memcmp(page->data + at, data, n) != 0)
            return false;
        offset += n;
        data += n;
        len -= n;
    }
    return true;
}

/* Bits `from` to `to` of a word, to > from. */
static uint64_t word_mask(size_t from, size_t to)
{
    return (to - from == 64 ? ~UINT64_C(0) : (UINT64_C(1) << (to - from)) - 1) << from;
}

bool window_has_early(const struct window *w, uint64_t offset, size_t len)
{
    uint64_t end = offset + len;
    if (!w->held || end <= w->first_held || offset >= w->held_end)
        return false;
    while (offset < end) {
        const struct page *page = window_page(w, page_number(offset));
        size_t at = offset & (PAGE_BYTES - 1);
        if (!page) {
            offset += PAGE_BYTES - at;
            continue;
        }
        size_t bit = at & 63;
        size_t n = end - offset < 64 - bit ? (size_t)(end - offset) : 64 - bit;
        if (page->present[at / 64] & word_mask(bit, bit + n))
            return true;
        offset += n;
    }
    return false;
}

/* At most 64 bytes of one word of the page's map: all new, all known, or a mixture. */
static void insert_word(struct page *page, size_t at, uint64_t offset, const uint8_t *data,
                        size_t n, struct insertion *done)
{
    uint64_t mask = word_mask(at & 63, (at & 63) + n);
    uint64_t *present = &page->present[at / 64];
    uint64_t known = *present & mask;
    if (!known) {
        memcpy(page->data + at, data, n);
        done->fresh += (uint32_t)n;
        *present |= mask;
        return;
    }
    if (known == mask) {
        done->differs = done->differs || memcmp(page->data + at, data, n) != 0;
    } else {
        for (size_t i = 0; i < n; i++) {
            if (known >> ((at & 63) + i) & 1)
                done->differs = done->differs || page->data[at + i] != data[i];
            else
                page->data[at + i] = data[i];
        }
        done->fresh += (uint32_t)__builtin_popcountll(mask ^ known);
        *present |= mask;
    }
    uint64_t word_start = offset - (at & 63);
    if (done->known_from == done->known_to)
        done->known_from = word_start + (uint64_t)__builtin_ctzll(known);
    done->known_to = word_start + 64 - (uint64_t)__builtin_clzll(known);
}

void window_insert(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                   size_t len, struct insertion *done)
{
    uint64_t start = offset;
    *done = (struct insertion){.stopped = PAGE_OK};
    while (len) {
        done->stopped = window_need_page(s, w, page_number(offset), false);
        if (done->stopped != PAGE_OK)
            break;
        struct page *page = window_page(w, page_number(offset));
        size_t at = offset & (PAGE_BYTES - 1);
        size_t in_page = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        for (size_t n; in_page; in_page -= n) {
            n = 64 - (at & 63) < in_page ? 64 - (at & 63) : in_page;
            insert_word(page, at, offset, data, n, done);
            at += n;
            offset += n;
            data += n;
            len -= n;
            done->taken += (uint32_t)n;
        }
    }
    if (done->fresh) {
        if (!w->held || start < w->first_held)
            w->first_held = start;
        if (!w->held || offset > w->held_end)
            w->held_end = offset;
        w->held += done->fresh;
    }
}

bool window_overwrite(struct streams *s, struct window *w, uint64_t offset, const uint8_t *data,
                      size_t len)
{
    struct insertion done;
    window_insert(s, w, offset, data, len, &done);
    if (done.taken < len)
        return false;
    while (len) {
        size_t at = offset & (PAGE_BYTES - 1);
        size_t n = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
        memcpy(window_page(w, page_number(offset))->data + at, data, n);
        offset += n;
        data += n;
        len -= n;
    }
    return true;
}

size_t window_run(const struct window *w, uint64_t offset, const uint8_t **data)
{
    const struct page *page = w->held ? window_page(w, page_number(offset)) : NULL;
    if (!page)
        return 0;
    size_t at = offset & (PAGE_BYTES - 1), start = at;
    while (at < PAGE_BYTES) {
        uint64_t missing = ~(page->present[at / 64] >> (at & 63));
        size_t here = 64 - (at & 63);
        size_t run = missing ? (size_t)__builtin_ctzll(missing) : 64;
        if (run < here) {
            at += run;
            break;
        }
        at += here;
    }
    *data = page->data + start;
    return at - start;
}

void window_find_held(struct window *w, uint64_t from)
{
    while (w->held && from < w->held_end) {
        const struct page *page = window_page(w, page_number(from));
        size_t at = from & (PAGE_BYTES - 1);
        uint64_t bits = page ? page->present[at / 64] >> (at & 63) : 0;
        if (bits) {
            w->first_held = from + (uint64_t)__builtin_ctzll(bits);
            return;
        }
        from += page ? 64 - (at & 63) : PAGE_BYTES - at;
    }
    w->first_held = w->held_end;
}

void window_drop_early(struct streams *s, struct window *w)
{
    uint64_t edge = page_number(w->connection->half[w->side].offset);
    for (uint64_t n = edge + 1 > w->first_page ? edge + 1 : w->first_page; n < w->end_page; n++)
        put_page(s, w, n);
    struct page *page = window_page(w, edge);
    if (page)
        memset(page->present, 0, sizeof(page->present));
    if (w->end_page > edge + 1)
        w->end_page = edge + 1;
    if (w->first_page > w->end_page)
        w->first_page = w->end_page;
    w->held = 0;
    w->wait_count = 0;
    window_rank(s, w);
}

void window_rank(struct streams *s, struct window *w)
{
    uint8_t rank = w->held ? (uint8_t)(32 - __builtin_clz(w->pages | 1)) : 0;
    if (rank == w->rank)
        return;
    link_remove(&w->by_rank);
    if (rank)
        link_append(&s->by_rank[rank], &w->by_rank);
    if (!rank)
        link_remove(&w->by_hole);
    w->rank = rank;
}
