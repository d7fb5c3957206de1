/* A wire for tests: hand-made segments of one conversation into flow table and streams, and a sink
 * that writes down what comes out. The ledger is checked after every packet. */
#ifndef WIRE_H
#define WIRE_H

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

#define WIRE_SECOND INT64_C(1000000000)

struct wire_side {
    uint8_t *data; /* what the sink got, gaps as zeros */
    size_t len, cap;
    uint64_t delivered; /* by data alone */
    uint64_t gaps, gap_bytes;
    unsigned ends;
    enum stream_end how;
    unsigned conflicts;
    uint64_t conflict_offset;
    uint8_t conflict[65536];
    size_t conflict_len;
    unsigned datagrams;
};

struct wire {
    struct mem mem;
    struct counters counters;
    struct ip_set *home;
    struct flow_table *table;
    struct streams *streams;
    struct wire_side side[2];
    struct flow *flow;
    uint64_t payload; /* bytes put on the wire */
    uint64_t frames;
    unsigned flows_ended;
    enum flow_end how;
    int64_t now;
    bool go_opaque; /* the sink declares the flow encrypted on its first data */
    bool keep;      /* write the data down */
    char order[64]; /* whose bytes came when: c and s, a letter a call */
};

static inline void wire_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                             size_t len)
{
    struct wire *w = user;
    struct wire_side *s = &w->side[side];
    assert(len > 0);
    assert(!flow->opaque);
    s->delivered += len;
    size_t calls = strlen(w->order);
    if (calls + 1 < sizeof(w->order))
        w->order[calls] = side == SIDE_CLIENT ? 'c' : 's';
    if (w->keep) {
        if (s->len + len > s->cap) {
            s->cap = (s->len + len) * 2;
            s->data = realloc(s->data, s->cap);
        }
        memcpy(s->data + s->len, data, len);
    }
    s->len += len;
    if (w->go_opaque)
        flow->opaque = true;
}

static inline void wire_datagram(void *user, struct flow *flow, enum side side, const uint8_t *data,
                                 size_t len, uint32_t cut)
{
    (void)flow;
    (void)data;
    (void)len;
    (void)cut;
    ((struct wire *)user)->side[side].datagrams++;
}

static inline void wire_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    struct wire *w = user;
    struct wire_side *s = &w->side[side];
    assert(len > 0);
    assert(flow->gaps);
    s->gaps++;
    s->gap_bytes += len;
    if (w->keep && len < 1 << 24) {
        if (s->len + len > s->cap) {
            s->cap = (s->len + len) * 2;
            s->data = realloc(s->data, s->cap);
        }
        memset(s->data + s->len, 0, len);
    }
    s->len += len;
}

static inline void wire_ended(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    struct wire_side *s = &((struct wire *)user)->side[side];
    (void)flow;
    s->ends++;
    s->how = how;
}

static inline void wire_conflict(void *user, struct flow *flow, enum side side, uint64_t offset,
                                 const uint8_t *data, size_t len)
{
    struct wire_side *s = &((struct wire *)user)->side[side];
    assert(len > 0);
    assert(flow->conflict);
    s->conflicts++;
    s->conflict_offset = offset;
    s->conflict_len = len < sizeof(s->conflict) ? len : sizeof(s->conflict);
    memcpy(s->conflict, data, s->conflict_len);
}

static inline void wire_flow_end(void *user, struct flow *flow, enum flow_end how)
{
    struct wire *w = user;
    stream_flow_end(w->streams, flow, how);
    w->flows_ended++;
    w->how = how;
    if (w->flow == flow)
        w->flow = NULL;
}

static inline bool wire_shed(void *user)
{
    return streams_shed(((struct wire *)user)->streams);
}

static inline void wire_rest(void *user, struct flow *flow)
{
    stream_flow_rest(((struct wire *)user)->streams, flow);
}

/* 10.0.0.0/8 is protected; the client of the usual conversation is 10.0.0.1, the server
 * 203.0.113.9. */
