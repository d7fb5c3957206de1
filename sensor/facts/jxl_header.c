/* The bundles of ISO/IEC 18181-1 annexes D to F in the order they stand; what does not matter is read past. */
#include "jxl_header.h"

struct bits {
    const uint8_t *p;
    size_t at, count; /* `at` may pass `count`: then bits were missing */
};

static uint32_t take(struct bits *b, unsigned n)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n; i++, b->at++) {
        if (b->at < b->count)
            value |= (uint32_t)(b->p[b->at / 8] >> (b->at % 8) & 1) << i;
    }
    return value;
}

/* U32(): two bits choose one of four distributions, each an offset and so many bits. */
static uint32_t choose(struct bits *b, const uint32_t offsets[4], const uint8_t widths[4])
{
    uint32_t which = take(b, 2);
    return offsets[which] + take(b, widths[which]);
}
#define CHOOSE(b, o0, w0, o1, w1, o2, w2, o3, w3) \
    choose(b, (const uint32_t[4]){o0, o1, o2, o3}, (const uint8_t[4]){w0, w1, w2, w3})

static uint32_t take_enum(struct bits *b)
{
    return CHOOSE(b, 0, 0, 1, 0, 2, 4, 18, 6);
}

static uint32_t take_side(struct bits *b, bool small)
{
    return small ? (take(b, 5) + 1) * 8 : CHOOSE(b, 1, 9, 1, 13, 1, 18, 1, 30);
}

