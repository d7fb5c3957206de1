/* The one way in: a packet of a flow, its payload booked to the byte, its frame counted once. */
#include "stream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "stream/connection.h"

#define TAIL_PAGES_ALL 16384 /* 32 MiB over all windows, and at most a sixteenth of the ceiling */

struct streams *streams_new(struct mem *mem, struct counters *counters, struct flow_table *table,
                            const struct stream_sink *sink)
{
    struct streams *s = calloc(1, sizeof(*s));
    if (!s)
        abort(); /* only at start */
    s->mem = mem;
    s->counters = counters;
    s->table = table;
    s->sink = *sink;
    size_t share = mem->ceiling / 16 / sizeof(struct page);
    s->tail_pages_max = mem->ceiling && share < TAIL_PAGES_ALL ? share : TAIL_PAGES_ALL;
    s->connections = pool_new(mem, MEM_FLOW, sizeof(struct connection));
    s->windows = pool_new(mem, MEM_REASSEMBLY, sizeof(struct window));
    s->pages = pool_new(mem, MEM_REASSEMBLY, sizeof(struct page));
    s->doubts = pool_new(mem, MEM_REASSEMBLY, sizeof(struct doubt));
    s->heap = buffer_heap_new(mem, MEM_REASSEMBLY);
    s->folds = folds_new(mem, MEM_FLOW);
    link_init(&s->by_age);
    link_init(&s->by_hole);
    for (unsigned i = 0; i < RANKS; i++)
        link_init(&s->by_rank[i]);
    return s;
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    pool_free(s->connections);
    pool_free(s->windows);
    pool_free(s->pages);
    pool_free(s->doubts);
    buffer_heap_free(s->heap);
    folds_free(s->folds);
    free(s);
}

enum fate stream_fate(const struct flow *flow, enum side side)
{
    if (!flow->content[side])
        return FATE_INBOUND;
    return flow->opaque ? FATE_OPAQUE : FATE_INSPECTED;
}

static struct connection *get_connection(struct streams *s, struct flow *flow)
{
    if (flow->stream && !fold_is(flow->stream))
        return flow->stream;
    struct connection *c = pool_get_zeroed(s->connections);
    for (int i = 0; !c && i < FLOW_ROOM_TRIES && flow_table_make_room(s->table); i++)
        c = pool_get_zeroed(s->connections);
    if (c && flow->stream)
        connection_unfold(s, flow, c);
    if (c)
        flow->stream = c;
    return c;
}

/* The fate of the largest part of the payload; the earlier line of fate_list.def where two are
 * equal. */
static void count_frame(struct streams *s, const struct packet *packet)
{
    enum fate best = packet->bad_checksum ? FATE_MALFORMED : FATE_OVERHEAD;
    uint32_t most = 0;
    for (unsigned i = 0; packet->payload_len && i < FATE_COUNT; i++) {
        if (s->tally[i] > most) {
            most = s->tally[i];
            best = (enum fate)i;
        }
    }
    s->counters->fate_packets[best] += !packet->continued;
}

static void take_datagram(struct streams *s, struct flow *flow, enum side side,
                          const struct packet *packet)
{
    if (packet->bad_checksum) {
        book(s, FATE_MALFORMED, packet->payload_len);
        return;
    }
    enum fate fate = stream_fate(flow, side);
    book(s, fate, packet->payload_len);
    if (packet->payload_len && !flow->opaque && s->sink.datagram)
        s->sink.datagram(s->sink.user, flow, side, packet->payload, packet->payload_len,
                         packet->payload_cut);
    if (stream_fate(flow, side) != fate) { /* the datagram that told that all is encrypted is so itself */
        fate_move(s->counters, fate, FATE_OPAQUE, packet->payload_len);
        s->tally[fate] -= packet->payload_len;
        s->tally[FATE_OPAQUE] += packet->payload_len;
    }
}

void stream_packet(struct streams *s, struct flow *flow, enum side side,
                   const struct packet *packet)
{
    s->now_ns = flow_table_clock(s->table, packet->time_ns);
    memset(s->tally, 0, sizeof(s->tally));
    if (flow->protocol != IPPROTO_TCP) {
        take_datagram(s, flow, side, packet);
    } else {
        struct connection *c = get_connection(s, flow);
        if (c) {
            c->in_use++;
            tcp_packet(s, c, flow, side, packet);
            c->in_use--;
        } else {
            book(s, FATE_SHED_MEMORY, packet->payload_len);
        }
    }
    count_frame(s, packet);
}

void stream_flow_end(struct streams *s, struct flow *flow, enum flow_end how)
{
    (void)how;
    struct connection *c = flow->stream, rested;
    if (!c) {
        for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER && s->sink.end; side++)
            s->sink.end(s->sink.user, flow, side, STREAM_CUT);
        return;
    }
    if (fold_is(c)) {
        connection_unfold(s, flow, &rested);
        c = &rested;
    }
    c->in_use++;
    tcp_finish(s, c, flow);
    flow->stream = NULL;
    if (c != &rested)
        pool_put(s->connections, c);
}
