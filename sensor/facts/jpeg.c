/* JPEG (T.81 | ISO/IEC 10918-1; JPEG-LS, T.87; multi-picture files, CIPA DC-007): a walk over the marker
 * segments. Segments are passed over by a counter, so thumbnails inside them are never taken for images; the
 * frame header proves the image; entropy-coded data is searched for 0xFF alone, and any marker that cannot
 * stand there shows that the image was cut and something else follows. */
#include "jpeg.h"

#include "exif.h"
#include "facts.h"
#include "image.h"
#include "walk.h"

enum {
    SOF0 = 0xc0, SOF1 = 0xc1, SOF2 = 0xc2, SOF3 = 0xc3, DHT = 0xc4, SOF6 = 0xc6, SOF9 = 0xc9, SOF10 = 0xca,
    SOF11 = 0xcb, DAC = 0xcc, SOF14 = 0xce, SOF15 = 0xcf, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9,
    SOS = 0xda, DQT = 0xdb, DNL = 0xdc, DRI = 0xdd, APP1 = 0xe1, APP2 = 0xe2, SOF55 = 0xf7
};

enum jpeg_state {
    AT_SOI, AT_MARKER, AT_CODE, AT_LENGTH, AT_FRAME, AT_SCAN_HEADER, AT_HUFFMAN, AT_QUANTISER, AT_LINES, AT_APP1,
    AT_APP2, AT_PICTURES, AT_EXIF, AT_SCAN, AT_SCAN_CODE, AT_BETWEEN, AT_BETWEEN_CODE, AT_LOST, AT_LOST_CODE, AT_END
};

#define BROKEN_MAX 3            /* impossible markers in a scan before the image is given up */
#define BETWEEN_MAX (256 * 1024) /* padding between the pictures of a multi-picture file */
#define PICTURES_HEAD 46        /* MPF: TIFF header, directory count, three entries */

struct jpeg {
    struct walk walk;
    uint8_t buffer[PICTURES_HEAD];
    uint8_t state, code;
    uint8_t frame; /* SOF code; 0 before */
    uint8_t components;
    uint8_t broken;
    bool confirmed, scanned, exif_seen;
    bool gap_seen; /* before the frame: it is searched for */
    uint8_t segments; /* whole ones so far, 2 at most */
    uint16_t left; /* of the segment */
    uint16_t width, height;
    uint32_t pictures, pictures_declared;
    uint64_t end;       /* behind the last EOI, or where a cut image stops */
    uint64_t broken_at; /* the first impossible marker */
    struct exif exif;
};

static bool jpeg_sniff(const uint8_t *head, size_t len)
{
    return len >= 4 && head[0] == 0xff && head[1] == SOI && head[2] == 0xff &&
           (jpeg_is_header_code(head[3]) || head[3] == 0xff);
}

static bool is_frame(uint8_t code)
{
    return (code >= SOF0 && code <= SOF15 && code != DHT && code != 0xc8 && code != DAC) || code == SOF55;
}

static const char *coding(uint8_t frame)
{
    switch (frame) {
    case SOF0:
        return "baseline";
    case SOF2:
    case SOF6:
        return "progressive";
    case SOF3:
    case 0xc7:
    case SOF11:
    case SOF15:
        return "lossless";
    case SOF10:
    case SOF14:
        return "arithmetic progressive";
    case SOF9:
    case 0xcd:
        return "arithmetic";
    case SOF55:
        return "jpeg-ls";
    default:
        return "extended";
    }
}

static bool is_lossless(uint8_t frame)
{
    return frame == SOF3 || frame == 0xc7 || frame == SOF11 || frame == SOF15 || frame == SOF55;
}

static void publish(struct jpeg *j, struct fact_set *facts)
{
    const char *name = coding(j->frame);
    image_publish_size(facts, j->width, j->height, j->components);
    fact_set_int(facts, FACT_image_progressive,
                 j->frame == SOF2 || j->frame == SOF6 || j->frame == SOF10 || j->frame == SOF14);
    fact_set_text(facts, FACT_image_coding, name, strlen(name));
    fact_set_int(facts, FACT_image_count, j->pictures ? j->pictures : 1);
    fact_set_int(facts, FACT_exif_present, j->exif_seen);
    exif_publish(&j->exif, facts);
}

