/* What an ethertype (or 802.2 in its place) says comes next: tags, labels, sessions, IP, or the
 * link's own talk. IP and VLAN are tested first; the rest is one table. */
#include "decode.h"

#define LABELS_MAX 16
#define LENGTH_MAX 1500 /* an ethertype up to here is a length, IEEE 802.3 3.2.6 */

enum { /* IEEE 802 numbers */
       ETHER_IPV4 = 0x0800,
       ETHER_IPV6 = 0x86dd,
       ETHER_VLAN = 0x8100,
       ETHER_QINQ = 0x88a8
};

static enum verdict vlan(struct decode *d)
{
    uint16_t tag = cursor_be16(&d->c), type = cursor_be16(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (!decode_enter(d))
        return decode_too_deep(d);
    struct packet *packet = d->packet;
    if (packet->vlan_count < 2)
        packet->vlan[packet->vlan_count++] = tag & 0xfff;
    return ether_payload(d, type);
}

/* Tags of other kinds: so many bytes, then an ethertype. */
static enum verdict other_tag(struct decode *d, size_t len)
{
    cursor_skip(&d->c, len);
    uint16_t type = cursor_be16(&d->c);
    return d->c.bad ? decode_short(d) : ether_payload(d, type);
}

static enum verdict tag_of_4(struct decode *d)
{
    return other_tag(d, 4);
}

static enum verdict tag_of_6(struct decode *d)
{
    return other_tag(d, 6);
}

/* IEEE 802.1ah backbone service instance: four bytes, then the customer's whole frame. */
static enum verdict backbone(struct decode *d)
{
    if (!cursor_skip(&d->c, 4))
        return decode_short(d);
    return decode_tunnel(d, link_ethernet);
}

/* Cisco FabricPath: a switch's addresses and two bytes before the host's whole frame. */
static enum verdict fabric_path(struct decode *d)
{
    return cursor_skip(&d->c, 2) ? decode_tunnel(d, link_ethernet) : decode_short(d);
}

/* IEEE 802.1AE 9.3. Only frames that are signed and not encrypted can be read. */
static enum verdict macsec(struct decode *d)
{
    const uint8_t *tag = cursor_take(&d->c, 6);
    if (!tag || ((tag[0] & 0x20) && !cursor_skip(&d->c, 8)))
        return decode_short(d);
    if (tag[0] & 0x0c)
        return decode_unsupported(d, "macsec encrypted", 0);
    uint16_t type = cursor_be16(&d->c);
    return d->c.bad ? decode_short(d) : ether_payload(d, type);
}

/* RFC 6325 3: hops and the length of options, the switches' nicknames, then the host's whole frame. */
static enum verdict trill(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 6);
    if (!header || !cursor_skip(&d->c, ((header[0] & 0x07u) << 2 | header[1] >> 6) * 4u))
        return decode_short(d);
    return decode_tunnel(d, link_ethernet);
}

/* The numbers are IANA's for NSH, and VXLAN-GPE has the same. */
layer_fn ether_next_protocol(uint8_t number)
{
    static const layer_fn readers[] = {[1] = ip_v4, [2] = ip_v6, [3] = link_ethernet};
    return number < sizeof(readers) / sizeof(readers[0]) ? readers[number] : NULL;
}

/* RFC 8300 2.2: a length in words, what comes next. */
enum verdict ether_nsh(struct decode *d)
{
    const uint8_t *header = cursor_peek(&d->c, 8);
    size_t length = header ? (header[1] & 0x3fu) * 4u : 0;
    if (!header || !cursor_skip(&d->c, length))
        return decode_short(d);
    if (length < 8)
        return decode_malformed(d);
    layer_fn inner = ether_next_protocol(header[3]);
    if (inner)
        return decode_tunnel(d, inner);
    return header[3] == 5 ? ether_mpls(d) : decode_unsupported(d, "nsh protocol", header[3]);
}

static bool carries_network(const uint8_t *ethertype)
{
    uint16_t type = (uint16_t)(ethertype[0] << 8 | ethertype[1]);
    return type == ETHER_IPV4 || type == ETHER_IPV6 || type == ETHER_VLAN || type == ETHER_QINQ;
}

/* A pseudowire may begin with a control word, whose first four bits are zero (RFC 4385 3); so may a
 * MAC address. The ethertype behind tells them apart. */
static bool control_word(const struct decode *d)
{
    const uint8_t *p = cursor_peek(&d->c, 18);
    return p && p[0] >> 4 == 0 && (carries_network(p + 16) || !carries_network(p + 12));
}

/* RFC 3032. Nothing says what the last label carries: IP is recognised by its header, else it is an
 * Ethernet pseudowire (RFC 4448). */
enum verdict ether_mpls(struct decode *d)
{
    uint32_t label = 0;
    for (unsigned n = 0; !(label & 0x100); n++) {
        label = cursor_be32(&d->c);
        if (d->c.bad)
            return decode_short(d);
        if (n == LABELS_MAX)
            return decode_unsupported(d, "mpls labels past", LABELS_MAX);
    }
    if (!decode_enter(d))
        return decode_too_deep(d);
    if (ip_plausible(d))
        return decode_tunnel(d, ip_any);
    const uint8_t *next = cursor_peek(&d->c, 4);
    if (!next)
        return decode_short(d);
    if (next[0] >> 4 == 1) /* associated channel, RFC 4385 5 */
        return decode_chatter(d);
    if (control_word(d))
        cursor_skip(&d->c, 4);
    return decode_tunnel(d, link_ethernet);
}

