/* Sentinel's client protocol: SENTINEL get-master-addr-by-name at each Sentinel until one answers. */
#include "redis_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(struct redis_finder *f);

static void ask_next(struct redis_finder *f, const char *reason)
{
    char name[300];
    snprintf(f->reason, sizeof(f->reason), "Sentinel %.80s: %.100s",
             redis_endpoint_name(&f->access->url.endpoint[f->next], name, sizeof(name)), reason);
    redis_link_close(f->link);
    f->link = NULL;
    f->next = (f->next + 1) % f->access->url.endpoints;
    if (++f->asked < f->access->url.endpoints)
        ask(f);
    else
        f->found(f->user, NULL);
}

static void on_broken(void *user, const char *reason)
{
    ask_next(user, reason);
}

static bool on_master(void *user, redisReply *reply)
{
    struct redis_finder *f = user;
    struct redis_endpoint master = {.path = ""};
    if (reply->type == REDIS_REPLY_ERROR) {
        ask_next(f, reply->str);
    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
               reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_STRING) {
        ask_next(f, "knows no master of that name");
    } else {
        snprintf(master.host, sizeof(master.host), "%s", reply->element[0]->str);
        master.port = (int)strtol(reply->element[1]->str, NULL, 10);
        redis_find_stop(f);
        f->found(f->user, &master);
    }
    return false;
}

static void ask(struct redis_finder *f)
{
    f->link = redis_link_open(f->access, &f->access->url.endpoint[f->next], REDIS_PLAIN, on_broken, f);
    if (f->link)
        redis_link_format(f->link, on_master, f, "SENTINEL get-master-addr-by-name %s", f->access->url.master);
    else
        f->found(f->user, NULL);
}

void redis_find_begin(struct redis_finder *f)
{
    redis_find_stop(f);
    f->asked = 0;
    snprintf(f->reason, sizeof(f->reason), "out of memory");
    ask(f);
}

void redis_find_stop(struct redis_finder *f)
{
    redis_link_close(f->link);
    f->link = NULL;
}
