/* Each datagram is one growing buffer and a bitmap with a bit for each 8 bytes (the unit of
 * fragment offsets), so that neither order nor overlap costs more than the bytes it brings.
 *
 *      buffer:  | room for an IP header | payload: units that came, units that did not |
 *
 * Where a datagram's end is told in two ways (a forged last fragment), the longer telling counts
 * and the datagram is in conflict: a short one must not cut off what the receiver may have read.
 *
 * A complete datagram stays a while, so that fragments captured twice are known as duplicates. */
#include "fragment.h"

#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "hash.h"

#define DATAGRAMS_MAX 4096
#define DONE_MAX 64 /* complete ones kept; more than layers one frame can have */
#define BUCKETS 4096
#define TIMEOUT_NS                                                                                 \
    (30 * INT64_C(1000000000)) /* RFC 791 3.2 proposes 15 s, RFC 8200 4.5 sets 60 s */
#define HEADER_ROOM 40
#define UNIT 8
#define UNITS ((DATAGRAM_MAX + UNIT) / UNIT)
#define WORD_BITS 64
#define BUFFERS_MAX ((size_t)64 << 20) /* and at most an eighth of the ceiling */

struct key {
    struct ip_addr src, dst;
    uint32_t id, path;
    uint8_t version, protocol; /* IPv6 tells datagrams apart without it: 0 */
    uint8_t zero[6];
};

struct datagram {
    struct key key;
    struct datagram *chain;         /* same bucket */
    struct datagram *older, *newer; /* same list */
    struct buffer buffer;
    struct buffer other; /* the reading in which the last copy counts, from the first conflict on */
    int64_t first_ns;
    uint64_t frame; /* the frame that completed it */
    uint32_t bucket;
    uint32_t total;    /* payload length, when `ended` */
    uint32_t reach;    /* end of the farthest byte that came */
    uint32_t received; /* bytes that came, each once */
    uint32_t frames;   /* frames whose bytes wait */
    uint8_t protocol, ttl;
    bool ended, conflict, done;
    uint64_t units[(UNITS + WORD_BITS - 1) / WORD_BITS];
};

struct list {
    struct datagram *oldest, *newest;
    size_t count;
};

struct fragments {
    struct counters *counters;
    struct pool *pool;
    struct buffer_heap *heap;
    struct hash_key key;
    size_t buffers, buffers_max; /* bytes of buffers, and how many there may be */
    uint64_t frame;
    struct list waiting, done;
    struct datagram *buckets[BUCKETS];
};

struct fragments *fragments_new(struct mem *mem, struct counters *counters)
{
    struct fragments *f = calloc(1, sizeof(*f));
    if (!f)
        abort(); /* only at start */
    f->counters = counters;
    f->pool = pool_new(mem, MEM_REASSEMBLY, sizeof(struct datagram));
    f->heap = buffer_heap_new(mem, MEM_REASSEMBLY);
    f->buffers_max =
        mem->ceiling && mem->ceiling / 8 < BUFFERS_MAX ? mem->ceiling / 8 : BUFFERS_MAX;
    hash_key_random(&f->key); /* order and outcome do not depend on it */
    return f;
}

static void list_add(struct list *list, struct datagram *g)
{
    g->newer = NULL;
    g->older = list->newest;
    *(list->newest ? &list->newest->newer : &list->oldest) = g;
    list->newest = g;
    list->count++;
}

static void list_remove(struct list *list, struct datagram *g)
{
    *(g->older ? &g->older->newer : &list->oldest) = g->newer;
    *(g->newer ? &g->newer->older : &list->newest) = g->older;
    list->count--;
}

static void discard(struct fragments *f, struct datagram *g)
{
    struct datagram **at = &f->buckets[g->bucket];
    while (*at != g)
        at = &(*at)->chain;
    *at = g->chain;
    list_remove(g->done ? &f->done : &f->waiting, g);
    f->buffers -= g->buffer.cap + g->other.cap;
    buffer_release(f->heap, &g->buffer);
    buffer_release(f->heap, &g->other);
    pool_put(f->pool, g);
}

void fragments_free(struct fragments *f)
{
    if (!f)
        return;
    while (f->waiting.oldest)
        discard(f, f->waiting.oldest);
    while (f->done.oldest)
        discard(f, f->done.oldest);
    buffer_heap_free(f->heap);
    pool_free(f->pool);
    free(f);
}

void fragments_next_frame(struct fragments *f)
{
    f->frame++;
}

/* Gives up a datagram for its memory: a complete one if there is any, else the one that waits
 * longest, whose bytes are then shed. False when nothing but `keep` and this frame's own are left.
 */
static bool shed_one(struct fragments *f, const struct datagram *keep)
{
    struct datagram *g = f->done.oldest;
    if (g && g->frame != f->frame) {
        discard(f, g);
        return true;
    }
    g = f->waiting.oldest;
    if (g == keep && g)
        g = g->newer;
    if (!g)
        return false;
    fate_move(f->counters, FATE_LOST_GAP, FATE_SHED_MEMORY, g->received);
    f->counters->fate_packets[FATE_LOST_GAP] -= g->frames;
    f->counters->fate_packets[FATE_SHED_MEMORY] += g->frames;
    discard(f, g);
    return true;
}

