/* QUIC Initial packets, internal: their protection (RFC 9001 5.2, RFC 9369 3.3) is made of what stands in the packet
 * itself, so that a tap may open them. */
#ifndef DLP_APP_QUIC_INITIAL_H
#define DLP_APP_QUIC_INITIAL_H

#include <openssl/evp.h>

#include "cursor.h"

#define QUIC_ID_MAX 20
#define QUIC_TAG 16

enum quic_packet { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_NEGOTIATION, QUIC_SHORT, QUIC_NONE };

struct quic_id {
    uint8_t len;
    uint8_t bytes[QUIC_ID_MAX];
};

struct quic_header {
    enum quic_packet type;
    uint32_t version;
    struct quic_id destination, source;
    const uint8_t *start;
    size_t number_at; /* where the packet number stands */
    size_t len;       /* of the whole packet */
};

struct quic_keys { /* of one sender */
    uint8_t key[16], iv[12], mask[16];
};

/* All sessions of a worker share these. */
struct quic_ciphers {
    EVP_CIPHER *ecb, *gcm; /* NULL where policy forbids them: nothing is opened then */
    EVP_CIPHER_CTX *context;
};

bool quic_version_is_known(uint32_t version); /* one whose long header is RFC 8999's */
uint64_t quic_variable(struct cursor *c); /* a number of 1, 2, 4 or 8 bytes, RFC 9000 16 */
/* The next packet of a datagram; the cursor then stands behind it. NONE when the bytes are no packet. The fixed bit is
 * not looked at: peers that agreed to may clear it (RFC 9287). */
enum quic_packet quic_read_header(struct cursor *c, struct quic_header *header);
/* Both senders' keys (client first) from the client's first destination; false for a version without known salt. */
bool quic_initial_keys(uint32_t version, const struct quic_id *destination, struct quic_keys keys[2]);
/* The payload of an Initial packet, decrypted into `out` (header->len bytes of room); 0 when the keys do not fit. */
size_t quic_open(const struct quic_ciphers *ciphers, const struct quic_keys *keys, const struct quic_header *header,
                 uint8_t *out);

#endif
