/* Tunnels that UDP carries. A port alone proves nothing: each reader checks the structure it
 * expects, and transport.c takes the datagram for itself when nothing readable comes out. A reader
 * that declines says so with decode_malformed(). */
#include "decode.h"

/* RFC 7348 5. Reserved bits are not looked at (RFC 8926's kin set them); the flag that a network
 * identifier is there must be set. */
static enum verdict vxlan(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 8);
    if (!header || !(header[0] & 0x08))
        return decode_malformed(d);
    return decode_tunnel(d, link_ethernet);
}

/* VXLAN-GPE names what it carries (draft-ietf-nvo3-vxlan-gpe 3). */
static enum verdict vxlan_gpe(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 8);
    if (!header || (header[0] & 0xf8) != 0x08 || !(header[0] & 0x04))
        return decode_malformed(d);
    layer_fn inner = ether_next_protocol(header[3]);
    if (inner)
        return decode_tunnel(d, inner);
    return header[3] == 4 ? ether_nsh(d) : decode_malformed(d);
}

/* RFC 9300 5.3: eight bytes, then the packet. */
static enum verdict lisp(struct decode *d)
{
    if (!cursor_skip(&d->c, 8) || !ip_plausible(d))
        return decode_malformed(d);
    return decode_tunnel(d, ip_any);
}

/* Generic UDP encapsulation (draft-ietf-intarea-gue 3): version 1 is a bare packet; version 0 has the length of its
 * optional words and an IP protocol, of which those that are networks are read. */
static enum verdict gue(struct decode *d)
{
    const uint8_t *header = cursor_peek(&d->c, 4);
    if (header && header[0] >> 6 == 1 && ip_plausible(d))
        return decode_tunnel(d, ip_any);
    if (!header || header[0] >> 5 != 0 || !cursor_skip(&d->c, 4 + (header[0] & 0x1fu) * 4))
        return decode_malformed(d);
    switch (header[1]) {
    case 4:
    case 41:
        return ip_plausible(d) ? decode_tunnel(d, ip_any) : decode_malformed(d);
    case 47:
        return tunnel_gre(d);
    default:
        return decode_malformed(d);
    }
}

/* CAPWAP's data channel (RFC 5415 4.3) where it is not encrypted: a header of so many words, then the station's frame,
 * as Ethernet or as it was in the air. Pieces of one are not put together. */
static enum verdict capwap(struct decode *d)
{
    const uint8_t *header = cursor_peek(&d->c, 8);
    size_t length = header ? (header[1] >> 3) * 4u : 0;
    if (!header || header[0] != 0 || length < 8 || header[3] & 0x80 || !cursor_skip(&d->c, length))
        return decode_malformed(d);
    return decode_tunnel(d, header[2] & 0x01 ? link_wifi : link_ethernet);
}

/* RFC 8926 3.4: version 0, options in words of four bytes, an ethertype. */
static enum verdict geneve(struct decode *d)
{
    uint8_t version = cursor_u8(&d->c);
    cursor_skip(&d->c, 1);
    uint16_t protocol = cursor_be16(&d->c);
    cursor_skip(&d->c, 4 + (size_t)(version & 0x3f) * 4);
    if (d->c.bad || version >> 6 != 0)
        return decode_malformed(d);
    switch (protocol) {
    case 0x6558:
        return decode_tunnel(d, link_ethernet);
    case 0x0800:
        return decode_tunnel(d, ip_v4);
    case 0x86dd:
        return decode_tunnel(d, ip_v6);
    default:
        return decode_malformed(d);
    }
}

/* RFC 4380 5.1.1: authentication and origin may come first, then an IPv6 packet that fills the
 * datagram. */
static enum verdict teredo(struct decode *d)
{
    const uint8_t *start = cursor_peek(&d->c, 4);
    if (start && start[0] == 0 && start[1] == 1)
        cursor_skip(&d->c, 13u + start[2] + start[3]);
    start = cursor_peek(&d->c, 2);
    if (start && start[0] == 0 && start[1] == 0)
        cursor_skip(&d->c, 8);
    start = cursor_peek(&d->c, 40);
    if (!start || start[0] >> 4 != 6 ||
        (uint32_t)(start[4] << 8 | start[5]) + 40 != decode_wire_left(d))
        return decode_malformed(d);
    return decode_tunnel(d, ip_v6);
}

