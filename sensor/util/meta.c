/* A transfer's own words. Fields are appended to one text area and indexed, so setting costs a copy and
 * reading costs nothing; a field set again is appended again and the old bytes stay unused. */
#include <string.h>

#include "meta.h"

struct meta *meta_new(struct pool *pool)
{
    struct meta *meta = pool_get(pool);
    if (!meta)
        return NULL;
    meta_clear(meta);
    meta->pool = pool;
    meta->references = 1;
    return meta;
}

void meta_clear(struct meta *meta)
{
    memset(meta->field, 0, sizeof(meta->field));
    meta->used = 0;
}

struct meta *meta_hold(struct meta *meta)
{
    if (meta)
        meta->references++;
    return meta;
}

void meta_drop(struct pool *pool, struct meta *meta)
{
    (void)pool;
    if (meta && --meta->references == 0)
        pool_put(meta->pool, meta);
}

void meta_set(struct meta *meta, enum meta_id id, const void *data, size_t len)
{
    if (!meta)
        return;
    size_t room = (size_t)META_TEXT_MAX - meta->used;
    if (room > META_FIELD_MAX)
        room = META_FIELD_MAX;
    if (len > room)
        len = room;
    if (len)
        memcpy(meta->text + meta->used, data, len);
    meta->field[id].at = meta->used;
    meta->field[id].len = (uint16_t)len;
    meta->used = (uint16_t)(meta->used + len);
}

/* A list that is the last thing in the area grows where it stands; another moves to the end first. */
void meta_add(struct meta *meta, enum meta_id id, const void *data, size_t len)
{
    struct text old = meta_get(meta, id);
    if (!old.len) {
        meta_set(meta, id, data, len);
        return;
    }
    if (meta->field[id].at + meta->field[id].len != meta->used) {
        if (old.len > (size_t)META_TEXT_MAX - meta->used)
            return;
        meta_set(meta, id, old.data, old.len);
    }
    size_t room = (size_t)META_TEXT_MAX - meta->used;
    if (room > (size_t)META_FIELD_MAX - meta->field[id].len)
        room = (size_t)META_FIELD_MAX - meta->field[id].len;
    if (!room || !len)
        return;
    size_t n = len < room - 1 ? len : room - 1;
    meta->text[meta->used] = '\n';
    memcpy(meta->text + meta->used + 1, data, n);
    meta->used = (uint16_t)(meta->used + 1 + n);
    meta->field[id].len = (uint16_t)(meta->field[id].len + 1 + n);
}

void meta_add_attachment(struct meta *meta, struct text name)
{
    static const enum meta_id words[] = {META_EMAIL_FROM, META_EMAIL_TO, META_EMAIL_SUBJECT, META_EMAIL_MESSAGE_ID};
    bool mail = false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        mail |= meta_get(meta, words[i]).len != 0;
    if (mail && name.len && !memchr(name.data, '\n', name.len))
        meta_add(meta, META_EMAIL_ATTACHMENT, name.data, name.len);
}

struct text meta_get(const struct meta *meta, enum meta_id id)
{
    if (!meta || !meta->field[id].len)
        return (struct text){NULL, 0};
    return (struct text){meta->text + meta->field[id].at, meta->field[id].len};
}
