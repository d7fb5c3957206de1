/* Archives and documents that are encrypted: ZIP (member flags), PDF (/Encrypt), OLE2 (the streams of an encrypted
 * Office document), and formats that are nothing but encryption. 7z and RAR have files of their own. */
#include <string.h>

#include "facts.h"
#include "sealed.h"
#include "walk.h"

enum format { FORMAT_UNKNOWN, FORMAT_ALWAYS, FORMAT_PGP, FORMAT_CMS, FORMAT_ZIP, FORMAT_WORDS };

#define HEAD RECOGNISER_HEAD
#define ZIP_HEAD 30
#define WORD_MAX 32

struct encrypted {
    struct walk walk;
    uint8_t buffer[HEAD];
    uint8_t format;
    bool found, settled; /* settled: nothing more to learn */
    const char *const *words; /* what is searched for, ends with NULL */
    const uint8_t *lens;
    uint8_t kept_len;
    uint8_t kept[WORD_MAX];
};

struct kind {
    const char *type;
    enum format format;
};
static const struct kind KINDS[] = {
    {"zip", FORMAT_ZIP},        {"pdf", FORMAT_WORDS},      {"ole", FORMAT_WORDS}, {"luks", FORMAT_ALWAYS},
    {"openssl", FORMAT_ALWAYS}, {"age", FORMAT_ALWAYS},     {"pgp", FORMAT_PGP},   {"cms", FORMAT_CMS},
};

static const char *const PDF_WORDS[] = {"/Encrypt", NULL};
static const uint8_t PDF_LENS[] = {8};
static const char *const OLE_WORDS[] = {"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0",
                                        "E\0n\0c\0r\0y\0p\0t\0i\0o\0n\0I\0n\0f\0o\0", NULL};
static const uint8_t OLE_LENS[] = {28, 28};

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

/* The first bytes; what is still needed of them comes with the next take. */
static void begin(struct encrypted *e, const uint8_t *p, size_t len, struct fact_set *facts)
{
    e->format = (uint8_t)format_of(p, len);
    bool encrypted = e->format == FORMAT_ALWAYS;
    if (e->format == FORMAT_PGP)
        encrypted = sealed_is_pgp(p, len) || sealed_is_pgp_armor(p, len);
    if (e->format == FORMAT_CMS)
        sealed_is_cms(p, len, &encrypted);
    if (encrypted)
        found(e, facts);
    e->settled |= e->format == FORMAT_PGP || e->format == FORMAT_CMS;
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

static void run(struct encrypted *e, struct fact_set *facts, const uint8_t *data, size_t len)
{
    struct input in = {data, len};
    while (!e->settled && in.len > 0) {
        if (e->words) {
            if (!walk_pass(&e->walk, &in))
                return;
            search(e, in.data, in.len, facts);
            walk_consume(&e->walk, &in, in.len);
            continue;
        }
        const uint8_t *p = walk_take(&e->walk, e->buffer, ZIP_HEAD, &in);
        if (!p)
            return;
        take_zip(e, p, facts);
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
        uint8_t head[HEAD];
        const uint8_t *p = walk_take(&e->walk, e->buffer, HEAD, &in);
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
        uint8_t head[HEAD] = {0};
        size_t len = e->walk.have;
        memcpy(head, e->buffer, len);
        e->walk = (struct walk){0};
        begin(e, head, len, facts);
        if (e->format != FORMAT_UNKNOWN)
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
