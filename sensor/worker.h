/* One worker: a thread with its own capture handle, tables, pools, matcher and counters, that shares nothing
 * but the ring its finished events leave by. worker.c carries frames to objects; inspect.c watches objects
 * and flows with facts and rules and makes events; run.c starts, feeds and stops workers. */
#ifndef DLP_WORKER_H
#define DLP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "alert.h"
#include "app.h"
#include "capture.h"
#include "config.h"
#include "counters.h"
#include "facts.h"
#include "fold.h"
#include "match.h"
#include "object.h"
#include "packet.h"
#include "profile.h"
#include "ring.h"
#include "stream.h"
#include "tally.h"

/* What the workers and the output thread share. */
struct exchange {
    atomic_bool stop;          /* the output thread asks the workers to finish */
    atomic_bool output_asleep; /* the output thread waits on `wake` */
    int wake;                  /* eventfd */
};

struct kept_name {
    struct kept_name *next;
    char text[];
};

struct worker {
    const struct config *config;
    unsigned id, count;
    bool live;
    struct exchange *exchange;
    struct ring *ring;
    pthread_t thread;
    /* the pipeline, in its order */
    struct mem mem;
    struct counters counters;
    struct counters *decoding; /* sharded replay: what one frame's decoding counted, else NULL */
    struct packet_decoder *decoder;
    struct flow_table *flows;
    struct streams *streams;
    struct apps *apps;
    struct object_env *objects;
    struct facts_engine *facts;
    struct tallies *tallies;
    struct matcher *matcher;
    struct alerter *alerter;
    struct pool *watches;
    struct pool *flow_watches; /* of flows that cannot be read */
    struct folds *folds;        /* watches of flows at rest */
    struct fact_set flow_facts; /* scratch for rules over flows */
    struct kept_name *names;
    struct profile profile;
    int64_t now_ns;             /* the packet clock */
    int64_t expired_ns;         /* when timers last ran */
    /* between threads */
    _Atomic(struct rule_set *) next_rules; /* set by the output thread; NULL again once the worker uses it */
    pthread_mutex_t publish_lock;
    struct counters published;  /* a recent copy of `counters`, under publish_lock */
    int64_t published_now_ns;
    atomic_ullong progress_done, progress_total; /* bytes of the current input */
    atomic_uint input_index;
    atomic_bool done;
    int exit_code;              /* 0, or 1 when an input could not be read to its end */
};

/* `rules` is held. `first`: the worker that was made first, NULL for that one; what never changes is shared with it. */
struct worker *worker_new(const struct config *config, struct rule_set *rules, struct exchange *exchange,
                          unsigned id, unsigned count, bool live, const struct worker *first);
void worker_free(struct worker *worker);
/* One frame through the whole pipeline. */
void worker_frame(void *worker, const struct frame *frame);
/* No packet for a while on a live link: moves the packet clock on and runs timers. */
void worker_tick(struct worker *worker, int64_t now_ns);
/* Ends every flow: objects in flight are finished as truncated. */
void worker_flush(struct worker *worker);
/* As flush, and the next input starts from an empty flow table and its own clock. */
void worker_reset(struct worker *worker);
/* The thread's last word: wakes the output thread. */
void worker_finish(struct worker *worker);
/* Between batches: takes new rules, publishes counters. */
void worker_pause(struct worker *worker);
/* Hands an event to the output thread: waits for room in a replay, drops and counts on a live link. */
void worker_emit(struct worker *worker, struct event_doc *event);

/* inspect.c */
struct object_observer inspect_observer(struct worker *worker);
/* A packet, after the decoders saw it: counts where its flow cannot be read. */
void inspect_flow_packet(struct worker *worker, struct flow *flow, enum side side, const struct packet *packet);
void inspect_flow_rest(struct worker *worker, struct flow *flow);   /* from flow_hooks.rest */
void inspect_flow_end(struct worker *worker, struct flow *flow, enum flow_end how);
size_t inspect_watch_size(void);
size_t inspect_flow_watch_size(void);

#endif
