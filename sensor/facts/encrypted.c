/* Archives and documents that are encrypted: ZIP (member flags), 7z (the AES coder's id in the plain end header), RAR 4
 * and 5 (header flags), PDF (/Encrypt), OLE2 (the streams of an encrypted Office document), and formats that are
 * nothing but encryption. */
#include <string.h>

#include "facts.h"
#include "walk.h"

enum format { FORMAT_UNKNOWN, FORMAT_ALWAYS, FORMAT_ZIP, FORMAT_7Z, FORMAT_RAR4, FORMAT_RAR5, FORMAT_WORDS };

#define RAR_HEAD 64
#define TAIL_MAX 65536  /* of a 7z end header is searched */
#define WORD_MAX 32

struct encrypted {
    struct walk walk;
    uint8_t buffer[96];
    uint8_t format;
    bool found, settled; /* settled: nothing more to learn */
    const char *const *words; /* what is searched for, ends with NULL */
    const uint8_t *lens;
    bool in_tail;        /* 7z: the end header */
    uint32_t searched;
    uint8_t kept_len;
    uint8_t kept[WORD_MAX];
};

struct kind {
    const char *type;
    enum format format;
};
static const struct kind KINDS[] = {
    {"zip", FORMAT_ZIP},     {"7z", FORMAT_7Z},        {"rar", FORMAT_RAR4},       {"pdf", FORMAT_WORDS},
    {"ole", FORMAT_WORDS},   {"luks", FORMAT_ALWAYS},  {"openssl", FORMAT_ALWAYS}, {"age", FORMAT_ALWAYS},
    {"pgp", FORMAT_ALWAYS},  {"cms-encrypted", FORMAT_ALWAYS},
};

static const char *const PDF_WORDS[] = {"/Encrypt", NULL};
static const uint8_t PDF_LENS[] = {8};
static const char *const OLE_WORDS[] = {"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0",
                                        "E\0n\0c\0r\0y\0p\0t\0i\0o\0n\0I\0n\0f\0o\0", NULL};
static const uint8_t OLE_LENS[] = {28, 28};
static const char *const AES_WORDS[] = {"\x06\xf1\x07\x01", NULL};
static const uint8_t AES_LENS[] = {4};

static enum format format_of(const uint8_t *head, size_t len)
{
    const char *type = facts_sniff_type(head, len);
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (strcmp(KINDS[i].type, type) == 0)
            return KINDS[i].format;
    }
    return FORMAT_UNKNOWN;
}

static bool encrypted_sniff(const uint8_t *head, size_t len)
{
    return len >= 8 && format_of(head, len) != FORMAT_UNKNOWN;
}

static void found(struct encrypted *e, struct fact_set *facts)
{
    e->found = e->settled = true;
    fact_set_int(facts, FACT_encrypted_container, 1);
}

/* APPNOTE 4.3.7: a member's head. Bit 0 encrypted, 3 sizes stand behind the data, 6 strong; method 99 is AES. */
static void take_zip(struct encrypted *e, const uint8_t *p, struct fact_set *facts)
{
    uint16_t flags = le16(p + 6), method = le16(p + 8);
    if (memcmp(p, "PK\3\4", 4) != 0) {
        e->settled = true;
        return;
    }
    if (flags & 0x41 || method == 99) {
        found(e, facts);
        return;
    }
    if (flags & 8 && le32(p + 18) == 0) {
        e->settled = true; /* where the next member begins only inflating would tell */
        return;
    }
    e->walk.skip = (uint64_t)le32(p + 18) + le16(p + 26) + le16(p + 28);
}

/* 7zFormat.txt: the signature header says where the end header is. */
static void take_7z(struct encrypted *e, const uint8_t *p)
{
    uint64_t offset = (uint64_t)le32(p + 16) << 32 | le32(p + 12);
    if (offset > UINT64_C(1) << 48) {
        e->settled = true;
        return;
    }
    e->walk.skip = offset;
    e->words = AES_WORDS;
    e->lens = AES_LENS;
    e->in_tail = true;
}

