/* JPEG XL (ISO/IEC 18181): the container (part 2), and the bare codestream (part 1), whose two bytes of magic prove
 * nothing by themselves: all of its header must be legal, and a frame begin behind it. A container with a "jbrd" box
 * is a JPEG that can be had back bit for bit. */
#include "exif.h"
#include "image.h"
#include "jxl_header.h"
#include "walk.h"

enum { AT_START, AT_BOX, AT_LONG_BOX, AT_SEQUENCE, AT_CODESTREAM, AT_EXIF, AT_PACKED, AT_REST };

#define SIGNATURE_SIZE 12
#define BOXES_MAX 1024

struct jxl {
    struct walk walk;
    uint8_t buffer[SIGNATURE_SIZE];
    uint8_t long_type[4];
    uint8_t state;
    bool boxed, proved, jpeg, to_end;
    uint16_t boxes;
    uint64_t box_left;
    uint8_t head_have;
    uint8_t head[JXL_HEADER_MAX]; /* of the codestream; it may lie in several boxes */
    struct exif_item exif;
};

static bool jxl_sniff(const uint8_t *head, size_t len)
{
    if (len >= 12 && memcmp(head, "\0\0\0\x0cJXL \r\n\x87\n", 12) == 0)
        return true;
    return len >= 4 && head[0] == 0xff && head[1] == 0x0a;
}

/* What the codestream's first bytes say. False: it is none. `last`: no more of it comes. */
static bool judge(struct jxl *x, struct fact_set *facts, bool last)
{
    struct jxl_header header;
    enum jxl_answer answer = jxl_read_header(x->head, x->head_have, &header);
    if (answer == JXL_MORE)
        return !last && x->head_have < JXL_HEADER_MAX;
    if (answer == JXL_BAD || (!x->boxed && !header.framed))
        return false;
    x->proved = true;
    image_publish(facts, x->jpeg ? "jpeg in jpegxl" : "jpegxl", header.width, header.height, header.components);
    return true;
}

/* Codestream bytes of this box. */
static bool feed_codestream(struct jxl *x, struct input *in, struct fact_set *facts)
{
    size_t n = (size_t)(JXL_HEADER_MAX - x->head_have);
    n = n < in->len ? n : in->len;
    n = n < x->box_left ? n : (size_t)x->box_left;
    memcpy(x->head + x->head_have, in->data, n);
    x->head_have = (uint8_t)(x->head_have + n);
    x->box_left -= n;
    walk_consume(&x->walk, in, n);
    if (!judge(x, facts, false))
        return false;
    if (x->proved || x->box_left == 0) {
        x->state = x->boxed && !x->to_end ? AT_BOX : AT_REST;
        x->walk.skip = x->box_left;
    }
    return true;
}

static void feed_exif(struct jxl *x, struct input *in, struct fact_set *facts)
{
    size_t n = x->box_left < in->len ? (size_t)x->box_left : in->len;
    exif_item_feed(&x->exif, in->data, n);
    walk_consume(&x->walk, in, n);
    x->box_left -= n;
    fact_set_int(facts, FACT_exif_present, 1);
    if (x->box_left)
        return;
    exif_publish(&x->exif.exif, facts);
    x->state = AT_BOX;
}

static bool begin_box(struct jxl *x, const uint8_t *type, uint64_t len, bool to_end)
{
    bool part = memcmp(type, "jxlp", 4) == 0;
    if (++x->boxes > BOXES_MAX || (type[0] | 0x20) < 'a' || (type[0] | 0x20) > 'z')
        return false;
    x->to_end = to_end;
    x->box_left = to_end ? UINT64_MAX / 2 : len;
    x->jpeg |= memcmp(type, "jbrd", 4) == 0;
    if (!x->proved && (part || memcmp(type, "jxlc", 4) == 0)) {
        x->state = part ? AT_SEQUENCE : AT_CODESTREAM;
        return x->box_left >= (part ? 4 : 2);
    }
    if (memcmp(type, "Exif", 4) == 0 && x->box_left >= 12 && !to_end) {
        x->state = AT_EXIF;
        return true;
    }
    if (memcmp(type, "brob", 4) == 0 && x->box_left >= 4) {
        x->state = AT_PACKED;
        return true;
    }
    x->state = to_end ? AT_REST : AT_BOX;
    x->walk.skip = to_end ? 0 : len;
    return true;
}

