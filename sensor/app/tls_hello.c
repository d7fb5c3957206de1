/* What hellos say: server name (RFC 6066), application protocol (RFC 7301), version, and the fingerprints JA3, JA3S
 * and JA4, which name the software that speaks. */
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_GROUPS = 10,
    EXTENSION_POINT_FORMATS = 11,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_VERSIONS = 43
};

#define LIST_MAX 128 /* entries of one list that are kept */
#define TEXT_ROOM 4096

struct list {
    uint16_t item[LIST_MAX];
    unsigned count;
};

struct hello {
    uint16_t version, highest;
    struct list ciphers, extensions, groups, formats, signatures;
    struct text server_name, alpn;
};

/* RFC 8701: values a client throws in so that servers stay tolerant; fingerprints leave them out. */
static bool is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static void add(struct list *list, uint16_t value)
{
    if (list->count < LIST_MAX && !is_grease(value))
        list->item[list->count++] = value;
}

static struct cursor part(struct cursor *c, size_t len)
{
    const uint8_t *p = cursor_take(c, len);
    return p ? cursor_over(p, len) : cursor_over("", 0);
}

static void read_list16(struct cursor c, struct list *list)
{
    while (cursor_left(&c) >= 2)
        add(list, cursor_be16(&c));
}

static void read_server_name(struct cursor c, struct hello *hello)
{
    struct cursor names = part(&c, cursor_be16(&c));
    while (cursor_left(&names) >= 3) {
        uint8_t type = cursor_u8(&names);
        struct cursor name = part(&names, cursor_be16(&names));
        if (type == 0 && !hello->server_name.len)
            hello->server_name = (struct text){(const char *)name.at, cursor_left(&name)};
    }
}

static void read_extension(uint16_t type, struct cursor c, struct hello *hello, bool server)
{
    struct cursor inner;
    switch (type) {
    case EXTENSION_SERVER_NAME:
        read_server_name(c, hello);
        break;
    case EXTENSION_GROUPS:
        read_list16(part(&c, cursor_be16(&c)), &hello->groups);
        break;
    case EXTENSION_POINT_FORMATS:
        inner = part(&c, cursor_u8(&c));
        while (cursor_left(&inner))
            add(&hello->formats, cursor_u8(&inner));
        break;
    case EXTENSION_SIGNATURES:
        read_list16(part(&c, cursor_be16(&c)), &hello->signatures);
        break;
    case EXTENSION_ALPN:
        inner = part(&c, cursor_be16(&c));
        inner = part(&inner, cursor_u8(&inner));
        hello->alpn = (struct text){(const char *)inner.at, cursor_left(&inner)};
        break;
    case EXTENSION_VERSIONS:
        inner = server ? c : part(&c, cursor_u8(&c));
        while (cursor_left(&inner) >= 2) {
            uint16_t version = cursor_be16(&inner);
            if (!is_grease(version) && version > hello->highest)
                hello->highest = version;
        }
        break;
    default:
        break;
    }
}

static void read_extensions(struct cursor *c, struct hello *hello, bool server)
{
    struct cursor all = part(c, cursor_be16(c));
    while (cursor_left(&all) >= 4) {
        uint16_t type = cursor_be16(&all);
        add(&hello->extensions, type);
        read_extension(type, part(&all, cursor_be16(&all)), hello, server);
    }
}

/* ---- fingerprints ---- */

struct writer {
    char text[TEXT_ROOM];
    size_t len;
};

static void put(struct writer *w, const char *format, unsigned value)
{
    int n = snprintf(w->text + w->len, TEXT_ROOM - w->len, format, value);
    if (n > 0 && (size_t)n < TEXT_ROOM - w->len)
        w->len += (size_t)n;
}

static void put_list(struct writer *w, const struct list *list, const char *format, const char *separator)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (i)
            put(w, separator, 0);
        put(w, format, list->item[i]);
    }
}

static bool digest_hex(const struct tls_shared *shared, const EVP_MD *md, const void *data, size_t len,
                       char hex[2 * EVP_MAX_MD_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!md || EVP_DigestInit_ex2(shared->digest, md, NULL) != 1 ||
        EVP_DigestUpdate(shared->digest, data, len) != 1 || EVP_DigestFinal_ex(shared->digest, digest, &size) != 1)
        return false;
    for (unsigned i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * size] = '\0';
    return true;
}

