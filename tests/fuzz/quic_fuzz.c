/* QUIC Initial packets. A mutated cipher text opens to nothing, so the input is what stands inside: each piece of it is
 * sealed with the keys of its connection, as a peer would, and so the frames and the hellos in them are reached.
 *
 *      [control][length, 2 bytes] frames ...     bit 0: the side; bit 1: as it is, unsealed; bit 2: a Handshake packet
 *                                                follows in the same datagram; bits 3-4: the version */
#include <openssl/evp.h>

#include "../../sensor/app/quic_initial.h"
#include "conversation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct quic_id destination = {8, "fuzzing!"};

/* One Initial packet into `out`; its length. */
static size_t seal(uint32_t version, const struct quic_keys *keys, const uint8_t *frames, size_t len, uint8_t *out)
{
    static const uint32_t second[] = {0x6b3343cf, 0x709a50c4};
    static EVP_CIPHER_CTX *context;
    uint8_t mask[16], nonce[12];
    size_t n = 0, rest = 4 + len + QUIC_TAG;
    int done = 0;
    if (!context && !(context = EVP_CIPHER_CTX_new()))
        abort();
    out[n++] = version == second[0] || version == second[1] ? 0xd3 : 0xc3;
    for (int i = 24; i >= 0; i -= 8)
        out[n++] = (uint8_t)(version >> i);
    out[n++] = destination.len;
    memcpy(out + n, destination.bytes, destination.len);
    n += destination.len;
    out[n++] = 0; /* source */
    out[n++] = 0; /* token */
    out[n++] = (uint8_t)(0x80 | rest >> 24);
    out[n++] = (uint8_t)(rest >> 16);
    out[n++] = (uint8_t)(rest >> 8);
    out[n++] = (uint8_t)rest;
    memset(out + n, 0, 4);
    memcpy(nonce, keys->iv, sizeof(nonce)); /* packet 0 */
    if (EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, nonce) != 1 ||
        EVP_EncryptUpdate(context, NULL, &done, out, (int)n + 4) != 1 ||
        EVP_EncryptUpdate(context, out + n + 4, &done, frames, (int)len) != 1 ||
        EVP_EncryptFinal_ex(context, mask, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG, out + n + 4 + len) != 1 ||
        EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, keys->mask, NULL) != 1 ||
        EVP_EncryptUpdate(context, mask, &done, out + n + 4, 16) != 1)
        abort();
    out[0] ^= mask[0] & 0x0f;
    for (unsigned i = 0; i < 4; i++)
        out[n + i] ^= mask[1 + i];
    return n + rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t versions[4] = {1, 0x6b3343cf, 0xff00001d, 0x709a50c4};
    static struct fake_worker fake;
    static uint8_t datagram[65536 + 128];
    struct cursor c = cursor_over(data, size);
    fake_open(&fake, false);
    struct flow *flow = fake_flow(&fake, IPPROTO_UDP, "10.0.0.1", 40000, "192.0.2.1", 443);
    while (cursor_left(&c) >= 3) {
        uint8_t control = cursor_u8(&c);
        size_t len = cursor_be16(&c), n = 0;
        uint32_t version = versions[control >> 3 & 3];
        struct quic_keys keys[2];
        len = len < cursor_left(&c) ? len : cursor_left(&c);
        const uint8_t *frames = cursor_take(&c, len);
        if (!len)
            continue;
        if (control & 2) {
            memcpy(datagram, frames, n = len);
        } else {
            if (!quic_initial_keys(version, &destination, keys))
                abort();
            n = seal(version, &keys[control & 1], frames, len, datagram);
        }
        if (control & 4) {
            static const uint8_t handshake[] = {0xe0, 0, 0, 0, 1, 0, 0, 24};
            memcpy(datagram + n, handshake, sizeof(handshake));
            memset(datagram + n + sizeof(handshake), 7, 24);
            n += sizeof(handshake) + 24;
        }
        uint8_t *exact = malloc(n); /* reading past the end is found out */
        if (!exact)
            abort();
        memcpy(exact, datagram, n);
        fake.sink.datagram(fake.sink.user, flow, control & 1 ? SIDE_SERVER : SIDE_CLIENT, exact, n, 0);
        free(exact);
    }
    fake_close(&fake);
    if (fake.mem.total > (size_t)1 << 20)
        abort(); /* something was kept */
    return 0;
}