/* T.81 B.2.2. */
static bool take_frame(struct jpeg *j, const uint8_t *p, struct fact_set *facts)
{
    uint8_t precision = p[0], components = p[5];
    bool depth = j->code == SOF0        ? precision == 8
                 : is_lossless(j->code) ? precision >= 2 && precision <= 16
                                        : precision == 8 || precision == 12;
    if (!depth || components < 1 || j->left != 6 + 3 * components || be16(p + 3) == 0)
        return false;
    for (unsigned i = 0; i < components; i++) {
        unsigned h = p[7 + 3 * i] >> 4, v = p[7 + 3 * i] & 15;
        if (h < 1 || h > 4 || v < 1 || v > 4 || p[8 + 3 * i] > 3)
            return false;
    }
    if (j->confirmed)
        return true; /* of a further picture, or a hierarchical one's next frame */
    j->confirmed = true;
    j->frame = j->code;
    j->height = be16(p + 1);
    j->width = be16(p + 3);
    j->components = components;
    publish(j, facts);
    return true;
}

/* The segment's length is known: what is to be read of it? */
static bool begin_segment(struct jpeg *j)
{
    uint16_t left = j->left;
    j->state = AT_MARKER;
    if (is_frame(j->code)) {
        j->state = AT_FRAME;
        return left >= 9 && left <= 18;
    }
    switch (j->code) {
    case SOS:
        j->state = AT_SCAN_HEADER;
        return j->confirmed && left >= 6 && left <= 12 && left % 2 == 0;
    case DHT:
        j->state = AT_HUFFMAN;
        return left >= 17;
    case DQT:
        j->state = AT_QUANTISER;
        return left >= 65;
    case DNL:
        j->state = AT_LINES;
        return left == 2;
    case DRI:
        j->walk.skip = left;
        return left == 2;
    case APP1:
        if (left < 14)
            break;
        j->state = AT_APP1;
        return true;
    case APP2:
        if (left < 4 + PICTURES_HEAD)
            break;
        j->state = AT_APP2;
        return true;
    default:
        break;
    }
    j->walk.skip = left;
    return true;
}

/* T.81 B.2.4.2 and B.2.4.1: tables follow each other and fill the segment. */
static bool take_huffman(struct jpeg *j, const uint8_t *p)
{
    unsigned values = 0;
    for (unsigned i = 1; i <= 16; i++)
        values += p[i];
    if ((p[0] >> 4) > 1 || (p[0] & 15) > 3 || values > 256 || j->left < 17 + values)
        return false;
    j->left = (uint16_t)(j->left - 17 - values);
    j->walk.skip = values;
    if (j->left == 0)
        j->state = AT_MARKER;
    return j->left == 0 || j->left >= 17;
}

static bool take_quantiser(struct jpeg *j, const uint8_t *p)
{
    unsigned size = p[0] >> 4 ? 128 : 64;
    if ((p[0] >> 4) > 1 || (p[0] & 15) > 3 || j->left < 1 + size)
        return false;
    j->left = (uint16_t)(j->left - 1 - size);
    j->walk.skip = size;
    if (j->left == 0)
        j->state = AT_MARKER;
    return true;
}

/* CIPA DC-007 5.2.3: the index directory's tag 0xB001 holds the number of pictures. */
static void take_pictures(struct jpeg *j, const uint8_t *p)
{
    bool big = p[0] == 'M';
    if (memcmp(p, "II*\0\x08\0\0\0", 8) != 0 && memcmp(p, "MM\0*\0\0\0\x08", 8) != 0)
        return;
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *entry = p + 10 + 12 * i;
        if ((big ? be16(entry) : le16(entry)) == 0xb001)
            j->pictures_declared = big ? be32(entry + 8) : le32(entry + 8);
    }
}

static void end_picture(struct jpeg *j, struct fact_set *facts)
{
    j->pictures++;
    j->end = j->walk.at;
    fact_set_int(facts, FACT_image_complete, 1);
    fact_set_int(facts, FACT_image_count, j->pictures);
    j->state = j->pictures < j->pictures_declared ? AT_BETWEEN : AT_END;
}

/* The bytes cannot go on like this: before the proof it is no JPEG, after it the image was cut at `at`. */
static bool lose(struct jpeg *j, uint64_t at)
{
    if (!j->confirmed) {
        j->state = AT_LOST;
        return j->gap_seen;
    }
    if (j->pictures == 0)
        j->end = at;
    j->state = AT_END;
    return true;
}

