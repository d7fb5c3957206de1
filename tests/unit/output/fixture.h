/* A directory of its own for a test, an event to keep, and a loop that turns until something holds. */
#ifndef TESTS_OUTPUT_FIXTURE_H
#define TESTS_OUTPUT_FIXTURE_H

#include <event2/event.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "event.h"
#include "log.h"

struct folder {
    char path[64];
};

static inline int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void folder_make(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/dlp-unit-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    log_set_level(LOG_ERROR);
}

static inline void folder_remove(struct folder *folder)
{
    nftw(folder->path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The settings of a sensor "unit" whose spool is this folder. The strings are the test's. */
static inline void settings_make(struct config *config, const struct folder *folder, const char *redis_url)
{
    static char none[] = "", mirror[] = "none", name[] = "unit", prefix[] = "dlp";
    *config = (struct config){
        .sensor_name = name, .json = none, .spool_dir = (char *)(uintptr_t)(folder ? folder->path : none),
        .spool_max_mib = 10240, .spool_max_age_hours = 24, .redis_url = (char *)(uintptr_t)redis_url,
        .redis_prefix = prefix, .redis_maxlen = 1000000, .redis_username = none, .redis_password_file = none,
        .redis_tls_ca = none, .redis_tls_cert = none, .redis_tls_key = none, .redis_mirror = mirror,
        .events = 1u << EVENT_ALERT,
    };
}

/* The alert number `n`: id, rule and document tell it apart; `filler` makes it longer. */
static inline struct event_doc *alert_make(unsigned n, bool update, size_t filler)
{
    size_t cap = filler + 256;
    struct event_doc *event = calloc(1, sizeof(*event) + cap);
    assert_non_null(event);
    event->type = EVENT_ALERT;
    event->update = update;
    event->severity = (uint8_t)(1 + n % 4);
    snprintf(event->id, sizeof(event->id), "%08x%024x", n * 2654435761u, n);
    snprintf(event->incident, sizeof(event->incident), "%016x", n);
    snprintf(event->category, sizeof(event->category), "image");
    snprintf(event->rule, sizeof(event->rule), "rule_%u", n % 7);
    int len = snprintf(event->json, cap, "{\"event_type\":\"alert\",\"dlp\":{\"id\":\"%s\",\"update\":%s},\"pad\":\"%*s\"}",
                       event->id, update ? "true" : "false", (int)filler, "");
    event->len = (size_t)len;
    return event;
}

static inline int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void fixture_break(evutil_socket_t fd, short what, void *base)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(base);
}

static inline void turn(struct event_base *base, unsigned ms)
{
    const struct timeval wait = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};
    event_base_once(base, -1, EV_TIMEOUT, fixture_break, base, &wait);
    event_base_loop(base, EVLOOP_ONCE);
}

/* Turns the loop until `condition`, ten seconds at most. */
#define WAIT_FOR(base, condition)                                                                                     \
    do {                                                                                                              \
        int64_t wait_until_ = clock_ms() + 10000;                                                                     \
        while (!(condition) && clock_ms() < wait_until_)                                                              \
            turn(base, 5);                                                                                            \
        assert_true(condition);                                                                                       \
    } while (0)

#endif
