/* JSON lines into a file or standard output. Lines gather in a buffer that is written when it is full and
 * at the end of each turn of the loop. A file that fails is said once a minute and counted; capture goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sink.h"

#define BUFFER_BYTES (256 * 1024)
#define COMPLAIN_SECONDS 60

struct json_sink {
    int fd;
    bool standard;
    const char *path;
    struct output_stats *stats;
    struct event *idle; /* writes what waits when the loop has nothing else to do */
    time_t complained;
    size_t len;
    char buffer[BUFFER_BYTES];
};

static void complain(struct json_sink *s)
{
    time_t now = time(NULL);
    s->stats->json_errors++;
    if (now - s->complained >= COMPLAIN_SECONDS) {
        s->complained = now;
        log_error("%s: %m; events are not written there", s->path);
    }
}

static void put(struct json_sink *s, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(s->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            complain(s);
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

static void drain(struct json_sink *s)
{
    put(s, s->buffer, s->len);
    s->len = 0;
}

static void on_idle(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    drain(user);
}

static bool json_wanted(const struct config *config)
{
    return config->json[0] != '\0';
}

static void *json_open(const struct sink_params *params, char *error, size_t error_len)
{
    struct json_sink *s = calloc(1, sizeof(*s));
    if (!s)
        abort(); /* only at start */
    s->path = params->config->json;
    s->stats = params->stats;
    s->standard = strcmp(s->path, "-") == 0;
    int begin_anew = params->purpose == OUTPUT_REPLAY ? O_TRUNC : 0;
    s->fd = s->standard ? STDOUT_FILENO
                        : open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | begin_anew, 0640);
    if (s->fd < 0) {
        snprintf(error, error_len, "%s: %m", s->path);
        free(s);
        return NULL;
    }
    s->idle = event_new(params->base, -1, 0, on_idle, s);
    return s;
}

static void json_write(void *sink, const struct event_doc *event)
{
    struct json_sink *s = sink;
    if (event->len + 1 > sizeof(s->buffer) - s->len)
        drain(s);
    if (event->len + 1 > sizeof(s->buffer)) {
        put(s, event->json, event->len);
        put(s, "\n", 1);
        return;
    }
    if (!s->len)
        event_add(s->idle, &(struct timeval){0, 10000});
    memcpy(s->buffer + s->len, event->json, event->len);
    s->buffer[s->len + event->len] = '\n';
    s->len += event->len + 1;
}

static bool json_flushed(void *sink)
{
    drain(sink);
    return true;
}

static void json_close(void *sink)
{
    struct json_sink *s = sink;
    drain(s);
    event_free(s->idle);
    if (!s->standard)
        close(s->fd);
    free(s);
}

const struct sink_ops sink_json = {
    .name = "json",
    .wanted = json_wanted,
    .open = json_open,
    .write = json_write,
    .flushed = json_flushed,
    .close = json_close,
};
