/* Finger minutiae records: ISO/IEC 19794-2 clause 7 (2005) and 8 (2011), INCITS 378 clause 6 (2004, 2009).
 *
 * Six layouts share four spellings of magic and version, so every layout that the version allows is walked side
 * by side; the first whose first view holds is the record's. */
#include "biometric.h"
#include "facts.h"
#include "walk.h"

enum layout { ISO_2005, ANSI_2004, ANSI_2004_LONG, ANSI_2007, ANSI_2009, ISO_2011, LAYOUT_COUNT };

/* Where each layout keeps its header fields; 0: not in the header. */
struct header {
    const char *standard;
    uint8_t size;
    uint8_t length_at, length_size;
    uint8_t size_at;      /* width, height u16 */
    uint8_t resolution_at; /* x, y u16 */
    uint8_t views_at;
    uint8_t view_size;
};
static const struct header HEADERS[LAYOUT_COUNT] = {
    [ISO_2005] = {"ISO/IEC 19794-2:2005", 24, 8, 4, 14, 18, 22, 4},
    [ANSI_2004] = {"INCITS 378-2004", 26, 8, 2, 16, 20, 24, 4},
    [ANSI_2004_LONG] = {"INCITS 378-2004", 30, 10, 4, 20, 24, 28, 4},
    [ANSI_2007] = {"INCITS 378-2009 draft", 20, 8, 4, 0, 0, 18, 17},
    [ANSI_2009] = {"INCITS 378-2009", 21, 8, 4, 0, 0, 19, 17},
    [ISO_2011] = {"ISO/IEC 19794-2:2011", 15, 8, 4, 0, 0, 0, 19},
};

enum { AT_HEADER, AT_VIEW, AT_CERTIFICATION, AT_VIEW_TAIL, AT_MINUTIA, AT_EXTENDED, AT_LANDING, AT_END, AT_FAILED };

#define ENOUGH_MINUTIAE 4 /* of the first view prove the record */
#define TOLERANCE 16
#define LENGTH_MAX (1u << 20)
#define VIEW_TAIL 13

struct attempt { /* at one layout */
    struct walk walk;
    uint8_t buffer[30];
    uint8_t state;
    bool certified;
    uint8_t minutia_size;
    uint8_t minutiae_left;
    uint16_t minutiae_seen; /* of the first view */
    uint64_t proved_at;     /* bytes it took to prove this layout; 0: not yet */
    uint16_t views, views_done;
    uint16_t width, height;
    uint32_t length;
};

struct fmr {
    struct walk walk;
    uint8_t buffer[8];
    bool begun;
    uint8_t layouts; /* bit for each that is still possible */
    uint8_t chosen;  /* LAYOUT_COUNT: none yet */
    char version[4];
    uint64_t end;
    struct attempt attempt[LAYOUT_COUNT];
};

static bool fmr_sniff(const uint8_t *head, size_t len)
{
    return len >= 8 && memcmp(head, "FMR\0", 4) == 0 && biometric_is_version(head + 4);
}

static bool is_resolution(const uint8_t *p)
{
    uint16_t x = be16(p), y = be16(p + 2);
    return x >= 99 && x <= 1000 && y >= 99 && y <= 1000;
}

static bool take_size(struct attempt *a, const uint8_t *p)
{
    a->width = be16(p);
    a->height = be16(p + 2);
    return a->width >= 1 && a->width <= 4096 && a->height >= 1 && a->height <= 4096;
}

static bool take_header(struct attempt *a, enum layout layout, const uint8_t *p)
{
    const struct header *h = &HEADERS[layout];
    a->length = h->length_size == 2 ? be16(p + h->length_at) : be32(p + h->length_at);
    a->views = layout == ISO_2011 ? be16(p + 12) : p[h->views_at];
    a->minutia_size = 6;
    a->state = AT_VIEW;
    if (a->length < (uint32_t)h->size + h->view_size || a->length > LENGTH_MAX || a->views == 0)
        return false;
    if (layout == ANSI_2004_LONG && be16(p + 8) != 0)
        return false;
    if (layout == ISO_2011) {
        a->certified = p[14] == 1;
        return p[14] <= 1 && a->views <= 704;
    }
    if (p[h->size - 1] != 0)
        return false;
    return !h->size_at || (take_size(a, p + h->size_at) && is_resolution(p + h->resolution_at));
}

static bool is_quality(uint8_t quality)
{
    return quality <= 100 || quality >= 254;
}

