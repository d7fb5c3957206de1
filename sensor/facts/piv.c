/* The CBEFF header of PIV cards (NIST SP 800-76, table 14): 88 bytes of fixed places before an INCITS record, which
 * is read by its own recogniser; a signature may follow. */
#include "facts.h"
#include "walk.h"

#define HEADER 88
#define SNIFFED 48 /* the fields that tell stand in these */
#define RECORD_STATE 3072

struct piv {
    struct walk walk;
    uint8_t header[HEADER];
    bool read, proved, ended;
    const struct recogniser *record; /* NULL: ended, or broken */
    uint64_t fed, size; /* of the record */
    uint16_t signature;
    _Alignas(16) uint8_t state[RECORD_STATE];
};

/* Offsets: 0 version, 1 security options, 2 record's length, 6 signature's length, 8 owner of the format, 10 format,
 * 12 creation date of eight bytes that ends with 'Z', 36 biometric type, 39 data type. */
static const struct recogniser *record_of(const uint8_t *p)
{
    uint16_t owner = be16(p + 8);
    bool finger = p[36] == 0 && p[37] == 0 && p[38] == 8, face = p[36] == 0 && p[37] == 0 && p[38] == 2;
    if (p[0] != 3 || (p[1] != 0x0d && p[1] != 0x0f) || (owner != 0x001b && owner != 0x0101) || p[19] != 'Z' ||
        be32(p + 2) < 26)
        return NULL;
    switch (be16(p + 10)) {
    case 0x0201:
        return finger ? &recogniser_fmr : NULL;
    case 0x0401:
        return finger ? &recogniser_fir : NULL;
    case 0x0501:
        return face ? &recogniser_fac : NULL;
    default:
        return NULL;
    }
}

static bool piv_sniff(const uint8_t *head, size_t len)
{
    return len >= SNIFFED && record_of(head);
}

static enum recogniser_state answer(const struct piv *p)
{
    if (p->ended)
        return p->proved ? RECOGNISE_END : RECOGNISE_NO;
    return p->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state piv_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len, uint64_t at)
{
    struct piv *p = state;
    struct input in = {data, len};
    (void)at;
    if (!p->read) {
        const uint8_t *h = walk_take(&p->walk, p->header, HEADER, &in);
        if (!h)
            return RECOGNISE_MORE;
        p->read = true;
        p->record = record_of(h);
        p->size = be32(h + 2);
        p->signature = be16(h + 6);
        if (!p->record || p->record->state_size > RECORD_STATE)
            return RECOGNISE_NO;
    }
    size_t n = p->size - p->fed < in.len ? (size_t)(p->size - p->fed) : in.len;
    if (p->record && n > 0) {
        enum recogniser_state said = p->record->feed(p->state, facts, in.data, n, p->fed);
        if (said == RECOGNISE_NO && !p->proved)
            return RECOGNISE_NO;
        p->proved |= said == RECOGNISE_PROVED || said == RECOGNISE_END;
        if (said == RECOGNISE_NO || said == RECOGNISE_END)
            p->record = NULL;
    }
    if (p->fed < p->size) {
        p->fed += n;
        walk_consume(&p->walk, &in, n);
        if (p->fed == p->size)
            p->walk.skip = p->signature;
    }
    p->ended = p->fed == p->size && walk_pass(&p->walk, &in);
    return answer(p);
}

static enum recogniser_state piv_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct piv *p = state;
    (void)facts;
    (void)at;
    if (!p->proved)
        return RECOGNISE_NO;
    p->record = NULL;
    if (p->size - p->fed > len) {
        p->fed += len;
        p->walk.at += len;
        return RECOGNISE_PROVED;
    }
    p->walk.at += len;
    p->ended = true;
    return answer(p);
}

static uint64_t piv_end_at(const void *state)
{
    return ((const struct piv *)state)->walk.at;
}

static enum recogniser_state piv_finish(void *state, struct fact_set *facts)
{
    struct piv *p = state;
    if (p->record && p->record->finish && p->record->finish(p->state, facts) == RECOGNISE_PROVED)
        p->proved = true;
    return p->proved ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static const struct recogniser_literal LITERALS[] = {
    {"\x00\x1b\x02\x01", 4, 8, false}, {"\x00\x1b\x04\x01", 4, 8, false}, {"\x00\x1b\x05\x01", 4, 8, false},
};

const struct recogniser recogniser_piv = {
    .name = "piv",
    .type = "cbeff",
    .state_size = sizeof(struct piv),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = piv_sniff,
    .feed = piv_feed,
    .gap = piv_gap,
    .end_at = piv_end_at,
    .finish = piv_finish,
};
