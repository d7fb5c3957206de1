/* TCP as the receiver sees it: which SYN counts, what an acknowledgement proves, and which FIN and
 * RST end anything.
 *
 * The other side's answers are the truth a forged segment cannot imitate: its SYN+ACK says which
 * SYN it took, its acknowledgements what it received, its timestamp echoes what it has seen. Where
 * nothing confirms an end, the connection lingers; if it goes on, the end was forged, and says so
 * in the flow's evasion marks. */
#include "stream/connection.h"

#define SECOND INT64_C(1000000000)
#define LINGER_CLOSED_NS (2 * SECOND)
#define LINGER_UNSURE_NS (5 * SECOND) /* after a reset, or a FIN nobody acknowledged */
#define AHEAD_MAX (1 << 30) /* an acknowledgement farther ahead is nonsense (RFC 7323 2.3) */
#define WINDOW_SLACK 65536  /* window updates that were not captured */
#define SCALE_MAX 14
#define TFO_MAX 65536
#define WILD_ACKS 3
#define INTERRUPT_BYTES 4

bool tcp_beyond_window(const struct half *half, uint32_t seq)
{
    if (!(half->flags & HALF_ACKED))
        return false;
    uint32_t limit = half->next + half->span;
    if ((int32_t)(half->edge - limit) > 0)
        limit = half->edge;
    uint32_t slack = half->span > WINDOW_SLACK ? half->span : WINDOW_SLACK;
    return (int32_t)(seq - limit) > (int32_t)slack;
}

static void anchor(struct streams *s, struct half *half, struct flow *flow, enum side side,
                   uint32_t next, uint16_t flags)
{
    half_forget(s, half, flow, side, FATE_MALFORMED);
    half->next = next;
    half->flags &= (uint16_t) ~(HALF_LOOSE | HALF_FIN | HALF_LATE);
    half->flags |= (uint16_t)(HALF_ANCHORED | flags);
}

/* False when a receiver would not take it for a part of this connection's handshake. */
static bool take_syn(struct streams *s, struct half *half, struct flow *flow, enum side side,
                     const struct packet_tcp *tcp)
{
    uint32_t first = tcp->seq + 1;
    bool settled = half->flags & HALF_FIRM || half->offset;
    if (half->flags & HALF_ANCHORED && !(half->flags & HALF_LOOSE && !settled)) {
        if (half->next - (uint32_t)half->offset == first) {
            flow_syn_fits(flow, side);
            return true; /* sent or captured again, or late */
        }
        if (settled)
            return false;
    }
    anchor(s, half, flow, side, first, HALF_SYN);
    half->flags &= (uint16_t)~HALF_PLAIN;
    if (!tcp->has_md5)
        half->flags |= HALF_PLAIN;
    half->scale = tcp->window_scale < 0           ? 0
                  : tcp->window_scale > SCALE_MAX ? SCALE_MAX
                                                  : (uint8_t)tcp->window_scale;
    return true;
}

/* The first segment of a connection whose SYN was not seen. */
static void pick_up(struct streams *s, struct half *half, const struct half *peer, struct flow *flow,
                    enum side side, const struct segment *segment)
{
    if (!(half->flags & HALF_ANCHORED)) {
        anchor(s, half, flow, side, segment->seq, HALF_LOOSE);
        half->scale = SCALE_MAX;
    }
    if (!(half->flags & HALF_LOOSE) || !segment->len)
        return;
    if (segment->len == 1 && segment->seq + 1 == half->next)
        return; /* a keep-alive probe */
    int32_t ahead = (int32_t)(segment->seq - half->next);
    if (half->flags & HALF_ACKED &&
        (tcp_beyond_window(half, segment->seq) || ahead < -WINDOW_SLACK * 16))
        return; /* not where the receiver is */
    if (ahead < 0 || !(peer->flags & HALF_SYN)) /* a SYN that was answered says where the bytes begin */
        half->next = segment->seq;
    half->flags &= (uint16_t) ~(HALF_LOOSE | HALF_LATE);
}

/* Nobody acknowledges more than the window it offered; where it seems so, the offer was not
 * captured, and more such acknowledgements follow, or this one is forged. One for bytes that were
 * seen to be sent is neither: the acknowledgements between were left out of the capture. */
static bool beyond_offer(const struct half *half, uint32_t ack)
{
    uint32_t slack = half->span > WINDOW_SLACK ? half->span : WINDOW_SLACK;
    return half->flags & HALF_ACKED && (int32_t)(ack - half->next) > 0 &&
           (int32_t)(ack - half->edge) > (int32_t)slack;
}

