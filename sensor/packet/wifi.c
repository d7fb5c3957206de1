/* IEEE 802.11 data frames that are not encrypted, after the headers capture programs put before
 * them. Numbers in 802.11 and in these headers are little-endian, but AVS. */
#include "decode.h"

enum { /* frame control, IEEE 802.11-2020 9.2.4.1 */
       WIFI_TYPE = 0x000c,
       WIFI_TYPE_DATA = 0x0008,
       WIFI_NO_DATA = 0x0040,
       WIFI_QOS = 0x0080,
       WIFI_TO_DS = 0x0100,
       WIFI_FROM_DS = 0x0200,
       WIFI_MORE_FRAGMENTS = 0x0400,
       WIFI_PROTECTED = 0x4000,
       WIFI_ORDER = 0x8000
};
enum { QOS_TID = 0x000f, QOS_A_MSDU = 0x0080, QOS_MESH_CONTROL = 0x0100 };
enum { RADIOTAP_TSFT = 1u << 0, RADIOTAP_FLAGS = 1u << 1, RADIOTAP_EXTENDED = 1u << 31 };
enum { FLAG_FCS_AT_END = 0x10, FLAG_PADDED = 0x20, FLAG_BAD_FCS = 0x40 };

/* The frame check sequence ends the frame on the wire, whether or not it was captured. */
static bool drop_fcs(struct decode *d)
{
    uint32_t wire = decode_wire_left(d);
    return wire >= 4 && decode_trim(d, wire - 4);
}

/* IEEE 802.11-2020 9.3.2.2.2: each MSDU after its addresses and length, padded with them to four bytes
 * but the last. */
enum verdict wifi_aggregate(struct decode *d)
{
    cursor_skip(&d->c, 12);
    uint16_t length = cursor_be16(&d->c);
    size_t left = cursor_left(&d->c), padded = ((14u + length + 3u) & ~3u) - 14u;
    if (d->c.bad)
        return decode_short(d);
    if (left > padded) {
        d->more = (struct cursor){d->c.at + padded, d->c.end, false};
        d->more_cut = d->cut;
        d->rest -= (uint32_t)(left - padded);
    }
    if (!decode_trim(d, length))
        return decode_malformed(d);
    return ether_llc(d);
}

/* Pieces of one MSDU, put together as those of a datagram are (packet.c tells how they are booked). */
static enum verdict fragment(struct decode *d, struct msdu_piece *in)
{
    struct counters *counters = d->decoder->counters;
    struct msdu_view view;
    uint32_t len = in->len = (uint32_t)cursor_left(&d->c);
    in->data = d->c.at;
    if (d->cut) /* the missing end never comes */
        return decode_end(d, FATE_LOST_GAP, len);
    enum fragment_result result = msdus_add(d->decoder->msdus, in, &view);
    if (result == FRAGMENT_SHED)
        return decode_end(d, FATE_SHED_MEMORY, len);
    if (result == FRAGMENT_DUPLICATE)
        return decode_end(d, FATE_DUPLICATE, len);
    if (result == FRAGMENT_HELD)
        return decode_end(d, FATE_LOST_GAP, len);
    counters->fate_bytes[FATE_LOST_GAP] -= view.held_bytes;
    d->rest += view.held_bytes;
    counters->fate_packets[FATE_LOST_GAP] -= view.held_frames;
    counters->fate_packets[FATE_OVERHEAD] += view.held_frames;
    d->c = cursor_over(view.data, view.len);
    d->joined++;
    return ether_llc(d);
}

/* A mesh puts its own header before the frame it carries, in all that has four addresses; the bit that says so means
 * another thing elsewhere. */
static void skip_mesh_control(struct decode *d, uint16_t qos)
{
    const uint8_t *p = cursor_peek(&d->c, 6 + 3);
    if (!(qos & QOS_MESH_CONTROL) || !p || (p[0] == 0xaa && p[1] == 0xaa))
        return;
    size_t len = 6 + 6u * (p[0] & 3);
    p = cursor_peek(&d->c, len + 3);
    if (p && p[len] == 0xaa && p[len + 1] == 0xaa && p[len + 2] == 0x03)
        cursor_skip(&d->c, len);
}