/* Archive flags 0x0080 (headers encrypted), or file flag 0x04. */
static void take_rar4(struct encrypted *e, const uint8_t *p, struct fact_set *facts)
{
    bool archive = p[9] == 0x73;
    size_t file = 7u + le16(p + 12);
    e->settled = true;
    if (archive && le16(p + 10) & 0x0080)
        found(e, facts);
    else if (archive && file + 5 <= RAR_HEAD && p[file + 2] == 0x74 && le16(p + file + 3) & 0x04)
        found(e, facts);
}

/* A variable-length integer; 0 and bad at the end. */
static uint64_t take_vint(const uint8_t *p, size_t len, size_t *at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < len && shift < 56; shift += 7) {
        uint8_t b = p[(*at)++];
        value |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return value;
    }
    *at = len;
    return 0;
}

/* RAR 5: header type 4 first means encrypted headers; a file's extra record of type 1 its data. */
static void take_rar5(struct encrypted *e, const uint8_t *p, struct fact_set *facts)
{
    size_t at = 8;
    e->settled = true;
    for (unsigned header = 0; header < 2 && at + 8 < RAR_HEAD; header++) {
        at += 4; /* CRC-32 */
        uint64_t size = take_vint(p, RAR_HEAD, &at);
        size_t begin = at;
        uint64_t type = take_vint(p, RAR_HEAD, &at), flags = take_vint(p, RAR_HEAD, &at);
        uint64_t extra = flags & 1 ? take_vint(p, RAR_HEAD, &at) : 0;
        if (type == 4) {
            found(e, facts);
            return;
        }
        if (size > RAR_HEAD || begin + size > RAR_HEAD)
            return;
        if (type == 2 && extra >= 2 && extra <= size) {
            size_t record = begin + (size_t)(size - extra);
            take_vint(p, RAR_HEAD, &record);
            if (take_vint(p, RAR_HEAD, &record) == 1)
                found(e, facts);
            return;
        }
        at = begin + (size_t)size;
    }
}

/* The first bytes; what is still needed of them comes with the next take. */
static void begin(struct encrypted *e, const uint8_t *p, size_t len, struct fact_set *facts)
{
    e->format = (uint8_t)format_of(p, len);
    if (e->format == FORMAT_RAR4 && len >= 8 && p[6] == 1)
        e->format = FORMAT_RAR5;
    if (e->format == FORMAT_ALWAYS)
        found(e, facts);
    if (e->format == FORMAT_WORDS) {
        bool pdf = p[0] == '%';
        e->words = pdf ? PDF_WORDS : OLE_WORDS;
        e->lens = pdf ? PDF_LENS : OLE_LENS;
    }
}

/* Searches for the words, over the border of two chunks too. */
static void search(struct encrypted *e, const uint8_t *data, size_t len, struct fact_set *facts)
{
    uint8_t joint[2 * WORD_MAX];
    size_t part = len < WORD_MAX ? len : WORD_MAX;
    memcpy(joint, e->kept, e->kept_len);
    memcpy(joint + e->kept_len, data, part);
    for (unsigned i = 0; e->words[i]; i++) {
        if (memmem(joint, e->kept_len + part, e->words[i], e->lens[i]) || memmem(data, len, e->words[i], e->lens[i])) {
            found(e, facts);
            return;
        }
    }
    size_t total = e->kept_len + part;
    const uint8_t *tail = len >= WORD_MAX ? data + len - WORD_MAX : joint + (total > WORD_MAX ? total - WORD_MAX : 0);
    e->kept_len = (uint8_t)(len >= WORD_MAX || total > WORD_MAX ? WORD_MAX : total);
    memmove(e->kept, tail, e->kept_len);
}

