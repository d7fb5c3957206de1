/* Where Redis is:
 *
 *      redis://[user:password@]host[:port][,host[:port]...][/db]     one server, or nodes of a Cluster
 *      rediss://...                                                  the same over TLS
 *      redis+sentinel://[user:password@]host[:port][,...]/master[/db]  whom these Sentinels call master
 *      rediss+sentinel://...                                         the same over TLS, Sentinels too
 *      unix:///path                                                  a Unix socket
 *
 * with user and password from the settings when the URL has none. */
#ifndef DLP_REDIS_URL_H
#define DLP_REDIS_URL_H

#include "config.h"

#define REDIS_ENDPOINTS_MAX 8

struct redis_endpoint {
    char path[108]; /* Unix socket; "" for TCP */
    char host[256];
    int port;
};

struct redis_url {
    bool tls;
    struct redis_endpoint endpoint[REDIS_ENDPOINTS_MAX]; /* servers, or the Sentinels */
    unsigned endpoints;
    char master[128]; /* what the Sentinels call it; "" without Sentinel */
    int db;
    char user[128], password[512]; /* "" for none */
};

#define REDIS_URL_FORMS                                                                            \
    "redis[s]://[user:password@]host[:port][,...][/db], "                                          \
    "redis[s]+sentinel://host[:port][,...]/master[/db], unix:///path or off"
bool redis_url_is(const char *text); /* one of the forms but "off" */
/* False with a sentence in `error`. */
bool redis_url_parse(struct redis_url *url, const struct config *config, char *error, size_t error_len);
/* The password file's first line as it is now; what cannot be read leaves the password as it was. */
void redis_url_read_password(struct redis_url *url, const struct config *config);
/* "host:port" as Redis writes it in redirections (an IPv6 host has no brackets; an empty host is left alone). */
bool redis_endpoint_parse(struct redis_endpoint *endpoint, const char *text);
bool redis_endpoint_equal(const struct redis_endpoint *a, const struct redis_endpoint *b);
/* For messages: "127.0.0.1:6379" or the socket's path. Returns `out`. */
const char *redis_endpoint_name(const struct redis_endpoint *endpoint, char *out, size_t out_len);

#endif
