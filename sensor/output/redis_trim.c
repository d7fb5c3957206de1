/* See redis_trim.h. */
#include "redis_trim.h"

#include <inttypes.h>
#include <string.h>

static bool on_trimmed(void *user, redisReply *reply)
{
    struct redis_trim *trim = user;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        trim->trimmed += (uint64_t)reply->integer;
    return false;
}

static void drop_marks(struct redis_trim *trim, unsigned count)
{
    trim->marks -= count;
    memmove(trim->mark, trim->mark + count, trim->marks * sizeof(trim->mark[0]));
}

void redis_trim_by_age(struct redis_trim *trim, struct redis_link *link, const char *key, struct entry_id next,
                       int64_t now_ms)
{
    unsigned gone = 0;
    while (gone < trim->marks && trim->mark[gone].ms <= now_ms - trim->max_age_ms)
        gone++;
    if (gone) {
        const struct entry_id id = trim->mark[gone - 1].id;
        redis_link_format(link, on_trimmed, trim, "XTRIM %s MINID ~ %" PRIu64 "-%" PRIu64, key, id.epoch, id.number);
        drop_marks(trim, gone);
    }
    if (trim->marks && now_ms - trim->mark[trim->marks - 1].ms < trim->max_age_ms / (TRIM_MARKS - 1))
        return;
    if (trim->marks == TRIM_MARKS)
        drop_marks(trim, 1);
    trim->mark[trim->marks].ms = now_ms;
    trim->mark[trim->marks++].id = next;
}
