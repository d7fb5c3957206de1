/* A sink of events. One file each in output/, one line in output.c's table. Output thread. */
#ifndef DLP_OUTPUT_SINK_H
#define DLP_OUTPUT_SINK_H

#include "output.h"
#include "spool.h"

struct sink_params {
    struct event_base *base;
    const struct config *config;
    struct output_stats *stats; /* the sink counts here */
    enum output_purpose purpose;
    struct spool *spool;        /* what alerts are kept in; NULL when no sink reads it */
};

struct sink_ops {
    const char *name;
    bool (*wanted)(const struct config *config);
    /* NULL with a sentence in `error`. */
    void *(*open)(const struct sink_params *params, char *error, size_t error_len);
    void (*write)(void *sink, const struct event_doc *event); /* borrowed for the call; NULL: reads the spool */
    void (*readable)(void *sink);                             /* the spool has more; NULL: does not read it */
    bool (*ready)(const void *sink);                          /* takes more now; NULL: always */
    bool (*flushed)(void *sink);                              /* nothing waits; also pushes what it can */
    void (*state)(void *sink, const char *rules_digest, const struct event_doc *stats); /* NULL: none */
    void (*close)(void *sink);
};

extern const struct sink_ops sink_json;
extern const struct sink_ops sink_redis;

#endif
