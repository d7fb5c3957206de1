/* What nobody claims: each content side of the flow is one object without a name, from its first byte to its end.
 * So a picture pushed through netcat, and any protocol this sensor does not know, is searched all the same. The
 * datagrams of a side are put one after another. */
#include <netinet/in.h>

#include "app.h"
#include "cursor.h"

#define AGREEMENT_MAX 65536 /* bytes of a side before which TLS begins, if it does */

struct raw_side {
    struct object *object;
    uint32_t seen; /* bytes, up to AGREEMENT_MAX */
    bool begun, gap;
};

struct raw {
    struct raw_side side[2];
};

static struct object *object_of(struct app_session *session, enum side side)
{
    struct raw *raw = app_state(session);
    struct raw_side *s = &raw->side[side];
    if (s->begun || !app_is_content(session, side))
        return s->object;
    const struct object_sink *sink = app_objects(session);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = side,
        .time_ns = app_now(session),
    };
    s->gap |= app_flow(session)->midstream || app_flow(session)->gaps; /* what is seen first is not byte 0 */
    s->begun = true; /* refused once is refused for the flow: a later beginning would not be byte 0 */
    s->object = sink->begin(sink->user, &info);
    return s->object;
}

/* A ClientHello in its record, or in a DTLS one, at the beginning of a segment: databases, chats and directories agree
 * on TLS in words of their own (PostgreSQL's SSLRequest, XMPP's and LDAP's StartTLS, RDP), proxies in others (SOCKS),
 * and calls come to DTLS through STUN. */
static const struct app_ops *begins_cipher(const struct flow *flow, const uint8_t *data, size_t len)
{
    bool stream = flow->protocol == IPPROTO_TCP;
    struct cursor c = cursor_over(data, len);
    uint8_t type = cursor_u8(&c), major = cursor_u8(&c);
    cursor_skip(&c, stream ? 3 : 11); /* to the message: type, length, for DTLS number, offset, size; version */
    uint8_t message = cursor_u8(&c);
    cursor_skip(&c, stream ? 3 : 11);
    uint8_t version = cursor_u8(&c);
    if (c.bad || type != 22 || message != 1 || major != version || version != (stream ? 3 : 0xfe))
        return NULL;
    return stream ? &app_tls : &app_dtls;
}

/* A flow picked up in the middle, or with a gap, may come to the beginning of a message that a decoder knows. */
static bool hand_over(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct raw *raw = app_state(session);
    const struct flow *flow = app_flow(session);
    bool doubt = flow->protocol == IPPROTO_TCP && (flow->midstream || raw->side[side].gap);
    const struct app_ops *to = raw->side[side].seen < AGREEMENT_MAX ? begins_cipher(flow, data, len) : NULL;
    if (!to && doubt)
        to = app_ask(session, side, data, len);
    if (to)
        app_switch(session, to, len);
    return to != NULL;
}

static void raw_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (hand_over(session, side, data, len))
        return;
    struct raw_side *s = &((struct raw *)app_state(session))->side[side];
    s->seen = len < AGREEMENT_MAX - s->seen ? s->seen + (uint32_t)len : AGREEMENT_MAX;
    struct object *object = object_of(session, side);
    if (object)
        sink->data(sink->user, object, data, len);
}

static void raw_gap(struct app_session *session, enum side side, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct raw *raw = app_state(session);
    struct object *object = object_of(session, side);
    raw->side[side].gap = true;
    if (object)
        sink->gap(sink->user, object, len);
}

static void raw_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    raw_data(session, side, data, len);
    if (app_datagram_cut(session))
        raw_gap(session, side, app_datagram_cut(session));
}

static void finish(struct app_session *session, enum side side, enum object_state state)
{
    const struct object_sink *sink = app_objects(session);
    struct raw *raw = app_state(session);
    struct raw_side *s = &raw->side[side];
    if (s->object)
        sink->end(sink->user, s->object, s->gap ? OBJECT_TRUNCATED : state);
    s->object = NULL;
}

static void raw_end(struct app_session *session, enum side side, enum stream_end how)
{
    finish(session, side, how == STREAM_FIN ? OBJECT_CLOSED : OBJECT_TRUNCATED);
}

static void raw_close(struct app_session *session)
{
    finish(session, SIDE_CLIENT, OBJECT_TRUNCATED);
    finish(session, SIDE_SERVER, OBJECT_TRUNCATED);
}

const struct app_ops app_raw = {
    .transports = APP_TCP | APP_UDP,
    .state_size = sizeof(struct raw),
    .data = raw_data,
    .datagram = raw_datagram,
    .gap = raw_gap,
    .end = raw_end,
    .rest = app_rest_as_it_is,
    .close = raw_close,
};
