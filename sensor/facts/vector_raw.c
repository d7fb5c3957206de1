/* Face embeddings as raw 32-bit floats (little-endian, unit length) inside any binary object: a BLOB, a pickle, an
 * index file. Nearly all numbers of such vectors lie between 2^-13 and 1, so one byte in four has an exponent
 * from a narrow range: a few probes at fixed places of each block decide whether the block is looked at
 * at all. Then two adjacent runs of a known dimension must each have a sum of squares of one, and from there on
 * vectors are counted. */
#include <math.h>

#include "embedding.h"
#include "facts.h"
#include "walk.h"

#define BLOCK 4096
#define STRIDE 64 /* between probes: 64 in a block, for each of the four byte phases */
#define PROBES (BLOCK / STRIDE)
#define ENOUGH (PROBES * 15 / 16)
#define WINDOW (2 * BLOCK)
#define FLOATS_MAX (WINDOW / 4)
#define MISSES_MAX 2

enum { PROBING, GATHERING, COUNTING };

struct vector_raw {
    uint8_t state;
    uint64_t at;
    uint8_t fit[4], negative[4]; /* probes of this block that fit, by phase */
    uint32_t have;      /* bytes of the window, or of a float */
    uint32_t dimension; /* COUNTING */
    uint32_t read;
    uint8_t misses;
    double sum;
    uint32_t vectors;
    uint8_t window[WINDOW];
};

static bool vector_raw_sniff(const uint8_t *head, size_t len)
{
    const char *type = facts_sniff_type(head, len);
    /* Or the beginning was missed. */
    return len == 0 || (strcmp(type, "data") == 0 || strcmp(type, "sqlite") == 0 || strcmp(type, "hdf5") == 0 ||
                       strcmp(type, "parquet") == 0 || strcmp(type, "arrow") == 0);
}

/* The last byte of a float: sign and seven bits of exponent. */
static bool is_small(uint8_t top)
{
    return (top & 0x7f) >= 0x39 && (top & 0x7f) <= 0x3e;
}

