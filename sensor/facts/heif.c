/* HEIF, HEIC and AVIF (ISO/IEC 23008-12): boxes of ISO/IEC 14496-12. The brand names it, the "pict" handler or an
 * image size proves it. Boxes that hold boxes are stepped into, others passed over, so the walk is flat. */
#include "image.h"
#include "walk.h"

enum { AT_BOX, AT_LONG_BOX, AT_BRANDS, AT_HANDLER, AT_SIZE, AT_ITEM, AT_END };

#define BRANDS_MAX 128
#define BOXES_MAX 4096

struct heif {
    struct walk walk;
    uint8_t buffer[BRANDS_MAX];
    uint8_t long_type[4];
    uint8_t state;
    bool branded, proved, open_end, avif;
    uint16_t boxes;
    uint64_t box_left; /* of the content of the box being read */
    uint32_t width, height;
};

static bool heif_sniff(const uint8_t *head, size_t len)
{
    if (len < 16 || memcmp(head + 4, "ftyp", 4) != 0 || be32(head) < 16 || be32(head) > 8 + BRANDS_MAX)
        return false;
    const char *type = facts_sniff_type(head, len);
    return strcmp(type, "heic") == 0 || strcmp(type, "avif") == 0;
}

static bool is_type(const uint8_t *type)
{
    for (unsigned i = 0; i < 4; i++) {
        bool good = (type[i] | 0x20) >= 'a' && (type[i] | 0x20) <= 'z';
        if (!good && !(type[i] >= '0' && type[i] <= '9') && type[i] != ' ')
            return false;
    }
    return true;
}

/* A box whose content of `len` bytes begins here. */
static bool begin_box(struct heif *h, const uint8_t *type, uint64_t len, bool to_end)
{
    static const struct {
        char type[5];
        uint8_t state;
        uint8_t skip; /* bytes before the boxes it holds */
    } boxes[] = {{"meta", AT_BOX, 4}, {"iprp", AT_BOX, 0}, {"ipco", AT_BOX, 0}, {"hdlr", AT_HANDLER, 0},
                 {"ispe", AT_SIZE, 0}, {"iinf", AT_BOX, 6}, {"infe", AT_ITEM, 0}};
    if (!is_type(type) || ++h->boxes > BOXES_MAX)
        return false;
    h->state = AT_BOX;
    h->box_left = len;
    if (!h->branded) {
        h->branded = true;
        h->state = AT_BRANDS;
        return memcmp(type, "ftyp", 4) == 0 && len >= 8 && len <= BRANDS_MAX && len % 4 == 0;
    }
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        if (memcmp(type, boxes[i].type, 4) == 0 && len >= 12) {
            h->state = boxes[i].state;
            h->walk.skip = boxes[i].skip;
            return true;
        }
    }
    h->open_end = to_end;
    h->walk.skip = to_end ? UINT64_MAX / 2 : len;
    return true;
}

static bool take_box(struct heif *h, const uint8_t *p)
{
    uint32_t size = be32(p);
    if (size == 1) {
        memcpy(h->long_type, p + 4, 4);
        h->state = AT_LONG_BOX;
        return true;
    }
    return (size == 0 || size >= 8) && begin_box(h, p + 4, size ? size - 8 : 0, size == 0);
}

static void prove(struct heif *h, struct fact_set *facts)
{
    h->proved = true;
    image_publish(facts, h->avif ? "av1" : "hevc", h->width, h->height, 3);
}

/* Behind the content that was read stands the next box. */
static void leave_box(struct heif *h, size_t read)
{
    h->state = AT_BOX;
    h->walk.skip = h->box_left - read;
}

static bool take(struct heif *h, const uint8_t *p, struct fact_set *facts)
{
    switch (h->state) {
    case AT_BOX:
        return take_box(h, p);
    case AT_LONG_BOX: {
        uint64_t size = (uint64_t)be32(p) << 32 | be32(p + 4);
        return size >= 16 && size < UINT64_C(1) << 48 && begin_box(h, h->long_type, size - 16, false);
    }
    case AT_BRANDS: {
        uint8_t head[8 + BRANDS_MAX] = {0, 0, 0, (uint8_t)(8 + h->box_left), 'f', 't', 'y', 'p'};
        memcpy(head + 8, p, h->box_left);
        h->avif = strcmp(facts_sniff_type(head, 8 + h->box_left), "avif") == 0;
        leave_box(h, h->box_left);
        return heif_sniff(head, 8 + h->box_left);
    }
    case AT_HANDLER: /* version, predefined, handler */
        leave_box(h, 12);
        if (memcmp(p + 8, "pict", 4) == 0)
            prove(h, facts);
        return true;
    case AT_SIZE: /* version, width, height: the largest is the picture, others are its tiles and thumbnails */
        leave_box(h, 12);
        if ((uint64_t)be32(p + 4) * be32(p + 8) > (uint64_t)h->width * h->height) {
            h->width = be32(p + 4);
            h->height = be32(p + 8);
        }
        prove(h, facts);
        return true;
    default: /* AT_ITEM: version, id, protection, type */
        leave_box(h, 12);
        if (p[0] == 2 && memcmp(p + 8, "Exif", 4) == 0 && h->proved)
            fact_set_int(facts, FACT_exif_present, 1);
        return true;
    }
}

static size_t wanted(const struct heif *h)
{
    switch (h->state) {
    case AT_BOX:
    case AT_LONG_BOX:
        return 8;
    case AT_BRANDS:
        return (size_t)h->box_left;
    default:
        return 12;
    }
}

static enum recogniser_state answer(const struct heif *h)
{
    if (h->state == AT_END)
        return RECOGNISE_END;
    return h->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state heif_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    struct heif *h = state;
    struct input in = {data, len};
    (void)at;
    while (h->state != AT_END) {
        uint64_t begin = h->walk.at + h->walk.skip - h->walk.have;
        const uint8_t *p = walk_take(&h->walk, h->buffer, wanted(h), &in);
        if (!p)
            break;
        if (take(h, p, facts))
            continue;
        if (!h->proved)
            return RECOGNISE_NO;
        h->walk.at = begin; /* no box: the file ended before it */
        h->state = AT_END;
    }
    return answer(h);
}

static enum recogniser_state heif_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct heif *h = state;
    (void)facts;
    (void)at;
    if (!h->proved)
        return RECOGNISE_NO;
    if (!walk_gap(&h->walk, len)) {
        h->walk.at += len;
        h->state = AT_END;
    }
    return answer(h);
}

static enum recogniser_state heif_finish(void *state, struct fact_set *facts)
{
    struct heif *h = state;
    if (h->proved && h->state == AT_BOX && !h->walk.have && (h->walk.skip == 0 || h->open_end))
        image_publish_complete(facts);
    return h->proved ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static uint64_t heif_end_at(const void *state)
{
    return ((const struct heif *)state)->walk.at;
}

static const char *heif_type_of(const void *state)
{
    return ((const struct heif *)state)->avif ? "avif" : "heic";
}

static const struct recogniser_literal LITERALS[] = {{"ftypheic", 8, 4, false}, {"ftypheix", 8, 4, false},
                                                     {"ftypmif1", 8, 4, false}, {"ftypavif", 8, 4, false}};

const struct recogniser recogniser_heif = {
    .name = "heif",
    .type = "heic",
    .state_size = sizeof(struct heif),
    .literals = LITERALS,
    .literal_count = 4,
    .sniff = heif_sniff,
    .feed = heif_feed,
    .gap = heif_gap,
    .end_at = heif_end_at,
    .type_of = heif_type_of,
    .finish = heif_finish,
};
