/* Redis commands and replies over a libevent buffer. */
#include "redis_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PATIENCE_SECONDS 5 /* for an answer, and for a connection */

struct awaited { /* a reply */
    redis_reply_fn *fn;
    void *user;
};

struct redis_link {
    struct bufferevent *stream;
    redisReader *reader;
    SSL *ssl; /* the stream's; NULL without TLS */
    struct awaited *awaited; /* a ring of `capacity`, a power of two */
    unsigned capacity, head, tail;
    struct event *patience;
    void (*broken)(void *user, const char *reason);
    void *user;
    bool is_broken, in_use, closed; /* closed while in use: freed after */
    int failure; /* errno of what could not even begin */
};

static bool read_certificates(SSL_CTX *tls, const struct config *config)
{
    if (config->redis_tls_ca[0] ? SSL_CTX_load_verify_locations(tls, config->redis_tls_ca, NULL) != 1
                                : SSL_CTX_set_default_verify_paths(tls) != 1)
        return false;
    if (config->redis_tls_cert[0] && SSL_CTX_use_certificate_chain_file(tls, config->redis_tls_cert) != 1)
        return false;
    const char *key = config->redis_tls_key[0] ? config->redis_tls_key : config->redis_tls_cert;
    return !config->redis_tls_cert[0] ||
           (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(tls) == 1);
}

static bool init_tls(struct redis_access *access, char *error, size_t error_len)
{
    access->tls = SSL_CTX_new(TLS_client_method());
    if (access->tls && SSL_CTX_set_min_proto_version(access->tls, TLS1_2_VERSION) == 1 &&
        read_certificates(access->tls, access->config)) {
        SSL_CTX_set_verify(access->tls, SSL_VERIFY_PEER, NULL);
        return true;
    }
    char reason[160];
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof(reason));
    snprintf(error, error_len, "redis.tls_ca, tls_cert, tls_key: %s", reason);
    return false;
}

static bool is_address(const char *host)
{
    unsigned char out[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, out) == 1 || inet_pton(AF_INET6, host, out) == 1;
}

bool redis_access_init(struct redis_access *access, struct event_base *base, const struct config *config,
                       char *error, size_t error_len)
{
    bool names = false;
    *access = (struct redis_access){.base = base, .config = config};
    if (!redis_url_parse(&access->url, config, error, error_len))
        return false;
    if (access->url.tls && !init_tls(access, error, error_len)) {
        redis_access_free(access);
        return false;
    }
    for (unsigned i = 0; i < access->url.endpoints; i++)
        names = names || (!access->url.endpoint[i].path[0] && !is_address(access->url.endpoint[i].host));
    if (names) /* a resolver that never blocks the loop */
        access->dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    return true;
}

void redis_access_free(struct redis_access *access)
{
    SSL_CTX_free(access->tls);
    if (access->dns)
        evdns_base_free(access->dns, 0);
    explicit_bzero(access, sizeof(*access));
}

static void free_now(struct redis_link *link)
{
    if (link->stream)
        bufferevent_free(link->stream);
    if (link->patience)
        event_free(link->patience);
    redisReaderFree(link->reader);
    free(link->awaited);
    free(link);
}

void redis_link_close(struct redis_link *link)
{
    if (!link)
        return;
    link->closed = true;
    if (!link->in_use)
        free_now(link);
}

unsigned redis_link_awaited(const struct redis_link *link)
{
    return link->head - link->tail;
}

static void break_link(struct redis_link *link, const char *reason)
{
    if (link->is_broken || link->closed)
        return;
    link->is_broken = true;
    event_del(link->patience);
    bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    bool nested = link->in_use;
    link->in_use = true;
    link->broken(link->user, reason);
    link->in_use = nested;
    if (link->closed && !nested)
        free_now(link);
}

static void await(struct redis_link *link)
{
    if (redis_link_awaited(link))
        event_add(link->patience, &(struct timeval){PATIENCE_SECONDS, 0});
    else
        event_del(link->patience);
}

