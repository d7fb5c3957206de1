/* Synthetic pictures and records, made here from the standards: never copies of real ones. */
#ifndef TEST_FACTS_MAKE_H
#define TEST_FACTS_MAKE_H

#include "feed.h"

/* A small generator of even bits (xorshift32): the same in every run. */
static inline uint32_t draw(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static inline void put_random(struct record *r, size_t n, uint32_t seed)
{
    while (n--)
        put_u8(r, draw(&seed) >> 11);
}

/* A marker segment of JPEG: its length counts itself. */
static inline void put_segment(struct record *r, unsigned code, const void *body, size_t len)
{
    put_u8(r, 0xff);
    put_u8(r, code);
    put_be16(r, (unsigned)len + 2);
    put(r, body, len);
}

/* Entropy-coded bytes: random, 0xFF stuffed. */
static inline void put_entropy(struct record *r, size_t n, uint32_t seed)
{
    while (n--) {
        unsigned b = draw(&seed) >> 9 & 0xff;
        put_u8(r, b);
        if (b == 0xff)
            put_u8(r, 0);
    }
}

struct jpeg_recipe {
    unsigned width, height, frame; /* frame: SOF code */
    unsigned components;
    size_t entropy;     /* bytes of it */
    const struct record *app1; /* body of an APP1 segment, or NULL */
    bool no_end;
    uint32_t seed;
};

static inline void put_jpeg(struct record *r, const struct jpeg_recipe *recipe)
{
    uint8_t quantiser[65] = {0}, huffman[17 + 1] = {0x00, 1};
    uint8_t frame[18], scan[12];
    unsigned n = recipe->components ? recipe->components : 3;
    put(r, "\xff\xd8", 2);
    put_segment(r, 0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
    if (recipe->app1)
        put_segment(r, 0xe1, recipe->app1->data, recipe->app1->len);
    for (unsigned i = 1; i < 65; i++)
        quantiser[i] = (uint8_t)(i + 1);
    put_segment(r, 0xdb, quantiser, sizeof(quantiser));
    frame[0] = 8;
    frame[1] = (uint8_t)(recipe->height >> 8);
    frame[2] = (uint8_t)recipe->height;
    frame[3] = (uint8_t)(recipe->width >> 8);
    frame[4] = (uint8_t)recipe->width;
    frame[5] = (uint8_t)n;
    scan[0] = (uint8_t)n;
    for (unsigned i = 0; i < n; i++) {
        memcpy(frame + 6 + 3 * i, (uint8_t[]){(uint8_t)(i + 1), 0x11, 0}, 3);
        memcpy(scan + 1 + 2 * i, (uint8_t[]){(uint8_t)(i + 1), 0}, 2);
    }
    memcpy(scan + 1 + 2 * n, "\x00\x3f\x00", 3);
    put_segment(r, recipe->frame ? recipe->frame : 0xc0, frame, 6 + 3 * n);
    put_segment(r, 0xc4, huffman, sizeof(huffman));
    put_segment(r, 0xda, scan, 4 + 2 * n);
    put_entropy(r, recipe->entropy ? recipe->entropy : 4000, recipe->seed ? recipe->seed : 1);
    if (!recipe->no_end)
        put(r, "\xff\xd9", 2);
}

/* ISO/IEC 19794-2:2005 with `views` of `minutiae` each. */
static inline void put_fmr_iso2005(struct record *r, unsigned views, unsigned minutiae)
{
    size_t begin = r->len;
    uint32_t seed = 7;
    put(r, "FMR\0 20\0", 8);
    put_be32(r, 0);
    put_be16(r, 0x1234);
    put_be16(r, 512);
    put_be16(r, 480);
    put_be16(r, 197);
    put_be16(r, 197);
    put_u8(r, views);
    put_u8(r, 0);
    for (unsigned v = 0; v < views; v++) {
        put_u8(r, v + 1);
        put_u8(r, 0);
        put_u8(r, 80);
        put_u8(r, minutiae);
        for (unsigned m = 0; m < minutiae; m++) {
            put_be16(r, 0x4000 | draw(&seed) % 512);
            put_be16(r, draw(&seed) % 480);
            put_u8(r, draw(&seed));
            put_u8(r, draw(&seed) % 101);
        }
        put_be16(r, 0);
    }
    set_be32(r, begin + 8, r->len - begin);
}

#endif
