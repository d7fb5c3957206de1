/* Handshake messages whose bytes come in any order: QUIC's CRYPTO frames, DTLS's fragments. */
#include "tls.h"

void tls_pieces_add(struct tls_pieces *pieces, uint64_t offset, const uint8_t *data, size_t len)
{
    if (offset >= TLS_MESSAGE_MAX)
        return;
    for (size_t at = (size_t)offset, i = 0; i < len && at < TLS_MESSAGE_MAX; i++, at++) {
        uint8_t bit = (uint8_t)(1u << (at % 8));
        if (!(pieces->have[at / 8] & bit))
            pieces->bytes[at] = data[i];
        pieces->have[at / 8] |= bit;
    }
    while (pieces->reached < TLS_MESSAGE_MAX && pieces->have[pieces->reached / 8] >> (pieces->reached % 8) & 1)
        pieces->reached++;
}
