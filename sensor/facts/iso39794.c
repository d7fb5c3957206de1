/* Extensible biometric data (ISO/IEC 39794-2, -4, -5, -6; ICAO 9303 from 2025), DER: [APPLICATION part], a version
 * block of generation and year, representation blocks with the pictures as octet strings. */
#include "ber.h"
#include "biometric.h"
#include "inner.h"

#define PICTURE_MIN 64 /* no octet string below this is a picture */
#define YEAR_FIRST 0xe3 /* 2019, low byte of 0x07e3 */
#define YEAR_LAST 0xf8

struct iso39794 {
    struct ber ber;
    uint8_t part;
    bool begun, version_seen, proved, broken, ended, image_seen;
    bool in_value;
    uint64_t value_left;
    uint64_t blocks_at;      /* where the next representation may begin; 0 before the list */
    uint32_t representations;
    struct inner inner;
};

static const uint8_t VERSION[] = {0xa0, 0x07, 0x80, 0x01, 0x03, 0x81, 0x02, 0x07};

static bool is_part(uint32_t tag)
{
    return tag == 0x62 || tag == 0x64 || tag == 0x65 || tag == 0x66;
}

/* The element of the part, alone or inside one [1] as ICAO's test records have it. */
static bool iso39794_sniff(const uint8_t *head, size_t len)
{
    struct ber_element e;
    int size = ber_head(head, len, &e);
    size_t at = 0;
    if (size > 0 && e.tag == 0xa1) {
        at = (size_t)size;
        size = ber_head(head + at, len - at, &e);
    }
    if (size <= 0 || !is_part(e.tag))
        return false;
    at += (size_t)size;
    return len >= at + sizeof(VERSION) + 1 && memcmp(head + at, VERSION, sizeof(VERSION)) == 0 &&
           head[at + sizeof(VERSION)] >= YEAR_FIRST && head[at + sizeof(VERSION)] <= YEAR_LAST;
}

static void publish(const struct iso39794 *s, struct fact_set *facts)
{
    static const struct {
        uint8_t part;
        const char *kind, *standard;
    } parts[] = {
        {2, "finger_minutiae", "ISO/IEC 39794-2"}, {4, "finger_image", "ISO/IEC 39794-4"},
        {5, "face", "ISO/IEC 39794-5"}, {6, "iris", "ISO/IEC 39794-6"}};
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].part != s->part)
            continue;
        biometric_publish(facts, &(struct biometric){.kind = parts[i].kind,
                                                     .standard = parts[i].standard,
                                                     .version = "3",
                                                     .image = s->image_seen ? s->inner.coding : NULL,
                                                     .records = s->representations ? s->representations : 1,
                                                     .checks = CHECK_HEADER | (s->image_seen ? CHECK_IMAGE : 0u) |
                                                               (s->ended && !s->broken ? CHECK_CHAIN : 0u)});
    }
}

static bool take_element(struct iso39794 *s, const struct ber_element *e, uint64_t begin, struct fact_set *facts)
{
    if (!s->begun) {
        if (e->tag == 0xa1)
            return true;
        s->begun = true;
        s->part = e->tag & 0x0f;
        return is_part(e->tag);
    }
    if (!s->version_seen) { /* [0]; the bytes themselves were compared by the sniff */
        s->version_seen = true;
        ber_skip(&s->ber, e);
        return e->tag == 0xa0 && e->len == 7;
    }
    if (!s->proved) { /* [1], the list of representations */
        if (e->tag != 0xa1)
            return false;
        s->proved = true;
        s->blocks_at = e->at;
        publish(s, facts);
        return true;
    }
    if (e->tag == 0x30 && begin == s->blocks_at) { /* the first, or right behind the one before */
        s->blocks_at = e->at + e->len;
        s->representations++;
    }
    if (e->constructed)
        return true;
    if (e->len >= PICTURE_MIN && !s->image_seen) {
        inner_reset(&s->inner);
        s->in_value = true;
        s->value_left = e->len;
    } else {
        ber_skip(&s->ber, e);
    }
    return true;
}

static void feed_value(struct iso39794 *s, struct input *in, struct fact_set *facts)
{
    size_t n = s->value_left < in->len ? (size_t)s->value_left : in->len;
    bool known = inner_is_known(&s->inner);
    inner_feed(&s->inner, facts, in->data, n);
    walk_consume(&s->ber.walk, in, n);
    s->value_left -= n;
    s->in_value = s->value_left > 0;
    if (known || !inner_is_known(&s->inner))
        return;
    if (s->inner.coding[0]) {
        s->image_seen = true;
        publish(s, facts);
    } else {
        s->ber.walk.skip = s->value_left;
        s->in_value = false;
    }
}

static enum recogniser_state answer(const struct iso39794 *s)
{
    if (s->ended)
        return s->proved ? RECOGNISE_END : RECOGNISE_NO;
    return s->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static void end(struct iso39794 *s, struct fact_set *facts)
{
    s->ended = true;
    if (s->proved)
        publish(s, facts);
}

static enum recogniser_state iso39794_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct iso39794 *s = state;
    struct input in = {data, len};
    struct ber_element e;
    (void)at;
    while (!s->ended) {
        if (s->in_value) {
            if (in.len == 0)
                break;
            feed_value(s, &in, facts);
            continue;
        }
        uint64_t begin = s->ber.walk.at + s->ber.walk.skip - s->ber.have;
        enum ber_answer next = ber_next(&s->ber, &in, &e);
        if (next == BER_MORE)
            break;
        if (next == BER_END) {
            end(s, facts);
        } else if (next == BER_BAD || !take_element(s, &e, begin, facts)) {
            if (!s->proved)
                return RECOGNISE_NO;
            s->broken = true;
            end(s, facts);
        }
    }
    if (s->begun && !s->ended && !s->in_value && !s->ber.have && !s->ber.walk.skip && s->ber.walk.at >= s->ber.end)
        end(s, facts);
    return answer(s);
}

static enum recogniser_state iso39794_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct iso39794 *s = state;
    (void)at;
    if (!s->proved)
        return RECOGNISE_NO;
    if (s->in_value && s->value_left > len) {
        s->inner.recogniser = NULL;
        s->value_left -= len;
        s->ber.walk.at += len;
    } else if (s->in_value || s->ber.have || !walk_gap(&s->ber.walk, len)) {
        s->ber.walk.at += len;
        s->broken = true;
        end(s, facts);
    }
    return answer(s);
}

static uint64_t iso39794_end_at(const void *state)
{
    return ((const struct iso39794 *)state)->ber.walk.at;
}

static const struct recogniser_literal LITERALS[] = {
    {"\xa0\x07\x80\x01\x03\x81\x02\x07", 8, 4, false},
    {"\xa0\x07\x80\x01\x03\x81\x02\x07", 8, 5, false},
    {"\xa0\x07\x80\x01\x03\x81\x02\x07", 8, 3, false},
};

const struct recogniser recogniser_iso39794 = {
    .name = "iso39794",
    .type = "iso39794",
    .state_size = sizeof(struct iso39794),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = iso39794_sniff,
    .feed = iso39794_feed,
    .gap = iso39794_gap,
    .end_at = iso39794_end_at,
};
