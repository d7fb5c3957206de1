/* What a decoder hands on: the beginning, bytes, gaps and end of an object, through a table of functions that
 * object/ fills. A decoder never sees what becomes of it. Every function takes a NULL object and does
 * nothing. Worker thread only; all text and bytes are borrowed for the call. */
#ifndef DLP_OBJECT_SINK_H
#define DLP_OBJECT_SINK_H

#include "flow.h"
#include "meta.h"

#define OBJECT_SIZE_UNKNOWN UINT64_MAX

struct object;

enum object_state { OBJECT_OPEN, OBJECT_CLOSED, OBJECT_TRUNCATED };

struct object_info { /* what a decoder knows when the object begins; all text is copied */
    const struct flow *flow;   /* required but in `rules test` and `facts`, where it is NULL */
    enum side sender;
    struct meta *meta;         /* held, may be NULL */
    struct object *parent;     /* the object this one was found inside, or NULL */
    const char *path;          /* this step of object_path ("multipart:photo", "zip:a/b.jpg"), or NULL */
    struct text name;          /* file name, as the sender gave it */
    struct text declared_type; /* media type, as the sender gave it */
    struct text encoding;      /* comma list of codings to undo, outermost last ("gzip", "br", "base64") */
    uint64_t expected_size;    /* of the decoded bytes, or OBJECT_SIZE_UNKNOWN */
    uint64_t tx_id;            /* transaction within the flow, from 0 */
    int64_t time_ns;           /* packet time of the beginning */
    bool other_reading;        /* of a stream whose copies differ: see object.h */
};

struct object_sink {
    void *user;
    struct object *(*begin)(void *user, const struct object_info *info); /* NULL when it is not wanted */
    void (*data)(void *user, struct object *object, const uint8_t *data, size_t len);
    void (*gap)(void *user, struct object *object, uint64_t len); /* carrier bytes that never came */
    void (*end)(void *user, struct object *object, enum object_state state); /* the handle is gone after */
    void (*set_name)(void *user, struct object *object, const void *name, size_t len);
};

#endif
