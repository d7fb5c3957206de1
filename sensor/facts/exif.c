/* TIFF directories, read forwards. Wanted places (directories, texts) wait in a list; the nearest one ahead is
 * read next, so one pass in file order sees every one that does not lie behind. Those that do, as some editors write
 * them, are looked up among the first bytes. */
#include "exif.h"

enum { AT_HEADER, AT_COUNT, AT_ENTRY, AT_TEXT, AT_DONE };

enum {
    TAG_WIDTH = 0x0100, TAG_HEIGHT = 0x0101, TAG_COMPRESSION = 0x0103, TAG_MAKE = 0x010f, TAG_MODEL = 0x0110,
    TAG_SAMPLES = 0x0115, TAG_DATE_TIME = 0x0132, TAG_EXIF = 0x8769, TAG_GPS = 0x8825,
    TAG_DATE_TIME_ORIGINAL = 0x9003, TAG_SERIAL = 0xa431, TAG_XR_WIDTH = 0xbc80, TAG_XR_HEIGHT = 0xbc81
};

#define LOOKS_BACK_MAX 8 /* directories may point at each other */

enum { TYPE_BYTE = 1, TYPE_ASCII = 2, TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_IFD = 13 };

static uint16_t u16(const struct exif *e, const uint8_t *p)
{
    return e->big_endian ? be16(p) : le16(p);
}

static uint32_t u32(const struct exif *e, const uint8_t *p)
{
    return e->big_endian ? be32(p) : le32(p);
}

static void want(struct exif *e, uint32_t at, uint32_t len, enum exif_target_kind kind)
{
    if (e->target_count < EXIF_TARGETS && at >= 8)
        e->target[e->target_count++] =
            (struct exif_target){at, (uint16_t)(len < EXIF_TEXT ? len : EXIF_TEXT), (uint8_t)kind};
}

static void look_back(struct exif *e, struct exif_target target);

/* Turns to the nearest wanted place ahead. False when there is none. */
static bool turn(struct exif *e)
{
    unsigned best = EXIF_TARGETS;
    for (unsigned i = 0; i < e->target_count;) {
        if (e->target[i].at < e->walk.at) {
            struct exif_target behind = e->target[i];
            e->target[i] = e->target[--e->target_count];
            look_back(e, behind);
            continue;
        }
        if (best == EXIF_TARGETS || e->target[i].at < e->target[best].at)
            best = i;
        i++;
    }
    if (e->target_count == 0) {
        e->state = AT_DONE;
        return false;
    }
    e->now = e->target[best];
    e->target[best] = e->target[--e->target_count];
    e->walk.skip = e->now.at - e->walk.at;
    e->state = e->now.kind <= EXIF_SUB_DIRECTORY ? AT_COUNT : AT_TEXT;
    return true;
}

static void take_text(struct exif *e, enum exif_target_kind kind, const uint8_t *p, size_t len)
{
    size_t n = 0;
    while (n < len && n < EXIF_TEXT && p[n])
        n++;
    while (n > 0 && p[n - 1] == ' ')
        n--;
    memcpy(e->text[kind], p, n);
    e->text[kind][n] = 0;
}

static void take_string(struct exif *e, enum exif_target_kind kind, const uint8_t *entry)
{
    uint32_t count = u32(e, entry + 4);
    if (u16(e, entry + 2) != TYPE_ASCII || count == 0)
        return;
    if (count <= 4)
        take_text(e, kind, entry + 8, count);
    else
        want(e, u32(e, entry + 8), count, kind);
}

static uint32_t number(const struct exif *e, const uint8_t *entry)
{
    uint16_t type = u16(e, entry + 2);
    if (type == TYPE_BYTE)
        return entry[8];
    return type == TYPE_SHORT ? u16(e, entry + 8) : u32(e, entry + 8);
}

static void take_entry(struct exif *e, const uint8_t *entry)
{
    uint16_t tag = u16(e, entry);
    bool first = e->directory == EXIF_DIRECTORY;
    switch (tag) {
    case TAG_WIDTH:
    case TAG_XR_WIDTH:
        if (!e->width && first)
            e->width = number(e, entry);
        break;
    case TAG_HEIGHT:
    case TAG_XR_HEIGHT:
        if (!e->height && first)
            e->height = number(e, entry);
        break;
    case TAG_COMPRESSION:
        if (!e->compression)
            e->compression = (uint16_t)number(e, entry);
        break;
    case TAG_SAMPLES:
        if (!e->samples)
            e->samples = (uint16_t)number(e, entry);
        break;
    case TAG_MAKE:
        take_string(e, EXIF_MAKE, entry);
        break;
    case TAG_MODEL:
        take_string(e, EXIF_MODEL, entry);
        break;
    case TAG_DATE_TIME:
        take_string(e, EXIF_CHANGED, entry);
        break;
    case TAG_DATE_TIME_ORIGINAL:
        take_string(e, EXIF_TAKEN, entry);
        break;
    case TAG_SERIAL:
        take_string(e, EXIF_SERIAL, entry);
        break;
    case TAG_GPS:
        e->gps = true;
        break;
    case TAG_EXIF:
        e->sub_directory = true;
        want(e, u32(e, entry + 8), 0, EXIF_SUB_DIRECTORY);
        break;
    default:
        break;
    }
}

