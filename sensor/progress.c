/* The bar while a long replay runs, and the summary when it has. Standard error only. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "run.h"

#define BAR_CELLS 24

static double seconds_since(int64_t started_ns)
{
    return (double)(run_wall_ns() - started_ns) / 1e9;
}

/* The share of all input that worker 0 has read: whole inputs, and the bytes of the present one. */
static double fraction_done(const struct run *run)
{
    const struct worker *w = run->workers[0];
    double done = (double)atomic_load(&w->progress_done), total = (double)atomic_load(&w->progress_total);
    double inner = total > 0 ? done / total : 0;
    double all = ((double)atomic_load(&w->input_index) + inner) / (double)run->inputs->count;
    return all > 1 ? 1 : all;
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct run *run = user;
    char cells[BAR_CELLS + 1];
    (void)fd;
    (void)what;
    run_read_counters(run);
    double elapsed = seconds_since(run->started_ns), done = fraction_done(run);
    double bytes = (double)run->total.value[COUNT_CAPTURE_BYTES];
    double left = done > 0.001 ? elapsed / done - elapsed : 0;
    memset(cells, '.', BAR_CELLS);
    memset(cells, '#', (size_t)(done * BAR_CELLS));
    cells[BAR_CELLS] = '\0';
    fprintf(stderr, "\r[%s] %3.0f%%  %.1f MB  %.2f Mpkt  %.2f Gbit/s  %llu alerts  %d:%02d left \033[K", cells,
            done * 100, bytes / 1e6, (double)run->total.value[COUNT_CAPTURE_PACKETS] / 1e6,
            elapsed > 0 ? bytes * 8 / 1e9 / elapsed : 0,
            (unsigned long long)run->total.value[COUNT_ALERT_RAISED], (int)left / 60, (int)left % 60);
    fflush(stderr);
}

struct event *progress_start(struct run *run)
{
    if (!isatty(STDERR_FILENO) || run->config->quiet)
        return NULL;
    struct event *bar = event_new(run->base, -1, EV_PERSIST, on_tick, run);
    if (bar)
        event_add(bar, &(struct timeval){0, 250000});
    return bar;
}

static void print_summary(const struct run *run)
{
    const uint64_t *v = run->total.value;
    double elapsed = (double)(run->worked_ns - run->started_ns) / 1e9, bytes = (double)v[COUNT_CAPTURE_BYTES];
    fprintf(stderr,
            "%llu packets, %.1f MB in %.2f s (%.2f Gbit/s); %llu flows, %llu objects (%llu cut short); "
            "%llu alerts\n",
            (unsigned long long)v[COUNT_CAPTURE_PACKETS], bytes / 1e6, elapsed,
            elapsed > 0 ? bytes * 8 / 1e9 / elapsed : 0, (unsigned long long)v[COUNT_FLOW_CREATED],
            (unsigned long long)(v[COUNT_OBJECT_CLOSED] + v[COUNT_OBJECT_TRUNCATED]),
            (unsigned long long)v[COUNT_OBJECT_TRUNCATED], (unsigned long long)v[COUNT_ALERT_RAISED]);
}

/* ns per packet and per byte, by stage. Ticks become time by the CPU time their worker used. */
static void print_profile(const struct run *run)
{
    static const char *const names[STAGE_COUNT] = {"capture", "packet", "flow", "stream+app",
                                                   "object", "facts",  "match", "alert"};
    double ticks[STAGE_COUNT] = {0}, all = 0;
    double elapsed_ns = (double)(run->worked_ns - run->started_ns) * run->worker_count;
    for (unsigned i = 0; i < run->worker_count; i++) {
        for (unsigned s = 0; s < STAGE_COUNT; s++) {
            ticks[s] += (double)run->workers[i]->profile.ticks[s];
            all += (double)run->workers[i]->profile.ticks[s];
        }
    }
    double packets = (double)run->total.value[COUNT_CAPTURE_PACKETS];
    double bytes = (double)run->total.value[COUNT_CAPTURE_BYTES];
    if (all <= 0 || packets <= 0 || bytes <= 0)
        return;
    fprintf(stderr, "%-12s %10s %10s %7s\n", "stage", "ns/packet", "ns/byte", "share");
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        double ns = ticks[s] / all * elapsed_ns;
        fprintf(stderr, "%-12s %10.1f %10.3f %6.1f%%\n", names[s], ns / packets, ns / bytes,
                ticks[s] / all * 100);
    }
}

void progress_end(struct run *run, struct event *bar)
{
    if (bar) {
        event_free(bar);
        fputs("\r\033[K", stderr);
    }
    if (run->config->profile)
        print_profile(run);
    if (!run->config->quiet)
        print_summary(run);
}
