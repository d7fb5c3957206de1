/* flow/: packets to flows. A symmetric keyed table, lists ordered by deadline on packet time,
 * direction for each sender, nDPI's verdict. The table owns every flow; others borrow it between
 * packets of one worker and learn of its end through flow_hooks. */
#ifndef DLP_FLOW_H
#define DLP_FLOW_H

#include "counters.h"
#include "hash.h"
#include "ip.h"
#include "mem.h"
#include "packet.h"

/* Who sends the bytes. The client is the sender of the flow's first packet (EVE's convention),
 * except that a first packet with SYN and ACK makes its receiver the client. */
enum side { SIDE_CLIENT = 0, SIDE_SERVER = 1 };
static inline enum side side_other(enum side side)
{
    return side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
}

enum flow_end { FLOW_END_CLOSE, FLOW_END_TIMEOUT, FLOW_END_MEMORY, FLOW_END_SHUTDOWN };

struct flow_class {    /* what nDPI said, shared by the flows of which it said the same */
    char protocol[24]; /* EVE's spelling: "http", "tls", "ssh", ...; "" when undecided */
    char master[24];   /* nDPI's own name, e.g. "TLS.Google" */
    char category[24];
    char ja3s[33];
    char alpn[64];
    char risks[256]; /* comma list of nDPI's risk names */
    bool encrypted;  /* nDPI read an encrypted protocol in the bytes (never a guess) */
    bool guessed;    /* `master` is a guess by port or address; `protocol` is then "" */
};

enum evasion {
#define EVASION(id, name, help) EVASION_##id,
#include "evasion_list.def"
#undef EVASION
    EVASION_COUNT
};

struct flow {
    struct ip_addr addr[2]; /* by side */
    uint16_t port[2];
    uint8_t protocol;
    uint8_t vlan_count;
    uint16_t vlan[2];
    bool content[2];      /* bytes this side sends are content */
    bool outbound[2];     /* this side is protected and the other is not */
    bool home[2];         /* this side is protected */
    bool opaque : 1;    /* bypassed: encrypted, only counted */
    bool midstream : 1; /* TCP whose SYN was not seen */
    bool conflict : 1;  /* overlapping copies differed (stream or fragments) */
    bool gaps : 1;      /* some stream bytes never came */
    /* These few belong to flow/ alone; they stand here to fill the word. */
    bool busy : 1;          /* carries an object */
    bool closed : 1;        /* FIN from both sides */
    bool classify_done : 1; /* nDPI decided, gave up or was stopped */
    bool rests : 1;         /* silent for a while: what others keep of it is folded */
    uint8_t list : 4;       /* enum flow_list */
    uint8_t syn_seen : 2;   /* bit 1 << side */
    uint8_t reopen : 2;     /* 1 + the side that sent a SYN inside the connection, 0 for none */
    uint8_t classify_packets;
    uint8_t tcp_flags[2]; /* or of all seen */
    uint16_t evasion;     /* bit 1 << EVASION_x for each trick seen */
    uint64_t id; /* EVE flow_id: 53 bits, from the 5-tuple and first time under a fixed key */
    int64_t first_ns, last_ns;
    uint64_t packets[2], bytes[2]; /* frames and wire bytes, by sender */
    uint64_t payload[2];           /* captured transport payload bytes, by sender */
    const char *interface, *input; /* borrowed from frames; live as long as the capture */
    const struct flow_class *class; /* NULL until nDPI decided */
    const char *app_proto; /* set by the decoder that claimed it; NULL before. Static string */
    void *stream;          /* owned by stream/ */
    void *app;             /* owned by app/ */
    void *watch;           /* owned by the worker: rules that held for the flow itself */
    /* What follows belongs to flow/ alone. */
    void *classifier; /* until nDPI decided; then what its class_set.c keeps here */
    struct flow *hash_next, *list_next, *list_prev;
    int64_t deadline_ns; /* on the table's clock */
    uint32_t hash;
    uint32_t isn[2];     /* sequence number of each side's SYN, where syn_seen says so */
    uint32_t reopen_isn; /* of a SYN inside an open connection, waiting to be answered */
};

/* How a flow's outbound payload was sent, which tells a bulk upload from a chat or a call where
 * nothing can be read. An answer is an inbound packet with more payload than the acknowledgements of
 * encrypted protocols have (QUIC, SSH, HTTP/2). */
#define FLOW_FULL_PACKET 1000 /* bytes of payload: a packet that carries as much as it can */
#define FLOW_ANSWER 200
struct flow_pace {
    uint64_t burst, longest; /* payload bytes out since the last answer; the most between two */
    uint64_t peak;           /* the most wire bytes out in any second */
    uint32_t packets, full;  /* out, with payload; of them full */
    uint32_t turns;          /* answers that followed outbound payload */
    uint32_t busy_seconds;   /* of packet time, with payload out */
    int64_t second;          /* the latest of them */
    uint64_t in_second;      /* wire bytes out in it */
};
/* One packet of the flow whose side `out` sends what leaves. */
void flow_pace_packet(struct flow_pace *pace, bool out, const struct packet *packet);
/* A second that is over is forgotten: what stays is smaller when folded. */
void flow_pace_rest(struct flow_pace *pace, int64_t now_ns);

