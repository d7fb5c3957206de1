/* The life of an object. A handle a decoder holds is either an object proper (kept, digested, observed) or,
 * when the declared media type is a container that is only transport framing, a router: its bytes go through
 * the same codings and then to the container, whose parts are the objects.
 *
 *      carrier bytes -> codings -> deliver() -> container
 *                                            -> keep, digest, observe */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env.h"

#define AHEAD_BYTES (1u << 20) /* a declared length is believed this far ahead of the bytes that came */
#define GAP_KEEP_BYTES (1u << 20) /* larger gaps are not kept as zeros: the window moves past them */

struct object_env *object_env_new(struct mem *mem, struct counters *counters, const struct object_limits *limits,
                                  const struct object_observer *observer)
{
    struct object_env *env = calloc(1, sizeof(*env));
    if (!env)
        abort(); /* only at start */
    env->mem = mem;
    env->counters = counters;
    env->limits = *limits;
    env->observer = *observer;
    env->objects = pool_new(mem, MEM_OBJECT, sizeof(struct object));
    env->privates = pool_new(mem, MEM_OBJECT, sizeof(struct object_private));
    env->codings = pool_new(mem, MEM_OBJECT, coding_size());
    env->heap = buffer_heap_new(mem, MEM_OBJECT);
    env->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!env->sha256)
        abort(); /* an OpenSSL without SHA-256 */
    return env;
}

void object_env_free(struct object_env *env)
{
    if (!env)
        return;
    while (env->idle_digest_count)
        EVP_MD_CTX_free(env->idle_digests[--env->idle_digest_count]);
    EVP_MD_free(env->sha256);
    buffer_heap_free(env->heap);
    pool_free(env->codings);
    pool_free(env->privates);
    pool_free(env->objects);
    free(env);
}

void object_env_clock(struct object_env *env, int64_t now_ns)
{
    env->now_ns = now_ns;
}

static EVP_MD_CTX *digest_get(struct object_env *env)
{
    EVP_MD_CTX *digest =
        env->idle_digest_count ? env->idle_digests[--env->idle_digest_count] : EVP_MD_CTX_new();
    if (digest && EVP_DigestInit_ex2(digest, env->sha256, NULL) != 1) {
        EVP_MD_CTX_free(digest);
        digest = NULL;
    }
    return digest;
}

static void digest_put(struct object_env *env, EVP_MD_CTX *digest)
{
    if (!digest)
        return;
    if (env->idle_digest_count < IDLE_DIGESTS)
        env->idle_digests[env->idle_digest_count++] = digest;
    else
        EVP_MD_CTX_free(digest);
}

static void copy_path(struct object *object, const struct object *from, const char *step)
{
    if (from) {
        object->path_count = from->path_count;
        memcpy(object->path, from->path, sizeof(object->path));
    }
    if (!step)
        return;
    if (object->path_count == OBJECT_PATH_MAX) /* the outermost steps tell least */
        memmove(object->path[0], object->path[1], sizeof(object->path) - sizeof(object->path[0]));
    else
        object->path_count++;
    snprintf(object->path[object->path_count - 1], sizeof(object->path[0]), "%s", step);
}

