/* What a server's certificate says (RFC 5280), as TLS 1.2 and before show it in clear, in the forms EVE gives it:
 * subject and issuer, serial number, validity, other names, fingerprint. A walk over DER that never leaves the bytes it
 * was given. */
#include <stdio.h>
#include <string.h>

#include "ip.h"
#include "tls.h"

enum {
    DER_INTEGER = 0x02,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_VERSION = 0xa0,
    DER_EXTENSIONS = 0xa3
};

enum { NAME_EMAIL = 0x81, NAME_DNS = 0x82, NAME_URI = 0x86, NAME_ADDRESS = 0x87 }; /* RFC 5280 4.2.1.6 */

struct line { /* text under construction; what does not fit is left out */
    char text[META_FIELD_MAX];
    size_t len;
};

static void put(struct line *line, const void *data, size_t len)
{
    size_t room = sizeof(line->text) - line->len;
    size_t n = len < room ? len : room;
    if (n)
        memcpy(line->text + line->len, data, n);
    line->len += n;
}

static void put_string(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* The next element: its tag, and a cursor over its contents. */
static bool element(struct cursor *c, uint8_t *tag, struct cursor *inner)
{
    *tag = cursor_u8(c);
    size_t len = cursor_u8(c);
    if (len & 0x80) {
        unsigned bytes = len & 0x7f;
        if (bytes == 0 || bytes > 3)
            return false;
        for (len = 0; bytes; bytes--)
            len = len << 8 | cursor_u8(c);
    }
    const uint8_t *p = cursor_take(c, len);
    if (!p)
        return false;
    *inner = cursor_over(p, len);
    return true;
}

static bool element_of(struct cursor *c, uint8_t wanted, struct cursor *inner)
{
    uint8_t tag;
    return element(c, &tag, inner) && tag == wanted;
}

/* ---- names ---- */

/* X.690 8.19: the first number holds two arcs. */
static void put_dotted(struct line *line, struct cursor oid)
{
    char digits[32];
    uint64_t arc = 0;
    bool first = true;
    while (cursor_left(&oid)) {
        uint8_t byte = cursor_u8(&oid);
        arc = arc << 7 | (byte & 0x7f);
        if (byte & 0x80)
            continue;
        uint64_t top = arc < 80 ? arc / 40 : 2;
        int n = first ? snprintf(digits, sizeof(digits), "%u.%llu", (unsigned)top, (unsigned long long)(arc - top * 40))
                      : snprintf(digits, sizeof(digits), ".%llu", (unsigned long long)arc);
        put(line, digits, (size_t)n);
        first = false;
        arc = 0;
    }
}

static void put_attribute_type(struct line *line, struct cursor oid)
{
    static const struct {
        const char *oid; /* its DER contents */
        const char *name;
    } types[] = {
        {"\x55\x04\x03", "CN"},
        {"\x55\x04\x04", "SN"},
        {"\x55\x04\x05", "serialNumber"},
        {"\x55\x04\x06", "C"},
        {"\x55\x04\x07", "L"},
        {"\x55\x04\x08", "ST"},
        {"\x55\x04\x09", "street"},
        {"\x55\x04\x0a", "O"},
        {"\x55\x04\x0b", "OU"},
        {"\x55\x04\x0c", "title"},
        {"\x55\x04\x11", "postalCode"},
        {"\x55\x04\x2a", "GN"},
        {"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"},
        {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"},
    };
    size_t len = cursor_left(&oid);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i].oid) == len && memcmp(types[i].oid, oid.at, len) == 0) {
            put_string(line, types[i].name);
            return;
        }
    }
    put_dotted(line, oid);
}

static void put_value(struct line *line, uint8_t tag, struct cursor value)
{
    if (tag != DER_BMP_STRING) {
        put(line, value.at, cursor_left(&value));
        return;
    }
    while (cursor_left(&value) >= 2) { /* two bytes a character: its ASCII, where it has one */
        uint16_t unit = cursor_be16(&value);
        char c = unit < 0x80 ? (char)unit : '?';
        put(line, &c, 1);
    }
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }, written "C=DE, O=Example, CN=www.example.org". */
static void set_name(struct meta *meta, enum meta_id id, struct cursor name)
{
    struct cursor set, attribute, type, value;
    struct line line = {.len = 0};
    uint8_t tag;
    while (cursor_left(&name) && element_of(&name, DER_SET, &set)) {
        for (const char *separator = ", "; cursor_left(&set); separator = " + ") {
            if (!element_of(&set, DER_SEQUENCE, &attribute) || !element_of(&attribute, DER_OID, &type) ||
                !element(&attribute, &tag, &value))
                break;
            if (line.len)
                put_string(&line, separator);
            put_attribute_type(&line, type);
            put_string(&line, "=");
            put_value(&line, tag, value);
        }
    }
    if (line.len)
        meta_set(meta, id, line.text, line.len);
}

/* ---- numbers and times ---- */

static void put_hex(struct line *line, const uint8_t *p, size_t len, const char *format)
{
    char digits[4];
    for (size_t i = 0; i < len && i < 64; i++) {
        if (i)
            put_string(line, ":");
        snprintf(digits, sizeof(digits), format, p[i]);
        put_string(line, digits);
    }
}

static void set_serial(struct meta *meta, struct cursor serial)
{
    struct line line = {.len = 0};
    put_hex(&line, serial.at, cursor_left(&serial), "%02X");
    meta_set(meta, META_TLS_SERIAL, line.text, line.len);
}

