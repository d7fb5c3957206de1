/* ANSI/NIST-ITL 1 transactions in the traditional encoding (EBTS, EFTS): a Type-1 record that lists all others, then
 * those, each with its length. Type-1 proves the transaction and tells how many fingers, faces and irises
 * follow before any picture has come; the chain of lengths is then walked to its end.
 *
 * Field numbers of Type-1 have three digits ("1.001:") or, in older files, two ("1.01:"). */
#include "biometric.h"
#include "inner.h"
#include "walk.h"

#define FS 0x1c
#define GS 0x1d
#define RS 0x1e
#define US 0x1f

#define HEAD_MAX 4000 /* of Type-1 */
#define HEAD_MIN 50
#define TYPES_MAX 512
#define BINARY_HEAD 18
#define IMAGE_HEAD 80 /* within it a data field may be repeated */

enum { AT_LENGTH, AT_HEAD, AT_RECORD, AT_TAGGED_LENGTH, AT_TAG, AT_VALUE, AT_IMAGE_HEAD, AT_IMAGE, AT_BINARY, AT_END };

struct an2k {
    struct walk walk;
    uint8_t state;
    bool proved, broken, image_seen;
    uint16_t head_len, head_have;
    uint16_t type_count, done;
    uint8_t types[TYPES_MAX]; /* in CNT's order, Type-1 left out */
    uint64_t record_end;      /* of the record being walked */
    uint16_t field;
    uint8_t have;
    char text[24];            /* a tag, a short value, a binary head */
    uint32_t width, height;   /* as the record says, until its picture does */
    char version[5], transaction[17];
    struct inner inner;
    uint8_t image_head[IMAGE_HEAD];
    uint8_t head[HEAD_MAX];
};

struct kind {
    uint8_t first, last; /* record types */
    const char *name;
};
static const struct kind KINDS[] = {
    {10, 10, "face"},     {3, 6, "finger_image"}, {13, 14, "finger_image"}, {9, 9, "finger_minutiae"},
    {17, 17, "iris"},     {15, 15, "palm_image"}, {19, 19, "plantar_image"}, {8, 8, "signature"},
    {11, 11, "voice"},    {12, 12, "dental"},     {18, 18, "dna"},          {7, 7, "image"},
    {20, 22, "context"},  {99, 99, "cbeff"},
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "1.01:" or "1.001:" and two digits at least. */
static size_t tag_len(const uint8_t *head, size_t len)
{
    if (len >= 8 && memcmp(head, "1.001:", 6) == 0)
        return 6;
    return len >= 7 && memcmp(head, "1.01:", 5) == 0 ? 5 : 0;
}

static bool an2k_sniff(const uint8_t *head, size_t len)
{
    size_t at = tag_len(head, len), digits = 0;
    if (!at)
        return false;
    while (at < len && is_digit(head[at]) && digits <= 5) {
        at++;
        digits++;
    }
    return digits >= 2 && digits <= 5 && len - at >= 5 && head[at] == GS && memcmp(head + at + 1, "1.0", 3) == 0;
}

/* The decimal number at `p`, or -1. */
static long number(const uint8_t *p, size_t len)
{
    long value = 0;
    if (len == 0 || len > 9)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(p[i]))
            return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

/* 1.003: "1 US n", then n times "RS type US idc". The n must be the number listed. */
static bool take_contents(struct an2k *a, const uint8_t *p, size_t len)
{
    long declared = -1;
    unsigned listed = 0;
    for (size_t at = 0, item = 0; at <= len; item++) {
        size_t end = at;
        while (end < len && p[end] != RS)
            end++;
        const uint8_t *us = memchr(p + at, US, end - at);
        if (!us)
            return false;
        long first = number(p + at, (size_t)(us - (p + at)));
        long second = number(us + 1, (size_t)(p + end - (us + 1)));
        if (first < 1 || second < 0)
            return false;
        if (item == 0) {
            declared = second;
            if (first != 1)
                return false;
        } else {
            if (first > 99)
                return false;
            if (listed < TYPES_MAX)
                a->types[listed] = (uint8_t)first;
            listed++;
        }
        at = end + 1;
    }
    a->type_count = (uint16_t)(listed < TYPES_MAX ? listed : TYPES_MAX);
    return declared == (long)listed;
}

static bool is_transaction(const uint8_t *p, size_t len)
{
    if (len < 3 || len > 16)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool word = is_digit(p[i]) || (p[i] >= 'A' && p[i] <= 'Z') || p[i] == '_' || p[i] == '-';
        if (!word)
            return false;
    }
    return true;
}