static bool is_recent(const struct datagram *g, int64_t now_ns)
{
    uint64_t apart = g->first_ns < now_ns ? (uint64_t)now_ns - (uint64_t)g->first_ns
                                          : (uint64_t)g->first_ns - (uint64_t)now_ns;
    return apart <= TIMEOUT_NS;
}

void fragments_expire(struct fragments *f, int64_t now_ns)
{
    /* What was booked as lost stays so. Arrival order is time order, as far as the capture's clock
     * is one; what seems to come from the future came before the clock was set back. */
    while (f->waiting.oldest && !is_recent(f->waiting.oldest, now_ns))
        discard(f, f->waiting.oldest);
    while (f->done.oldest && !is_recent(f->done.oldest, now_ns))
        discard(f, f->done.oldest);
}

static struct datagram *find(struct fragments *f, const struct key *key, uint32_t *bucket)
{
    *bucket = (uint32_t)(hash_bytes(&f->key, key, sizeof(*key)) % BUCKETS);
    struct datagram *g = f->buckets[*bucket];
    while (g && memcmp(&g->key, key, sizeof(*key)) != 0)
        g = g->chain;
    return g;
}

static struct datagram *begin(struct fragments *f, const struct key *key, uint32_t bucket,
                              int64_t time_ns)
{
    struct datagram *g;
    while (f->waiting.count >= DATAGRAMS_MAX)
        shed_one(f, NULL);
    while (!(g = pool_get_zeroed(f->pool))) {
        if (!shed_one(f, NULL))
            return NULL;
    }
    g->key = *key;
    g->bucket = bucket;
    g->chain = f->buckets[bucket];
    f->buckets[bucket] = g;
    g->first_ns = time_ns;
    list_add(&f->waiting, g);
    return g;
}

/* Room for payload up to `end` in one of g's buffers. */
static bool reserve(struct fragments *f, struct datagram *g, struct buffer *buffer, uint32_t end)
{
    size_t need = HEADER_ROOM + end;
    if (need <= buffer->cap)
        return true;
    for (;;) {
        size_t before = buffer->cap;
        if (f->buffers + need <= f->buffers_max && buffer_reserve(f->heap, buffer, need)) {
            f->buffers += buffer->cap - before;
            return true;
        }
        if (!shed_one(f, g))
            return false;
    }
}

static bool has_unit(const struct datagram *g, uint32_t unit)
{
    return g->units[unit / WORD_BITS] >> unit % WORD_BITS & 1;
}

static void note_conflict(struct fragments *f, struct datagram *g)
{
    if (!g->conflict)
        count_add(f->counters, COUNT_PACKET_FRAGMENT_CONFLICTS, 1);
    g->conflict = true;
}

/* The end told before was not the end: a last unit that it cut short must come again. */
static void forget_end(struct fragments *f, struct datagram *g)
{
    uint32_t partial = g->total % UNIT, unit = g->total / UNIT;
    note_conflict(f, g);
    if (partial && has_unit(g, unit)) {
        g->units[unit / WORD_BITS] &= ~(UINT64_C(1) << unit % WORD_BITS);
        g->received -= partial;
        fate_move(f->counters, FATE_LOST_GAP, FATE_DUPLICATE, partial);
    }
    g->ended = false;
}

static void learn_end(struct fragments *f, struct datagram *g, const struct fragment *in)
{
    uint32_t end = in->offset + in->len;
    if (g->ended && end > g->total)
        forget_end(f, g);
    if (in->more)
        return;
    if ((g->ended && end < g->total) || end < g->reach) {
        note_conflict(f, g);
        return;
    }
    g->total = end;
    g->ended = true;
}

/* The second reading: begun as a copy of the first when copies differ for the first time, then every
 * fragment goes over what was there. Without memory for it there is only the first. */
static void read_otherwise(struct fragments *f, struct datagram *g, const struct fragment *in)
{
    uint32_t end = in->offset + in->len;
    bool begun = g->other.cap > 0;
    if (!reserve(f, g, &g->other, begun || end > g->reach ? end : g->reach)) {
        f->buffers -= g->other.cap;
        buffer_release(f->heap, &g->other);
        return;
    }
    if (!begun)
        memcpy(g->other.data, g->buffer.data, HEADER_ROOM + g->reach);
    memcpy(g->other.data + HEADER_ROOM + in->offset, in->data, in->len);
    if (g->other.len < HEADER_ROOM + (size_t)end)
        g->other.len = HEADER_ROOM + end;
}

