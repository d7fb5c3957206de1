/* `dlp-sensor alerts`: every sensor's stream read back from Redis, merged by time, as a table or as the events
 * themselves. What came from the network has been made safe by the writer; control bytes are dropped once more
 * before a terminal sees them. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "log.h"
#include "redis_talk.h"

#define SENSORS_MAX 256
#define CELL 80
#define FOLLOW_MS 500

struct row {
    unsigned long long ms, number; /* the entry id */
    char *event, *rule, *severity;
    char id[36];
    bool hidden; /* a later event of the same alert follows */
};

struct reading {
    struct redis_talk *redis;
    const struct config *config;
    char *keys[SENSORS_MAX];
    char last[SENSORS_MAX][48]; /* --follow: read on from here */
    size_t key_count;
    struct row *rows;
    size_t row_count, row_room;
};

/* The text of "name":"..." in the event, for a table cell: printable ASCII, cut to fit. */
static void member(const char *event, const char *name, char *out, size_t out_len)
{
    char pattern[64];
    snprintf(pattern, sizeof(pattern), "\"%s\":", name);
    const char *at = strstr(event, pattern);
    size_t n = 0;
    if (at) {
        at += strlen(pattern);
        bool quoted = *at == '"';
        for (at += quoted; *at && n + 1 < out_len; at++) {
            if (quoted ? *at == '"' : *at == ',' || *at == '}')
                break;
            if (*at == '\\' && at[1])
                at++;
            out[n++] = *at >= 0x20 && *at < 0x7f ? *at : '?';
        }
    }
    out[n] = '\0';
}

static const char *field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (fields->element[i]->type == REDIS_REPLY_STRING && strcmp(fields->element[i]->str, name) == 0 &&
            fields->element[i + 1]->type == REDIS_REPLY_STRING)
            return fields->element[i + 1]->str;
    }
    return "";
}

static char *keep(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

static void add_entry(struct reading *r, const redisReply *entry)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[1]->type != REDIS_REPLY_ARRAY)
        return;
    if (r->row_count == r->row_room) {
        r->row_room = r->row_room ? r->row_room * 2 : 256;
        r->rows = realloc(r->rows, r->row_room * sizeof(*r->rows));
        if (!r->rows)
            abort();
    }
    struct row *row = &r->rows[r->row_count++];
    const redisReply *fields = entry->element[1];
    memset(row, 0, sizeof(*row));
    sscanf(entry->element[0]->str, "%llu-%llu", &row->ms, &row->number);
    row->event = keep(field(fields, "event"));
    row->rule = keep(field(fields, "rule"));
    row->severity = keep(field(fields, "severity"));
    snprintf(row->id, sizeof(row->id), "%s", field(fields, "id"));
}

