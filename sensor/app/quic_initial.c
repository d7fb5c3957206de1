/* QUIC packets (RFC 8999, RFC 9000 17.2, RFC 9369) and the opening of Initial ones. */
#include "quic_initial.h"

#include <openssl/hmac.h>
#include <string.h>

#define VERSION_1 1u
#define VERSION_2 0x6b3343cfu
#define VERSION_2_DRAFT 0x709a50c4u /* of the drafts up to draft-ietf-quic-v2-05 */
#define DRAFT 0xff000000u

static bool is_second(uint32_t version)
{
    return version == VERSION_2 || version == VERSION_2_DRAFT;
}

static bool is_draft(uint32_t version)
{
    return (version & 0xffffff00) == DRAFT;
}

/* RFC 9000 15: reserved, to make the other side negotiate. */
static bool is_reserved(uint32_t version)
{
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

bool quic_version_is_known(uint32_t version)
{
    return version == VERSION_1 || is_second(version) || is_draft(version) || is_reserved(version) ||
           version >> 24 == 'Q' || version >> 24 == 'T' || /* Google's: "Q046", "T051" */
           version >> 4 == 0xfaceb00;                      /* Facebook's */
}

/* RFC 9000 16. */
uint64_t quic_variable(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    uint64_t value = first & 0x3f;
    for (unsigned more = (1u << (first >> 6)) - 1; more; more--)
        value = value << 8 | cursor_u8(c);
    return value;
}

static void read_id(struct cursor *c, struct quic_id *id)
{
    uint8_t len = cursor_u8(c);
    const uint8_t *p = len <= QUIC_ID_MAX ? cursor_take(c, len) : NULL;
    id->len = 0;
    if (!p) {
        c->bad = true;
        return;
    }
    memcpy(id->bytes, p, len);
    id->len = len;
}

static enum quic_packet type_of(uint8_t first, uint32_t version)
{
    static const enum quic_packet types[] = {QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY};
    unsigned bits = first >> 4 & 3;
    if (version == 0)
        return QUIC_NEGOTIATION;
    return types[is_second(version) ? (bits + 3) & 3 : bits]; /* RFC 9369 3.2 turned them by one */
}

/* Version Negotiation: whole versions up to the end, and at least one of them known. */
static bool read_negotiation(struct cursor *c)
{
    bool known = false, whole = cursor_left(c) && cursor_left(c) % 4 == 0;
    while (cursor_left(c) >= 4)
        known |= quic_version_is_known(cursor_be32(c));
    return whole && known;
}

enum quic_packet quic_read_header(struct cursor *c, struct quic_header *header)
{
    *header = (struct quic_header){.type = QUIC_NONE, .start = c->at};
    uint8_t first = cursor_u8(c);
    if (c->bad)
        return QUIC_NONE;
    if (!(first & 0x80)) { /* its length is not told: it is the rest */
        header->len = 1 + cursor_left(c);
        cursor_skip(c, cursor_left(c));
        return header->type = QUIC_SHORT;
    }
    header->version = cursor_be32(c);
    enum quic_packet type = type_of(first, header->version);
    read_id(c, &header->destination);
    read_id(c, &header->source);
    if (c->bad || (type != QUIC_NEGOTIATION && !quic_version_is_known(header->version)))
        return QUIC_NONE;
    if (type == QUIC_NEGOTIATION && !read_negotiation(c))
        return QUIC_NONE;
    if (type == QUIC_RETRY && cursor_left(c) <= QUIC_TAG)
        return QUIC_NONE;
    if (type == QUIC_INITIAL) {
        uint64_t token = quic_variable(c);
        if (c->bad || token > cursor_left(c) || !cursor_skip(c, (size_t)token))
            return QUIC_NONE;
    }
    uint64_t rest = type == QUIC_RETRY ? cursor_left(c) : type == QUIC_NEGOTIATION ? 0 : quic_variable(c);
    if (c->bad || rest > cursor_left(c))
        return QUIC_NONE;
    header->number_at = (size_t)(c->at - header->start);
    header->len = header->number_at + (size_t)rest;
    cursor_skip(c, (size_t)rest);
    return header->type = type;
}

/* ---- keys: HKDF (RFC 5869) with SHA-256 and the labels of TLS 1.3 (RFC 8446 7.1) ---- */

#define HASH_LEN 32

static bool expand(const uint8_t secret[HASH_LEN], const char *label, uint8_t *out, size_t len)
{
    uint8_t info[64], block[HASH_LEN];
    size_t label_len = strlen(label), n = 0;
    info[n++] = 0;
    info[n++] = (uint8_t)len;
    info[n++] = (uint8_t)(6 + label_len);
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = 0; /* no context */
    info[n++] = 1; /* the first block is enough */
    if (!HMAC(EVP_sha256(), secret, HASH_LEN, info, n, block, NULL))
        return false;
    memcpy(out, block, len);
    return true;
}

static const uint8_t *salt_of(uint32_t version)
{
    static const uint8_t salts[][20] = {
        {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, /* RFC 9001 5.2; drafts 33 and 34 */
         0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
        {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, /* RFC 9369 3.3.1 */
         0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
        {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, /* drafts 29 to 32 */
         0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99},
        {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, /* drafts 23 to 28 */
         0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02},
        {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, /* version 2's drafts */
         0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3},
    };
    unsigned draft = is_draft(version) ? version & 0xff : 0;
    if (is_second(version))
        return salts[version == VERSION_2 ? 1 : 4];
    if (version == VERSION_1 || draft >= 33 || is_reserved(version)) /* clients take version 1's for the latter */
        return salts[0];
    return draft >= 29 ? salts[2] : draft >= 23 ? salts[3] : NULL;
}

bool quic_initial_keys(uint32_t version, const struct quic_id *destination, struct quic_keys keys[2])
{
    static const char *const senders[2] = {"client in", "server in"};
    const uint8_t *salt = salt_of(version);
    bool second = is_second(version);
    uint8_t initial[HASH_LEN], secret[HASH_LEN];
    if (!salt || !HMAC(EVP_sha256(), salt, 20, destination->bytes, destination->len, initial, NULL))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (!expand(initial, senders[i], secret, sizeof(secret)) ||
            !expand(secret, second ? "quicv2 key" : "quic key", keys[i].key, sizeof(keys[i].key)) ||
            !expand(secret, second ? "quicv2 iv" : "quic iv", keys[i].iv, sizeof(keys[i].iv)) ||
            !expand(secret, second ? "quicv2 hp" : "quic hp", keys[i].mask, sizeof(keys[i].mask)))
            return false;
    }
    return true;
}

/* ---- opening ---- */

/* RFC 9001 5.4.3: five bytes that hide the first byte's low bits and the packet number. */
static bool header_mask(const struct quic_ciphers *ciphers, const struct quic_keys *keys, const uint8_t *sample,
                        uint8_t mask[16])
{
    int n = 0;
    return EVP_EncryptInit_ex2(ciphers->context, ciphers->ecb, keys->mask, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(ciphers->context, 0) == 1 &&
           EVP_EncryptUpdate(ciphers->context, mask, &n, sample, 16) == 1 && n == 16;
}

size_t quic_open(const struct quic_ciphers *ciphers, const struct quic_keys *keys, const struct quic_header *header,
                 uint8_t *out)
{
    uint8_t mask[16], number[4], nonce[12], tag[QUIC_TAG];
    const uint8_t *at = header->start + header->number_at;
    size_t rest = header->len - header->number_at;
    EVP_CIPHER_CTX *context = ciphers->context;
    int n = 0, last = 0;
    if (rest < 4 + 16 || !ciphers->ecb || !ciphers->gcm || !header_mask(ciphers, keys, at + 4, mask))
        return 0;
    uint8_t first = header->start[0] ^ (mask[0] & 0x0f);
    unsigned number_len = (first & 3u) + 1;
    memcpy(nonce, keys->iv, sizeof(nonce));
    for (unsigned i = 0; i < number_len; i++) {
        number[i] = at[i] ^ mask[1 + i];
        nonce[sizeof(nonce) - number_len + i] ^= number[i]; /* an Initial's number is not cut: it is small */
    }
    size_t payload = rest - number_len;
    if (payload <= QUIC_TAG)
        return 0;
    payload -= QUIC_TAG;
    memcpy(tag, at + number_len + payload, QUIC_TAG);
    if (EVP_DecryptInit_ex2(context, ciphers->gcm, keys->key, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(context, NULL, &n, &first, 1) != 1 ||
        EVP_DecryptUpdate(context, NULL, &n, header->start + 1, (int)header->number_at - 1) != 1 ||
        EVP_DecryptUpdate(context, NULL, &n, number, (int)number_len) != 1 ||
        EVP_DecryptUpdate(context, out, &n, at + number_len, (int)payload) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG, tag) != 1 ||
        EVP_DecryptFinal_ex(context, out + n, &last) != 1)
        return 0;
    return (size_t)n;
}
