/* IPv4 (RFC 791) and IPv6 (RFC 8200): headers, extension headers, fragments, and what IP carries.
 */
#include "decode.h"

#include "checksum.h"

#define EXTENSIONS_MAX 16
/* A length of zero is sent by hosts whose network card splits what is larger than any frame: the
 * capture shows it before that. In a frame of ordinary size it is damage. */
#define UNSPLIT_MIN 1460

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_ESP = 50,
    PROTOCOL_AH = 51,
    PROTOCOL_ICMP6 = 58,
    PROTOCOL_NONE = 59,
    PROTOCOL_DESTINATION = 60,
    PROTOCOL_MOBILITY = 135,
    PROTOCOL_HIP = 139,
    PROTOCOL_SHIM6 = 140
};

static enum verdict ip_payload(struct decode *d, uint8_t protocol);

enum verdict decode_tunnel(struct decode *d, layer_fn inner)
{
    if (++d->packet->tunnel_depth > TUNNELS_MAX || !decode_enter(d))
        return decode_unsupported(d, "tunnels deeper than", TUNNELS_MAX);
    d->unverified = false;
    return inner(d);
}

static enum verdict in_v4(struct decode *d)
{
    return decode_tunnel(d, ip_v4);
}

static enum verdict in_v6(struct decode *d)
{
    return decode_tunnel(d, ip_v6);
}

/* The header is the network's; what an echo carries is the sender's, and not read. */
static enum verdict icmp(struct decode *d)
{
    if (!cursor_skip(&d->c, 8))
        return decode_short(d);
    return cursor_left(&d->c) ? decode_unsupported(d, "ip protocol", PROTOCOL_ICMP)
                              : decode_chatter(d);
}

static enum verdict icmp6(struct decode *d)
{
    const uint8_t *header = cursor_take(&d->c, 4);
    if (!header)
        return decode_short(d);
    if (header[0] > 129) /* neighbour discovery, multicast listeners, router talk */
        return decode_chatter(d);
    cursor_skip(&d->c, 4);
    return cursor_left(&d->c) ? decode_unsupported(d, "ip protocol", PROTOCOL_ICMP6)
                              : decode_chatter(d);
}

static enum verdict in_ethernet(struct decode *d)
{
    return decode_tunnel(d, link_ethernet);
}

/* Minimal encapsulation (RFC 2004 3.1): the protocol, whether the sender's address is there too, the addresses that
 * the outer header took the place of. */
static enum verdict minimal(struct decode *d)
{
    uint8_t protocol = cursor_u8(&d->c), flags = cursor_u8(&d->c);
    cursor_skip(&d->c, 2);
    const uint8_t *to = cursor_take(&d->c, 4), *from = flags & 0x80 ? cursor_take(&d->c, 4) : to;
    if (!to || !from)
        return decode_short(d);
    if (++d->packet->tunnel_depth > TUNNELS_MAX || !decode_enter(d))
        return decode_too_deep(d);
    d->packet->dst = ip_from_v4(to);
    if (flags & 0x80)
        d->packet->src = ip_from_v4(from);
    return ip_payload(d, protocol);
}

/* RFC 4303: nobody but the ends reads it. A flow without ports all the same, so that its bytes have a direction and
 * its volume can be spoken of. */
static enum verdict esp(struct decode *d)
{
    struct packet *packet = d->packet;
    if (!cursor_peek(&d->c, 8))
        return decode_short(d);
    packet->protocol = PROTOCOL_ESP;
    packet->src_port = packet->dst_port = 0;
    packet->payload = d->c.at;
    packet->payload_len = (uint32_t)cursor_left(&d->c);
    packet->payload_cut = d->cut;
    return VERDICT_SEGMENT;
}

static const struct ip_protocol {
    uint8_t number;
    layer_fn decode;
} ip_protocols[] = {
    {PROTOCOL_ICMP, icmp},
    {PROTOCOL_ICMP6, icmp6},
    {4, in_v4},  /* IP in IP, RFC 2003 */
    {41, in_v6}, /* 6in4, RFC 4213 */
    {PROTOCOL_ESP, esp},
    {47, tunnel_gre},
    {55, minimal},
    {94, in_v4},         /* IP in IP, KA9Q's number */
    {115, tunnel_l2tp3},
    {143, in_ethernet},  /* RFC 8986 */
    {97, tunnel_etherip}, /* RFC 3378 */
    {137, ether_mpls},    /* RFC 4023 */
    {PROTOCOL_NONE, decode_chatter},
    {2, decode_chatter},   /* IGMP */
    {88, decode_chatter},  /* EIGRP */
    {89, decode_chatter},  /* OSPF */
    {103, decode_chatter}, /* PIM */
    {112, decode_chatter}, /* VRRP */
};

