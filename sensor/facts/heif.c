/* HEIF, HEIC and AVIF (ISO/IEC 23008-12): boxes of ISO/IEC 14496-12. The brand names it, the "pict" handler or an
 * image size proves it. Boxes that hold boxes are stepped into, others passed over, so the walk is flat. Where items
 * lie is kept, so that EXIF is read when its bytes pass. */
#include "exif.h"
#include "image.h"
#include "walk.h"

enum {
    AT_BOX, AT_LONG_BOX, AT_BRANDS, AT_HANDLER, AT_SIZE, AT_CHANNELS, AT_AUXILIARY, AT_ITEM, AT_LOCATIONS,
    AT_LOCATION_COUNT, AT_LOCATION, AT_EXTENT, AT_END
};

#define BRANDS_MAX 128
#define BOXES_MAX 4096
#define LOCATIONS_MAX 64 /* items whose place is kept */

struct location { /* of an item's first piece */
    uint32_t id, len;
    uint64_t at;
};

struct heif {
    struct walk walk;
    uint8_t buffer[BRANDS_MAX];
    uint8_t long_type[4];
    uint8_t state;
    bool branded, proved, open_end, avif;
    uint16_t boxes;
    uint64_t box_left; /* of the content of the box being read */
    uint32_t width, height;
    uint8_t channels;  /* the most of any item; 0 not said */
    bool alpha;        /* an auxiliary picture of transparency */
    uint8_t sizes[5];  /* iloc: version, bytes of offset, length, base offset and index */
    uint32_t items, extents; /* still to come of iloc */
    uint32_t item;
    uint64_t base;
    bool in_file;      /* of the item: its offsets are the file's */
    uint8_t location_count;
    struct location location[LOCATIONS_MAX];
    uint32_t exif_id;  /* 0 none */
    struct location exif_place;
    bool exif_placed;
    uint64_t exif_fed;
    struct exif_item exif;
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
        uint8_t skip;  /* bytes before the boxes it holds */
        uint8_t least; /* bytes it must have */
    } boxes[] = {{"meta", AT_BOX, 4, 12},    {"iprp", AT_BOX, 0, 8},     {"ipco", AT_BOX, 0, 8},
                 {"hdlr", AT_HANDLER, 0, 12}, {"ispe", AT_SIZE, 0, 12},   {"pixi", AT_CHANNELS, 0, 5},
                 {"auxC", AT_AUXILIARY, 0, 8}, {"iinf", AT_BOX, 6, 12},   {"infe", AT_ITEM, 0, 12},
                 {"iloc", AT_LOCATIONS, 0, 10}};
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
        if (memcmp(type, boxes[i].type, 4) == 0 && len >= boxes[i].least) {
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
    image_publish(facts, h->avif ? "av1" : "hevc", h->width, h->height, (h->channels ? h->channels : 3u) + h->alpha);
}

/* Behind the content that was read stands the next box. */
static void leave_box(struct heif *h, size_t read)
{
    h->state = AT_BOX;
    h->walk.skip = h->box_left - read;
}

/* The EXIF item and its place are known, in whichever order they came. */
static void place_exif(struct heif *h)
{
    for (unsigned i = 0; i < h->location_count && h->exif_id && !h->exif_placed; i++) {
        if (h->location[i].id != h->exif_id)
            continue;
        h->exif_placed = true;
        if (h->location[i].at >= h->walk.at) /* what lies behind is not there any more, however the bytes are cut */
            h->exif_place = h->location[i];
    }
}

/* infe: version, id, protection, type; of version 3 only the type's first two letters are here. */
static void take_item(struct heif *h, const uint8_t *p, struct fact_set *facts)
{
    leave_box(h, 12);
    if (p[0] == 2 && memcmp(p + 8, "Exif", 4) == 0)
        h->exif_id = be16(p + 4);
    else if (p[0] == 3 && memcmp(p + 10, "Ex", 2) == 0)
        h->exif_id = be32(p + 4);
    else
        return;
    place_exif(h);
    if (h->proved)
        fact_set_int(facts, FACT_exif_present, 1);
}

static uint64_t take_field(const uint8_t **p, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | *(*p)++;
    return value;
}

/* iloc (ISO/IEC 14496-12 8.11.3): version, four sizes of four bits. */
static void take_locations(struct heif *h, const uint8_t *p)
{
    h->box_left -= 6;
    h->sizes[0] = p[0];
    h->sizes[1] = p[4] >> 4;
    h->sizes[2] = p[4] & 15;
    h->sizes[3] = p[5] >> 4;
    h->sizes[4] = p[0] ? p[5] & 15 : 0;
    h->state = AT_LOCATION_COUNT;
    if (p[0] > 2 || h->sizes[1] > 8 || h->sizes[2] > 8 || h->sizes[3] > 8 || h->sizes[4] > 8)
        leave_box(h, 0);
}