/* An entry's tag, type and count are what TIFF 6.0 allows. */
static bool is_entry(const struct exif *e, const uint8_t *entry)
{
    uint16_t type = u16(e, entry + 2);
    return type >= 1 && type <= 13;
}

/* What lies behind is read from the first bytes, if it is there whole: none of it ahead, where a chunk may end or
 * not. */
static void look_back(struct exif *e, struct exif_target target)
{
    uint32_t at = target.at + 2;
    size_t known = e->walk.at < e->early_len ? (size_t)e->walk.at : e->early_len;
    if (target.kind > EXIF_SUB_DIRECTORY) {
        if ((size_t)target.at + target.len <= known)
            take_text(e, target.kind, e->early + target.at, target.len);
        return;
    }
    if (at > known || e->looks_back++ == LOOKS_BACK_MAX)
        return;
    e->directory = target.kind;
    unsigned entries = u16(e, e->early + target.at);
    for (; entries && at + 12 <= known && is_entry(e, e->early + at); entries--, at += 12)
        take_entry(e, e->early + at);
    e->valid |= !entries;
}

static void keep_early(struct exif *e, const uint8_t *data, size_t len)
{
    size_t room = EXIF_EARLY - e->early_len, n = len < room ? len : room;
    memcpy(e->early + e->early_len, data, n);
    e->early_len = (uint16_t)(e->early_len + n);
}

static bool take_header(struct exif *e, const uint8_t *p)
{
    e->is_jpeg_xr = memcmp(p, "II\xbc\x01", 4) == 0;
    bool little = e->is_jpeg_xr || memcmp(p, "II*\0", 4) == 0;
    e->big_endian = memcmp(p, "MM\0*", 4) == 0;
    if (!little && !e->big_endian)
        return false;
    want(e, u32(e, p + 4), 0, EXIF_DIRECTORY);
    return turn(e);
}

bool exif_feed(struct exif *e, const uint8_t *data, size_t len)
{
    struct input in = {data, len};
    const uint8_t *p;
    if (!e->gap_seen)
        keep_early(e, data, len);
    while (e->state != AT_DONE) {
        switch (e->state) {
        case AT_HEADER:
            if (!(p = walk_take(&e->walk, e->buffer, 8, &in)))
                return true;
            if (!take_header(e, p)) {
                e->state = AT_DONE;
                return false;
            }
            break;
        case AT_COUNT:
            if (!(p = walk_take(&e->walk, e->buffer, 2, &in)))
                return true;
            e->entries_left = u16(e, p);
            e->directory = e->now.kind;
            if (e->entries_left < 1 || e->entries_left > 512) {
                turn(e);
                break;
            }
            e->state = AT_ENTRY;
            break;
        case AT_ENTRY:
            if (!(p = walk_take(&e->walk, e->buffer, 12, &in)))
                return true;
            if (!is_entry(e, p)) {
                turn(e);
                break;
            }
            take_entry(e, p);
            if (--e->entries_left == 0) {
                e->valid = true;
                turn(e);
            }
            break;
        case AT_TEXT:
            if (!(p = walk_take(&e->walk, e->buffer, e->now.len, &in)))
                return true;
            take_text(e, e->now.kind, p, e->now.len);
            turn(e);
            break;
        default:
            return false;
        }
    }
    return false;
}

/* What stands before the TIFF bytes. */
static void take_item_head(struct exif_item *item)
{
    const uint8_t *h = item->head;
    uint32_t offset = be32(h);
    if (memcmp(h, "II*\0", 4) == 0 || memcmp(h, "MM\0*", 4) == 0)
        exif_feed(&item->exif, h, 4);
    else if (memcmp(h, "Exif", 4) == 0)
        item->skip = 2;
    else if (offset <= 64)
        item->skip = (uint8_t)offset;
    else
        item->bad = true;
}

void exif_item_feed(struct exif_item *item, const uint8_t *data, size_t len)
{
    while (len > 0 && item->have < sizeof(item->head)) {
        item->head[item->have++] = *data++;
        len--;
        if (item->have == sizeof(item->head))
            take_item_head(item);
    }
    size_t n = item->skip < len ? item->skip : len;
    item->skip = (uint8_t)(item->skip - n);
    if (len > n && !item->bad)
        exif_feed(&item->exif, data + n, len - n);
}

bool exif_gap(struct exif *e, uint64_t len)
{
    e->gap_seen = true;
    if (e->state != AT_DONE && !walk_gap(&e->walk, len))
        e->state = AT_DONE;
    return e->state != AT_DONE;
}

static void publish_text(struct fact_set *facts, enum fact_id id, const char *text)
{
    if (text[0])
        fact_set_text(facts, id, text, strlen(text));
}

void exif_publish(const struct exif *e, struct fact_set *facts)
{
    publish_text(facts, FACT_exif_make, e->text[EXIF_MAKE]);
    publish_text(facts, FACT_exif_model, e->text[EXIF_MODEL]);
    publish_text(facts, FACT_exif_serial, e->text[EXIF_SERIAL]);
    publish_text(facts, FACT_image_time,
                 e->text[EXIF_TAKEN][0] ? e->text[EXIF_TAKEN] : e->text[EXIF_CHANGED]);
    if (e->gps)
        fact_set_int(facts, FACT_exif_gps, 1);
}
