/* JPEG 2000 (T.800 | ISO/IEC 15444-1): JP2 files (Annex I boxes) and bare codestreams (Annex A). Faces in passports
 * and many enrolments are kept so. The image header box, or SIZ with its exact length, proves it; tile parts
 * are passed over by their declared length, so the end is the codestream's own EOC. */
#include "exif.h"
#include "image.h"
#include "walk.h"

enum {
    AT_START, AT_BOX, AT_LONG_BOX, AT_IMAGE_HEADER, AT_UUID, AT_EXIF, AT_SIZ, AT_MARKER, AT_SEGMENT, AT_TILE_PART,
    AT_PACKETS, AT_PACKETS_CODE, AT_END
};

#define SIGNATURE "\0\0\0\x0cjP  \r\n\x87\n"
#define BOXES_MAX 64
#define TILES_MAX 65535 /* A.5.1 */

struct jp2 {
    struct walk walk;
    uint8_t buffer[42];
    uint8_t state;
    bool boxed, proved, siz_seen, sized;
    bool ended; /* the codestream has: boxes may follow */
    uint8_t boxes;
    uint64_t box_end; /* of jp2c; 0 when it reaches to the end */
    uint64_t left;    /* of a uuid box */
    struct exif_item exif;
};

static bool is_codestream(const uint8_t *p)
{
    return memcmp(p, "\xff\x4f\xff\x51", 4) == 0;
}

static bool jp2_sniff(const uint8_t *head, size_t len)
{
    if (len >= 12 && memcmp(head, SIGNATURE, 12) == 0)
        return true;
    return len >= 6 && is_codestream(head) && be16(head + 4) >= 41 && (be16(head + 4) - 38) % 3 == 0;
}

/* I.5.3.1: height, width, components, depth, compression 7, two flags. */
static bool take_image_header(struct jp2 *j, const uint8_t *p, struct fact_set *facts)
{
    uint32_t height = be32(p), width = be32(p + 4);
    uint16_t components = be16(p + 8);
    if (!height || !width || !components || p[11] != 7 || p[12] > 1 || p[13] > 1)
        return false;
    j->proved = j->sized = true;
    j->state = AT_BOX;
    image_publish(facts, "jpeg2000", width, height, components);
    return true;
}

/* How many tiles of this size there are along one side. */
static uint64_t tiles(uint32_t end, uint32_t begin, uint32_t size)
{
    return ((uint64_t)end - begin + size - 1) / size;
}

/* A.5.1, from SOC to Csiz: lengths agree with the number of components, the image lies on its grid. */
static bool take_siz(struct jp2 *j, const uint8_t *p, struct fact_set *facts)
{
    uint16_t length = be16(p + 4), components = be16(p + 40);
    uint32_t x = be32(p + 8), y = be32(p + 12), x0 = be32(p + 16), y0 = be32(p + 20);
    uint32_t tx = be32(p + 24), ty = be32(p + 28), tx0 = be32(p + 32), ty0 = be32(p + 36);
    if (!is_codestream(p) || components < 1 || components > 16384 || length != 38 + 3 * components)
        return false;
    if (x <= x0 || y <= y0 || !tx || !ty || tx0 > x0 || ty0 > y0)
        return false;
    j->proved = j->siz_seen = true;
    j->walk.skip = length - 38u;
    j->state = AT_MARKER;
    if (!j->sized)
        image_publish(facts, "jpeg2000", x - x0, y - y0, components);
    if (tiles(x, tx0, tx) * tiles(y, ty0, ty) > TILES_MAX || (uint64_t)(x - x0) * (y - y0) > IMAGE_PIXELS_MAX)
        image_refuse(facts); /* whatever the boxes before said */
    return true;
}

