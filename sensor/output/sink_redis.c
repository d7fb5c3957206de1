/* Alerts into this sensor's own Redis stream, pipelined, with explicit growing entry ids `<epoch>-<record>`.
 *
 * No alert is doubled and none is lost while the process lives:
 *   a reply says what became of a record: taken, or refused (LOADING, OOM, READONLY...), then it is sent again
 *   under a fresh id once the server is well;
 *   a connection that breaks leaves records without a reply: on the next one Redis is asked for each by its id
 *   (XRANGE id id) before anything is sent, and only those it does not have go out again.
 * The epoch is the run's start in milliseconds, moved past the stream's last generated id at every connection, so
 * ids grow whatever the clocks of earlier runs said. */
#include <errno.h>
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "queue.h"
#include "redis_url.h"
#include "sink.h"
#include "version.h"

#define IN_FLIGHT_MAX 1024
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define REPLY_PATIENCE_MS 5000
#define STATE_EXPIRY_SECONDS "60"
#define STATS_KEPT "10000"
#define READY_BELOW (QUEUE_MAX / 2) /* a replay waits while more than this is queued */

enum link { LINK_DOWN, LINK_CONNECTING, LINK_LOOKING, LINK_UP };

struct redis_sink {
    struct event_base *base;
    const struct config *config;
    struct output_stats *stats;
    struct redis_url url;
    char key[256], stats_key[256], state_key[256], set_key[256], events_key[256];
    redisAsyncContext *redis;
    enum link link;
    bool closing;
    uint64_t generation;   /* of the connection: replies of an older one say nothing */
    struct queue queue;
    uint64_t next;         /* position of the next record to look at for sending */
    unsigned in_flight, asked;
    uint64_t epoch, number; /* of the last id given out */
    unsigned backoff_ms;
    bool refused;          /* the server said "not now": wait before sending on */
    bool said_down;
    struct event *retry, *patience;
};

struct pending { /* what a reply belongs to */
    struct redis_sink *sink;
    uint64_t generation, position;
};

static void connect_now(struct redis_sink *s);
static void pump(struct redis_sink *s);

static void set_reason(struct redis_sink *s, const char *reason)
{
    snprintf(s->stats->redis_reason, sizeof(s->stats->redis_reason), "%s", reason);
}

static void wait_and_retry(struct redis_sink *s)
{
    unsigned ms = s->backoff_ms + s->backoff_ms * (unsigned)(s->generation % 4) / 8; /* keep sensors apart */
    event_add(s->retry, &(struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000});
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
}

static void on_lost(struct redis_sink *s, const char *reason)
{
    if (s->link == LINK_DOWN)
        return;
    s->link = LINK_DOWN;
    s->redis = NULL;
    s->generation++;
    s->in_flight = s->asked = 0;
    s->stats->redis_connected = false;
    set_reason(s, reason);
    if (!s->said_down && !s->closing)
        log_warning("redis: %s; alerts wait in memory", reason);
    s->said_down = true;
    for (uint64_t at = s->queue.tail; at < s->queue.head; at++) {
        struct record *record = queue_at(&s->queue, at);
        if (record->state == RECORD_SENT || record->state == RECORD_ASKED)
            record->state = RECORD_UNSURE;
    }
    s->next = s->queue.tail;
    event_del(s->patience);
    if (!s->closing)
        wait_and_retry(s);
}

static void on_connected(const redisAsyncContext *redis, int status)
{
    struct redis_sink *s = redis->data;
    if (status != REDIS_OK && s)
        on_lost(s, redis->errstr[0] ? redis->errstr : "cannot connect"); /* hiredis frees the context */
}

static void on_disconnected(const redisAsyncContext *redis, int status)
{
    struct redis_sink *s = redis->data;
    if (s && s->redis == redis)
        on_lost(s, status == REDIS_OK ? "connection closed" : redis->errstr);
}

static void drop_link(struct redis_sink *s, const char *reason)
{
    redisAsyncContext *redis = s->redis;
    on_lost(s, reason);
    if (redis) {
        redis->data = NULL;
        redisAsyncFree(redis);
    }
}

