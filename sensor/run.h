/* A run: workers on their threads, and the main thread as the output thread on a libevent loop. run.c is
 * what a replay and a capture share; run_replay.c and run_capture.c hold each one's worker loop. */
#ifndef DLP_RUN_H
#define DLP_RUN_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "output.h"
#include "rule_reload.h"
#include "worker.h"

enum { EXIT_DONE = 0, EXIT_INPUT = 1, EXIT_USAGE = 2, EXIT_OUTPUT = 3, EXIT_ALERTED = 10 };

struct run;

struct worker_run { /* what a worker's thread gets */
    struct run *run;
    struct worker *worker;
};

struct run {
    const struct config *config;
    bool live;
    const struct string_list *inputs; /* replay */
    struct capture **captures;        /* capture: [worker][interface] */
    size_t interface_count;
    struct rule_set *rules;
    struct rule_reload *reload;       /* NULL: rules stay as they are */
    struct exchange exchange;
    struct event_base *base;
    struct output *output;
    struct worker **workers;
    struct worker_run *starts; /* what each thread got */
    unsigned worker_count;
    struct counters total;            /* merged from what the workers published */
    int64_t now_ns;                   /* the latest packet clock among them */
    int64_t started_ns, worked_ns;    /* wall clock: begun, and the workers done */
    uint64_t reloads, refused_reloads;
    bool interrupted;
    bool draining;                    /* events wait because a sink is not ready */
    struct event *wake_event, *retry_event;
};

/* Opens outputs, makes the workers; false with the reason logged. */
bool run_start(struct run *run, void *(*thread)(void *worker_run));
/* Serves outputs until every worker is done; then the final events, statistics and flush. Returns the exit code. */
int run_finish(struct run *run);
void run_free(struct run *run);
void run_read_counters(struct run *run); /* refreshes total and now_ns */
void run_reload_rules(struct run *run); /* returns at once */
int64_t run_wall_ns(void);

int run_replay(const struct config *config, const struct string_list *inputs);
int run_capture(const struct config *config);

/* Every 10 s of a capture: a stats event, and the sensor's state in Redis. */
void run_publish_stats(struct run *run);
/* For the metrics page: fresh counters, and lines for the rules and the outputs. */
const struct counters *run_metrics_source(void *run, struct evbuffer *page);

/* progress.c: the bar while a replay runs, the summary after, on standard error. */
struct event *progress_start(struct run *run); /* NULL when standard error is no terminal or -q was given */
void progress_end(struct run *run, struct event *bar);

#endif
