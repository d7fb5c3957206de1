/* A hashed set of strings with a count of holders. Its buckets are few and never grow: a lookup gives up after
 * LOOK_MAX others and keeps the string once more, so that a flood of different ones costs no more than it did. */
#include "intern.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

#define BUCKETS 2048
#define LOOK_MAX 16

struct intern {
    struct intern *next, **link;
    uint32_t holders, len;
    uint8_t bytes[];
};

_Static_assert(sizeof(struct intern) + INTERN_MAX <= SIZED_MAX, "the longest string has an item");

struct interns {
    struct sized_pools *pools;
    struct hash_key key;
    struct intern *buckets[BUCKETS];
};

struct interns *interns_new(struct mem *mem, enum mem_owner owner)
{
    struct interns *interns = calloc(1, sizeof(*interns));
    if (!interns)
        abort(); /* only at start */
    interns->pools = sized_pools_new(mem, owner);
    hash_key_random(&interns->key);
    return interns;
}

void interns_free(struct interns *interns)
{
    if (!interns)
        return;
    sized_pools_free(interns->pools);
    free(interns);
}

const void *interns_hold(struct interns *interns, const void *bytes, size_t len)
{
    if (len > INTERN_MAX)
        return NULL;
    struct intern **bucket = &interns->buckets[hash_bytes(&interns->key, bytes, len) % BUCKETS], *item = *bucket;
    for (unsigned looked = 0; item && looked < LOOK_MAX; looked++, item = item->next) {
        if (item->len == len && memcmp(item->bytes, bytes, len) == 0) {
            item->holders++;
            return item->bytes;
        }
    }
    item = sized_get(interns->pools, sizeof(*item) + len);
    if (!item)
        return NULL;
    *item = (struct intern){*bucket, bucket, 1, (uint32_t)len};
    memcpy(item->bytes, bytes, len);
    if (item->next)
        item->next->link = &item->next;
    *bucket = item;
    return item->bytes;
}

static struct intern *intern_of(const void *string)
{
    return (struct intern *)((uintptr_t)string - offsetof(struct intern, bytes));
}

void interns_drop(struct interns *interns, const void *string)
{
    struct intern *item = string ? intern_of(string) : NULL;
    if (!item || --item->holders)
        return;
    *item->link = item->next;
    if (item->next)
        item->next->link = item->link;
    sized_put(interns->pools, item, sizeof(*item) + item->len);
}

size_t interns_length(const void *string)
{
    return intern_of(string)->len;
}
