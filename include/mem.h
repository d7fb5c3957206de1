/* Memory of one worker: a budget that every owner charges, pools of fixed-size items, and contiguous
 * buffers that grow. Nothing on the data path calls malloc: pools and buffers take slabs from the system
 * and keep them. One thread (the worker's); a refusal is an ordinary outcome the caller counts and survives. */
#ifndef DLP_MEM_H
#define DLP_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mem_owner { MEM_FLOW, MEM_REASSEMBLY, MEM_OBJECT, MEM_SCAN, MEM_OWNER_COUNT };

struct mem {
    size_t ceiling;               /* bytes; 0 is no limit */
    size_t reserve;               /* of them, the last ones: only for small pieces of objects and scans at work */
    size_t total;                 /* bytes charged now */
    size_t peak;                  /* the highest total so far */
    size_t used[MEM_OWNER_COUNT]; /* bytes charged now, by owner */
    size_t cached;                /* in blocks that buffer heaps keep for the next buffer */
    struct buffer_heap *heaps;
    struct pool *pools;
    size_t spares; /* slabs that pools keep though they are empty */
};

#define MEM_SMALL ((size_t)64 * 1024)

/* Charges `n` bytes to `owner`. False, and nothing charged, when that would pass the ceiling, or take from the
 * reserve without a right to it. Cached blocks and spare slabs count as well, and go before anything is refused. */
bool mem_charge(struct mem *mem, enum mem_owner owner, size_t n);
void mem_release(struct mem *mem, enum mem_owner owner, size_t n);

/* A pool of items of one size, in 64 KiB slabs. The budget is charged for slabs, so the ceiling bounds what is
 * resident; an empty slab goes back to the system (one spare is kept). Items are NOT zeroed. */
struct pool;
struct pool *pool_new(struct mem *mem, enum mem_owner owner, size_t item_size);
void pool_free(struct pool *pool);         /* every item must be back */
void *pool_get(struct pool *pool);         /* NULL when the budget refuses */
void *pool_get_zeroed(struct pool *pool);
void pool_put(struct pool *pool, void *item); /* NULL is allowed */
size_t pool_out(const struct pool *pool);  /* items out now */
void pools_trim(struct mem *mem);          /* gives back the spare slabs of all pools of this budget */

/* Items of any size up to SIZED_MAX, from one pool for each of a few sizes. */
#define SIZED_MAX 4096
struct sized_pools;
struct sized_pools *sized_pools_new(struct mem *mem, enum mem_owner owner);
void sized_pools_free(struct sized_pools *pools);
void *sized_get(struct sized_pools *pools, size_t size); /* NULL when too large or the budget refuses */
void sized_put(struct sized_pools *pools, void *item, size_t size); /* the size it was asked for with */

/* Contiguous growable bytes. Small ones come from size classes, large ones are mapped and grow by
 * remapping pages, so a payload byte is copied once. The heap caches what is freed. */
struct buffer_heap;
struct buffer_heap *buffer_heap_new(struct mem *mem, enum mem_owner owner);
void buffer_heap_free(struct buffer_heap *heap);
void buffer_heaps_trim(struct mem *mem); /* gives back the blocks that all heaps of this budget cache */

struct buffer {
    uint8_t *data;
    size_t len; /* bytes in use */
    size_t cap; /* bytes charged */
};

/* Room for `cap` bytes in all; false when refused (the buffer is as it was). */
bool buffer_reserve(struct buffer_heap *heap, struct buffer *buffer, size_t cap);
bool buffer_append(struct buffer_heap *heap, struct buffer *buffer, const void *data, size_t n);
void buffer_release(struct buffer_heap *heap, struct buffer *buffer); /* leaves it empty */

#endif
