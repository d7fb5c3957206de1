/* Heads through libhtp: the start line and the fields, with the tolerance for folding, odd white space and line ends
 * that it collected from real servers. One parser reads one head; its headers hook stops it there, so bodies
 * never pass through libhtp and nothing of a finished message stays in its lists. */
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define FIELD_BYTES_MAX 65536
#define FIELDS_MAX 512
#define PARSER_BYTES 6144 /* what a parser with one transaction takes from the heap, about */

static int on_head(htp_tx_t *tx)
{
    struct http_message *message = htp_connp_get_user_data(tx->connp);
    message->head_done = true;
    return HTP_STOP;
}

/* libhtp calls this before a head is done only when it takes the bytes for a body without one (HTTP/0.9). */
static int on_headless_body(htp_tx_data_t *data)
{
    (void)data;
    return HTP_ERROR;
}

void *http_shared_new(struct mem *mem)
{
    struct http_shared *shared = calloc(1, sizeof(*shared));
    if (!shared || !(shared->config = htp_config_create()))
        abort(); /* only at start */
    htp_cfg_t *config = shared->config;
    htp_config_set_server_personality(config, HTP_SERVER_IDS);
    htp_config_set_log_level(config, HTP_LOG_NONE);
    htp_config_set_response_decompression(config, 0); /* codings are undone behind the object sink */
    htp_config_set_request_decompression(config, 0);
    htp_config_set_parse_request_cookies(config, 0);
    htp_config_set_parse_request_auth(config, 0);
    htp_config_set_field_limits(config, FIELD_BYTES_MAX / 2, FIELD_BYTES_MAX);
    htp_config_set_number_headers_limit(config, FIELDS_MAX);
    htp_config_register_request_headers(config, on_head);
    htp_config_register_response_headers(config, on_head);
    htp_config_register_request_body_data(config, on_headless_body);
    htp_config_register_response_body_data(config, on_headless_body);
    shared->exchanges = pool_new(mem, MEM_FLOW, sizeof(struct http_exchange));
    shared->uploads = uploads_new(mem);
    return shared;
}

void http_shared_free(void *user)
{
    struct http_shared *shared = user;
    pool_free(shared->exchanges);
    uploads_free(shared->uploads);
    htp_config_destroy(shared->config);
    free(shared);
}

static bool charge(struct app_session *session, struct http_message *message, size_t n)
{
    if (!mem_charge(app_mem(session), MEM_FLOW, n))
        return false;
    message->charged += n;
    return true;
}

static bool parser_open(struct app_session *session, struct http_message *message)
{
    const struct http_shared *shared = app_shared(session, &app_http);
    if (!charge(session, message, PARSER_BYTES))
        return false;
    message->parser = htp_connp_create(shared->config);
    message->head_bytes = 0;
    message->head_done = message->cr = message->bare = false;
    if (!message->parser) {
        http_head_drop(session, message);
        return false;
    }
    htp_time_t never = {0, 0};
    htp_connp_open(message->parser, NULL, 0, NULL, 0, &never);
    htp_connp_set_user_data(message->parser, message);
    return true;
}

void http_head_drop(struct app_session *session, struct http_message *message)
{
    if (message->parser)
        htp_connp_destroy_all(message->parser);
    message->parser = NULL;
    if (message->charged)
        mem_release(app_mem(session), MEM_FLOW, message->charged);
    message->charged = 0;
}

htp_tx_t *http_head_tx(const struct http *http, enum side side)
{
    const struct http_message *message = &http->message[side];
    if (!message->parser)
        return NULL;
    return http_is_request(http, side) ? htp_connp_get_in_tx(message->parser) : htp_connp_get_out_tx(message->parser);
}

/* A field's name is its own in any case, also with NULs inside, which some receivers drop. */
static bool is_named(const bstr *field, const char *name, size_t len)
{
    size_t field_len = bstr_len(field);
    const char *data = (const char *)bstr_ptr(field);
    if (field_len == len)
        return strncasecmp(data, name, len) == 0;
    return field_len > len && memchr(data, '\0', field_len) && bstr_cmp_c_nocasenorzero(field, name) == 0;
}

struct text http_header(const htp_table_t *headers, const char *name)
{
    size_t len = strlen(name), count = headers ? htp_table_size(headers) : 0;
    for (size_t i = 0; i < count; i++) {
        bstr *field;
        const htp_header_t *header = htp_table_get_index(headers, i, &field);
        if (is_named(field, name, len))
            return header->value ? (struct text){(const char *)bstr_ptr(header->value), bstr_len(header->value)}
                                 : (struct text){NULL, 0};
    }
    return (struct text){NULL, 0};
}

/* libhtp ends a response field at a lone CR and a line at LF CR, as some old servers did, and takes a CR LF that is cut
 * in two for such a one. Browsers and today's servers do not, so it never sees a CR: one before a LF, or behind a LF
 * that stands alone, is dropped; one inside a line becomes blanks when the byte behind it is known. */
static int feed_response(struct http_message *message, const uint8_t *data, size_t len, size_t *used)
{
    htp_time_t never = {0, 0};
    size_t at = 0;
    int stream = HTP_STREAM_DATA;
    while (at < len && stream == HTP_STREAM_DATA) {
        bool after_cr = message->cr;
        if (after_cr && data[at] != '\n' && !message->bare)
            stream = htp_connp_res_data(message->parser, &never, "  ", 2); /* one and a LF would end the head */
        if (stream != HTP_STREAM_DATA)
            break;
        message->bare = message->bare && !after_cr;
        message->cr = data[at] == '\r';
        if (message->cr) {
            at++;
            continue;
        }
        const uint8_t *cr = memchr(data + at, '\r', len - at);
        size_t n = cr ? (size_t)(cr - data) - at : len - at;
        stream = htp_connp_res_data(message->parser, &never, data + at, n);
        at += htp_connp_res_data_consumed(message->parser);
        message->bare = at && data[at - 1] == '\n' && (n > 1 || !after_cr);
    }
    *used = at;
    return stream;
}