static size_t wanted(const struct encrypted *e)
{
    switch (e->format) {
    case FORMAT_UNKNOWN:
        return RAR_HEAD;
    case FORMAT_ZIP:
        return 30;
    case FORMAT_7Z:
        return 32;
    default:
        return RAR_HEAD;
    }
}

static void take_header(struct encrypted *e, const uint8_t *p, struct fact_set *facts)
{
    switch (e->format) {
    case FORMAT_ZIP:
        take_zip(e, p, facts);
        break;
    case FORMAT_7Z:
        take_7z(e, p);
        break;
    case FORMAT_RAR4:
        take_rar4(e, p, facts);
        break;
    default:
        take_rar5(e, p, facts);
        break;
    }
}

static void run(struct encrypted *e, struct fact_set *facts, const uint8_t *data, size_t len)
{
    struct input in = {data, len};
    while (!e->settled && in.len > 0) {
        if (e->words) {
            if (!walk_pass(&e->walk, &in))
                return;
            size_t n = in.len;
            if (e->in_tail && n > TAIL_MAX - e->searched)
                n = TAIL_MAX - e->searched;
            search(e, in.data, n, facts);
            e->searched += (uint32_t)n;
            e->settled |= e->in_tail && e->searched == TAIL_MAX;
            walk_consume(&e->walk, &in, n);
            continue;
        }
        const uint8_t *p = walk_take(&e->walk, e->buffer, wanted(e), &in);
        if (!p)
            return;
        take_header(e, p, facts);
    }
}

static enum recogniser_state answer(const struct encrypted *e)
{
    if (e->found)
        return RECOGNISE_PROVED;
    return e->settled ? RECOGNISE_NO : RECOGNISE_MORE;
}

/* The head is read once to see what it is, and again by that format's reader. */
static enum recogniser_state encrypted_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                            uint64_t at)
{
    struct encrypted *e = state;
    struct input in = {data, len};
    (void)at;
    if (e->format == FORMAT_UNKNOWN) {
        uint8_t head[RAR_HEAD];
        const uint8_t *p = walk_take(&e->walk, e->buffer, RAR_HEAD, &in);
        if (!p)
            return RECOGNISE_MORE;
        memcpy(head, p, sizeof(head));
        begin(e, head, sizeof(head), facts);
        if (e->format == FORMAT_UNKNOWN)
            return RECOGNISE_NO;
        e->walk.at = 0;
        run(e, facts, head, sizeof(head));
    }
    run(e, facts, in.data, in.len);
    return answer(e);
}

/* Fewer bytes than a head: what they show all the same. */
static enum recogniser_state encrypted_finish(void *state, struct fact_set *facts)
{
    struct encrypted *e = state;
    if (e->format == FORMAT_UNKNOWN) {
        uint8_t head[RAR_HEAD] = {0};
        size_t len = e->walk.have;
        memcpy(head, e->buffer, len);
        e->walk = (struct walk){0};
        begin(e, head, len, facts);
        if (e->format == FORMAT_RAR4 || e->format == FORMAT_RAR5)
            take_header(e, head, facts);
        else if (e->format != FORMAT_UNKNOWN)
            run(e, facts, head, len);
    }
    return e->found ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state encrypted_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct encrypted *e = state;
    (void)facts;
    (void)at;
    if (e->format == FORMAT_UNKNOWN || (!e->words && !walk_gap(&e->walk, len)))
        return e->found ? RECOGNISE_PROVED : RECOGNISE_NO;
    e->kept_len = 0;
    return answer(e);
}

/* A mail's text may hold an encrypted message. */
static const struct recogniser_literal LITERALS[] = {{"-----BEGIN PGP MESSAGE-----", 27, 0, false}};

const struct recogniser recogniser_encrypted = {
    .name = "encrypted",
    .type = "",
    .state_size = sizeof(struct encrypted),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = encrypted_sniff,
    .feed = encrypted_feed,
    .gap = encrypted_gap,
    .finish = encrypted_finish,
};
