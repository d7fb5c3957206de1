/* A request and its response, and the words both share. Requests queue up; each final response takes the oldest. */
#include "http.h"

static void set(struct meta *meta, enum meta_id id, struct text value)
{
    if (value.len)
        meta_set(meta, id, value.data, value.len);
}

static struct text text_of(const bstr *s)
{
    return s ? (struct text){(const char *)bstr_ptr(s), bstr_len(s)} : (struct text){NULL, 0};
}

struct http_exchange *http_exchange_new(struct app_session *session)
{
    struct http *http = app_state(session);
    const struct http_shared *shared = app_shared(session, &app_http);
    struct http_exchange *exchange = app_take(session, shared->exchanges);
    if (!exchange)
        return NULL;
    exchange->references = 1;
    exchange->tx_id = http->next_tx++;
    exchange->meta = meta_new(app_meta_pool(session));
    return exchange;
}

void http_exchange_drop(struct app_session *session, struct http_exchange *exchange)
{
    const struct http_shared *shared = app_shared(session, &app_http);
    if (!exchange || --exchange->references)
        return;
    meta_drop(app_meta_pool(session), exchange->meta);
    pool_put(shared->exchanges, exchange);
}

void http_exchange_expect(struct http *http, struct http_exchange *exchange)
{
    if (exchange->queued)
        return;
    exchange->queued = true;
    if (http->unasked) { /* its response has come and gone */
        http->unasked--;
        return;
    }
    if (http->pending == HTTP_PENDING_MAX)
        return;
    exchange->references++;
    if (http->last)
        http->last->next = exchange;
    else
        http->first = exchange;
    http->last = exchange;
    http->pending++;
}

static struct http_exchange *dequeue(struct http *http)
{
    struct http_exchange *exchange = http->first;
    if (exchange) {
        http->first = exchange->next;
        if (!http->first)
            http->last = NULL;
        exchange->next = NULL;
        http->pending--;
    }
    return exchange;
}

void http_exchange_forget(struct app_session *session)
{
    struct http *http = app_state(session);
    struct http_exchange *exchange;
    while ((exchange = dequeue(http)))
        http_exchange_drop(session, exchange);
    http->unasked = 0;
}

void http_exchange_of_request(struct app_session *session, const htp_tx_t *tx)
{
    struct http *http = app_state(session);
    struct http_exchange *exchange = http_exchange_new(session);
    http->message[http->requester].exchange = exchange;
    if (!exchange || !tx)
        return;
    struct meta *meta = exchange->meta;
    struct text host = http_header(tx->request_headers, "host");
    set(meta, META_HTTP_HOSTNAME, host.len ? host : text_of(tx->request_hostname));
    set(meta, META_HTTP_METHOD, text_of(tx->request_method));
    set(meta, META_HTTP_PROTOCOL, text_of(tx->request_protocol));
    set(meta, META_HTTP_USER_AGENT, http_header(tx->request_headers, "user-agent"));
    set(meta, META_HTTP_CONTENT_TYPE, http_header(tx->request_headers, "content-type"));
    set(meta, META_HTTP_URL, text_of(tx->request_uri));
    set(meta, META_HTTP_REFER, http_header(tx->request_headers, "referer"));
    exchange->head = tx->request_method_number == HTP_M_HEAD;
    exchange->connect = tx->request_method_number == HTP_M_CONNECT;
    exchange->upgrade = http_header(tx->request_headers, "upgrade").len > 0;
    if (exchange->connect || exchange->upgrade || http->answers)
        http_exchange_expect(http, exchange);
}

void http_exchange_of_response(struct app_session *session, const htp_tx_t *tx)
{
    struct http *http = app_state(session);
    struct http_exchange *exchange = dequeue(http);
    if (!exchange && (exchange = http_exchange_new(session)))
        http->unasked++;
    http->message[side_other(http->requester)].exchange = exchange;
    if (!exchange || !tx)
        return;
    set(exchange->meta, META_HTTP_STATUS, text_of(tx->response_status));
    struct text type = http_header(tx->response_headers, "content-type");
    if (type.len)
        set(exchange->meta, META_HTTP_CONTENT_TYPE, type);
    if (!meta_get(exchange->meta, META_HTTP_PROTOCOL).len)
        set(exchange->meta, META_HTTP_PROTOCOL, text_of(tx->response_protocol));
}
