/* Alerts from the spool into this sensor's own Redis stream, in order, under explicit entry ids `<epoch>-<record>`.
 *
 *      DOWN --retry--> FINDING (Sentinel) --> LOOKING: what does the stream hold? --> UP: batches, one in flight
 *        ^------------------------------- a broken link, a refused batch -------------------------'
 *
 * None is lost and none doubled. A batch is a transaction: Redis takes all of it or nothing, so what the stream holds
 * is always the spool up to some record, and its last id says which. After anything unexpected that id is read again. A
 * copy that arrives late over an old connection has an id Redis already refuses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "redis_find.h"
#include "redis_resume.h"
#include "redis_state.h"
#include "redis_trim.h"
#include "sink.h"

#define BATCH_RECORDS 256
#define BATCH_BYTES (1u << 20)
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define REDIRECTIONS_MAX 8

enum link { LINK_DOWN, LINK_FINDING, LINK_LOOKING, LINK_UP };

struct redis_sink {
    struct redis_access access;
    const struct config *config;
    struct output_stats *stats;
    struct spool *spool;
    char key[288];
    enum link state;
    struct redis_link *link;
    struct redis_finder finder;
    struct redis_endpoint endpoint; /* of `link` */
    unsigned next_endpoint;         /* of the URL's */
    bool redirected, asking;        /* a Cluster's node sent us to `endpoint` */
    unsigned redirections;          /* in a row */
    struct redis_resume resume;
    struct redis_state beside;
    unsigned batch;                 /* records in flight */
    uint64_t batch_last;
    char refusal[160];              /* the first error about the batch in flight */
    bool waiting;                   /* the server said "not now" */
    unsigned backoff_ms, turn;
    char said[160];                 /* the reason the log had last */
    uint64_t started_ms;
    struct redis_trim trim;
    struct event *retry;
};

static void pump(struct redis_sink *s);
static void connect_now(struct redis_sink *s);

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A reason is logged when it is a new one; the stats have it all the time. */
static void say(struct redis_sink *s, const char *reason)
{
    snprintf(s->stats->redis_reason, sizeof(s->stats->redis_reason), "%s", reason);
    if (strncmp(s->said, reason, sizeof(s->said) - 1) == 0)
        return;
    snprintf(s->said, sizeof(s->said), "%s", reason);
    if (*reason)
        log_warning("redis: %s; alerts wait in the spool", reason);
}

static void retry_later(struct redis_sink *s)
{
    unsigned ms = s->backoff_ms + s->backoff_ms * (s->turn++ % 4) / 8; /* keep sensors apart */
    event_add(s->retry, &(struct timeval){ms / 1000, (suseconds_t)(ms % 1000) * 1000});
    s->backoff_ms = s->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : s->backoff_ms * 2;
}

static void hang_up(struct redis_sink *s)
{
    redis_state_attach(&s->beside, NULL, NULL);
    redis_link_close(s->link);
    s->link = NULL;
    s->state = LINK_DOWN;
    s->batch = 0;
    s->waiting = false;
    s->stats->redis_connected = false;
}

static void go_down(struct redis_sink *s, const char *reason)
{
    hang_up(s);
    s->redirected = s->asking = false;
    s->redirections = 0;
    s->next_endpoint = (s->next_endpoint + 1) % s->access.url.endpoints;
    say(s, reason);
    retry_later(s);
}

static void on_broken(void *user, const char *reason)
{
    struct redis_sink *s = user;
    char name[300], text[448];
    snprintf(text, sizeof(text), "%.120s: %s", redis_endpoint_name(&s->endpoint, name, sizeof(name)), reason);
    go_down(s, text);
}

/* Errors after which another server, or a new login, may be what is needed. */
static bool is_about_the_link(const char *error)
{
    static const char *const codes[] = {"READONLY", "MASTERDOWN", "CLUSTERDOWN", "LOADING", "NOAUTH", "WRONGPASS"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strncmp(error, codes[i], strlen(codes[i])) == 0)
            return true;
    }
    return false;
}

/* The server said "not now": the same again later. */
static void refused(struct redis_sink *s, const char *error)
{
    if (is_about_the_link(error)) {
        go_down(s, error);
        return;
    }
    say(s, error);
    s->batch = 0;
    s->waiting = true;
    retry_later(s);
}

/* Goes where a Cluster's node says the stream is. */
static bool follow(struct redis_sink *s, const redisReply *reply)
{
    struct redis_endpoint endpoint = s->endpoint;
    bool asking;
    if (!redis_link_redirected(reply, &endpoint, &asking))
        return false;
    if (s->redirections++ >= REDIRECTIONS_MAX) {
        go_down(s, "the Cluster's nodes send us in circles");
        return true;
    }
    hang_up(s);
    s->endpoint = endpoint;
    s->redirected = true;
    s->asking = asking;
    connect_now(s);
    return true;
}

static void now_up(struct redis_sink *s)
{
    spool_acknowledge(s->spool, s->resume.number);
    spool_seek(s->spool, s->resume.number + 1);
    if (s->said[0])
        log_info("redis: in touch again, %" PRIu64 " alerts waiting",
                 spool_end(s->spool) - 1 - spool_acknowledged(s->spool));
    say(s, "");
    s->state = LINK_UP;
    s->stats->redis_connected = true;
    pump(s);
}

