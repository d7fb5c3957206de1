/* What the files of flow/ share: the table, its index, its deadline lists and its clock. */
#ifndef DLP_FLOW_TABLE_H
#define DLP_FLOW_TABLE_H

#include "flow.h"

/* The lists a flow can stand in, in the order they are given up under memory pressure. Within a
 * list every flow has the same life, so the order of deadlines is the order of arrival and both
 * ends are O(1). */
enum flow_list {
    FLOW_NEW_TCP, /* no conversation yet: a SYN flood ends here */
    FLOW_NEW_UDP, /* datagrams nobody answered */
    FLOW_LINGER,  /* closed or reset, waits for late copies */
    FLOW_UDP,
    FLOW_TCP,
    FLOW_IDLE_LISTS, /* those before it are idle, those after it carry an object */
    FLOW_LINGER_BUSY = FLOW_IDLE_LISTS,
    FLOW_BUSY,
    FLOW_LIST_COUNT,
    FLOW_ENDING = FLOW_LIST_COUNT /* in none any more: its hooks run */
};

struct flow_queue {
    struct flow *head, *tail; /* head: the earliest deadline */
};

/* Chained hash table that doubles without a pause: `old` holds what has not been moved yet. */
struct flow_index {
    struct mem *mem;
    struct flow **buckets, **old;
    size_t count, old_count; /* of buckets, powers of two */
    size_t moved;            /* buckets of `old` moved so far */
    size_t flows;
    size_t refused; /* do not try to grow below this many flows */
};

void flow_index_init(struct flow_index *index, struct mem *mem);
void flow_index_free(struct flow_index *index);
void flow_index_add(struct flow_index *index, struct flow *flow);
void flow_index_remove(struct flow_index *index, struct flow *flow);
/* The flow of this packet, whichever side sent it. */
struct flow *flow_index_find(const struct flow_index *index, const struct packet *packet,
                             uint32_t hash, enum side *side);

/* Whether the packet belongs to the flow, and who sent it. */
bool flow_matches(const struct flow *flow, const struct packet *packet, enum side *side);

struct classifier; /* nDPI and the classes it found; classify.c */

struct flow_table {
    struct mem *mem;
    struct counters *counters;
    struct flow_params params;
    struct flow_hooks hooks;
    struct hash_key key;
    struct pool *pool;
    struct flow_index index;
    struct flow_queue lists[FLOW_LIST_COUNT];
    struct flow *awake[FLOW_LIST_COUNT]; /* the first of each list that does not rest; none before it */
    struct flow *current; /* not to be freed under the caller's feet */
    struct classifier *classifier;
    bool flushing;
    /* The table's clock follows packet time forwards. Packet time that falls back by more than a
     * moment (another input, a damaged timestamp) starts a new reckoning: the clock stands still
     * for that packet and goes on from there, so no flow lives for ever because one frame claimed
     * to come from the future. Where the next packets take up the old reckoning again it was a
     * damaged timestamp, and no time has passed. */
    int64_t clock_ns, packet_ns;
    int64_t before_ns; /* where packet time stood before it fell back */
    bool clock_set, fell_back;
};

void flow_clock_advance(struct flow_table *table, int64_t packet_ns);

/* lists.c */
void flow_enqueue(struct flow_table *table, struct flow *flow, enum flow_list list,
                  int64_t life_ns);
void flow_dequeue(struct flow_table *table, struct flow *flow);
/* Puts an active flow where its state says, with its deadline counted from now. */
void flow_refresh(struct flow_table *table, struct flow *flow);
bool flow_expired(const struct flow_table *table, const struct flow *flow);
/* Lets some of the flows rest that were silent longest, whether or not their time has come. False
 * when all do. */
bool flow_rest_some(struct flow_table *table);

/* reuse.c: true when the packet opens another connection on the same addresses and ports. Keeps the
 * flow's record of SYNs. */
bool flow_is_reopened(struct flow *flow, enum side side, const struct packet *packet);
void flow_note_syn(struct flow *flow, enum side side, const struct packet *packet);

#endif
