/* The sinks' one table, and what they share. */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sink.h"

static const struct sink_ops *const sinks[] = {&sink_json, &sink_redis};
#define LOOK_MS 100 /* between looks at the clock, while everything else sleeps */
#define SINK_COUNT (sizeof(sinks) / sizeof(sinks[0]))

struct output {
    struct event_base *base;
    unsigned wanted; /* bit for each enum event_type the configuration asks for */
    struct spool *spool; /* NULL when nobody asked for one */
    void *sink[SINK_COUNT];
    struct output_stats stats;
};

static void on_readable(void *user)
{
    struct output *output = user;
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (output->sink[i] && sinks[i]->readable)
            sinks[i]->readable(output->sink[i]);
    }
}

static bool is_spool_wanted(const struct config *config)
{
    bool wanted = config->spool_dir[0];
    for (size_t i = 0; i < SINK_COUNT; i++)
        wanted = wanted || (sinks[i]->readable && sinks[i]->wanted(config));
    return wanted;
}

static bool is_sink_wanted(const struct sink_ops *sink, const struct config *config, enum output_purpose purpose)
{
    return (sink->readable || purpose != OUTPUT_RESEND) && sink->wanted(config);
}

struct output *output_new(struct event_base *base, const struct config *config, enum output_purpose purpose,
                          char *error, size_t error_len)
{
    struct output *output = calloc(1, sizeof(*output));
    if (!output)
        abort(); /* only at start */
    output->base = base;
    output->wanted = config->events;
    if (is_spool_wanted(config)) {
        output->spool = spool_open(base, config, on_readable, output, error, error_len);
        if (!output->spool) {
            output_free(output);
            return NULL;
        }
    }
    const struct sink_params params = {base, config, &output->stats, purpose, output->spool};
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (!is_sink_wanted(sinks[i], config, purpose))
            continue;
        output->sink[i] = sinks[i]->open(&params, error, error_len);
        if (!output->sink[i]) {
            output_free(output);
            return NULL;
        }
    }
    return output;
}

void output_event(struct output *output, struct event_doc *event)
{
    if (output->wanted & 1u << event->type) {
        output->stats.written[event->type]++;
        if (output->spool && event->type == EVENT_ALERT)
            spool_append(output->spool, event);
        for (size_t i = 0; i < SINK_COUNT; i++) {
            if (output->sink[i] && sinks[i]->write)
                sinks[i]->write(output->sink[i], event);
        }
    }
    event_doc_free(event);
}

bool output_ready(const struct output *output)
{
    if (output->spool && !spool_ready(output->spool))
        return false;
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (output->sink[i] && sinks[i]->ready && !sinks[i]->ready(output->sink[i]))
            return false;
    }
    return true;
}

void output_state(struct output *output, const char *rules_digest, const struct event_doc *stats)
{
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (output->sink[i] && sinks[i]->state)
            sinks[i]->state(output->sink[i], rules_digest, stats);
    }
}

void output_read_stats(const struct output *output, struct output_stats *stats, struct spool_stats *spool)
{
    *stats = output->stats;
    *spool = (struct spool_stats){0};
    if (output->spool)
        spool_read_stats(output->spool, spool);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user; /* its coming wakes the loop */
}

static bool is_flushed(const struct output *output)
{
    if (output->spool && !spool_settled(output->spool))
        return false;
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (output->sink[i] && !sinks[i]->flushed(output->sink[i]))
            return false;
    }
    return true;
}

bool output_flush(struct output *output, int timeout_ms)
{
    uint64_t acknowledged = output->stats.redis_acknowledged;
    int64_t until = monotonic_ms() + timeout_ms;
    struct event *look = event_new(output->base, -1, EV_PERSIST, on_look, NULL);
    bool done;
    if (output->spool)
        spool_hurry(output->spool);
    event_add(look, &(struct timeval){0, LOOK_MS * 1000});
    while (!(done = is_flushed(output)) && monotonic_ms() < until) {
        event_base_loop(output->base, EVLOOP_ONCE);
        if (acknowledged != output->stats.redis_acknowledged)
            until = monotonic_ms() + timeout_ms;
        acknowledged = output->stats.redis_acknowledged;
    }
    event_free(look);
    return done;
}

void output_free(struct output *output)
{
    if (!output)
        return;
    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (output->sink[i])
            sinks[i]->close(output->sink[i]);
        output->sink[i] = NULL;
    }
    spool_close(output->spool);
    free(output);
}