static void look(struct redis_sink *s);

static bool on_look(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (follow(s, reply))
        return false;
    switch (redis_resume_take(&s->resume, s->spool, reply)) {
    case RESUME_MORE:
        look(s);
        break;
    case RESUME_KNOWN:
        now_up(s);
        break;
    case RESUME_REFUSED:
        refused(s, reply->str);
        break;
    }
    return false;
}

static void look(struct redis_sink *s)
{
    s->state = LINK_LOOKING;
    if (s->asking)
        redis_link_format(s->link, NULL, NULL, "ASKING");
    redis_resume_ask(&s->resume, s->link, on_look, s);
}

static void look_anew(struct redis_sink *s)
{
    s->batch = 0;
    redis_resume_begin(&s->resume);
    look(s);
}

/* A Sentinel may still name a server that has become a replica. */
static bool on_role(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    bool master = reply->type == REDIS_REPLY_ARRAY && reply->elements &&
                  reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "master") == 0;
    if (!master && s->state == LINK_LOOKING)
        go_down(s, reply->type == REDIS_REPLY_ERROR ? reply->str : "READONLY the Sentinels' master is still a replica");
    return false;
}

static void open_link(struct redis_sink *s)
{
    s->link = redis_link_open(&s->access, &s->endpoint, REDIS_LOGIN, on_broken, s);
    if (!s->link) {
        go_down(s, "out of memory");
        return;
    }
    s->state = LINK_LOOKING;
    if (s->access.url.master[0])
        redis_link_format(s->link, on_role, s, "ROLE");
    redis_state_attach(&s->beside, s->link, &s->endpoint);
    look_anew(s);
}

static void on_found(void *user, const struct redis_endpoint *master)
{
    struct redis_sink *s = user;
    if (!master) {
        go_down(s, s->finder.reason);
        return;
    }
    s->endpoint = *master;
    open_link(s);
}

static void connect_now(struct redis_sink *s)
{
    s->stats->redis_reconnects++;
    if (s->redirected) {
        open_link(s);
    } else if (s->access.url.master[0]) {
        s->state = LINK_FINDING;
        redis_find_begin(&s->finder);
    } else {
        s->endpoint = s->access.url.endpoint[s->next_endpoint];
        open_link(s);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *user)
{
    struct redis_sink *s = user;
    (void)fd;
    (void)what;
    if (s->state == LINK_DOWN) {
        connect_now(s);
    } else if (s->waiting) {
        s->waiting = false;
        look_anew(s);
    }
}

static void taken(struct redis_sink *s)
{
    spool_acknowledge(s->spool, s->batch_last);
    s->stats->redis_acknowledged += s->batch;
    s->batch = 0;
    s->backoff_ms = BACKOFF_MIN_MS;
    s->redirections = 0;
    say(s, "");
    pump(s);
}

/* One entry's verdict. An id that is too low means that the stream is not what we think: look again. */
static bool on_added(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (reply->type != REDIS_REPLY_ERROR) {
        taken(s);
    } else if (!follow(s, reply)) {
        s->stats->redis_retried += s->batch;
        if (strstr(reply->str, "equal or smaller"))
            look_anew(s);
        else
            refused(s, reply->str);
    }
    return false;
}

static bool on_queued(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (reply->type == REDIS_REPLY_ERROR && !s->refusal[0]) {
        snprintf(s->refusal, sizeof(s->refusal), "%s", reply->str);
        follow(s, reply);
    }
    return false;
}

/* The transaction's: an array of verdicts, or an error for all of them. */
static bool on_executed(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (reply->type != REDIS_REPLY_ARRAY) {
        bool said = s->refusal[0];
        s->stats->redis_retried += s->batch;
        if (said || !follow(s, reply))
            refused(s, said ? s->refusal : reply->type == REDIS_REPLY_ERROR ? reply->str : "the batch was dropped");
        return false;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return on_added(s, reply->element[i]);
    }
    taken(s);
    return false;
}

static void add_entry(struct redis_sink *s, const struct record *r, redis_reply_fn *on_reply)
{
    const struct entry_id entry = spool_entry_id(s->spool, r->number);
    char id[48], maxlen[24], severity[4];
    const struct bytes fixed[] = {
        {id, (size_t)snprintf(id, sizeof(id), "%" PRIu64 "-%" PRIu64, entry.epoch, entry.number)},
        {maxlen, (size_t)snprintf(maxlen, sizeof(maxlen), "%" PRId64, s->config->redis_maxlen)},
        {severity, (size_t)snprintf(severity, sizeof(severity), "%u", r->severity)},
    };
#define WORD(literal) {literal, sizeof(literal) - 1}
    const struct bytes words[] = {
        WORD("XADD"), {s->key, strlen(s->key)}, WORD("MAXLEN"), WORD("~"), fixed[1], fixed[0],
        WORD("id"), r->id, WORD("severity"), fixed[2], WORD("category"), r->category, WORD("rule"), r->rule,
        WORD("sensor"), {s->config->sensor_name, strlen(s->config->sensor_name)},
        WORD("incident"), r->incident, WORD("event"), r->json,
    };
#undef WORD
    const char *text[sizeof(words) / sizeof(words[0])];
    size_t lengths[sizeof(words) / sizeof(words[0])];
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        text[i] = words[i].data;
        lengths[i] = words[i].len;
    }
    redis_link_command(s->link, on_reply, s, (int)(sizeof(words) / sizeof(words[0])), text, lengths);
    redis_state_mirror(&s->beside, r);
    s->stats->redis_sent++;
}

