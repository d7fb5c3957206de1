/* NumPy arrays (.npy) of float vectors in a dimension of face embeddings. The first vector must look like one: finite,
 * no whole numbers, of a length near one (some networks do not normalise). */
#include <math.h>

#include "embedding.h"
#include "facts.h"
#include "walk.h"

enum { AT_MAGIC, AT_LENGTH, AT_DICTIONARY, AT_VECTOR, AT_REST };

#define DICTIONARY_MAX 512

struct npy {
    struct walk walk;
    uint8_t buffer[DICTIONARY_MAX];
    uint8_t state, version;
    uint8_t size; /* of an element */
    bool big_endian;
    uint16_t dictionary_len;
    uint32_t dimension, read;
    uint64_t count;
    uint32_t whole; /* elements without a fraction */
    double sum;
};

static bool npy_sniff(const uint8_t *head, size_t len)
{
    return len >= 10 && memcmp(head, "\x93NUMPY", 6) == 0 && head[6] >= 1 && head[6] <= 3 && head[7] == 0;
}

/* "{'descr': '<f4', 'fortran_order': False, 'shape': (N, 512), }" */
static bool take_dictionary(struct npy *n, const uint8_t *p, size_t len)
{
    const char *descr = memmem(p, len, "'descr': '", 10), *shape = memmem(p, len, "'shape': (", 10);
    const char *end = (const char *)p + len;
    uint64_t sides[2] = {0, 0};
    unsigned count = 0;
    if (!descr || !shape || end - descr < 14 || (descr[10] != '<' && descr[10] != '>') || descr[11] != 'f')
        return false;
    n->big_endian = descr[10] == '>';
    n->size = (uint8_t)(descr[12] - '0');
    for (const char *at = shape + 10; at < end && *at != ')'; at++) {
        if (*at < '0' || *at > '9')
            continue;
        if (count == 2)
            return false;
        while (at < end && *at >= '0' && *at <= '9' && sides[count] < UINT32_MAX)
            sides[count] = sides[count] * 10 + (uint64_t)(*at++ - '0');
        count++;
        at--;
    }
    n->count = count == 2 ? sides[0] : 1;
    n->dimension = (uint32_t)(count ? sides[count - 1] : 0);
    return (n->size == 2 || n->size == 4 || n->size == 8) && n->count >= 1 && embedding_is_dimension(n->dimension);
}

static double read_half(uint16_t bits)
{
    double fraction = bits & 0x3ff, sign = bits & 0x8000 ? -1 : 1;
    int exponent = bits >> 10 & 31;
    return exponent ? sign * ldexp(1 + fraction / 1024, exponent - 15) : sign * ldexp(fraction / 1024, -14);
}

static double read_element(const struct npy *n, const uint8_t *p)
{
    if (n->size == 2)
        return read_half(n->big_endian ? be16(p) : le16(p));
    if (n->size == 4) {
        uint32_t bits = n->big_endian ? be32(p) : le32(p);
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
    uint64_t bits = n->big_endian ? (uint64_t)be32(p) << 32 | be32(p + 4) : (uint64_t)le32(p + 4) << 32 | le32(p);
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

static bool take_element(struct npy *n, const uint8_t *p, struct fact_set *facts)
{
    double value = read_element(n, p);
    if (!(fabs(value) < 64))
        return false;
    n->sum += value * value;
    n->whole += !(value < floor(value)) && !(value > floor(value));
    if (++n->read < n->dimension)
        return true;
    n->state = AT_REST;
    if (n->whole > n->dimension / 4 || n->sum < 0.2 || n->sum > 4096)
        return false;
    fact_set_int(facts, FACT_embedding_count, n->count < INT32_MAX ? (int64_t)n->count : INT32_MAX);
    return true;
}

static size_t wanted(const struct npy *n)
{
    switch (n->state) {
    case AT_MAGIC:
        return 8;
    case AT_LENGTH:
        return n->version == 1 ? 2 : 4;
    case AT_DICTIONARY:
        return n->dictionary_len;
    default:
        return n->size;
    }
}

static bool take(struct npy *n, const uint8_t *p, struct fact_set *facts)
{
    switch (n->state) {
    case AT_MAGIC:
        n->version = p[6];
        n->state = AT_LENGTH;
        return memcmp(p, "\x93NUMPY", 6) == 0;
    case AT_LENGTH: {
        uint32_t len = n->version == 1 ? le16(p) : le32(p);
        n->dictionary_len = (uint16_t)len;
        n->state = AT_DICTIONARY;
        return len >= 32 && len <= DICTIONARY_MAX;
    }
    case AT_DICTIONARY:
        n->state = AT_VECTOR;
        return take_dictionary(n, p, n->dictionary_len);
    default:
        return take_element(n, p, facts);
    }
}

static enum recogniser_state npy_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    struct npy *n = state;
    struct input in = {data, len};
    (void)at;
    while (n->state != AT_REST) {
        const uint8_t *p = walk_take(&n->walk, n->buffer, wanted(n), &in);
        if (!p)
            return RECOGNISE_MORE;
        if (!take(n, p, facts))
            return RECOGNISE_NO;
        if (n->state == AT_REST) {
            uint64_t vectors = n->count - 1;
            n->walk.skip = vectors < UINT32_MAX ? vectors * n->dimension * n->size : UINT64_MAX / 2;
        }
    }
    return walk_pass(&n->walk, &in) ? RECOGNISE_END : RECOGNISE_PROVED;
}

static enum recogniser_state npy_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct npy *n = state;
    (void)facts;
    (void)at;
    if (n->state != AT_REST || !walk_gap(&n->walk, len))
        return RECOGNISE_NO;
    return RECOGNISE_PROVED;
}

static uint64_t npy_end_at(const void *state)
{
    return ((const struct npy *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"\x93NUMPY", 6, 0, false}};

const struct recogniser recogniser_npy = {
    .name = "npy",
    .type = "npy",
    .state_size = sizeof(struct npy),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = npy_sniff,
    .feed = npy_feed,
    .gap = npy_gap,
    .end_at = npy_end_at,
};
