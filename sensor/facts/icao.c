/* What a passport's chip holds, read out (ICAO Doc 9303-10): EF.COM, DG1 (MRZ), DG2 to DG4 (face, fingers, irises),
 * DG5, DG7, DG11, DG12, EF.SOD; and the CBEFF structure of ISO/IEC 19785-3 that DG2 to DG4 wrap, standing alone. */
#include "ber.h"
#include "biometric.h"
#include "mrz_check.h"

#define VALUE_MAX 90
#define RECORD_STATE 3072
#define UNPROVED_MAX 1024 /* everything that proves a file stands in its first bytes */

struct file {
    uint8_t tag;
    const char *type, *kind;
};
static const struct file FILES[] = {
    {0x60, "icao-com", "travel_document"},   {0x61, "icao-dg1", "travel_document"},
    {0x75, "icao-dg2", "face"},              {0x63, "icao-dg3", "finger_image"},
    {0x76, "icao-dg4", "iris"},              {0x65, "icao-dg5", "face"},
    {0x67, "icao-dg7", "signature"},         {0x6b, "icao-dg11", "travel_document"},
    {0x6c, "icao-dg12", "travel_document"},  {0x77, "icao-sod", "travel_document"},
};

#define TOLERANCE 16 /* bytes by which nested lengths may differ */

enum { TAG_GROUP = 0x7f61, TAG_TEMPLATE = 0x7f60, TAG_DATA = 0x5f2e, TAG_DATA_TREE = 0x7f2e };

struct icao {
    struct ber ber;
    const struct file *file; /* NULL: a bare CBEFF group */
    bool begun, proved, broken, ended;
    bool group_seen, template_seen, list_seen, version_seen, mrz_holds;
    uint8_t instances, biometric_type;
    struct ber_element element; /* whose value is at hand */
    bool gathering;
    uint8_t value_want, value_have;
    uint64_t stream_left;       /* of the value, behind what was gathered */
    bool record_tried, record_proved;
    const struct recogniser *record; /* reads the first data block */
    uint64_t record_fed;
    char record_standard[48], record_kind[24];
    uint8_t value[VALUE_MAX];
    _Alignas(16) uint8_t record_state[RECORD_STATE];
};

static const struct file *find_file(uint8_t tag)
{
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        if (FILES[i].tag == tag)
            return &FILES[i];
    }
    return NULL;
}

/* "02 01 n 7F60" behind the head of a 7F61. */
static bool is_group(const uint8_t *p, size_t len)
{
    struct ber_element group;
    int size = ber_head(p, len, &group);
    return size > 0 && group.tag == TAG_GROUP && len >= (size_t)size + 5 && p[size] == 2 && p[size + 1] == 1 &&
           p[size + 2] >= 1 && p[size + 2] <= 32 && p[size + 3] == 0x7f && p[size + 4] == 0x60;
}

/* A template that stands alone: its header [1], with owner and format of the data within what a sniff sees. */
static bool is_template(const uint8_t *p, size_t len)
{
    struct ber_element template, header;
    int size = ber_head(p, len, &template);
    if (size <= 0 || template.tag != TAG_TEMPLATE)
        return false;
    int inner = ber_head(p + size, len - (size_t)size, &header);
    if (inner <= 0 || header.tag != 0xa1 || header.len + (uint64_t)inner > template.len)
        return false;
    const uint8_t *h = p + size + inner;
    size_t left = len - (size_t)(size + inner), n = header.len < left ? (size_t)header.len : left;
    return memmem(h, n, "\x87\x02", 2) && memmem(h, n, "\x88\x02", 2);
}

static bool is_signed_data(const uint8_t *p, size_t len)
{
    static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    struct ber_element sequence;
    int size = ber_head(p, len, &sequence);
    return size > 0 && sequence.tag == 0x30 && len >= (size_t)size + sizeof(oid) &&
           memcmp(p + size, oid, sizeof(oid)) == 0;
}

/* Whether the element at `p` is all there is in `outer`, but for a few bytes. */
static bool fills(const struct ber_element *outer, const uint8_t *p, size_t len)
{
    struct ber_element inner;
    int size = ber_head(p, len, &inner);
    return size > 0 && (inner.indefinite || (inner.len + (uint64_t)size <= (uint64_t)outer->len + TOLERANCE &&
                                             (uint64_t)outer->len <= inner.len + (uint64_t)size + TOLERANCE));
}