static bool take_field(struct an2k *a, long field, const uint8_t *p, size_t len, unsigned *seen)
{
    switch (field) {
    case 2:
        *seen |= 1;
        if (len != 4 || number(p, 4) < 0 || p[0] != '0')
            return false;
        memcpy(a->version, p, 4);
        return true;
    case 3:
        *seen |= 2;
        return take_contents(a, p, len);
    case 4:
        if (!is_transaction(p, len))
            return false;
        *seen |= 4;
        memcpy(a->transaction, p, len);
        return true;
    default:
        return true;
    }
}

/* The whole Type-1 record: each field "1.0nn:value", GS between, FS at the end; version, contents, transaction. */
static bool take_head(struct an2k *a)
{
    unsigned seen = 0;
    if (a->head[a->head_len - 1] != FS)
        return false;
    for (size_t at = 0; at + 1 < a->head_len;) {
        const uint8_t *p = a->head + at;
        size_t left = a->head_len - 1 - at;
        const uint8_t *gs = memchr(p, GS, left);
        size_t len = gs ? (size_t)(gs - p) : left;
        const uint8_t *colon = memchr(p, ':', len < 10 ? len : 10);
        if (!colon || len < 5 || p[0] != '1' || p[1] != '.')
            return false;
        long field = number(p + 2, (size_t)(colon - p) - 2);
        size_t value = (size_t)(colon - p) + 1;
        if (field < 0 || !take_field(a, field, p + value, len - value, &seen))
            return false;
        at += len + 1;
    }
    return seen == 7;
}

static const char *edition(const char *version)
{
    static const struct {
        const char *version, *standard;
    } editions[] = {
        {"0200", "ANSI/NIST-CSL 1-1993"},   {"0201", "ANSI/NIST-ITL 1a-1997"}, {"0300", "ANSI/NIST-ITL 1-2000"},
        {"0400", "ANSI/NIST-ITL 1-2007"},   {"0401", "ANSI/NIST-ITL 2-2008"},  {"0500", "ANSI/NIST-ITL 1-2011"},
        {"0501", "ANSI/NIST-ITL 1-2013"},   {"0502", "ANSI/NIST-ITL 1-2015"},
    };
    for (size_t i = 0; i < sizeof(editions) / sizeof(editions[0]); i++) {
        if (strcmp(editions[i].version, version) == 0)
            return editions[i].standard;
    }
    return "ANSI/NIST-ITL 1";
}

/* The kinds the transaction holds, weightiest first, and how many records of them. */
static unsigned list_kinds(const struct an2k *a, char *text, size_t size)
{
    unsigned records = 0;
    size_t len = 0;
    text[0] = 0;
    for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++) {
        unsigned found = 0;
        for (unsigned i = 0; i < a->type_count; i++)
            found += a->types[i] >= KINDS[k].first && a->types[i] <= KINDS[k].last;
        records += found;
        size_t n = strlen(KINDS[k].name);
        if (!found || strstr(text, KINDS[k].name) || len + n + 2 > size)
            continue;
        if (len)
            text[len++] = ',';
        memcpy(text + len, KINDS[k].name, n + 1);
        len += n;
    }
    return records;
}