/* A datagram of which there are two readings: a checksum that only the second one fits has chosen. */
static enum verdict either_reading(struct decode *d, const struct datagram_view *view)
{
    const struct decode outside = *d;
    const struct packet before = *d->packet;
    enum verdict verdict = ip_payload(d, view->protocol);
    bool doubted = verdict == VERDICT_SEGMENT && d->packet->bad_checksum;
    if (!view->other || !doubted || d->joined != outside.joined)
        return verdict;
    const struct decode first = *d;
    const struct packet packet = *d->packet;
    *d = outside;
    *d->packet = before;
    d->c = cursor_over(view->other, view->payload_len);
    d->packet->network = view->other - view->header_len;
    verdict = ip_payload(d, view->protocol);
    if (verdict == VERDICT_SEGMENT && !d->packet->bad_checksum && d->joined == outside.joined)
        return verdict;
    *d = first;
    *d->packet = packet;
    return VERDICT_SEGMENT;
}

/* Takes a whole datagram, or holds its piece. Bytes of fragments are booked as said in fragment.h.
 */
static enum verdict fragment(struct decode *d, struct fragment *in)
{
    struct packet *packet = d->packet;
    struct counters *counters = d->decoder->counters;
    struct datagram_view view;
    count_add(counters, COUNT_PACKET_FRAGMENTS, 1);
    in->len = (uint32_t)cursor_left(&d->c);
    if (in->more && in->version == 4)
        in->len &= ~7u; /* as receivers do; RFC 8200 4.5 has IPv6 refuse it */
    if (in->offset + decode_wire_left(d) > DATAGRAM_MAX || (in->len == 0 && !d->cut) ||
        (in->more && decode_wire_left(d) % 8 && in->version == 6))
        return decode_malformed(d);
    if (d->cut) /* the missing end never comes */
        return decode_end(d, FATE_LOST_GAP, in->len);
    in->src = packet->src;
    in->dst = packet->dst;
    in->path = packet->vlan_count ? (uint32_t)packet->vlan[0] << 16 | packet->vlan[1] | 0x8000u : 0;
    in->data = d->c.at;
    in->time_ns = packet->time_ns;
    enum fragment_result result = fragments_add(d->decoder->fragments, in, &view);
    if (result == FRAGMENT_SHED)
        return decode_end(d, FATE_SHED_MEMORY, in->len);
    if (result == FRAGMENT_DUPLICATE)
        return decode_end(d, FATE_DUPLICATE, view.same);
    fate_add(counters, FATE_DUPLICATE, view.same);
    d->rest -= view.same;
    if (result == FRAGMENT_HELD)
        return decode_end(d, FATE_LOST_GAP, view.fresh);

    counters->fate_bytes[FATE_LOST_GAP] -= view.held_bytes;
    d->rest += view.held_bytes;
    counters->fate_packets[FATE_LOST_GAP] -= view.held_frames;
    counters->fate_packets[FATE_OVERHEAD] += view.held_frames;
    packet->was_fragmented = true;
    packet->fragment_conflict |= view.conflict;
    packet->network = view.header;
    packet->network_len = view.header_len + view.payload_len;
    d->c = cursor_over(view.header + view.header_len, view.payload_len);
    d->cut = 0;
    d->joined++;
    return decode_enter(d) ? either_reading(d, &view) : decode_too_deep(d);
}

/* An IPv6 fragment header. One that is the whole datagram is no fragment (RFC 6946). */
static enum verdict v6_fragment(struct decode *d)
{
    const uint8_t *h = cursor_take(&d->c, 8);
    if (!h)
        return decode_short(d);
    struct fragment in = {.version = 6,
                          .protocol = h[0],
                          .more = h[3] & 1,
                          .offset = (uint32_t)(h[2] << 8 | h[3]) & 0xfff8u,
                          .ttl = d->packet->ttl,
                          .id = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 |
                                h[7]};
    if (in.offset == 0 && !in.more)
        return decode_enter(d) ? ip_payload(d, in.protocol) : decode_too_deep(d);
    return fragment(d, &in);
}

static enum verdict other_protocol(struct decode *d, uint8_t protocol)
{
    for (size_t i = 0; i < sizeof(ip_protocols) / sizeof(ip_protocols[0]); i++) {
        if (ip_protocols[i].number == protocol)
            return ip_protocols[i].decode(d);
    }
    return decode_unsupported(d, "ip protocol", protocol);
}

