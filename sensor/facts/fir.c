/* Finger image records: ISO/IEC 19794-4 clause 7 (2005) and 8 (2011), INCITS 381, whose 2004 edition puts four
 * bytes of product identifier behind the length. */
#include "image_record.h"

struct fir {
    struct image_record record;
};

static bool fir_sniff(const uint8_t *head, size_t len)
{
    return image_record_sniff(head, len, "FIR\0");
}

/* Six bytes of length; then, `at`: device, level, images, scale, resolutions, depth, compression, reserved. */
static bool header_old(struct image_record *r, const uint8_t *p, unsigned at)
{
    r->length = (uint64_t)be16(p + 8) << 32 | be32(p + 10);
    r->views = p[at + 4];
    r->flag = p[at + 14]; /* depth */
    return (p[at + 5] == 1 || p[at + 5] == 2) && be16(p + at + 6) >= 30 && be16(p + at + 8) >= 30 &&
           p[at + 14] >= 1 && p[at + 14] <= 16 && p[at + 15] <= 8;
}

static bool header_2005(struct image_record *r, const uint8_t *p)
{
    return header_old(r, p, 14);
}

static bool header_incits(struct image_record *r, const uint8_t *p)
{
    return header_old(r, p, 18);
}

static uint64_t raw_length(const struct image_record *r, unsigned depth)
{
    return ((uint64_t)r->width * r->height * depth + 7) / 8;
}

static bool is_quality(uint8_t quality)
{
    return quality <= 100 || quality >= 253;
}

/* Length of the block, finger, count, view, quality, impression, width, height, reserved. */
static bool view_2005(struct image_record *r, const uint8_t *p)
{
    r->view_length = be32(p);
    r->width = be16(p + 9);
    r->height = be16(p + 11);
    r->raw_length = raw_length(r, r->flag);
    r->image_length = r->view_length - 14;
    return r->view_length > 14 && p[4] <= 36 && is_quality(p[7]) && r->width >= 1 && r->height >= 1;
}

static bool header_2011(struct image_record *r, const uint8_t *p)
{
    r->length = be32(p + 8);
    r->views = be16(p + 12);
    r->flag = p[14]; /* certification blocks */
    return p[14] <= 1 && r->views <= 672 && be32(p + 16) > 41 && be32(p + 16) <= r->length;
}

/* Length, date, technology, vendor, type, quality blocks. */
static bool view_2011(struct image_record *r, const uint8_t *p)
{
    r->view_length = be32(p);
    r->walk.skip = 5u * p[18];
    return r->view_length > 41;
}

/* A certification count stands here only when the header says so; its first byte is read with what follows. */
static bool certification_2011(struct image_record *r, const uint8_t *p)
{
    if (r->flag)
        r->walk.skip = 3u * p[0];
    return true;
}

/* Position, number, scale, four resolutions, depth, compression, impression, width, height, length. */
static bool image_2011(struct image_record *r, const uint8_t *p)
{
    r->width = be16(p + 14);
    r->height = be16(p + 16);
    r->raw_length = raw_length(r, p[11]);
    r->image_length = be32(p + 18);
    return p[0] <= 36 && (p[2] == 1 || p[2] == 2) && p[11] >= 1 && p[11] <= 16 && p[12] <= 8 && r->width >= 1 &&
           r->height >= 1 && r->image_length <= r->view_length;
}

/* Without certification the block of one byte does not exist, so there are two layouts. */
static bool header_2011_plain(struct image_record *r, const uint8_t *p)
{
    return header_2011(r, p) && p[14] == 0;
}

static const struct image_layout LAYOUTS[] = {
    {"ISO/IEC 19794-4:2005", "finger_image", "010", {{32, header_2005}, {14, view_2005}}},
    {"INCITS 381-2004", "finger_image", "010", {{36, header_incits}, {14, view_2005}}},
    {"ISO/IEC 19794-4:2011", "finger_image", "020,030", {{16, header_2011_plain}, {19, view_2011}, {22, image_2011}}},
    {"ISO/IEC 19794-4:2011", "finger_image", "020,030",
     {{16, header_2011}, {19, view_2011}, {1, certification_2011}, {22, image_2011}}},
    {0},
};

static enum recogniser_state fir_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    (void)at;
    return image_record_feed(state, LAYOUTS, facts, data, len);
}

static enum recogniser_state fir_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    (void)facts;
    (void)at;
    return image_record_gap(state, len);
}

static enum recogniser_state fir_finish(void *state, struct fact_set *facts)
{
    return image_record_finish(state, facts);
}

static uint64_t fir_end_at(const void *state)
{
    return ((const struct fir *)state)->record.walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"FIR\0", 4, 0, false}};

const struct recogniser recogniser_fir = {
    .name = "fir",
    .type = "fir",
    .state_size = sizeof(struct fir),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = fir_sniff,
    .feed = fir_feed,
    .gap = fir_gap,
    .end_at = fir_end_at,
    .finish = fir_finish,
};
