/* Bodies become objects. The object begins with the body's first byte, so that empty bodies make none, and takes its
 * name and types from the head that is kept until then. */
#include <string.h>

#include "http.h"

/* Transfer codings other than chunked are undone after it, as if they were content codings applied last. */
static struct text encoding_of(const htp_table_t *headers, char out[HEADER_CODINGS_ROOM])
{
    size_t n = header_codings(http_header(headers, "content-encoding"), false, out, 0);
    n = header_codings(http_header(headers, "transfer-encoding"), true, out, n);
    return (struct text){out, n};
}

void http_object_begin(struct app_session *session, enum side side)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    const htp_tx_t *tx = http_head_tx(http, side);
    char name[HEADER_NAME_ROOM], encoding[HEADER_CODINGS_ROOM];
    if (message->begun)
        return;
    message->begun = true;
    if (!app_is_content(session, side)) {
        http_head_drop(session, message);
        return;
    }
    struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .time_ns = app_now(session),
    };
    if (message->exchange) {
        info.meta = message->exchange->meta;
        info.tx_id = message->exchange->tx_id;
    }
    if (tx && message->stage == HTTP_BODY) {
        const htp_table_t *headers = http_is_request(http, side) ? tx->request_headers : tx->response_headers;
        info.declared_type = http_header(headers, "content-type");
        info.encoding = encoding_of(headers, encoding);
        if (message->body.framing == HTTP_LENGTH && !info.encoding.len)
            info.expected_size = message->body.left;
        info.name = (struct text){
            name, header_parameter(http_header(headers, "content-disposition"), "filename", name, HEADER_NAME_ROOM)};
        if (!info.name.len)
            info.name.len = url_file_name(meta_get(info.meta, META_HTTP_URL), name, HEADER_NAME_ROOM);
    }
    message->object = sink->begin(sink->user, &info);
    http_head_drop(session, message);
}

void http_object_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    if (!len)
        return;
    if (!message->begun)
        http_object_begin(session, side);
    if (message->object)
        sink->data(sink->user, message->object, data, len);
    if (message->part.active)
        http_part_data(((struct http_shared *)app_shared(session, &app_http))->parts, &message->part, data, len);
}

void http_object_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    if (!len)
        return;
    if (!message->begun)
        http_object_begin(session, side);
    message->gap = true;
    message->part.active = false; /* what follows has lost its place in the whole */
    if (message->object)
        sink->gap(sink->user, message->object, len);
}

void http_object_end(struct app_session *session, enum side side, enum object_state state)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    if (message->object)
        sink->end(sink->user, message->object, message->partial ? OBJECT_TRUNCATED : state);
    if (message->part.active && message->exchange)
        http_part_end(session, ((struct http_shared *)app_shared(session, &app_http))->parts, side, &message->part,
                      state == OBJECT_CLOSED && !message->gap, message->exchange->meta, message->exchange->tx_id);
    message->partial = message->gap = false;
    message->object = NULL;
    message->begun = false;
    http_head_drop(session, message);
    http_exchange_drop(session, message->exchange);
    message->exchange = NULL;
}
