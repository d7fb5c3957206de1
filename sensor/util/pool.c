/* Pools of items of one size. An item is charged while it is out, so the ceiling speaks of live data; the
 * slab behind it stays with the pool and is used again, newest first, while its lines are still in cache.
 * Under AddressSanitizer every item is its own allocation, so that use after put is caught. */
#include <stdlib.h>
#include <string.h>

#include "mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_PLAIN 1
#endif
#endif

#define SLAB_BYTES (64u * 1024)

struct slab {
    struct slab *next;
    char items[] __attribute__((aligned(16)));
};

struct pool {
    struct mem *mem;
    enum mem_owner owner;
    size_t item_size;
    size_t per_slab;
    size_t out;
    void *free_list;    /* the first word of a free item points to the next */
    struct slab *slabs;
    size_t fresh;       /* items of the newest slab never handed out yet */
};

struct pool *pool_new(struct mem *mem, enum mem_owner owner, size_t item_size)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort(); /* only at start */
    pool->mem = mem;
    pool->owner = owner;
    if (item_size < sizeof(void *))
        item_size = sizeof(void *);
    pool->item_size = (item_size + 15) & ~(size_t)15;
    pool->per_slab = SLAB_BYTES / pool->item_size;
    if (pool->per_slab == 0)
        pool->per_slab = 1;
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    while (pool->slabs) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
    mem_release(pool->mem, pool->owner, pool->out * pool->item_size);
    free(pool);
}

#ifdef POOL_PLAIN
static void *take(struct pool *pool)
{
    return malloc(pool->item_size);
}

static void give(struct pool *pool, void *item)
{
    (void)pool;
    free(item);
}
#else
static void *take(struct pool *pool)
{
    if (pool->free_list) {
        void *item = pool->free_list;
        memcpy(&pool->free_list, item, sizeof(void *));
        return item;
    }
    if (pool->fresh == 0) {
        struct slab *slab = malloc(sizeof(*slab) + pool->per_slab * pool->item_size);
        if (!slab)
            return NULL;
        slab->next = pool->slabs;
        pool->slabs = slab;
        pool->fresh = pool->per_slab;
    }
    pool->fresh--;
    return pool->slabs->items + pool->fresh * pool->item_size;
}

static void give(struct pool *pool, void *item)
{
    memcpy(item, &pool->free_list, sizeof(void *));
    pool->free_list = item;
}
#endif

void *pool_get(struct pool *pool)
{
    if (!mem_charge(pool->mem, pool->owner, pool->item_size))
        return NULL;
    void *item = take(pool);
    if (!item) {
        mem_release(pool->mem, pool->owner, pool->item_size);
        return NULL;
    }
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
    mem_release(pool->mem, pool->owner, pool->item_size);
    give(pool, item);
}

size_t pool_out(const struct pool *pool)
{
    return pool->out;
}
