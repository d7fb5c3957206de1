/* Open addressing over the 128 bits of an id, which is a digest already. A slot is never emptied: what the
 * spool let go of is stale, is found again as unknown, and goes when the table is rebuilt. */
#include "id_set.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

void id_set_free(struct id_set *set)
{
    free(set->slots);
    *set = (struct id_set){0};
}

static uint64_t from_hex(const char *digits)
{
    uint64_t value = 0;
    for (int i = 0; i < 16; i++) {
        char c = digits[i];
        value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static struct id_slot *find(const struct id_set *set, const uint64_t key[2])
{
    size_t at = (size_t)(key[0] ^ key[1] * 0x9e3779b97f4a7c15u) & (set->capacity - 1);
    while (set->slots[at].number && memcmp(set->slots[at].key, key, sizeof(set->slots[at].key)) != 0)
        at = (at + 1) & (set->capacity - 1);
    return &set->slots[at];
}

/* Room for one more: half full at most. False when memory is out. */
static bool make_room(struct id_set *set)
{
    if (set->used < set->capacity / 2)
        return true;
    size_t alive = 0;
    for (size_t i = 0; i < set->capacity; i++)
        alive += set->slots[i].number >= set->oldest && set->slots[i].number;
    struct id_set fresh = {.capacity = FIRST_CAPACITY, .oldest = set->oldest};
    while (fresh.capacity < alive * 4)
        fresh.capacity *= 2;
    fresh.slots = calloc(fresh.capacity, sizeof(*fresh.slots));
    if (!fresh.slots)
        return set->used + 1 < set->capacity;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i].number && set->slots[i].number >= set->oldest) {
            *find(&fresh, set->slots[i].key) = set->slots[i];
            fresh.used++;
        }
    }
    free(set->slots);
    *set = fresh;
    return true;
}

static void make_key(uint64_t key[2], const char id[32], bool update)
{
    key[0] = from_hex(id);
    key[1] = from_hex(id + 16) ^ (update ? 0x7570646174650000u : 0);
}

bool id_set_has(const struct id_set *set, const char id[32], bool update)
{
    uint64_t key[2];
    make_key(key, id, update);
    if (!set->capacity)
        return false;
    const struct id_slot *slot = find(set, key);
    return slot->number && slot->number >= set->oldest;
}

bool id_set_seen(struct id_set *set, const char id[32], bool update, uint64_t number)
{
    uint64_t key[2];
    make_key(key, id, update);
    if (number > ID_SET_MAX)
        id_set_forget_below(set, number - ID_SET_MAX);
    if (!make_room(set))
        return false; /* better twice than never */
    struct id_slot *slot = find(set, key);
    if (slot->number && slot->number >= set->oldest)
        return true;
    set->used += slot->number == 0;
    *slot = (struct id_slot){{key[0], key[1]}, number};
    return false;
}

void id_set_forget_below(struct id_set *set, uint64_t number)
{
    if (number > set->oldest)
        set->oldest = number;
}
