/* What a sender has sent to a receiver lately: pictures, records and bytes of every flow between the two, over the last
 * ten minutes of packet time, in steps of one minute. So a rule can tell the trickle of one crop a request from a
 * thumbnail. One worker's: it sees every flow of a pair in a replay, whatever the number of workers; on a live link
 * with several workers, each counts the flows the kernel gave it. */
#ifndef DLP_TALLY_H
#define DLP_TALLY_H

#include "facts.h"

#define TALLY_MINUTES 10
#define TALLY_PAIRS_MAX 32768 /* the pair that sent nothing for the longest time is forgotten first */

struct tallies;
struct tallies *tallies_new(struct mem *mem, struct counters *counters); /* charged to MEM_FLOW */
void tallies_free(struct tallies *tallies);
void tallies_clear(struct tallies *tallies);

/* Wire bytes of a packet that `sender` sent. `now_ns` is the packet clock, here and below: it never goes back. */
void tally_bytes(struct tallies *tallies, const struct flow *flow, enum side sender, uint64_t bytes, int64_t now_ns);

/* Pictures and records an object shows, and how many of them were counted before. */
struct tallied {
    uint32_t images, records;
};
/* Counts what the object shows beyond `before`, which is brought up to date: each picture counts once, when it is
 * proved. Not for an opened archive: its members count themselves. */
void tally_object(struct tallies *tallies, const struct object *object, const struct fact_set *facts,
                  struct tallied *before, int64_t now_ns);
/* Sets images_from_sender, records_from_sender and bytes_from_sender. */
void tally_facts(struct tallies *tallies, const struct flow *flow, enum side sender, int64_t now_ns,
                 struct fact_set *facts);

#endif
