/* Containers. Framing is chosen by the declared media type (multipart/form-data, message/rfc822);
 * the handle such a body is written to is a router: no object itself. An archive is chosen by an
 * object's first bytes; the object is one like any other. Parts and members begin through
 * object_begin() with the router or the archive as their parent. One file and one line in
 * container_list.def each. */
#ifndef DLP_OBJECT_CONTAINER_H
#define DLP_OBJECT_CONTAINER_H

#include "object.h"

#define CONTAINER_HEAD 512

struct container;

struct container_ops {
    const char *media_type; /* framing: prefix of the declared type, lower case: "multipart/" */
    bool beside; /* framing: the body is an object all the same, and other children of it may begin */
    bool (*sniff)(const uint8_t *head,
                  size_t len); /* archives: decides from `len` >= head_len bytes */
    size_t head_len;           /* at most CONTAINER_HEAD */
    size_t state_size; /* of the struct that begins with struct container; zeroed before open */
    void (*open)(struct container *container, const struct object_info *info);
    void (*data)(struct container *container, const uint8_t *data, size_t len);
    void (*gap)(struct container *container, uint64_t len); /* 0: the rest can no longer be read */
    void (*end)(struct container *container,
                enum object_state state); /* ends open parts, releases all but itself */
};

struct container {
    const struct container_ops *ops;
    struct object_env *env;
    struct object
        *router; /* the handle whose bytes these are, or the archive: parent of the parts */
    struct object_info base; /* flow, sender, meta, parent, tx_id for the parts */
    struct pool *pool;       /* it came from */
};

enum container_kind {
#define CONTAINER(name) CONTAINER_##name,
#include "container_list.def"
#undef CONTAINER
    CONTAINER_COUNT
};

#define CONTAINER(name) extern const struct container_ops container_##name;
#include "container_list.def"
#undef CONTAINER

/* The container for the router's declared type, or NULL when there is none, or no memory for it. */
struct container *container_open(struct object_env *env, struct object *router,
                                 const struct object_info *info);
/* The archive reader for an object that begins with these bytes. NULL when it is no archive, or
 * (*undecided) more bytes would tell. */
struct container *container_sniff(struct object_env *env, struct object *object,
                                  const uint8_t *head, size_t len, bool *undecided);
void container_close(struct container *container, enum object_state state);
size_t container_state_size(enum container_kind kind);

/* What a MIME header block says of the body below it: name, type, codings, and the form field's
 * name. */
struct part {
    char name[OBJECT_NAME_MAX];
    char type[1024];
    char encoding[128];
    char field[64];
    size_t name_len, field_len;
};
void part_read(struct part *part, const char *headers, size_t len);
/* An object for it below the router. NULL when refused. */
struct object *part_begin(struct container *container, const struct part *part, const char *path);

#endif
