/* A transfer's own words: bounded strings a decoder found (host, method, file name...), shared by the objects
 * of one transaction through a reference count. One worker thread. */
#ifndef DLP_META_H
#define DLP_META_H

#include <stddef.h>
#include <stdint.h>

#include "mem.h"

enum meta_id {
#define META(id, section, key, help) META_##id,
#define META_LIST META
#define META_NUMBER META
#include "meta_list.def"
#undef META_NUMBER
#undef META_LIST
#undef META
    META_COUNT
};

#define META_TEXT_MAX 6144  /* bytes of all strings of one transaction; each one is cut to what remains */
#define META_FIELD_MAX 1025 /* of one, so that none starves the others: one more than events show, which marks a cut */

struct text { /* borrowed bytes, not terminated, from the network unless said otherwise */
    const char *data;
    size_t len;
};

struct meta {
    struct pool *pool; /* it came from and goes back to */
    uint32_t references;
    uint16_t used;
    struct {
        uint16_t at, len; /* len 0: absent */
    } field[META_COUNT];
    char text[META_TEXT_MAX];
};

struct meta *meta_new(struct pool *pool); /* NULL when memory refuses; every function takes NULL */
void meta_clear(struct meta *meta); /* as new */
struct meta *meta_hold(struct meta *meta);
void meta_drop(struct pool *pool, struct meta *meta); /* `pool` may be NULL: a meta knows its own */
void meta_set(struct meta *meta, enum meta_id id, const void *data, size_t len);
/* One item more of a META_LIST; items stand in the text with a line feed between. */
void meta_add(struct meta *meta, enum meta_id id, const void *data, size_t len);
/* The same for the name of an attachment, when these are the words of a mail. */
void meta_add_attachment(struct meta *meta, struct text name);
struct text meta_get(const struct meta *meta, enum meta_id id);

#endif
