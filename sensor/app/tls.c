/* TLS (RFC 8446, RFC 5246): the handshake's words in clear go to the flow's meta, then the flow is opaque and nothing
 * of it is reassembled any more. Messages may be split over records and segments in any way; one that lies in one
 * piece is read where it lies. */
#include "tls.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_CHANGE_CIPHER = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

#define RECORD_MAX (16384 + 2048)
#define RECORDS_MAX 1024 /* of one side, before the handshake's clear part must be over */

struct tls_side {
    uint8_t header[5];
    uint8_t header_len;
    uint16_t records;
    uint16_t left;     /* of the current record's payload */
    uint8_t *message;  /* a handshake message in pieces, TLS_MESSAGE_MAX, NULL when none */
    size_t message_len;
    uint32_t skip;     /* bytes of a message too long to read */
    bool hello, done;
};

struct tls {
    struct tls_side side[2];
    bool retry; /* the server wants another ClientHello */
};

static void *tls_shared_new(struct mem *mem)
{
    struct tls_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort(); /* only at start */
    shared->messages = pool_new(mem, MEM_FLOW, TLS_MESSAGE_MAX);
    shared->pieces = pool_new(mem, MEM_FLOW, sizeof(struct tls_pieces));
    shared->md5 = EVP_MD_fetch(NULL, "MD5", NULL); /* NULL where policy forbids it: no JA3 then */
    shared->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    shared->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    shared->digest = EVP_MD_CTX_new();
    if (!shared->digest)
        abort();
    return shared;
}

static void tls_shared_free(void *user)
{
    struct tls_shared *shared = user;
    pool_free(shared->messages);
    pool_free(shared->pieces);
    EVP_MD_free(shared->md5);
    EVP_MD_free(shared->sha1);
    EVP_MD_free(shared->sha256);
    EVP_MD_CTX_free(shared->digest);
    free(shared);
}

static bool record_head(const uint8_t *h, unsigned *type, unsigned *len)
{
    *type = h[0];
    *len = (unsigned)h[3] << 8 | h[4];
    return *type >= RECORD_CHANGE_CIPHER && *type <= RECORD_DATA && h[1] == 3 && h[2] <= 4 && *len &&
           *len <= RECORD_MAX;
}

/* A ClientHello for SSL 2 servers that offers SSL 3 or TLS (RFC 5246 E.2), as clients of those years send first: two
 * bytes of length, then type and version, the lengths of ciphers, session and challenge. */
static bool old_hello_head(const uint8_t *h)
{
    return (h[0] & 0xc0) == 0x80 && h[2] == TLS_CLIENT_HELLO && h[3] == 3 && h[4] <= 3;
}

static enum app_probe probe_old_hello(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_over(data, len);
    if (len < 5)
        return (data[0] & 0xc0) == 0x80 && (len < 3 || data[2] == TLS_CLIENT_HELLO) && (len < 4 || data[3] == 3)
                   ? APP_MORE
                   : APP_NO;
    uint32_t size = cursor_be16(&c) & 0x3fff;
    cursor_skip(&c, 3);
    uint16_t ciphers = cursor_be16(&c), session = cursor_be16(&c), challenge = cursor_be16(&c);
    if (!old_hello_head(data))
        return APP_NO;
    if (c.bad)
        return APP_MORE;
    return ciphers && ciphers % 3 == 0 && session <= 32 && challenge >= 16 && challenge <= 32 &&
                   size == 9u + ciphers + session + challenge
               ? APP_YES
               : APP_NO;
}

static enum app_probe probe_side(const uint8_t *data, size_t len)
{
    unsigned type, record;
    if (data[0] & 0x80)
        return probe_old_hello(data, len);
    if (len < 6) {
        bool may = data[0] >= RECORD_CHANGE_CIPHER && data[0] <= RECORD_DATA && (len < 2 || data[1] == 3) &&
                   (len < 3 || data[2] <= 4);
        return may ? APP_MORE : APP_NO;
    }
    if (!record_head(data, &type, &record))
        return APP_NO;
    if (type == RECORD_HANDSHAKE)
        return data[5] == TLS_CLIENT_HELLO || data[5] == TLS_SERVER_HELLO ? APP_YES : APP_NO;
    if (type != RECORD_DATA || data[2] != 3)
        return APP_NO;
    /* Picked up in the middle: the next record's head must be where this one says. */
    if (len < 5 + (size_t)record + 5)
        return len < APP_PROBE_MAX ? APP_MORE : APP_YES;
    return record_head(data + 5 + record, &type, &record) ? APP_YES : APP_NO;
}

static enum app_probe tls_probe(const struct app_probe_input *input)
{
    enum app_probe answer = APP_NO;
    for (unsigned side = 0; side < 2; side++) {
        enum app_probe one = input->len[side] ? probe_side(input->data[side], input->len[side]) : APP_NO;
        if (one == APP_YES)
            return APP_YES;
        if (one == APP_MORE)
            answer = input->final && input->len[side] >= 6 ? APP_YES : APP_MORE;
    }
    return answer;
}

