/* Iris image records: ISO/IEC 19794-6 (2005), NIST's and IREX's variants of it, and (2011). */
#include "image_record.h"

struct iir {
    struct image_record record;
};

#define HEADER_2005 45 /* the header states its own length: no arithmetic, and decisive */

static bool iir_sniff(const uint8_t *head, size_t len)
{
    return image_record_sniff(head, len, "IIR\0");
}

/* Length, device, eyes, header length, properties, diameter, format, width, height, depth. */
static bool header_old(struct image_record *r, const uint8_t *p)
{
    r->length = be32(p);
    r->views = p[6];
    r->width = be16(p + 15);
    r->height = be16(p + 17);
    r->raw_length = ((uint64_t)r->width * r->height * p[19] + 7) / 8;
    if (be16(p + 13) == 4) /* RGB raw */
        r->raw_length *= 3;
    return (r->views == 1 || r->views == 2) && be16(p + 7) == HEADER_2005 && r->width >= 1 && r->height >= 1;
}

static bool header_2005(struct image_record *r, const uint8_t *p)
{
    return header_old(r, p + 8);
}

static bool header_irex(struct image_record *r, const uint8_t *p)
{
    return header_old(r, p + 9); /* behind one byte of kind of imagery */
}

static bool eye_2005(struct image_record *r, const uint8_t *p)
{
    r->images_left = be16(p + 1);
    return p[0] <= 2 && r->images_left >= 1;
}

/* Number, quality, rotation, uncertainty, length. */
static bool image_2005(struct image_record *r, const uint8_t *p)
{
    r->image_length = be32(p + 7);
    return true;
}

static bool header_2011(struct image_record *r, const uint8_t *p)
{
    r->length = be32(p + 8);
    r->views = be16(p + 12);
    return p[14] <= 1 && p[15] <= 2 && r->views <= 1000 && be32(p + 16) > 52 && be32(p + 16) <= r->length;
}

/* Length, date, technology, vendor, type, quality blocks. */
static bool view_2011(struct image_record *r, const uint8_t *p)
{
    r->view_length = be32(p);
    r->walk.skip = 5u * p[18];
    return r->view_length > 52;
}

/* Number, eye, type, format, properties, size, depth, range, roll, uncertainty, six bounds, length. */
static bool image_2011(struct image_record *r, const uint8_t *p)
{
    r->width = be16(p + 6);
    r->height = be16(p + 8);
    r->raw_length = ((uint64_t)r->width * r->height * p[10] + 7) / 8;
    r->image_length = be32(p + 29);
    return p[2] <= 2 && r->width >= 1 && r->height >= 1 && r->image_length <= r->view_length;
}

static const struct image_layout LAYOUTS[] = {
    {"ISO/IEC 19794-6:2005", "iris", "010,013", {{45, header_2005}, {3, eye_2005}, {11, image_2005}}},
    {"ISO/IEC 19794-6:2005 (IREX)", "iris", "015", {{46, header_irex}, {3, eye_2005}, {11, image_2005}}},
    {"ISO/IEC 19794-6:2011", "iris", "020", {{16, header_2011}, {19, view_2011}, {33, image_2011}}},
    {0},
};

static enum recogniser_state iir_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    (void)at;
    return image_record_feed(state, LAYOUTS, facts, data, len);
}

static enum recogniser_state iir_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    (void)facts;
    (void)at;
    return image_record_gap(state, len);
}

static enum recogniser_state iir_finish(void *state, struct fact_set *facts)
{
    return image_record_finish(state, facts);
}

static uint64_t iir_end_at(const void *state)
{
    return ((const struct iir *)state)->record.walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"IIR\0", 4, 0, false}};

const struct recogniser recogniser_iir = {
    .name = "iir",
    .type = "iir",
    .state_size = sizeof(struct iir),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = iir_sniff,
    .feed = iir_feed,
    .gap = iir_gap,
    .end_at = iir_end_at,
    .finish = iir_finish,
};