static void set_fingerprint(const struct tls_shared *shared, struct meta *meta, const uint8_t *der, size_t len)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    struct line line = {.len = 0};
    if (!tls_digest_hex(shared, shared->sha1, der, len, hex))
        return;
    for (const char *p = hex; *p; p += 2) {
        if (line.len)
            put_string(&line, ":");
        put(&line, p, 2);
    }
    meta_set(meta, META_TLS_FINGERPRINT, line.text, line.len);
}

/* "261123234833Z" (the century turns at 50) or "20261123234833Z", as "2026-11-23T23:48:33". */
static void set_time(struct meta *meta, enum meta_id id, struct cursor *validity)
{
    struct cursor time;
    uint8_t tag;
    char text[sizeof("YYYY-MM-DDThh:mm:ss")];
    if (!element(validity, &tag, &time) || (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME))
        return;
    size_t digits = tag == DER_UTC_TIME ? 12 : 14;
    const char *p = (const char *)cursor_peek(&time, digits);
    for (size_t i = 0; p && i < digits; i++) {
        if (p[i] < '0' || p[i] > '9')
            return;
    }
    if (!p)
        return;
    const char *year = p;
    const char *century = tag == DER_GENERALIZED_TIME ? "" : p[0] >= '5' ? "19" : "20";
    p += digits - 12; /* both end alike */
    snprintf(text, sizeof(text), "%s%.*s-%.2s-%.2sT%.2s:%.2s:%.2s", century, *century ? 2 : 4, year,
             p + 2, p + 4, p + 6, p + 8, p + 10);
    meta_set(meta, id, text, sizeof(text) - 1);
}

/* ---- other names ---- */

static void put_other_name(struct line *line, uint8_t tag, struct cursor name)
{
    char address[IP_TEXT_MAX];
    struct ip_addr ip;
    size_t len = cursor_left(&name);
    if (tag == NAME_ADDRESS && (len == 4 || len == 16)) {
        ip = len == 4 ? ip_from_v4(name.at) : ip_from_v6(name.at);
        put_string(line, line->len ? "\n" : "");
        put_string(line, ip_format(&ip, address));
    } else if (tag == NAME_DNS || tag == NAME_EMAIL || tag == NAME_URI) {
        put_string(line, line->len ? "\n" : "");
        for (; cursor_left(&name); cursor_skip(&name, 1))
            put(line, *name.at == '\n' ? (const uint8_t *)"?" : name.at, 1); /* a line end would make two of one */
    }
}

static void set_other_names(struct meta *meta, struct cursor names)
{
    struct cursor list, name;
    struct line line = {.len = 0};
    uint8_t tag;
    if (!element_of(&names, DER_SEQUENCE, &list))
        return;
    while (cursor_left(&list) && line.len < sizeof(line.text) && element(&list, &tag, &name))
        put_other_name(&line, tag, name);
    if (line.len)
        meta_set(meta, META_TLS_OTHER_NAMES, line.text, line.len);
}

/* [3] { SEQUENCE OF SEQUENCE { OID, critical?, OCTET STRING } } */
static void read_extensions(struct meta *meta, struct cursor c)
{
    static const uint8_t subject_alt_name[3] = {0x55, 0x1d, 0x11}; /* 2.5.29.17 */
    struct cursor all, extension, oid, value;
    uint8_t tag = 0;
    if (!element_of(&c, DER_SEQUENCE, &all))
        return;
    while (cursor_left(&all) && element_of(&all, DER_SEQUENCE, &extension)) {
        if (!element_of(&extension, DER_OID, &oid) || cursor_left(&oid) != sizeof(subject_alt_name) ||
            memcmp(oid.at, subject_alt_name, sizeof(subject_alt_name)) != 0)
            continue;
        while (cursor_left(&extension) && element(&extension, &tag, &value)) {
            if (tag == DER_OCTETS)
                set_other_names(meta, value);
        }
    }
}

void tls_read_certificate(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_over(body, len), certificate, fields, inner, serial, issuer, validity, subject;
    uint8_t tag;
    cursor_skip(&c, 3); /* of the list; the first is the server's own */
    uint32_t first = cursor_be24(&c);
    const uint8_t *der = cursor_take(&c, first);
    if (!der)
        return;
    c = cursor_over(der, first);
    if (!element_of(&c, DER_SEQUENCE, &certificate) || !element_of(&certificate, DER_SEQUENCE, &fields) ||
        !element(&fields, &tag, &serial))
        return;
    if (tag == DER_VERSION && !element(&fields, &tag, &serial))
        return;
    if (tag != DER_INTEGER || !element(&fields, &tag, &inner) || /* the signature's algorithm */
        !element(&fields, &tag, &issuer) || !element(&fields, &tag, &validity) || !element(&fields, &tag, &subject))
        return;
    set_name(meta, META_TLS_SUBJECT, subject);
    set_name(meta, META_TLS_ISSUER, issuer);
    set_serial(meta, serial);
    set_fingerprint(shared, meta, der, first);
    set_time(meta, META_TLS_NOT_BEFORE, &validity);
    set_time(meta, META_TLS_NOT_AFTER, &validity);
    while (cursor_left(&fields) && element(&fields, &tag, &inner)) { /* the key, identifiers */
        if (tag == DER_EXTENSIONS)
            read_extensions(meta, inner);
    }
}