static void read_message(struct app_session *session, enum side side, const uint8_t *message, size_t len)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct tls *tls = app_state(session);
    struct meta *meta = app_flow_meta(session);
    switch (message[0]) {
    case TLS_CLIENT_HELLO:
        if (!tls->side[side].hello) /* after a HelloRetryRequest the first one keeps its say */
            tls_read_client_hello(shared, meta, TLS_OVER_TCP, message + 4, len - 4);
        tls->side[side].hello = true;
        break;
    case TLS_SERVER_HELLO: {
        if (tls->side[side].hello)
            break;
        enum tls_after after = tls_read_server_hello(shared, meta, TLS_OVER_TCP, message + 4, len - 4);
        tls->retry = after == TLS_THEN_RETRY && !tls->retry; /* it may be asked for once */
        tls->side[side].hello = !tls->retry;
        tls->side[side].done = after != TLS_THEN_CERTIFICATE && !tls->retry;
        break;
    }
    case TLS_CERTIFICATE:
        tls_read_certificate(shared, meta, message + 4, len - 4);
        tls->side[side].done = true;
        break;
    default:
        break;
    }
}

static size_t message_size(const uint8_t *head)
{
    return 4 + ((size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
}

static void drop_message(struct app_session *session, struct tls_side *s)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    pool_put(shared->messages, s->message);
    s->message = NULL;
    s->message_len = 0;
}

/* Handshake bytes of one record, or a part of them. */
static void take_handshake(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct tls *tls = app_state(session);
    struct tls_side *s = &tls->side[side];
    while (len && !s->done) {
        if (s->skip) {
            size_t n = len < s->skip ? len : s->skip;
            s->skip -= (uint32_t)n;
            data += n;
            len -= n;
            continue;
        }
        if (!s->message && len >= 4 && len >= message_size(data)) {
            size_t n = message_size(data);
            read_message(session, side, data, n);
            data += n;
            len -= n;
            continue;
        }
        if (!s->message && !(s->message = pool_get(shared->messages))) {
            s->done = true;
            return;
        }
        size_t want = s->message_len < 4 ? 4 : message_size(s->message);
        if (want > TLS_MESSAGE_MAX) {
            s->skip = (uint32_t)(want - s->message_len);
            drop_message(session, s);
            continue;
        }
        size_t n = want - s->message_len < len ? want - s->message_len : len;
        memcpy(s->message + s->message_len, data, n);
        s->message_len += n;
        data += n;
        len -= n;
        if (s->message_len >= 4 && s->message_len == message_size(s->message)) {
            read_message(session, side, s->message, s->message_len);
            drop_message(session, s);
        }
    }
}

/* Both have said what they say in clear, or one speaks in cipher already. */
static void judge(struct app_session *session)
{
    const struct tls *tls = app_state(session);
    const struct tls_side *a = &tls->side[0], *b = &tls->side[1];
    if ((a->done && b->done) || (a->hello && b->done) || (b->hello && a->done))
        app_set_opaque(session);
}

static void tls_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct tls *tls = app_state(session);
    struct tls_side *s = &tls->side[side];
    while (len) {
        if (s->left) {
            size_t n = len < s->left ? len : s->left;
            if (s->header[0] == RECORD_HANDSHAKE)
                take_handshake(session, side, data, n);
            s->left = (uint16_t)(s->left - n);
            data += n;
            len -= n;
            continue;
        }
        s->header[s->header_len++] = *data++;
        len--;
        if (s->header_len < sizeof(s->header))
            continue;
        unsigned type, record;
        bool good = record_head(s->header, &type, &record);
        s->header_len = 0;
        if (!s->records && !s->hello && old_hello_head(s->header)) {
            size_t size = ((size_t)(s->header[0] & 0x3f) << 8 | s->header[1]) + 2;
            s->left = (uint16_t)(size > sizeof(s->header) ? size - sizeof(s->header) : 0); /* it names no server */
            s->hello = true;
            continue;
        }
        if (!good && !s->records && !s->hello) { /* it only began like TLS */
            app_switch(session, &app_raw, len);
            return;
        }
        /* After a HelloRetryRequest both may say "change cipher" for the sake of old boxes (RFC 8446 D.4). */
        if (!good || type == RECORD_DATA || (type == RECORD_CHANGE_CIPHER && !tls->retry) ||
            ++s->records > RECORDS_MAX) {
            app_set_opaque(session);
            return;
        }
        s->left = (uint16_t)record;
    }
    judge(session);
}

static void tls_gap(struct app_session *session, enum side side, uint64_t len)
{
    (void)side;
    (void)len;
    app_set_opaque(session);
}

static void tls_close(struct app_session *session)
{
    struct tls *tls = app_state(session);
    drop_message(session, &tls->side[0]);
    drop_message(session, &tls->side[1]);
}

const struct app_ops app_tls = {
    .name = "tls",
    .transports = APP_TCP,
    .state_size = sizeof(struct tls),
    .probe = tls_probe,
    .data = tls_data,
    .gap = tls_gap,
    .rest = app_rest_as_it_is,
    .close = tls_close,
    .shared_new = tls_shared_new,
    .shared_free = tls_shared_free,
};