static void set_ja3(const struct tls_shared *shared, struct meta *meta, const struct hello *hello, bool server)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    struct writer w = {.len = 0};
    put(&w, "%u,", hello->version);
    put_list(&w, &hello->ciphers, "%u", "-");
    put(&w, ",", 0);
    put_list(&w, &hello->extensions, "%u", "-");
    if (!server) {
        put(&w, ",", 0);
        put_list(&w, &hello->groups, "%u", "-");
        put(&w, ",", 0);
        put_list(&w, &hello->formats, "%u", "-");
    }
    if (digest_hex(shared, shared->md5, w.text, w.len, hex))
        meta_set(meta, server ? META_TLS_JA3S : META_TLS_JA3, hex, 32);
}

static int ascending(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static const char *version_digits(uint16_t version)
{
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    default:
        return "00";
    }
}

static char alpn_letter(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '9';
}

/* First twelve digits of the SHA-256, or zeros for an empty list. */
static void put_short_digest(const struct tls_shared *shared, const struct writer *from, struct writer *to)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "000000000000";
    if (from->len)
        digest_hex(shared, shared->sha256, from->text, from->len, hex);
    memcpy(to->text + to->len, hex, 12);
    to->len += 12;
}

static void set_ja4(const struct tls_shared *shared, struct meta *meta, const struct hello *hello)
{
    struct writer ja4 = {.len = 0}, w = {.len = 0};
    struct list ciphers = hello->ciphers, kept = {.count = 0};
    const char *version = version_digits(hello->highest ? hello->highest : hello->version);
    put(&ja4, "t%c", (unsigned char)version[0]);
    put(&ja4, "%c", (unsigned char)version[1]);
    put(&ja4, "%c", hello->server_name.len ? 'd' : 'i');
    put(&ja4, "%02u", ciphers.count < 99 ? ciphers.count : 99);
    put(&ja4, "%02u", hello->extensions.count < 99 ? hello->extensions.count : 99);
    put(&ja4, "%c", hello->alpn.len ? (unsigned char)alpn_letter(hello->alpn.data[0]) : '0');
    put(&ja4, "%c_", hello->alpn.len ? (unsigned char)alpn_letter(hello->alpn.data[hello->alpn.len - 1]) : '0');
    qsort(ciphers.item, ciphers.count, sizeof(ciphers.item[0]), ascending);
    put_list(&w, &ciphers, "%04x", ",");
    put_short_digest(shared, &w, &ja4);
    put(&ja4, "_", 0);
    for (unsigned i = 0; i < hello->extensions.count; i++) {
        uint16_t type = hello->extensions.item[i];
        if (type != EXTENSION_SERVER_NAME && type != EXTENSION_ALPN)
            add(&kept, type);
    }
    qsort(kept.item, kept.count, sizeof(kept.item[0]), ascending);
    w.len = 0;
    put_list(&w, &kept, "%04x", ",");
    if (hello->signatures.count) {
        put(&w, "_", 0);
        put_list(&w, &hello->signatures, "%04x", ",");
    }
    put_short_digest(shared, &w, &ja4);
    meta_set(meta, META_TLS_JA4, ja4.text, ja4.len);
}

/* ---- messages ---- */

void tls_read_client_hello(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_over(body, len);
    struct hello hello = {.highest = 0};
    hello.version = cursor_be16(&c);
    cursor_skip(&c, 32);
    cursor_skip(&c, cursor_u8(&c));
    read_list16(part(&c, cursor_be16(&c)), &hello.ciphers);
    cursor_skip(&c, cursor_u8(&c));
    if (c.bad)
        return;
    if (cursor_left(&c) >= 2)
        read_extensions(&c, &hello, false);
    if (hello.server_name.len)
        meta_set(meta, META_TLS_SNI, hello.server_name.data, hello.server_name.len < 255 ? hello.server_name.len : 255);
    if (hello.alpn.len)
        meta_set(meta, META_TLS_ALPN, hello.alpn.data, hello.alpn.len);
    set_ja3(shared, meta, &hello, false);
    set_ja4(shared, meta, &hello);
}

bool tls_read_server_hello(const struct tls_shared *shared, struct meta *meta, const uint8_t *body, size_t len)
{
    static const char *const names[] = {"SSLv3", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"};
    struct cursor c = cursor_over(body, len);
    struct hello hello = {.highest = 0};
    hello.version = cursor_be16(&c);
    cursor_skip(&c, 32);
    cursor_skip(&c, cursor_u8(&c));
    add(&hello.ciphers, cursor_be16(&c));
    cursor_skip(&c, 1);
    if (c.bad)
        return false;
    if (cursor_left(&c) >= 2)
        read_extensions(&c, &hello, true);
    uint16_t version = hello.highest ? hello.highest : hello.version;
    if (version >= 0x0300 && version <= 0x0304)
        meta_set(meta, META_TLS_VERSION, names[version & 7], strlen(names[version & 7]));
    set_ja3(shared, meta, &hello, true);
    return version < 0x0304;
}
