/* Contiguous growable buffers. Capacities are powers of two. Up to 64 KiB a buffer is a block of the heap's
 * own free lists and grows by copying (at most twice its final bytes in all); above, it is mapped and grows by
 * mremap(2), which moves page tables and not bytes. Freed blocks wait in their class for the next object, up
 * to CACHE_BYTES: a mapped block that is used again costs no page faults. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

#define CLASS_MIN_SHIFT 10 /* 1 KiB */
#define CLASS_MAPPED_SHIFT 17
#define CLASS_MAX_SHIFT 40
#define CLASSES (CLASS_MAX_SHIFT - CLASS_MIN_SHIFT + 1)
#define CACHE_BYTES (16u << 20)

struct block {
    struct block *next;
};

struct buffer_heap {
    struct mem *mem;
    enum mem_owner owner;
    struct buffer_heap *next; /* of the same budget */
    size_t cached; /* bytes waiting in the classes */
    struct block *free_list[CLASSES];
};

struct buffer_heap *buffer_heap_new(struct mem *mem, enum mem_owner owner)
{
    struct buffer_heap *heap = calloc(1, sizeof(*heap));
    if (!heap)
        abort(); /* only at start */
    heap->mem = mem;
    heap->owner = owner;
    heap->next = mem->heaps;
    mem->heaps = heap;
    return heap;
}

static unsigned class_of(size_t cap)
{
    unsigned shift = CLASS_MIN_SHIFT;
    while (((size_t)1 << shift) < cap)
        shift++;
    return shift;
}

static void *system_get(unsigned shift)
{
    size_t size = (size_t)1 << shift;
    if (shift < CLASS_MAPPED_SHIFT)
        return malloc(size);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void system_put(void *p, unsigned shift)
{
    if (shift < CLASS_MAPPED_SHIFT)
        free(p);
    else
        munmap(p, (size_t)1 << shift);
}

static void count_cached(struct buffer_heap *heap, size_t before, size_t after)
{
    heap->cached = heap->cached - before + after;
    heap->mem->cached = heap->mem->cached - before + after;
}

static void trim(struct buffer_heap *heap)
{
    for (unsigned i = 0; heap->cached && i < CLASSES; i++) {
        while (heap->free_list[i]) {
            struct block *block = heap->free_list[i];
            heap->free_list[i] = block->next;
            count_cached(heap, (size_t)1 << (i + CLASS_MIN_SHIFT), 0);
            system_put(block, i + CLASS_MIN_SHIFT);
        }
    }
}

void buffer_heaps_trim(struct mem *mem)
{
    for (struct buffer_heap *heap = mem->heaps; mem->cached && heap; heap = heap->next)
        trim(heap);
}

void buffer_heap_free(struct buffer_heap *heap)
{
    if (!heap)
        return;
    trim(heap);
    struct buffer_heap **at = &heap->mem->heaps;
    while (*at != heap)
        at = &(*at)->next;
    *at = heap->next;
    free(heap);
}

static void *block_get(struct buffer_heap *heap, unsigned shift)
{
    struct block **list = &heap->free_list[shift - CLASS_MIN_SHIFT];
    if (*list) {
        struct block *block = *list;
        *list = block->next;
        count_cached(heap, (size_t)1 << shift, 0);
        return block;
    }
    return system_get(shift);
}

static void block_put(struct buffer_heap *heap, void *data, unsigned shift)
{
    size_t size = (size_t)1 << shift;
    if (heap->cached + size > CACHE_BYTES) {
        system_put(data, shift);
        return;
    }
    struct block *block = data;
    block->next = heap->free_list[shift - CLASS_MIN_SHIFT];
    heap->free_list[shift - CLASS_MIN_SHIFT] = block;
    count_cached(heap, 0, size);
}

/* A mapped buffer grows where it is or moves without copying; others move by copy. */
static uint8_t *grow(struct buffer_heap *heap, struct buffer *buffer, unsigned shift)
{
    unsigned old = class_of(buffer->cap);
    if (buffer->cap && old >= CLASS_MAPPED_SHIFT && !heap->free_list[shift - CLASS_MIN_SHIFT]) {
        void *p = mremap(buffer->data, buffer->cap, (size_t)1 << shift, MREMAP_MAYMOVE);
        return p == MAP_FAILED ? NULL : p;
    }
    uint8_t *data = block_get(heap, shift);
    if (!data)
        return NULL;
    if (buffer->cap) {
        memcpy(data, buffer->data, buffer->len);
        block_put(heap, buffer->data, old);
    }
    return data;
}

bool buffer_reserve(struct buffer_heap *heap, struct buffer *buffer, size_t cap)
{
    if (cap <= buffer->cap)
        return true;
    if (cap > (size_t)1 << CLASS_MAX_SHIFT)
        return false;
    unsigned shift = class_of(cap);
    size_t size = (size_t)1 << shift;
    if (!mem_charge(heap->mem, heap->owner, size - buffer->cap))
        return false;
    uint8_t *data = grow(heap, buffer, shift);
    if (!data) {
        mem_release(heap->mem, heap->owner, size - buffer->cap);
        return false;
    }
    buffer->data = data;
    buffer->cap = size;
    return true;
}

bool buffer_append(struct buffer_heap *heap, struct buffer *buffer, const void *data, size_t n)
{
    if (n > buffer->cap - buffer->len && !buffer_reserve(heap, buffer, buffer->len + n))
        return false;
    if (n)
        memcpy(buffer->data + buffer->len, data, n);
    buffer->len += n;
    return true;
}

void buffer_release(struct buffer_heap *heap, struct buffer *buffer)
{
    if (buffer->cap) {
        mem_release(heap->mem, heap->owner, buffer->cap);
        block_put(heap, buffer->data, class_of(buffer->cap));
    }
    *buffer = (struct buffer){0};
}