/* D.2 SizeHeader: small flag, height, ratio, width unless the ratio gives it. */
static void take_size(struct bits *b, uint32_t *width, uint32_t *height)
{
    static const uint8_t ratios[][2] = {{0, 0}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
    bool small = take(b, 1);
    *height = take_side(b, small);
    uint32_t ratio = take(b, 3);
    *width = ratio ? (uint32_t)((uint64_t)*height * ratios[ratio][0] / ratios[ratio][1]) : take_side(b, small);
}

static void pass_preview(struct bits *b)
{
    bool by_eight = take(b, 1);
    for (unsigned side = 0; side < 2; side++) {
        if (by_eight)
            CHOOSE(b, 16, 0, 32, 0, 1, 5, 33, 9);
        else
            CHOOSE(b, 1, 6, 65, 8, 321, 10, 1345, 12);
        if (side == 0 && take(b, 3))
            return; /* the ratio gives the width */
    }
}

static void pass_animation(struct bits *b)
{
    CHOOSE(b, 100, 0, 1000, 0, 1, 10, 1, 30);
    CHOOSE(b, 1, 0, 1001, 0, 1, 8, 1, 10);
    CHOOSE(b, 0, 0, 0, 3, 0, 16, 0, 32);
    take(b, 1);
}

static bool take_depth(struct bits *b)
{
    bool is_float = take(b, 1);
    uint32_t bits = is_float ? CHOOSE(b, 32, 0, 16, 0, 24, 0, 1, 6) : CHOOSE(b, 8, 0, 10, 0, 12, 0, 1, 6);
    if (is_float)
        take(b, 4);
    return bits <= 32;
}

/* D.3.6 ExtraChannelInfo. */
static bool take_extra(struct bits *b, unsigned *alphas)
{
    if (take(b, 1)) {
        ++*alphas;
        return true;
    }
    uint32_t type = take_enum(b);
    bool legal = take_depth(b);
    CHOOSE(b, 0, 0, 3, 0, 4, 0, 1, 3);
    b->at += 8 * (size_t)CHOOSE(b, 0, 0, 0, 4, 16, 5, 48, 10);
    if (type == 0) { /* alpha */
        take(b, 1);
        ++*alphas;
    } else if (type == 2) { /* a spot colour: four half floats */
        take(b, 32);
        take(b, 32);
    } else if (type == 5) { /* a colour filter array's channel */
        CHOOSE(b, 1, 0, 0, 2, 3, 4, 19, 8);
    }
    return legal && (type <= 6 || type == 15 || type == 16);
}

/* E.2 ColourEncoding: `*grey`. */
static bool take_colours(struct bits *b, bool *grey, bool *icc)
{
    if (take(b, 1))
        return true;
    *icc = take(b, 1);
    uint32_t space = take_enum(b);
    *grey = space == 1;
    if (*icc || space > 3)
        return space <= 3;
    uint32_t white = space != 2 ? take_enum(b) : 1;
    if (white != 1 && white != 10 && white != 11)
        return false; /* one of its own (2): its numbers would follow, and nobody writes it */
    uint32_t primaries = space == 0 || space == 3 ? take_enum(b) : 1;
    if (primaries != 1 && primaries != 9 && primaries != 11)
        return false;
    if (space != 2 && !take(b, 1)) {
        uint32_t curve = take_enum(b);
        if (curve != 1 && curve != 2 && curve != 8 && curve != 13 && curve < 16)
            return false;
    } else if (space != 2) {
        take(b, 24);
    }
    return take_enum(b) <= 3;
}

/* D.3 ImageMetadata. `*icc`: a colour profile follows it; `*extended`: something unknown does. */
static bool take_metadata(struct bits *b, unsigned *components, bool *icc, bool *extended)
{
    bool grey = false, legal = true;
    unsigned alphas = 0;
    uint32_t w, h;
    *components = 3;
    *icc = *extended = false;
    if (take(b, 1)) /* all as usual */
        return true;
    bool more = take(b, 1);
    if (more) {
        take(b, 3);
        if (take(b, 1))
            take_size(b, &w, &h);
        if (take(b, 1))
            pass_preview(b);
        if (take(b, 1))
            pass_animation(b);
    }
    legal = take_depth(b);
    take(b, 1);
    uint32_t extras = CHOOSE(b, 0, 0, 1, 0, 2, 4, 1, 12);
    for (uint32_t i = 0; i < extras && legal && b->at <= b->count; i++)
        legal = take_extra(b, &alphas);
    take(b, 1);
    legal = legal && take_colours(b, &grey, icc);
    if (more && !take(b, 1)) { /* tone mapping */
        take(b, 32);
        take(b, 1);
        take(b, 16);
    }
    *extended = take(b, 2);
    *components = (grey ? 1u : 3u) + (alphas > 0);
    return legal;
}

/* F.2: the frame's header begins at a byte; its kind is an ordinary one's, its flags are known ones. */
static bool is_frame(struct bits *b)
{
    if (take(b, (8 - b->at % 8) % 8) != 0)
        return false;
    if (take(b, 1))
        return true;
    take(b, 3);
    uint32_t which = take(b, 2), flags = which == 1 ? 1 + take(b, 4) : which == 2 ? 17 + take(b, 8) : 0;
    return which != 3 && (flags & ~UINT32_C(0xb3)) == 0;
}

/* E.4.2: the profile's size, U64(), from 17 bytes to 64 KiB. */
static bool is_profile(struct bits *b)
{
    uint32_t which = take(b, 2);
    if (which < 2)
        return false;
    if (which == 2)
        return true;
    take(b, 12);
    return !take(b, 1) || (take(b, 8) < 16 && !take(b, 1));
}

enum jxl_answer jxl_read_header(const uint8_t *p, size_t len, struct jxl_header *header)
{
    struct bits b = {p, 16, len * 8};
    bool icc = false, extended = false;
    if (len < 2)
        return JXL_MORE;
    if (p[0] != 0xff || p[1] != 0x0a)
        return JXL_BAD;
    take_size(&b, &header->width, &header->height);
    bool sized = header->width >= 1 && header->width <= 1 << 30 && header->height <= 1 << 30;
    bool legal = sized && take_metadata(&b, &header->components, &icc, &extended);
    /* The transforms are the usual ones: nobody writes others. */
    header->framed = legal && !extended && take(&b, 1) && (icc ? is_profile(&b) : is_frame(&b));
    if (b.at > b.count)
        return JXL_MORE;
    return legal ? JXL_HEADER : JXL_BAD;
}