static unsigned location_size(const struct heif *h)
{
    return (h->sizes[0] == 2 ? 4u : 2u) + (h->sizes[0] ? 2u : 0u) + 2u + h->sizes[3] + 2u;
}

static unsigned extent_size(const struct heif *h)
{
    return (unsigned)h->sizes[4] + h->sizes[1] + h->sizes[2];
}

static void next_location(struct heif *h)
{
    h->state = AT_LOCATION;
    if (h->items == 0 || h->box_left < location_size(h))
        leave_box(h, 0);
}

static void take_location(struct heif *h, const uint8_t *p)
{
    h->box_left -= location_size(h);
    h->items--;
    h->item = (uint32_t)take_field(&p, h->sizes[0] == 2 ? 4 : 2);
    h->in_file = !h->sizes[0] || (take_field(&p, 2) & 15) == 0;
    p += 2;
    h->base = take_field(&p, h->sizes[3]);
    h->extents = (uint32_t)take_field(&p, 2);
    uint64_t size = (uint64_t)h->extents * extent_size(h);
    if (h->extents == 0 || extent_size(h) == 0)
        next_location(h);
    else if (size > h->box_left)
        leave_box(h, 0);
    else
        h->state = AT_EXTENT;
}

/* The first piece of an item; EXIF has but one. */
static void take_extent(struct heif *h, const uint8_t *p)
{
    uint64_t rest = (uint64_t)(h->extents - 1) * extent_size(h);
    h->box_left -= extent_size(h) + rest;
    p += h->sizes[4];
    struct location place = {.id = h->item, .at = h->base + take_field(&p, h->sizes[1])};
    uint64_t len = take_field(&p, h->sizes[2]);
    place.len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    if (h->in_file && h->location_count < LOCATIONS_MAX)
        h->location[h->location_count++] = place;
    next_location(h);
    h->walk.skip += rest;
    place_exif(h);
}

/* EXIF bytes among these. */
static void feed_exif(struct heif *h, struct fact_set *facts, const uint8_t *data, size_t len, uint64_t at)
{
    uint64_t from = h->exif_place.at + h->exif_fed, left = h->exif_place.len - h->exif_fed;
    if (left == 0 || from < at || from - at >= len)
        return;
    size_t n = len - (size_t)(from - at) < left ? len - (size_t)(from - at) : (size_t)left;
    exif_item_feed(&h->exif, data + (from - at), n);
    h->exif_fed += n;
    fact_set_int(facts, FACT_exif_present, 1);
    if (n == left)
        exif_publish(&h->exif.exif, facts);
}

static size_t wanted(const struct heif *h)
{
    switch (h->state) {
    case AT_BOX:
    case AT_LONG_BOX:
        return 8;
    case AT_BRANDS:
        return (size_t)h->box_left;
    case AT_CHANNELS:
        return 5;
    case AT_AUXILIARY:
        return h->box_left < 60 ? (size_t)h->box_left : 60;
    case AT_LOCATIONS:
        return 6;
    case AT_LOCATION_COUNT:
        return h->sizes[0] == 2 ? 4 : 2;
    case AT_LOCATION:
        return location_size(h);
    case AT_EXTENT:
        return extent_size(h);
    default:
        return 12;
    }
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
    case AT_CHANNELS: /* version, number of channels */
        leave_box(h, 5);
        h->channels = p[4] > h->channels && p[4] <= 4 ? p[4] : h->channels;
        break;
    case AT_AUXILIARY: { /* version, a URN; HEVC's own says only a number */
        const char *urn = (const char *)p + 4;
        size_t len = wanted(h) - 4;
        h->alpha |= memmem(urn, len, ":alpha", 6) || memmem(urn, len, "hevc:2015:auxid:1", 17);
        leave_box(h, wanted(h));
        break;
    }
    case AT_ITEM:
        take_item(h, p, facts);
        return true;
    case AT_LOCATIONS:
        take_locations(h, p);
        return true;
    case AT_LOCATION_COUNT:
        h->box_left -= wanted(h);
        h->items = (uint32_t)take_field(&p, (unsigned)wanted(h));
        next_location(h);
        return true;
    case AT_LOCATION:
        take_location(h, p);
        return true;
    default: /* AT_EXTENT */
        take_extent(h, p);
        return true;
    }
    if (h->proved)
        prove(h, facts);
    return true;
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
    if (h->state == AT_END && h->walk.at - at < len) /* none of what follows the file */
        len = h->walk.at > at ? (size_t)(h->walk.at - at) : 0;
    feed_exif(h, facts, data, len, at);
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
