/* The main thread of a replay or a capture. It owns the outputs and the only libevent loop; workers reach it
 * through their rings and one eventfd.
 *
 *      worker: push, then wake if the output thread said it sleeps
 *      output: drain all rings, say it sleeps, drain once more, wait
 *
 * so no wake-up is lost and none is paid for while the output thread is busy. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "rule_load.h"
#include "spool.h"

#define FLUSH_MS_REPLAY 15000
#define FLUSH_MS_CAPTURE 10000

int64_t run_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Empties the rings into the sinks; false when a sink cannot take more now. */
static bool drain(struct run *run)
{
    bool more = true;
    while (more) {
        more = false;
        for (unsigned i = 0; i < run->worker_count; i++) {
            for (unsigned n = 0; n < 64; n++) {
                if (!run->live && !output_ready(run->output))
                    return false;
                struct event_doc *event = ring_pop(run->workers[i]->ring);
                if (!event)
                    break;
                output_event(run->output, event);
                more = true;
            }
        }
    }
    return true;
}

static bool all_done(const struct run *run)
{
    for (unsigned i = 0; i < run->worker_count; i++) {
        if (!atomic_load(&run->workers[i]->done))
            return false;
    }
    return true;
}

static void serve(struct run *run)
{
    for (;;) {
        if (!drain(run)) {
            event_add(run->retry_event, &(struct timeval){0, 2000});
            return;
        }
        atomic_store(&run->exchange.output_asleep, true);
        atomic_thread_fence(memory_order_seq_cst);
        bool empty = true;
        for (unsigned i = 0; i < run->worker_count; i++)
            empty = empty && ring_depth(run->workers[i]->ring) == 0;
        if (empty)
            break;
        atomic_store(&run->exchange.output_asleep, false);
    }
    if (all_done(run))
        event_base_loopbreak(run->base);
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    uint64_t count;
    (void)what;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
    serve(user);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    serve(user);
}

void run_read_counters(struct run *run)
{
    memset(&run->total, 0, sizeof(run->total));
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct worker *w = run->workers[i];
        pthread_mutex_lock(&w->publish_lock);
        counters_merge(&run->total, &w->published);
        if (w->published_now_ns > run->now_ns)
            run->now_ns = w->published_now_ns;
        pthread_mutex_unlock(&w->publish_lock);
    }
}

static struct rule_set *install_rules(void *user, struct rule_set *rules)
{
    struct run *run = user;
    struct rule_set *before = run->rules;
    for (unsigned i = 0; i < run->worker_count; i++)
        atomic_store(&run->workers[i]->next_rules, rule_set_hold(rules)); /* settled: nothing waits there */
    run->rules = rules;
    run->reloads++;
    log_info("%u rules in force, digest %.16s", rule_set_count(rules), rule_set_digest(rules));
    return before;
}

/* A worker that is done takes no rules any more. */
static bool rules_settled(void *user)
{
    const struct run *run = user;
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct worker *w = run->workers[i];
        if (atomic_load(&w->next_rules) && !atomic_load(&w->done))
            return false;
    }
    return true;
}

static void refuse_rules(void *user)
{
    struct run *run = user;
    run->refused_reloads++;
    log_error("the new rules are refused; the old ones stay in force");
}

void run_reload_rules(struct run *run)
{
    rule_reload_start(run->reload);
}