static void begin_minutiae(struct attempt *a, uint8_t count)
{
    a->minutiae_left = count;
    a->state = count ? AT_MINUTIA : AT_EXTENDED;
}

static bool take_view(struct attempt *a, enum layout layout, const uint8_t *p)
{
    switch (layout) {
    case ISO_2011:
        a->walk.skip = 5u * p[18];
        a->state = a->certified ? AT_CERTIFICATION : AT_VIEW_TAIL;
        return be32(p) >= 19 + VIEW_TAIL && be32(p) <= a->length;
    case ANSI_2007:
    case ANSI_2009:
        begin_minutiae(a, p[16]);
        return p[0] <= 14 && p[2] <= 29 && is_quality(p[3]) && take_size(a, p + 8) && is_resolution(p + 12);
    default:
        begin_minutiae(a, p[3]);
        return p[0] <= 14 && is_quality(p[2]);
    }
}

/* Position, number, resolution, impression, size, field length and ridge type, count. */
static bool take_view_tail(struct attempt *a, const uint8_t *p)
{
    a->minutia_size = p[11] >> 4;
    begin_minutiae(a, p[12]);
    return p[0] <= 14 && p[6] <= 29 && is_resolution(p + 2) && take_size(a, p + 7) &&
           (a->minutia_size == 5 || a->minutia_size == 6);
}

static bool take_minutia(struct attempt *a, const uint8_t *p)
{
    uint16_t x = be16(p), y = be16(p + 2);
    if (x >> 14 == 3 || (x & 0x3fff) > a->width || (y & 0x3fff) > a->height)
        return false;
    if (a->minutia_size == 6 && !is_quality(p[5]))
        return false;
    if (a->views_done == 0 && ++a->minutiae_seen == ENOUGH_MINUTIAE)
        a->proved_at = a->walk.at;
    if (--a->minutiae_left == 0)
        a->state = AT_EXTENDED;
    return true;
}

/* A view's extended data begins; behind it stands the next view or the end. */
static bool take_extended(struct attempt *a, uint16_t extended)
{
    uint64_t next = a->walk.at + extended;
    if (!a->proved_at)
        a->proved_at = a->walk.at;
    a->views_done++;
    if (next > (uint64_t)a->length + TOLERANCE)
        return false;
    a->walk.skip = extended;
    a->state = a->views_done < a->views ? AT_VIEW : AT_LANDING;
    return true;
}

static size_t wanted(const struct attempt *a, enum layout layout)
{
    switch (a->state) {
    case AT_HEADER:
        return HEADERS[layout].size;
    case AT_VIEW:
        return HEADERS[layout].view_size;
    case AT_CERTIFICATION:
        return 1;
    case AT_VIEW_TAIL:
        return VIEW_TAIL;
    case AT_MINUTIA:
        return a->minutia_size;
    default: /* AT_EXTENDED */
        return 2;
    }
}

static bool take(struct attempt *a, enum layout layout, const uint8_t *p)
{
    switch (a->state) {
    case AT_HEADER:
        return take_header(a, layout, p);
    case AT_VIEW:
        return take_view(a, layout, p);
    case AT_CERTIFICATION:
        a->walk.skip = 3u * p[0];
        a->state = AT_VIEW_TAIL;
        return true;
    case AT_VIEW_TAIL:
        return take_view_tail(a, p);
    case AT_MINUTIA:
        return take_minutia(a, p);
    default:
        return take_extended(a, be16(p));
    }
}

/* All views are walked: passes over what the record's length counts beyond them. */
static bool land(struct attempt *a, struct input *in)
{
    if (!walk_pass(&a->walk, in))
        return false;
    if (a->walk.at < a->length && a->length - a->walk.at <= TOLERANCE) {
        a->walk.skip = a->length - a->walk.at;
        return walk_pass(&a->walk, in);
    }
    return true;
}

static void feed_attempt(struct attempt *a, enum layout layout, struct input in)
{
    while (a->state < AT_LANDING) {
        const uint8_t *p = walk_take(&a->walk, a->buffer, wanted(a, layout), &in);
        if (!p)
            return;
        if (!take(a, layout, p))
            a->state = AT_FAILED;
    }
    if (a->state == AT_LANDING && land(a, &in))
        a->state = AT_END;
}

