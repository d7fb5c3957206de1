/* The URL of a Redis. */
#include "redis_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

/* A piece of text that does not end with a NUL. */
struct span {
    const char *at, *end;
};

static bool copy(char *out, size_t out_len, struct span from)
{
    size_t len = (size_t)(from.end - from.at);
    if (len >= out_len)
        return false;
    memcpy(out, from.at, len);
    out[len] = '\0';
    return true;
}

/* What stands before the next `stop`, which is passed over; all of it when there is none. */
static struct span take_until(struct span *rest, char stop)
{
    const char *at = memchr(rest->at, stop, (size_t)(rest->end - rest->at));
    struct span taken = {rest->at, at ? at : rest->end};
    rest->at = at ? at + 1 : rest->end;
    return taken;
}

static bool parse_number(struct span text, int max, int *number)
{
    char digits[12], *stop;
    if (text.at == text.end || !copy(digits, sizeof(digits), text))
        return false;
    long value = strtol(digits, &stop, 10);
    *number = (int)value;
    return !*stop && digits[0] != '-' && value <= max;
}

static bool parse_endpoint(struct redis_endpoint *endpoint, struct span text, int default_port)
{
    endpoint->port = default_port;
    endpoint->path[0] = '\0';
    const char *colon = memrchr(text.at, ':', (size_t)(text.end - text.at));
    struct span host = {text.at, colon ? colon : text.end};
    if (text.at < text.end && *text.at == '[') { /* an IPv6 address */
        const char *close = memchr(text.at, ']', (size_t)(text.end - text.at));
        if (!close || (close + 1 < text.end && close[1] != ':'))
            return false;
        colon = close + 1 < text.end ? close + 1 : NULL;
        host = (struct span){text.at + 1, close};
    }
    if (colon && !parse_number((struct span){colon + 1, text.end}, 65535, &endpoint->port))
        return false;
    if (host.at == host.end)
        host = (struct span){"127.0.0.1", strchr("127.0.0.1", '\0')};
    return endpoint->port > 0 && copy(endpoint->host, sizeof(endpoint->host), host);
}

static bool parse_tcp(struct redis_url *url, const char *text, bool sentinel)
{
    struct span rest = {text, text + strlen(text)};
    const char *slash = strchr(text, '/');
    const char *at = memrchr(text, '@', (size_t)((slash ? slash : rest.end) - text));
    if (at) {
        struct span who = {text, at};
        struct span user = memchr(text, ':', (size_t)(at - text)) ? take_until(&who, ':') : (struct span){text, text};
        if ((user.at < user.end && !copy(url->user, sizeof(url->user), user)) ||
            !copy(url->password, sizeof(url->password), who))
            return false;
        rest.at = at + 1;
    }
    struct span hosts = take_until(&rest, '/');
    do {
        struct span one = take_until(&hosts, ',');
        if (url->endpoints == REDIS_ENDPOINTS_MAX ||
            !parse_endpoint(&url->endpoint[url->endpoints++], one, sentinel ? SENTINEL_PORT : REDIS_PORT))
            return false;
    } while (hosts.at < hosts.end);
    if (sentinel) {
        struct span master = take_until(&rest, '/');
        if (master.at == master.end || !copy(url->master, sizeof(url->master), master))
            return false;
    }
    return rest.at == rest.end || parse_number(rest, 1 << 20, &url->db);
}

static const struct {
    const char *scheme;
    bool tls, sentinel;
} SCHEMES[] = {
    {"redis://", false, false},
    {"rediss://", true, false},
    {"redis+sentinel://", false, true},
    {"rediss+sentinel://", true, true},
};

static bool parse(struct redis_url *url, const char *text)
{
    if (strncmp(text, "unix://", 7) == 0) {
        url->endpoints = 1;
        return text[7] == '/' && copy(url->endpoint[0].path, sizeof(url->endpoint[0].path),
                                      (struct span){text + 7, text + strlen(text)});
    }
    for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]); i++) {
        size_t len = strlen(SCHEMES[i].scheme);
        if (strncmp(text, SCHEMES[i].scheme, len) == 0) {
            url->tls = SCHEMES[i].tls;
            return parse_tcp(url, text + len, SCHEMES[i].sentinel);
        }
    }
    return false;
}

bool redis_url_is(const char *text)
{
    struct redis_url url = {0};
    bool is = parse(&url, text);
    explicit_bzero(&url, sizeof(url)); /* it may hold a password */
    return is;
}

static bool read_line(const char *path, char *out, size_t out_len)
{
    FILE *file = fopen(path, "r");
    bool read = file && fgets(out, (int)out_len, file);
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    if (file)
        fclose(file);
    return read;
}

void redis_url_read_password(struct redis_url *url, const struct config *config)
{
    char line[sizeof(url->password)];
    if (config->redis_password_file[0] && read_line(config->redis_password_file, line, sizeof(line)))
        memcpy(url->password, line, sizeof(line));
    explicit_bzero(line, sizeof(line));
}

bool redis_url_parse(struct redis_url *url, const struct config *config, char *error, size_t error_len)
{
    memset(url, 0, sizeof(*url));
    snprintf(url->user, sizeof(url->user), "%s", config->redis_username);
    if (!parse(url, config->redis_url)) {
        snprintf(error, error_len, "redis.url '%s' is not " REDIS_URL_FORMS, config->redis_url);
        return false;
    }
    if (config->redis_password_file[0] &&
        !read_line(config->redis_password_file, url->password, sizeof(url->password))) {
        snprintf(error, error_len, "redis.password_file %s: %m", config->redis_password_file);
        return false;
    }
    return true;
}

bool redis_endpoint_parse(struct redis_endpoint *endpoint, const char *text)
{
    const char *colon = strrchr(text, ':');
    struct span port = {colon ? colon + 1 : text, text + strlen(text)};
    port.end = port.at + strspn(port.at, "0123456789"); /* Redis 7 may add ,hostname */
    if (!colon || !parse_number(port, 65535, &endpoint->port))
        return false;
    endpoint->path[0] = '\0';
    return colon == text || copy(endpoint->host, sizeof(endpoint->host), (struct span){text, colon});
}

bool redis_endpoint_equal(const struct redis_endpoint *a, const struct redis_endpoint *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0 && strcmp(a->path, b->path) == 0;
}

const char *redis_endpoint_name(const struct redis_endpoint *endpoint, char *out, size_t out_len)
{
    if (endpoint->path[0])
        snprintf(out, out_len, "%s", endpoint->path);
    else
        snprintf(out, out_len, strchr(endpoint->host, ':') ? "[%s]:%d" : "%s:%d", endpoint->host, endpoint->port);
    return out;
}
