/* Tunnels that IP carries itself: GRE and what has been put into it, and EtherIP. */
#include "decode.h"

enum { /* RFC 2784, RFC 2890, RFC 2637 */
       GRE_CHECKSUM = 0x8000,
       GRE_ROUTING = 0x4000,
       GRE_KEY = 0x2000,
       GRE_SEQUENCE = 0x1000,
       GRE_ACKNOWLEDGEMENT = 0x0080,
       GRE_VERSION = 0x0007
};
enum { GRE_PPP = 0x880b, GRE_ERSPAN = 0x88be, GRE_ERSPAN3 = 0x22eb, GRE_WCCP = 0x883e, GRE_EOIP = 0x6400 };

/* A mirrored frame after its header: `truncated` when the switch cut it. */
static enum verdict mirrored(struct decode *d, bool truncated)
{
    if (truncated)
        d->cut += 65535;
    return decode_tunnel(d, link_ethernet);
}

/* Type II has eight bytes of header, type I none and no GRE sequence number
 * (draft-foschiano-erspan-03 4.1, 4.2). */
static enum verdict erspan(struct decode *d, bool sequence)
{
    if (!sequence)
        return mirrored(d, false);
    const uint8_t *header = cursor_take(&d->c, 8);
    if (!header)
        return decode_short(d);
    return mirrored(d, header[2] & 0x04);
}

/* Type III: twelve bytes, eight more when the last bit says so; the mirrored packet may be bare IP.
 */
static enum verdict erspan3(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 12);
    if (!header || ((header[11] & 1) && !cursor_skip(&d->c, 8)))
        return decode_short(d);
    bool truncated = header[2] & 0x04;
    unsigned kind = header[10] >> 2 & 0x1f; /* P, then five bits of frame type */
    if (kind != 2)
        return mirrored(d, truncated);
    if (truncated)
        d->cut += 65535;
    return decode_tunnel(d, ip_any);
}

/* Version 1 carries PPP for PPTP (RFC 2637 4.1); the key is a length and a call. */
static enum verdict pptp(struct decode *d, uint16_t flags, uint16_t protocol)
{
    uint16_t length = cursor_be16(&d->c);
    cursor_skip(&d->c, 2);
    if (d->c.bad)
        return decode_short(d);
    if (protocol == GRE_EOIP) /* MikroTik's: the key is a length and a tunnel, an Ethernet frame follows */
        return length ? decode_tunnel(d, link_ethernet) : decode_chatter(d);
    if (flags & GRE_SEQUENCE)
        cursor_skip(&d->c, 4);
    if (flags & GRE_ACKNOWLEDGEMENT)
        cursor_skip(&d->c, 4);
    if (d->c.bad)
        return decode_short(d);
    if (protocol != GRE_PPP)
        return decode_unsupported(d, "gre protocol 0x", protocol);
    if (length == 0)
        return decode_chatter(d); /* an acknowledgement */
    if (!decode_trim(d, length))
        return decode_malformed(d);
    return decode_tunnel(d, link_ppp);
}

/* WCCP version 2 puts four bytes before the redirected packet, version 1 none. */
static enum verdict wccp(struct decode *d)
{
    const uint8_t *first = cursor_peek(&d->c, 1);
    if (first && first[0] >> 4 != 4)
        cursor_skip(&d->c, 4);
    return decode_tunnel(d, ip_v4);
}

static enum verdict gre_payload(struct decode *d)
{
    uint16_t flags = cursor_be16(&d->c), protocol = cursor_be16(&d->c);
    if ((flags & GRE_VERSION) == 1)
        return pptp(d, flags, protocol);
    if (flags & GRE_CHECKSUM)
        cursor_skip(&d->c, 4);
    if (flags & GRE_KEY)
        cursor_skip(&d->c, 4);
    if (flags & GRE_SEQUENCE)
        cursor_skip(&d->c, 4);
    if (d->c.bad)
        return decode_short(d);
    if ((flags & GRE_ROUTING) || (flags & GRE_VERSION))
        return decode_unsupported(d, "gre flags 0x", flags);
    switch (protocol) {
    case 0: /* Cisco's keep-alive */
        return decode_chatter(d);
    case GRE_ERSPAN:
        return erspan(d, flags & GRE_SEQUENCE);
    case GRE_ERSPAN3:
        return erspan3(d);
    case GRE_PPP:
        return link_ppp(d);
    case GRE_WCCP:
        return wccp(d);
    default:
        return ether_payload(d, protocol);
    }
}

enum verdict tunnel_gre(struct decode *d)
{
    return decode_tunnel(d, gre_payload);
}

/* L2TP version 3 (RFC 3931 4.1.1) over IP: a session, 0 for control; a cookie of 0, 4 or 8 bytes and perhaps a
 * sublayer of 4, as both ends agreed, before the frame. The ethertype and the header behind it tell. */
enum verdict tunnel_l2tp3(struct decode *d)
{
    uint32_t session = cursor_be32(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (!session)
        return decode_chatter(d);
    for (size_t skip = 0; skip <= 12; skip += 4) {
        struct decode inside = *d;
        if (!cursor_skip(&inside.c, skip + 14))
            break;
        const uint8_t *type = inside.c.at - 2;
        bool tagged = type[0] == 0x81 && type[1] == 0x00 && cursor_skip(&inside.c, 4);
        if (tagged)
            type = inside.c.at - 2;
        bool ip = (type[0] == 0x08 && type[1] == 0x00) || (type[0] == 0x86 && type[1] == 0xdd);
        if (!ip || !ip_plausible(&inside))
            continue;
        cursor_skip(&d->c, skip);
        return decode_tunnel(d, link_ethernet);
    }
    return decode_unsupported(d, "l2tp", 3);
}

enum verdict tunnel_etherip(struct decode *d)
{
    uint16_t version = cursor_be16(&d->c);
    if (d->c.bad)
        return decode_short(d);
    return version == 0x3000 ? decode_tunnel(d, link_ethernet)
                             : decode_unsupported(d, "etherip 0x", version);
}
