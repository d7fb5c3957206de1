/* Headers that capture cards, routers and other programs put before the frame they caught. */
#include "decode.h"

/* Endace's extensible record format: time, type, flags, lengths; extension headers of eight bytes, each saying whether
 * another follows; then the frame as its type has it. */
enum verdict link_erf(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 16), *extension;
    if (!header)
        return decode_short(d);
    uint8_t type = header[8], more = type;
    uint32_t wire = (uint32_t)(header[14] << 8 | header[15]), here;
    while (more & 0x80) {
        if (!(extension = cursor_take(&d->c, 8)))
            return decode_short(d);
        more = extension[0];
    }
    switch (type & 0x7f) {
    case 2: /* Ethernet after an offset and a padding byte; 11, 16 and 20 are coloured */
    case 11:
    case 16:
    case 20:
        if (!cursor_skip(&d->c, 2))
            return decode_short(d);
        here = decode_wire_left(d);
        if (wire > here) /* the card cut it */
            d->cut += wire - here;
        return link_ethernet(d);
    case 1: /* HDLC */
        return link_by_type(d, 50);
    case 22:
        return ip_v4(d);
    case 23:
        return ip_v6(d);
    default:
        return decode_unsupported(d, "erf type", type & 0x7f);
    }
}

/* Its own length (without the padding to four bytes), the address family, what the filter did. */
enum verdict link_pflog(struct decode *d)
{
    const uint8_t *header = cursor_peek(&d->c, 2);
    if (!header || !cursor_skip(&d->c, (header[0] + 3u) & ~3u))
        return decode_short(d);
    return header[0] < 4 ? decode_malformed(d) : link_by_family(d, header[1]);
}

/* Juniper's: a magic number, flags (extensions follow; the link header is left out), extensions. */
static enum verdict juniper(struct decode *d, layer_fn link)
{
    uint32_t magic = cursor_be24(&d->c);
    uint8_t flags = cursor_u8(&d->c);
    if (flags & 0x80)
        cursor_skip(&d->c, cursor_be16(&d->c));
    if (d->c.bad)
        return decode_short(d);
    if (magic != 0x4d4743)
        return decode_malformed(d);
    if (!(flags & 0x02))
        return link(d);
    return cursor_skip(&d->c, 4) ? ip_any(d) : decode_short(d);
}

enum verdict link_juniper(struct decode *d)
{
    return juniper(d, link_ethernet);
}

enum verdict link_juniper_ppp(struct decode *d)
{
    return juniper(d, link_ppp);
}

enum verdict link_juniper_hdlc(struct decode *d)
{
    return juniper(d, link_cisco_hdlc);
}

enum verdict link_fibre_channel(struct decode *d)
{
    return cursor_skip(&d->c, 16) ? ether_llc(d) : decode_short(d);
}

/* A global route header, an ethertype, two reserved bytes. */
enum verdict link_infiniband(struct decode *d)
{
    cursor_skip(&d->c, 40);
    uint16_t type = cursor_be16(&d->c);
    cursor_skip(&d->c, 2);
    return d->c.bad ? decode_short(d) : ether_payload(d, type);
}

/* What is carried, and the virtual channel: 802.2, or an emulated LAN's number and frame. */
enum verdict link_sun_atm(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 4);
    if (!header)
        return decode_short(d);
    switch (header[0] & 0x0f) {
    case 1:
        return cursor_skip(&d->c, 2) ? link_ethernet(d) : decode_short(d);
    case 2:
        return ether_llc(d);
    default:
        return decode_unsupported(d, "atm traffic", header[0] & 0x0f);
    }
}
