/* Where Redis is: redis://[user:password@]host[:port][/db] or unix:///path, with user and password from the
 * settings when the URL has none. */
#ifndef DLP_REDIS_URL_H
#define DLP_REDIS_URL_H

#include "config.h"

struct redis_url {
    char path[108]; /* Unix socket; "" for TCP */
    char host[256];
    int port, db;
    char user[128], password[512]; /* "" for none */
};

/* False with a sentence in `error`. */
bool redis_url_parse(struct redis_url *url, const struct config *config, char *error, size_t error_len);

struct redisContext;
/* Connects and authenticates, waiting at most `timeout_ms`; NULL with a sentence in `error`. */
struct redisContext *redis_url_connect(const struct redis_url *url, int timeout_ms, char *error, size_t error_len);

#endif
