/* RAR 4 and 5: is it encrypted? The chain of headers is followed: encrypted headers stand first, an encrypted member
 * says so in its own. What a header does not say is passed over by its length. */
#include <string.h>

#include "facts.h"
#include "walk.h"

enum { AT_SIGNATURE, AT_BASE, AT_HEADER, AT_END };

#define BASE 7           /* of each header: CRC, size (RAR 5); CRC, type, flags, size (RAR 4) */
#define HEADER_MAX 1024  /* a longer one is passed over */

struct rar {
    struct walk walk;
    uint8_t buffer[HEADER_MAX];
    uint8_t base[BASE];
    uint8_t state;
    bool five, found;
    uint8_t early;  /* bytes of a RAR 5 header that the base holds */
    uint16_t rest;  /* of the header, behind the base */
    uint8_t header[HEADER_MAX + BASE];
};

static bool rar_sniff(const uint8_t *head, size_t len)
{
    return len >= 8 && memcmp(head, "Rar!\x1a\x07", 6) == 0 && (head[6] == 0 || (head[6] == 1 && head[7] == 0));
}

/* A variable-length integer; 0 and all bytes used when it is none. */
static uint64_t take_number(const uint8_t *p, size_t len, size_t *at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < len && shift < 63; shift += 7) {
        uint8_t b = p[(*at)++];
        value |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return value;
    }
    *at = len;
    return 0;
}

/* The next header, behind `skip` bytes. */
static void next(struct rar *r, uint64_t skip)
{
    r->walk.skip = skip;
    r->state = skip < UINT64_C(1) << 48 ? AT_BASE : AT_END;
}

static void take_base(struct rar *r, const uint8_t *p)
{
    uint64_t size = le16(p + 5), have = BASE;
    memcpy(r->base, p, BASE);
    if (r->five) {
        size_t at = 4;
        size = take_number(p, BASE, &at);
        r->early = (uint8_t)(BASE - at);
        have = r->early;
        if (p[at - 1] & 0x80) {
            r->state = AT_END;
            return;
        }
    }
    if (size < have) {
        r->state = AT_END;
    } else if (size - have > HEADER_MAX) {
        next(r, size - have); /* and its data is read as headers: it will not look like one for long */
    } else {
        r->rest = (uint16_t)(size - have);
        r->state = AT_HEADER;
    }
}

/* RAR 5: a header of type 4 means encrypted headers; a member's extra record of type 1 its data. */
static void take_five(struct rar *r, const uint8_t *p)
{
    uint8_t *h = r->header;
    size_t len = (size_t)r->early + r->rest, at = 0;
    memcpy(h, r->base + BASE - r->early, r->early);
    memcpy(h + r->early, p, r->rest);
    uint64_t type = take_number(h, len, &at), flags = take_number(h, len, &at);
    uint64_t extra = flags & 1 ? take_number(h, len, &at) : 0, data = flags & 2 ? take_number(h, len, &at) : 0;
    r->found = type == 4;
    if ((type == 2 || type == 3) && extra <= len) {
        for (size_t record = len - (size_t)extra; record < len && !r->found;) {
            uint64_t size = take_number(h, len, &record);
            size_t begin = record;
            r->found = size > 0 && take_number(h, len, &record) == 1;
            record = size > len - begin ? len : begin + (size_t)size;
        }
    }
    if (r->found || type < 1 || type > 4)
        r->state = AT_END;
    else
        next(r, data);
}

/* RAR 4: archive flag 0x0080 (headers encrypted), member flag 0x0004. */
static void take_four(struct rar *r, const uint8_t *p)
{
    uint8_t type = r->base[2];
    uint16_t flags = le16(r->base + 3);
    uint64_t data = (flags & 0x8000 || type == 0x74) && r->rest >= 4 ? le32(p) : 0;
    if (type == 0x74 && flags & 0x0100 && r->rest >= 29)
        data |= (uint64_t)le32(p + 25) << 32;
    r->found = (type == 0x73 && flags & 0x0080) || (type == 0x74 && flags & 0x0004);
    if (r->found || type < 0x73 || type > 0x7a)
        r->state = AT_END;
    else
        next(r, data);
}

static enum recogniser_state rar_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len, uint64_t at)
{
    struct rar *r = state;
    struct input in = {data, len};
    const uint8_t *p;
    (void)at;
    while (r->state != AT_END) {
        size_t want = r->state == AT_HEADER ? r->rest : BASE;
        p = want ? walk_take(&r->walk, r->buffer, want, &in) : r->buffer;
        if (!p)
            return RECOGNISE_MORE;
        if (r->state == AT_SIGNATURE) {
            r->five = p[6] == 1;
            r->walk.skip = r->five ? 1 : 0;
            r->state = AT_BASE;
        } else if (r->state == AT_BASE) {
            take_base(r, p);
        } else if (r->five) {
            take_five(r, p);
        } else {
            take_four(r, p);
        }
    }
    if (r->found)
        fact_set_int(facts, FACT_encrypted_container, 1);
    return r->found ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state rar_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct rar *r = state;
    (void)facts;
    (void)at;
    if (r->found)
        return RECOGNISE_PROVED;
    return walk_gap(&r->walk, len) ? RECOGNISE_MORE : RECOGNISE_NO;
}

const struct recogniser recogniser_rar = {
    .name = "rar",
    .type = "",
    .state_size = sizeof(struct rar),
    .sniff = rar_sniff,
    .feed = rar_feed,
    .gap = rar_gap,
};