static enum verdict data_frame(struct decode *d, bool padded)
{
    const uint8_t *start = d->c.at;
    uint16_t control = cursor_le16(&d->c), qos = 0;
    cursor_skip(&d->c, 20);
    uint16_t sequence = cursor_le16(&d->c);
    bool both = (control & (WIFI_TO_DS | WIFI_FROM_DS)) == (WIFI_TO_DS | WIFI_FROM_DS);
    if (both)
        cursor_skip(&d->c, 6); /* the fourth address */
    if (control & WIFI_QOS) {
        qos = cursor_le16(&d->c);
        if (control & WIFI_ORDER)
            cursor_skip(&d->c, 4);
    }
    if (padded)
        cursor_skip(&d->c, -(size_t)(d->c.at - start) & 3);
    if (d->c.bad)
        return decode_short(d);
    if (control & WIFI_NO_DATA)
        return decode_chatter(d);
    if (control & WIFI_PROTECTED) {
        /* Some drivers decrypt and leave the mark: the LLC header of SNAP is then in the clear. */
        const uint8_t *llc = cursor_peek(&d->c, 3);
        if (!llc || llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03)
            return decode_unsupported(d, "802.11 encrypted", 0);
    }
    if ((control & WIFI_MORE_FRAGMENTS) || (sequence & 0xf)) {
        struct msdu_piece piece = {.more = control & WIFI_MORE_FRAGMENTS,
                                   .sequence = sequence >> 4,
                                   .number = sequence & 0xf,
                                   .tid = qos & QOS_TID,
                                   .time_ns = d->packet->time_ns};
        memcpy(piece.addresses, start + 4, sizeof(piece.addresses));
        return fragment(d, &piece);
    }
    if (both)
        skip_mesh_control(d, qos);
    return qos & QOS_A_MSDU ? wifi_aggregate(d) : ether_llc(d);
}

static enum verdict wifi_frame(struct decode *d, uint8_t flags)
{
    const uint8_t *control = cursor_peek(&d->c, 2);
    if (flags & FLAG_BAD_FCS)
        return decode_malformed(d);
    if (!control || ((flags & FLAG_FCS_AT_END) && !drop_fcs(d)))
        return decode_short(d);
    if ((control[0] & WIFI_TYPE) != WIFI_TYPE_DATA)
        return decode_chatter(d); /* management and control */
    return data_frame(d, flags & FLAG_PADDED);
}

enum verdict link_wifi(struct decode *d)
{
    return wifi_frame(d, 0);
}

/* Radiotap (radiotap.org): words of presence bits, then the fields in the order of the bits. Only
 * the flags matter, and only the time stamp stands before them. */
enum verdict link_radiotap(struct decode *d)
{
    struct cursor c = d->c;
    const uint8_t *start = c.at;
    uint8_t version = cursor_u8(&c), flags = 0;
    cursor_skip(&c, 1);
    uint16_t length = cursor_le16(&c);
    if (!cursor_skip(&d->c, length))
        return decode_short(d);
    if (version != 0 || length < 8)
        return decode_malformed(d);
    c.end = start + length;
    uint32_t present = cursor_le32(&c), more = present;
    while (more & RADIOTAP_EXTENDED && !c.bad)
        more = cursor_le32(&c);
    if (present & RADIOTAP_TSFT) {
        cursor_skip(&c, -(size_t)(c.at - start) & 7);
        cursor_skip(&c, 8);
    }
    if (present & RADIOTAP_FLAGS)
        flags = cursor_u8(&c);
    return c.bad ? decode_malformed(d) : wifi_frame(d, flags);
}

enum verdict link_avs(struct decode *d)
{
    struct cursor c = d->c;
    cursor_skip(&c, 4);
    uint32_t length = cursor_be32(&c);
    if (c.bad || !cursor_skip(&d->c, length))
        return decode_short(d);
    return length < 8 ? decode_malformed(d) : wifi_frame(d, 0);
}

enum verdict link_prism(struct decode *d)
{
    struct cursor c = d->c;
    if ((cursor_be32(&c) & 0xfffff000) == 0x80211000) /* AVS under Prism's number */
        return link_avs(d);
    uint32_t length = cursor_le32(&c);
    if (c.bad || !cursor_skip(&d->c, length))
        return decode_short(d);
    return length < 8 ? decode_malformed(d) : wifi_frame(d, 0);
}

/* Per-packet information: fields of type and length; field 2 tells of a frame check sequence. */
enum verdict link_ppi(struct decode *d)
{
    struct cursor c = d->c;
    const uint8_t *start = c.at;
    uint8_t flags = 0;
    cursor_skip(&c, 2);
    uint16_t length = cursor_le16(&c);
    uint32_t link_type = cursor_le32(&c);
    if (c.bad || !cursor_skip(&d->c, length))
        return decode_short(d);
    if (length < 8)
        return decode_malformed(d);
    c.end = start + length;
    while (!c.bad && cursor_left(&c) >= 4) {
        uint16_t type = cursor_le16(&c), size = cursor_le16(&c);
        const uint8_t *field = cursor_take(&c, size);
        if (field && type == 2 && size >= 10 && (field[8] & 1))
            flags = FLAG_FCS_AT_END;
    }
    if (link_type != 105)
        return link_by_type(d, link_type);
    return wifi_frame(d, flags);
}