/* `half` is the one acknowledged; the packet comes from the other side. */
static void take_ack(struct streams *s, struct half *half, struct flow *flow, enum side side,
                     const struct packet_tcp *tcp, uint8_t scale)
{
    bool syn = tcp->flags & TCP_SYN;
    if (!(half->flags & HALF_ANCHORED)) {
        anchor(s, half, flow, side, tcp->ack, HALF_LOOSE);
        half->scale = SCALE_MAX;
    }
    int32_t ahead = (int32_t)(tcp->ack - half->next);
    if (half->flags & HALF_SYN && !(half->flags & HALF_FIRM)) {
        if (ahead < 0 || ahead > TFO_MAX) { /* it answers another SYN */
            if (!syn)
                return;
            anchor(s, half, flow, side, tcp->ack, HALF_SYN);
            ahead = 0;
        }
        half->flags |= HALF_FIRM;
    }
    if (ahead > AHEAD_MAX || (beyond_offer(half, tcp->ack) && ++half->wild_acks < WILD_ACKS))
        return;
    half->wild_acks = 0;
    uint32_t span = (uint32_t)tcp->window << (syn ? 0 : scale);
    uint32_t edge = tcp->ack + span;
    if (!(half->flags & HALF_ACKED)) {
        half->acked = tcp->ack;
        half->edge = edge;
        half->flags |= HALF_ACKED;
    }
    if ((int32_t)(tcp->ack - half->acked) > 0)
        half->acked = tcp->ack;
    if ((int32_t)(edge - half->edge) > 0)
        half->edge = edge;
    half->span = span;
    if (tcp->has_timestamp && tcp->timestamp_echo &&
        (!(half->flags & HALF_ECHOED) || (int32_t)(tcp->timestamp_echo - half->ts_recent) > 0)) {
        half->ts_recent = tcp->timestamp_echo;
        half->flags |= HALF_ECHOED;
    }
}

/* ---- what a receiver would drop ---- */

/* Decoys are sent with a time to live that ends before the receiver. Where the sender's other packets
 * show what is usual, and the receiver's answers will tell, such a segment waits; when too many wait
 * they are believed, so that nobody hides by making true segments look like decoys. */
static bool is_decoy(const struct half *half, const struct flow *flow, enum side side,
                     const struct packet *packet)
{
    return packet->payload_len && packet->ttl * 2 < half->ttl && flow->content[side] &&
           half->flags & HALF_ANCHORED && !one_sided(flow, side) &&
           doubt_has_room(half, packet->payload_len);
}

static bool doubtful(const struct connection *c, const struct flow *flow, enum side side,
                     const struct packet *packet, enum evasion *reason)
{
    const struct packet_tcp *tcp = &packet->tcp;
    const struct half *half = &c->half[side], *peer = &c->half[side_other(side)];
    uint32_t end = tcp->seq + packet->payload_len;
    if (packet->bad_checksum)
        *reason = EVASION_CHECKSUM;
    else if (tcp->has_md5 && (half->flags | peer->flags) & HALF_PLAIN)
        *reason = EVASION_MD5;
    else if (tcp->has_timestamp && half->flags & HALF_ECHOED &&
             (int32_t)(tcp->timestamp - half->ts_recent) < 0 && (int32_t)(end - half->next) > 0 &&
             (int32_t)(end - half->acked) > 0)
        *reason = EVASION_TIMESTAMP;
    else if (packet->payload_len && !(tcp->flags & (TCP_ACK | TCP_SYN)) &&
             half->flags & HALF_ANCHORED)
        *reason = EVASION_NO_ACK;
    else if (packet->payload_len && tcp->flags & TCP_ACK && beyond_offer(peer, tcp->ack))
        *reason = EVASION_ACK;
    else if (is_decoy(half, flow, side, packet))
        *reason = EVASION_TTL;
    else
        return false;
    return true;
}

/* The two directions of a tap arrive out of step: a segment that acknowledges what was not seen yet
 * waits for it. One number more may be a FIN that was not captured. */
static void wait_for_peer(struct segment *segment, const struct half *peer,
                          const struct packet_tcp *tcp)
{
    int32_t missing = (int32_t)(tcp->ack - peer->next);
    segment->waits = tcp->flags & TCP_ACK && missing > 1 && peer->flags & HALF_ACKED &&
                     (int32_t)(tcp->ack - peer->acked) <= 0 &&
                     !(peer->flags & (HALF_LOOSE | HALF_ENDED)) && !segment->cut;
    segment->ack = tcp->ack;
}

static void set_aside(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                      struct segment segment, enum evasion reason)
{
    if (!segment.len)
        return;
    if (reason != EVASION_SYN_DATA)
        flow->evasion |= (uint16_t)(1u << reason);
    if (flow->opaque)
        book(s, FATE_MALFORMED, segment.len);
    else
        doubt_add(s, c, flow, side, segment, reason);
}

