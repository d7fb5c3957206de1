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
    size_t room = META_TEXT_MAX - meta->used;
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

struct text meta_get(const struct meta *meta, enum meta_id id)
{
    if (!meta || !meta->field[id].len)
        return (struct text){NULL, 0};
    return (struct text){meta->text + meta->field[id].at, meta->field[id].len};
}
