/* Fingerprints, which name the software that speaks. JA3 and JA3S (Salesforce): the MD5 of a hello's lists in decimal.
 * JA4 and JA4S (FoxIO): counts in clear, then cut SHA-256 of the lists, sorted for a client, so that a browser that
 * shuffles its extensions stays the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define TEXT_ROOM 8192 /* five full lists in decimal */

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

static void put_list(struct writer *w, const struct tls_list *list, const char *format, const char *separator)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (i)
            put(w, separator, 0);
        put(w, format, list->item[i]);
    }
}

bool tls_digest_hex(const struct tls_shared *shared, const EVP_MD *md, const void *data, size_t len,
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

static void set_ja3(const struct tls_shared *shared, struct meta *meta, const struct tls_hello *hello, bool server)
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
    if (!tls_digest_hex(shared, shared->md5, w.text, w.len, hex))
        return;
    meta_set(meta, server ? META_TLS_JA3S : META_TLS_JA3, hex, 32);
    meta_set(meta, server ? META_TLS_JA3S_STRING : META_TLS_JA3_STRING, w.text, w.len);
}

static const char *version_digits(uint16_t version)
{
    static const struct {
        uint16_t version;
        char digits[3];
    } names[] = {{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
                 {0x0002, "s2"}, {0xfefc, "d3"}, {0xfefd, "d2"}, {0xfeff, "d1"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].version == version)
            return names[i].digits;
    }
    return "00";
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* First and last character of the first name; of its hexadecimal form when one of them is no letter or digit. */
static void put_alpn(struct writer *w, struct text alpn)
{
    static const char digits[] = "0123456789abcdef";
    if (!alpn.len) {
        put(w, "00", 0);
        return;
    }
    uint8_t first = (uint8_t)alpn.data[0], last = (uint8_t)alpn.data[alpn.len - 1];
    bool plain = is_alphanumeric(first) && is_alphanumeric(last);
    put(w, "%c", plain ? first : (unsigned char)digits[first >> 4]);
    put(w, "%c", plain ? last : (unsigned char)digits[last & 15]);
}

/* First twelve digits of the SHA-256, or zeros for an empty list. */
static void put_short_digest(const struct tls_shared *shared, const struct writer *from, struct writer *to)
{
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "000000000000";
    if (from->len)
        tls_digest_hex(shared, shared->sha256, from->text, from->len, hex);
    memcpy(to->text + to->len, hex, 12);
    to->len += 12;
}

static void put_head(struct writer *w, const struct tls_hello *hello)
{
    const char *version = version_digits(hello->highest ? hello->highest : hello->version);
    put(w, "%c", (unsigned)hello->carrier);
    put(w, "%c", (unsigned char)version[0]);
    put(w, "%c", (unsigned char)version[1]);
}

static unsigned two_digits(unsigned count)
{
    return count < 99 ? count : 99;
}

static int ascending(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static void set_ja4(const struct tls_shared *shared, struct meta *meta, const struct tls_hello *hello)
{
    struct writer ja4 = {.len = 0}, w = {.len = 0};
    struct tls_list ciphers = hello->ciphers, kept = {.count = 0};
    put_head(&ja4, hello);
    put(&ja4, "%c", hello->names_server ? 'd' : 'i');
    put(&ja4, "%02u", two_digits(ciphers.count));
    put(&ja4, "%02u", two_digits(hello->extensions.count));
    put_alpn(&ja4, hello->alpn);
    put(&ja4, "_", 0);
    qsort(ciphers.item, ciphers.count, sizeof(ciphers.item[0]), ascending);
    put_list(&w, &ciphers, "%04x", ",");
    put_short_digest(shared, &w, &ja4);
    put(&ja4, "_", 0);
    for (unsigned i = 0; i < hello->extensions.count; i++) {
        uint16_t type = hello->extensions.item[i];
        if (type != TLS_EXTENSION_SERVER_NAME && type != TLS_EXTENSION_ALPN)
            kept.item[kept.count++] = type;
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

static void set_ja4s(const struct tls_shared *shared, struct meta *meta, const struct tls_hello *hello)
{
    struct writer ja4s = {.len = 0}, w = {.len = 0};
    put_head(&ja4s, hello);
    put(&ja4s, "%02u", two_digits(hello->extensions.count));
    put_alpn(&ja4s, hello->alpn);
    put(&ja4s, "_%04x_", hello->ciphers.count ? hello->ciphers.item[0] : 0);
    put_list(&w, &hello->extensions, "%04x", ",");
    put_short_digest(shared, &w, &ja4s);
    meta_set(meta, META_TLS_JA4S, ja4s.text, ja4s.len);
}

void tls_fingerprint(const struct tls_shared *shared, struct meta *meta, const struct tls_hello *hello, bool server)
{
    set_ja3(shared, meta, hello, server);
    if (server)
        set_ja4s(shared, meta, hello);
    else
        set_ja4(shared, meta, hello);
}
