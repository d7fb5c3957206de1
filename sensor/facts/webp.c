/* WebP (RFC 9649): a RIFF form whose first chunk holds the size. */
#include "exif.h"
#include "image.h"
#include "walk.h"

enum { AT_HEADER, AT_CHUNK, AT_HEAD, AT_EXIF, AT_END };

#define PICTURE_HEAD 10

struct webp {
    struct walk walk;
    uint8_t buffer[12];
    uint8_t state;
    bool proved;
    uint64_t end; /* size field + 8 */
    uint32_t left;
    char chunk[4];
    struct exif_item exif;
};

static bool webp_sniff(const uint8_t *head, size_t len)
{
    return len >= 16 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBPVP8", 7) == 0 &&
           (head[15] == ' ' || head[15] == 'L' || head[15] == 'X');
}

static bool take_picture(struct webp *w, const uint8_t *p, struct fact_set *facts)
{
    uint32_t width, height;
    unsigned components = 3;
    switch (w->chunk[3]) {
    case ' ': /* a key frame: tag, start code, two sizes of 14 bits */
        if (memcmp(p + 3, "\x9d\x01\x2a", 3) != 0)
            return false;
        width = le16(p + 6) & 0x3fff;
        height = le16(p + 8) & 0x3fff;
        break;
    case 'L':
        if (p[0] != 0x2f)
            return false;
        width = (le32(p + 1) & 0x3fff) + 1;
        height = (le32(p + 1) >> 14 & 0x3fff) + 1;
        components = p[4] & 0x10 ? 4 : 3; /* alpha_is_used */
        break;
    default:
        width = (le32(p + 4) & 0xffffff) + 1;
        height = ((uint32_t)le16(p + 7) | (uint32_t)p[9] << 16) + 1;
        components = p[0] & 0x10 ? 4 : 3;
        break;
    }
    if (!width || !height)
        return false;
    w->proved = true;
    image_publish(facts, "webp", width, height, components);
    return true;
}

static bool take_chunk(struct webp *w, const uint8_t *p)
{
    uint32_t size = le32(p + 4);
    memcpy(w->chunk, p, 4);
    w->left = size + (size & 1);
    w->state = AT_CHUNK;
    if (!w->proved) {
        w->state = AT_HEAD;
        return memcmp(p, "VP8", 3) == 0 && size >= PICTURE_HEAD;
    }
    if (memcmp(p, "EXIF", 4) == 0 && size >= 8)
        w->state = AT_EXIF;
    else
        w->walk.skip = w->left;
    return size < UINT32_MAX - 1;
}

static void feed_exif(struct webp *w, struct input *in, struct fact_set *facts)
{
    size_t n = w->left < in->len ? w->left : in->len;
    exif_item_feed(&w->exif, in->data, n);
    walk_consume(&w->walk, in, n);
    w->left -= (uint32_t)n;
    if (w->left)
        return;
    fact_set_int(facts, FACT_exif_present, 1);
    exif_publish(&w->exif.exif, facts);
    w->state = AT_CHUNK;
}

static bool take(struct webp *w, const uint8_t *p, struct fact_set *facts)
{
    switch (w->state) {
    case AT_HEADER:
        w->end = (uint64_t)le32(p + 4) + 8;
        w->state = AT_CHUNK;
        return memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0;
    case AT_CHUNK:
        return take_chunk(w, p);
    default: /* AT_HEAD */
        w->walk.skip = w->left - PICTURE_HEAD;
        w->state = AT_CHUNK;
        return take_picture(w, p, facts);
    }
}

static enum recogniser_state answer(const struct webp *w)
{
    if (w->state == AT_END)
        return RECOGNISE_END;
    return w->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state webp_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    static const uint8_t wanted[] = {[AT_HEADER] = 12, [AT_CHUNK] = 8, [AT_HEAD] = PICTURE_HEAD};
    struct webp *w = state;
    struct input in = {data, len};
    (void)at;
    while (w->state != AT_END) {
        if (w->state == AT_CHUNK && w->proved && walk_pass(&w->walk, &in) && w->walk.at - w->walk.have >= w->end) {
            if (w->walk.at == w->end)
                image_publish_complete(facts);
            w->state = AT_END;
            break;
        }
        if (w->state == AT_EXIF) {
            if (in.len == 0)
                break;
            feed_exif(w, &in, facts);
            continue;
        }
        const uint8_t *p = walk_take(&w->walk, w->buffer, wanted[w->state], &in);
        if (!p)
            break;
        if (take(w, p, facts))
            continue;
        if (!w->proved)
            return RECOGNISE_NO;
        w->state = AT_END;
    }
    return answer(w);
}

static enum recogniser_state webp_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct webp *w = state;
    (void)facts;
    (void)at;
    if (!w->proved)
        return RECOGNISE_NO;
    if (w->state == AT_EXIF || !walk_gap(&w->walk, len)) {
        w->walk.at += len;
        w->state = AT_END;
    }
    return answer(w);
}

static uint64_t webp_end_at(const void *state)
{
    return ((const struct webp *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"WEBPVP8", 7, 8, false}};

const struct recogniser recogniser_webp = {
    .name = "webp",
    .type = "webp",
    .state_size = sizeof(struct webp),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = webp_sniff,
    .feed = webp_feed,
    .gap = webp_gap,
    .end_at = webp_end_at,
};