static void deliver(struct redis_link *link, redisReply *reply)
{
    const struct awaited awaited = link->awaited[link->tail++ & (link->capacity - 1)];
    link->in_use = true;
    bool taken = awaited.fn && awaited.fn(awaited.user, reply);
    link->in_use = false;
    if (!taken)
        freeReplyObject(reply);
}

static void on_read(struct bufferevent *stream, void *user)
{
    struct redis_link *link = user;
    struct evbuffer *input = bufferevent_get_input(stream);
    void *reply = NULL;
    int n;
    char piece[16384];
    while ((n = evbuffer_remove(input, piece, sizeof(piece))) > 0)
        redisReaderFeed(link->reader, piece, (size_t)n);
    while (redisReaderGetReply(link->reader, &reply) == REDIS_OK && reply) {
        if (!redis_link_awaited(link)) {
            freeReplyObject(reply);
            break_link(link, "the server said something nobody asked for");
            return;
        }
        deliver(link, reply);
        if (link->closed) {
            free_now(link);
            return;
        }
        if (link->is_broken)
            return;
    }
    if (link->reader->err)
        break_link(link, link->reader->errstr);
    else
        await(link);
}

static void describe_failure(struct redis_link *link, short what, char *out, size_t out_len)
{
    int failure = errno;
    long verdict = link->ssl ? SSL_get_verify_result(link->ssl) : X509_V_OK;
    unsigned long tls = link->ssl ? bufferevent_get_openssl_error(link->stream) : 0;
    int dns = bufferevent_socket_get_dns_error(link->stream);
    if (verdict != X509_V_OK)
        snprintf(out, out_len, "TLS: the server's certificate: %s", X509_verify_cert_error_string(verdict));
    else if (tls)
        snprintf(out, out_len, "TLS: %s", ERR_reason_error_string(tls) ? ERR_reason_error_string(tls) : "failed");
    else if (dns)
        snprintf(out, out_len, "%s", evutil_gai_strerror(dns));
    else
        snprintf(out, out_len, "%s", what & BEV_EVENT_EOF || !failure ? "connection closed" : strerror(failure));
}

static void on_event(struct bufferevent *stream, short what, void *user)
{
    struct redis_link *link = user;
    char reason[192];
    (void)stream;
    if (what & BEV_EVENT_CONNECTED)
        return;
    describe_failure(link, what, reason, sizeof(reason));
    break_link(link, reason);
}

static void on_impatient(evutil_socket_t fd, short what, void *user)
{
    struct redis_link *link = user;
    (void)fd;
    (void)what;
    break_link(link, link->failure ? strerror(link->failure) : "no answer for 5 seconds");
}

/* Said from the loop, like every other failure. */
static void fail_soon(struct redis_link *link, int failure)
{
    link->failure = failure;
    event_active(link->patience, EV_TIMEOUT, 0);
}

static bool make_stream(struct redis_link *link, struct redis_access *access, const struct redis_endpoint *endpoint)
{
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
    if (!access->tls || endpoint->path[0]) {
        link->stream = bufferevent_socket_new(access->base, -1, options);
        return link->stream != NULL;
    }
    link->ssl = SSL_new(access->tls);
    if (!link->ssl)
        return false;
    bool named = !is_address(endpoint->host);
    bool set = named ? SSL_set1_host(link->ssl, endpoint->host) == 1 &&
                           SSL_set_tlsext_host_name(link->ssl, endpoint->host) == 1
                     : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(link->ssl), endpoint->host) == 1;
    if (set) /* takes the SSL */
        link->stream = bufferevent_openssl_socket_new(access->base, -1, link->ssl, BUFFEREVENT_SSL_CONNECTING, options);
    if (!link->stream)
        SSL_free(link->ssl);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(link->stream, 1);
    return link->stream != NULL;
}