static bool has_landed(const struct attempt *a)
{
    return a->state == AT_END && a->walk.at + TOLERANCE >= a->length && a->walk.at <= (uint64_t)a->length + TOLERANCE;
}

static void publish(const struct fmr *f, struct fact_set *facts)
{
    const struct attempt *a = &f->attempt[f->chosen];
    unsigned checks = CHECK_HEADER;
    const char *standard = HEADERS[f->chosen].standard;
    if (a->state == AT_LANDING || a->state == AT_END)
        checks |= CHECK_VIEWS;
    if (has_landed(a))
        checks |= CHECK_LENGTH;
    if (f->chosen == ANSI_2009 && strcmp(f->version, "035") == 0)
        standard = "INCITS 378-2009/Am1";
    biometric_publish(facts, &(struct biometric){.kind = "finger_minutiae",
                                                 .standard = standard,
                                                 .version = f->version,
                                                 .records = a->views,
                                                 .checks = checks});
}

/* The layouts that use this version (FORMATS: " 20" is both ISO's and ANSI's). */
static uint8_t possible(const char *version)
{
    uint8_t old = 1 << ISO_2005 | 1 << ANSI_2004 | 1 << ANSI_2004_LONG;
    uint8_t new = 1 << ANSI_2007 | 1 << ANSI_2009 | 1 << ISO_2011;
    if (strcmp(version, "20") == 0 || strcmp(version, "020") == 0)
        return old;
    if (strcmp(version, "030") == 0 || strcmp(version, "035") == 0)
        return new;
    return old | new;
}

/* Sets the end and the facts after the attempts have moved. */
static enum recogniser_state conclude(struct fmr *f, struct fact_set *facts, bool last)
{
    for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
        struct attempt *a = &f->attempt[i];
        if (!(f->layouts >> i & 1))
            continue;
        if (a->state == AT_FAILED && !a->proved_at)
            f->layouts &= (uint8_t)~(1u << i);
        else if (a->proved_at && (f->chosen == LAYOUT_COUNT || a->proved_at < f->attempt[f->chosen].proved_at))
            f->chosen = (uint8_t)i;
    }
    if (f->layouts == 0)
        return RECOGNISE_NO;
    if (f->chosen == LAYOUT_COUNT)
        return last ? RECOGNISE_NO : RECOGNISE_MORE;
    const struct attempt *a = &f->attempt[f->chosen];
    f->layouts = (uint8_t)(1u << f->chosen);
    publish(f, facts);
    f->end = a->walk.at;
    return a->state >= AT_END ? RECOGNISE_END : RECOGNISE_PROVED;
}

static enum recogniser_state fmr_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    struct fmr *f = state;
    struct input in = {data, len};
    (void)at;
    if (!f->begun) {
        const uint8_t *p = walk_take(&f->walk, f->buffer, 8, &in);
        if (!p)
            return RECOGNISE_MORE;
        if (!fmr_sniff(p, 8))
            return RECOGNISE_NO;
        f->begun = true;
        f->chosen = LAYOUT_COUNT;
        biometric_version(p + 4, f->version);
        f->layouts = possible(f->version);
        for (unsigned i = 0; i < LAYOUT_COUNT; i++)
            feed_attempt(&f->attempt[i], (enum layout)i, (struct input){p, 8});
    }
    for (unsigned i = 0; i < LAYOUT_COUNT; i++) {
        if (f->layouts >> i & 1)
            feed_attempt(&f->attempt[i], (enum layout)i, in);
    }
    return conclude(f, facts, false);
}

static enum recogniser_state fmr_finish(void *state, struct fact_set *facts)
{
    struct fmr *f = state;
    if (!f->begun)
        return RECOGNISE_NO;
    for (unsigned i = 0; i < LAYOUT_COUNT; i++) { /* the object may end within the last view's extended data */
        struct attempt *a = &f->attempt[i];
        if (a->state == AT_LANDING && a->walk.skip <= TOLERANCE)
            a->state = AT_END;
    }
    return conclude(f, facts, true);
}

static uint64_t fmr_end_at(const void *state)
{
    return ((const struct fmr *)state)->end;
}

static const struct recogniser_literal LITERALS[] = {{"FMR\0", 4, 0, false}};

const struct recogniser recogniser_fmr = {
    .name = "fmr",
    .type = "fmr",
    .state_size = sizeof(struct fmr),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = fmr_sniff,
    .feed = fmr_feed,
    .end_at = fmr_end_at,
    .finish = fmr_finish,
};