/* Lower case, without parameters. */
static void copy_type(struct object *object, struct text type)
{
    size_t n = 0;
    for (size_t i = 0; i < type.len && n < sizeof(object->declared_type) - 1; i++) {
        char c = type.data[i];
        if (c == ';' || c == ',')
            break;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        object->declared_type[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    object->declared_type[n] = '\0';
}

void object_set_name(struct object *object, const char *name, size_t len)
{
    if (!object)
        return;
    if (len > OBJECT_NAME_MAX)
        len = OBJECT_NAME_MAX;
    if (len)
        memcpy(object->name, name, len);
    object->name[len] = '\0';
    object->name_len = (uint16_t)len;
}

static void release(struct object_env *env, struct object *object)
{
    struct object_private *private = object->private;
    digest_put(env, private->digest);
    coding_end(env, private->coding);
    buffer_release(env->heap, &object->bytes);
    meta_drop(NULL, object->meta);
    pool_put(env->privates, private);
    pool_put(env->objects, object);
}

static bool prepare(struct object_env *env, struct object *object, const struct object_info *info)
{
    struct object_private *private = object->private;
    if (info->encoding.len) {
        private->coding = coding_begin(env, info->encoding, deliver, object);
        if (!private->coding && env->coding_refused)
            return false;
    }
    private->container = container_open(env, object, info);
    if (private->container)
        return true;
    private->digest = digest_get(env);
    return private->digest != NULL;
}

struct object *object_begin(struct object_env *env, const struct object_info *info)
{
    unsigned depth = info->parent && !info->parent->private->container ? info->parent->depth + 1u
                     : info->parent                                   ? info->parent->depth
                                                                      : 0;
    unsigned level = info->parent ? info->parent->private->level + 1u : 0;
    if (level > env->limits.nesting)
        return NULL;
    struct object *object = pool_get(env->objects);
    struct object_private *private = pool_get_zeroed(env->privates);
    if (!object || !private) {
        pool_put(env->objects, object);
        pool_put(env->privates, private);
        return NULL;
    }
    memset(object, 0, sizeof(*object));
    object->private = private;
    private->env = env;
    private->level = (uint8_t)level;
    object->flow = info->flow;
    object->sender = info->sender;
    object->meta = meta_hold(info->meta);
    /* A router is no object: what is found in it belongs to what the router belongs to. */
    object->parent = info->parent && info->parent->private->container ? info->parent->parent : info->parent;
    object->tx_id = info->tx_id;
    object->ordinal =
        info->parent ? info->parent->ordinal * 1000003u + ++info->parent->private->children : 0;
    object->depth = (uint8_t)depth;
    object->expected_size = info->encoding.len ? OBJECT_SIZE_UNKNOWN : info->expected_size;
    object->begin_ns = object->last_ns = info->time_ns;
    copy_path(object, info->parent, info->path);
    copy_type(object, info->declared_type);
    object_set_name(object, info->name.data, info->name.len);
    if (!prepare(env, object, info)) {
        release(env, object);
        return NULL;
    }
    if (!private->container) {
        count_add(env->counters, COUNT_OBJECT_BEGUN, 1);
        env->observer.begin(env->observer.user, object);
    }
    return object;
}

/* From here on the object keeps a moving window only. */
static void limit(struct object_env *env, struct object *object)
{
    if (!object->limited)
        count_add(env->counters, COUNT_OBJECT_LIMITED, 1);
    object->limited = true;
}

/* Room for `len` more bytes, giving up the older half of the window when the object has outgrown its limit. */
static size_t make_room(struct object_env *env, struct object *object, size_t len)
{
    struct buffer *bytes = &object->bytes;
    size_t want = bytes->len + len;
    if (!object->limited && want <= env->limits.keep_bytes) {
        size_t ahead = want + AHEAD_BYTES;
        size_t hint = object->expected_size < ahead ? (size_t)object->expected_size : want;
        if (hint > env->limits.keep_bytes)
            hint = env->limits.keep_bytes;
        if (want <= bytes->cap || buffer_reserve(env->heap, bytes, hint > want ? hint : want) ||
            buffer_reserve(env->heap, bytes, want))
            return len;
    }
    limit(env, object);
    if (want <= bytes->cap)
        return len;
    size_t keep = bytes->cap / 2;
    if (len > bytes->cap - keep)
        keep = len < bytes->cap ? bytes->cap - len : 0;
    if (keep > bytes->len)
        keep = bytes->len;
    size_t drop = bytes->len - keep;
    if (keep && drop)
        memmove(bytes->data, bytes->data + drop, keep);
    bytes->len = keep;
    object->bytes_at += drop;
    return len < bytes->cap ? len : bytes->cap;
}

static void keep_bytes(struct object_env *env, struct object *object, const uint8_t *data, size_t len)
{
    size_t room = make_room(env, object, len);
    size_t skip = len - room; /* more than the whole window: its tail stays */
    if (skip) {
        object->bytes_at += object->bytes.len + skip;
        object->bytes.len = 0;
    }
    if (room)
        memcpy(object->bytes.data + object->bytes.len, data + skip, room);
    object->bytes.len += room;
}

/* Decoded bytes of a handle. */
bool deliver(void *user, const uint8_t *data, size_t len)
{
    struct object *object = user;
    struct object_private *private = object->private;
    struct object_env *env = private->env;
    if (!len)
        return true;
    if (private->container) {
        private->container->ops->data(private->container, data, len);
        return true;
    }
    keep_bytes(env, object, data, len);
    EVP_DigestUpdate(private->digest, data, len);
    object->size += len;
    count_add(env->counters, COUNT_OBJECT_BYTES, len);
    env->observer.data(env->observer.user, object, data, len);
    return true;
}

void object_data(struct object_env *env, struct object *object, const uint8_t *data, size_t len)
{
    if (!object || !len)
        return;
    object->last_ns = env->now_ns;
    if (!object->private->coding)
        deliver(object, data, len);
    else if (!coding_feed(object->private->coding, data, len) && !object->damaged) {
        object->damaged = true;
        count_add(env->counters, COUNT_OBJECT_DECODE_ERRORS, 1);
    }
}

static void keep_gap(struct object_env *env, struct object *object, uint64_t len)
{
    struct buffer *bytes = &object->bytes;
    if (!object->limited && len <= GAP_KEEP_BYTES && bytes->len + len <= env->limits.keep_bytes &&
        buffer_reserve(env->heap, bytes, bytes->len + (size_t)len)) {
        memset(bytes->data + bytes->len, 0, (size_t)len);
        bytes->len += (size_t)len;
        return;
    }
    limit(env, object);
    object->bytes_at += bytes->len + len;
    bytes->len = 0;
}

void object_gap(struct object_env *env, struct object *object, uint64_t len)
{
    if (!object || !len)
        return;
    object->gaps = true;
    object->last_ns = env->now_ns;
    if (object->private->coding) {
        coding_break(object->private->coding);
        object->damaged = true;
        if (object->private->container)
            object->private->container->ops->gap(object->private->container, 0);
        return;
    }
    if (object->private->container) {
        object->private->container->ops->gap(object->private->container, len);
        return;
    }
    keep_gap(env, object, len);
    object->size += len;
    env->observer.gap(env->observer.user, object, len);
}

static void finish_digest(struct object *object)
{
    unsigned len = 0;
    object->has_sha256 = object->state == OBJECT_CLOSED &&
                         EVP_DigestFinal_ex(object->private->digest, object->sha256, &len) == 1 && len == 32;
}

void object_end(struct object_env *env, struct object *object, enum object_state state)
{
    if (!object)
        return;
    struct object_private *private = object->private;
    if (private->coding && state == OBJECT_CLOSED && !coding_whole(private->coding))
        object->damaged = true;
    bool short_of = object->expected_size != OBJECT_SIZE_UNKNOWN && object->size < object->expected_size;
    if (object->gaps || object->damaged || (short_of && !private->container))
        state = OBJECT_TRUNCATED;
    object->state = state == OBJECT_CLOSED ? OBJECT_CLOSED : OBJECT_TRUNCATED;
    if (private->container) {
        private->container->ops->end(private->container, object->state);
    } else {
        finish_digest(object);
        count_add(env->counters, object->state == OBJECT_CLOSED ? COUNT_OBJECT_CLOSED : COUNT_OBJECT_TRUNCATED,
                  1);
        env->observer.end(env->observer.user, object);
    }
    release(env, object);
}

static struct object *sink_begin(void *user, const struct object_info *info)
{
    return object_begin(user, info);
}

static void sink_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    object_data(user, object, data, len);
}

static void sink_gap(void *user, struct object *object, uint64_t len)
{
    object_gap(user, object, len);
}

static void sink_end(void *user, struct object *object, enum object_state state)
{
    object_end(user, object, state);
}

static void sink_set_name(void *user, struct object *object, const void *name, size_t len)
{
    (void)user;
    object_set_name(object, name, len);
}

struct object_sink object_env_sink(struct object_env *env)
{
    return (struct object_sink){env, sink_begin, sink_data, sink_gap, sink_end, sink_set_name};
}
