/* 7z (7zFormat.txt): is it encrypted? The list of coders stands in the header at the archive's end, mostly packed
 * with LZMA; its packed bytes stand right before. Those are kept as they pass, unpacked, and searched for the AES
 * coder. With encrypted file names the header that says how to unpack the header names it in the clear. */
#include <string.h>

#include "facts.h"
#include "lzma.h"
#include "walk.h"

enum { AT_SIGNATURE, AT_PACKED, AT_HEADER, AT_END };

#define SIGNATURE_SIZE 32
#define PACKED_MAX 16384   /* before the header; a header packed to more is not looked into */
#define HEADER_MAX 1024
#define UNPACKED_MAX 16384 /* coders stand first */

struct sevenzip {
    struct walk walk;
    uint8_t signature[SIGNATURE_SIZE];
    uint8_t state;
    uint64_t offset; /* of the header, from the signature's end */
    uint32_t packed_want, packed_have, header_want, header_have;
    uint8_t header[HEADER_MAX];
    uint8_t packed[PACKED_MAX];
};

static const uint8_t AES[] = {0x06, 0xf1, 0x07, 0x01};

static bool sevenzip_sniff(const uint8_t *head, size_t len)
{
    return len >= SIGNATURE_SIZE && memcmp(head, "7z\xbc\xaf\x27\x1c", 6) == 0 && head[6] == 0;
}

static uint64_t le64(const uint8_t *p)
{
    return (uint64_t)le32(p + 4) << 32 | le32(p);
}

static void take_signature(struct sevenzip *z, const uint8_t *p)
{
    uint64_t size = le64(p + 20);
    z->offset = le64(p + 12);
    z->state = AT_PACKED;
    if (size == 0 || z->offset > UINT64_C(1) << 48) {
        z->state = AT_END;
        return;
    }
    z->packed_want = z->offset < PACKED_MAX ? (uint32_t)z->offset : PACKED_MAX;
    z->header_want = size < HEADER_MAX ? (uint32_t)size : HEADER_MAX;
    z->walk.skip = z->offset - z->packed_want;
}

/* The number at `*at`: leading ones of the first byte tell how many more there are. */
static uint64_t take_number(const uint8_t *p, size_t len, size_t *at)
{
    if (*at >= len)
        return 0;
    uint8_t first = p[(*at)++], mask = 0x80;
    uint64_t value = 0;
    unsigned shift = 0;
    for (; mask && first & mask; mask >>= 1, shift += 8)
        value |= (uint64_t)(*at < len ? p[(*at)++] : 0) << shift;
    return mask ? value | (uint64_t)(first & (mask - 1)) << shift : value;
}

/* "17 06 position 1 09 size 00 07 0B 1 00 1 23 03 01 01 05 props": one stream, packed with LZMA. */
static bool unpacks_to_aes(const struct sevenzip *z)
{
    uint8_t unpacked[UNPACKED_MAX];
    const uint8_t *h = z->header;
    size_t len = z->header_have, at = 2;
    if (len < 20 || h[0] != 0x17 || h[1] != 0x06)
        return false;
    uint64_t position = take_number(h, len, &at), before = z->offset - z->packed_want;
    if (take_number(h, len, &at) != 1 || at + 1 >= len || h[at++] != 0x09)
        return false;
    uint64_t size = take_number(h, len, &at);
    const uint8_t *lzma = memmem(h + at, len - at, "\x23\x03\x01\x01\x05", 5);
    if (!lzma || len - (size_t)(lzma - h) < 10 || position < before || position > z->offset ||
        size > z->offset - position)
        return false;
    size_t n = lzma_decode(lzma + 5, z->packed + (position - before), (size_t)size, unpacked, sizeof(unpacked));
    return memmem(unpacked, n, AES, sizeof(AES)) != NULL;
}

static bool gather(uint8_t *to, uint32_t *have, uint32_t want, struct walk *walk, struct input *in)
{
    size_t n = want - *have < in->len ? want - *have : in->len;
    memcpy(to + *have, in->data, n);
    *have += (uint32_t)n;
    walk_consume(walk, in, n);
    return *have == want;
}

static enum recogniser_state judge(struct sevenzip *z, struct fact_set *facts)
{
    z->state = AT_END;
    if (!memmem(z->header, z->header_have, AES, sizeof(AES)) && !unpacks_to_aes(z))
        return RECOGNISE_NO;
    fact_set_int(facts, FACT_encrypted_container, 1);
    return RECOGNISE_PROVED;
}

static enum recogniser_state sevenzip_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct sevenzip *z = state;
    struct input in = {data, len};
    (void)at;
    if (z->state == AT_SIGNATURE) {
        const uint8_t *p = walk_take(&z->walk, z->signature, SIGNATURE_SIZE, &in);
        if (!p)
            return RECOGNISE_MORE;
        take_signature(z, p);
    }
    if (z->state == AT_PACKED && walk_pass(&z->walk, &in) &&
        gather(z->packed, &z->packed_have, z->packed_want, &z->walk, &in))
        z->state = AT_HEADER;
    if (z->state == AT_HEADER && gather(z->header, &z->header_have, z->header_want, &z->walk, &in))
        return judge(z, facts);
    return z->state == AT_END ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state sevenzip_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct sevenzip *z = state;
    (void)facts;
    (void)at;
    if (z->state == AT_PACKED && z->packed_have == 0 && walk_gap(&z->walk, len))
        return RECOGNISE_MORE;
    return z->state == AT_END ? RECOGNISE_PROVED : RECOGNISE_NO;
}

const struct recogniser recogniser_sevenzip = {
    .name = "sevenzip",
    .type = "",
    .state_size = sizeof(struct sevenzip),
    .sniff = sevenzip_sniff,
    .feed = sevenzip_feed,
    .gap = sevenzip_gap,
};