static inline struct wire *wire_new(size_t ceiling, bool inspect_both)
{
    struct wire *w = calloc(1, sizeof(*w));
    w->mem.ceiling = ceiling;
    w->keep = true;
    w->now = WIRE_SECOND;
    w->home = ip_set_new();
    ip_set_add(w->home, "10.0.0.0/8");
    const struct flow_params params = {w->home, inspect_both, false};
    const struct flow_hooks hooks = {.user = w, .end = wire_flow_end, .shed = wire_shed, .rest = wire_rest};
    const struct stream_sink sink = {.user = w,
                                     .data = wire_data,
                                     .datagram = wire_datagram,
                                     .gap = wire_gap,
                                     .end = wire_ended,
                                     .conflict = wire_conflict};
    w->table = flow_table_new(&w->mem, &w->counters, &params, &hooks);
    w->streams = streams_new(&w->mem, &w->counters, w->table, &sink);
    return w;
}

static inline void wire_check(const struct wire *w)
{
    uint64_t packets = 0;
    for (int i = 0; i < FATE_COUNT; i++)
        packets += w->counters.fate_packets[i];
    assert(counters_fate_total(&w->counters) == w->payload);
    assert(packets == w->frames);
}

static inline void wire_free(struct wire *w)
{
    flow_table_flush(w->table);
    wire_check(w);
    flow_table_free(w->table);
    streams_free(w->streams);
    ip_set_free(w->home);
    assert(w->mem.used[MEM_FLOW] == 0 && w->mem.used[MEM_REASSEMBLY] == 0);
    free(w->side[0].data);
    free(w->side[1].data);
    free(w);
}

static inline struct packet wire_packet(enum side from, uint32_t host, uint16_t port)
{
    const uint8_t inside[4] = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8),
                               (uint8_t)(host + 1)};
    const uint8_t outside[4] = {203, 0, 113, 9};
    struct packet p = {.protocol = IPPROTO_TCP, .ttl = 64};
    struct ip_addr client = ip_from_v4(inside), server = ip_from_v4(outside);
    p.src = from == SIDE_CLIENT ? client : server;
    p.dst = from == SIDE_CLIENT ? server : client;
    p.src_port = from == SIDE_CLIENT ? port : 80;
    p.dst_port = from == SIDE_CLIENT ? 80 : port;
    p.tcp.window_scale = -1;
    p.tcp.window = 65535;
    return p;
}

static inline enum side wire_put(struct wire *w, struct packet *p)
{
    enum side side = SIDE_CLIENT;
    p->time_ns = w->now;
    w->payload += p->payload_len;
    w->frames++;
    struct flow *flow = flow_table_packet(w->table, p, &side);
    w->flow = flow;
    if (flow) {
        stream_packet(w->streams, flow, side, p);
        if (w->flow && w->frames % 3 == 0)
            stream_flow_rest(w->streams, w->flow); /* that changes nothing */
    } else {
        fate_add(&w->counters, FATE_SHED_MEMORY, p->payload_len);
        w->counters.fate_packets[FATE_SHED_MEMORY]++;
    }
    wire_check(w);
    return side;
}

/* One segment of the usual conversation. */
static inline void wire_tcp(struct wire *w, enum side from, uint8_t flags, uint32_t seq,
                            uint32_t ack, const void *data, size_t len)
{
    struct packet p = wire_packet(from, 0, 40000);
    p.tcp.flags = flags;
    p.tcp.seq = seq;
    p.tcp.ack = ack;
    p.payload = data;
    p.payload_len = (uint32_t)len;
    wire_put(w, &p);
}

static inline void wire_text(struct wire *w, enum side from, uint32_t seq, uint32_t ack,
                             const char *text)
{
    wire_tcp(w, from, TCP_ACK | TCP_PSH, seq, ack, text, strlen(text));
}

#define CLIENT_ISN 1000u
#define SERVER_ISN 5000u
#define C0 (CLIENT_ISN + 1) /* the first data byte of each side */
#define S0 (SERVER_ISN + 1)

static inline void wire_handshake(struct wire *w)
{
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_tcp(w, SIDE_CLIENT, TCP_ACK, C0, S0, NULL, 0);
}

static inline void wire_ack(struct wire *w, enum side from, uint32_t seq, uint32_t ack)
{
    wire_tcp(w, from, TCP_ACK, seq, ack, NULL, 0);
}

static inline bool wire_got(const struct wire *w, enum side side, const char *text)
{
    return w->side[side].len == strlen(text) && memcmp(w->side[side].data, text, strlen(text)) == 0;
}

static inline uint64_t wire_random(uint64_t *state) /* xorshift64* (Vigna 2016) */
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

#endif
