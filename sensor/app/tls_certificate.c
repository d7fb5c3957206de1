/* The names in a server's certificate (RFC 5280), as TLS 1.2 and before show it: the common names of subject and
 * issuer. A walk over DER that never leaves the bytes it was given. */
#include <string.h>

#include "tls.h"

enum { DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_OID = 0x06, DER_VERSION = 0xa0, DER_INTEGER = 0x02 };

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

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value } */
static struct text common_name(struct cursor name)
{
    static const uint8_t oid[3] = {0x55, 0x04, 0x03}; /* 2.5.4.3 */
    struct cursor set, attribute, type, value;
    struct text found = {NULL, 0};
    uint8_t tag;
    while (cursor_left(&name) && element(&name, &tag, &set)) {
        if (tag != DER_SET || !element(&set, &tag, &attribute) || tag != DER_SEQUENCE ||
            !element(&attribute, &tag, &type) || tag != DER_OID || !element(&attribute, &tag, &value))
            continue;
        if (cursor_left(&type) == sizeof(oid) && memcmp(type.at, oid, sizeof(oid)) == 0)
            found = (struct text){(const char *)value.at, cursor_left(&value)};
    }
    return found;
}

static void set_name(struct meta *meta, enum meta_id id, struct text name)
{
    if (name.len)
        meta_set(meta, id, name.data, name.len < 255 ? name.len : 255);
}

void tls_read_certificate(struct meta *meta, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_over(body, len), certificate, signed_part, inner, issuer, subject;
    uint8_t tag;
    cursor_skip(&c, 3); /* of the list; the first is the server's own */
    uint32_t first = cursor_be24(&c);
    const uint8_t *p = cursor_take(&c, first);
    if (!p)
        return;
    c = cursor_over(p, first);
    if (!element(&c, &tag, &certificate) || tag != DER_SEQUENCE || !element(&certificate, &tag, &signed_part) ||
        tag != DER_SEQUENCE || !element(&signed_part, &tag, &inner))
        return;
    if (tag == DER_VERSION && !element(&signed_part, &tag, &inner))
        return;
    if (tag != DER_INTEGER || !element(&signed_part, &tag, &inner) || /* serial number; signature algorithm */
        !element(&signed_part, &tag, &issuer) || !element(&signed_part, &tag, &inner) || /* issuer; validity */
        !element(&signed_part, &tag, &subject))
        return;
    set_name(meta, META_TLS_SUBJECT, common_name(subject));
    set_name(meta, META_TLS_ISSUER, common_name(issuer));
}
