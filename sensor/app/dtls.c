/* DTLS (RFC 6347, RFC 9147): TLS over datagrams, under WebRTC calls, VPNs (AnyConnect) and CoAP. Its hellos are read as
 * TLS's are, from fragments in any order; then the flow is opaque. */
#include <string.h>

#include "tls.h"

#define MESSAGE_HEAD 12
#define DATAGRAMS_MAX 32 /* of both sides before the clear part must be over */
#define HELLOS_MAX 2     /* of a side that are read: one comes twice when the server wants its cookie back */

enum { RECORD_CHANGE_CIPHER = 20, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum { MESSAGE_VERIFY_REQUEST = 3 };

struct dtls_side {
    struct tls_pieces *pieces; /* of the message `sequence`, NULL when none */
    uint16_t sequence;
    uint8_t hellos; /* read */
    bool hello, done;
};

struct dtls {
    struct dtls_side side[2];
    uint8_t datagrams;
};

struct record {
    uint8_t type;
    uint16_t epoch;
    struct cursor body;
};

static bool read_record(struct cursor *c, struct record *record)
{
    record->type = cursor_u8(c);
    uint16_t version = cursor_be16(c);
    record->epoch = cursor_be16(c);
    cursor_skip(c, 6);
    uint16_t len = cursor_be16(c);
    const uint8_t *p = cursor_take(c, len);
    if (!p || !len || record->type < RECORD_CHANGE_CIPHER || record->type > RECORD_DATA ||
        (version != 0xfeff && version != 0xfefd && version != 0x0100)) /* the last: OpenSSL's before RFC 4347 */
        return false;
    record->body = cursor_over(p, len);
    return true;
}

/* A hello in clear, or records in cipher that fill the datagram: a flow picked up in its middle. */
static enum app_probe dtls_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        struct cursor c = cursor_over(input->data[side] ? input->data[side] : (const uint8_t *)"", input->len[side]);
        struct record record;
        if (!read_record(&c, &record))
            continue;
        uint8_t message = cursor_u8(&record.body);
        bool hello = message >= TLS_CLIENT_HELLO && message <= MESSAGE_VERIFY_REQUEST;
        if (record.type == RECORD_HANDSHAKE && record.epoch == 0 && hello && cursor_left(&record.body) >= MESSAGE_HEAD)
            return APP_YES;
        while (record.epoch && cursor_left(&c) && read_record(&c, &record)) {
        }
        if (record.epoch && !c.bad && !cursor_left(&c))
            return APP_YES;
    }
    return APP_NO;
}

static void read_message(struct app_session *session, enum side side, uint8_t type, const uint8_t *body, size_t len)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct dtls *dtls = app_state(session);
    struct dtls_side *s = &dtls->side[side];
    struct meta *meta = app_flow_meta(session);
    enum tls_after after;
    if (s->done || (type != TLS_CERTIFICATE && s->hellos >= HELLOS_MAX))
        return;
    s->hellos = (uint8_t)(s->hellos + (type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO));
    switch (type) {
    case TLS_CLIENT_HELLO:
        tls_read_client_hello(shared, meta, TLS_OVER_DATAGRAMS, body, len);
        s->hello = true;
        break;
    case TLS_SERVER_HELLO:
        after = tls_read_server_hello(shared, meta, TLS_OVER_DATAGRAMS, body, len);
        s->hello = after != TLS_THEN_RETRY;
        s->done = after == TLS_THEN_CIPHER;
        break;
    case TLS_CERTIFICATE:
        tls_read_certificate(shared, meta, body, len);
        s->done = true;
        break;
    default:
        break;
    }
}

static void drop_pieces(struct app_session *session, struct dtls_side *s)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    pool_put(shared->pieces, s->pieces);
    s->pieces = NULL;
}

/* One message or a fragment of one. One message at a time is put together, the earliest: what is wanted comes first. */
static bool take_fragment(struct app_session *session, enum side side, struct cursor *c)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct dtls *dtls = app_state(session);
    struct dtls_side *s = &dtls->side[side];
    uint8_t type = cursor_u8(c);
    uint32_t len = cursor_be24(c);
    uint16_t sequence = cursor_be16(c);
    uint32_t at = cursor_be24(c), size = cursor_be24(c);
    const uint8_t *p = cursor_take(c, size);
    if (!p || at + size > len)
        return false;
    if (size == len) {
        read_message(session, side, type, p, len);
        return true;
    }
    if (len > TLS_MESSAGE_MAX || (s->pieces && sequence > s->sequence))
        return true;
    if (s->pieces && sequence < s->sequence)
        drop_pieces(session, s);
    if (!s->pieces && !(s->pieces = pool_get_zeroed(shared->pieces)))
        return false;
    s->sequence = sequence;
    tls_pieces_add(s->pieces, at, p, size);
    if (s->pieces->reached >= len) {
        read_message(session, side, type, s->pieces->bytes, len);
        drop_pieces(session, s);
    }
    return true;
}

static void dtls_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct dtls *dtls = app_state(session);
    struct cursor c = cursor_over(data, len);
    struct record record;
    bool cipher = ++dtls->datagrams >= DATAGRAMS_MAX;
    while (!cipher && cursor_left(&c)) {
        if (!read_record(&c, &record) || record.epoch || record.type == RECORD_CHANGE_CIPHER ||
            record.type == RECORD_DATA) {
            cipher = true;
            break;
        }
        while (record.type == RECORD_HANDSHAKE && cursor_left(&record.body)) {
            if (!take_fragment(session, side, &record.body))
                break;
        }
    }
    const struct dtls_side *a = &dtls->side[0], *b = &dtls->side[1];
    if (cipher || (a->hello && b->done) || (b->hello && a->done))
        app_set_opaque(session);
}

static void dtls_close(struct app_session *session)
{
    struct dtls *dtls = app_state(session);
    drop_pieces(session, &dtls->side[0]);
    drop_pieces(session, &dtls->side[1]);
}

const struct app_ops app_dtls = {
    .name = "dtls",
    .transports = APP_UDP,
    .state_size = sizeof(struct dtls),
    .probe = dtls_probe,
    .datagram = dtls_datagram,
    .rest = app_rest_as_it_is,
    .close = dtls_close,
};
