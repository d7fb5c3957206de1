/* Fingerprint templates of products whose magic is public: Neurotechnology's NTemplate (three
 * nested sizes that differ by ten), SourceAFIS (CBOR with known keys), libfprint's stored prints
 * (an object's first bytes only). */
#include "biometric.h"
#include "walk.h"

#define HEAD 64

struct template {
    struct walk walk;
    uint8_t buffer[HEAD];
    bool proved;
};

static bool is_ntemplate(const uint8_t *p, size_t len)
{
    if (len < 34 || memcmp(p, "NT\0\x10", 4) != 0 || memcmp(p + 8, "\x0a\x01NFT\x10", 6) != 0)
        return false;
    uint32_t size = le32(p + 4);
    return size >= 34 && size < 1 << 20 && le32(p + 14) == size - 10 && memcmp(p + 18, "\x0a\x01NFR", 5) == 0 &&
           le16(p + 24) == (uint16_t)(size - 20);
}

/* CBOR (RFC 8949): a map, then the text keys of its first fields. */
static bool is_sourceafis(const uint8_t *p, size_t len)
{
    if (len < 24 || (p[0] != 0xbf && (p[0] & 0xe0) != 0xa0))
        return false;
    return memmem(p, len, "\x67version", 8) && memmem(p, len, "\x65width", 6) && memmem(p, len, "\x66height", 7);
}

static bool is_libfprint(const uint8_t *p, size_t len)
{
    return len >= 16 && memcmp(p, "FP", 2) == 0 && ((p[2] == '1' || p[2] == '2') && p[3] == 0 && p[5] == 0);
}

static bool template_sniff(const uint8_t *head, size_t len)
{
    return is_ntemplate(head, len) || is_sourceafis(head, len) || is_libfprint(head, len);
}

static enum recogniser_state judge(struct template *t, const uint8_t *p, size_t len, struct fact_set *facts)
{
    const char *standard = is_ntemplate(p, len)    ? "NTemplate"
                           : is_sourceafis(p, len) ? "SourceAFIS"
                           : is_libfprint(p, len)  ? "libfprint"
                                                   : NULL;
    if (!standard)
        return RECOGNISE_NO;
    t->proved = true;
    t->walk.skip = is_ntemplate(p, len) && le32(p + 4) > len ? le32(p + 4) - len : 0;
    biometric_publish(facts, &(struct biometric){.kind = "finger_minutiae",
                                                 .standard = standard,
                                                 .records = 1,
                                                 .checks = CHECK_HEADER | CHECK_CHAIN});
    return RECOGNISE_PROVED;
}

static enum recogniser_state template_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct template *t = state;
    struct input in = {data, len};
    (void)at;
    if (!t->proved) {
        const uint8_t *p = walk_take(&t->walk, t->buffer, HEAD, &in);
        if (!p)
            return RECOGNISE_MORE;
        if (judge(t, p, HEAD, facts) == RECOGNISE_NO)
            return RECOGNISE_NO;
    }
    return walk_pass(&t->walk, &in) ? RECOGNISE_END : RECOGNISE_PROVED;
}

static enum recogniser_state template_finish(void *state, struct fact_set *facts)
{
    struct template *t = state;
    return t->proved ? RECOGNISE_PROVED : judge(t, t->buffer, t->walk.have, facts);
}

static uint64_t template_end_at(const void *state)
{
    return ((const struct template *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"\x0a\x01NFT\x10", 6, 8, false}};

const struct recogniser recogniser_template = {
    .name = "template",
    .type = "template",
    .state_size = sizeof(struct template),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = template_sniff,
    .feed = template_feed,
    .end_at = template_end_at,
    .finish = template_finish,
};
