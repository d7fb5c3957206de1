/* Bodies become objects. The object begins with the body's first byte, so that empty bodies make none, and takes its
 * name and types from the head that is kept until then. */
#include <string.h>

#include "http.h"

#define NAME_ROOM 512
#define ENCODING_ROOM 128

static size_t append_token(char *out, size_t n, struct text token)
{
    while (token.len && (token.data[0] == ' ' || token.data[0] == '\t'))
        token = (struct text){token.data + 1, token.len - 1};
    if (token.len > 2 && (token.data[0] | 0x20) == 'x' && token.data[1] == '-')
        token = (struct text){token.data + 2, token.len - 2}; /* RFC 9110 8.4.1: x-gzip is gzip */
    if (!token.len || token.len + 1 > ENCODING_ROOM - n)
        return n; /* a list this long is no list of codings */
    if (n)
        out[n++] = ',';
    memcpy(out + n, token.data, token.len);
    return n + token.len;
}

static size_t append_list(char *out, size_t n, struct text list, bool transfer)
{
    for (size_t i = 0; i < list.len;) {
        const char *begin = list.data + i;
        const char *comma = memchr(begin, ',', list.len - i);
        struct text token = {begin, comma ? (size_t)(comma - begin) : list.len - i};
        i += token.len + 1;
        if (!transfer || text_contains(token, "gzip") || text_contains(token, "deflate"))
            n = append_token(out, n, token);
    }
    return n;
}

/* Transfer codings other than chunked are undone after it, as if they were content codings applied last. */
static struct text encoding_of(const htp_table_t *headers, char out[ENCODING_ROOM])
{
    size_t n = append_list(out, 0, http_header(headers, "content-encoding"), false);
    n = append_list(out, n, http_header(headers, "transfer-encoding"), true);
    return (struct text){out, n};
}

void http_object_begin(struct app_session *session, enum side side)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    const htp_tx_t *tx = http_head_tx(http, side);
    char name[NAME_ROOM], encoding[ENCODING_ROOM];
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
            name, header_parameter(http_header(headers, "content-disposition"), "filename", name, NAME_ROOM)};
        if (!info.name.len)
            info.name.len = url_file_name(meta_get(info.meta, META_HTTP_URL), name, NAME_ROOM);
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
    if (message->object)
        sink->gap(sink->user, message->object, len);
}

void http_object_end(struct app_session *session, enum side side, enum object_state state)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const struct object_sink *sink = app_objects(session);
    if (message->object)
        sink->end(sink->user, message->object, state);
    message->object = NULL;
    message->begun = false;
    http_head_drop(session, message);
    http_exchange_drop(session, message->exchange);
    message->exchange = NULL;
}