/* A marker code outside a scan. */
static bool take_code(struct jpeg *j, uint8_t code, struct fact_set *facts)
{
    if (code == 0xff)
        return true; /* fill */
    if (code == EOI) {
        if (!j->scanned)
            return lose(j, j->walk.at);
        end_picture(j, facts);
        return true;
    }
    if (!jpeg_is_header_code(code) && code != SOS)
        return lose(j, j->walk.at - 2);
    j->code = code;
    j->state = AT_LENGTH;
    return true;
}

/* What follows 0xFF in entropy-coded data (T.81 B.1.1.5; T.87 A.1: a stuffed bit instead of a byte). */
static bool take_scan_code(struct jpeg *j, uint8_t code, struct fact_set *facts)
{
    if (code == 0xff)
        return true;
    if (code == 0 || (code >= RST0 && code <= RST7) || (j->frame == SOF55 && code < 0x80)) {
        j->state = AT_SCAN;
        return true;
    }
    if (code == EOI || code == SOS || jpeg_is_header_code(code))
        return take_code(j, code, facts);
    if (j->broken++ == 0)
        j->broken_at = j->walk.at - 2;
    if (code == SOI || j->broken > BROKEN_MAX)
        return lose(j, j->broken_at);
    j->state = AT_SCAN;
    return true;
}

/* Passes over entropy-coded data up to the byte after 0xFF. */
static void pass_scan(struct jpeg *j, struct input *in)
{
    const uint8_t *ff = memchr(in->data, 0xff, in->len);
    walk_consume(&j->walk, in, ff ? (size_t)(ff - in->data) + 1 : in->len);
    if (ff)
        j->state = j->state == AT_SCAN ? AT_SCAN_CODE : j->state == AT_BETWEEN ? AT_BETWEEN_CODE : AT_LOST_CODE;
}

static void feed_exif(struct jpeg *j, struct input *in, struct fact_set *facts)
{
    size_t n = j->left < in->len ? j->left : in->len;
    exif_feed(&j->exif, in->data, n);
    walk_consume(&j->walk, in, n);
    j->left = (uint16_t)(j->left - n);
    if (j->left > 0)
        return;
    j->state = AT_MARKER;
    if (j->confirmed)
        publish(j, facts);
}

/* Bytes the state wants together; 0: it takes them as they come. */
static size_t wanted(const struct jpeg *j)
{
    switch (j->state) {
    case AT_SOI:
    case AT_LENGTH:
    case AT_LINES:
        return 2;
    case AT_FRAME:
    case AT_SCAN_HEADER:
        return j->left;
    case AT_HUFFMAN:
        return 17;
    case AT_APP1:
        return 6;
    case AT_APP2:
        return 4;
    case AT_PICTURES:
        return PICTURES_HEAD;
    case AT_SCAN:
    case AT_BETWEEN:
    case AT_LOST:
    case AT_EXIF:
    case AT_END:
        return 0;
    default:
        return 1;
    }
}

