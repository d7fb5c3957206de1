/* How a recogniser reads a format whose bytes come in pieces: skip so many, then have so many together. The
 * pieces' borders never show: walk_take gives `n` contiguous bytes, from the chunk itself when they lie in
 * it, else from `buffer`, where a cut header is put together.
 *
 *     const uint8_t *p = walk_take(&w, buffer, 4, &in);
 *     if (!p) return RECOGNISE_MORE;     (the chunk is used up; come back with the next)
 */
#ifndef FACTS_WALK_H
#define FACTS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct walk {
    uint64_t skip; /* bytes to pass over before the next take */
    uint64_t at;   /* bytes taken and skipped: the offset of the next byte to be read */
    uint32_t have; /* bytes already in the buffer */
};

struct input { /* what is left of a chunk */
    const uint8_t *data;
    size_t len;
};

static inline void walk_consume(struct walk *walk, struct input *in, size_t n)
{
    in->data += n;
    in->len -= n;
    walk->at += n;
}

/* Passes over what is to be skipped; false when the chunk ends first. */
static inline bool walk_pass(struct walk *walk, struct input *in)
{
    if (walk->skip) {
        size_t n = walk->skip < in->len ? (size_t)walk->skip : in->len;
        walk->skip -= n;
        walk_consume(walk, in, n);
    }
    return walk->skip == 0;
}

static inline const uint8_t *walk_take(struct walk *walk, uint8_t *buffer, size_t n, struct input *in)
{
    if (!walk_pass(walk, in))
        return NULL;
    if (walk->have == 0 && in->len >= n) {
        const uint8_t *p = in->data;
        walk_consume(walk, in, n);
        return p;
    }
    size_t part = n - walk->have < in->len ? n - walk->have : in->len;
    if (part)
        memcpy(buffer + walk->have, in->data, part);
    walk->have += (uint32_t)part;
    walk_consume(walk, in, part);
    if (walk->have < n)
        return NULL;
    walk->have = 0;
    return buffer;
}

/* A gap of `len` bytes: harmless when it lies within what is skipped anyway. */
static inline bool walk_gap(struct walk *walk, uint64_t len)
{
    if (walk->have || walk->skip < len)
        return false;
    walk->skip -= len;
    walk->at += len;
    return true;
}

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

#endif
