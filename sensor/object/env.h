/* What the files of object/ share: the environment, and a handle's private part. */
#ifndef DLP_OBJECT_ENV_H
#define DLP_OBJECT_ENV_H

#include <openssl/evp.h>

#include "coding.h"
#include "container.h"
#include "counters.h"
#include "object.h"

#define IDLE_DIGESTS 256
#define ENDED_KEPT 256 /* objects that ended last: what another reading finds once more is known by them */

struct ended {
    uint64_t flow, size;
    uint8_t sender, sha256[32]; /* of the bytes before the first gap */
    bool whole;
};

struct object_env {
    struct mem *mem;
    struct counters *counters;
    struct object_limits limits;
    struct object_observer observer;
    int64_t now_ns;
    struct pool *objects, *privates, *codings;
    struct pool *containers[CONTAINER_COUNT];
    struct buffer_heap *heap;
    EVP_MD *sha256;
    EVP_MD_CTX *idle_digests[IDLE_DIGESTS]; /* initialising a used one allocates nothing */
    unsigned idle_digest_count;
    bool (*make_room)(void *user);
    void *make_room_user;
    bool making_room;      /* what that ends may begin objects: they make no room in turn */
    struct object refused; /* the handle of every object that memory refused */
    struct { /* where the last object of a flow began, to tell objects of one packet apart */
        uint64_t flow, position;
        uint32_t count;
    } last;
    struct ended ended[ENDED_KEPT]; /* a ring */
    unsigned ended_next;
};

struct object_private {
    struct object_env *env;
    struct coding *coding;       /* NULL: bytes are as they came */
    struct container *container; /* set: a router, not an object */
    struct object *behind;       /* what stands behind the coded stream, once there is something */
    struct container *archive;   /* set: it is read as an archive, or as framing that leaves it an object, too */
    struct expansion *expansion; /* of the carrier: the outermost handle's */
    struct expansion own_expansion;
    EVP_MD_CTX *digest;
    uint64_t missing; /* bytes of gaps */
    uint64_t zeros;   /* of them, those that were kept as zeros */
    uint32_t children;
    uint8_t level; /* objects and routers above */
    bool looked;   /* its first bytes were: an archive or none */
    bool reading;  /* the archive's reader is at work, and may begin children */
};

/* Before asking a pool again; `tries` counts from 0. False when it is no use. */
bool object_make_room(struct object_env *env, unsigned *tries);

/* A context ready for bytes, or NULL. */
EVP_MD_CTX *object_digest_get(struct object_env *env);
void object_digest_put(struct object_env *env, EVP_MD_CTX *digest); /* NULL is allowed */

/* The object's number within its flow: the same in every run, never the same for two objects. */
uint64_t object_ordinal(struct object_env *env, const struct object_info *info);

/* The kept bytes grow by `len`: by `data`, or by a gap when that is NULL. Call before object->size
 * grows. */
void object_keep(struct object_env *env, struct object *object, const uint8_t *data, uint64_t len);

#endif
