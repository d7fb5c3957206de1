/* flow/: packets to flows. A symmetric keyed table, a timer wheel on packet time, direction for each sender,
 * nDPI's verdict. The table owns every flow; others borrow it between packets of one worker and learn of its
 * end through flow_hooks. */
#ifndef DLP_FLOW_H
#define DLP_FLOW_H

#include "counters.h"
#include "hash.h"
#include "ip.h"
#include "mem.h"
#include "packet.h"

/* Who sends the bytes. The client is the sender of the flow's first packet (EVE's convention), except that
 * a first packet with SYN and ACK makes its receiver the client. */
enum side { SIDE_CLIENT = 0, SIDE_SERVER = 1 };
static inline enum side side_other(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

enum flow_end { FLOW_END_CLOSE, FLOW_END_TIMEOUT, FLOW_END_MEMORY, FLOW_END_SHUTDOWN };

struct flow_class { /* what nDPI said; owned by the flow, set once decided */
    char protocol[24];  /* EVE's spelling: "http", "tls", "ssh", ...; "" when undecided */
    char master[24];    /* nDPI's own name, e.g. "TLS.Google" */
    char category[24];
    char server_name[256]; /* TLS SNI, or HTTP host as nDPI saw it */
    char ja3[33], ja3s[33];
    char alpn[64];
    char risks[256];    /* comma list of nDPI's risk names */
    bool encrypted;     /* nDPI holds it to be an encrypted protocol */
};

struct flow {
    struct ip_addr addr[2]; /* by side */
    uint16_t port[2];
    uint8_t protocol;
    uint8_t vlan_count;
    uint16_t vlan[2];
    bool content[2];  /* bytes this side sends are content */
    bool outbound[2]; /* this side is protected and the other is not */
    bool opaque;      /* bypassed: encrypted, only counted */
    bool midstream;   /* TCP whose SYN was not seen */
    bool conflict;    /* overlapping copies differed (stream or fragments) */
    bool gaps;        /* some stream bytes never came */
    uint8_t tcp_flags[2]; /* or of all seen */
    uint64_t id;      /* EVE flow_id: 53 bits, from the 5-tuple and first time under a fixed key */
    int64_t first_ns, last_ns;
    uint64_t packets[2], bytes[2]; /* frames and wire bytes, by sender */
    uint64_t payload[2];           /* captured transport payload bytes, by sender */
    const char *interface, *input; /* borrowed from frames; live as long as the capture */
    struct flow_class *class;      /* NULL until nDPI decided */
    const char *app_proto;         /* set by the decoder that claimed it; NULL before. Static string */
    void *stream; /* owned by stream/ */
    void *app;    /* owned by app/ */
    void *watch;  /* owned by the worker: rules that held for the flow itself */
    /* What follows belongs to flow/ alone. */
    void *classifier;
    struct flow *hash_next, *lru_next, *lru_prev;
    uint64_t hash;
    int64_t deadline_ns;
    uint8_t list;
    uint8_t classify_packets;
};

struct flow_hooks {
    void *user;
    /* Before the flow is freed; stream/ and app/ let go of theirs here. */
    void (*end)(void *user, struct flow *flow, enum flow_end how);
    /* nDPI decided (flow->class is set). */
    void (*classified)(void *user, struct flow *flow);
};

struct flow_params {
    const struct ip_set *home;
    bool inspect_both;
    bool classify; /* run nDPI */
};

struct flow_table;
struct flow_table *flow_table_new(struct mem *mem, struct counters *counters, const struct flow_params *params,
                                  const struct flow_hooks *hooks);
void flow_table_free(struct flow_table *table); /* flow_table_flush first */

/* The packet's flow, made when new, with its counts, times, direction and side updated and nDPI fed while
 * undecided. NULL when memory refuses it even after shedding: the caller books the payload as shed_memory. */
struct flow *flow_table_packet(struct flow_table *table, const struct packet *packet, enum side *side);
/* Ends the flow now (FIN from both sides, RST accepted, ...). */
void flow_table_end(struct flow_table *table, struct flow *flow, enum flow_end how);
/* Shortens the flow's life to `ns` after its last packet: after both FINs, to swallow late copies. */
void flow_table_linger(struct flow_table *table, struct flow *flow, int64_t ns);
/* Ends every flow whose packet-time deadline is past. */
void flow_table_expire(struct flow_table *table, int64_t now_ns);
/* Ends every flow, oldest first. */
void flow_table_flush(struct flow_table *table);
/* Gives up the least valuable idle flow to free memory; false when there is none. Never one with objects in
 * flight while an idle one exists (`busy` below). */
bool flow_table_evict(struct flow_table *table);
/* A flow that carries an object now stands in the busy list and is evicted last. */
void flow_set_busy(struct flow_table *table, struct flow *flow, bool busy);
/* Stops nDPI for this flow and frees its state (a decoder knows better, or the flow is opaque). */
void flow_stop_classifying(struct flow_table *table, struct flow *flow);

/* "outbound", "inbound", "internal" or "external", for bytes sent by `sender`. */
const char *flow_direction(const struct flow *flow, enum side sender);

#endif