static bool is_box_letter(uint8_t c)
{
    return c == ' ' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* What stands behind the codestream: EXIF, XML, GML. */
static bool may_follow(const uint8_t type[4])
{
    return memcmp(type, "uuid", 4) == 0 || memcmp(type, "xml ", 4) == 0 || memcmp(type, "asoc", 4) == 0;
}

/* A box of `length` bytes, `head` of them already read, whose content begins here. */
static bool begin_box(struct jp2 *j, const uint8_t type[4], uint64_t length, unsigned head)
{
    if (length && length < head)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        if (!is_box_letter(type[i]))
            return false;
    }
    if (++j->boxes > BOXES_MAX || (j->ended && (!length || !may_follow(type))))
        return false;
    j->state = AT_BOX;
    if (memcmp(type, "jp2h", 4) == 0)
        return true; /* its boxes follow */
    if (memcmp(type, "ihdr", 4) == 0) {
        j->state = AT_IMAGE_HEADER;
        return length == 22;
    }
    if (memcmp(type, "uuid", 4) == 0 && length > head + 24) {
        j->left = length - head - 16;
        j->state = AT_UUID;
        return true;
    }
    if (memcmp(type, "jp2c", 4) == 0) {
        j->box_end = length ? j->walk.at - head + length : 0;
        j->state = AT_SIZ;
        return true;
    }
    j->walk.skip = length - head;
    return length != 0;
}

/* ExifTool and others keep EXIF under this name. */
static void take_uuid(struct jp2 *j, const uint8_t *p)
{
    j->state = memcmp(p, "JpgTiffExif->JP2", 16) == 0 ? AT_EXIF : AT_BOX;
    if (j->state == AT_BOX)
        j->walk.skip = j->left;
}

static void feed_exif(struct jp2 *j, struct input *in, struct fact_set *facts)
{
    size_t n = j->left < in->len ? (size_t)j->left : in->len;
    exif_item_feed(&j->exif, in->data, n);
    walk_consume(&j->walk, in, n);
    j->left -= n;
    if (j->left)
        return;
    fact_set_int(facts, FACT_exif_present, 1);
    exif_publish(&j->exif.exif, facts);
    j->state = AT_BOX;
}

static bool take_box(struct jp2 *j, const uint8_t *p)
{
    if (be32(p) == 1) {
        memcpy(j->buffer + 32, p + 4, 4); /* kept behind what the next take may fill */
        j->state = AT_LONG_BOX;
        return true;
    }
    return begin_box(j, p + 4, be32(p), 8);
}

static bool take_long_box(struct jp2 *j, const uint8_t *p)
{
    uint8_t type[4];
    memcpy(type, j->buffer + 32, 4);
    if (be32(p) > 0xffff)
        return false;
    return begin_box(j, type, (uint64_t)be32(p) << 32 | be32(p + 4), 16);
}

static void end_codestream(struct jp2 *j, struct fact_set *facts)
{
    image_publish_complete(facts);
    j->ended = true;
    j->state = j->box_end ? AT_BOX : AT_END;
    if (j->box_end > j->walk.at)
        j->walk.skip = j->box_end - j->walk.at;
}

static bool take_marker(struct jp2 *j, uint16_t marker, struct fact_set *facts)
{
    if (marker == 0xffd9) {
        end_codestream(j, facts);
        return true;
    }
    if (marker >> 8 != 0xff || marker < 0xff4f)
        return false;
    j->state = marker == 0xff90 ? AT_TILE_PART : AT_SEGMENT;
    return true;
}

/* A.4.2: Lsot = 10, tile, length of the tile part from SOT's first byte; 0 reaches to EOC. */
static bool take_tile_part(struct jp2 *j, const uint8_t *p)
{
    uint32_t length = be32(p + 4);
    if (be16(p) != 10 || (length && length < 14))
        return false;
    j->state = length ? AT_MARKER : AT_PACKETS;
    j->walk.skip = length ? length - 12 : 0;
    return true;
}

/* The codestream cannot go on like this: it was cut here. Or no box follows it. */
static bool lose(struct jp2 *j)
{
    if (j->ended)
        j->walk.at -= 8;
    j->state = AT_END;
    j->walk.skip = 0;
    return j->proved;
}