/* Steps over extension headers to what IP carries. */
static enum verdict ip_payload(struct decode *d, uint8_t protocol)
{
    bool v6 = d->packet->network[0] >> 4 == 6;
    for (unsigned n = 0; n < EXTENSIONS_MAX; n++) {
        size_t length;
        const uint8_t *header;
        switch (protocol) {
        case PROTOCOL_TCP:
            return transport_tcp(d);
        case PROTOCOL_UDP:
            return transport_udp(d);
        case PROTOCOL_FRAGMENT:
            return v6 ? v6_fragment(d) : other_protocol(d, protocol);
        case PROTOCOL_AH:
        case PROTOCOL_HOP_BY_HOP:
        case PROTOCOL_ROUTING:
        case PROTOCOL_DESTINATION:
        case PROTOCOL_MOBILITY:
        case PROTOCOL_HIP:
        case PROTOCOL_SHIM6:
            break;
        default:
            return other_protocol(d, protocol);
        }
        if (!v6 && protocol != PROTOCOL_AH)
            return other_protocol(d, protocol);
        header = cursor_peek(&d->c, 4);
        if (!header)
            return decode_short(d);
        if (protocol == PROTOCOL_ROUTING && header[3] > 0)
            d->unverified = true; /* its last address is the checksum's */
        length = protocol == PROTOCOL_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
        protocol = header[0];
        if (!cursor_skip(&d->c, length))
            return decode_short(d);
    }
    return decode_malformed(d);
}

/* Source routing (RFC 791 3.1): the last hop, and the checksum's destination, stand in the option.
 */
static bool source_routed(const uint8_t *options, size_t len)
{
    for (size_t i = 0; i < len;) {
        if (options[i] == 0)
            return false;
        if (options[i] == 131 || options[i] == 137)
            return true;
        size_t step = options[i] == 1 ? 1 : i + 1 < len ? options[i + 1] : 0;
        if (step == 0)
            return false;
        i += step;
    }
    return false;
}

enum verdict ip_v4(struct decode *d)
{
    struct packet *packet = d->packet;
    const uint8_t *h = cursor_peek(&d->c, 20);
    if (!h)
        return decode_short(d);
    uint32_t header_len = (h[0] & 0xfu) * 4, total = (uint32_t)(h[2] << 8 | h[3]);
    if (h[0] >> 4 != 4 || header_len < 20)
        return decode_malformed(d);
    if (total == 0 && decode_wire_left(d) > header_len + UNSPLIT_MIN)
        total = decode_wire_left(d);
    if (total < header_len || !decode_trim(d, total))
        return decode_malformed(d);
    packet->network = h;
    packet->network_len = (uint32_t)cursor_left(&d->c);
    if (!cursor_skip(&d->c, header_len))
        return decode_short(d);
    packet->src = ip_from_v4(h + 12);
    packet->dst = ip_from_v4(h + 16);
    packet->ttl = h[8];
    if (checksum_fold(checksum_add(0, h, header_len)) != 0xffff &&
        !offload_accept_header(d->decoder->offload, &packet->src, !(h[10] | h[11]))) {
        d->wrong_checksum = true;
        return decode_malformed(d);
    }
    if (header_len > 20 && source_routed(h + 20, header_len - 20))
        d->unverified = true;
    uint32_t where = (uint32_t)(h[6] << 8 | h[7]);
    if (where & 0x3fff) { /* more to come, or not the first */
        struct fragment in = {.version = 4,
                              .protocol = h[9],
                              .more = where & 0x2000,
                              .ttl = h[8],
                              .offset = (where & 0x1fff) * 8,
                              .id = (uint32_t)(h[4] << 8 | h[5])};
        return fragment(d, &in);
    }
    return ip_payload(d, h[9]);
}

enum verdict ip_v6(struct decode *d)
{
    struct packet *packet = d->packet;
    const uint8_t *h = cursor_take(&d->c, 40);
    if (!h)
        return decode_short(d);
    if (h[0] >> 4 != 6)
        return decode_malformed(d);
    uint32_t length = (uint32_t)(h[4] << 8 | h[5]);
    if (length == 0 && decode_wire_left(d) > UNSPLIT_MIN) /* a jumbogram (RFC 2675), or unsplit */
        length = decode_wire_left(d);
    if (!decode_trim(d, length))
        return decode_malformed(d);
    packet->network = h;
    packet->network_len = 40 + (uint32_t)cursor_left(&d->c);
    packet->src = ip_from_v6(h + 8);
    packet->dst = ip_from_v6(h + 24);
    packet->ttl = h[7];
    return ip_payload(d, h[6]);
}

enum verdict ip_any(struct decode *d)
{
    const uint8_t *h = cursor_peek(&d->c, 1);
    if (!h)
        return decode_short(d);
    if (h[0] >> 4 == 4)
        return ip_v4(d);
    if (h[0] >> 4 == 6)
        return ip_v6(d);
    return decode_unsupported(d, "ip version", h[0] >> 4);
}

bool ip_plausible(const struct decode *d)
{
    const uint8_t *h = cursor_peek(&d->c, 20);
    if (!h)
        return false;
    if (h[0] >> 4 == 6)
        return cursor_left(&d->c) >= 40 && (uint32_t)(h[4] << 8 | h[5]) + 40 <= decode_wire_left(d);
    uint32_t total = (uint32_t)(h[2] << 8 | h[3]);
    return h[0] >> 4 == 4 && (h[0] & 0xf) >= 5 && total >= 20 && total <= decode_wire_left(d);
}