/* A box packed with Brotli: only what it is is told. */
static void take_packed(struct jxl *x, const uint8_t *p, struct fact_set *facts)
{
    if (memcmp(p, "Exif", 4) == 0)
        fact_set_int(facts, FACT_exif_present, 1);
    x->state = x->to_end ? AT_REST : AT_BOX;
    x->walk.skip = x->box_left - 4;
}

static bool take(struct jxl *x, const uint8_t *p, struct fact_set *facts)
{
    uint32_t size = be32(p);
    switch (x->state) {
    case AT_START:
        x->boxed = p[0] == 0;
        x->state = x->boxed ? AT_BOX : AT_CODESTREAM;
        x->box_left = UINT64_MAX / 2;
        x->walk.skip = x->boxed ? SIGNATURE_SIZE - 4 : 0;
        if (!x->boxed) {
            memcpy(x->head, p, 4);
            x->head_have = 4;
        }
        return true;
    case AT_BOX:
        if (size == 1) {
            memcpy(x->long_type, p + 4, 4);
            x->state = AT_LONG_BOX;
            return true;
        }
        return (size == 0 || size >= 8) && begin_box(x, p + 4, size ? size - 8 : 0, size == 0);
    case AT_LONG_BOX:
        return size < 1 << 16 && ((uint64_t)size << 32 | be32(p + 4)) >= 16 &&
               begin_box(x, x->long_type, ((uint64_t)size << 32 | be32(p + 4)) - 16, false);
    case AT_PACKED:
        take_packed(x, p, facts);
        return true;
    default: /* AT_SEQUENCE */
        x->box_left -= 4;
        x->state = AT_CODESTREAM;
        return true;
    }
}

static enum recogniser_state jxl_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_START] = 4, [AT_BOX] = 8, [AT_LONG_BOX] = 8, [AT_SEQUENCE] = 4,
                                     [AT_PACKED] = 4};
    struct jxl *x = state;
    struct input in = {data, len};
    (void)at;
    while (x->state != AT_REST) {
        bool held = true;
        if (x->state == AT_CODESTREAM || x->state == AT_EXIF) {
            if (in.len == 0)
                break;
            if (x->state == AT_EXIF)
                feed_exif(x, &in, facts);
            else
                held = feed_codestream(x, &in, facts);
        } else {
            const uint8_t *p = walk_take(&x->walk, x->buffer, wanted[x->state], &in);
            if (!p)
                break;
            held = take(x, p, facts);
        }
        if (!held && !x->proved)
            return RECOGNISE_NO;
        if (!held)
            x->state = AT_REST;
    }
    return x->proved ? RECOGNISE_PROVED : x->state == AT_REST ? RECOGNISE_NO : RECOGNISE_MORE;
}

static enum recogniser_state jxl_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct jxl *x = state;
    (void)facts;
    (void)at;
    if (x->state == AT_REST || (x->state != AT_CODESTREAM && x->state != AT_EXIF && walk_gap(&x->walk, len)))
        return x->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
    x->state = AT_REST;
    return x->proved ? RECOGNISE_PROVED : RECOGNISE_NO;
}

/* A picture smaller than the longest header. */
static enum recogniser_state jxl_finish(void *state, struct fact_set *facts)
{
    struct jxl *x = state;
    if (!x->proved && x->head_have)
        judge(x, facts, true);
    return x->proved ? RECOGNISE_PROVED : RECOGNISE_NO;
}

const struct recogniser recogniser_jxl = {
    .name = "jxl",
    .type = "jxl",
    .state_size = sizeof(struct jxl),
    .sniff = jxl_sniff,
    .feed = jxl_feed,
    .gap = jxl_gap,
    .finish = jxl_finish,
};
