/* The bytes and gaps of both sides that wait for a decoder to claim the flow. Each side's bytes are contiguous, so
 * that a probe sees one range; the entries remember in which order they came. */
#include <string.h>

#include "session.h"

void held_reset(struct held *held)
{
    held->used[0] = held->used[1] = 0;
    held->count = 0;
}

void held_trim(struct held *held)
{
    for (unsigned side = 0; side < 2; side++)
        memset(held->data[side] + held->used[side], 0, sizeof(held->data[side]) - held->used[side]);
    memset(held->entries + held->count, 0, (HELD_ENTRIES - held->count) * sizeof(held->entries[0]));
}

static struct held_entry *entry_for(struct held *held, enum side side, enum held_kind kind)
{
    if (held->count) {
        struct held_entry *last = &held->entries[held->count - 1];
        if (last->side == side && last->kind == kind)
            return last;
    }
    if (held->count == HELD_ENTRIES)
        return NULL;
    struct held_entry *entry = &held->entries[held->count++];
    *entry = (struct held_entry){.side = (uint8_t)side, .kind = (uint8_t)kind};
    return entry;
}

size_t held_add(struct held *held, enum side side, const uint8_t *data, size_t len)
{
    size_t room = (size_t)APP_PROBE_MAX - held->used[side];
    size_t take = len < room ? len : room;
    struct held_entry *entry = take ? entry_for(held, side, HELD_DATA) : NULL;
    if (!entry)
        return 0;
    memcpy(held->data[side] + held->used[side], data, take);
    held->used[side] = (uint16_t)(held->used[side] + take);
    entry->len += take;
    return take;
}

bool held_gap(struct held *held, enum side side, uint64_t len)
{
    struct held_entry *entry = entry_for(held, side, HELD_GAP);
    if (entry)
        entry->len += len;
    return entry != NULL;
}
