/* QUIC (RFC 9000, RFC 9369): known by its long header, opaque from the first datagram. nDPI opens the Initial packet
 * and gives the server name. */
#include <string.h>

#include "app.h"
#include "cursor.h"

static bool known_version(uint32_t version)
{
    return version == 1 || version == 0x6b3343cf ||    /* RFC 9000, RFC 9369 */
           (version & 0xffffff00) == 0xff000000 ||     /* drafts */
           (version & 0xff000000) == 0x51000000;       /* "Q0..": Google's */
}

static enum app_probe quic_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        struct cursor c = cursor_over(input->data[side] ? input->data[side] : (const uint8_t *)"", input->len[side]);
        uint8_t first = cursor_u8(&c);
        uint32_t version = cursor_be32(&c);
        uint8_t destination = cursor_u8(&c);
        cursor_skip(&c, destination);
        uint8_t source = cursor_u8(&c);
        cursor_skip(&c, source);
        if (!c.bad && (first & 0xc0) == 0xc0 && known_version(version) && destination <= 20 && source <= 20 &&
            input->len[side] >= 64)
            return APP_YES;
    }
    return APP_NO;
}

static void quic_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    (void)side;
    (void)data;
    (void)len;
    app_set_opaque(session);
}

const struct app_ops app_quic = {
    .name = "quic",
    .transports = APP_UDP,
    .probe = quic_probe,
    .datagram = quic_datagram,
};