/* 3GPP TS 29.281 5.1: version 1, a user packet; optional fields and extension headers, then IP. */
static enum verdict gtp_user(struct decode *d)
{
    uint8_t flags = cursor_u8(&d->c), type = cursor_u8(&d->c), next = 0;
    uint16_t length = cursor_be16(&d->c);
    cursor_skip(&d->c, 4);
    if (d->c.bad || (flags & 0xf0) != 0x30 || type != 255 || !decode_trim(d, length))
        return decode_malformed(d);
    if (flags & 0x07) {
        cursor_skip(&d->c, 3);
        next = cursor_u8(&d->c);
        if (!(flags & 0x04))
            next = 0;
    }
    while (next && !d->c.bad) { /* every turn takes at least four bytes */
        size_t size = (size_t)cursor_u8(&d->c) * 4;
        if (size == 0)
            return decode_malformed(d);
        cursor_skip(&d->c, size - 2);
        next = cursor_u8(&d->c);
    }
    return d->c.bad || !ip_plausible(d) ? decode_malformed(d) : decode_tunnel(d, ip_any);
}

/* L2TP version 2 (RFC 2661 3.1), data messages only: flags say which fields are there, then PPP. */
static enum verdict l2tp(struct decode *d)
{
    uint16_t flags = cursor_be16(&d->c);
    if (flags == 0x0003) /* version 3 has two reserved bytes more */
        return cursor_skip(&d->c, 2) ? tunnel_l2tp3(d) : decode_malformed(d);
    if (d->c.bad || (flags & 0xb4ff) != 0x0002) /* data, reserved bits clear, version 2 */
        return decode_malformed(d);
    if (flags & 0x4000) {
        uint16_t length = cursor_be16(&d->c);
        if (length < 4 || !decode_trim(d, length - 4u))
            return decode_malformed(d);
    }
    cursor_skip(&d->c, 4);
    if (flags & 0x0800)
        cursor_skip(&d->c, 4);
    if (flags & 0x0200)
        cursor_skip(&d->c, cursor_be16(&d->c));
    return d->c.bad ? decode_malformed(d) : decode_tunnel(d, link_ppp);
}

/* TZSP, how some access points and routers mirror: version 1, a received packet, what it is, then tagged fields (length
 * and value; 0 is padding) up to the one that ends them. */
enum verdict tunnel_tzsp(struct decode *d)
{
    uint8_t version = cursor_u8(&d->c), type = cursor_u8(&d->c), tag;
    uint16_t protocol = cursor_be16(&d->c);
    if (d->c.bad || version != 1 || type > 1)
        return decode_malformed(d);
    while ((tag = cursor_u8(&d->c)) != 1 && !d->c.bad) {
        if (tag)
            cursor_skip(&d->c, cursor_u8(&d->c));
    }
    if (d->c.bad)
        return decode_malformed(d);
    switch (protocol) {
    case 1:
        return decode_tunnel(d, link_ethernet);
    case 18:
        return decode_tunnel(d, link_wifi);
    default:
        return decode_malformed(d);
    }
}

static layer_fn of_port(uint16_t port)
{
    switch (port) {
    case 2152:
        return gtp_user;
    case 3544:
        return teredo;
    case 1701:
        return l2tp;
    case 4341:
        return lisp;
    case 5247:
        return capwap;
    default:
        return NULL;
    }
}

/* Those whose source port is chosen at random to spread flows are known by their destination alone.
 */
layer_fn tunnel_of_port(uint16_t src_port, uint16_t dst_port)
{
    switch (dst_port) {
    case 4789: /* RFC 7348 */
    case 8472: /* Linux before it had a number */
        return vxlan;
    case 4790:
        return vxlan_gpe;
    case 6081:
        return geneve;
    case 6635: /* RFC 7510 */
        return ether_mpls;
    case 6080:
        return gue;
    case 4754: /* RFC 8086 */
        return tunnel_gre;
    case 37008:
        return tunnel_tzsp;
    default:
        break;
    }
    layer_fn reader = of_port(dst_port);
    return reader ? reader : of_port(src_port);
}