static float read_float(const uint8_t *p)
{
    uint32_t bits = le32(p);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Looks at the probes that lie in these bytes; stops behind a block whose probes fit. Returns bytes used. */
static size_t probe(struct vector_raw *v, const uint8_t *data, size_t len)
{
    size_t in_block = v->at % BLOCK, n = BLOCK - in_block < len ? BLOCK - in_block : len;
    for (unsigned phase = 0; phase < 4; phase++) { /* probes stand at STRIDE * i + phase */
        for (size_t i = (STRIDE + phase - in_block % STRIDE) % STRIDE; i < n; i += STRIDE) {
            v->fit[phase] = (uint8_t)(v->fit[phase] + is_small(data[i]));
            v->negative[phase] = (uint8_t)(v->negative[phase] + (data[i] >> 7));
        }
    }
    v->at += n;
    if (v->at % BLOCK != 0)
        return n;
    for (unsigned phase = 0; phase < 4; phase++) {
        if (v->fit[phase] >= ENOUGH && v->negative[phase] >= PROBES / 5 && v->negative[phase] <= PROBES * 4 / 5)
            v->state = GATHERING;
    }
    v->have = 0;
    memset(v->fit, 0, sizeof(v->fit));
    memset(v->negative, 0, sizeof(v->negative));
    return n;
}

/* Two unit vectors of dimension `d` side by side among `count` floats: index of the first, or -1. A window that is off
 * by a float or two may pass too; of those next to each other the one whose lengths are nearest to one is right. */
static int find_pair(const double *sums, unsigned count, unsigned d)
{
    int best = -1;
    double best_error = 0;
    for (unsigned i = 0; i + 2 * d <= count && (best < 0 || i < (unsigned)best + d / 2); i++) {
        double first = sums[i + d] - sums[i], second = sums[i + 2 * d] - sums[i + d];
        double error = fabs(first - 1) + fabs(second - 1);
        if (!embedding_is_unit(first) || !embedding_is_unit(second) || (best >= 0 && error >= best_error))
            continue;
        best = (int)i;
        best_error = error;
    }
    return best;
}

/* Whether the floats at one phase may hold embeddings: a good part of them small. The window may begin or end in
 * something else; the norms decide. */
static bool is_plausible(const uint8_t *window, unsigned len, unsigned phase)
{
    unsigned small = 0, count = (len - phase) / 4;
    for (unsigned i = 0; i < count; i++)
        small += is_small(window[phase + 4 * i + 3]);
    return small * 16 >= count * 6;
}

/* Running sums of squares; a number beyond one (or none at all) makes every run over it too long. */
static unsigned add_up(const uint8_t *window, unsigned len, unsigned phase, double sums[FLOATS_MAX + 1])
{
    unsigned count = (len - phase) / 4;
    sums[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        double x = read_float(window + phase + 4 * i);
        sums[i + 1] = sums[i] + (fabs(x) <= 1 ? x * x : 1000);
    }
    return count;
}

/* Finds vectors among `len` bytes of the window, and begins to count behind them. */
static void search_window(struct vector_raw *v, unsigned len)
{
    static const unsigned dimensions[] = {128, 256, 512};
    double sums[FLOATS_MAX + 1];
    v->state = PROBING;
    v->have = 0;
    for (unsigned phase = 0; phase < 4; phase++) {
        if (!is_plausible(v->window, len, phase))
            continue;
        unsigned count = add_up(v->window, len, phase, sums);
        for (unsigned k = 0; k < 3; k++) {
            unsigned d = dimensions[k];
            int first = find_pair(sums, count, d);
            if (first < 0)
                continue;
            unsigned i = (unsigned)first;
            for (; i + d <= count && embedding_is_unit(sums[i + d] - sums[i]); i += d)
                v->vectors++;
            /* The floats left over are the next vector's beginning. */
            v->dimension = d;
            v->read = (count - i) % d;
            v->sum = sums[count] - sums[count - v->read];
            v->misses = 0;
            v->have = (len - phase) % 4;
            memmove(v->window, v->window + len - v->have, v->have);
            v->state = COUNTING;
            return;
        }
    }
}

static size_t gather(struct vector_raw *v, const uint8_t *data, size_t len)
{
    size_t n = WINDOW - v->have < len ? WINDOW - v->have : len;
    memcpy(v->window + v->have, data, n);
    v->have += (uint32_t)n;
    v->at += n;
    if (v->have == WINDOW)
        search_window(v, WINDOW);
    return n;
}

/* One vector behind the other, until two of them are none. */
static size_t count_vectors(struct vector_raw *v, const uint8_t *data, size_t len)
{
    size_t used = 0;
    while (used < len && v->state == COUNTING) {
        v->window[v->have++] = data[used++];
        v->at++;
        if (v->have < 4)
            continue;
        double x = read_float(v->window);
        v->have = 0;
        v->sum += fabs(x) <= 1 ? x * x : 1000;
        if (++v->read < v->dimension)
            continue;
        if (embedding_is_unit(v->sum)) {
            v->vectors++;
            v->misses = 0;
        } else if (++v->misses > MISSES_MAX) {
            v->state = PROBING;
            v->at = 0; /* blocks are counted from here */
        }
        v->read = 0;
        v->sum = 0;
    }
    return used;
}

static enum recogniser_state vector_raw_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                             uint64_t at)
{
    struct vector_raw *v = state;
    if (at == 0)
        v->state = GATHERING; /* the first blocks are looked at whatever they are: a blob may be small */
    while (len > 0) {
        size_t n = v->state == PROBING    ? probe(v, data, len)
                   : v->state == GATHERING ? gather(v, data, len)
                                           : count_vectors(v, data, len);
        data += n;
        len -= n;
    }
    if (v->vectors)
        fact_set_int(facts, FACT_embedding_count, v->vectors);
    return v->vectors ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

/* Less than a window in all: what is there is searched. */
static enum recogniser_state vector_raw_finish(void *state, struct fact_set *facts)
{
    struct vector_raw *v = state;
    if (v->state == GATHERING && v->have >= 1024) {
        search_window(v, v->have);
        if (v->vectors)
            fact_set_int(facts, FACT_embedding_count, v->vectors);
    }
    return v->vectors ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state vector_raw_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct vector_raw *v = state;
    (void)facts;
    (void)len;
    (void)at;
    v->state = PROBING;
    v->at = 0;
    v->have = 0;
    memset(v->fit, 0, sizeof(v->fit));
    memset(v->negative, 0, sizeof(v->negative));
    return v->vectors ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

const struct recogniser recogniser_vector_raw = {
    .name = "vector_raw",
    .type = "",
    .state_size = sizeof(struct vector_raw),
    .sniff = vector_raw_sniff,
    .feed = vector_raw_feed,
    .gap = vector_raw_gap,
    .finish = vector_raw_finish,
};