/* Answers are awaited for so long; every one that comes begins the wait anew. */
static void await(struct redis_sink *s)
{
    event_add(s->patience, &(struct timeval){REPLY_PATIENCE_MS / 1000, 0});
}

static void answered(struct redis_sink *s)
{
    if (s->in_flight || s->asked || s->link != LINK_UP)
        await(s);
    else
        event_del(s->patience);
}

static struct pending *pending_for(struct redis_sink *s, uint64_t position)
{
    struct pending *p = malloc(sizeof(*p));
    if (p)
        *p = (struct pending){s, s->generation, position};
    return p;
}

static void take(struct redis_sink *s, uint64_t position)
{
    queue_done(&s->queue, position);
    s->stats->redis_acknowledged++;
    s->stats->redis_waiting = s->queue.head - s->queue.tail;
}

static void on_added(redisAsyncContext *redis, void *reply_given, void *user)
{
    struct pending *p = user;
    struct redis_sink *s = p->sink;
    const redisReply *reply = reply_given;
    (void)redis;
    bool ours = reply && p->generation == s->generation;
    uint64_t position = p->position;
    free(p);
    if (!ours)
        return;
    s->in_flight--;
    if (reply->type == REDIS_REPLY_ERROR) {
        queue_at(&s->queue, position)->state = RECORD_WAITING;
        s->stats->redis_retried++;
        set_reason(s, reply->str);
        if (!s->refused)
            log_warning("redis: %s; alerts wait in memory", reply->str);
        s->refused = true;
    } else {
        take(s, position);
    }
    answered(s);
    if (s->refused) {
        if (!s->in_flight) { /* every reply is in: what was refused goes out again later */
            s->next = s->queue.tail;
            wait_and_retry(s);
        }
        return;
    }
    s->backoff_ms = BACKOFF_MIN_MS;
    pump(s);
}

static void send_record(struct redis_sink *s, uint64_t position)
{
    struct record *record = queue_at(&s->queue, position);
    const struct event_doc *e = record->event;
    char id[48], maxlen[24], severity[4];
    record->number = ++s->number;
    record->state = RECORD_SENT;
    snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, s->epoch, record->number);
    snprintf(maxlen, sizeof(maxlen), "%lld", (long long)s->config->redis_maxlen);
    snprintf(severity, sizeof(severity), "%u", e->severity);
    const char *words[] = {"XADD",     s->key,  "MAXLEN", "~",    maxlen,      id,       "id",     e->id, "severity",
                           severity,   "category", e->category, "rule", e->rule, "sensor", s->config->sensor_name,
                           "incident", e->incident, "event", e->json};
    size_t lengths[sizeof(words) / sizeof(words[0])];
    const int count = (int)(sizeof(words) / sizeof(words[0]));
    for (int i = 0; i < count; i++)
        lengths[i] = strlen(words[i]);
    struct pending *p = pending_for(s, position);
    if (!p || redisAsyncCommandArgv(s->redis, on_added, p, count, words, lengths) != REDIS_OK) {
        free(p);
        record->state = RECORD_WAITING;
        return;
    }
    s->in_flight++;
    s->stats->redis_sent++;
    if (strcmp(s->config->redis_mirror, "list") == 0)
        redisAsyncCommand(s->redis, NULL, NULL, "RPUSH %s %b", s->events_key, e->json, e->len);
    else if (strcmp(s->config->redis_mirror, "channel") == 0)
        redisAsyncCommand(s->redis, NULL, NULL, "PUBLISH %s %b", s->events_key, e->json, e->len);
    await(s);
}

static void pump(struct redis_sink *s)
{
    if (s->link != LINK_UP || s->refused)
        return;
    for (; s->next < s->queue.head && s->in_flight < IN_FLIGHT_MAX; s->next++) {
        if (s->next >= s->queue.tail && queue_at(&s->queue, s->next)->state == RECORD_WAITING)
            send_record(s, s->next);
    }
}

static void now_up(struct redis_sink *s)
{
    s->link = LINK_UP;
    s->stats->redis_connected = true;
    set_reason(s, "");
    if (s->said_down)
        log_info("redis: connected, %" PRIu64 " alerts waiting", s->queue.head - s->queue.tail);
    s->said_down = false;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->next = s->queue.tail;
    answered(s);
    pump(s);
}

