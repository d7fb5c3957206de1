/* HTTP/1.x: the course of a conversation. See http.h for the stages; heads are read in http_head.c, bodies
 * delimited in http_body.c, objects named in http_object.c. */
#include "http.h"

#include <string.h>

static bool http_open(struct app_session *session)
{
    struct http *http = app_state(session);
    http->requester = SIDE_CLIENT;
    return true;
}

/* Who asks is seen in the first bytes. A side that is not content is read only where the other needs it. */
static void learn_roles(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    http->roles_known = true;
    if (http_looks_like_response(data, len) == APP_YES)
        http->requester = side_other(side);
    else if (http_looks_like_request(data, len) == APP_YES)
        http->requester = side;
    http->answers = app_is_content(session, side_other(http->requester));
    if (!http->answers)
        http->message[side_other(http->requester)].stage = HTTP_IGNORE;
    if (!http->answers && !app_is_content(session, http->requester))
        http->message[http->requester].stage = HTTP_IGNORE;
}

/* The place in the stream is lost: what is known of the conversation may no longer be true. */
static void lose(struct app_session *session, enum side side, uint64_t missing, bool refused)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    if (!message->begun) {
        http_head_drop(session, message);
        message->gap_before = missing;
    }
    message->stage = HTTP_LOST;
    message->refused = refused;
    http_exchange_forget(session);
}

static void finish(struct app_session *session, enum side side, enum object_state state)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    bool tunnel = message->exchange && message->exchange->connect;
    http_object_end(session, side, state);
    if (http_is_request(http, side))
        message->stage = tunnel ? HTTP_HOLD : HTTP_HEAD;
    else
        message->stage = http->answers || http->pending ? HTTP_HEAD : HTTP_IGNORE;
}

/* ---- each stage takes what it can and says how much ---- */

static size_t request_done(struct app_session *session, enum side side, size_t used)
{
    struct http *http = app_state(session);
    http_exchange_of_request(session, http_head_tx(http, side));
    if (http->pending && http->message[side_other(side)].stage == HTTP_IGNORE)
        http->message[side_other(side)].stage = HTTP_HEAD; /* a tunnel or another protocol may be granted */
    return used;
}

/* True when the response ends the conversation in HTTP/1.x. */
static bool response_done(struct app_session *session, const htp_tx_t *tx)
{
    struct http *http = app_state(session);
    int status = tx ? tx->response_status_number : 0;
    http_exchange_of_response(session, tx);
    const struct http_exchange *exchange = http->message[side_other(http->requester)].exchange;
    return status == 101 || (exchange && exchange->connect && status >= 200 && status <= 299);
}

static bool is_interim(const htp_tx_t *tx)
{
    return tx && tx->response_status_number >= 100 && tx->response_status_number <= 199 &&
           tx->response_status_number != 101;
}

static size_t take_head(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    bool request = http_is_request(http, side);
    size_t before = message->parser ? message->head_bytes : 0, used;
    if (!message->parser &&
        (request ? http_looks_like_request(data, len) : http_looks_like_response(data, len)) == APP_NO) {
        lose(session, side, 0, true);
        return 0;
    }
    switch (http_head_feed(session, side, data, len, &used)) {
    case HTTP_HEAD_MORE:
        return len;
    case HTTP_HEAD_BAD:
        lose(session, side, before, true);
        return 0;
    case HTTP_HEAD_DONE:
        break;
    }
    const htp_tx_t *tx = http_head_tx(http, side);
    if (!request && is_interim(tx)) {
        http_head_drop(session, message);
        return used;
    }
    message->stage = HTTP_BODY;
    if (request) {
        request_done(session, side, used);
    } else if (response_done(session, tx)) {
        bool websocket = tx && text_contains(http_header(tx->response_headers, "upgrade"), "websocket");
        app_hand_meta(session, message->exchange ? message->exchange->meta : NULL);
        app_switch(session, websocket ? &app_websocket : NULL, len - used);
        return len;
    }
    http_head_framing(session, side);
    if (message->body.framing == HTTP_NO_BODY)
        finish(session, side, OBJECT_CLOSED);
    return used;
}