struct flow_hooks {
    void *user;
    /* Before the flow is freed; stream/ and app/ let go of theirs here. */
    void (*end)(void *user, struct flow *flow, enum flow_end how);
    /* nDPI decided (flow->class is set). */
    void (*classified)(void *user, struct flow *flow);
    /* Frees memory of later folders when no idle flow is left (streams_shed); may be NULL. */
    bool (*shed)(void *user);
    /* The flow is silent: what later folders keep of it may be folded (fold.h), to be unfolded when
     * the next packet comes. It changes nothing that can be seen. May be NULL. */
    void (*rest)(void *user, struct flow *flow);
};

struct flow_params {
    const struct ip_set *home;
    bool inspect_both;
    bool classify; /* run nDPI */
};

struct flow_table;
struct flow_table *flow_table_new(struct mem *mem, struct counters *counters,
                                  const struct flow_params *params, const struct flow_hooks *hooks);
void flow_table_free(struct flow_table *table); /* flow_table_flush first */

/* The packet's flow, made when new, with its counts, times, direction and side updated. It is the
 * current flow until the next call: no shedding frees it meanwhile. NULL when memory refuses it
 * even after shedding: the caller books the payload as shed_memory. */
struct flow *flow_table_packet(struct flow_table *table, const struct packet *packet,
                               enum side *side);
/* Shows the packet to nDPI while the flow is undecided. Called after stream_packet for the same
 * packet, so that a decoder that claimed the flow from its first bytes (and said
 * flow_stop_classifying) saves nDPI the work. */
void flow_table_classify(struct flow_table *table, struct flow *flow, enum side side,
                         const struct packet *packet);
/* Makes `flow` the current flow, as flow_table_packet does: for work on it between packets. */
void flow_table_protect(struct flow_table *table, struct flow *flow);
/* A SYN inside the connection has the number its bytes began with: it was captured late, that is all. */
void flow_syn_fits(struct flow *flow, enum side side);
/* Its connection goes on after a SYN that would have begun another: the SYN was forged. */
void flow_survives_syn(struct flow *flow, enum side side);
/* Ends the flow now. */
void flow_table_end(struct flow_table *table, struct flow *flow, enum flow_end how);
/* Ends the flow `ns` from now: after both FINs (`closed`) or a reset, to swallow late copies.
 * Packets do not prolong it any more; flow_table_revive takes it back when the end turns out to be
 * forged. */
void flow_table_linger(struct flow_table *table, struct flow *flow, int64_t ns, bool closed);
void flow_table_revive(struct flow_table *table, struct flow *flow);
/* The table's clock after seeing packet time `now_ns`: it only runs forwards, whatever the
 * timestamps say. */
int64_t flow_table_clock(struct flow_table *table, int64_t now_ns);
/* Ends every flow whose packet-time deadline is past, and lets those rest that have been silent for
 * some seconds. */
void flow_table_expire(struct flow_table *table, int64_t now_ns);
/* Ends every flow, oldest first. */
void flow_table_flush(struct flow_table *table);
/* Gives up the least valuable idle flow to free memory (half-open ones, then unanswered datagrams,
 * closing ones, idle datagram flows, idle connections); false when no idle flow is left. */
bool flow_table_evict(struct flow_table *table);
/* The last resort, after flow_table_evict and streams_shed: the busy flow that has been silent
 * longest. */
bool flow_table_evict_busy(struct flow_table *table);
/* Gives up one thing in the written order: what silent flows can do without (they rest before their
 * time), an idle flow, held segments, a busy flow. False when nothing is left but the current flow.
 * Who needs an item of a pool tries up to FLOW_ROOM_TRIES times: a slab of flows comes free within
 * that many. */
bool flow_table_make_room(struct flow_table *table);
#define FLOW_ROOM_TRIES 1024
/* A flow that carries an object now stands in the busy list and is evicted last. */
void flow_set_busy(struct flow_table *table, struct flow *flow, bool busy);
/* Stops nDPI for this flow and frees its state (a decoder knows better, or the flow is opaque). */
void flow_stop_classifying(struct flow_table *table, struct flow *flow);
/* Of the class, what is the flow's own: TLS SNI, or HTTP host as nDPI saw it; the client's JA3. ""
 * when there is none, or when it was forgotten because the flow's meta says the same (flow_said
 * tells). */
const char *flow_server_name(const struct flow *flow);
const char *flow_ja3(const struct flow *flow);
enum { FLOW_NAME_SAID = 1, FLOW_JA3_SAID = 2 };
unsigned flow_said(const struct flow *flow);
void flow_forget_said(struct flow_table *table, struct flow *flow, unsigned said);
/* Comma list of the names of flow->evasion's bits; returns `text`. */
char *flow_evasion_names(const struct flow *flow, char *text, size_t len);
const char *evasion_name(enum evasion evasion);

/* "outbound", "inbound", "internal" or "external", for bytes sent by `sender`. */
const char *flow_direction(const struct flow *flow, enum side sender);

#endif
