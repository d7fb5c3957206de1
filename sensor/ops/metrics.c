/* One page, made from the counter and fate tables. */
#include "metrics.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct metrics {
    struct evhttp *http;
    metrics_source source;
    void *user;
};

static void write_counters(struct evbuffer *page, const struct counters *c)
{
#define COUNTER(id, group, name, help)                                                             \
    evbuffer_add_printf(page,                                                                      \
                        "# HELP dlp_" group "_" name "_total %s\n# TYPE dlp_" group "_" name       \
                        "_total counter\ndlp_" group "_" name "_total %llu\n",                     \
                        help, (unsigned long long)c->value[COUNT_##id]);
#define GAUGE(id, group, name, help)                                                               \
    evbuffer_add_printf(page,                                                                      \
                        "# HELP dlp_" group "_" name " %s\n# TYPE dlp_" group "_" name             \
                        " gauge\ndlp_" group "_" name " %llu\n",                                   \
                        help, (unsigned long long)c->value[COUNT_##id]);
#include "counter_list.def"
#undef COUNTER
#undef GAUGE
}

static void write_fates(struct evbuffer *page, const struct counters *c)
{
    evbuffer_add_printf(page, "# HELP dlp_fate_bytes_total captured bytes by what became of them\n"
                              "# TYPE dlp_fate_bytes_total counter\n");
#define FATE(id, name, help)                                                                       \
    evbuffer_add_printf(page, "dlp_fate_bytes_total{fate=\"" name "\"} %llu\n",                    \
                        (unsigned long long)c->fate_bytes[FATE_##id]);
#include "fate_list.def"
#undef FATE
    evbuffer_add_printf(page, "# HELP dlp_fate_packets_total frames by what became of them\n"
                              "# TYPE dlp_fate_packets_total counter\n");
#define FATE(id, name, help)                                                                       \
    evbuffer_add_printf(page, "dlp_fate_packets_total{fate=\"" name "\"} %llu\n",                  \
                        (unsigned long long)c->fate_packets[FATE_##id]);
#include "fate_list.def"
#undef FATE
}

static void on_request(struct evhttp_request *request, void *user)
{
    struct metrics *metrics = user;
    struct evbuffer *page = evbuffer_new();
    if (!page) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    const struct counters *c = metrics->source(metrics->user, page);
    write_counters(page, c);
    write_fates(page, c);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "text/plain; version=0.0.4; charset=utf-8");
    evhttp_send_reply(request, HTTP_OK, "OK", page);
    evbuffer_free(page);
}

struct metrics *metrics_new(struct event_base *base, const char *listen, metrics_source source, void *user)
{
    char address[128];
    const char *colon = strrchr(listen, ':');
    if (!listen[0])
        return NULL;
    if (!colon || (size_t)(colon - listen) >= sizeof(address)) {
        log_warning("metrics.listen '%s' is not address:port: no metrics page", listen);
        return NULL;
    }
    memcpy(address, listen, (size_t)(colon - listen));
    address[colon - listen] = '\0';
    long port = strtol(colon + 1, NULL, 10);
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (!metrics)
        return NULL;
    metrics->source = source;
    metrics->user = user;
    metrics->http = evhttp_new(base);
    if (!metrics->http || port < 1 || port > 65535 ||
        evhttp_bind_socket(metrics->http, address, (ev_uint16_t)port) != 0) {
        log_warning("cannot serve metrics on %s: no metrics page", listen);
        metrics_free(metrics);
        return NULL;
    }
    evhttp_set_allowed_methods(metrics->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(metrics->http, 16 * 1024);
    evhttp_set_max_body_size(metrics->http, 0);
    evhttp_set_timeout(metrics->http, 10);
    evhttp_set_cb(metrics->http, "/metrics", on_request, metrics);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    if (metrics->http)
        evhttp_free(metrics->http);
    free(metrics);
}