static bool icao_sniff(const uint8_t *head, size_t len)
{
    struct ber_element outer;
    int size = ber_head(head, len, &outer);
    if (size <= 0 || outer.indefinite || len < (size_t)size + 6)
        return false;
    const uint8_t *p = head + size;
    size_t left = len - (size_t)size;
    switch (outer.tag) {
    case 0x61:
        return p[0] == 0x5f && p[1] == 0x1f && (p[2] == 88 || p[2] == 72 || p[2] == 90) && outer.len == p[2] + 3u;
    case 0x75:
    case 0x63:
    case 0x76:
        return is_group(p, left) && fills(&outer, p, left);
    case TAG_GROUP:
        return is_group(head, len);
    case TAG_TEMPLATE:
        return is_template(head, len);
    case 0x60:
        return p[0] == 0x5f && p[1] == 0x01 && p[2] == 4 && p[3] == '0';
    case 0x77:
        return is_signed_data(p, left);
    case 0x65:
    case 0x67:
        return p[0] == 2 && p[1] == 1 && p[2] >= 1 && p[2] <= 9 && p[3] == 0x5f && (p[4] == 0x40 || p[4] == 0x43);
    case 0x6b:
    case 0x6c:
        return p[0] == 0x5c && p[1] >= 2 && p[2] == 0x5f;
    default:
        return false;
    }
}

static const char *kind_of(const struct icao *c)
{
    if (c->file)
        return c->file->kind;
    if (c->record_kind[0])
        return c->record_kind;
    return c->biometric_type == 2    ? "face"
           : c->biometric_type == 8  ? "finger"
           : c->biometric_type == 16 ? "iris"
                                     : "cbeff";
}

static void publish(const struct icao *c, struct fact_set *facts)
{
    unsigned checks = CHECK_HEADER | CHECK_CHAIN;
    if (c->mrz_holds)
        checks |= CHECK_DIGITS;
    if (c->record_proved)
        checks |= CHECK_IMAGE;
    biometric_publish(facts, &(struct biometric){.kind = kind_of(c),
                                                 .standard = c->record_standard[0] ? c->record_standard
                                                             : c->file        ? "ICAO 9303-10"
                                                                              : "ISO/IEC 19785-3",
                                                 .records = c->instances ? c->instances : 1,
                                                 .checks = checks});
    if (c->mrz_holds)
        fact_set_int(facts, FACT_mrz_valid_count, 1);
}

static void prove(struct icao *c, struct fact_set *facts)
{
    c->proved = true;
    publish(c, facts);
}

static bool is_mrz_text(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != '<' && !(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'A' && p[i] <= 'Z'))
            return false;
    }
    return true;
}

/* The first data block goes to the recogniser that accepts it. */
static const struct recogniser *find_record(const uint8_t *head, size_t len)
{
    static const struct recogniser *const records[] = {&recogniser_fac,  &recogniser_fir,  &recogniser_iir,
                                                       &recogniser_fmr,  &recogniser_iso39794,
                                                       &recogniser_jpeg, &recogniser_jp2,  &recogniser_wsq};
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (records[i]->state_size <= RECORD_STATE && records[i]->sniff(head, len))
            return records[i];
    }
    return NULL;
}

