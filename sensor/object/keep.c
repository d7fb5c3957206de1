/* The kept bytes of an object: contiguous from its first byte up to limits.object_mib, so that
 * rules see what `yara FILE` would; past that, or when the memory ceiling refuses, a window over
 * the last bytes that slides. Sliding moves half of the window once it is full, so every byte is
 * copied at most twice however long the object grows.
 *
 *      invariant: bytes_at + bytes.len == size, before and after every call
 *
 * What a sender declares costs little: room is made for at most four times what came, and no more
 * than AHEAD_BYTES ahead of it; gaps are kept as zeros only as far as real bytes stand against them. */
#include <string.h>

#include "env.h"

#define AHEAD_BYTES ((uint64_t)1 << 20)
#define FREE_ZEROS ((uint64_t)256 << 10) /* bytes of gaps that need no real bytes against them */
#define LEAST_WINDOW ((size_t)64 << 10)  /* asked for again and again while memory is short */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Room for `len` bytes more in a buffer that still begins with the object's first byte. */
static bool reserve(struct object_env *env, struct object *object, uint64_t len)
{
    struct buffer *bytes = &object->bytes;
    if (len > env->limits.keep_bytes || bytes->len + len > env->limits.keep_bytes)
        return false;
    uint64_t want = bytes->len + len;
    if (want <= bytes->cap)
        return true;
    uint64_t hint = 0;
    if (object->expected_size != OBJECT_SIZE_UNKNOWN)
        hint = least(least(object->expected_size, least(want * 4, want + AHEAD_BYTES)),
                     env->limits.keep_bytes);
    return (hint > want && buffer_reserve(env->heap, bytes, (size_t)hint)) ||
           buffer_reserve(env->heap, bytes, (size_t)want);
}

/* From here on the object has a window. Half of the limit is given back at once, if the change
 * itself finds room. */
static void begin_window(struct object_env *env, struct object *object)
{
    struct buffer *bytes = &object->bytes, window = {0};
    object->limited = true;
    count_add(env->counters, COUNT_OBJECT_LIMITED, 1);
    size_t cap = env->limits.keep_bytes / 2, keep = cap / 2;
    if (bytes->cap <= cap || !buffer_reserve(env->heap, &window, cap))
        return;
    if (keep > bytes->len)
        keep = bytes->len;
    if (keep)
        memcpy(window.data, bytes->data + bytes->len - keep, keep);
    window.len = keep;
    object->bytes_at += bytes->len - keep;
    buffer_release(env->heap, bytes);
    *bytes = window;
}

/* Moves the window so that `len` bytes fit behind it, or all its room when that is less. */
static void slide(struct object *object, uint64_t len)
{
    struct buffer *bytes = &object->bytes;
    size_t keep = bytes->cap / 2;
    if (len > bytes->cap - keep)
        keep = len < bytes->cap ? bytes->cap - (size_t)len : 0;
    if (keep > bytes->len)
        keep = bytes->len;
    if (keep)
        memmove(bytes->data, bytes->data + bytes->len - keep, keep);
    object->bytes_at += bytes->len - keep;
    bytes->len = keep;
}

static void append(struct buffer *bytes, const uint8_t *data, size_t len)
{
    if (!len)
        return;
    if (data)
        memcpy(bytes->data + bytes->len, data, len);
    else
        memset(bytes->data + bytes->len, 0, len);
    bytes->len += len;
}

/* A gap is worth its zeros while zeros do not outgrow the bytes that came. */
static bool is_worth_zeros(struct object *object, uint64_t len)
{
    struct object_private *private = object->private;
    uint64_t allowed = FREE_ZEROS + (object->size - private->missing) - private->zeros;
    private->missing += len;
    if (len > allowed)
        return false;
    private->zeros += len;
    return true;
}

void object_keep(struct object_env *env, struct object *object, const uint8_t *data, uint64_t len)
{
    struct buffer *bytes = &object->bytes;
    bool jump = !data && !is_worth_zeros(object, len);
    if (!jump && !object->limited && reserve(env, object, len)) {
        append(bytes, data, (size_t)len);
        return;
    }
    if (!object->limited)
        begin_window(env, object);
    if (jump) {
        object->bytes_at += bytes->len + len;
        bytes->len = 0;
        return;
    }
    if (bytes->cap < LEAST_WINDOW && bytes->cap < env->limits.keep_bytes)
        buffer_reserve(env->heap, bytes, (size_t)least(LEAST_WINDOW, env->limits.keep_bytes));
    if (bytes->len + len > bytes->cap)
        slide(object, len);
    uint64_t skip = len > bytes->cap - bytes->len ? len - (bytes->cap - bytes->len) : 0;
    if (skip) { /* more than the whole window: its tail stays */
        object->bytes_at += bytes->len + skip;
        bytes->len = 0;
    }
    append(bytes, data ? data + skip : NULL, (size_t)(len - skip));
}
