/* One connection to a Redis server: commands in, replies out, in order. libevent carries the bytes (TCP, Unix socket
 * or TLS), hiredis formats and parses. Its owner's event loop runs it; one thread. */
#ifndef DLP_OUTPUT_REDIS_LINK_H
#define DLP_OUTPUT_REDIS_LINK_H

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "redis_url.h"

struct ssl_ctx_st;
struct evdns_base;

/* What every connection of a run shares. */
struct redis_access {
    struct event_base *base;
    const struct config *config;
    struct redis_url url;
    struct ssl_ctx_st *tls; /* NULL without TLS */
    struct evdns_base *dns; /* NULL: every host is an address */
};

/* Reads URL, certificates and the resolver's files. False with a sentence in `error`. */
bool redis_access_init(struct redis_access *access, struct event_base *base, const struct config *config,
                       char *error, size_t error_len);
void redis_access_free(struct redis_access *access);

struct redis_link;
/* `reply` is the link's unless the function returns true: then it is the function's, which frees it. */
typedef bool redis_reply_fn(void *user, redisReply *reply);

enum redis_greeting { REDIS_PLAIN, REDIS_LOGIN /* AUTH and SELECT as the URL says */ };

/* Begins to connect; commands may be given at once. `broken` is called at most once, from the loop, with a reason for
 * a person; replies that are still awaited will not come then, and the link is still to be closed. */
struct redis_link *redis_link_open(struct redis_access *access, const struct redis_endpoint *endpoint,
                                   enum redis_greeting greeting, void (*broken)(void *user, const char *reason),
                                   void *user);
void redis_link_close(struct redis_link *link); /* NULL is none; may be called from a reply function */

/* `on_reply` NULL: the reply is of no interest. */
void redis_link_command(struct redis_link *link, redis_reply_fn *on_reply, void *user, int count,
                        const char *const *words, const size_t *lengths);
void redis_link_format(struct redis_link *link, redis_reply_fn *on_reply, void *user, const char *format, ...);
/* One command that is formatted already. */
void redis_link_write(struct redis_link *link, redis_reply_fn *on_reply, void *user, const char *text, size_t len);
unsigned redis_link_awaited(const struct redis_link *link); /* replies that have not come */
/* Whether a Cluster's node sent the asker elsewhere (MOVED, ASK): `endpoint`, which says where was asked, then says
 * where to ask. `asking`: each command there needs ASKING before it. */
bool redis_link_redirected(const redisReply *reply, struct redis_endpoint *endpoint, bool *asking);

#endif
