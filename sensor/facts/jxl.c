/* JPEG XL (ISO/IEC 18181): the container (part 2), and the bare codestream (part 1), whose two bytes of magic prove
 * nothing by themselves: its size is told, validity is not. A container with a "jbrd" box is a JPEG that can
 * be had back bit for bit. */
#include "image.h"
#include "walk.h"

enum { AT_START, AT_BOX, AT_LONG_BOX, AT_SEQUENCE, AT_CODESTREAM, AT_REST };

#define SIZE_HEADER 12 /* FF 0A and at most 75 bits of SizeHeader */
#define BOXES_MAX 64

struct jxl {
    struct walk walk;
    uint8_t buffer[SIZE_HEADER];
    uint8_t long_type[4];
    uint8_t state;
    bool boxed, proved, jpeg;
    uint8_t boxes;
    uint64_t box_left;
};

static bool jxl_sniff(const uint8_t *head, size_t len)
{
    if (len >= 12 && memcmp(head, "\0\0\0\x0cJXL \r\n\x87\n", 12) == 0)
        return true;
    return len >= SIZE_HEADER && head[0] == 0xff && head[1] == 0x0a;
}

struct bits {
    const uint8_t *p;
    unsigned at, count;
};

static uint32_t take_bits(struct bits *b, unsigned n)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n && b->at < b->count; i++, b->at++)
        value |= (uint32_t)(b->p[b->at / 8] >> (b->at % 8) & 1) << i;
    return value;
}

static uint32_t take_side(struct bits *b, bool small)
{
    static const uint8_t widths[] = {9, 13, 18, 30};
    return small ? (take_bits(b, 5) + 1) * 8 : take_bits(b, widths[take_bits(b, 2)]) + 1;
}

/* 18181-1 B.2 SizeHeader: small flag, height, ratio, width unless the ratio gives it. */
static bool take_size(const uint8_t *p, uint32_t *width, uint32_t *height)
{
    static const uint8_t ratios[][2] = {{0, 0}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
    struct bits b = {p + 2, 0, (SIZE_HEADER - 2) * 8};
    if (p[0] != 0xff || p[1] != 0x0a)
        return false;
    bool small = take_bits(&b, 1);
    *height = take_side(&b, small);
    uint32_t ratio = take_bits(&b, 3);
    *width = ratio ? (uint32_t)((uint64_t)*height * ratios[ratio][0] / ratios[ratio][1]) : take_side(&b, small);
    return *width >= 1 && *width <= 1 << 18 && *height <= 1 << 18;
}

static void publish(struct jxl *x, uint32_t width, uint32_t height, struct fact_set *facts)
{
    const char *coding = x->jpeg ? "jpeg in jpegxl" : "jpegxl";
    x->proved = true;
    if (x->boxed) {
        image_publish(facts, coding, width, height, 3);
        return;
    }
    fact_set_int(facts, FACT_image_width, width);
    fact_set_int(facts, FACT_image_height, height);
    fact_set_text(facts, FACT_image_coding, coding, strlen(coding));
}

static bool begin_box(struct jxl *x, const uint8_t *type, uint64_t len, bool to_end)
{
    if (++x->boxes > BOXES_MAX)
        return false;
    x->state = AT_BOX;
    x->box_left = len;
    if (memcmp(type, "jbrd", 4) == 0)
        x->jpeg = true;
    if (memcmp(type, "jxlc", 4) == 0 || memcmp(type, "jxlp", 4) == 0) {
        x->state = type[3] == 'p' ? AT_SEQUENCE : AT_CODESTREAM;
        if (to_end)
            x->box_left = UINT64_MAX / 2;
        return x->box_left >= SIZE_HEADER + 4;
    }
    if (to_end)
        x->state = AT_REST;
    else
        x->walk.skip = len;
    return (type[0] | 0x20) >= 'a' && (type[0] | 0x20) <= 'z';
}

static bool take_start(struct jxl *x, const uint8_t *p, struct fact_set *facts)
{
    uint32_t width, height;
    x->boxed = p[0] == 0;
    if (x->boxed) {
        x->state = AT_BOX;
        return true;
    }
    x->state = AT_REST;
    if (!take_size(p, &width, &height))
        return false;
    publish(x, width, height, facts);
    return true;
}

static bool take(struct jxl *x, const uint8_t *p, struct fact_set *facts)
{
    uint32_t width, height, size = be32(p);
    switch (x->state) {
    case AT_START:
        return take_start(x, p, facts);
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
    case AT_SEQUENCE:
        x->box_left -= 4;
        x->state = AT_CODESTREAM;
        return true;
    default: /* AT_CODESTREAM */
        x->state = AT_REST;
        if (!take_size(p, &width, &height))
            return false;
        publish(x, width, height, facts);
        return true;
    }
}

static enum recogniser_state jxl_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_START] = SIZE_HEADER, [AT_BOX] = 8, [AT_LONG_BOX] = 8, [AT_SEQUENCE] = 4,
                                     [AT_CODESTREAM] = SIZE_HEADER};
    struct jxl *x = state;
    struct input in = {data, len};
    (void)at;
    while (x->state != AT_REST) {
        const uint8_t *p = walk_take(&x->walk, x->buffer, wanted[x->state], &in);
        if (!p)
            break;
        if (!take(x, p, facts))
            return x->proved ? RECOGNISE_PROVED : RECOGNISE_NO;
    }
    return x->proved ? RECOGNISE_PROVED : x->state == AT_REST ? RECOGNISE_NO : RECOGNISE_MORE;
}

static enum recogniser_state jxl_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct jxl *x = state;
    (void)facts;
    (void)at;
    if (x->proved || walk_gap(&x->walk, len))
        return x->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
    return RECOGNISE_NO;
}

const struct recogniser recogniser_jxl = {
    .name = "jxl",
    .type = "jxl",
    .state_size = sizeof(struct jxl),
    .sniff = jxl_sniff,
    .feed = jxl_feed,
    .gap = jxl_gap,
};
