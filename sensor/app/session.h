/* What the files of app/ share: a flow's session, the bytes that wait for a decision, and the other reading of a side
 * whose copies differ.
 *
 * A session lives from the first payload of a flow to its end, folded while the flow is silent (rest.c). Until a
 * decoder claims the flow, `ops` is NULL and what came is kept in `held`, in order of arrival across both sides; then
 * the decoder is given all of it. */
#ifndef DLP_APP_SESSION_H
#define DLP_APP_SESSION_H

#include "app.h"
#include "fold.h"
#include "intern.h"

struct held; /* see held.c */

struct app_session {
    struct apps *apps;
    struct flow *flow;
    const struct app_ops *ops; /* NULL while no decoder has claimed the flow */
    void *state;               /* ops->state_size bytes */
    struct held *held;         /* NULL when nothing waits */
    struct meta *meta;         /* of the flow itself, NULL until one is set */
    struct meta *handed;       /* words that one decoder left for the next */
    const struct app_ops *next; /* with `switching`: NULL asks the decoders afresh */
    size_t left;
    bool switching;
    bool opaque;    /* asked for by the current callback */
    bool borrowed;  /* the state is not of its pool */
    uint8_t depth;  /* decisions within decisions: a hostile flow must not nest them without end */
    bool stopped;   /* nothing more is read: its flow is opaque, or another reading is over */
    uint32_t objects_open;
    struct app_session *main;       /* of another reading: the session of the first; else NULL */
    struct other_reading *other[2]; /* by side, NULL without conflicting copies */
};

/* The other reading of one side: a conversation of its own in which only that side speaks, and the copies for which
 * there is none, one after another in one object. */
struct other_reading {
    struct app_session session;
    struct object *loose;
    uint32_t loose_bytes;
};

struct apps {
    struct mem *mem;
    struct counters *counters;
    struct flow_table *table;
    struct object_sink objects;  /* the caller's */
    struct object_sink counting; /* what decoders see: the same, keeping the flow's busy mark */
    struct app_session *current; /* whose callback runs */
    uint32_t cut;                /* from the datagram at hand, by the snap length */
    struct pool *sessions, *held, *metas, *others;
    struct pool **states;        /* by decoder */
    void **shared;               /* by decoder: what its sessions share, from ops->worker_new */
    struct folds *folds;         /* sessions at rest */
    struct interns *words;       /* that those have in common */
    struct meta rested_meta;     /* scratch for app_meta_of_flow */
};

/* session.c: what a session is given, whichever reading it is. */
void session_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void session_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void session_gap(struct app_session *session, enum side side, uint64_t len);
void session_end(struct app_session *session, enum side side, enum stream_end how);
void session_become_opaque(struct app_session *session); /* and its flow, unless this is another reading */
void session_close(struct app_session *session); /* its last words; frees what it holds, not itself */
struct app_session *session_of(struct apps *apps, struct flow *flow); /* NULL when memory refuses it */

/* app.c */
void *apps_take(struct apps *apps, struct pool *pool); /* zeroed, room made for it in the written order */
extern const struct app_ops *const app_decoders[]; /* in the order of app_list.def: raw is last */
size_t app_decoder_index(const struct app_ops *ops);

/* other.c */
void other_readings(struct stream_sink *sink); /* fills in what the stream calls for them */
void other_readings_close(struct app_session *session);

/* held.c: the bytes and gaps of both sides before a decision. */
enum held_kind { HELD_DATA, HELD_GAP };

struct held_entry {
    uint64_t len;
    uint8_t side;
    uint8_t kind;
};

#define HELD_ENTRIES 24

struct held {
    uint16_t used[2];
    uint8_t count;
    struct held_entry entries[HELD_ENTRIES];
    uint8_t data[2][APP_PROBE_MAX];
};

void held_reset(struct held *held);
void held_trim(struct held *held); /* zeroes what is not used */
/* How many of `len` bytes were kept; fewer when a limit was reached. */
size_t held_add(struct held *held, enum side side, const uint8_t *data, size_t len);
bool held_gap(struct held *held, enum side side, uint64_t len);

/* rest.c. flow->app of a flow at rest is a tagged fold. NULL: memory refuses, and it rests on. */
struct app_session *session_wake(struct apps *apps, struct flow *flow);
/* For the flow's end, which must not be refused: flow->app is awake, or in `last`, without its words, which nobody asks
 * for any more. Held bytes are in `last` only when there is no memory to decide over them. */
#define APP_STATE_MAX 16384
struct last_session {
    struct app_session session;
    struct held held;
    _Alignas(16) uint8_t state[APP_STATE_MAX];
};
void session_wake_to_end(struct apps *apps, struct flow *flow, struct last_session *last);

#endif