static void on_asked(redisAsyncContext *redis, void *reply_given, void *user)
{
    struct pending *p = user;
    struct redis_sink *s = p->sink;
    const redisReply *reply = reply_given;
    (void)redis;
    bool ours = reply && p->generation == s->generation;
    uint64_t position = p->position;
    free(p);
    if (!ours)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        drop_link(s, reply->str);
        return;
    }
    s->asked--;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements)
        take(s, position);
    else
        queue_at(&s->queue, position)->state = RECORD_WAITING;
    if (!s->asked)
        now_up(s);
}

/* Which of the records without a reply does Redis have? */
static void ask_for_unsure(struct redis_sink *s)
{
    for (uint64_t at = s->queue.tail; at < s->queue.head; at++) {
        struct record *record = queue_at(&s->queue, at);
        char id[48];
        if (record->state != RECORD_UNSURE)
            continue;
        snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, s->epoch, record->number);
        struct pending *p = pending_for(s, at);
        if (!p || redisAsyncCommand(s->redis, on_asked, p, "XRANGE %s %s %s", s->key, id, id) != REDIS_OK) {
            free(p);
            continue;
        }
        record->state = RECORD_ASKED;
        s->asked++;
    }
    await(s);
    if (!s->asked)
        now_up(s);
}

/* The stream's last generated id: ours must be above it. */
static void read_last_id(struct redis_sink *s, const redisReply *reply)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i], *value = reply->element[i + 1];
        uint64_t ms, number;
        if (name->type != REDIS_REPLY_STRING || strcmp(name->str, "last-generated-id") != 0 ||
            value->type != REDIS_REPLY_STRING || sscanf(value->str, "%" SCNu64 "-%" SCNu64, &ms, &number) != 2)
            continue;
        bool sent_before = s->number > 0;
        if (!sent_before && ms >= s->epoch)
            s->epoch = ms + 1;
        else if (ms == s->epoch && number > s->number)
            s->number = number;
    }
}

static void on_stream(redisAsyncContext *redis, void *reply_given, void *user)
{
    struct redis_sink *s = redis->data;
    const redisReply *reply = reply_given;
    (void)user;
    if (!s || !reply || s->redis != redis)
        return;
    if (reply->type == REDIS_REPLY_ERROR && !strstr(reply->str, "no such key")) {
        drop_link(s, reply->str);
        return;
    }
    read_last_id(s, reply);
    ask_for_unsure(s);
}

static void on_greeting(redisAsyncContext *redis, void *reply_given, void *user)
{
    struct redis_sink *s = redis->data;
    const redisReply *reply = reply_given;
    (void)user;
    if (s && reply && s->redis == redis && reply->type == REDIS_REPLY_ERROR)
        drop_link(s, reply->str);
}

static void connect_now(struct redis_sink *s)
{
    s->refused = false;
    s->generation++;
    s->stats->redis_reconnects++;
    s->link = LINK_CONNECTING;
    s->redis = s->url.path[0] ? redisAsyncConnectUnix(s->url.path) : redisAsyncConnect(s->url.host, s->url.port);
    if (!s->redis || s->redis->err) {
        char reason[128];
        snprintf(reason, sizeof(reason), "%s", s->redis ? s->redis->errstr : "out of memory");
        redisAsyncContext *failed = s->redis;
        on_lost(s, reason);
        if (failed)
            redisAsyncFree(failed);
        return;
    }
    s->redis->data = s;
    redisLibeventAttach(s->redis, s->base);
    redisAsyncSetConnectCallback(s->redis, on_connected);
    redisAsyncSetDisconnectCallback(s->redis, on_disconnected);
    if (s->url.password[0] && s->url.user[0])
        redisAsyncCommand(s->redis, on_greeting, NULL, "AUTH %s %s", s->url.user, s->url.password);
    else if (s->url.password[0])
        redisAsyncCommand(s->redis, on_greeting, NULL, "AUTH %s", s->url.password);
    if (s->url.db)
        redisAsyncCommand(s->redis, on_greeting, NULL, "SELECT %d", s->url.db);
    redisAsyncCommand(s->redis, on_greeting, NULL, "SADD %s %s", s->set_key, s->config->sensor_name);
    redisAsyncCommand(s->redis, on_stream, NULL, "XINFO STREAM %s", s->key);
    s->link = LINK_LOOKING;
    await(s);
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct redis_sink *s = user;
    (void)fd;
    (void)what;
    if (s->link == LINK_DOWN) {
        connect_now(s);
    } else {
        s->refused = false;
        pump(s);
    }
}