static void feed_record(struct icao *c, struct fact_set *facts, const uint8_t *data, size_t len)
{
    static const enum fact_id wanted[] = {
        FACT_biometric_version, FACT_biometric_image_type, FACT_image_valid,   FACT_image_width,  FACT_image_height,
        FACT_image_components,  FACT_image_complete,       FACT_image_coding,  FACT_image_progressive,
        FACT_exif_present,      FACT_exif_make,            FACT_exif_model,   FACT_exif_gps,     FACT_image_bomb};
    struct fact_set said;
    if (!c->record || len == 0)
        return;
    fact_set_clear(&said);
    enum recogniser_state answer = c->record->feed(c->record_state, &said, data, len, c->record_fed);
    c->record_fed += len;
    fact_copy(facts, &said, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (answer == RECOGNISE_PROVED || answer == RECOGNISE_END) {
        const char *standard = fact_text(&said, FACT_biometric_standard);
        bool first = !c->record_proved;
        c->record_proved = true;
        if (standard[0])
            strncpy(c->record_standard, standard, sizeof(c->record_standard) - 1);
        strncpy(c->record_kind, fact_text(&said, FACT_biometric_kind), sizeof(c->record_kind) - 1);
        if (first)
            publish(c, facts);
    }
    if (answer == RECOGNISE_NO || answer == RECOGNISE_END)
        c->record = NULL;
}

/* A gathered value is whole. False: the structure is not what its beginning said. */
static bool take_value(struct icao *c, struct fact_set *facts)
{
    const struct ber_element *e = &c->element;
    const uint8_t *v = c->value;
    switch (e->tag) {
    case 0x5f1f:
        if (!is_mrz_text(v, c->value_have))
            return false;
        c->mrz_holds = mrz_check((const char *)v, c->value_have) != MRZ_NONE;
        prove(c, facts);
        return true;
    case 0x02:
        if (v[0] < 1 || v[0] > 32)
            return false;
        c->instances = v[0];
        return true;
    case 0x81: /* type: 02 face, 08 finger, 10 iris (ISO/IEC 19785-3) */
        if (c->template_seen && !c->biometric_type)
            c->biometric_type = v[c->value_have - 1];
        if (c->file && ((c->file->tag == 0x75 && v[0] != 2) || (c->file->tag == 0x63 && v[0] != 8) ||
                        (c->file->tag == 0x76 && v[0] != 16)))
            return c->proved; /* the outer tag names another biometric */
        return true;
    case 0x06:
        if (memcmp(v, "\x67\x81\x08\x01\x01\x01", 6) == 0)
            prove(c, facts);
        return true;
    default: /* the head of a data block */
        if (!c->record_tried) {
            c->record_tried = true;
            c->record = find_record(v, c->value_have);
            feed_record(c, facts, v, c->value_have);
        }
        if (e->tag == 0x5f40 || e->tag == 0x5f43) {
            if (!c->record && !c->record_proved)
                return false;
            prove(c, facts);
        }
        return true;
    }
}

static void gather(struct icao *c, const struct ber_element *e, size_t max)
{
    c->element = *e;
    c->value_have = 0;
    c->value_want = (uint8_t)(e->len < max ? e->len : max);
    c->gathering = c->value_want > 0;
}

/* What an element says by its tag alone, and whether its value is wanted. */
static bool take_element(struct icao *c, const struct ber_element *e, struct fact_set *facts)
{
    uint8_t file = c->file ? c->file->tag : 0;
    if (!c->begun) {
        c->begun = true;
        c->template_seen = e->tag == TAG_TEMPLATE;
        c->group_seen = e->tag == TAG_GROUP || c->template_seen;
        c->file = c->group_seen ? NULL : find_file((uint8_t)e->tag);
        return c->file || c->group_seen;
    }
    switch (e->tag) {
    case TAG_GROUP:
        c->group_seen = true;
        return true;
    case TAG_TEMPLATE:
        c->template_seen = true;
        return c->group_seen;
    case TAG_DATA:
    case TAG_DATA_TREE:
        if (!c->template_seen)
            return false;
        prove(c, facts);
        if (c->record_tried)
            ber_skip(&c->ber, e);
        else
            gather(c, e, 64);
        return true;
    case 0xb1: /* a template of the on-card comparison: parameters, no data */
        if (c->template_seen)
            prove(c, facts);
        ber_skip(&c->ber, e);
        return true;
    case 0x5f1f:
        gather(c, e, VALUE_MAX);
        return file == 0x61 && c->gathering;
    case 0x02:
        if (e->len == 1 && !c->instances && (c->group_seen || file == 0x65 || file == 0x67)) {
            gather(c, e, 1);
            return true;
        }
        break;
    case 0x81:
        if (c->template_seen && e->len >= 1 && e->len <= 3) {
            gather(c, e, 3);
            return true;
        }
        break;
    case 0x06:
        if (file == 0x77 && e->len == 6) {
            gather(c, e, 6);
            return true;
        }
        break;
    case 0x5f40:
    case 0x5f43:
        if (file == 0x65 || file == 0x67) {
            gather(c, e, 64);
            return c->gathering;
        }
        break;
    case 0x5f01:
        c->version_seen = true;
        break;
    case 0x5c: /* the list of tags that follow or exist */
        c->list_seen = true;
        if (file == 0x60 && c->version_seen)
            prove(c, facts);
        break;
    case 0x5f0e: /* name, birth, address, telephone; issuer, date of issue */
    case 0x5f2b:
    case 0x5f42:
    case 0x5f12:
    case 0x5f19:
    case 0x5f26:
        if ((file == 0x6b || file == 0x6c) && c->list_seen && e->len > 0)
            prove(c, facts);
        break;
    default:
        break;
    }
    if (!e->constructed)
        ber_skip(&c->ber, e);
    return true;
}

/* Bytes of the value at hand. False: see take_value. */
static bool feed_value(struct icao *c, struct input *in, struct fact_set *facts)
{
    if (c->gathering) {
        size_t n = (size_t)(c->value_want - c->value_have) < in->len
                       ? (size_t)(c->value_want - c->value_have)
                       : in->len;
        memcpy(c->value + c->value_have, in->data, n);
        c->value_have = (uint8_t)(c->value_have + n);
        walk_consume(&c->ber.walk, in, n);
        if (c->value_have < c->value_want)
            return true;
        c->gathering = false;
        c->stream_left = c->element.len - c->value_want;
        return take_value(c, facts);
    }
    size_t n = c->stream_left < in->len ? (size_t)c->stream_left : in->len;
    feed_record(c, facts, in->data, n);
    walk_consume(&c->ber.walk, in, n);
    c->stream_left -= n;
    return true;
}

static enum recogniser_state answer(const struct icao *c)
{
    if (c->ended)
        return c->proved ? RECOGNISE_END : RECOGNISE_NO;
    return c->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

/* A broken tree is passed over to the end it declared. */
static void pass_rest(struct icao *c, struct input *in)
{
    uint64_t left = c->ber.walk.at < c->ber.end ? c->ber.end - c->ber.walk.at : 0;
    walk_consume(&c->ber.walk, in, left < in->len ? (size_t)left : in->len);
    c->ended = c->ber.walk.at >= c->ber.end;
}

static enum recogniser_state icao_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    struct icao *c = state;
    struct input in = {data, len};
    struct ber_element e;
    (void)at;
    while (!c->ended) {
        if (c->broken) {
            pass_rest(c, &in);
            break;
        }
        if (c->gathering || c->stream_left) {
            if (in.len == 0)
                break;
            if (!feed_value(c, &in, facts)) {
                if (!c->proved)
                    return RECOGNISE_NO;
                c->broken = true;
                c->stream_left = 0;
            }
            continue;
        }
        enum ber_answer next = ber_next(&c->ber, &in, &e);
        if (next == BER_MORE)
            break;
        if (next == BER_END)
            c->ended = true;
        else if (next == BER_BAD || !take_element(c, &e, facts))
            c->broken = true;
        if ((c->broken || c->ber.walk.at > UNPROVED_MAX) && !c->proved)
            return RECOGNISE_NO;
    }
    /* The element that ends the tree may be the last of the bytes. */
    if (c->begun && !c->gathering && !c->stream_left && !c->ber.have &&
        c->ber.walk.at >= c->ber.end && !c->ber.walk.skip)
        c->ended = true;
    return answer(c);
}

static enum recogniser_state icao_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct icao *c = state;
    (void)facts;
    (void)at;
    if (!c->proved)
        return RECOGNISE_NO;
    c->record = NULL;
    if (!c->gathering && c->stream_left > len) {
        c->stream_left -= len;
        c->ber.walk.at += len;
    } else if (c->gathering || c->stream_left || c->ber.have || !walk_gap(&c->ber.walk, len)) {
        c->broken = true;
        c->gathering = false;
        c->stream_left = 0;
        c->ber.walk.skip = 0;
        c->ber.walk.at += len;
        c->ended = c->ber.walk.at >= c->ber.end;
    }
    return answer(c);
}

