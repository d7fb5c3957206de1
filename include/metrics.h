/* The metrics page: GET /metrics in Prometheus' text format, every counter by its name in counter_list.def.
 * Served by libevent on the output thread. */
#ifndef DLP_METRICS_H
#define DLP_METRICS_H

#include <event2/buffer.h>
#include <event2/event.h>

#include "counters.h"

struct metrics;
/* Called for each request: counters to show, and further lines to add to `page`. */
typedef const struct counters *(*metrics_source)(void *user, struct evbuffer *page);
/* `listen` is "address:port", or "" for none. NULL when there is none or it cannot listen (said in the log). */
struct metrics *metrics_new(struct event_base *base, const char *listen, metrics_source source, void *user);
void metrics_free(struct metrics *metrics);

#endif
