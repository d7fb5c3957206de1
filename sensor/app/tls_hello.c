/* What hellos say: server name (RFC 6066), application protocols (RFC 7301), version; and the lists that fingerprints
 * are made of. */
#include <string.h>

#include "tls.h"

/* RFC 8701: values a client throws in so that servers stay tolerant; fingerprints leave them out. */
static bool is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static void add(struct tls_list *list, uint16_t value)
{
    if (list->count < TLS_LIST_MAX && !is_grease(value))
        list->item[list->count++] = value;
}

static struct cursor part(struct cursor *c, size_t len)
{
    const uint8_t *p = cursor_take(c, len);
    return p ? cursor_over(p, len) : cursor_over("", 0);
}

static struct text as_text(struct cursor c)
{
    return (struct text){(const char *)c.at, cursor_left(&c)};
}

static void read_list16(struct cursor c, struct tls_list *list)
{
    while (cursor_left(&c) >= 2)
        add(list, cursor_be16(&c));
}

static void read_server_name(struct cursor c, struct tls_hello *hello)
{
    struct cursor names = part(&c, cursor_be16(&c));
    hello->names_server = true;
    while (cursor_left(&names) >= 3) {
        uint8_t type = cursor_u8(&names);
        struct cursor name = part(&names, cursor_be16(&names));
        if (type == 0 && !hello->server_name.len)
            hello->server_name = as_text(name);
    }
}

/* Datagram versions count downwards: 0xfefc is DTLS 1.3, 0xfeff DTLS 1.0. */
static bool is_higher(uint16_t version, uint16_t than)
{
    return !than || (version >= 0xfe00 && than >= 0xfe00 ? version < than : version > than);
}

static void read_extension(uint16_t type, struct cursor c, struct tls_hello *hello, bool server)
{
    struct cursor inner;
    switch (type) {
    case TLS_EXTENSION_SERVER_NAME:
        read_server_name(c, hello);
        break;
    case TLS_EXTENSION_GROUPS:
        read_list16(part(&c, cursor_be16(&c)), &hello->groups);
        break;
    case TLS_EXTENSION_POINT_FORMATS:
        inner = part(&c, cursor_u8(&c));
        while (cursor_left(&inner))
            add(&hello->formats, cursor_u8(&inner));
        break;
    case TLS_EXTENSION_SIGNATURES:
        read_list16(part(&c, cursor_be16(&c)), &hello->signatures);
        break;
    case TLS_EXTENSION_ALPN:
        inner = part(&c, cursor_be16(&c));
        hello->alpns = as_text(inner);
        hello->alpn = as_text(part(&inner, cursor_u8(&inner)));
        break;
    case TLS_EXTENSION_VERSIONS:
        inner = server ? c : part(&c, cursor_u8(&c));
        while (cursor_left(&inner) >= 2) {
            uint16_t version = cursor_be16(&inner);
            if (!is_grease(version) && is_higher(version, hello->highest))
                hello->highest = version;
        }
        break;
    default:
        break;
    }
}

static void read_extensions(struct cursor *c, struct tls_hello *hello, bool server)
{
    struct cursor all = part(c, cursor_be16(c));
    while (cursor_left(&all) >= 4) {
        uint16_t type = cursor_be16(&all);
        add(&hello->extensions, type);
        read_extension(type, part(&all, cursor_be16(&all)), hello, server);
    }
}

/* Names one after another, each on its line; a line end inside one would look like two names. */
static void set_alpns(struct meta *meta, enum meta_id id, struct text alpns)
{
    struct cursor c = cursor_over(alpns.data ? alpns.data : "", alpns.len);
    char list[META_FIELD_MAX];
    size_t n = 0;
    while (cursor_left(&c)) {
        struct text name = as_text(part(&c, cursor_u8(&c)));
        if (!name.len)
            break;
        if (n && n < sizeof(list))
            list[n++] = '\n';
        for (size_t i = 0; i < name.len && n < sizeof(list); i++)
            list[n++] = name.data[i] == '\n' ? '?' : name.data[i];
    }
    if (n)
        meta_set(meta, id, list, n);
}

static const char *version_name(uint16_t version)
{
    static const char *const names[] = {"SSLv3", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
    switch (version) {
    case 0xfeff:
        return "DTLS 1.0";
    case 0xfefd:
        return "DTLS 1.2";
    case 0xfefc:
        return "DTLS 1.3";
    default:
        return version >= 0x0300 && version <= 0x0304 ? names[version & 7] : NULL;
    }
}

void tls_read_client_hello(const struct tls_shared *shared, struct meta *meta, enum tls_carrier carrier,
                           const uint8_t *body, size_t len)
{
    struct cursor c = cursor_over(body, len);
    struct tls_hello hello = {.carrier = carrier};
    hello.version = cursor_be16(&c);
    cursor_skip(&c, 32);
    cursor_skip(&c, cursor_u8(&c));
    if (carrier == TLS_OVER_DATAGRAMS)
        cursor_skip(&c, cursor_u8(&c)); /* the cookie, RFC 6347 4.2.1 */
    read_list16(part(&c, cursor_be16(&c)), &hello.ciphers);
    cursor_skip(&c, cursor_u8(&c));
    if (c.bad)
        return;
    if (cursor_left(&c) >= 2)
        read_extensions(&c, &hello, false);
    if (hello.server_name.len)
        meta_set(meta, META_TLS_SNI, hello.server_name.data, hello.server_name.len);
    set_alpns(meta, META_TLS_CLIENT_ALPN, hello.alpns);
    tls_fingerprint(shared, meta, &hello, false);
}

enum tls_after tls_read_server_hello(const struct tls_shared *shared, struct meta *meta, enum tls_carrier carrier,
                                     const uint8_t *body, size_t len)
{
    /* RFC 8446 4.1.3: the random value that makes a ServerHello a HelloRetryRequest. */
    static const uint8_t retry[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                      0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                      0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    struct cursor c = cursor_over(body, len);
    struct tls_hello hello = {.carrier = carrier};
    hello.version = cursor_be16(&c);
    const uint8_t *random = cursor_take(&c, sizeof(retry));
    cursor_skip(&c, cursor_u8(&c));
    add(&hello.ciphers, cursor_be16(&c));
    cursor_skip(&c, 1);
    if (c.bad)
        return TLS_THEN_CIPHER;
    if (memcmp(random, retry, sizeof(retry)) == 0)
        return TLS_THEN_RETRY;
    if (cursor_left(&c) >= 2)
        read_extensions(&c, &hello, true);
    uint16_t version = hello.highest ? hello.highest : hello.version;
    const char *name = version_name(version);
    if (name)
        meta_set(meta, META_TLS_VERSION, name, strlen(name));
    set_alpns(meta, META_TLS_SERVER_ALPN, hello.alpns);
    tls_fingerprint(shared, meta, &hello, true);
    return version == 0x0304 || version == 0xfefc ? TLS_THEN_CIPHER : TLS_THEN_CERTIFICATE;
}
