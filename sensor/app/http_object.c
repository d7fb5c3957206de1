/* Bodies become objects. The object begins with the body's first byte, so that empty bodies make none, and takes its
 * name and types from the head that is kept until then. */
#include <string.h>

#include "http.h"

/* Transfer codings other than chunked are undone after it, as if they were content codings applied last. */
static struct text encoding_of(const htp_table_t *headers, char out[HEADER_CODINGS_ROOM])
{
    size_t n = header_codings(http_header(headers, "content-encoding"), false, out, 0);
    if (text_contains(http_header(headers, "x-amz-content-sha256"), "streaming-"))
        n = header_coding_add(out, n, "aws-chunked"); /* some clients leave it out of the list */
    n = header_codings(http_header(headers, "transfer-encoding"), true, out, n);
    return (struct text){out, n};
}

static struct uploads *uploads_of(struct app_session *session)
{
    return ((struct http_shared *)app_shared(session, &app_http))->uploads;
}

static struct text name_of(struct app_session *session, enum side side, char room[HEADER_NAME_ROOM])
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    struct http_part_head head = http_part_head_of(session, side);
    const struct upload *upload = upload_of(uploads_of(session), &message->part.upload);
    if (message->part.role == PART_NAMED && upload && upload->name_len)
        return (struct text){upload->name, upload->name_len};
    size_t n = header_parameter(head.field(head.fields, "content-disposition"), "filename", room, HEADER_NAME_ROOM);
    if (!n && head.request)
        n = part_file_name(&head, room, HEADER_NAME_ROOM);
    return (struct text){room, n ? n : url_file_name(head.url, room, HEADER_NAME_ROOM)};
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
        info.name = name_of(session, side, name);
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
    if (message->part.role != PART_NONE && message->exchange)
        http_part_data(uploads_of(session), &message->part, message->exchange->meta, data, len);
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
    http_part_gap(uploads_of(session), &message->part);
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
    if (message->part.role != PART_NONE) /* only messages of an exchange are parts */
        http_part_end(session, uploads_of(session), side, &message->part, state == OBJECT_CLOSED && !message->gap,
                      message->exchange->meta, message->exchange->tx_id);
    message->partial = message->gap = false;
    message->object = NULL;
    message->begun = false;
    http_head_drop(session, message);
    http_exchange_drop(session, message->exchange);
    message->exchange = NULL;
}
