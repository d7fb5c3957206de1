/* TCP (RFC 9293) and UDP (RFC 768) headers, and their checksums where every byte is there to sum.
 */
#include "checksum.h"
#include "decode.h"

#define TCP_HEADER 20
#define UDP_HEADER 8

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_TIMESTAMP = 8,
    OPTION_MD5 = 19,
    OPTION_AUTHENTICATION = 29
};

static uint16_t read16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t read32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Sets packet->bad_checksum. The pseudo-header's addresses are summed in their mapped form: the
 * prefix adds 0xffff twice, which is zero. */
static void verify(struct decode *d, uint8_t protocol, const uint8_t *segment, size_t len,
                   size_t field, bool has_payload)
{
    struct packet *packet = d->packet;
    uint16_t stored;
    if (d->cut || d->unverified)
        return;
    uint64_t pseudo = checksum_add(0, packet->src.bytes, 16);
    pseudo = checksum_add(pseudo, packet->dst.bytes, 16);
    const uint8_t tail[8] = {(uint8_t)(len >> 24),
                             (uint8_t)(len >> 16),
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             0,
                             0,
                             0,
                             protocol};
    uint64_t whole = checksum_add(pseudo, tail, 8);
    enum checksum_state state = CHECKSUM_RIGHT;
    if (checksum_fold(checksum_add(whole, segment, len)) != 0xffff) {
        __builtin_memcpy(&stored, segment + field, 2);
        bool partial =
            stored == checksum_fold(whole) || /* with the length, or left to the card too */
            stored == checksum_fold(checksum_add(pseudo, tail + 4, 4));
        state = partial ? CHECKSUM_PARTIAL : CHECKSUM_WRONG;
    }
    packet->bad_checksum = !offload_accept(d->decoder->offload, &packet->src, state, has_payload);
    d->wrong_checksum |= packet->bad_checksum;
}

/* One option at `p`, its length checked. */
static void take_option(struct packet_tcp *tcp, const uint8_t *p, uint8_t len)
{
    switch (p[0]) {
    case OPTION_MSS:
        tcp->mss = len == 4 ? read16(p + 2) : 0;
        break;
    case OPTION_WINDOW_SCALE:
        tcp->window_scale = len == 3 ? (int8_t)(p[2] < 14 ? p[2] : 14) : -1; /* RFC 7323 2.3 */
        break;
    case OPTION_TIMESTAMP:
        if (len == 10) {
            tcp->has_timestamp = true;
            tcp->timestamp = read32(p + 2);
            tcp->timestamp_echo = read32(p + 6);
        }
        break;
    case OPTION_MD5:
    case OPTION_AUTHENTICATION:
        tcp->has_md5 = true;
        break;
    default:
        break;
    }
}

static void read_options(struct packet_tcp *tcp, const uint8_t *p, size_t len, bool whole)
{
    if (len == 12 && read32(p) == 0x0101080a) { /* what nearly every segment carries, RFC 7323 A */
        take_option(tcp, p + 2, 10);
        return;
    }
    const uint8_t *end = p + len;
    while (p < end && p[0] != OPTION_END) {
        if (p[0] == OPTION_NOP) {
            p++;
            continue;
        }
        if (end - p < 2 || p[1] < 2 || p[1] > end - p) {
            tcp->bad_options = whole;
            return;
        }
        take_option(tcp, p, p[1]);
        p += p[1];
    }
}

enum verdict transport_tcp(struct decode *d)
{
    struct packet *packet = d->packet;
    struct packet_tcp *tcp = &packet->tcp;
    const uint8_t *h = cursor_peek(&d->c, TCP_HEADER);
    if (!h)
        return decode_short(d);
    uint32_t wire = decode_wire_left(d), header_len = (h[12] >> 4) * 4u;
    size_t left = cursor_left(&d->c);
    if (header_len < TCP_HEADER || header_len > wire)
        return decode_malformed(d);
    packet->protocol = 6;
    packet->src_port = read16(h);
    packet->dst_port = read16(h + 2);
    tcp->seq = read32(h + 4);
    tcp->ack = read32(h + 8);
    tcp->flags = h[13] & 0x3f;
    tcp->window = read16(h + 14);
    tcp->urgent = read16(h + 18);
    tcp->window_scale = -1;
    verify(d, 6, h, left, 16, wire > header_len);
    uint32_t here =
        header_len < left ? header_len : (uint32_t)left; /* the snap length may cut options */
    if (header_len > TCP_HEADER)
        read_options(tcp, h + TCP_HEADER, here - TCP_HEADER, here == header_len);
    packet->payload = h + here;
    packet->payload_len = (uint32_t)left - here;
    packet->payload_cut = wire - header_len - packet->payload_len;
    return VERDICT_SEGMENT;
}

/* What a port and its bytes make look like a tunnel is one if a segment, or a piece of one, comes
 * out of it. Else the datagram is handed over as it is: nothing is hidden by pretending to be a
 * tunnel. */
static enum verdict try_tunnel(struct decode *d, layer_fn inner)
{
    const struct decode outside = *d;
    const struct packet datagram = *d->packet;
    enum verdict verdict = inner(d);
    if (d->joined != outside.joined || (verdict == VERDICT_SEGMENT && !d->packet->bad_checksum))
        return verdict;
    if (verdict == VERDICT_END &&
        (d->fate == FATE_LOST_GAP || d->fate == FATE_DUPLICATE || d->fate == FATE_SHED_MEMORY))
        return verdict;
    *d = outside;
    *d->packet = datagram;
    return VERDICT_SEGMENT;
}

enum verdict transport_udp(struct decode *d)
{
    struct packet *packet = d->packet;
    const uint8_t *h = cursor_peek(&d->c, UDP_HEADER);
    if (!h)
        return decode_short(d);
    uint32_t length = read16(h + 4);
    if (length == 0 && packet->network[0] >> 4 == 6)
        length = decode_wire_left(d); /* a jumbogram, RFC 2675 4 */
    if (length < UDP_HEADER || !decode_trim(d, length))
        return decode_malformed(d);
    packet->protocol = 17;
    packet->src_port = read16(h);
    packet->dst_port = read16(h + 2);
    if (h[6] | h[7]) /* zero is none */
        verify(d, 17, h, cursor_left(&d->c), 6, true);
    cursor_skip(&d->c, UDP_HEADER);
    packet->payload = d->c.at;
    packet->payload_len = (uint32_t)cursor_left(&d->c);
    packet->payload_cut = d->cut;
    layer_fn tunnel =
        packet->bad_checksum ? NULL : tunnel_of_port(packet->src_port, packet->dst_port);
    return tunnel ? try_tunnel(d, tunnel) : VERDICT_SEGMENT;
}