static bool make_workers(struct run *run, void *(*thread)(void *))
{
    run->workers = calloc(run->worker_count, sizeof(struct worker *));
    run->starts = calloc(run->worker_count, sizeof(*run->starts));
    if (!run->workers || !run->starts)
        abort(); /* only at start */
    for (unsigned i = 0; i < run->worker_count; i++)
        run->workers[i] = worker_new(run->config, rule_set_hold(run->rules), &run->exchange, i,
                                     run->worker_count, run->live, run->workers[0]);
    malloc_trim(0); /* what compiling rules and literals took goes back to the system */
    /* Signals are the main thread's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = true;
    for (unsigned i = 0; i < run->worker_count; i++) {
        run->starts[i] = (struct worker_run){run, run->workers[i]};
        int failure = pthread_create(&run->workers[i]->thread, NULL, thread, &run->starts[i]);
        if (failure) {
            log_error("cannot start worker %u: %s", i, strerror(failure));
            ok = false;
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool run_start(struct run *run, void *(*thread)(void *))
{
    char error[512];
    run->started_ns = run_wall_ns();
    run->base = event_base_new();
    run->exchange.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!run->base || run->exchange.wake < 0) {
        log_error("cannot make the event loop: %m");
        return false;
    }
    run->output = output_new(run->base, run->config, run->live ? OUTPUT_CAPTURE : OUTPUT_REPLAY, error, sizeof(error));
    if (!run->output) {
        log_error("%s", error);
        return false;
    }
    run->wake_event = event_new(run->base, run->exchange.wake, EV_READ | EV_PERSIST, on_wake, run);
    run->retry_event = event_new(run->base, -1, 0, on_retry, run);
    event_add(run->wake_event, NULL);
    run->reload = rule_reload_new(run->base, run->config,
                                  &(struct rule_reload_hooks){run, install_rules, rules_settled, refuse_rules});
    return make_workers(run, thread);
}

/* Members of "stats" beside the counters. */
static void add_rules(void *user, struct json *json)
{
    const struct run *run = user;
    json_open_object(json, "rules");
    json_text(json, "digest", rule_set_digest(run->rules));
    json_uint(json, "count", rule_set_count(run->rules));
    json_uint(json, "reloads", run->reloads);
    json_uint(json, "refused_reloads", run->refused_reloads);
    json_close_object(json);
}

static void add_rules_and_output(void *user, struct json *json)
{
    struct run *run = user;
    struct output_stats o;
    struct spool_stats spool;
    add_rules(run, json);
    output_read_stats(run->output, &o, &spool);
    json_open_object(json, "output");
    json_uint(json, "alerts", o.written[EVENT_ALERT]);
    json_uint(json, "objects", o.written[EVENT_OBJECT]);
    json_uint(json, "flows", o.written[EVENT_FLOW]);
    json_uint(json, "json_errors", o.json_errors);
    json_close_object(json);
    json_open_object(json, "redis");
    json_bool(json, "connected", o.redis_connected);
    json_text(json, "reason", o.redis_reason);
    json_uint(json, "sent", o.redis_sent);
    json_uint(json, "acknowledged", o.redis_acknowledged);
    json_uint(json, "known", o.redis_known);
    json_uint(json, "retried", o.redis_retried);
    json_uint(json, "reconnects", o.redis_reconnects);
    json_uint(json, "entries", o.redis_entries);
    json_uint(json, "trimmed_by_age", o.redis_trimmed);
    json_uint(json, "beside_lost", o.redis_beside_lost);
    json_close_object(json);
    json_open_object(json, "spool");
    json_uint(json, "waiting", spool.waiting);
    json_uint(json, "bytes", spool.bytes);
    json_uint(json, "appended", spool.appended);
    json_uint(json, "duplicates", spool.duplicates);
    json_uint(json, "dropped", spool.dropped);
    json_uint(json, "lost", spool.lost);
    json_uint(json, "trimmed", spool.trimmed);
    json_uint(json, "damaged", spool.damaged);
    json_uint(json, "errors", spool.errors);
    json_close_object(json);
}

void run_publish_stats(struct run *run)
{
    run_read_counters(run);
    struct event_doc *event = stats_event(run->config->sensor_name, &run->total, run_wall_ns(),
                                          add_rules_and_output, run);
    if (!event)
        return;
    output_state(run->output, rule_set_digest(run->rules), event);
    if (run->config->events & 1u << EVENT_STATS)
        output_event(run->output, event);
    else
        event_doc_free(event);
}

const struct counters *run_metrics_source(void *user, struct evbuffer *page)
{
    struct run *run = user;
    struct output_stats o;
    struct spool_stats spool;
    run_read_counters(run);
    output_read_stats(run->output, &o, &spool);
    evbuffer_add_printf(page,
                        "# TYPE dlp_rules gauge\ndlp_rules %u\n"
                        "# TYPE dlp_rules_reloads_total counter\ndlp_rules_reloads_total %llu\n"
                        "# TYPE dlp_rules_refused_reloads_total counter\n"
                        "dlp_rules_refused_reloads_total %llu\n"
                        "# TYPE dlp_redis_connected gauge\ndlp_redis_connected %d\n"
                        "# TYPE dlp_redis_acknowledged_total counter\ndlp_redis_acknowledged_total %llu\n"
                        "# TYPE dlp_spool_waiting gauge\ndlp_spool_waiting %llu\n"
                        "# TYPE dlp_spool_bytes gauge\ndlp_spool_bytes %llu\n"
                        "# TYPE dlp_spool_appended_total counter\ndlp_spool_appended_total %llu\n"
                        "# TYPE dlp_spool_dropped_total counter\ndlp_spool_dropped_total %llu\n"
                        "# TYPE dlp_spool_lost_total counter\ndlp_spool_lost_total %llu\n"
                        "# TYPE dlp_spool_errors_total counter\ndlp_spool_errors_total %llu\n",
                        rule_set_count(run->rules), (unsigned long long)run->reloads,
                        (unsigned long long)run->refused_reloads, o.redis_connected,
                        (unsigned long long)o.redis_acknowledged, (unsigned long long)spool.waiting,
                        (unsigned long long)spool.bytes, (unsigned long long)spool.appended,
                        (unsigned long long)spool.dropped, (unsigned long long)spool.lost,
                        (unsigned long long)spool.errors);
    return &run->total;
}

static void write_stats(struct run *run)
{
    struct event_doc *event =
        stats_event(run->config->sensor_name, &run->total, run->now_ns, add_rules_and_output, run);
    if (!event)
        return;
    output_state(run->output, rule_set_digest(run->rules), event);
    if (run->config->stats[0]) {
        bool standard = strcmp(run->config->stats, "-") == 0;
        FILE *file = standard ? stdout : fopen(run->config->stats, "w");
        if (!file || fprintf(file, "%s\n", event->json) < 0 || fflush(file) != 0)
            log_error("%s: %m", run->config->stats);
        if (file && !standard)
            fclose(file);
    }
    event_doc_free(event);
}

static bool check_ledger(const struct run *run)
{
    uint64_t fates = counters_fate_total(&run->total);
    uint64_t captured = run->total.value[COUNT_CAPTURE_BYTES];
    if (fates == captured)
        return true;
    log_error("the byte ledger does not close: %llu captured, %llu accounted for; please report this",
              (unsigned long long)captured, (unsigned long long)fates);
    return false;
}

int run_finish(struct run *run)
{
    int code = EXIT_DONE;
    serve(run);
    if (!all_done(run) || !drain(run))
        event_base_dispatch(run->base);
    for (unsigned i = 0; i < run->worker_count; i++) {
        pthread_join(run->workers[i]->thread, NULL);
        if (run->workers[i]->exit_code)
            code = EXIT_INPUT;
    }
    run->worked_ns = run_wall_ns();
    while (!drain(run))
        event_base_loop(run->base, EVLOOP_ONCE);
    run_read_counters(run);
    check_ledger(run);
    if (run->config->events & 1u << EVENT_STATS) {
        struct event_doc *event =
            stats_event(run->config->sensor_name, &run->total, run->now_ns, add_rules, run);
        if (event)
            output_event(run->output, event);
    }
    bool flushed = output_flush(run->output, run->live ? FLUSH_MS_CAPTURE : FLUSH_MS_REPLAY);
    write_stats(run);
    output_flush(run->output, 1000);
    if (!flushed)
        code = EXIT_OUTPUT;
    if (code == EXIT_DONE && run->interrupted && !run->live)
        code = EXIT_INPUT;
    if (code == EXIT_DONE && run->config->fail_on_alert && run->total.value[COUNT_ALERT_RAISED])
        code = EXIT_ALERTED;
    return code;
}

void run_free(struct run *run)
{
    rule_reload_free(run->reload);
    for (unsigned i = 0; run->workers && i < run->worker_count; i++)
        worker_free(run->workers[i]);
    free(run->workers);
    free(run->starts);
    if (run->wake_event)
        event_free(run->wake_event);
    if (run->retry_event)
        event_free(run->retry_event);
    if (run->output)
        output_free(run->output);
    if (run->base)
        event_base_free(run->base);
    if (run->exchange.wake > 0)
        close(run->exchange.wake);
    if (run->rules)
        rule_set_drop(run->rules);
}
