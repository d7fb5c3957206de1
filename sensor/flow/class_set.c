/* What nDPI said takes 700 bytes, and thousands of flows have the same said of them (one host, one
 * client). Each distinct class is kept once, counted by the flows that point to it. */
#include <stdlib.h>
#include <string.h>

#include "flow/classify.h"

#define BUCKETS 4096

struct class_item {
    struct flow_class class; /* first: a flow points here */
    struct class_item *next;
    uint64_t hash;
    uint32_t holders;
};

struct class_set {
    struct pool *pool;
    struct hash_key key;
    struct class_item *buckets[BUCKETS];
};

struct class_set *class_set_new(struct mem *mem)
{
    struct class_set *set = calloc(1, sizeof(*set));
    if (!set)
        abort(); /* only at start */
    set->pool = pool_new(mem, MEM_FLOW, sizeof(struct class_item));
    hash_key_random(&set->key);
    return set;
}

void class_set_free(struct class_set *set)
{
    if (!set)
        return;
    pool_free(set->pool);
    free(set);
}

struct flow_class *class_set_hold(struct class_set *set, const struct flow_class *class)
{
    uint64_t hash = hash_bytes(&set->key, class, sizeof(*class)); /* zeroed before it was filled */
    struct class_item **bucket = &set->buckets[hash % BUCKETS];
    for (struct class_item *item = *bucket; item; item = item->next) {
        if (item->hash == hash && memcmp(&item->class, class, sizeof(*class)) == 0) {
            item->holders++;
            return &item->class;
        }
    }
    struct class_item *item = pool_get(set->pool);
    if (!item)
        return NULL;
    memcpy(&item->class, class, sizeof(*class));
    item->hash = hash;
    item->holders = 1;
    item->next = *bucket;
    *bucket = item;
    return &item->class;
}

void class_set_drop(struct class_set *set, struct flow_class *class)
{
    struct class_item *item = (struct class_item *)(void *)class;
    if (--item->holders)
        return;
    struct class_item **at = &set->buckets[item->hash % BUCKETS];
    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
    pool_put(set->pool, item);
}
