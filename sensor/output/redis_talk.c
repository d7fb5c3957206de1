/* See redis_talk.h. An event loop of its own, run until the one reply is there. */
#include "redis_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_find.h"

#define NODES_MAX 32 /* of a Cluster */
#define REDIRECTIONS_MAX 8

struct node {
    struct redis_talk *talk;
    struct redis_endpoint endpoint;
    struct redis_link *link;
};

struct redis_talk {
    struct redis_access access;
    struct redis_finder finder;
    struct node node[NODES_MAX];
    unsigned nodes, home; /* `home` is asked first */
    redisReply *reply;
    bool done; /* with what is waited for */
    char error[320];
};

static bool keep(void *user, redisReply *reply)
{
    struct redis_talk *talk = user;
    talk->reply = reply;
    talk->done = true;
    return true;
}

static void on_broken(void *user, const char *reason)
{
    struct node *node = user;
    char name[300];
    snprintf(node->talk->error, sizeof(node->talk->error), "%s: %s",
             redis_endpoint_name(&node->endpoint, name, sizeof(name)), reason);
    redis_link_close(node->link);
    node->link = NULL;
    node->talk->done = true;
}

static void wait_until_done(struct redis_talk *talk)
{
    while (!talk->done && event_base_loop(talk->access.base, EVLOOP_ONCE) == 0)
        ;
}

/* The connection to a node; NULL when there are too many. */
static struct node *node_at(struct redis_talk *talk, const struct redis_endpoint *endpoint)
{
    struct node *node = talk->node;
    while (node < talk->node + talk->nodes && !redis_endpoint_equal(&node->endpoint, endpoint))
        node++;
    if (node == talk->node + NODES_MAX)
        return NULL;
    if (node == talk->node + talk->nodes) {
        *node = (struct node){.talk = talk, .endpoint = *endpoint};
        talk->nodes++;
    }
    if (!node->link)
        node->link = redis_link_open(&talk->access, endpoint, REDIS_LOGIN, on_broken, node);
    return node->link ? node : NULL;
}

static redisReply *ask(struct redis_talk *talk, struct node *node, bool asking, const char *text, int len)
{
    talk->done = false;
    talk->reply = NULL;
    if (asking)
        redis_link_format(node->link, NULL, NULL, "ASKING");
    redis_link_write(node->link, keep, talk, text, (size_t)len);
    wait_until_done(talk);
    return talk->reply;
}

static redisReply *ask_around(struct redis_talk *talk, const char *text, int len)
{
    struct redis_endpoint endpoint = talk->node[talk->home].endpoint;
    bool asking = false;
    for (int turn = 0; turn < REDIRECTIONS_MAX; turn++) {
        struct node *node = node_at(talk, &endpoint);
        redisReply *reply = node ? ask(talk, node, asking, text, len) : NULL;
        if (!reply || !redis_link_redirected(reply, &endpoint, &asking)) {
            if (reply && reply->type == REDIS_REPLY_ERROR)
                snprintf(talk->error, sizeof(talk->error), "%s", reply->str);
            return reply;
        }
        freeReplyObject(reply);
    }
    snprintf(talk->error, sizeof(talk->error), "redirected in circles");
    return NULL;
}

struct redisReply *redis_talk(struct redis_talk *talk, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = redisvFormatCommand(&text, format, arguments);
    va_end(arguments);
    if (len <= 0)
        return NULL;
    redisReply *reply = ask_around(talk, text, len);
    redisFreeCommand(text);
    return reply;
}

static void on_found(void *user, const struct redis_endpoint *master)
{
    struct redis_talk *talk = user;
    if (master)
        talk->node[talk->nodes++] = (struct node){.talk = talk, .endpoint = *master};
    else
        snprintf(talk->error, sizeof(talk->error), "%s", talk->finder.reason);
    talk->done = true;
}

/* Whom to ask first: the first server that answers. */
static bool find_home(struct redis_talk *talk)
{
    if (talk->access.url.master[0]) {
        talk->finder = (struct redis_finder){.access = &talk->access, .found = on_found, .user = talk};
        redis_find_begin(&talk->finder);
        wait_until_done(talk);
        redis_find_stop(&talk->finder);
        return talk->nodes > 0;
    }
    for (unsigned i = 0; i < talk->access.url.endpoints; i++) {
        struct node *node = node_at(talk, &talk->access.url.endpoint[i]);
        redisReply *reply = node ? ask(talk, node, false, "PING\r\n", 6) : NULL;
        if (!reply)
            continue;
        talk->home = i;
        freeReplyObject(reply);
        return true;
    }
    return false;
}

struct redis_talk *redis_talk_open(const struct config *config, char *error, size_t error_len)
{
    struct redis_talk *talk = calloc(1, sizeof(*talk));
    struct event_base *base = event_base_new();
    if (!talk || !base)
        abort(); /* only at start */
    if (!redis_access_init(&talk->access, base, config, error, error_len)) {
        event_base_free(base);
        free(talk);
        return NULL;
    }
    if (find_home(talk))
        return talk;
    snprintf(error, error_len, "redis: %s", talk->error);
    redis_talk_close(talk);
    return NULL;
}

void redis_talk_close(struct redis_talk *talk)
{
    struct event_base *base = talk->access.base;
    for (unsigned i = 0; i < talk->nodes; i++)
        redis_link_close(talk->node[i].link);
    redis_access_free(&talk->access);
    event_base_free(base);
    free(talk);
}

const char *redis_talk_error(const struct redis_talk *talk)
{
    return talk->error;
}