static void publish(struct an2k *a, struct fact_set *facts)
{
    char kinds[160];
    unsigned checks = CHECK_HEADER, records = list_kinds(a, kinds, sizeof(kinds));
    const char *image = NULL;
    if (a->state == AT_END && !a->broken)
        checks |= CHECK_CHAIN | CHECK_LENGTH;
    if (a->image_seen) {
        checks |= CHECK_IMAGE;
        image = a->inner.coding[0] ? a->inner.coding : "raw";
    }
    biometric_publish(facts, &(struct biometric){.kind = kinds[0] ? kinds : "biographic",
                                                 .standard = edition(a->version),
                                                 .version = a->version,
                                                 .image = image,
                                                 .records = records,
                                                 .checks = checks});
    fact_set_text(facts, FACT_biometric_transaction, a->transaction, strlen(a->transaction));
}

static void next_record(struct an2k *a, struct fact_set *facts)
{
    a->state = AT_RECORD;
    a->have = 0;
    if (a->done == a->type_count) {
        a->state = AT_END;
        publish(a, facts);
    }
}

/* The chain broke: what was proved stays, the transaction ends here. */
static void break_chain(struct an2k *a, struct fact_set *facts)
{
    a->broken = true;
    a->state = AT_END;
    publish(a, facts);
}

static bool is_binary(uint8_t type)
{
    return type >= 3 && type <= 8;
}

static void skip_rest(struct an2k *a, struct fact_set *facts)
{
    a->walk.skip = a->record_end > a->walk.at ? a->record_end - a->walk.at : 0;
    a->done++;
    next_record(a, facts);
}

static void begin_image(struct an2k *a, struct fact_set *facts)
{
    if (a->image_seen || a->record_end <= a->walk.at) {
        skip_rest(a, facts); /* the image_* facts are of the first picture */
        return;
    }
    inner_reset(&a->inner);
    a->state = AT_IMAGE_HEAD;
}

/* Clause 10 to 15 of the 2007 edition: length, IDC, impression, positions, resolution, width, height, compression. */
static void take_binary(struct an2k *a, const uint8_t *p, struct fact_set *facts)
{
    uint32_t length = be32(p);
    uint8_t type = a->types[a->done];
    a->record_end = a->walk.at - BINARY_HEAD + length;
    if (length < BINARY_HEAD) {
        break_chain(a, facts);
        return;
    }
    if (type >= 3 && type <= 6) {
        a->width = be16(p + 13);
        a->height = be16(p + 15);
        begin_image(a, facts);
        return;
    }
    skip_rest(a, facts);
}

/* "T.ttt:" or "T.tt:" of the record's own type; false: not such a tag. */
static bool take_tag(struct an2k *a, long *field)
{
    const uint8_t *text = (const uint8_t *)a->text;
    const uint8_t *dot = memchr(text, '.', a->have);
    if (!dot)
        return false;
    *field = number(dot + 1, (size_t)(text + a->have - 1 - (dot + 1)));
    return number(text, (size_t)(dot - text)) == a->types[a->done] && *field >= 0;
}

static void take_tagged_length(struct an2k *a, struct fact_set *facts)
{
    const uint8_t *text = (const uint8_t *)a->text;
    const uint8_t *colon = memchr(text, ':', a->have);
    long length = colon ? number(colon + 1, (size_t)(text + a->have - 1 - (colon + 1))) : -1;
    long type = -1;
    const uint8_t *dot = memchr(text, '.', a->have);
    if (dot)
        type = number(text, (size_t)(dot - text));
    if (length < a->have || type != a->types[a->done]) {
        break_chain(a, facts);
        return;
    }
    a->record_end = a->walk.at - a->have + (uint64_t)length;
    a->have = 0;
    a->width = a->height = 0;
    a->state = text[0] != 0 && type >= 10 && !a->image_seen ? AT_TAG : AT_RECORD;
    if (a->state == AT_RECORD)
        skip_rest(a, facts);
}

