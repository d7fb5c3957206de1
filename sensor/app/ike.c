/* IKE (RFC 7296, and RFC 2408 for version 1): the key exchange of IPsec, told by its header on any port; on port 4500
 * with four zero bytes before it (RFC 3948). Opaque from the first message: the exchange itself, and the ESP that
 * follows in the same flow. ESP on port 4500 whose exchange was not seen is told in esp.c. */
#include "app.h"
#include "cursor.h"

#define HEAD 28

static bool is_exchange(uint8_t version, uint8_t exchange)
{
    if (version >> 4 == 2)
        return exchange >= 34 && exchange <= 45; /* IKE_SA_INIT ... */
    return version == 0x10 && ((exchange >= 1 && exchange <= 6) || (exchange >= 32 && exchange <= 34));
}

static bool is_ike(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_over(data, len);
    const uint8_t *start = cursor_peek(&c, 4);
    if (start && !(start[0] | start[1] | start[2] | start[3]))
        cursor_skip(&c, 4);
    size_t here = cursor_left(&c);
    uint64_t initiator = cursor_be64(&c);
    cursor_skip(&c, 8);
    uint8_t next = cursor_u8(&c), version = cursor_u8(&c), exchange = cursor_u8(&c), flags = cursor_u8(&c);
    cursor_skip(&c, 4);
    uint32_t size = cursor_be32(&c);
    return !c.bad && initiator && size == here && size >= HEAD && is_exchange(version, exchange) &&
           !(flags & (version == 0x10 ? 0xf8 : 0xc7)) && (next || size == HEAD);
}

static enum app_probe ike_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        if (input->len[side] && is_ike(input->data[side], input->len[side]))
            return APP_YES;
    }
    return APP_NO;
}

const struct app_ops app_ike = {
    .name = "ike",
    .transports = APP_UDP,
    .probe = ike_probe,
    .datagram = app_opaque_data,
};