/* Sends the next batch, when none is in flight. With ASKING there is no transaction: one entry at a time. */
static void pump(struct redis_sink *s)
{
    struct record record;
    size_t bytes = 0;
    bool transaction = !s->asking;
    if (s->state != LINK_UP || s->waiting || s->batch)
        return;
    s->refusal[0] = '\0';
    while (s->batch < (transaction ? BATCH_RECORDS : 1) && bytes < BATCH_BYTES && spool_peek(s->spool, &record)) {
        s->batch_last = record.number;
        if (redis_resume_knows(&s->resume, &record)) {
            s->stats->redis_known++;
            if (!s->batch)
                spool_acknowledge(s->spool, record.number);
        } else {
            if (!transaction)
                redis_link_format(s->link, NULL, NULL, "ASKING");
            else if (s->batch == 0)
                redis_link_format(s->link, NULL, NULL, "MULTI");
            add_entry(s, &record, transaction ? on_queued : on_added);
            s->batch++;
            bytes += record.frame;
        }
        spool_step(s->spool);
    }
    if (s->batch && transaction)
        redis_link_format(s->link, on_executed, s, "EXEC");
}

static bool redis_wanted(const struct config *config)
{
    return config->redis_url[0] && strcmp(config->redis_url, "off") != 0;
}

static void *redis_open(const struct sink_params *params, char *error, size_t error_len)
{
    struct redis_sink *s = calloc(1, sizeof(*s));
    if (!s)
        abort(); /* only at start */
    s->config = params->config;
    s->stats = params->stats;
    s->spool = params->spool;
    if (!redis_access_init(&s->access, params->base, params->config, error, error_len)) {
        free(s);
        return NULL;
    }
    snprintf(s->key, sizeof(s->key), "%s:alerts:%s", s->config->redis_prefix, s->config->sensor_name);
    s->finder = (struct redis_finder){.access = &s->access, .found = on_found, .user = s};
    s->resume = (struct redis_resume){.key = s->key, .whole = params->purpose == OUTPUT_RESEND};
    redis_state_init(&s->beside, &s->access);
    s->trim.max_age_ms = s->config->redis_max_age_hours * 3600000;
    s->started_ms = (uint64_t)wall_ms();
    s->backoff_ms = BACKOFF_MIN_MS;
    s->retry = event_new(params->base, -1, 0, on_retry, s);
    connect_now(s);
    return s;
}

static void redis_readable(void *sink)
{
    pump(sink);
}

static bool redis_flushed(void *sink)
{
    const struct redis_sink *s = sink;
    return spool_acknowledged(s->spool) + 1 >= spool_end(s->spool) && s->state == LINK_UP &&
           redis_link_awaited(s->link) == 0 && redis_state_settled(&s->beside);
}

static bool on_length(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0)
        s->stats->redis_entries = (uint64_t)reply->integer;
    return false;
}

static bool on_trimmed(void *user, redisReply *reply)
{
    struct redis_sink *s = user;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        s->stats->redis_trimmed += (uint64_t)reply->integer;
    return false;
}

static void trim_by_age(struct redis_sink *s)
{
    const struct entry_id next = spool_entry_id(s->spool, spool_acknowledged(s->spool) + 1);
    struct entry_id below;
    if (redis_trim_due(&s->trim, next, wall_ms(), &below))
        redis_link_format(s->link, on_trimmed, s, "XTRIM %s MINID ~ %" PRIu64 "-%" PRIu64, s->key, below.epoch,
                          below.number);
}

static void redis_publish(void *sink, const char *rules_digest, const struct event_doc *stats)
{
    struct redis_sink *s = sink;
    redis_state_publish(&s->beside, s->started_ms, rules_digest, stats);
    s->stats->redis_beside_lost = s->beside.lost;
    if (s->state == LINK_UP && !s->asking) {
        trim_by_age(s);
        redis_link_format(s->link, on_length, s, "XLEN %s", s->key);
    }
}

static void redis_close(void *sink)
{
    struct redis_sink *s = sink;
    redis_find_stop(&s->finder);
    redis_state_free(&s->beside);
    redis_link_close(s->link);
    id_set_free(&s->resume.known);
    redis_access_free(&s->access);
    event_free(s->retry);
    free(s);
}

const struct sink_ops sink_redis = {
    .name = "redis",
    .wanted = redis_wanted,
    .open = redis_open,
    .readable = redis_readable,
    .flushed = redis_flushed,
    .state = redis_publish,
    .close = redis_close,
};
