/* Feeds objects and remembers what an observer saw of them, for the tests of object/. */
#ifndef TEST_OBJECT_RECORD_H
#define TEST_OBJECT_RECORD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "object.h"

#define SEEN_MAX 192

struct seen { /* one object, as the observer saw it */
    const struct object *handle;
    char name[OBJECT_NAME_MAX + 1], type[128], path[512]; /* path: steps joined by " " */
    uint8_t *data; /* every byte in order, gaps as zeros (gaps over 4 MiB: no bytes at all) */
    size_t len, cap;
    uint64_t gap_bytes, ordinal, size;
    unsigned depth, data_calls;
    enum object_state state;
    bool gaps, damaged, limited, has_sha256, ended;
    uint8_t sha256[32];
};

struct recorder {
    struct mem mem;
    struct counters counters;
    struct object_env *env;
    struct seen seen[SEEN_MAX];
    unsigned count;
};

static inline struct seen *seen_of(struct recorder *r, const struct object *object)
{
    for (unsigned i = r->count; i-- > 0;) {
        if (r->seen[i].handle == object && !r->seen[i].ended)
            return &r->seen[i];
    }
    fail_msg("an observer call for an object that is not open");
    return NULL;
}

/* What every observer may rely on. */
static inline void check_window(const struct object *object, const struct seen *seen)
{
    assert_true(object->bytes_at + object->bytes.len == object->size);
    assert_true(object->limited || object->bytes_at == 0);
    assert_true(object->bytes.len <= object->bytes.cap);
    if (object->size == seen->len && object->bytes.len &&
        (seen->data_calls & (seen->data_calls - 1)) == 0)
        assert_memory_equal(object->bytes.data, seen->data + object->bytes_at, object->bytes.len);
}

static inline void record_begin(void *user, struct object *object)
{
    struct recorder *r = user;
    assert_true(r->count < SEEN_MAX);
    struct seen *seen = &r->seen[r->count++];
    seen->handle = object;
    snprintf(seen->name, sizeof(seen->name), "%s", object->name);
    snprintf(seen->type, sizeof(seen->type), "%s", object->declared_type);
    seen->depth = object->depth;
    seen->ordinal = object->ordinal;
    for (unsigned i = 0; i < object->path_count; i++) {
        size_t n = strlen(seen->path);
        snprintf(seen->path + n, sizeof(seen->path) - n, "%s%s", i ? " " : "", object->path[i]);
    }
    assert_int_equal(object->state, OBJECT_OPEN);
    assert_true(object->size == 0);
}

static inline void record_bytes(struct seen *seen, const uint8_t *data, size_t len)
{
    if (seen->len + len + 1 > seen->cap) {
        seen->cap = (seen->len + len + 1) * 2;
        seen->data = realloc(seen->data, seen->cap);
        assert_non_null(seen->data);
    }
    if (data)
        memcpy(seen->data + seen->len, data, len);
    else
        memset(seen->data + seen->len, 0, len);
    seen->len += len;
}

static inline void record_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct seen *seen = seen_of(user, object);
    assert_true(len > 0);
    record_bytes(seen, data, len);
    seen->data_calls++;
    seen->size += len;
    assert_true(object->size == seen->size);
    check_window(object, seen);
}

static inline void record_gap(void *user, struct object *object, uint64_t len)
{
    struct seen *seen = seen_of(user, object);
    if (len <= 4 << 20)
        record_bytes(seen, NULL, (size_t)len);
    seen->gap_bytes += len;
    seen->size += len;
    assert_true(object->size == seen->size);
    assert_true(object->gaps);
    check_window(object, seen);
}

static inline void record_end(void *user, struct object *object)
{
    struct seen *seen = seen_of(user, object);
    seen->state = object->state;
    seen->gaps = object->gaps;
    seen->damaged = object->damaged;
    seen->limited = object->limited;
    seen->has_sha256 = object->has_sha256;
    memcpy(seen->sha256, object->sha256, 32);
    snprintf(seen->name, sizeof(seen->name), "%s", object->name);
    seen->ended = true;
    assert_int_not_equal(object->state, OBJECT_OPEN);
    assert_true(!object->has_sha256 ||
                (object->state == OBJECT_CLOSED && !object->gaps && !object->damaged));
}

static inline struct recorder *recorder_new(const struct object_limits *limits, size_t ceiling)
{
    static const struct object_limits usual = {8 << 20, 8, 200};
    struct recorder *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    const struct object_observer observer = {r, record_begin, record_data, record_gap, record_end};
    r->env = object_env_new(&r->mem, &r->counters, limits ? limits : &usual, &observer);
    r->mem.ceiling = ceiling;
    return r;
}

static inline void recorder_clear(struct recorder *r)
{
    for (unsigned i = 0; i < r->count; i++)
        free(r->seen[i].data);
    memset(r->seen, 0, sizeof(r->seen));
    r->count = 0;
}

/* Every object ended, and all memory is back. */
static inline void recorder_free(struct recorder *r)
{
    for (unsigned i = 0; i < r->count; i++)
        assert_true(r->seen[i].ended);
    recorder_clear(r);
    object_env_free(r->env);
    assert_true(r->mem.total == 0);
    free(r);
}

static inline struct object *begin(struct recorder *r, const char *type, const char *encoding)
{
    const struct object_info info = {.declared_type = {type, type ? strlen(type) : 0},
                                     .encoding = {encoding, encoding ? strlen(encoding) : 0},
                                     .expected_size = OBJECT_SIZE_UNKNOWN};
    return object_begin(r->env, &info);
}

/* From its own allocation, so that the sanitizer sees a read past it. */
static inline void feed(struct recorder *r, struct object *object, const void *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    object_data(r->env, object, copy, len);
    free(copy);
}

/* A whole body in pieces of `piece` bytes (0: at once). */
static inline void feed_all(struct recorder *r, struct object *object, const void *data, size_t len,
                            size_t piece)
{
    const uint8_t *p = data;
    for (size_t at = 0; at < len;) {
        size_t n = piece && piece < len - at ? piece : len - at;
        feed(r, object, p + at, n);
        at += n;
    }
}

static inline void send_body(struct recorder *r, const char *type, const char *encoding,
                             const void *data, size_t len, size_t piece)
{
    struct object *object = begin(r, type, encoding);
    assert_non_null(object);
    feed_all(r, object, data, len, piece);
    object_end(r->env, object, OBJECT_CLOSED);
}

static inline const struct seen *only(struct recorder *r)
{
    assert_int_equal(r->count, 1);
    assert_true(r->seen[0].ended);
    return &r->seen[0];
}

static inline void assert_bytes(const struct seen *seen, const void *data, size_t len)
{
    assert_int_equal(seen->len, len);
    assert_memory_equal(seen->data ? seen->data : (const uint8_t *)"", data, len);
}

static inline void assert_text(const struct seen *seen, const char *text)
{
    assert_bytes(seen, text, strlen(text));
}

/* Bytes that look like nothing, the same every time. */
static inline void fill(uint8_t *out, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(seed >> 24);
    }
}

#endif
