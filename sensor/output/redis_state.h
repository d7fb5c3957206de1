/* What the sensor tells Redis beside its alerts, without promise: that it lives, its stats, copies of alerts for
 * consumers that cannot read streams. In a Cluster these keys may live on other nodes than the alerts. */
#ifndef DLP_OUTPUT_REDIS_STATE_H
#define DLP_OUTPUT_REDIS_STATE_H

#include "event.h"
#include "redis_link.h"
#include "spool.h"

enum state_key { KEY_SENSORS, KEY_SENSOR, KEY_STATS, KEY_EVENTS, STATE_KEYS };

struct redis_state;
struct state_node { /* where one key lives */
    struct redis_state *state;
    enum state_key kind;
    char key[288];
    struct redis_endpoint endpoint; /* of `link` */
    struct redis_link *link;        /* NULL: where the alerts go */
};

struct redis_state {
    struct redis_access *access;
    struct redis_link *link; /* the alerts'; NULL while there is none */
    struct redis_endpoint endpoint;
    struct state_node node[STATE_KEYS];
    uint64_t lost; /* commands that were refused */
};

void redis_state_init(struct redis_state *state, struct redis_access *access);
void redis_state_free(struct redis_state *state);
/* The alerts' connection came or went. */
void redis_state_attach(struct redis_state *state, struct redis_link *link, const struct redis_endpoint *endpoint);

void redis_state_publish(struct redis_state *state, uint64_t started_ms, const char *rules_digest,
                         const struct event_doc *stats);
void redis_state_mirror(struct redis_state *state, const struct record *record);
bool redis_state_settled(const struct redis_state *state); /* nothing is on its way over links of its own */

#endif
