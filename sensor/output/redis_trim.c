/* See redis_trim.h. */
#include "redis_trim.h"

#include <string.h>

static void drop_marks(struct redis_trim *trim, unsigned count)
{
    trim->marks -= count;
    memmove(trim->mark, trim->mark + count, trim->marks * sizeof(trim->mark[0]));
}

static void add_mark(struct redis_trim *trim, struct entry_id next, int64_t now_ms)
{
    if (trim->marks && now_ms - trim->mark[trim->marks - 1].ms < trim->max_age_ms / (TRIM_MARKS - 1))
        return;
    if (trim->marks == TRIM_MARKS)
        drop_marks(trim, 1);
    trim->mark[trim->marks].ms = now_ms;
    trim->mark[trim->marks++].id = next;
}

bool redis_trim_due(struct redis_trim *trim, struct entry_id next, int64_t now_ms, struct entry_id *below)
{
    unsigned gone = 0;
    while (gone < trim->marks && trim->mark[gone].ms <= now_ms - trim->max_age_ms)
        gone++;
    if (gone) {
        *below = trim->mark[gone - 1].id;
        drop_marks(trim, gone);
    }
    add_mark(trim, next, now_ms);
    return gone > 0;
}