/* By the time of the event, then by entry id: events carry packet time, which is what an analyst reads. */
static int by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    char left[40], right[40];
    member(x->event, "timestamp", left, sizeof(left));
    member(y->event, "timestamp", right, sizeof(right));
    int order = strcmp(left, right);
    if (order)
        return order;
    return x->ms != y->ms ? (x->ms < y->ms ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

static void print_row(const struct row *row)
{
    static const char *const words[] = {"?", "critical", "high", "medium", "low"};
    char time[40], from[CELL], to[CELL], port[8], type[CELL], size[24], name[CELL], state[16], direction[16],
        sender[8];
    const char *event = row->event;
    unsigned severity = row->severity[0] >= '1' && row->severity[0] <= '4' ? (unsigned)(row->severity[0] - '0') : 0;
    member(event, "timestamp", time, sizeof(time));
    member(event, "src_ip", from, sizeof(from));
    member(event, "dest_ip", to, sizeof(to));
    member(event, "dest_port", port, sizeof(port));
    member(event, "object_type", type, sizeof(type));
    member(event, "size", size, sizeof(size));
    member(event, "filename", name, sizeof(name));
    member(event, "state", state, sizeof(state));
    member(event, "sender", sender, sizeof(sender));
    member(event, "direction", direction, sizeof(direction));
    bool server = strcmp(sender, "server") == 0;
    time[19] = '\0';
    printf("%-19s  %-8s  %-28s  %-15s -> %-15s  %-9s  %10s  %-9s  %s\n", time, words[severity], row->rule,
           server ? to : from, server ? from : to, type, size, strcmp(state, "OPEN") == 0 ? "in flight" : state, name);
    (void)port;
}

static int by_id(const void *a, const void *b)
{
    const struct row *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order ? order : (*x > *y) - (*x < *y);
}

/* A table shows an alert once, in its last state. */
static void hide_superseded(struct reading *r)
{
    struct row **rows = calloc(r->row_count + 1, sizeof(*rows));
    if (!rows)
        return;
    for (size_t i = 0; i < r->row_count; i++)
        rows[i] = &r->rows[i];
    qsort(rows, r->row_count, sizeof(*rows), by_id);
    for (size_t i = 0; i + 1 < r->row_count; i++)
        rows[i]->hidden = strcmp(rows[i]->id, rows[i + 1]->id) == 0;
    free(rows);
}

static void print_rows(struct reading *r)
{
    if (r->row_count)
        qsort(r->rows, r->row_count, sizeof(*r->rows), by_time);
    if (!r->config->json_lines)
        hide_superseded(r);
    for (size_t i = 0; i < r->row_count; i++) {
        if (r->config->json_lines)
            puts(r->rows[i].event);
        else if (!r->rows[i].hidden)
            print_row(&r->rows[i]);
        free(r->rows[i].event);
        free(r->rows[i].rule);
        free(r->rows[i].severity);
    }
    fflush(stdout);
    r->row_count = 0;
}

static bool complain(const struct reading *r, redisReply *reply)
{
    log_error("redis: %s", redis_talk_error(r->redis));
    if (reply)
        freeReplyObject(reply);
    return false;
}

static bool is_known(const struct reading *r, const char *key)
{
    for (size_t k = 0; k < r->key_count; k++) {
        if (strcmp(r->keys[k], key) == 0)
            return true;
    }
    return false;
}

static bool read_sensors(struct reading *r)
{
    redisReply *reply = redis_talk(r->redis, "SMEMBERS %s:sensors", r->config->redis_prefix);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return complain(r, reply);
    for (size_t i = 0; i < reply->elements && r->key_count < SENSORS_MAX; i++) {
        char key[512];
        snprintf(key, sizeof(key), "%s:alerts:%s", r->config->redis_prefix, reply->element[i]->str);
        if (is_known(r, key))
            continue;
        r->keys[r->key_count] = keep(key);
        snprintf(r->last[r->key_count++], sizeof(r->last[0]), "0-0");
    }
    freeReplyObject(reply);
    return true;
}

/* The last `limit` entries of each stream, oldest first. */
static bool read_streams(struct reading *r)
{
    for (size_t k = 0; k < r->key_count; k++) {
        redisReply *reply = redis_talk(r->redis, "XREVRANGE %s + - COUNT %lld", r->keys[k],
                                         (long long)r->config->limit);
        if (!reply || reply->type != REDIS_REPLY_ARRAY)
            return complain(r, reply);
        if (reply->elements)
            snprintf(r->last[k], sizeof(r->last[k]), "%s", reply->element[0]->element[0]->str);
        for (size_t i = reply->elements; i > 0; i--)
            add_entry(r, reply->element[i - 1]);
        freeReplyObject(reply);
    }
    return true;
}

/* New entries of one stream. */
static bool read_on(struct reading *r, size_t k)
{
    redisReply *reply = redis_talk(r->redis, "XRANGE %s (%s + COUNT 1000", r->keys[k], r->last[k]);
    if (!reply || reply->type != REDIS_REPLY_ARRAY)
        return complain(r, reply);
    for (size_t i = 0; i < reply->elements; i++)
        add_entry(r, reply->element[i]);
    if (reply->elements)
        snprintf(r->last[k], sizeof(r->last[k]), "%s", reply->element[reply->elements - 1]->element[0]->str);
    freeReplyObject(reply);
    return true;
}

/* Streams are asked one by one: in a Cluster they live on different nodes. */
static bool follow(struct reading *r)
{
    for (;;) {
        const struct timespec pause = {0, FOLLOW_MS * 1000000L};
        if (!read_sensors(r))
            return false;
        for (size_t k = 0; k < r->key_count; k++) {
            if (!read_on(r, k))
                return false;
        }
        print_rows(r);
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
}

int cli_alerts(const struct config *config, const struct string_list *operands)
{
    struct reading r = {.config = config};
    char error[512];
    if (operands->count) {
        log_error("alerts: unexpected '%s'", operands->items[0]);
        return 2;
    }
    r.redis = redis_talk_open(config, error, sizeof(error));
    if (!r.redis) {
        log_error("%s", error);
        return 1;
    }
    if (!config->json_lines)
        printf("%-19s  %-8s  %-28s  %-15s -> %-15s  %-9s  %10s  %-9s  %s\n", "TIME (UTC)", "SEVERITY", "RULE", "FROM",
               "TO", "TYPE", "BYTES", "STATE", "FILE");
    bool ok = read_sensors(&r) && read_streams(&r);
    if (ok)
        print_rows(&r);
    if (ok && config->follow)
        ok = follow(&r);
    for (size_t k = 0; k < r.key_count; k++)
        free(r.keys[k]);
    free(r.rows);
    redis_talk_close(r.redis);
    return ok ? 0 : 1;
}
