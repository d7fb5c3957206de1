/* The values of one object's facts. Texts live in a small arena: a changed text takes a new place there, and
 * when the arena is full the places nobody uses any more are squeezed out. */
#include <string.h>

#include "facts.h"

const struct fact_info FACT_INFO[FACT_COUNT] = {
#define FACT_INT(name, group, built, help) {#name, group, help, FACT_TYPE_INT, built},
#define FACT_BOOL(name, group, built, help) {#name, group, help, FACT_TYPE_BOOL, built},
#define FACT_TEXT(name, group, built, help) {#name, group, help, FACT_TYPE_TEXT, built},
#define FACT_REAL(name, group, built, help) {#name, group, help, FACT_TYPE_REAL, built},
#include "fact_list.def"
#undef FACT_INT
#undef FACT_BOOL
#undef FACT_TEXT
#undef FACT_REAL
};

static void mark(struct fact_set *set, enum fact_id id, bool present)
{
    uint64_t bit = UINT64_C(1) << (id % 64);
    if (present)
        set->present[id / 64] |= bit;
    else
        set->present[id / 64] &= ~bit;
    set->version++;
}

void fact_set_clear(struct fact_set *set)
{
    /* The arena's bytes beyond `used` mean nothing. */
    memset(set, 0, offsetof(struct fact_set, arena) + 1);
    set->used = 1; /* arena[0] is the empty text */
}

bool fact_present(const struct fact_set *set, enum fact_id id)
{
    return set->present[id / 64] >> (id % 64) & 1;
}

void fact_set_int(struct fact_set *set, enum fact_id id, int64_t value)
{
    if (set->value[id].number == value)
        return;
    set->value[id].number = value;
    mark(set, id, value != 0);
}

void fact_set_real(struct fact_set *set, enum fact_id id, double value)
{
    double old = set->value[id].real;
    if (!(old < value) && !(old > value))
        return;
    set->value[id].real = value;
    mark(set, id, value < 0 || value > 0);
}

static bool is_live_text(const struct fact_set *set, unsigned id)
{
    return FACT_INFO[id].type == FACT_TYPE_TEXT && set->value[id].text.len > 0;
}

/* Moves every live text down over the holes, lowest first. */
static void squeeze(struct fact_set *set)
{
    uint16_t to = 1, from = 0;
    for (;;) {
        unsigned next = FACT_COUNT;
        for (unsigned i = 0; i < FACT_COUNT; i++) {
            if (is_live_text(set, i) && set->value[i].text.at > from &&
                (next == FACT_COUNT || set->value[i].text.at < set->value[next].text.at))
                next = i;
        }
        if (next == FACT_COUNT)
            break;
        from = set->value[next].text.at;
        uint16_t len = set->value[next].text.len;
        memmove(set->arena + to, set->arena + from, (size_t)len + 1);
        set->value[next].text.at = to;
        to = (uint16_t)(to + len + 1);
    }
    set->used = to;
}

void fact_set_text(struct fact_set *set, enum fact_id id, const void *data, size_t len)
{
    char text[FACT_TEXT_MAX + 1];
    if (len > FACT_TEXT_MAX)
        len = FACT_TEXT_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = ((const char *)data)[i];
        text[i] = c ? c : ' ';
    }
    if (set->value[id].text.len == len &&
        (len == 0 || memcmp(set->arena + set->value[id].text.at, text, len) == 0))
        return;
    set->value[id].text.len = 0;
    set->value[id].text.at = 0;
    if (len + 1 > FACT_ARENA - (size_t)set->used)
        squeeze(set);
    if (len + 1 > FACT_ARENA - (size_t)set->used)
        len = FACT_ARENA - (size_t)set->used > 0 ? FACT_ARENA - (size_t)set->used - 1 : 0;
    if (len) {
        memcpy(set->arena + set->used, text, len);
        set->arena[set->used + len] = 0;
        set->value[id].text.at = set->used;
        set->value[id].text.len = (uint16_t)len;
        set->used = (uint16_t)(set->used + len + 1);
    }
    mark(set, id, len > 0);
}

void fact_copy(struct fact_set *to, const struct fact_set *from, const enum fact_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum fact_id id = ids[i];
        if (!fact_present(from, id))
            continue;
        if (FACT_INFO[id].type == FACT_TYPE_TEXT)
            fact_set_text(to, id, fact_text(from, id), from->value[id].text.len);
        else if (FACT_INFO[id].type == FACT_TYPE_REAL)
            fact_set_real(to, id, fact_real(from, id));
        else
            fact_set_int(to, id, fact_int(from, id));
    }
}

int64_t fact_int(const struct fact_set *set, enum fact_id id)
{
    return set->value[id].number;
}

double fact_real(const struct fact_set *set, enum fact_id id)
{
    return set->value[id].real;
}

const char *fact_text(const struct fact_set *set, enum fact_id id)
{
    return set->arena + set->value[id].text.at;
}