/* Copies the units that are new and compares those that are not; true when some differ. */
static bool copy_units(struct fragments *f, struct datagram *g, const struct fragment *in,
                       struct datagram_view *view)
{
    bool differs = false;
    uint8_t *payload = g->buffer.data + HEADER_ROOM;
    uint32_t end = in->offset + in->len;
    if (in->offset == 0 && !has_unit(g, 0)) {
        g->protocol = in->protocol;
        g->ttl = in->ttl;
    }
    for (uint32_t at = in->offset; at < end; at += UNIT) {
        uint32_t unit = at / UNIT, n = end - at < UNIT ? end - at : UNIT;
        const uint8_t *from = in->data + (at - in->offset);
        if (has_unit(g, unit)) {
            differs |= memcmp(payload + at, from, n) != 0;
            view->same += n;
        } else if (n == UNIT || (g->ended && at + n == g->total)) {
            memcpy(payload + at, from, n);
            g->units[unit / WORD_BITS] |= UINT64_C(1) << unit % WORD_BITS;
            view->fresh += n;
        } else {
            view->same += n; /* part of a unit that must come whole */
        }
    }
    g->received += view->fresh;
    if (view->fresh && end > g->reach)
        g->reach = end;
    g->buffer.len = HEADER_ROOM + g->reach;
    if (differs)
        note_conflict(f, g);
    return differs;
}

static uint32_t write_v4_header(const struct datagram *g, uint8_t *end)
{
    uint32_t length = 20 + g->total < 65535 ? 20 + g->total : 65535;
    uint8_t *h = end - 20;
    const uint8_t fields[12] = {0x45,
                                0,
                                (uint8_t)(length >> 8),
                                (uint8_t)length,
                                (uint8_t)(g->key.id >> 8),
                                (uint8_t)g->key.id,
                                0,
                                0,
                                g->ttl,
                                g->protocol};
    memcpy(h, fields, 12);
    memcpy(h + 12, g->key.src.bytes + 12, 4);
    memcpy(h + 16, g->key.dst.bytes + 12, 4);
    uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, h, 20));
    memcpy(h + 10, &sum, 2);
    return 20;
}

static uint32_t write_v6_header(const struct datagram *g, uint8_t *end)
{
    uint8_t *h = end - 40;
    const uint8_t fields[8] = {
        0x60, 0, 0, 0, (uint8_t)(g->total >> 8), (uint8_t)g->total, g->protocol, g->ttl};
    memcpy(h, fields, 8);
    memcpy(h + 8, g->key.src.bytes, 16);
    memcpy(h + 24, g->key.dst.bytes, 16);
    return 40;
}

static enum fragment_result complete(struct fragments *f, struct datagram *g,
                                     struct datagram_view *view)
{
    uint8_t *payload = g->buffer.data + HEADER_ROOM;
    view->header_len =
        g->key.version == 4 ? write_v4_header(g, payload) : write_v6_header(g, payload);
    view->header = payload - view->header_len;
    if (g->other.len >= HEADER_ROOM + (size_t)g->total) {
        uint8_t *other = g->other.data + HEADER_ROOM;
        memcpy(other - view->header_len, view->header, view->header_len);
        view->other = other;
    }
    view->payload_len = g->total;
    view->protocol = g->protocol;
    view->conflict = g->conflict;
    view->held_bytes = g->received - view->fresh;
    view->held_frames = g->frames;
    list_remove(&f->waiting, g);
    g->done = true;
    g->frame = f->frame;
    list_add(&f->done, g);
    if (f->done.count > DONE_MAX)
        discard(f, f->done.oldest);
    count_add(f->counters, COUNT_PACKET_FRAGMENTS_REASSEMBLED, 1);
    return FRAGMENT_COMPLETE;
}

/* A fragment of a datagram that was complete before: captured twice, or the first of the next
 * datagram under the same identification. Only equal bytes are the former. */
static bool is_copy(const struct datagram *g, const struct fragment *in)
{
    uint32_t end = in->offset + in->len;
    return end <= g->total && in->more == (end < g->total) &&
           memcmp(g->buffer.data + HEADER_ROOM + in->offset, in->data, in->len) == 0;
}

enum fragment_result fragments_add(struct fragments *f, const struct fragment *in,
                                   struct datagram_view *view)
{
    const struct key key = {.src = in->src,
                            .dst = in->dst,
                            .id = in->id,
                            .path = in->path,
                            .version = in->version,
                            .protocol = in->version == 4 ? in->protocol : 0};
    uint32_t bucket;
    *view = (struct datagram_view){0};
    struct datagram *g = find(f, &key, &bucket);
    if (g && g->done) {
        if (is_copy(g, in) || g->frame == f->frame) {
            view->same = in->len;
            return FRAGMENT_DUPLICATE;
        }
        discard(f, g);
        g = NULL;
    }
    if (!g)
        g = begin(f, &key, bucket, in->time_ns);
    if (!g)
        return FRAGMENT_SHED;
    if (!reserve(f, g, &g->buffer, in->offset + in->len)) {
        if (!g->received)
            discard(f, g);
        return FRAGMENT_SHED;
    }
    learn_end(f, g, in);
    if (copy_units(f, g, in, view) || g->other.cap)
        read_otherwise(f, g, in);
    if (g->ended && g->received == g->total)
        return complete(f, g, view);
    if (view->fresh == 0)
        return FRAGMENT_DUPLICATE;
    g->frames++;
    return FRAGMENT_HELD;
}