static uint64_t icao_end_at(const void *state)
{
    const struct icao *c = state;
    return c->ber.walk.at < c->ber.end ? c->ber.walk.at : c->ber.end;
}

static const char *icao_type_of(const void *state)
{
    const struct icao *c = state;
    return c->file ? c->file->type : "cbeff";
}

/* A group's head may be of two, three or four bytes, and so may the file's around it. */
static const struct recogniser_literal LITERALS[] = {
    {"\x7f\x61", 2, 4, false},
    {"\x7f\x61", 2, 3, false},
    {"\x7f\x61", 2, 2, false},
    {"\x7f\x60", 2, 8, false},
    {"\x7f\x60", 2, 7, false},
    {"\x7f\x60", 2, 6, false},
    {"\x7f\x60", 2, 0, false},
    {"\x61\x5b\x5f\x1f\x58", 5, 0, false},
    {"\x61\x4b\x5f\x1f\x48", 5, 0, false},
    {"\x61\x5d\x5f\x1f\x5a", 5, 0, false},
    {"\x5f\x01\x04\x30\x31", 5, 2, false},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 11, 8, false},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 11, 6, false},
};

const struct recogniser recogniser_icao = {
    .name = "icao",
    .type = "icao",
    .state_size = sizeof(struct icao),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = icao_sniff,
    .feed = icao_feed,
    .gap = icao_gap,
    .end_at = icao_end_at,
    .type_of = icao_type_of,
};