enum http_head_result http_head_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len,
                                     size_t *used)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    htp_time_t never = {0, 0};
    int stream;
    *used = 0;
    if (!message->parser && !parser_open(session, message))
        return HTTP_HEAD_BAD;
    if (message->head_bytes + len > HTTP_HEAD_MAX && message->head_bytes)
        return HTTP_HEAD_BAD;
    if (http_is_request(http, side)) {
        stream = htp_connp_req_data(message->parser, &never, data, len);
        *used = htp_connp_req_data_consumed(message->parser);
    } else {
        stream = feed_response(message, data, len, used);
    }
    if (*used > len)
        *used = len;
    message->head_bytes += *used;
    if (message->head_done)
        return HTTP_HEAD_DONE;
    const htp_tx_t *tx = http_head_tx(http, side);
    /* A response whose length cannot be read is a response all the same; it lasts until the connection ends. */
    if (stream == HTP_STREAM_ERROR && tx && !http_is_request(http, side) && *used && data[*used - 1] == '\n' &&
        tx->response_progress >= HTP_RESPONSE_HEADERS && http_header(tx->response_headers, "content-length").len)
        return HTTP_HEAD_DONE;
    if (stream != HTP_STREAM_DATA || !charge(session, message, len))
        return HTTP_HEAD_BAD;
    return HTTP_HEAD_MORE;
}

static bool parse_length(struct text value, uint64_t *length)
{
    size_t i = 0;
    uint64_t n = 0;
    while (i < value.len && (value.data[i] < '0' || value.data[i] > '9'))
        i++;
    if (i == value.len)
        return false;
    for (; i < value.len && value.data[i] >= '0' && value.data[i] <= '9'; i++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(value.data[i] - '0');
    }
    *length = n;
    return true;
}

static void frame(struct http_body *body, enum htp_transfer_coding_t coding, int64_t length,
                  const htp_table_t *headers)
{
    if (coding == HTP_CODING_NO_BODY) {
        body->framing = HTTP_NO_BODY;
    } else if (coding == HTP_CODING_CHUNKED || text_contains(http_header(headers, "transfer-encoding"), "chunked")) {
        body->framing = HTTP_CHUNKED;
        body->chunk = CHUNK_SIZE;
    } else if (length >= 0) {
        body->framing = length ? HTTP_LENGTH : HTTP_NO_BODY;
        body->left = (uint64_t)length;
    } else if (parse_length(http_header(headers, "content-length"), &body->left)) {
        body->framing = body->left ? HTTP_LENGTH : HTTP_NO_BODY;
    } else {
        body->framing = HTTP_TO_END;
    }
}

static struct text field_of(const void *fields, const char *name)
{
    return http_header(fields, name);
}

struct http_part_head http_part_head_of(struct app_session *session, enum side side)
{
    const struct http *http = app_state(session);
    const struct http_message *message = &http->message[side];
    const struct meta *meta = message->exchange ? message->exchange->meta : NULL;
    const htp_tx_t *tx = http_head_tx(http, side);
    bool request = http_is_request(http, side);
    const htp_table_t *fields = !tx ? NULL : request ? tx->request_headers : tx->response_headers;
    return (struct http_part_head){
        .method = meta_get(meta, META_HTTP_METHOD),
        .host = meta_get(meta, META_HTTP_HOSTNAME),
        .url = meta_get(meta, META_HTTP_URL),
        .type = http_header(fields, "content-type"),
        .field = field_of,
        .fields = fields,
        .length = message->body.framing == HTTP_LENGTH ? message->body.left : OBJECT_SIZE_UNKNOWN,
        .request = request,
        .body = message->body.framing != HTTP_NO_BODY,
        .status = request || !tx ? 0 : (uint16_t)tx->response_status_number,
    };
}

static void see_part(struct app_session *session, enum side side)
{
    struct http *http = app_state(session);
    const struct http_shared *shared = app_shared(session, &app_http);
    struct http_message *message = &http->message[side];
    struct http_exchange *exchange = message->exchange;
    if (!exchange)
        return;
    struct http_part_head head = http_part_head_of(session, side);
    if (!head.request && exchange->created.active)
        http_part_answer(session, shared->uploads, side, &head, &exchange->created, &message->part);
    else
        message->partial = http_part_begin(session, shared->uploads, side, &head, &message->part);
    if (message->part.role != PART_CREATE || !message->part.upload.active)
        return;
    exchange->created = message->part.upload;
    http_exchange_expect(http, exchange);
    if (http->message[side_other(side)].stage == HTTP_IGNORE)
        http->message[side_other(side)].stage = HTTP_HEAD;
}

void http_head_framing(struct app_session *session, enum side side)
{
    struct http *http = app_state(session);
    struct http_message *message = &http->message[side];
    const htp_tx_t *tx = http_head_tx(http, side);
    memset(&message->body, 0, sizeof(message->body));
    message->partial = false;
    if (!tx)
        return;
    if (http_is_request(http, side)) {
        frame(&message->body, tx->request_transfer_coding, tx->request_content_length, tx->request_headers);
        see_part(session, side);
        return;
    }
    frame(&message->body, tx->response_transfer_coding, tx->response_content_length, tx->response_headers);
    int status = tx->response_status_number;
    if ((message->exchange && message->exchange->head) || status == 204 || status == 304)
        message->body.framing = HTTP_NO_BODY; /* bytes that follow all the same are searched as lost ones */
    see_part(session, side);
}
