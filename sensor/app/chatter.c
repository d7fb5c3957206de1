/* The small talk of every network: name lookups, address leases, clocks, service announcements. A flow on their
 * well-known UDP port whose first datagram has their shape makes no objects, because a raw object for each lookup
 * would cost more than everything it could carry. (Tunnels through DNS are told by their volume and names, not
 * by carving single queries.) A flow that only borrows the port is raw as any other. */
#include <string.h>

#include "app.h"
#include "cursor.h"

static bool is_dns(const uint8_t *p, size_t len)
{
    struct cursor c = cursor_over(p, len);
    cursor_skip(&c, 2);
    uint16_t flags = cursor_be16(&c);
    uint16_t questions = cursor_be16(&c), answers = cursor_be16(&c), authorities = cursor_be16(&c);
    uint16_t additional = cursor_be16(&c);
    uint16_t opcode = flags >> 11 & 15;
    return !c.bad && opcode <= 6 && questions <= 32 && answers <= 256 && authorities <= 256 && additional <= 256 &&
           questions + answers + authorities + additional > 0;
}

static bool is_dhcp(const uint8_t *p, size_t len)
{
    static const uint8_t cookie[4] = {99, 130, 83, 99}; /* RFC 2131 3 */
    return len >= 240 && (p[0] == 1 || p[0] == 2) && memcmp(p + 236, cookie, 4) == 0;
}

static bool is_ntp(const uint8_t *p, size_t len)
{
    unsigned version = p[0] >> 3 & 7, mode = p[0] & 7;
    return len >= 12 && len <= 256 && version >= 1 && version <= 4 && mode >= 1;
}

static bool is_ssdp(const uint8_t *p, size_t len)
{
    return len < 2048 && ((len > 9 && memcmp(p, "M-SEARCH ", 9) == 0) || (len > 7 && memcmp(p, "NOTIFY ", 7) == 0) ||
                          (len > 8 && memcmp(p, "HTTP/1.1", 8) == 0));
}

static bool is_netbios_datagram(const uint8_t *p, size_t len)
{
    return len >= 14 && p[0] >= 0x10 && p[0] <= 0x16;
}

static bool has_shape(uint16_t port, const uint8_t *p, size_t len)
{
    switch (port) {
    case 53:
    case 137:
    case 5353:
    case 5355:
        return is_dns(p, len);
    case 67:
    case 68:
        return is_dhcp(p, len);
    case 123:
        return is_ntp(p, len);
    case 138:
        return is_netbios_datagram(p, len);
    case 1900:
        return is_ssdp(p, len);
    default:
        return false;
    }
}

static enum app_probe chatter_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        if (input->len[side] && (has_shape(input->flow->port[0], input->data[side], input->len[side]) ||
                                 has_shape(input->flow->port[1], input->data[side], input->len[side])))
            return APP_YES;
    }
    return APP_NO;
}

static void chatter_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    (void)session;
    (void)side;
    (void)data;
    (void)len;
}

const struct app_ops app_chatter = {
    .transports = APP_UDP,
    .probe = chatter_probe,
    .datagram = chatter_datagram,
};