static void take_value(struct an2k *a)
{
    long value = number((const uint8_t *)a->text, a->have);
    if (value > 0 && a->field == 6)
        a->width = (uint32_t)value;
    if (value > 0 && a->field == 7)
        a->height = (uint32_t)value;
}

/* One byte of a tagged record before its picture. */
static void take_byte(struct an2k *a, uint8_t c, struct fact_set *facts)
{
    long field;
    if (a->state == AT_VALUE && (c == GS || c == FS)) {
        take_value(a);
        a->have = 0;
        a->state = AT_TAG;
    } else if (a->have < sizeof(a->text)) {
        a->text[a->have++] = (char)c;
        if (a->state == AT_TAG && c == ':') {
            bool good = take_tag(a, &field);
            a->have = 0;
            a->field = good ? (uint16_t)field : 0; /* a field typed wrong is passed over (real files have some) */
            a->state = AT_VALUE;
            if (good && field == 999)
                begin_image(a, facts);
        }
    } else if (a->state == AT_TAG) {
        skip_rest(a, facts); /* no tag is that long */
        return;
    }
    if ((a->state == AT_TAG || a->state == AT_VALUE) && a->walk.at >= a->record_end)
        skip_rest(a, facts);
}

static void feed_tagged(struct an2k *a, struct input *in, struct fact_set *facts)
{
    while (in->len > 0 && (a->state == AT_TAG || a->state == AT_VALUE)) {
        uint8_t c = in->data[0];
        walk_consume(&a->walk, in, 1);
        take_byte(a, c, facts);
    }
}

/* What the picture's bytes are is known now. */
static void judge_image(struct an2k *a, struct fact_set *facts)
{
    a->image_seen = true;
    if (!a->inner.sized && a->width) {
        fact_set_int(facts, FACT_image_width, a->width);
        fact_set_int(facts, FACT_image_height, a->height);
    }
    publish(a, facts);
}

static void take_image(struct an2k *a, const uint8_t *data, size_t n, struct fact_set *facts)
{
    bool known = inner_is_known(&a->inner), last = a->walk.at >= a->record_end;
    inner_feed(&a->inner, facts, data, n);
    if (!known && last && !inner_is_known(&a->inner))
        inner_settle(&a->inner, facts);
    if (!known && inner_is_known(&a->inner))
        judge_image(a, facts);
    if (last)
        skip_rest(a, facts);
}

/* Some files repeat the data field: "10.999:010110 GS 10.999:" and then the picture. */
static void feed_image_head(struct an2k *a, struct input *in, struct fact_set *facts)
{
    uint64_t left = a->record_end - (a->walk.at - a->walk.have);
    size_t n = left < IMAGE_HEAD ? (size_t)left : IMAGE_HEAD;
    const uint8_t *p = walk_take(&a->walk, a->image_head, n, in);
    if (!p)
        return;
    const uint8_t *again = memmem(p, n, ".999:", 5);
    const uint8_t *begin = again ? again + 5 : p;
    a->state = AT_IMAGE;
    take_image(a, begin, n - (size_t)(begin - p), facts);
}

static void feed_image(struct an2k *a, struct input *in, struct fact_set *facts)
{
    uint64_t left = a->record_end - a->walk.at;
    size_t n = left < in->len ? (size_t)left : in->len;
    const uint8_t *data = in->data;
    walk_consume(&a->walk, in, n);
    take_image(a, data, n, facts);
}

/* Bytes up to and including GS, into text. False: too long for what it should be. */
static bool gather_to_separator(struct an2k *a, struct input *in, bool *complete)
{
    *complete = false;
    while (in->len > 0 && !*complete) {
        if (a->have == sizeof(a->text))
            return false;
        uint8_t c = in->data[0];
        a->text[a->have++] = (char)c;
        walk_consume(&a->walk, in, 1);
        *complete = c == GS || c == FS;
    }
    return true;
}

