/* The URL of a Redis, and a blocking connection to it for the command line. */
#include "redis_url.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_password(struct redis_url *url, const struct config *config, char *error, size_t error_len)
{
    if (!config->redis_password_file[0] || url->password[0])
        return true;
    FILE *file = fopen(config->redis_password_file, "r");
    if (!file || !fgets(url->password, sizeof(url->password), file)) {
        snprintf(error, error_len, "redis.password_file %s: %m", config->redis_password_file);
        if (file)
            fclose(file);
        return false;
    }
    fclose(file);
    url->password[strcspn(url->password, "\r\n")] = '\0';
    return true;
}

static bool copy(char *out, size_t out_len, const char *from, size_t len)
{
    if (len >= out_len)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

static bool parse_tcp(struct redis_url *url, const char *rest)
{
    const char *slash = strchr(rest, '/');
    const char *end = slash ? slash : rest + strlen(rest);
    const char *at = memrchr(rest, '@', (size_t)(end - rest));
    if (at) {
        const char *colon = memchr(rest, ':', (size_t)(at - rest));
        const char *password = colon ? colon + 1 : at;
        if (!copy(url->user, sizeof(url->user), rest, (size_t)((colon ? colon : at) - rest)) ||
            !copy(url->password, sizeof(url->password), password, (size_t)(at - password)))
            return false;
        rest = at + 1;
    }
    const char *host_end = end;
    if (*rest == '[') { /* an IPv6 address */
        host_end = memchr(rest, ']', (size_t)(end - rest));
        if (!host_end || !copy(url->host, sizeof(url->host), rest + 1, (size_t)(host_end - rest - 1)))
            return false;
        rest = host_end + 1;
    } else {
        const char *colon = memchr(rest, ':', (size_t)(end - rest));
        if (!copy(url->host, sizeof(url->host), rest, (size_t)((colon ? colon : end) - rest)))
            return false;
        rest = colon ? colon : end;
    }
    char *stop = NULL;
    url->port = *rest == ':' ? (int)strtol(rest + 1, &stop, 10) : 6379;
    if (stop && stop != end)
        return false;
    if (!url->host[0])
        copy(url->host, sizeof(url->host), "127.0.0.1", 9);
    if (slash && slash[1]) {
        url->db = (int)strtol(slash + 1, &stop, 10);
        if (*stop || url->db < 0)
            return false;
    }
    return url->port > 0 && url->port < 65536;
}

bool redis_url_parse(struct redis_url *url, const struct config *config, char *error, size_t error_len)
{
    const char *text = config->redis_url;
    memset(url, 0, sizeof(*url));
    snprintf(url->user, sizeof(url->user), "%s", config->redis_username);
    if (strncmp(text, "unix://", 7) == 0) {
        if (text[7] != '/' || !copy(url->path, sizeof(url->path), text + 7, strlen(text + 7))) {
            snprintf(error, error_len, "redis.url '%s': a socket path of at most 107 bytes must follow unix://",
                     text);
            return false;
        }
    } else if (strncmp(text, "redis://", 8) == 0) {
        if (!parse_tcp(url, text + 8)) {
            snprintf(error, error_len, "redis.url '%s' is not redis://[user:password@]host[:port][/db]", text);
            return false;
        }
    } else {
        snprintf(error, error_len,
                 "redis.url '%s': this version speaks redis:// and unix:// (or off), not TLS or Sentinel", text);
        return false;
    }
    return read_password(url, config, error, error_len);
}

struct redisContext *redis_url_connect(const struct redis_url *url, int timeout_ms, char *error, size_t error_len)
{
    const struct timeval patience = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    redisContext *redis = url->path[0] ? redisConnectUnixWithTimeout(url->path, patience)
                                       : redisConnectWithTimeout(url->host, url->port, patience);
    if (!redis || redis->err) {
        snprintf(error, error_len, "%s", redis ? redis->errstr : "out of memory");
        redisFree(redis);
        return NULL;
    }
    redisReply *reply = NULL;
    if (url->password[0])
        reply = url->user[0] ? redisCommand(redis, "AUTH %s %s", url->user, url->password)
                             : redisCommand(redis, "AUTH %s", url->password);
    if (url->db && (!reply || reply->type != REDIS_REPLY_ERROR)) {
        if (reply)
            freeReplyObject(reply);
        reply = redisCommand(redis, "SELECT %d", url->db);
    }
    if (redis->err || (reply && reply->type == REDIS_REPLY_ERROR)) {
        snprintf(error, error_len, "%s", reply ? reply->str : redis->errstr);
        if (reply)
            freeReplyObject(reply);
        redisFree(redis);
        return NULL;
    }
    if (reply)
        freeReplyObject(reply);
    return redis;
}
