/* CMS signed data (RFC 5652 5), the "smime.p7m" and ".p7m" files: what was signed stands verbatim in an octet
 * string, or in a row of them as programs write it that sign while they read. Behind it come certificates and
 * signatures.
 *
 *      SEQUENCE { id-signedData, [0] { SEQUENCE { version, SET digests, SEQUENCE { type, [0] { OCTET STRING
 *
 * A signature without content ("smime.p7s") is left alone. S/MIME content is a MIME entity (RFC 8551 3.5). */
#include <string.h>

#include "archive.h"
#include "cursor.h"
#include "env.h"

#define HEAD_LEN 128 /* that reach the content: digest algorithms take a few bytes each */
#define OCTETS 0x04
#define CONSTRUCTED 0x20
#define UNKNOWN UINT64_MAX /* an indefinite length: a pair of zeros ends it */

struct head {
    size_t at;       /* where the content's own bytes begin, or its first octet string */
    bool constructed;
    uint64_t len;
};

struct cms {
    struct container container;
    bool begun;
    bool constructed;
    bool ended;      /* all of the content came */
    uint64_t left;   /* of the content, or of all of its octet strings */
    uint64_t string; /* bytes of the present octet string that follow */
    uint8_t have;
    uint8_t tag[16]; /* and length of the next */
    struct object *content;
    struct stray stray;
};

/* X.690 8.1: tag and length. */
static uint8_t take_tag(struct cursor *c, uint64_t *len)
{
    uint8_t tag = cursor_u8(c), first = cursor_u8(c);
    *len = first;
    if (first == 0x80)
        *len = UNKNOWN;
    if (first <= 0x80)
        return tag;
    *len = 0;
    for (unsigned n = first & 0x7f; n; n--) {
        if (*len >> 48)
            c->bad = true;
        *len = *len << 8 | cursor_u8(c);
    }
    return tag;
}

static bool enter(struct cursor *c, uint8_t wanted, uint64_t *len)
{
    return take_tag(c, len) == wanted && !c->bad;
}

static bool pass(struct cursor *c, uint8_t wanted)
{
    uint64_t len;
    return enter(c, wanted, &len) && len <= HEAD_LEN && cursor_skip(c, (size_t)len);
}

static bool read_head(const uint8_t *data, size_t len, struct head *head)
{
    static const uint8_t signed_data[] = {0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2};
    struct cursor c = cursor_over(data, len < HEAD_LEN ? len : HEAD_LEN);
    uint64_t size;
    const uint8_t *oid = enter(&c, 0x30, &size) ? cursor_take(&c, sizeof(signed_data)) : NULL;
    if (!oid || memcmp(oid, signed_data, sizeof(signed_data)) != 0)
        return false;
    if (!enter(&c, 0xa0, &size) || !enter(&c, 0x30, &size) || !pass(&c, 0x02) || !pass(&c, 0x31))
        return false;
    if (!enter(&c, 0x30, &size))
        return false;
    const uint8_t *info = c.at;
    if (!pass(&c, 0x06) || (size != UNKNOWN && (uint64_t)(c.at - info) >= size)) /* no content */
        return false;
    if (!enter(&c, 0xa0, &size))
        return false;
    uint8_t tag = take_tag(&c, &head->len);
    head->constructed = tag & CONSTRUCTED;
    head->at = (size_t)(c.at - data);
    return !c.bad && (tag & ~CONSTRUCTED) == OCTETS && (head->constructed || head->len != UNKNOWN);
}

