/* The first layer of a frame, by link type. Headers are those of pcap-linktype(7). */
#include "decode.h"

enum verdict link_by_family(struct decode *d, uint32_t family)
{
    switch (family) {
    case 2:
        return ip_v4(d);
    case 10: /* Linux */
    case 23: /* Windows */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return ip_v6(d);
    default:
        return decode_unsupported(d, "address family", family);
    }
}

/* Cisco's ISL: 26 bytes before the whole frame, known by their first address; a length
 * stands where the ethertype would. */
static bool is_isl(const uint8_t *header)
{
    return memcmp(header, "\x01\x00\x0c\x00", 5) == 0 || memcmp(header, "\x0c\x00\x0c\x00", 5) == 0;
}

enum verdict link_ethernet(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 14);
    if (!header)
        return decode_short(d);
    if (header[12] < 8 && is_isl(header))
        return cursor_skip(&d->c, 12) ? decode_tunnel(d, link_ethernet) : decode_short(d);
    return ether_payload(d, (uint16_t)(header[12] << 8 | header[13]));
}

static enum verdict link_null(struct decode *d)
{
    uint32_t family = cursor_le32(&d->c);
    if (d->c.bad)
        return decode_short(d);
    return link_by_family(d, family > 0xffff ? __builtin_bswap32(family) : family);
}

static enum verdict link_loop(struct decode *d)
{
    uint32_t family = cursor_be32(&d->c);
    return d->c.bad ? decode_short(d) : link_by_family(d, family);
}

/* LINKTYPE_ENC: the family in the writer's order, the security association, flags. */
static enum verdict link_enc(struct decode *d)
{
    uint32_t family = cursor_le32(&d->c);
    if (!cursor_skip(&d->c, 8))
        return decode_short(d);
    return link_by_family(d, family > 0xffff ? __builtin_bswap32(family) : family);
}

/* What follows a cooked header depends on the kind of interface. */
static enum verdict cooked_payload(struct decode *d, uint16_t hardware, uint16_t protocol)
{
    switch (hardware) {
    case 824: /* ARPHRD_NETLINK */
        return decode_unsupported(d, "interface kind", hardware);
    case 803: /* ARPHRD_IEEE80211_RADIOTAP */
        return link_radiotap(d);
    default:
        break;
    }
    switch (protocol) {
    case 0x0001: /* Novell's raw 802.3 */
        return decode_unsupported(d, "cooked protocol 0x", protocol);
    case 0x0004:
        return ether_llc(d);
    default:
        return ether_payload(d, protocol);
    }
}

static enum verdict link_cooked(struct decode *d)
{
    cursor_skip(&d->c, 2);
    uint16_t hardware = cursor_be16(&d->c);
    cursor_skip(&d->c, 10);
    uint16_t protocol = cursor_be16(&d->c);
    return d->c.bad ? decode_short(d) : cooked_payload(d, hardware, protocol);
}

static enum verdict link_cooked2(struct decode *d)
{
    uint16_t protocol = cursor_be16(&d->c);
    cursor_skip(&d->c, 6);
    uint16_t hardware = cursor_be16(&d->c);
    cursor_skip(&d->c, 10);
    return d->c.bad ? decode_short(d) : cooked_payload(d, hardware, protocol);
}

/* A PPP protocol number; its first byte may be compressed away (RFC 1661 6.5), and the address and
 * control bytes before it too (6.6). */
enum verdict link_ppp(struct decode *d)
{
    const uint8_t *start = cursor_peek(&d->c, 2);
    if (start && start[0] == 0xff && start[1] == 0x03)
        cursor_skip(&d->c, 2);
    uint16_t protocol = cursor_u8(&d->c);
    if (!(protocol & 1))
        protocol = (uint16_t)(protocol << 8 | cursor_u8(&d->c));
    if (d->c.bad)
        return decode_short(d);
    switch (protocol) {
    case 0x0021:
        return ip_v4(d);
    case 0x0057:
        return ip_v6(d);
    case 0x0031: /* bridged: a flags byte, a MAC type byte, then the frame (RFC 3518) */
        if (!cursor_skip(&d->c, 2))
            return decode_short(d);
        return decode_tunnel(d, link_ethernet);
    case 0x0281:
    case 0x0283:
        return ether_mpls(d);
    default:
        /* 0x8000 and up: network and link control (RFC 1661 2) */
        return protocol & 0x8000 ? decode_chatter(d)
                                 : decode_unsupported(d, "ppp protocol 0x", protocol);
    }
}

