/* A SYN on the ports of a flow that exists: the same connection's copy, a new connection after the
 * old one ended (RFC 9293 3.6.1, TIME-WAIT), or a forgery meant to make a reader forget the
 * connection. A receiver with an open connection answers such a SYN with a challenge and goes on
 * (RFC 5961 4), so here it only counts as a new connection when the flow was closed, or when the
 * other side answers it. */
#include <netinet/in.h>

#include "flow/table.h"

void flow_note_syn(struct flow *flow, enum side side, const struct packet *packet)
{
    flow->isn[side] = packet->tcp.seq;
    flow->syn_seen = (flow->syn_seen | 1u << side) & 3;
}

static bool has_payload(const struct flow *flow)
{
    return flow->payload[0] || flow->payload[1];
}

static bool syn_reopens(struct flow *flow, enum side side, const struct packet *packet)
{
    bool known = flow->syn_seen >> side & 1;
    if (known && flow->isn[side] == packet->tcp.seq)
        return false; /* sent or captured twice */
    if (flow->closed || (flow->list == FLOW_LINGER && !has_payload(flow)))
        return true; /* nothing is lost by believing it */
    if (flow->list == FLOW_NEW_TCP && !has_payload(flow)) {
        if (side == SIDE_SERVER && !(flow->syn_seen >> SIDE_CLIENT & 1))
            return true; /* what came before was no beginning: the sender of the SYN is the client
                          */
        flow_note_syn(flow, side, packet); /* another try: the answer will say which one counts */
        return false;
    }
    flow->reopen_isn = packet->tcp.seq;
    flow->reopen = (1u + side) & 3;
    return false;
}

static bool syn_ack_reopens(struct flow *flow, enum side side, const struct packet *packet)
{
    if (!(flow->syn_seen >> side & 1)) {
        flow_note_syn(flow, side, packet);
        return false;
    }
    if (flow->isn[side] == packet->tcp.seq)
        return false;
    if (flow->closed)
        return true; /* its SYN was not captured */
    /* The other side answers the new SYN, and only that one. */
    return flow->reopen == 1 + side_other(side) && packet->tcp.ack == flow->reopen_isn + 1;
}

bool flow_is_reopened(struct flow *flow, enum side side, const struct packet *packet)
{
    const struct packet_tcp *tcp = &packet->tcp;
    if (packet->protocol != IPPROTO_TCP || packet->bad_checksum || tcp->flags & (TCP_RST | TCP_FIN))
        return false;
    if (!(tcp->flags & TCP_ACK))
        return tcp->flags & TCP_SYN && syn_reopens(flow, side, packet);
    if (tcp->flags & TCP_SYN)
        return syn_ack_reopens(flow, side, packet);
    if (flow->reopen != 1 + side)
        return false;
    /* Where only one direction is captured the next segment of the new connection has to do. */
    return !flow->packets[side_other(side)] && tcp->seq == flow->reopen_isn + 1;
}

void flow_syn_fits(struct flow *flow, enum side side)
{
    if (flow->reopen != 1 + side)
        return;
    flow->reopen = 0;
    flow->isn[side] = flow->reopen_isn;
    flow->syn_seen = (flow->syn_seen | 1u << side) & 3;
    flow->midstream = false;
}

void flow_survives_syn(struct flow *flow, enum side side)
{
    if (flow->reopen != 1 + side)
        return;
    flow->reopen = 0;
    flow->evasion |= 1u << EVASION_SYN;
}