static bool take(struct jp2 *j, const uint8_t *p, struct fact_set *facts)
{
    switch (j->state) {
    case AT_START:
        j->boxed = memcmp(p, SIGNATURE, 4) == 0;
        j->state = j->boxed ? AT_BOX : AT_SIZ;
        if (j->boxed) {
            j->walk.skip = 8;
        } else { /* a codestream: SIZ is read together with these four bytes */
            memmove(j->buffer, p, 4);
            j->walk.have = 4;
        }
        return true;
    case AT_BOX:
        return take_box(j, p);
    case AT_LONG_BOX:
        return take_long_box(j, p);
    case AT_IMAGE_HEADER:
        return take_image_header(j, p, facts);
    case AT_UUID:
        take_uuid(j, p);
        return true;
    case AT_SIZ:
        return take_siz(j, p, facts);
    case AT_MARKER:
        return take_marker(j, be16(p), facts);
    case AT_SEGMENT:
        j->walk.skip = be16(p) - 2u;
        j->state = AT_MARKER;
        return be16(p) >= 2;
    case AT_TILE_PART:
        return take_tile_part(j, p);
    default: /* AT_PACKETS_CODE: B.10.1, no byte above 0x8F follows 0xFF, but for SOP, EPH and SOD */
        j->state = p[0] == 0xff ? AT_PACKETS_CODE : AT_PACKETS;
        if (p[0] == 0xd9)
            end_codestream(j, facts);
        return p[0] <= 0x93 || p[0] == 0xd9 || p[0] == 0xff;
    }
}

static enum recogniser_state answer(const struct jp2 *j)
{
    if (j->state == AT_END && j->walk.skip == 0)
        return RECOGNISE_END;
    return j->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state jp2_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_START] = 4, [AT_BOX] = 8, [AT_LONG_BOX] = 8, [AT_IMAGE_HEADER] = 14,
                                     [AT_UUID] = 16, [AT_SIZ] = 42, [AT_MARKER] = 2, [AT_SEGMENT] = 2,
                                     [AT_TILE_PART] = 10,
                                     [AT_PACKETS_CODE] = 1};
    struct jp2 *j = state;
    struct input in = {data, len};
    (void)at;
    while (j->state != AT_END) {
        if (j->state == AT_EXIF) {
            if (in.len == 0)
                break;
            feed_exif(j, &in, facts);
            continue;
        }
        if (j->state == AT_PACKETS) {
            if (in.len == 0)
                break;
            const uint8_t *ff = memchr(in.data, 0xff, in.len);
            walk_consume(&j->walk, &in, ff ? (size_t)(ff - in.data) + 1 : in.len);
            if (ff)
                j->state = AT_PACKETS_CODE;
            continue;
        }
        const uint8_t *p = walk_take(&j->walk, j->buffer, wanted[j->state], &in);
        if (!p)
            break;
        if (!take(j, p, facts) && !lose(j))
            return RECOGNISE_NO;
    }
    if (j->state == AT_END)
        walk_pass(&j->walk, &in);
    return answer(j);
}

static enum recogniser_state jp2_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct jp2 *j = state;
    (void)facts;
    (void)at;
    if (j->state != AT_EXIF && walk_gap(&j->walk, len))
        return answer(j);
    if (!j->proved)
        return RECOGNISE_NO;
    j->walk = (struct walk){.at = j->walk.at + len};
    j->state = AT_PACKETS;
    return answer(j);
}

static uint64_t jp2_end_at(const void *state)
{
    return ((const struct jp2 *)state)->walk.at;
}

static const char *jp2_type_of(const void *state)
{
    return ((const struct jp2 *)state)->boxed ? "jp2" : "j2k";
}

static const struct recogniser_literal LITERALS[] = {{"\0\0\0\x0cjP  \r\n", 10, 0, false},
                                                     {"\xff\x4f\xff\x51\0", 5, 0, false}};

const struct recogniser recogniser_jp2 = {
    .name = "jp2",
    .type = "jp2",
    .state_size = sizeof(struct jp2),
    .literals = LITERALS,
    .literal_count = 2,
    .sniff = jp2_sniff,
    .feed = jp2_feed,
    .gap = jp2_gap,
    .end_at = jp2_end_at,
    .type_of = jp2_type_of,
};
