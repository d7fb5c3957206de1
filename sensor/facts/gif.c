/* GIF 87a and 89a: screen, colour table, blocks up to the trailer. */
#include "image.h"
#include "walk.h"

enum { AT_HEADER, AT_BLOCK, AT_EXTENSION, AT_IMAGE, AT_CODE_SIZE, AT_SUB_BLOCK, AT_END };

struct gif {
    struct walk walk;
    uint8_t buffer[13];
    uint8_t state;
    bool proved;
    uint32_t images;
    uint16_t width, height;
};

static bool gif_sniff(const uint8_t *head, size_t len)
{
    return len >= 13 && (memcmp(head, "GIF87a", 6) == 0 || memcmp(head, "GIF89a", 6) == 0) && le16(head + 6) &&
           le16(head + 8);
}

static uint32_t table_size(uint8_t packed)
{
    return packed & 0x80 ? 3u << ((packed & 7) + 1) : 0;
}

static void prove(struct gif *g, struct fact_set *facts)
{
    if (!g->proved)
        image_publish(facts, "gif", g->width, g->height, 3);
    g->proved = true;
}

static bool take(struct gif *g, const uint8_t *p, struct fact_set *facts)
{
    switch (g->state) {
    case AT_HEADER:
        g->width = le16(p + 6);
        g->height = le16(p + 8);
        g->walk.skip = table_size(p[10]);
        g->state = AT_BLOCK;
        return gif_sniff(p, 13);
    case AT_BLOCK:
        g->state = p[0] == 0x21 ? AT_EXTENSION : p[0] == 0x2c ? AT_IMAGE : AT_END;
        if (p[0] == 0x3b && g->images)
            image_publish_complete(facts);
        return g->state != AT_END || (p[0] == 0x3b && g->images);
    case AT_EXTENSION: /* its label: graphic control, comment, plain text, application */
        g->state = AT_SUB_BLOCK;
        return p[0] == 0xf9 || p[0] == 0xfe || p[0] == 0x01 || p[0] == 0xff;
    case AT_IMAGE:
        if (!le16(p + 4) || !le16(p + 6))
            return false;
        if ((uint64_t)le16(p + 4) * le16(p + 6) > IMAGE_PIXELS_MAX)
            image_refuse(facts); /* the screen may be small */
        g->walk.skip = table_size(p[8]);
        g->state = AT_CODE_SIZE;
        return true;
    case AT_CODE_SIZE:
        g->images++;
        g->state = AT_SUB_BLOCK;
        if (p[0] < 2 || p[0] > 11)
            return false;
        prove(g, facts);
        return true;
    default: /* AT_SUB_BLOCK */
        g->walk.skip = p[0];
        if (p[0] == 0)
            g->state = AT_BLOCK;
        return true;
    }
}

static enum recogniser_state answer(const struct gif *g)
{
    if (g->state == AT_END)
        return RECOGNISE_END;
    return g->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state gif_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_HEADER] = 13, [AT_BLOCK] = 1, [AT_EXTENSION] = 1,
                                     [AT_IMAGE] = 9,   [AT_CODE_SIZE] = 1, [AT_SUB_BLOCK] = 1};
    struct gif *g = state;
    struct input in = {data, len};
    (void)at;
    while (g->state != AT_END) {
        const uint8_t *p = walk_take(&g->walk, g->buffer, wanted[g->state], &in);
        if (!p)
            break;
        if (take(g, p, facts))
            continue;
        if (!g->proved)
            return RECOGNISE_NO;
        g->state = AT_END;
    }
    return answer(g);
}

static enum recogniser_state gif_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct gif *g = state;
    (void)facts;
    (void)at;
    if (!g->proved)
        return RECOGNISE_NO;
    if (!walk_gap(&g->walk, len)) {
        g->walk.at += len;
        g->state = AT_END;
    }
    return answer(g);
}

static uint64_t gif_end_at(const void *state)
{
    return ((const struct gif *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"GIF89a", 6, 0, false}, {"GIF87a", 6, 0, false}};

const struct recogniser recogniser_gif = {
    .name = "gif",
    .type = "gif",
    .state_size = sizeof(struct gif),
    .literals = LITERALS,
    .literal_count = 2,
    .sniff = gif_sniff,
    .feed = gif_feed,
    .gap = gif_gap,
    .end_at = gif_end_at,
};
