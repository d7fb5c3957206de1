/* Hits come in growing order of their ends, so a new window touches only the last ones. */
#include "hits.h"

static bool touches(const struct hit_window *a, uint64_t from)
{
    return from <= a->to + HIT_JOIN;
}

void hits_add(struct hits *hits, uint64_t from, uint64_t to)
{
    hits->total++;
    while (hits->count && (touches(&hits->window[hits->count - 1], from) || hits->count == HIT_WINDOWS)) {
        const struct hit_window *last = &hits->window[--hits->count];
        from = last->from < from ? last->from : from;
        to = last->to > to ? last->to : to;
    }
    hits->window[hits->count++] = (struct hit_window){from, to};
}
