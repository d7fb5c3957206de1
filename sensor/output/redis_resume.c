/* Entry ids grow, and Redis refuses one that is not above its stream's last. So the last id alone says what was
 * delivered, when it is one of ours. A stream that is gone or empty has nothing: the spool fills it again. An id of
 * somebody else's (a spool that is no more, an operator's XADD) says nothing: then the stream is read back, newest
 * first, until an entry of ours, and the alerts found there are not sent again. */
#include "redis_resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "epochs.h"

#define PAGE "256"
#define READ_BACK_MAX 65536

void redis_resume_begin(struct redis_resume *r)
{
    r->paging = false;
    r->read_back = 0;
    r->last = r->oldest = (struct entry_id){0, 0};
}

void redis_resume_ask(struct redis_resume *r, struct redis_link *link, redis_reply_fn *on_reply, void *user)
{
    char from[48];
    snprintf(from, sizeof(from), "(%" PRIu64 "-%" PRIu64, r->oldest.epoch, r->oldest.number);
    if (r->paging)
        redis_link_format(link, on_reply, user, "XREVRANGE %s %s - COUNT " PAGE, r->key,
                          r->read_back ? from : "+");
    else
        redis_link_format(link, on_reply, user, "XINFO STREAM %s", r->key);
}

static bool parse_id(const redisReply *reply, struct entry_id *id)
{
    return reply->type == REDIS_REPLY_STRING &&
           sscanf(reply->str, "%" SCNu64 "-%" SCNu64, &id->epoch, &id->number) == 2;
}

static void read_last_id(struct redis_resume *r, const redisReply *reply)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        if (name->type == REDIS_REPLY_STRING && strcmp(name->str, "last-generated-id") == 0)
            parse_id(reply->element[i + 1], &r->last);
    }
}

static const redisReply *field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        if (fields->element[i]->type == REDIS_REPLY_STRING && strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1];
    }
    return NULL;
}

/* Network text in the event is escaped: a bare quote there is the writer's own. */
static void remember(struct redis_resume *r, const redisReply *fields)
{
    const redisReply *id = field(fields, "id"), *event = field(fields, "event");
    if (!id || id->type != REDIS_REPLY_STRING || id->len != 32 || !event || event->type != REDIS_REPLY_STRING)
        return;
    id_set_seen(&r->known, id->str, strstr(event->str, "\"update\":true") != NULL, 1);
}

/* True when an entry of ours ends the search. */
static bool read_page(struct redis_resume *r, const struct spool *spool, const redisReply *reply)
{
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *entry = reply->element[i];
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || !parse_id(entry->element[0], &r->oldest))
            continue;
        r->read_back++;
        if (!r->whole && spool_locate(spool, r->oldest, &r->number))
            return true;
        remember(r, entry->element[1]);
    }
    return false;
}

static void go_on_above(struct redis_resume *r, struct spool *spool)
{
    uint64_t next = r->number + 1;
    if (!entry_id_above(spool_entry_id(spool, next), r->last))
        spool_begin_epoch(spool, next, r->last);
}

enum resume_verdict redis_resume_take(struct redis_resume *r, struct spool *spool, const redisReply *reply)
{
    bool error = reply->type == REDIS_REPLY_ERROR;
    if (error && !strstr(reply->str, "no such key"))
        return RESUME_REFUSED;
    if (!r->paging) {
        if (!error)
            read_last_id(r, reply);
        r->number = spool_first(spool) - 1;
        if (!r->whole && spool_locate(spool, r->last, &r->number))
            return RESUME_KNOWN;
        id_set_free(&r->known);
        if (!r->last.epoch && !r->last.number)
            return RESUME_KNOWN;
        r->paging = true;
        return RESUME_MORE;
    }
    size_t entries = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    bool ours = entries && read_page(r, spool, reply);
    if (!ours && entries && r->read_back < READ_BACK_MAX)
        return RESUME_MORE;
    if (!ours)
        r->number = spool_first(spool) - 1;
    go_on_above(r, spool);
    return RESUME_KNOWN;
}

bool redis_resume_knows(const struct redis_resume *r, const struct record *record)
{
    return r->known.used && id_set_has(&r->known, record->id.data, record->update);
}
