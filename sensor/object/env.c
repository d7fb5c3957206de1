/* One worker's environment for objects: limits, pools, the digest, and how an object gets its
 * number. */
#include <stdlib.h>

#include "env.h"

#define NESTING_MAX 32 /* each level of framing is a level of calls */

struct object_env *object_env_new(struct mem *mem, struct counters *counters,
                                  const struct object_limits *limits,
                                  const struct object_observer *observer)
{
    struct object_env *env = calloc(1, sizeof(*env));
    if (!env)
        abort(); /* only at start */
    env->mem = mem;
    env->counters = counters;
    env->limits = *limits;
    if (env->limits.nesting > NESTING_MAX)
        env->limits.nesting = NESTING_MAX;
    env->observer = *observer;
    env->objects = pool_new(mem, MEM_OBJECT, sizeof(struct object));
    env->privates = pool_new(mem, MEM_OBJECT, sizeof(struct object_private));
    env->codings = pool_new(mem, MEM_OBJECT, coding_size());
    for (unsigned i = 0; i < CONTAINER_COUNT; i++)
        env->containers[i] =
            pool_new(mem, MEM_OBJECT, container_state_size((enum container_kind)i));
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
    for (unsigned i = 0; i < CONTAINER_COUNT; i++)
        pool_free(env->containers[i]);
    pool_free(env->codings);
    pool_free(env->privates);
    pool_free(env->objects);
    free(env);
}

void object_env_make_room(struct object_env *env, bool (*make_room)(void *user), void *user)
{
    env->make_room = make_room;
    env->make_room_user = user;
}

bool object_make_room(struct object_env *env, unsigned *tries)
{
    if (!env->make_room || env->making_room || ++*tries > FLOW_ROOM_TRIES)
        return false;
    env->making_room = true;
    bool made = env->make_room(env->make_room_user);
    env->making_room = false;
    return made;
}

void object_env_clock(struct object_env *env, int64_t now_ns)
{
    env->now_ns = now_ns;
}

EVP_MD_CTX *object_digest_get(struct object_env *env)
{
    EVP_MD_CTX *digest =
        env->idle_digest_count ? env->idle_digests[--env->idle_digest_count] : EVP_MD_CTX_new();
    if (digest && EVP_DigestInit_ex2(digest, env->sha256, NULL) != 1) {
        EVP_MD_CTX_free(digest);
        digest = NULL;
    }
    return digest;
}

void object_digest_put(struct object_env *env, EVP_MD_CTX *digest)
{
    if (!digest)
        return;
    if (env->idle_digest_count < IDLE_DIGESTS)
        env->idle_digests[env->idle_digest_count++] = digest;
    else
        EVP_MD_CTX_free(digest);
}

/* A child is numbered within its parent. Others are numbered by the payload bytes their side had
 * sent when they began, which needs no counter in every flow; objects that begin at the same byte
 * are counted. */
uint64_t object_ordinal(struct object_env *env, const struct object_info *info)
{
    if (info->parent)
        return info->parent->ordinal * 1000003u + ++info->parent->private->children;
    uint64_t flow = info->flow ? info->flow->id << 1 | (uint64_t)info->sender : 0;
    uint64_t position = info->flow ? info->flow->payload[info->sender] : 0;
    bool same = env->last.flow == flow && env->last.position == position;
    env->last.flow = flow;
    env->last.position = position;
    env->last.count = same ? env->last.count + 1 : 0;
    return position << 16 | (env->last.count & 0xffff);
}
