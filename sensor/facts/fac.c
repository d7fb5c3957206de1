/* Face image records: ISO/IEC 19794-5 clause 5 (2005) and 8 (2011), INCITS 385. The declared coding and size may
 * disagree with the picture; real records do, so the picture's own bytes are believed. */
#include "image_record.h"

struct fac {
    struct image_record record;
};

static bool fac_sniff(const uint8_t *head, size_t len)
{
    return image_record_sniff(head, len, "FAC\0");
}

static bool header_2005(struct image_record *r, const uint8_t *p)
{
    r->length = be32(p + 8);
    r->views = be16(p + 12);
    return r->views <= 1000 && be32(p + 14) >= 32 && be32(p + 14) <= r->length;
}

/* Block length, feature points, gender ... pose; then the points, 8 bytes each. */
static bool face_2005(struct image_record *r, const uint8_t *p)
{
    r->view_length = be32(p);
    r->landmarks = be16(p + 4);
    r->walk.skip = 8u * r->landmarks;
    return r->landmarks <= 255 && r->view_length > 32 + 8u * r->landmarks;
}

static bool image_2005(struct image_record *r, const uint8_t *p)
{
    r->width = be16(p + 2);
    r->height = be16(p + 4);
    r->image_length = r->view_length - 32 - 8u * r->landmarks;
    return r->width >= 1 && r->height >= 1;
}

static bool header_2011(struct image_record *r, const uint8_t *p)
{
    r->length = be32(p + 8);
    r->views = be16(p + 12);
    return p[14] <= 1 && r->views <= 1000 && be32(p + 17) <= r->length;
}

/* Length, date, technology, vendor, type, quality blocks. */
static bool face_2011(struct image_record *r, const uint8_t *p)
{
    r->view_length = be32(p);
    r->walk.skip = 5u * p[18];
    return r->view_length > 51;
}

static bool information_2011(struct image_record *r, const uint8_t *p)
{
    r->landmarks = be16(p);
    r->walk.skip = 8u * r->landmarks;
    return r->landmarks <= 1000;
}

static bool image_2011(struct image_record *r, const uint8_t *p)
{
    r->width = be16(p + 2);
    r->height = be16(p + 4);
    r->image_length = be32(p + 11);
    return r->width >= 1 && r->height >= 1 && r->image_length <= r->view_length;
}

static const struct image_layout LAYOUTS[] = {
    {"ISO/IEC 19794-5:2005",
     "face",
     "010,020",
     {{14, header_2005}, {20, face_2005}, {12, image_2005}}},
    {"ISO/IEC 19794-5:2011",
     "face",
     "030",
     {{17, header_2011}, {19, face_2011}, {17, information_2011}, {15, image_2011}}},
    {0},
};

static enum recogniser_state fac_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    (void)at;
    return image_record_feed(state, LAYOUTS, facts, data, len);
}

static enum recogniser_state fac_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    (void)facts;
    (void)at;
    return image_record_gap(state, len);
}

static enum recogniser_state fac_finish(void *state, struct fact_set *facts)
{
    return image_record_finish(state, facts);
}

static uint64_t fac_end_at(const void *state)
{
    return ((const struct fac *)state)->record.walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"FAC\0", 4, 0, false}};

const struct recogniser recogniser_fac = {
    .name = "fac",
    .type = "fac",
    .state_size = sizeof(struct fac),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = fac_sniff,
    .feed = fac_feed,
    .gap = fac_gap,
    .end_at = fac_end_at,
    .finish = fac_finish,
};
