/* Compressed bytes for the tests of object/. */
#ifndef TEST_OBJECT_CODED_H
#define TEST_OBJECT_CODED_H

#include <zlib.h>
#include <zstd.h>

#include "record.h"

struct coded {
    uint8_t *data;
    size_t len;
};

static inline struct coded deflated(const void *data, size_t len, int bits)
{
    z_stream z = {0};
    struct coded out = {malloc(len + len / 8 + 1024), 0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    z.next_out = out.data;
    z.avail_out = (uInt)(len + len / 8 + 1024);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

static inline struct coded gzipped(const void *data, size_t len)
{
    return deflated(data, len, 31);
}

static inline struct coded zstandard(const void *data, size_t len)
{
    struct coded out = {malloc(ZSTD_compressBound(len)), 0};
    out.len = ZSTD_compress(out.data, ZSTD_compressBound(len), data, len, 3);
    assert_false(ZSTD_isError(out.len));
    return out;
}

/* Text that compresses, with enough change in it not to be all one match. */
static inline void text(char *out, size_t len)
{
    static const char *const words[] = {"plate", "camera", "lane", "passport",
                                        "photo", "2026",   "row",  "\r\n"};
    size_t n = 0;
    for (uint32_t i = 1; n < len; i++) {
        const char *word = words[(i * 2654435761u) >> 29];
        for (; *word && n < len; word++)
            out[n++] = *word;
        if (n < len)
            out[n++] = (char)('a' + (i * 40503u >> 7) % 26);
    }
}

#endif
