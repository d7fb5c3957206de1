/* PNG (ISO/IEC 15948): chunks of length, type, data, CRC-32. The CRC of IHDR proves it; IEND ends it. */
#include <zlib.h>

#include "exif.h"
#include "image.h"
#include "walk.h"

enum { AT_SIGNATURE, AT_HEADER, AT_CHUNK, AT_EXIF, AT_END };

#define SIGNATURE "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"

struct png {
    struct walk walk;
    uint8_t buffer[17];
    uint8_t state;
    bool proved;
    uint32_t left;
    struct exif_item exif;
};

static bool png_sniff(const uint8_t *head, size_t len)
{
    return len >= 16 && memcmp(head, SIGNATURE, 16) == 0;
}

static bool take_header(struct png *p, const uint8_t *b, struct fact_set *facts)
{
    static const uint8_t components[] = {1, 0, 3, 1, 2, 0, 4}; /* by colour type */
    uint8_t type[4] = {'I', 'H', 'D', 'R'};
    uint32_t width = be32(b), height = be32(b + 4);
    uLong crc = crc32(crc32(0, type, 4), b, 13);
    if (crc != be32(b + 13) || !width || !height || b[9] > 6 || !components[b[9]] || b[12] > 1)
        return false;
    p->proved = true;
    p->state = AT_CHUNK;
    image_publish(facts, "png", width, height, components[b[9]]);
    return true;
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool take_chunk(struct png *p, const uint8_t *b, struct fact_set *facts)
{
    uint32_t length = be32(b);
    if (length > INT32_MAX || !is_letter(b[4]) || !is_letter(b[5]) || !is_letter(b[6]) || !is_letter(b[7])) {
        p->walk.at -= 8; /* it was cut here, and something else follows */
        p->state = AT_END;
        return true;
    }
    p->walk.skip = (uint64_t)length + 4;
    if (memcmp(b + 4, "eXIf", 4) == 0 && length >= 8) {
        fact_set_int(facts, FACT_exif_present, 1);
        p->walk.skip = 0;
        p->left = length;
        p->state = AT_EXIF;
    }
    if (memcmp(b + 4, "IEND", 4) == 0) {
        image_publish_complete(facts);
        p->state = AT_END;
    }
    return true;
}

static void feed_exif(struct png *p, struct input *in, struct fact_set *facts)
{
    size_t n = p->left < in->len ? p->left : in->len;
    exif_item_feed(&p->exif, in->data, n);
    walk_consume(&p->walk, in, n);
    p->left -= (uint32_t)n;
    if (p->left)
        return;
    exif_publish(&p->exif.exif, facts);
    p->walk.skip = 4;
    p->state = AT_CHUNK;
}

static enum recogniser_state answer(const struct png *p)
{
    if (p->state == AT_END && p->walk.skip == 0)
        return RECOGNISE_END;
    return p->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state png_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_SIGNATURE] = 16, [AT_HEADER] = 17, [AT_CHUNK] = 8};
    struct png *p = state;
    struct input in = {data, len};
    (void)at;
    while (p->state != AT_END) {
        if (p->state == AT_EXIF) {
            if (in.len == 0)
                break;
            feed_exif(p, &in, facts);
            continue;
        }
        const uint8_t *b = walk_take(&p->walk, p->buffer, wanted[p->state], &in);
        if (!b)
            break;
        bool held = true;
        if (p->state == AT_SIGNATURE) {
            held = png_sniff(b, 16);
            p->state = AT_HEADER;
        } else if (p->state == AT_HEADER) {
            held = take_header(p, b, facts);
        } else {
            held = take_chunk(p, b, facts);
        }
        if (!held)
            return RECOGNISE_NO;
    }
    if (p->state == AT_END)
        walk_pass(&p->walk, &in);
    return answer(p);
}

static enum recogniser_state png_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct png *p = state;
    (void)facts;
    (void)at;
    if (p->state == AT_EXIF || !walk_gap(&p->walk, len)) {
        if (!p->proved)
            return RECOGNISE_NO;
        p->state = AT_END; /* the chain is broken: what follows is searched afresh */
        p->walk.at += len;
        p->walk.skip = 0;
    }
    return answer(p);
}

static uint64_t png_end_at(const void *state)
{
    return ((const struct png *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"\x89PNG\r\n\x1a\n", 8, 0, false}};

const struct recogniser recogniser_png = {
    .name = "png",
    .type = "png",
    .state_size = sizeof(struct png),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = png_sniff,
    .feed = png_feed,
    .gap = png_gap,
    .end_at = png_end_at,
};