static void on_impatient(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    drop_link(user, "no answer for 5 seconds");
}

static bool redis_wanted(const struct config *config)
{
    return config->redis_url[0] && strcmp(config->redis_url, "off") != 0;
}

static void *redis_open(const struct sink_params *params, char *error, size_t error_len)
{
    struct redis_sink *s = calloc(1, sizeof(*s));
    const char *prefix = params->config->redis_prefix, *name = params->config->sensor_name;
    struct timespec now;
    if (!s || !queue_init(&s->queue))
        abort(); /* only at start */
    s->base = params->base;
    s->config = params->config;
    s->stats = params->stats;
    if (!redis_url_parse(&s->url, params->config, error, error_len)) {
        queue_free(&s->queue);
        free(s);
        return NULL;
    }
    snprintf(s->key, sizeof(s->key), "%s:alerts:%s", prefix, name);
    snprintf(s->stats_key, sizeof(s->stats_key), "%s:stats:%s", prefix, name);
    snprintf(s->state_key, sizeof(s->state_key), "%s:sensor:%s", prefix, name);
    snprintf(s->set_key, sizeof(s->set_key), "%s:sensors", prefix);
    snprintf(s->events_key, sizeof(s->events_key), "%s:events", prefix);
    clock_gettime(CLOCK_REALTIME, &now);
    s->epoch = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->retry = event_new(s->base, -1, 0, on_retry, s);
    s->patience = event_new(s->base, -1, 0, on_impatient, s);
    connect_now(s);
    return s;
}

static void redis_write(void *sink, const struct event_doc *event)
{
    struct redis_sink *s = sink;
    if (event->type != EVENT_ALERT)
        return;
    struct event_doc *copy = malloc(sizeof(*copy) + event->len + 1);
    if (copy)
        memcpy(copy, event, sizeof(*copy) + event->len + 1);
    if (!copy || !queue_push(&s->queue, copy)) {
        s->stats->redis_dropped++;
        event_doc_free(copy);
        return;
    }
    s->stats->redis_waiting = s->queue.head - s->queue.tail;
    pump(s);
}

static bool redis_ready(const void *sink)
{
    const struct redis_sink *s = sink;
    return s->link != LINK_UP || s->refused || s->queue.head - s->queue.tail < READY_BELOW;
}

static bool redis_flushed(void *sink)
{
    struct redis_sink *s = sink;
    pump(s);
    return s->queue.head == s->queue.tail && (!s->redis || !s->redis->replies.head);
}

static void redis_state(void *sink, const char *rules_digest, const struct event_doc *stats)
{
    struct redis_sink *s = sink;
    char started[32];
    if (s->link != LINK_UP)
        return;
    snprintf(started, sizeof(started), "%" PRIu64, s->epoch);
    redisAsyncCommand(s->redis, NULL, NULL, "HSET %s version %s started %s rules %s stats %b", s->state_key,
                      DLP_VERSION, started, rules_digest, stats->json, stats->len);
    redisAsyncCommand(s->redis, NULL, NULL, "EXPIRE %s " STATE_EXPIRY_SECONDS, s->state_key);
    redisAsyncCommand(s->redis, NULL, NULL, "XADD %s MAXLEN ~ " STATS_KEPT " * event %b", s->stats_key,
                      stats->json, stats->len);
}

static void redis_close(void *sink)
{
    struct redis_sink *s = sink;
    s->closing = true;
    drop_link(s, "closed");
    event_free(s->retry);
    event_free(s->patience);
    queue_free(&s->queue);
    free(s);
}

const struct sink_ops sink_redis = {
    .name = "redis",
    .wanted = redis_wanted,
    .open = redis_open,
    .write = redis_write,
    .ready = redis_ready,
    .flushed = redis_flushed,
    .state = redis_state,
    .close = redis_close,
};
