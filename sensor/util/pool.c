/* Pools of items of one size, in slabs of 64 KiB that lie on a 64 KiB boundary, so that an item's slab is
 * found by masking its address. The budget is charged for slabs, not items: what the ceiling counts is what
 * stays resident. A slab all of whose items are back is unmapped, one spare aside, so that memory one owner
 * gave up can serve another.
 *
 *      pool -> partial: slabs with a free item (taken from the front)
 *              a full slab is in no list; its first returned item puts it back
 *
 * Under AddressSanitizer every item is its own allocation, so that use after put is caught. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_PLAIN 1
#endif
#endif

#define SLAB_BYTES ((size_t)64 * 1024)

struct slab {
    struct slab *next, *prev; /* in pool->partial */
    void *free_list;          /* the first word of a free item points to the next */
    uint32_t out;             /* items in use */
    uint32_t fresh;           /* items never handed out yet, at the end of the slab */
    char items[] __attribute__((aligned(16)));
};

struct pool {
    struct mem *mem;
    enum mem_owner owner;
    size_t item_size;
    size_t slab_bytes; /* SLAB_BYTES, or one item's multiple of it */
    uint32_t per_slab;
    size_t out;
    struct slab *partial;
    struct slab *spare; /* one empty slab, still charged, not in the list */
    struct pool *next, **link; /* of the same budget */
};

struct pool *pool_new(struct mem *mem, enum mem_owner owner, size_t item_size)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort(); /* only at start */
    pool->mem = mem;
    pool->owner = owner;
    pool->item_size = (item_size + 15) & ~(size_t)15;
    pool->slab_bytes = (sizeof(struct slab) + pool->item_size + SLAB_BYTES - 1) & ~(SLAB_BYTES - 1);
    pool->per_slab = (uint32_t)((pool->slab_bytes - sizeof(struct slab)) / pool->item_size);
    if (pool->slab_bytes > SLAB_BYTES)
        pool->per_slab = 1; /* so that the item begins within the first 64 KiB */
    pool->next = mem->pools;
    pool->link = &mem->pools;
    if (pool->next)
        pool->next->link = &pool->next;
    mem->pools = pool;
    return pool;
}

static void leave_budget(struct pool *pool)
{
    *pool->link = pool->next;
    if (pool->next)
        pool->next->link = pool->link;
}

#ifndef POOL_PLAIN

/* A mapping on a SLAB_BYTES boundary: map one boundary more, give back both ends. */
static struct slab *map_slab(size_t bytes)
{
    char *p = mmap(NULL, bytes + SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (SLAB_BYTES - (size_t)((uintptr_t)p & (SLAB_BYTES - 1))) & (SLAB_BYTES - 1);
    if (before)
        munmap(p, before);
    if (SLAB_BYTES - before)
        munmap(p + before + bytes, SLAB_BYTES - before);
    return (struct slab *)(void *)(p + before);
}

static void unmap_slab(struct pool *pool, struct slab *slab)
{
    munmap(slab, pool->slab_bytes);
    mem_release(pool->mem, pool->owner, pool->slab_bytes);
}

static void link_partial(struct pool *pool, struct slab *slab)
{
    slab->prev = NULL;
    slab->next = pool->partial;
    if (pool->partial)
        pool->partial->prev = slab;
    pool->partial = slab;
}

static void unlink_partial(struct pool *pool, struct slab *slab)
{
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        pool->partial = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
}

static bool add_slab(struct pool *pool)
{
    struct slab *slab = pool->spare;
    pool->spare = NULL;
    if (slab) {
        pool->mem->spares--;
    } else {
        if (!mem_charge(pool->mem, pool->owner, pool->slab_bytes))
            return false;
        slab = map_slab(pool->slab_bytes);
        if (!slab) {
            mem_release(pool->mem, pool->owner, pool->slab_bytes);
            return false;
        }
        slab->out = 0;
        slab->free_list = NULL;
        slab->fresh = pool->per_slab;
    }
    link_partial(pool, slab);
    return true;
}

static void *take(struct pool *pool)
{
    if (!pool->partial && !add_slab(pool))
        return NULL;
    struct slab *slab = pool->partial;
    void *item = slab->free_list;
    if (item)
        memcpy(&slab->free_list, item, sizeof(void *));
    else
        item = slab->items + (size_t)(pool->per_slab - slab->fresh--) * pool->item_size;
    if (++slab->out == pool->per_slab)
        unlink_partial(pool, slab);
    return item;
}

static void give(struct pool *pool, void *item)
{
    struct slab *slab = (struct slab *)(void *)((char *)item - ((uintptr_t)item & (SLAB_BYTES - 1)));
    if (slab->out == pool->per_slab)
        link_partial(pool, slab);
    memcpy(item, &slab->free_list, sizeof(void *));
    slab->free_list = item;
    if (--slab->out == 0) {
        unlink_partial(pool, slab);
        if (pool->spare) {
            unmap_slab(pool, slab);
        } else {
            pool->spare = slab;
            pool->mem->spares++;
        }
    }
}

static void drop_spare(struct pool *pool)
{
    if (!pool->spare)
        return;
    unmap_slab(pool, pool->spare);
    pool->spare = NULL;
    pool->mem->spares--;
}

void pools_trim(struct mem *mem)
{
    for (struct pool *pool = mem->pools; mem->spares && pool; pool = pool->next)
        drop_spare(pool);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    leave_budget(pool);
    drop_spare(pool);
    while (pool->partial) {
        struct slab *slab = pool->partial;
        unlink_partial(pool, slab);
        unmap_slab(pool, slab);
    }
    free(pool);
}

#else

static void *take(struct pool *pool)
{
    if (!mem_charge(pool->mem, pool->owner, pool->item_size))
        return NULL;
    return malloc(pool->item_size);
}

static void give(struct pool *pool, void *item)
{
    mem_release(pool->mem, pool->owner, pool->item_size);
    free(item);
}

void pools_trim(struct mem *mem)
{
    (void)mem;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    leave_budget(pool);
    free(pool);
}

#endif

void *pool_get(struct pool *pool)
{
    void *item = take(pool);
    if (item)
        pool->out++;
    return item;
}

void *pool_get_zeroed(struct pool *pool)
{
    void *item = pool_get(pool);
    if (item)
        memset(item, 0, pool->item_size);
    return item;
}

void pool_put(struct pool *pool, void *item)
{
    if (!item)
        return;
    pool->out--;
    give(pool, item);
}

size_t pool_out(const struct pool *pool)
{
    return pool->out;
}
