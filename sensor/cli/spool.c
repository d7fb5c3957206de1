/* `dlp-sensor spool`: what a spool's directory holds (also while a sensor writes it), and sending it again. */
#include "spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "log.h"
#include "output.h"

#define RESEND_PATIENCE_MS 15000 /* without an acknowledgement */

static const char *time_text(int64_t ms, char *out, size_t out_len)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(out, out_len, "%Y-%m-%d %H:%M:%S UTC", &parts))
        *out = '\0';
    return out;
}

static int show_status(const struct config *config)
{
    struct spool_view view;
    char error[512], oldest[64], newest[64];
    if (!spool_look(config->spool_dir, &view, NULL, NULL, error, sizeof(error))) {
        log_error("spool: %s", error);
        return 1;
    }
    uint64_t held = view.last >= view.first ? view.last - view.first + 1 : 0;
    uint64_t waiting = view.last > view.acknowledged ? view.last - view.acknowledged : 0;
    if (waiting > held)
        waiting = held;
    printf("spool         %s\n", config->spool_dir);
    printf("sensor        %s%s\n", view.sensor[0] ? view.sensor : "(none yet)", view.in_use ? ", running" : "");
    printf("records       %" PRIu64 "\n", held);
    printf("waiting       %" PRIu64 "\n", waiting);
    printf("bytes         %" PRIu64 " in %zu segments\n", view.bytes, view.segments);
    if (view.damaged)
        printf("damaged       %" PRIu64 "\n", view.damaged);
    if (held)
        printf("kept          %s to %s\n", time_text(view.oldest_ms, oldest, sizeof(oldest)),
               time_text(view.newest_ms, newest, sizeof(newest)));
    return 0;
}

static void print_event(void *user, const struct record *record)
{
    (void)user;
    fwrite(record->json.data, 1, record->json.len, stdout);
    putchar('\n');
}

static int dump(const struct config *config)
{
    struct spool_view view;
    char error[512];
    if (!spool_look(config->spool_dir, &view, print_event, NULL, error, sizeof(error))) {
        log_error("spool: %s", error);
        return 1;
    }
    if (view.damaged)
        log_warning("spool %s: %" PRIu64 " damaged records", config->spool_dir, view.damaged);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Everything the spool holds and the stream does not, under the name of the sensor that wrote it. */
static int resend(const struct config *given)
{
    struct config config = *given; /* its strings stay the caller's */
    struct spool_view view;
    struct output_stats stats;
    struct spool_stats spool;
    char error[512];
    if (!spool_look(config.spool_dir, &view, NULL, NULL, error, sizeof(error))) {
        log_error("spool: %s", error);
        return 1;
    }
    if (strcmp(config.redis_url, "off") == 0) {
        log_error("spool: resend needs a Redis (--redis URL)");
        return 2;
    }
    if (view.sensor[0])
        config.sensor_name = view.sensor;
    struct event_base *base = event_base_new();
    struct output *output = base ? output_new(base, &config, OUTPUT_RESEND, error, sizeof(error)) : NULL;
    if (!output) {
        log_error("%s", base ? error : "cannot make the event loop");
        if (base)
            event_base_free(base);
        return 2;
    }
    bool done = output_flush(output, RESEND_PATIENCE_MS);
    output_read_stats(output, &stats, &spool);
    printf("%" PRIu64 " sent, %" PRIu64 " were there, %" PRIu64 " wait\n", stats.redis_acknowledged, stats.redis_known,
           spool.waiting);
    if (!done)
        log_error("redis: %s", stats.redis_reason);
    output_free(output);
    event_base_free(base);
    return done ? 0 : 3;
}

int cli_spool(const struct config *config, const struct string_list *operands)
{
    const char *what = operands->count == 1 ? operands->items[0] : "";
    if (!config->spool_dir[0]) {
        log_error("spool: say which: --spool DIR, or spool.dir in the configuration (-c FILE)");
        return 2;
    }
    if (strcmp(what, "status") == 0)
        return show_status(config);
    if (strcmp(what, "dump") == 0)
        return dump(config);
    if (strcmp(what, "resend") == 0)
        return resend(config);
    log_error("spool: say status, dump or resend");
    return 2;
}
