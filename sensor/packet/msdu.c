/* One slot for each hash of the addresses and the traffic class: who collides with another only loses an MSDU that
 * waits, whose bytes are booked as lost already. */
#include "msdu.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define MSDUS_MAX 256
#define MSDU_BYTES_MAX 16384 /* sixteen pieces of 2,304 bytes are more than any MSDU */
#define LIFE_NS (5 * INT64_C(1000000000))

struct msdu {
    uint8_t addresses[12];
    uint8_t tid, next; /* number of the piece that comes next */
    uint16_t sequence;
    bool used;
    uint32_t frames, last; /* pieces that wait, and where the latest of them begins */
    int64_t time_ns;
    struct buffer bytes;
};

struct msdus {
    struct buffer_heap *heap;
    struct hash_key key;
    struct msdu slots[MSDUS_MAX];
};

struct msdus *msdus_new(struct mem *mem)
{
    struct msdus *m = calloc(1, sizeof(*m));
    if (!m)
        abort(); /* only at start */
    m->heap = buffer_heap_new(mem, MEM_REASSEMBLY);
    m->key = HASH_KEY_FIXED; /* a replay decides alike every time */
    return m;
}

void msdus_free(struct msdus *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < MSDUS_MAX; i++)
        buffer_release(m->heap, &m->slots[i].bytes);
    buffer_heap_free(m->heap);
    free(m);
}

static bool is_same(const struct msdu *g, const struct msdu_piece *in)
{
    return g->used && g->sequence == in->sequence && g->tid == in->tid &&
           in->time_ns - g->time_ns < LIFE_NS &&
           memcmp(g->addresses, in->addresses, sizeof(g->addresses)) == 0;
}

/* Sent or captured again: the piece that came last. */
static bool is_copy(const struct msdu *g, const struct msdu_piece *in)
{
    return in->len && in->number + 1 == g->next && g->bytes.len - g->last == in->len &&
           memcmp(g->bytes.data + g->last, in->data, in->len) == 0;
}

static void start(struct msdu *g, const struct msdu_piece *in)
{
    struct buffer bytes = g->bytes;
    bytes.len = 0;
    *g = (struct msdu){.tid = in->tid, .sequence = in->sequence, .used = true, .bytes = bytes};
    memcpy(g->addresses, in->addresses, sizeof(g->addresses));
}

enum fragment_result msdus_add(struct msdus *m, const struct msdu_piece *in, struct msdu_view *view)
{
    uint8_t key[13];
    memcpy(key, in->addresses, 12);
    key[12] = in->tid;
    struct msdu *g = &m->slots[hash_bytes(&m->key, key, sizeof(key)) % MSDUS_MAX];
    *view = (struct msdu_view){0};
    if (is_same(g, in) && is_copy(g, in))
        return FRAGMENT_DUPLICATE;
    if (in->number == 0)
        start(g, in);
    else if (!is_same(g, in) || in->number != g->next)
        return FRAGMENT_HELD;
    g->time_ns = in->time_ns;
    g->last = (uint32_t)g->bytes.len;
    if (g->bytes.len + in->len > MSDU_BYTES_MAX ||
        !buffer_append(m->heap, &g->bytes, in->data, in->len)) {
        g->used = false;
        return FRAGMENT_SHED;
    }
    g->next++;
    if (in->more) {
        g->frames++;
        return FRAGMENT_HELD;
    }
    *view = (struct msdu_view){g->bytes.data, (uint32_t)g->bytes.len, g->last, g->frames};
    g->frames = 0;
    return FRAGMENT_COMPLETE;
}