/* ---- ends ---- */

static void take_reset(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                       const struct packet_tcp *tcp)
{
    const struct half *half = &c->half[side], *peer = &c->half[side_other(side)];
    if (c->lingers)
        return; /* it is ending anyway */
    bool fits = !(half->flags & HALF_ANCHORED) || half->flags & HALF_LOOSE ||
                tcp->seq == half->next || (half->flags & HALF_ACKED && tcp->seq == half->acked) ||
                (half->flags & HALF_FIN && tcp->seq == half->fin + 1) ||
                (half->window && half->window->wait_count &&
                 half_offset_of(half, tcp->seq) == (int64_t)half->window->held_end);
    if (!(half->flags & HALF_ANCHORED) && tcp->flags & TCP_ACK && peer->flags & HALF_SYN)
        fits = (int32_t)(tcp->ack - peer->next) >= 0 && (int32_t)(tcp->ack - peer->next) <= TFO_MAX;
    if (!fits) { /* RFC 5961 3: a receiver answers with a challenge, or not at all */
        count_add(s->counters, COUNT_STREAM_REJECTED_RESETS, 1);
        if (!((half->flags | peer->flags) & HALF_FIN))
            flow->evasion |= 1u << EVASION_RESET;
        return;
    }
    c->reset = (uint8_t)(1 + side);
    c->lingers = true;
    flow_table_linger(s->table, flow, LINGER_UNSURE_NS, false);
}

/* The side that is said to have reset the connection goes on with it. */
static void undo_reset(struct streams *s, struct connection *c, struct flow *flow)
{
    c->reset = 0;
    c->lingers = false;
    flow_table_revive(s->table, flow);
    flow->evasion |= 1u << EVASION_RESET;
    count_add(s->counters, COUNT_STREAM_REJECTED_RESETS, 1);
}

static void take_fin(struct half *half, uint32_t fin)
{
    int64_t offset = half_offset_of(half, fin);
    const struct window *w = half->window;
    if (offset < (int64_t)half->offset ||
        (offset > (int64_t)half->offset && tcp_beyond_window(half, fin)))
        return;
    if (w && w->held && w->held_end > (uint64_t)offset)
        return; /* bytes after it are here already */
    half->fin = fin;
    half->flags |= HALF_FIN;
}

static bool fin_acknowledged(const struct half *half)
{
    return half->flags & HALF_FIN && half->flags & HALF_ACKED &&
           (int32_t)(half->acked - half->fin) > 0;
}

static void end_half(struct streams *s, struct half *half, struct flow *flow, enum side side,
                     enum stream_end how)
{
    if (half->flags & HALF_ENDED)
        return;
    half->flags |= HALF_ENDED;
    if (s->sink.end)
        s->sink.end(s->sink.user, flow, side, how);
    if (half->window)
        other_end(s, half->window, how);
}

void tcp_close(struct streams *s, struct connection *c, struct flow *flow)
{
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        struct half *half = &c->half[side];
        if (fin_acknowledged(half) && half->next == half->fin)
            end_half(s, half, flow, side, STREAM_FIN);
        if (half->flags & HALF_FIN && half->next == half->fin && one_sided(flow, side) &&
            !c->lingers) {
            c->lingers = true;
            flow_table_linger(s->table, flow, LINGER_UNSURE_NS, false);
        }
    }
    if (fin_acknowledged(&c->half[0]) && fin_acknowledged(&c->half[1]) && !c->lingers) {
        c->lingers = true;
        flow_table_linger(s->table, flow, LINGER_CLOSED_NS, true);
    }
}

/* ---- a packet ---- */

/* The urgent byte leaves the stream where the receiver did not ask for it in line (RFC 6093 3.2),
 * which nobody outside can know. It is delivered with the rest; in a transfer it may be there to
 * spoil what a reader of the stream sees. Telnet and FTP send the few bytes of an interrupt that
 * way. */
static void note_urgent(struct flow *flow, enum side side, const struct packet *packet)
{
    const struct packet_tcp *tcp = &packet->tcp;
    if (tcp->flags & TCP_URG && tcp->urgent && tcp->urgent <= packet->payload_len && flow->content[side] &&
        (flow->busy || packet->payload_len > INTERRUPT_BYTES))
        flow->evasion |= 1u << EVASION_URGENT;
}

static void take_data(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                      struct segment segment)
{
    if (c->half[side].flags & HALF_ENDED) {
        int64_t offset = half_offset_of(&c->half[side], segment.seq);
        bool copy = offset + segment.len <= (int64_t)c->half[side].offset;
        book(s, copy ? FATE_DUPLICATE : FATE_MALFORMED, segment.len);
    } else if (flow->opaque) {
        segment_pass(s, c, flow, side, segment);
    } else {
        segment_take(s, c, flow, side, segment);
    }
}