enum verdict link_cisco_hdlc(struct decode *d)
{
    cursor_skip(&d->c, 2);
    uint16_t protocol = cursor_be16(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (protocol == 0x8035) /* SLARP: keep-alives */
        return decode_chatter(d);
    return ether_payload(d, protocol);
}

static enum verdict link_ppp_serial(struct decode *d)
{
    const uint8_t *address = cursor_peek(&d->c, 1);
    if (address && (address[0] == 0x0f || address[0] == 0x8f))
        return link_cisco_hdlc(d);
    return link_ppp(d);
}

static enum verdict link_pppd(struct decode *d)
{
    return cursor_skip(&d->c, 2) ? link_ppp(d) : decode_short(d);
}

static enum verdict link_hdlc_direction(struct decode *d)
{
    return cursor_skip(&d->c, 1) ? link_cisco_hdlc(d) : decode_short(d);
}

static enum verdict link_ppp_direction(struct decode *d)
{
    return cursor_skip(&d->c, 1) ? link_ppp(d) : decode_short(d);
}

/* Type-length-value attributes; the packet is the one of type 9. */
static enum verdict link_nflog(struct decode *d)
{
    if (!cursor_skip(&d->c, 4))
        return decode_short(d);
    for (;;) {
        uint16_t length = cursor_le16(&d->c), type = cursor_le16(&d->c) & 0x7fff;
        if (d->c.bad || length < 4)
            return decode_short(d);
        if (type == 9) {
            if (!decode_trim(d, length - 4u))
                return decode_malformed(d);
            return ip_any(d);
        }
        if (!cursor_skip(&d->c, (length - 4u + 3) & ~3u))
            return decode_short(d);
    }
}

static enum verdict link_pktap(struct decode *d)
{
    const uint8_t *start = d->c.at;
    uint32_t length = cursor_le32(&d->c);
    cursor_skip(&d->c, 4);
    uint32_t link_type = cursor_le32(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (length < 12)
        return decode_malformed(d);
    d->c.at = start;
    if (!cursor_skip(&d->c, length))
        return decode_short(d);
    return link_by_type(d, link_type);
}

static enum verdict link_firewire(struct decode *d)
{
    cursor_skip(&d->c, 16);
    uint16_t type = cursor_be16(&d->c);
    return d->c.bad ? decode_short(d) : ether_payload(d, type);
}

static enum verdict link_netanalyzer(struct decode *d)
{
    return cursor_skip(&d->c, 4) ? link_ethernet(d) : decode_short(d);
}

/* The same, and what the wire has before a frame. */
static enum verdict link_netanalyzer_wire(struct decode *d)
{
    return cursor_skip(&d->c, 12) ? link_ethernet(d) : decode_short(d);
}

static enum verdict link_tag_before(struct decode *d)
{
    return cursor_skip(&d->c, 4) ? link_ethernet(d) : decode_short(d);
}

/* A switch's tag between the addresses and the ethertype. */
static enum verdict switch_tag(struct decode *d, size_t len)
{
    cursor_skip(&d->c, 12 + len);
    uint16_t type = cursor_be16(&d->c);
    return d->c.bad ? decode_short(d) : ether_payload(d, type);
}

static enum verdict link_switch_tag4(struct decode *d)
{
    return switch_tag(d, 4);
}

static enum verdict link_switch_tag8(struct decode *d)
{
    return switch_tag(d, 8);
}

static enum verdict link_ipnet(struct decode *d)
{
    return cursor_skip(&d->c, 24) ? ip_any(d) : decode_short(d);
}

/* Frame control 0x5x is a frame with 802.2 inside; others are the ring's own. */
static enum verdict link_fddi(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 13);
    if (!header)
        return decode_short(d);
    return (header[0] & 0xf0) == 0x50 ? ether_llc(d) : decode_chatter(d);
}

/* A set first bit of the source address announces routing information of so many bytes. */
static enum verdict link_token_ring(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 14);
    if (!header)
        return decode_short(d);
    if ((header[1] & 0xc0) != 0x40)
        return decode_chatter(d);
    if (header[8] & 0x80) {
        const uint8_t *route = cursor_peek(&d->c, 1);
        if (!route || !cursor_skip(&d->c, route[0] & 0x1f))
            return decode_short(d);
    }
    return ether_llc(d);
}

/* Two address bytes, then Cisco's ethertype or RFC 2427's control byte and network protocol. */
static enum verdict link_frame_relay(struct decode *d)
{
    const uint8_t *address = cursor_take(&d->c, 2), *next = cursor_peek(&d->c, 2);
    if (!address || !next)
        return decode_short(d);
    if (!(address[1] & 1)) /* longer addresses */
        return decode_unsupported(d, "frame relay 0x", address[1]);
    if (next[0] != 0x03)
        return ether_payload(d, cursor_be16(&d->c));
    cursor_skip(&d->c, next[1] == 0 ? 2 : 1); /* a pad byte aligns what follows */
    switch (cursor_u8(&d->c)) {
    case 0xcc:
        return ip_v4(d);
    case 0x8e:
        return ip_v6(d);
    case 0x80:
        return ether_snap(d);
    default:
        return decode_unsupported(d, "frame relay nlpid 0x", d->c.at[-1]);
    }
}

static const struct link links[] = {
#define LINK(number, layer, name) {number, layer, name},
#include "link_list.def"
#undef LINK
};

const struct link *link_find(int link_type)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i].link_type == link_type)
            return &links[i];
    }
    return NULL;
}

/* A header that names the link type of what it carries. */
enum verdict link_by_type(struct decode *d, uint32_t link_type)
{
    const struct link *link = link_type <= 0xffff ? link_find((int)link_type) : NULL;
    if (!link)
        return decode_unsupported(d, "link type", link_type);
    return decode_enter(d) ? link->decode(d) : decode_too_deep(d);
}
