/* Messages that are nothing but encryption: OpenPGP and CMS. */
#include "sealed.h"

#include <string.h>

#include "ber.h"
#include "digits.h"

/* RFC 9580 4.2: tag, and where its body begins. 0: no packet of a known length. */
static size_t packet_head(const uint8_t *p, size_t len, unsigned *tag, uint32_t *size)
{
    static const uint8_t bytes[] = {1, 2, 4};
    if (len < 6 || !(p[0] & 0x80))
        return 0;
    if (p[0] & 0x40) {
        *tag = p[0] & 0x3f;
        *size = p[1] < 192 ? p[1] : p[1] < 224 ? (p[1] - 192u) * 256 + p[2] + 192 : be32(p + 2);
        return p[1] < 192 ? 2 : p[1] < 224 ? 3 : p[1] == 255 ? 6 : 0;
    }
    *tag = p[0] >> 2 & 15;
    if ((p[0] & 3) == 3)
        return 0;
    size_t n = bytes[p[0] & 3];
    *size = n == 1 ? p[1] : n == 2 ? be16(p + 1) : be32(p + 1);
    return 1 + n;
}

/* 5.1: version, key id, algorithm, then an integer that must fit. */
static bool is_public_key_packet(const uint8_t *body, size_t len, uint32_t size)
{
    if (len < 12 || size < 12 || size > 4096)
        return false;
    if (body[0] == 6)
        return body[1] == 0 || (body[1] == 21 && body[2] == 4) || (body[1] == 33 && body[2] == 6);
    uint32_t number = (be16(body + 10) + 7u) / 8;
    switch (body[0] == 3 ? body[9] : 0) {
    case 1: /* RSA */
    case 2:
        return size == 12 + number && number >= 64;
    case 16: /* Elgamal */
        return size > 14 + number && number >= 64;
    case 18: /* ECDH */
        return size > 12 + number && number >= 32 && number <= 133;
    case 25: /* X25519, X448 */
        return size > 42 && size < 96;
    case 26:
        return size > 66 && size < 120;
    default:
        return false;
    }
}

/* 5.3: version, cipher, string-to-key. */
static bool is_password_packet(const uint8_t *body, size_t len, uint32_t size)
{
    static const uint8_t sizes[] = {4, 12, 0, 13, 22}; /* by the kind of string-to-key */
    if (len < 4 || size < 4 || size > 255)
        return false;
    if (body[0] == 5 || body[0] == 6)
        return size > 30 && body[body[0] == 5 ? 1 : 2] >= 1 && body[body[0] == 5 ? 1 : 2] <= 13;
    if (body[0] != 4 || body[1] < 1 || body[1] > 13 || body[2] > 4 || !sizes[body[2]])
        return false;
    uint32_t least = sizes[body[2]];
    bool hash = body[2] == 4 || (body[3] >= 1 && body[3] <= 14);
    return hash && (size == least || (size > least + 16 && size <= least + 33)); /* a session key may follow */
}

bool sealed_is_pgp(const uint8_t *head, size_t len)
{
    unsigned tag;
    uint32_t size;
    size_t at = packet_head(head, len, &tag, &size);
    if (!at)
        return false;
    if (tag == 1)
        return is_public_key_packet(head + at, len - at, size);
    return tag == 3 && is_password_packet(head + at, len - at, size);
}

/* Compressed, literal or signed data: what an armored message holds when it is not encrypted. */
static bool is_plain(const uint8_t *head)
{
    unsigned tag = head[0] & 0x40 ? head[0] & 0x3f : head[0] >> 2 & 15;
    return head[0] & 0x80 && (tag == 2 || tag == 4 || tag == 8 || tag == 10 || tag == 11);
}

bool sealed_is_pgp_armor(const uint8_t *head, size_t len)
{
    static const char begin[] = "-----BEGIN PGP MESSAGE";
    uint8_t packet[24];
    size_t have = 0, at = sizeof(begin) - 1;
    uint32_t bits = 0;
    if (len < at || memcmp(head, begin, at) != 0)
        return false;
    for (unsigned ends = 0; at < len && ends < 2; at++) /* an empty line ends the armor's own */
        ends = head[at] == '\n' ? ends + 1 : head[at] == '\r' ? ends : 0;
    for (unsigned n = 0; at < len && have < sizeof(packet); at++) {
        int value = base64_digit(head[at]);
        if (value < 0)
            break;
        bits = bits << 6 | (uint32_t)value;
        if (n++ % 4)
            packet[have++] = (uint8_t)(bits >> (6 - 2 * ((n - 1) % 4)));
    }
    return !have || !is_plain(packet);
}

bool sealed_is_cms(const uint8_t *head, size_t len, bool *encrypted)
{
    static const uint8_t pkcs7[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07};
    static const uint8_t smime[] = {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01};
    struct ber_element outer;
    int size = ber_head(head, len, &outer);
    if (size <= 0 || outer.tag != 0x30 || len < (size_t)size + sizeof(smime) + 1)
        return false;
    const uint8_t *oid = head + size;
    if (memcmp(oid, smime, sizeof(smime)) == 0)
        return *encrypted = oid[12] == 23;
    *encrypted = oid[10] == 3 || oid[10] == 6;
    return memcmp(oid, pkcs7, sizeof(pkcs7)) == 0 && oid[10] >= 1 && oid[10] <= 6;
}
