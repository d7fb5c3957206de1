/* A replay: every worker reads all inputs in the order given and keeps its share (worker.c says how). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/rules.h"
#include "log.h"
#include "rule_load.h"
#include "run.h"

#define BATCH 256
#define PAUSE_BATCHES 64 /* between looks at the other threads' wishes */

/* False when the input could not be read to its end. */
static bool replay_input(struct run *run, struct worker *w, const char *input)
{
    struct capture_params params = {.filter = run->config->filter[0] ? run->config->filter : NULL,
                                    .snaplen = (int)run->config->snaplen};
    struct capture_stats stats;
    char error[1024];
    uint64_t done, total;
    enum capture_result result = CAPTURE_MORE;

    struct capture *capture = capture_open(input, false, &params, error, sizeof(error));
    if (!capture) {
        if (w->id == 0)
            log_error("%s", error);
        return false;
    }
    for (unsigned batch = 1; result == CAPTURE_MORE && !atomic_load(&run->exchange.stop); batch++) {
        result = capture_dispatch(capture, BATCH, worker_frame, w);
        if (batch % PAUSE_BATCHES)
            continue;
        capture_progress(capture, &done, &total);
        atomic_store_explicit(&w->progress_done, done, memory_order_relaxed);
        atomic_store_explicit(&w->progress_total, total, memory_order_relaxed);
        worker_pause(w);
    }
    if (result == CAPTURE_BAD && w->id == 0)
        log_error("%s", capture_error(capture));
    capture_read_stats(capture, &stats);
    if (w->id == 0) {
        count_add(&w->counters, COUNT_CAPTURE_PACKETS, stats.filtered_packets);
        count_add(&w->counters, COUNT_CAPTURE_BYTES, stats.filtered_bytes);
        fate_add(&w->counters, FATE_FILTERED, stats.filtered_bytes);
        w->counters.fate_packets[FATE_FILTERED] += stats.filtered_packets;
    }
    capture_close(capture);
    return result != CAPTURE_BAD;
}

static void *replay_thread(void *start)
{
    struct run *run = ((struct worker_run *)start)->run;
    struct worker *w = ((struct worker_run *)start)->worker;
    for (size_t i = 0; i < run->inputs->count && !atomic_load(&run->exchange.stop); i++) {
        atomic_store(&w->input_index, (unsigned)i);
        if (!replay_input(run, w, run->inputs->items[i]))
            w->exit_code = EXIT_INPUT;
        if (run->config->each)
            worker_reset(w);
    }
    worker_flush(w);
    worker_pause(w);
    profile_enter(&w->profile, STAGE_CAPTURE);
    worker_finish(w);
    return NULL;
}

static void on_signal(evutil_socket_t number, short what, void *user)
{
    struct run *run = user;
    (void)number;
    (void)what;
    run->interrupted = true;
    atomic_store(&run->exchange.stop, true);
}

static void on_reload(evutil_socket_t number, short what, void *user)
{
    (void)number;
    (void)what;
    run_reload_rules(user);
}

static bool reads_standard_input(const struct string_list *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        if (strcmp(inputs->items[i], "-") == 0)
            return true;
    }
    return false;
}

int run_replay(const struct config *config, const struct string_list *inputs)
{
    struct run run = {.config = config, .inputs = inputs, .worker_count = (unsigned)config->workers};
    if (run.worker_count > 1 && reads_standard_input(inputs)) {
        log_warning("standard input can be read by one worker only: --workers 1 is used");
        run.worker_count = 1;
    }
    if (config->objects[0] && mkdir(config->objects, 0700) != 0) {
        struct stat st;
        if (stat(config->objects, &st) != 0 || !S_ISDIR(st.st_mode)) {
            log_error("--objects %s: not a directory, and cannot be made", config->objects);
            return EXIT_USAGE;
        }
    }
    char error[512];
    if (config->filter[0] && !capture_check_filter(config->filter, error, sizeof(error))) {
        log_error("%s", error);
        return EXIT_USAGE;
    }
    run.rules = rule_load(config, NULL, rule_load_say, NULL);
    if (!run.rules)
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    if (run_start(&run, replay_thread)) {
        struct event *interrupt = evsignal_new(run.base, SIGINT, on_signal, &run);
        struct event *terminate = evsignal_new(run.base, SIGTERM, on_signal, &run);
        struct event *reload = evsignal_new(run.base, SIGHUP, on_reload, &run);
        event_add(reload, NULL);
        event_add(interrupt, NULL);
        event_add(terminate, NULL);
        struct event *bar = progress_start(&run);
        code = run_finish(&run);
        if (config->measure_rules)
            rules_print_costs(config, run.workers[0]->matcher);
        progress_end(&run, bar);
        event_free(interrupt);
        event_free(reload);
        event_free(terminate);
    }
    run_free(&run);
    return code;
}