/* RFC 2516 4: version and type, code, session, length. */
enum verdict ether_pppoe(struct decode *d)
{
    uint8_t version = cursor_u8(&d->c), code = cursor_u8(&d->c);
    cursor_skip(&d->c, 2);
    uint16_t length = cursor_be16(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (version != 0x11 || !decode_trim(d, length))
        return decode_malformed(d);
    if (code != 0)
        return decode_chatter(d);
    return decode_enter(d) ? link_ppp(d) : decode_too_deep(d);
}

enum verdict ether_snap(struct decode *d)
{
    uint32_t organisation = cursor_be24(&d->c);
    uint16_t type = cursor_be16(&d->c);
    if (d->c.bad)
        return decode_short(d);
    switch (organisation) {
    case 0x000000: /* RFC 1042 */
    case 0x0000f8: /* 802.1H */
        if (type <= LENGTH_MAX)
            return decode_unsupported(d, "snap type 0x", type);
        return decode_enter(d) ? ether_payload(d, type) : decode_too_deep(d);
    case 0x00000c: /* Cisco: CDP, VTP, DTP, PVST, UDLD */
        return decode_chatter(d);
    case 0x0080c2: /* bridged Ethernet, RFC 2684: with its check sequence (1) or without (7) */
        if ((type != 1 && type != 7) || !cursor_skip(&d->c, 2))
            return decode_unsupported(d, "bridged snap 0x", type);
        return decode_tunnel(d, link_ethernet);
    default:
        return decode_unsupported(d, "snap oui 0x", organisation);
    }
}

enum verdict ether_llc(struct decode *d)
{
    uint8_t destination = cursor_u8(&d->c), source = cursor_u8(&d->c), control = cursor_u8(&d->c);
    if (d->c.bad)
        return decode_short(d);
    if (destination == 0xaa && source == 0xaa && control == 0x03)
        return ether_snap(d);
    switch (destination) {
    case 0x42: /* spanning tree */
    case 0xfe: /* IS-IS and its kin */
        return decode_chatter(d);
    case 0x06:
        return decode_enter(d) ? ip_v4(d) : decode_too_deep(d);
    default:
        return decode_unsupported(d, "llc sap 0x", destination);
    }
}

static const struct ether_type {
    uint16_t type;
    layer_fn decode;
} ether_types[] = {
    {0x9100, vlan},                                    /* QinQ before 802.1ad */
    {0x9200, vlan},           {0x8847, ether_mpls},    /* unicast */
    {0x8848, ether_mpls},                              /* upstream-assigned */
    {0x8864, ether_pppoe},    {0x6558, link_ethernet}, /* bridged frame */
    {0x893f, tag_of_6},                                /* IEEE 802.1BR E-TAG */
    {0x892f, tag_of_4},                                /* IEC 62439-3 HSR */
    {0x894f, ether_nsh},      {0x22f3, trill},         /* RFC 6325 */
    {0x880b, link_ppp},                                /* RFC 1701 */
    {0x8926, tag_of_4},                                /* Cisco VN-Tag */
    {0x8909, tag_of_6},                                /* Cisco security group tag */
    {0x88e7, backbone},       {0x8903, fabric_path},
    {0x88e5, macsec},         {0x8870, ether_llc},      /* jumbo 802.2 */
    {0x0806, decode_chatter},                           /* ARP */
    {0x8035, decode_chatter},                           /* RARP */
    {0x88cc, decode_chatter},                           /* LLDP */
    {0x888e, decode_chatter},                           /* EAPOL */
    {0x8809, decode_chatter},                           /* LACP and other slow protocols */
    {0x8863, decode_chatter},                           /* PPPoE discovery */
    {0x8808, decode_chatter},                           /* flow control */
    {0x88f7, decode_chatter},                           /* PTP */
    {0x8902, decode_chatter},                           /* fault management */
    {0x88d9, decode_chatter},                           /* LLTD */
    {0x9000, decode_chatter},                           /* loopback test */
    {0x2000, decode_chatter},                           /* CDP, where SNAP was taken off */
    {0x22f4, decode_chatter},                           /* TRILL control */
    {0x88fb, decode_chatter},                           /* PRP and HSR supervision */
    {0x0842, decode_chatter},                           /* wake on LAN */
    {0x88e1, decode_chatter},                           /* HomePlug management */
    {0x8912, decode_chatter}, {0x8899, decode_chatter}, /* Realtek loop detection */
};

enum verdict ether_payload(struct decode *d, uint16_t type)
{
    switch (type) {
    case ETHER_IPV4:
        return ip_v4(d);
    case ETHER_IPV6:
        return ip_v6(d);
    case ETHER_VLAN:
    case ETHER_QINQ:
        return vlan(d);
    default:
        break;
    }
    if (type <= LENGTH_MAX) {
        decode_trim(d, type); /* where it says more than there is, a wrong length is forgiven */
        return decode_enter(d) ? ether_llc(d) : decode_too_deep(d);
    }
    for (size_t i = 0; i < sizeof(ether_types) / sizeof(ether_types[0]); i++) {
        if (ether_types[i].type == type)
            return decode_enter(d) ? ether_types[i].decode(d) : decode_too_deep(d);
    }
    return decode_unsupported(d, "ethertype 0x", type);
}
