/* A capture on live interfaces. Each worker opens every interface; with several workers the kernel's symmetric
 * fan-out hash sends both directions of a flow to the same one, and since every interface's group is joined in
 * the same order, also those of a tap's two fibres. A worker polls its handles, never blocks in one. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "metrics.h"
#include "privileges.h"
#include "rule_load.h"
#include "rule_watch.h"
#include "run.h"

#define BATCH 512
#define POLL_MS 100
#define PAUSE_NS (200 * INT64_C(1000000))
#define STATS_SECONDS 10

static struct capture *capture_of(const struct run *run, const struct worker *w, size_t interface)
{
    return run->captures[w->id * run->interface_count + interface];
}

static void read_drops(struct run *run, struct worker *w)
{
    uint64_t kernel = 0, interface = 0;
    for (size_t i = 0; i < run->interface_count; i++) {
        struct capture_stats stats;
        capture_read_stats(capture_of(run, w, i), &stats);
        kernel += stats.kernel_drops;
        interface += stats.interface_drops;
    }
    w->counters.value[COUNT_CAPTURE_KERNEL_DROPS] = kernel;
    w->counters.value[COUNT_CAPTURE_INTERFACE_DROPS] = interface;
}

/* One round over the interfaces; true when any had frames. A handle that fails is said once and left. */
static bool read_round(struct run *run, struct worker *w, struct pollfd *polls)
{
    bool any = false;
    for (size_t i = 0; i < run->interface_count; i++) {
        if (polls[i].fd < 0)
            continue;
        enum capture_result result = capture_dispatch(capture_of(run, w, i), BATCH, worker_frame, w);
        any = any || result == CAPTURE_MORE;
        if (result == CAPTURE_BAD || result == CAPTURE_END) {
            log_error("%s", capture_error(capture_of(run, w, i)));
            w->exit_code = EXIT_INPUT;
            polls[i].fd = -1;
        }
    }
    return any;
}

static bool any_open(const struct pollfd *polls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (polls[i].fd >= 0)
            return true;
    }
    return false;
}

static void *capture_thread(void *start)
{
    struct run *run = ((struct worker_run *)start)->run;
    struct worker *w = ((struct worker_run *)start)->worker;
    struct pollfd *polls = calloc(run->interface_count, sizeof(*polls));
    int64_t paused_ns = 0;
    if (!polls)
        abort(); /* only at start */
    for (size_t i = 0; i < run->interface_count; i++)
        polls[i] = (struct pollfd){.fd = capture_fd(capture_of(run, w, i)), .events = POLLIN};

    while (!atomic_load(&run->exchange.stop) && any_open(polls, run->interface_count)) {
        bool any = read_round(run, w, polls);
        int64_t now = run_wall_ns();
        if (!any) {
            worker_tick(w, now - PAUSE_NS); /* frames of the last block may still be on their way */
            poll(polls, run->interface_count, POLL_MS);
        }
        if (now - paused_ns >= PAUSE_NS) {
            paused_ns = now;
            read_drops(run, w);
            worker_pause(w);
        }
    }
    read_round(run, w, polls);
    read_drops(run, w);
    worker_flush(w);
    worker_pause(w);
    worker_finish(w);
    free(polls);
    return NULL;
}

static void on_stop(evutil_socket_t number, short what, void *user)
{
    struct run *run = user;
    (void)what;
    log_info("signal %d: finishing", (int)number);
    atomic_store(&run->exchange.stop, true);
}

static void on_reload(evutil_socket_t number, short what, void *user)
{
    (void)number;
    (void)what;
    run_reload_rules(user);
}

static void on_rules_changed(void *user)
{
    run_reload_rules(user);
}

static void on_stats_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    run_publish_stats(user);
}

static bool open_captures(struct run *run)
{
    const struct config *c = run->config;
    char error[1024];
    run->interface_count = c->interfaces.count;
    run->captures = calloc(run->worker_count * run->interface_count, sizeof(*run->captures));
    if (!run->captures)
        abort(); /* only at start */
    for (unsigned w = 0; w < run->worker_count; w++) {
        for (size_t i = 0; i < run->interface_count; i++) {
            int group = run->worker_count > 1 ? (int)(((unsigned)getpid() + i * 257) & 0x7fff) + 1 : 0;
            struct capture_params params = {c->filter[0] ? c->filter : NULL, (int)c->snaplen,
                                            (int)c->buffer_mib, c->promiscuous, group};
            struct capture *capture =
                capture_open(c->interfaces.items[i], true, &params, error, sizeof(error));
            if (!capture) {
                log_error("%s", error);
                return false;
            }
            run->captures[w * run->interface_count + i] = capture;
        }
    }
    return true;
}

static void close_captures(struct run *run)
{
    for (size_t i = 0; run->captures && i < run->worker_count * run->interface_count; i++) {
        if (run->captures[i])
            capture_close(run->captures[i]);
    }
    free(run->captures);
}

static int serve_capture(struct run *run)
{
    const struct config *c = run->config;
    struct event *events[] = {evsignal_new(run->base, SIGINT, on_stop, run),
                              evsignal_new(run->base, SIGTERM, on_stop, run),
                              evsignal_new(run->base, SIGHUP, on_reload, run),
                              event_new(run->base, -1, EV_PERSIST, on_stats_timer, run)};
    for (size_t i = 0; i < 3; i++)
        event_add(events[i], NULL);
    event_add(events[3], &(struct timeval){STATS_SECONDS, 0});
    struct rule_watch *watch = rule_watch_new(run->base, c, on_rules_changed, run);
    struct metrics *metrics = metrics_new(run->base, c->metrics_listen, run_metrics_source, run);
    log_info("capturing with %u worker%s and %u rules", run->worker_count,
             run->worker_count == 1 ? "" : "s", rule_set_count(run->rules));
    int code = run_finish(run);
    metrics_free(metrics);
    rule_watch_free(watch);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        event_free(events[i]);
    return code;
}

int run_capture(const struct config *config)
{
    struct run run = {.config = config, .live = true, .worker_count = (unsigned)config->workers};
    if (!config->interfaces.count) {
        log_error("no interface: give -i IFACE");
        return EXIT_USAGE;
    }
    run.rules = rule_load(config, NULL, rule_load_say, NULL);
    if (!run.rules)
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    privileges_give_directory(config->spool_dir, config->user);
    if (open_captures(&run) && privileges_drop(config->user) && run_start(&run, capture_thread))
        code = serve_capture(&run);
    close_captures(&run);
    run_free(&run);
    return code;
}
