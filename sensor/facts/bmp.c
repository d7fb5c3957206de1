/* BMP: two bytes of magic are nothing, so an object's first bytes only, and every header field must agree. */
#include "image.h"
#include "walk.h"

#define HEADER 54
#define HEADER_CORE 26 /* with the DIB header of 12 bytes */

struct bmp {
    struct walk walk;
    uint8_t buffer[HEADER];
    bool proved;
};

static bool is_dib_size(uint32_t size)
{
    return size == 12 || size == 40 || size == 52 || size == 56 || size == 64 || size == 108 || size == 124;
}

static bool is_depth(uint16_t depth)
{
    return depth == 1 || depth == 4 || depth == 8 || depth == 16 || depth == 24 || depth == 32;
}

static bool bmp_sniff(const uint8_t *head, size_t len)
{
    return len >= HEADER_CORE && head[0] == 'B' && head[1] == 'M' && le32(head + 6) == 0 &&
           is_dib_size(le32(head + 14)) && le32(head + 10) >= 14 + le32(head + 14) && le32(head + 10) < 1 << 16;
}

static bool take_header(struct bmp *b, const uint8_t *p, struct fact_set *facts)
{
    bool core = le32(p + 14) == 12;
    uint32_t width = core ? le16(p + 18) : le32(p + 18), height = core ? le16(p + 20) : le32(p + 22);
    uint16_t planes = le16(p + (core ? 22 : 26)), depth = le16(p + (core ? 24 : 28));
    uint32_t compression = core ? 0 : le32(p + 30), file = le32(p + 2), data = le32(p + 10);
    if (height > INT32_MAX) /* rows from the top down */
        height = 0u - height;
    if (!bmp_sniff(p, HEADER_CORE) || !width || !height || width > 1 << 28 || planes != 1 ||
        !is_depth(depth) || compression > 6)
        return false;
    uint64_t rows = (((uint64_t)width * depth + 31) / 32 * 4) * height;
    bool plain = compression == 0 || compression == 3 || compression == 6;
    if (plain && (file + UINT64_C(3) < data + rows || file > data + rows + 1024))
        return false;
    b->proved = true;
    image_publish(facts, "bmp", width, height, depth <= 8 ? 1 : depth == 32 ? 4 : 3);
    return true;
}

static enum recogniser_state bmp_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    struct bmp *b = state;
    struct input in = {data, len};
    (void)at;
    if (!b->proved) {
        const uint8_t *p = walk_take(&b->walk, b->buffer, HEADER, &in);
        if (!p)
            return RECOGNISE_MORE;
        if (!take_header(b, p, facts))
            return RECOGNISE_NO;
        b->walk.skip = le32(p + 2) > HEADER ? le32(p + 2) - HEADER : 0;
    }
    if (!walk_pass(&b->walk, &in))
        return RECOGNISE_PROVED;
    image_publish_complete(facts);
    return RECOGNISE_END;
}

static enum recogniser_state bmp_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct bmp *b = state;
    (void)facts;
    (void)at;
    if (!b->proved || !walk_gap(&b->walk, len))
        return RECOGNISE_NO;
    return RECOGNISE_PROVED;
}

static uint64_t bmp_end_at(const void *state)
{
    return ((const struct bmp *)state)->walk.at;
}

const struct recogniser recogniser_bmp = {
    .name = "bmp",
    .type = "bmp",
    .state_size = sizeof(struct bmp),
    .sniff = bmp_sniff,
    .feed = bmp_feed,
    .gap = bmp_gap,
    .end_at = bmp_end_at,
};