/* Takes the bytes the state wanted. False: not a JPEG. */
static bool take(struct jpeg *j, const uint8_t *p, struct fact_set *facts)
{
    switch (j->state) {
    case AT_SOI:
        j->state = AT_MARKER;
        return p[0] == 0xff && p[1] == SOI;
    case AT_MARKER:
        j->state = AT_CODE;
        return p[0] == 0xff || lose(j, j->walk.at - 1);
    case AT_CODE:
        return take_code(j, p[0], facts);
    case AT_LENGTH:
        if (j->segments < 2)
            j->segments++;
        j->left = (uint16_t)(be16(p) - 2);
        return (be16(p) >= 2 && begin_segment(j)) || lose(j, j->walk.at);
    case AT_FRAME:
        j->state = AT_MARKER;
        return take_frame(j, p, facts) || lose(j, j->walk.at);
    case AT_SCAN_HEADER:
        j->state = AT_SCAN;
        j->scanned = true;
        return j->left == 4 + 2 * p[0] || lose(j, j->walk.at);
    case AT_HUFFMAN:
        return take_huffman(j, p) || lose(j, j->walk.at);
    case AT_QUANTISER:
        return take_quantiser(j, p) || lose(j, j->walk.at);
    case AT_LINES:
        j->state = AT_MARKER;
        if (j->height == 0 && j->confirmed) {
            j->height = be16(p);
            publish(j, facts);
        }
        return true;
    case AT_APP1:
        j->left = (uint16_t)(j->left - 6);
        j->state = AT_MARKER;
        if (memcmp(p, "Exif\0\0", 6) == 0 && !j->exif_seen) {
            j->exif_seen = true;
            j->state = AT_EXIF;
        } else {
            j->walk.skip = j->left;
        }
        return true;
    case AT_APP2:
        j->left = (uint16_t)(j->left - 4);
        j->state = AT_PICTURES;
        if (memcmp(p, "MPF\0", 4) != 0) {
            j->walk.skip = j->left;
            j->state = AT_MARKER;
        }
        return true;
    case AT_PICTURES:
        take_pictures(j, p);
        j->walk.skip = j->left - PICTURES_HEAD;
        j->state = AT_MARKER;
        return true;
    case AT_SCAN_CODE:
        return take_scan_code(j, p[0], facts);
    case AT_LOST_CODE: /* a frame, or what stands right before one */
        if (is_frame(p[0]) || p[0] == DQT || p[0] == DHT) {
            j->code = p[0];
            j->state = AT_LENGTH;
        } else if (p[0] != 0xff) {
            j->state = AT_LOST;
        }
        return true;
    default: /* AT_BETWEEN_CODE */
        if (p[0] != 0xff)
            j->state = p[0] == SOI ? AT_MARKER : AT_BETWEEN;
        return true;
    }
}

static enum recogniser_state answer(const struct jpeg *j)
{
    if (j->state == AT_END)
        return RECOGNISE_END;
    return j->confirmed ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state jpeg_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    struct jpeg *j = state;
    struct input in = {data, len};
    (void)at;
    while (j->state != AT_END) {
        size_t n = wanted(j);
        if (n == 0) {
            if (in.len == 0)
                break;
            if (j->state == AT_EXIF)
                feed_exif(j, &in, facts);
            else
                pass_scan(j, &in);
            if (j->state == AT_BETWEEN && j->walk.at - j->end > BETWEEN_MAX)
                j->state = AT_END;
            continue;
        }
        const uint8_t *p = walk_take(&j->walk, j->buffer, n, &in);
        if (!p)
            break;
        if (!take(j, p, facts))
            return RECOGNISE_NO;
    }
    return answer(j);
}

static enum recogniser_state jpeg_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct jpeg *j = state;
    (void)facts;
    (void)at;
    if (j->state == AT_EXIF && j->left >= len) {
        exif_gap(&j->exif, len);
        j->left = (uint16_t)(j->left - len);
        j->walk.at += len;
        if (j->left == 0)
            j->state = AT_MARKER;
        return answer(j);
    }
    if (walk_gap(&j->walk, len))
        return answer(j);
    if (!j->confirmed && j->segments < 2 && !j->exif_seen)
        return RECOGNISE_NO;
    if (!j->confirmed) { /* it was one as far as it went: its tables or its frame may still come */
        j->gap_seen = true;
        j->walk = (struct walk){.at = j->walk.at + len};
        j->state = AT_LOST;
        return RECOGNISE_MORE;
    }
    /* Somewhere in the image: what follows is read as entropy-coded data up to the next marker. */
    j->walk.skip = 0;
    j->walk.have = 0;
    j->walk.at += len;
    j->scanned = true;
    j->state = j->pictures ? AT_BETWEEN : AT_SCAN;
    return answer(j);
}

static uint64_t jpeg_end_at(const void *state)
{
    return ((const struct jpeg *)state)->end;
}

static const char *jpeg_type_of(const void *state)
{
    return ((const struct jpeg *)state)->frame == SOF55 ? "jpeg-ls" : "jpeg";
}

static const struct recogniser_literal LITERALS[] = {{"\xff\xd8\xff", 3, 0, false}};

const struct recogniser recogniser_jpeg = {
    .name = "jpeg",
    .type = "jpeg",
    .state_size = sizeof(struct jpeg),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = jpeg_sniff,
    .feed = jpeg_feed,
    .gap = jpeg_gap,
    .end_at = jpeg_end_at,
    .type_of = jpeg_type_of,
};
