/* Items of any size from pools of a few sizes: at most a third of an item above 64 bytes stays unused. */
#include <stdlib.h>

#include "mem.h"

static const uint16_t sizes[] = {16,  24,  32,  40,  48,  56,  64,  72,  80,   96,
                                 112, 128, 160, 192, 256, 384, 512, 768, 1024, 2048, SIZED_MAX};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct sized_pools {
    struct pool *pool[SIZES];
};

struct sized_pools *sized_pools_new(struct mem *mem, enum mem_owner owner)
{
    struct sized_pools *pools = calloc(1, sizeof(*pools));
    if (!pools)
        abort(); /* only at start */
    for (size_t i = 0; i < SIZES; i++)
        pools->pool[i] = pool_new(mem, owner, sizes[i]);
    return pools;
}

void sized_pools_free(struct sized_pools *pools)
{
    if (!pools)
        return;
    for (size_t i = 0; i < SIZES; i++)
        pool_free(pools->pool[i]);
    free(pools);
}

static struct pool *pool_of(struct sized_pools *pools, size_t size)
{
    size_t i = 0;
    while (sizes[i] < size)
        i++;
    return pools->pool[i];
}

void *sized_get(struct sized_pools *pools, size_t size)
{
    return size > SIZED_MAX ? NULL : pool_get(pool_of(pools, size));
}

void sized_put(struct sized_pools *pools, void *item, size_t size)
{
    if (item)
        pool_put(pool_of(pools, size), item);
}
