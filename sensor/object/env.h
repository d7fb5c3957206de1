/* What the files of object/ share: the environment, a handle's private part, and the seams between objects,
 * codings and containers. */
#ifndef DLP_OBJECT_ENV_H
#define DLP_OBJECT_ENV_H

#include <openssl/evp.h>

#include "codec.h"
#include "counters.h"
#include "object.h"

#define IDLE_DIGESTS 256

struct container;

struct object_env {
    struct mem *mem;
    struct counters *counters;
    struct object_limits limits;
    struct object_observer observer;
    int64_t now_ns;
    bool coding_refused; /* the last coding_begin failed for want of memory */
    struct pool *objects, *privates, *codings;
    struct buffer_heap *heap;
    EVP_MD *sha256;
    EVP_MD_CTX *idle_digests[IDLE_DIGESTS];
    unsigned idle_digest_count;
};

struct object_private {
    struct object_env *env;
    struct coding *coding;       /* NULL: bytes are as they came */
    struct container *container; /* set: a router, not an object */
    EVP_MD_CTX *digest;
    uint32_t children;
    uint8_t level; /* objects and routers above */
};

/* Decoded bytes of the handle `object` (a struct object *). Always true. */
bool deliver(void *object, const uint8_t *data, size_t len);

/* A chain of codecs for a list such as "gzip, base64" (outermost last). NULL when nothing in the list needs
 * undoing, or memory refuses (env->coding_refused). */
struct coding;
struct coding *coding_begin(struct object_env *env, struct text list, codec_out out, void *user);
bool coding_feed(struct coding *coding, const uint8_t *data, size_t len); /* false: damaged, once and for all */
void coding_break(struct coding *coding);   /* bytes are missing: what follows is dropped */
bool coding_whole(const struct coding *coding);
void coding_end(struct object_env *env, struct coding *coding); /* NULL is allowed */
size_t coding_size(void);

/* Containers: what reads a body that is only framing. */
struct container_ops {
    const char *media_type; /* prefix of the declared type, lower case: "multipart/" */
    size_t state_size;      /* of the struct that begins with struct container; malloc'd, zeroed: one a message */
    bool (*open)(struct container *container, const struct object_info *info);
    void (*data)(struct container *container, const uint8_t *data, size_t len);
    void (*gap)(struct container *container, uint64_t len); /* 0: of unknown length */
    void (*end)(struct container *container, enum object_state state); /* ends open parts; frees */
};

struct container {
    const struct container_ops *ops;
    struct object_env *env;
    struct object *router; /* the handle whose bytes these are: parent of the parts */
    struct object_info base; /* flow, sender, meta, tx_id for the parts */
};

#define CONTAINER(name) extern const struct container_ops container_##name;
#include "container_list.def"
#undef CONTAINER

/* The container for the declared type, or NULL when there is none. */
struct container *container_open(struct object_env *env, struct object *router, const struct object_info *info);

#endif
