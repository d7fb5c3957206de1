/* stream/: segments to ordered bytes. TCP state and reassembly for each side, gaps as values, conflicting
 * overlaps as evidence and as another reading; payloads of UDP and ESP pass through. In-order bytes go
 * straight from the frame to the sink; early segments are held under MEM_REASSEMBLY, and so are copies of
 * what was delivered and not acknowledged yet, to compare with. */
#ifndef DLP_STREAM_H
#define DLP_STREAM_H

#include "flow.h"

enum stream_end {
    STREAM_FIN, /* the sender said it was done; every byte before was delivered or given as a gap */
    STREAM_RST, /* reset by a segment the receiver would accept */
    STREAM_CUT  /* timeout, memory, or the input ended: the rest is not known */
};

/* What the stream calls, in order, for each side. `data` is borrowed for the call.
 *
 * A tap cannot know which of two differing copies the receiver kept. What `data`, `gap` and `end` show
 * is the reading in which the first copy counts. From the first conflict on, the `other_` calls show
 * one more stream of the same side, in which the latest copy that differs counts: begun anew at the
 * message the conflict is in (stream_message_over), and given a byte once no copy can change it
 * any more. Where the message's bytes are not all there any more, `conflict` shows the copy alone. */
struct stream_sink {
    void *user;
    void (*data)(void *user, struct flow *flow, enum side side, const uint8_t *data, size_t len);
    /* `cut` more bytes of it were left out by the snap length. */
    void (*datagram)(void *user, struct flow *flow, enum side side, const uint8_t *data,
                     size_t len, uint32_t cut);
    void (*gap)(void *user, struct flow *flow, enum side side, uint64_t len);
    void (*end)(void *user, struct flow *flow, enum side side, enum stream_end how);
    /* Two copies of the same range differ (the first was or will be delivered through data), and
     * there is no other reading to hold the second. `offset` counts stream bytes of this side from
     * its first. `data` is the copy that was NOT delivered. */
    void (*conflict)(void *user, struct flow *flow, enum side side, uint64_t offset,
                     const uint8_t *data, size_t len);
    void (*other_begin)(void *user, struct flow *flow, enum side side); /* NULL: conflict has all */
    void (*other_data)(void *user, struct flow *flow, enum side side, const uint8_t *data,
                       size_t len);
    void (*other_gap)(void *user, struct flow *flow, enum side side, uint64_t len);
    void (*other_end)(void *user, struct flow *flow, enum side side, enum stream_end how);
};

struct streams; /* the reassembler of one worker */
struct streams *streams_new(struct mem *mem, struct counters *counters, struct flow_table *table,
                            const struct stream_sink *sink);
void streams_free(struct streams *streams);

/* Takes one packet of `flow`: books every payload byte (the delivered ones as stream_fate says),
 * counts the frame in fate_packets, moves TCP state, calls the sink, and lets the flow
 * linger when TCP says it is over. */
void stream_packet(struct streams *streams, struct flow *flow, enum side side,
                   const struct packet *packet);
/* What this side sends next begins a message that can be read without what came before: another
 * reading need not go back farther. Called by who was just given the bytes before. */
void stream_message_over(struct flow *flow, enum side side);
/* Gives up the holes whose time has come, between packets. Called with flow_table_expire. */
void streams_expire(struct streams *streams, int64_t now_ns);
/* From flow_hooks.end: delivers what is held (with gaps), ends both sides, frees flow->stream. */
void stream_flow_end(struct streams *streams, struct flow *flow, enum flow_end how);
/* From flow_hooks.rest: folds what is kept of a silent connection, until its next packet. */
void stream_flow_rest(struct streams *streams, struct flow *flow);
/* Frees memory: first a copy kept only for comparison, then the held segments of the flow that
 * holds most; false when there is neither. Held bytes are booked as shed_memory and become gaps.
 * Never of a flow at work. */
bool streams_shed(struct streams *streams);

/* The fate of bytes delivered now: opaque, inspected or inbound. */
enum fate stream_fate(const struct flow *flow, enum side side);

#endif