static size_t take_body(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    size_t used;
    switch (http_body_feed(session, side, data, len, &used)) {
    case HTTP_BODY_MORE:
        break;
    case HTTP_BODY_DONE:
        finish(session, side, OBJECT_CLOSED);
        break;
    case HTTP_BODY_BAD:
        lose(session, side, 0, false);
        break;
    }
    return used;
}

static size_t take_lost(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    size_t skip = message->refused ? 1 : 0;
    size_t start = skip + http_find_start(http_is_request(http, side), data + skip, len - skip);
    message->refused = false;
    if (start && message->gap_before) {
        http_object_gap(session, side, message->gap_before);
        message->gap_before = 0;
    }
    http_object_data(session, side, data, start);
    if (start < len) {
        finish(session, side, OBJECT_TRUNCATED);
        message->gap_before = 0;
        message->stage = HTTP_HEAD;
    }
    return start;
}

static size_t take_held(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    if (http_looks_like_request(data, len) == APP_NO) { /* the tunnel is in use, so it was granted */
        app_switch(session, NULL, len);
        return len;
    }
    http->message[side].stage = HTTP_HEAD; /* refused: the client tries again */
    return 0;
}

static void http_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    if (!http->roles_known)
        learn_roles(session, side, data, len);
    while (len) {
        size_t used = len;
        switch (message->stage) {
        case HTTP_HEAD:
            used = take_head(session, side, data, len);
            break;
        case HTTP_BODY:
            used = take_body(session, side, data, len);
            break;
        case HTTP_LOST:
            used = take_lost(session, side, data, len);
            break;
        case HTTP_HOLD:
            used = take_held(session, side, data, len);
            break;
        case HTTP_IGNORE:
            break;
        }
        data += used;
        len -= used;
    }
    if (message->stage == HTTP_HEAD && !message->parser)
        app_message_over(session, side);
}

static void http_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    uint64_t used = 0;
    if (message->stage == HTTP_BODY) {
        switch (http_body_gap(session, side, len, &used)) {
        case HTTP_BODY_MORE:
            return;
        case HTTP_BODY_DONE:
            finish(session, side, OBJECT_CLOSED); /* the object knows of its gap */
            break;
        case HTTP_BODY_BAD: /* heads of chunks may stand between the bytes from here: no part of the body is whole */
            http_object_end(session, side, OBJECT_TRUNCATED);
            lose(session, side, 0, false);
            return;
        }
    }
    if (used == len || message->stage == HTTP_IGNORE)
        return;
    if (message->stage != HTTP_LOST)
        lose(session, side, message->parser ? message->head_bytes : 0, false);
    if (message->begun)
        http_object_gap(session, side, len - used);
    else
        message->gap_before += len - used;
}

/* A response without a length ends with its connection; so may the trailer of a chunked one. */
static bool ended_by_close(const struct http *http, enum side side)
{
    const struct http_body *body = &http->message[side].body;
    return http->message[side].stage == HTTP_BODY &&
           ((body->framing == HTTP_TO_END && !http_is_request(http, side)) ||
            (body->framing == HTTP_CHUNKED && body->chunk == CHUNK_TRAILER));
}

static void http_end(struct app_session *session, enum side side, enum stream_end how)
{
    struct http *http = app_state(session);
    bool whole = how == STREAM_FIN && ended_by_close(http, side);
    finish(session, side, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    http->message[side].stage = HTTP_IGNORE;
}

/* A parser points to its message. */
static bool http_rest(struct app_session *session)
{
    struct http *http = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        struct http_message *message = &http->message[side];
        if (message->parser)
            return false;
        if (message->stage != HTTP_BODY)
            memset(&message->body, 0, sizeof(message->body));
    }
    return true;
}

static void http_close(struct app_session *session)
{
    http_object_end(session, SIDE_CLIENT, OBJECT_TRUNCATED);
    http_object_end(session, SIDE_SERVER, OBJECT_TRUNCATED);
    http_exchange_forget(session);
}

const struct app_ops app_http = {
    .name = "http",
    .transports = APP_TCP,
    .state_size = sizeof(struct http),
    .probe = http_probe,
    .open = http_open,
    .data = http_data,
    .gap = http_gap,
    .end = http_end,
    .rest = http_rest,
    .close = http_close,
    .shared_new = http_shared_new,
    .shared_free = http_shared_free,
};