static bool cms_sniff(const uint8_t *data, size_t len)
{
    struct head head;
    return data[0] == 0x30 && read_head(data, len, &head);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

static void begin_content(struct cms *m)
{
    const struct object *file = m->container.router;
    struct object_info info = m->container.base;
    bool mail = strstr(file->declared_type, "pkcs7-mime") || strcasecmp(file->name, "smime.p7m") == 0;
    info.path = "cms:content";
    info.time_ns = m->container.env->now_ns;
    info.expected_size = m->constructed ? OBJECT_SIZE_UNKNOWN : m->left;
    if (mail)
        info.declared_type = (struct text){"message/rfc822", 14};
    if (ends_with(file->name, ".p7m") && strcasecmp(file->name, "smime.p7m") != 0) /* "report.pdf.p7m" */
        info.name = (struct text){file->name, file->name_len - 4u};
    m->content = object_begin(m->container.env, &info);
}

static void end_content(struct cms *m)
{
    m->ended = true;
    object_end(m->container.env, m->content, OBJECT_CLOSED);
    m->content = NULL;
}

/* The tag and length of the next octet string, byte by byte; returns the bytes taken. */
static size_t next_string(struct cms *m, const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && m->have < sizeof(m->tag)) {
        m->tag[m->have++] = data[n++];
        size_t need = m->have < 2 || m->tag[1] <= 0x80 ? 2 : 2u + (m->tag[1] & 0x7f);
        if (m->have < need)
            continue;
        struct cursor c = cursor_over(m->tag, m->have);
        uint8_t tag = take_tag(&c, &m->string);
        m->have = 0;
        if (m->left != UNKNOWN)
            m->left -= m->left < need ? m->left : need;
        if (m->content && (tag || m->string) && tag != OCTETS)
            m->content->damaged = true; /* neither an octet string nor the pair of zeros */
        if (tag != OCTETS || m->string == UNKNOWN || c.bad)
            end_content(m);
        else if (m->left != UNKNOWN && m->string > m->left)
            m->string = m->left;
        return n;
    }
    if (m->have == sizeof(m->tag))
        end_content(m);
    return n;
}

static size_t content_bytes(struct cms *m, const uint8_t *data, size_t len)
{
    uint64_t left = m->constructed ? m->string : m->left;
    if (m->constructed && !left)
        return next_string(m, data, len);
    size_t n = len < left ? len : (size_t)left;
    object_data(m->container.env, m->content, data, n);
    m->string -= m->constructed ? n : 0;
    m->left -= m->left != UNKNOWN ? n : 0;
    if (!m->left)
        end_content(m);
    return n;
}

static void cms_data(struct container *container, const uint8_t *data, size_t len)
{
    struct cms *m = (struct cms *)container;
    if (!m->begun) { /* the first call has at least what sniffing took */
        struct head head = {0};
        read_head(data, len, &head);
        m->begun = true;
        m->constructed = head.constructed;
        m->left = head.len;
        begin_content(m);
        data += head.at;
        len -= head.at;
        if (!m->left)
            end_content(m);
    }
    while (len && !m->ended) {
        size_t n = content_bytes(m, data, len);
        data += n;
        len -= n;
    }
    if (len)
        stray_data(&m->stray, container, "cms", data, len);
}

/* Inside a string the offsets stay; a gap over the beginning of the next loses the framing. */
static void cms_gap(struct container *container, uint64_t len)
{
    struct cms *m = (struct cms *)container;
    uint64_t *left = m->constructed ? &m->string : &m->left;
    if (m->ended) {
        stray_gap(&m->stray, len);
    } else if (len && len < *left) {
        object_gap(container->env, m->content, len);
        *left -= len;
        if (m->constructed && m->left != UNKNOWN)
            m->left -= len;
    } else {
        object_end(container->env, m->content, OBJECT_TRUNCATED);
        m->content = NULL;
        m->ended = true;
        m->stray.lost = true;
    }
}

static void cms_end(struct container *container, enum object_state state)
{
    struct cms *m = (struct cms *)container;
    object_end(container->env, m->content, OBJECT_TRUNCATED);
    stray_end(&m->stray, state);
}

const struct container_ops container_cms = {
    .sniff = cms_sniff,
    .head_len = HEAD_LEN,
    .state_size = sizeof(struct cms),
    .data = cms_data,
    .gap = cms_gap,
    .end = cms_end,
};
