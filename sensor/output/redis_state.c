/* The hash, the set, the stats stream and the mirrors. Each key's node is asked for when a connection comes, so that a
 * Cluster's redirection costs no command; later, it costs the command it answers. */
#include "redis_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "version.h"

#define EXPIRY_SECONDS "60"
#define STATS_KEPT "10000"

void redis_state_init(struct redis_state *state, struct redis_access *access)
{
    static const char *const names[STATE_KEYS] = {"sensors", "sensor:", "stats:", "events"};
    *state = (struct redis_state){.access = access};
    for (int i = 0; i < STATE_KEYS; i++) {
        struct state_node *node = &state->node[i];
        bool each = i == KEY_SENSOR || i == KEY_STATS; /* sensor has its own */
        node->state = state;
        node->kind = (enum state_key)i;
        snprintf(node->key, sizeof(node->key), "%s:%s%s", access->config->redis_prefix, names[i],
                 each ? access->config->sensor_name : "");
    }
}

void redis_state_free(struct redis_state *state)
{
    redis_state_attach(state, NULL, NULL);
}

static void on_broken(void *user, const char *reason)
{
    struct state_node *node = user;
    (void)reason;
    redis_link_close(node->link);
    node->link = NULL;
}

static struct redis_link *link_of(const struct state_node *node)
{
    return node->link ? node->link : node->state->link;
}

static bool on_told(void *user, redisReply *reply);

/* Readers find the sensor from its first connection on; the other keys are asked for, to learn where they live. */
static void begin_key(struct state_node *node)
{
    struct redis_link *link = link_of(node);
    if (link && node->kind == KEY_SENSORS)
        redis_link_format(link, on_told, node, "SADD %s %s", node->key, node->state->access->config->sensor_name);
    else if (link)
        redis_link_format(link, on_told, node, "TYPE %s", node->key);
}

static bool on_told(void *user, redisReply *reply)
{
    struct state_node *node = user;
    struct redis_endpoint endpoint = node->link ? node->endpoint : node->state->endpoint;
    bool asking;
    if (redis_link_redirected(reply, &endpoint, &asking) && !asking) {
        bool there = node->link && redis_endpoint_equal(&endpoint, &node->endpoint);
        if (!there) {
            redis_link_close(node->link);
            node->endpoint = endpoint;
            node->link = redis_link_open(node->state->access, &endpoint, REDIS_LOGIN, on_broken, node);
            begin_key(node);
        }
    }
    node->state->lost += reply->type == REDIS_REPLY_ERROR;
    return false;
}

void redis_state_attach(struct redis_state *state, struct redis_link *link, const struct redis_endpoint *endpoint)
{
    state->link = link;
    if (endpoint)
        state->endpoint = *endpoint;
    for (int i = 0; i < STATE_KEYS; i++) {
        redis_link_close(state->node[i].link);
        state->node[i].link = NULL;
        begin_key(&state->node[i]);
    }
}

void redis_state_publish(struct redis_state *state, uint64_t started_ms, const char *rules_digest,
                         const struct event_doc *stats)
{
    struct state_node *node = state->node;
    char started[32];
    if (!state->link)
        return;
    snprintf(started, sizeof(started), "%" PRIu64, started_ms);
    begin_key(&node[KEY_SENSORS]);
    redis_link_format(link_of(&node[KEY_SENSOR]), on_told, &node[KEY_SENSOR],
                      "HSET %s version %s started %s rules %s stats %b", node[KEY_SENSOR].key, DLP_VERSION, started,
                      rules_digest, stats->json, stats->len);
    redis_link_format(link_of(&node[KEY_SENSOR]), on_told, &node[KEY_SENSOR], "EXPIRE %s " EXPIRY_SECONDS,
                      node[KEY_SENSOR].key);
    redis_link_format(link_of(&node[KEY_STATS]), on_told, &node[KEY_STATS],
                      "XADD %s MAXLEN ~ " STATS_KEPT " * event %b", node[KEY_STATS].key, stats->json, stats->len);
}

void redis_state_mirror(struct redis_state *state, const struct record *record)
{
    struct state_node *node = &state->node[KEY_EVENTS];
    struct redis_link *link = link_of(node);
    const char *how = state->access->config->redis_mirror;
    if (!link || strcmp(how, "none") == 0)
        return;
    redis_link_format(link, on_told, node, strcmp(how, "list") == 0 ? "RPUSH %s %b" : "PUBLISH %s %b", node->key,
                      record->json.data, record->json.len);
}

bool redis_state_settled(const struct redis_state *state)
{
    for (int i = 0; i < STATE_KEYS; i++) {
        if (state->node[i].link && redis_link_awaited(state->node[i].link))
            return false;
    }
    return true;
}
