/* A cursor over bytes an attacker chose. Every parser reads through it: no read passes the end, and after
 * the first short read the cursor is `bad` and at its end for good, so a parser may read a whole header and test once.
 * Values are host order; `be`/`le` name the order on the wire. Any thread; owns nothing. */
#ifndef DLP_CURSOR_H
#define DLP_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct cursor cursor_over(const void *data, size_t len)
{
    const uint8_t *p = data;
    return (struct cursor){p, len ? p + len : p, false};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next `n` bytes, or NULL (and bad) when fewer remain. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->bad || cursor_left(c) < n) {
        c->bad = true;
        c->at = c->end; /* so that a loop over what is left ends too */
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
    return cursor_take(c, n) != NULL;
}

/* As cursor_take, without moving and without turning bad. */
static inline const uint8_t *cursor_peek(const struct cursor *c, size_t n)
{
    return c->bad || cursor_left(c) < n ? NULL : c->at;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? p[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    uint64_t high = cursor_be32(c);
    return high << 32 | cursor_be32(c);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    return p ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    uint64_t low = cursor_le32(c);
    return (uint64_t)cursor_le32(c) << 32 | low;
}

#endif
