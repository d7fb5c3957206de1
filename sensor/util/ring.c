/* The single-producer single-consumer ring of include/ring.h. Each side keeps a copy of the other's index
 * and reads the shared one only when the copy says full or empty. */
#include "ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define LINE 64

struct ring {
    size_t mask;
    void **slots;
    _Alignas(LINE) atomic_size_t head; /* producer writes */
    size_t tail_seen;                  /* producer's copy */
    _Alignas(LINE) atomic_size_t tail; /* consumer writes */
    size_t head_seen;                  /* consumer's copy */
};

struct ring *ring_new(size_t capacity)
{
    size_t size = 1;
    while (size < capacity)
        size *= 2;
    struct ring *ring = aligned_alloc(LINE, sizeof(*ring));
    if (!ring)
        abort(); /* only at start */
    *ring = (struct ring){.mask = size - 1, .slots = calloc(size, sizeof(void *))};
    if (!ring->slots)
        abort();
    return ring;
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    free(ring->slots);
    free(ring);
}

bool ring_push(struct ring *ring, void *item)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head - ring->tail_seen > ring->mask) {
        ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
        if (head - ring->tail_seen > ring->mask)
            return false;
    }
    ring->slots[head & ring->mask] = item;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

void *ring_pop(struct ring *ring)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail == ring->head_seen) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (tail == ring->head_seen)
            return NULL;
    }
    void *item = ring->slots[tail & ring->mask];
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return item;
}

size_t ring_depth(const struct ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_relaxed) -
           atomic_load_explicit(&ring->tail, memory_order_relaxed);
}