static bool begin_connecting(struct redis_link *link, struct redis_access *access,
                             const struct redis_endpoint *endpoint)
{
    if (!endpoint->path[0])
        return bufferevent_socket_connect_hostname(link->stream, access->dns, AF_UNSPEC, endpoint->host,
                                                   endpoint->port) == 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, endpoint->path, sizeof(address.sun_path));
    return bufferevent_socket_connect(link->stream, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool on_greeting(void *user, redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        break_link(user, reply->str);
    return false;
}

static void greet(struct redis_link *link, const struct redis_url *url)
{
    if (url->password[0] && url->user[0])
        redis_link_format(link, on_greeting, link, "AUTH %s %s", url->user, url->password);
    else if (url->password[0])
        redis_link_format(link, on_greeting, link, "AUTH %s", url->password);
    if (url->db)
        redis_link_format(link, on_greeting, link, "SELECT %d", url->db);
}

struct redis_link *redis_link_open(struct redis_access *access, const struct redis_endpoint *endpoint,
                                   enum redis_greeting greeting, void (*broken)(void *user, const char *reason),
                                   void *user)
{
    struct redis_link *link = calloc(1, sizeof(*link));
    if (!link)
        return NULL;
    link->broken = broken;
    link->user = user;
    link->capacity = 16;
    link->awaited = calloc(link->capacity, sizeof(*link->awaited));
    link->reader = redisReaderCreate();
    link->patience = event_new(access->base, -1, 0, on_impatient, link);
    if (!link->awaited || !link->reader || !link->patience || !make_stream(link, access, endpoint)) {
        free_now(link);
        return NULL;
    }
    bufferevent_setcb(link->stream, on_read, NULL, on_event, link);
    bufferevent_enable(link->stream, EV_READ | EV_WRITE);
    event_add(link->patience, &(struct timeval){PATIENCE_SECONDS, 0});
    if (!begin_connecting(link, access, endpoint)) {
        fail_soon(link, errno ? errno : ECONNREFUSED);
        return link;
    }
    if (greeting == REDIS_LOGIN) {
        redis_url_read_password(&access->url, access->config);
        greet(link, &access->url);
    }
    return link;
}

static bool expect(struct redis_link *link, redis_reply_fn *on_reply, void *user)
{
    if (redis_link_awaited(link) == link->capacity) {
        struct awaited *larger = calloc(link->capacity * 2, sizeof(*larger));
        if (!larger)
            return false;
        for (unsigned i = link->tail; i != link->head; i++)
            larger[i & (link->capacity * 2 - 1)] = link->awaited[i & (link->capacity - 1)];
        free(link->awaited);
        link->awaited = larger;
        link->capacity *= 2;
    }
    link->awaited[link->head++ & (link->capacity - 1)] = (struct awaited){on_reply, user};
    return true;
}

/* A command that memory has no room for breaks the link: replies must stay in step with commands. */
void redis_link_write(struct redis_link *link, redis_reply_fn *on_reply, void *user, const char *text, size_t len)
{
    bool was_idle = redis_link_awaited(link) == 0;
    if (link->is_broken || link->closed)
        return;
    if (!expect(link, on_reply, user) || bufferevent_write(link->stream, text, len) != 0)
        fail_soon(link, ENOMEM);
    if (was_idle && !link->in_use && !link->failure)
        await(link);
}

static void write_formatted(struct redis_link *link, redis_reply_fn *on_reply, void *user, char *text, int len)
{
    if (len <= 0) {
        fail_soon(link, ENOMEM);
        return;
    }
    redis_link_write(link, on_reply, user, text, (size_t)len);
    redisFreeCommand(text);
}

void redis_link_command(struct redis_link *link, redis_reply_fn *on_reply, void *user, int count,
                        const char *const *words, const size_t *lengths)
{
    char *text = NULL;
    int len = redisFormatCommandArgv(&text, count, (const char **)(uintptr_t)words, lengths);
    write_formatted(link, on_reply, user, text, len);
}

void redis_link_format(struct redis_link *link, redis_reply_fn *on_reply, void *user, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int len = redisvFormatCommand(&text, format, arguments);
    va_end(arguments);
    write_formatted(link, on_reply, user, text, len);
}

bool redis_link_redirected(const redisReply *reply, struct redis_endpoint *endpoint, bool *asking)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    *asking = strncmp(reply->str, "ASK ", 4) == 0;
    if (!*asking && strncmp(reply->str, "MOVED ", 6) != 0)
        return false;
    const char *where = strrchr(reply->str, ' '); /* after the slot */
    return where && redis_endpoint_parse(endpoint, where + 1);
}