/* What one side lacked may be there now, and so on, to and fro. */
static void end_waits(struct streams *s, struct connection *c, struct flow *flow)
{
    for (bool more = true; more;) {
        more = false;
        for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
            struct half *half = &c->half[side];
            uint64_t before = half->offset;
            if (half->window && half->window->wait_count && !flow->opaque)
                half_drain(s, c, flow, side);
            more |= half->offset != before;
        }
    }
}

static void settle(struct streams *s, struct connection *c, struct flow *flow)
{
    end_waits(s, c, flow);
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        struct half *half = &c->half[side];
        if (!half->window)
            continue;
        if (flow->opaque) {
            half_forget(s, half, flow, side, stream_fate(flow, side));
            continue;
        }
        if (half->window->held || half->window->doubts)
            hole_settle(s, c, flow, side, false);
        half_trim(s, half, flow);
        if (half->window)
            other_hand_on(s, half->window, half->window->tail_from);
    }
}

void tcp_packet(struct streams *s, struct connection *c, struct flow *flow, enum side side,
                const struct packet *packet)
{
    const struct packet_tcp *tcp = &packet->tcp;
    struct half *half = &c->half[side], *peer = &c->half[side_other(side)];
    bool syn = tcp->flags & TCP_SYN;
    struct segment segment = {.data = packet->payload, .len = packet->payload_len,
                              .cut = packet->payload_cut, .seq = tcp->seq + syn};
    enum evasion reason;

    if (doubtful(c, flow, side, packet, &reason)) {
        set_aside(s, c, flow, side, segment, reason);
        settle(s, c, flow);
        return;
    }
    if (!half->ttl && !(tcp->flags & TCP_RST))
        half->ttl = packet->ttl;
    if (tcp->flags & TCP_RST) {
        book(s, FATE_OVERHEAD, segment.len);
        take_reset(s, c, flow, side, tcp);
        return;
    }
    if (!syn) {
        pick_up(s, half, peer, flow, side, &segment);
    } else if (!take_syn(s, half, flow, side, tcp)) {
        book(s, FATE_MALFORMED, segment.len);
        return;
    }
    uint64_t had = half->offset;
    uint32_t acked = peer->acked;
    if (tcp->flags & TCP_ACK)
        take_ack(s, peer, flow, side_other(side), tcp, half->scale);
    if (syn && segment.len) {
        set_aside(s, c, flow, side, segment, EVASION_SYN_DATA);
        return; /* to be settled by the answer */
    }
    note_urgent(flow, side, packet);
    wait_for_peer(&segment, peer, tcp);
    if (segment.len || segment.cut)
        take_data(s, c, flow, side, segment);
    if (half->offset != had)
        flow_survives_syn(flow, side);
    if (c->reset == 1 + side &&
        (half->offset != had || (peer->flags & HALF_ACKED && peer->acked != acked)))
        undo_reset(s, c, flow);
    if (tcp->flags & TCP_FIN && !(half->flags & HALF_ENDED))
        take_fin(half, segment.seq + segment.len + segment.cut);
    settle(s, c, flow);
    tcp_close(s, c, flow);
}

/* What is missing at the very end: up to the FIN, or up to what the other side acknowledged. */
static void give_last_gap(struct streams *s, struct connection *c, struct flow *flow,
                          enum side side)
{
    struct half *half = &c->half[side];
    bool fin = half->flags & HALF_FIN && (fin_acknowledged(half) || one_sided(flow, side));
    int64_t end = fin ? half_offset_of(half, half->fin) : half_acked_offset(half);
    int64_t missing = end - (int64_t)half->offset;
    if (missing == 1 && !fin)
        return; /* the number of a FIN that was not captured */
    if (missing > 0 && !(half->flags & HALF_LOOSE))
        half_lost(s, c, flow, side, (uint64_t)missing);
}

void tcp_finish(struct streams *s, struct connection *c, struct flow *flow)
{
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        struct half *half = &c->half[side];
        if (!flow->opaque && !(half->flags & HALF_ENDED)) {
            hole_settle(s, c, flow, side, true);
            if (!flow->opaque)
                give_last_gap(s, c, flow, side);
        }
    }
    for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        struct half *half = &c->half[side];
        bool done = half->flags & HALF_FIN && half->next == half->fin;
        end_half(s, half, flow, side,
                 done       ? STREAM_FIN
                 : c->reset ? STREAM_RST
                            : STREAM_CUT);
        half_forget(s, half, flow, side, stream_fate(flow, side));
    }
}