/* Type-1, up to its last byte. False: no transaction. */
static bool feed_head(struct an2k *a, struct input *in, struct fact_set *facts)
{
    while (in->len > 0 && a->state == AT_LENGTH) {
        uint8_t c = in->data[0];
        if (a->head_have == 16)
            return false;
        a->head[a->head_have++] = c;
        walk_consume(&a->walk, in, 1);
        if (c != GS)
            continue;
        size_t tag = tag_len(a->head, a->head_have);
        long length = tag ? number(a->head + tag, a->head_have - 1 - tag) : -1;
        if (length < HEAD_MIN || length > HEAD_MAX)
            return false;
        a->head_len = (uint16_t)length;
        a->state = AT_HEAD;
    }
    if (a->state == AT_HEAD) {
        size_t n = (size_t)(a->head_len - a->head_have) < in->len ? (size_t)(a->head_len - a->head_have) : in->len;
        memcpy(a->head + a->head_have, in->data, n);
        a->head_have = (uint16_t)(a->head_have + n);
        walk_consume(&a->walk, in, n);
        if (a->head_have == a->head_len) {
            if (!take_head(a))
                return false;
            a->proved = true;
            publish(a, facts);
            next_record(a, facts);
        }
    }
    return true;
}

static void feed_record(struct an2k *a, struct input *in, struct fact_set *facts)
{
    bool complete;
    switch (a->state) {
    case AT_RECORD:
        if (walk_pass(&a->walk, in))
            a->state = is_binary(a->types[a->done]) ? AT_BINARY : AT_TAGGED_LENGTH;
        break;
    case AT_BINARY: {
        const uint8_t *p = walk_take(&a->walk, (uint8_t *)a->text, BINARY_HEAD, in);
        if (p)
            take_binary(a, p, facts);
        break;
    }
    case AT_TAGGED_LENGTH:
        if (!gather_to_separator(a, in, &complete))
            break_chain(a, facts);
        else if (complete)
            take_tagged_length(a, facts);
        break;
    case AT_IMAGE_HEAD:
        feed_image_head(a, in, facts);
        break;
    case AT_IMAGE:
        feed_image(a, in, facts);
        break;
    default:
        feed_tagged(a, in, facts);
        break;
    }
}

static enum recogniser_state answer(const struct an2k *a)
{
    if (a->state == AT_END && (a->walk.skip == 0 || a->broken))
        return RECOGNISE_END;
    return a->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state an2k_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    struct an2k *a = state;
    struct input in = {data, len};
    (void)at;
    if (!a->proved && !feed_head(a, &in, facts))
        return RECOGNISE_NO;
    while (a->proved && in.len > 0 && a->state != AT_END)
        feed_record(a, &in, facts);
    if (a->state == AT_END && !a->broken)
        walk_pass(&a->walk, &in);
    return answer(a);
}

static enum recogniser_state an2k_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct an2k *a = state;
    (void)at;
    if (!a->proved)
        return RECOGNISE_NO;
    if (a->state == AT_IMAGE && a->record_end > a->walk.at + len) {
        a->inner.recogniser = NULL;
        a->walk.at += len;
    } else if (!walk_gap(&a->walk, len)) {
        a->walk.at += len;
        break_chain(a, facts);
    }
    return answer(a);
}

static uint64_t an2k_end_at(const void *state)
{
    return ((const struct an2k *)state)->walk.at;
}

static const struct recogniser_literal LITERALS[] = {{"1.01:", 5, 0, false}, {"1.001:", 6, 0, false}};

const struct recogniser recogniser_an2k = {
    .name = "an2k",
    .type = "an2k",
    .state_size = sizeof(struct an2k),
    .literals = LITERALS,
    .literal_count = 2,
    .sniff = an2k_sniff,
    .feed = an2k_feed,
    .gap = an2k_gap,
    .end_at = an2k_end_at,
};
