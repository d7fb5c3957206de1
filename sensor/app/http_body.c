/* Where a body ends (RFC 9112 6 and 7): after its length, after the last chunk, or with the connection. The bytes go to
 * the object from where they lie. */
#include <string.h>

#include "digits.h"
#include "http.h"

static bool size_line_done(struct http_body *body)
{
    body->line_len = 0;
    body->digits = false;
    body->line_empty = true;
    body->chunk = body->left ? CHUNK_DATA : CHUNK_TRAILER;
    return true;
}

/* One byte of a size line; false when this is no size line. */
static bool size_byte(struct http_body *body, uint8_t c)
{
    if (body->line_len < sizeof(body->line))
        body->line[body->line_len++] = c;
    int digit = hex_digit(c);
    if (digit >= 0 && body->left <= UINT64_MAX >> 4) {
        body->left = body->left << 4 | (uint64_t)digit;
        body->digits = true;
        return body->line_len < sizeof(body->line);
    }
    if (c == '\n')
        return body->digits ? size_line_done(body) : body->line_len <= 2; /* an empty line before it */
    if (c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f')
        return body->line_len < sizeof(body->line);
    if (!body->digits)
        return false;
    body->chunk = CHUNK_EXTENSION; /* browsers ignore whatever follows the digits */
    return true;
}

/* Trailer lines until an empty one. True when it was found; *at is past it. */
static bool skip_trailers(struct http_body *body, const uint8_t *data, size_t len, size_t *at)
{
    while (*at < len) {
        uint8_t c = data[(*at)++];
        if (c != '\n') {
            if (c != '\r')
                body->line_empty = false;
            continue;
        }
        if (body->line_empty)
            return true;
        body->line_empty = true;
    }
    return false;
}

/* No size line where one must be. A response whose very first line is none was never chunked: browsers take the
 * bytes for the content, until the connection ends. Elsewhere the place is lost. */
static enum http_body_result not_chunked(struct app_session *session, enum side side, struct http_body *body)
{
    struct http *http = app_state(session);
    bool first = !http->message[side].begun && !http_is_request(http, side);
    http_object_data(session, side, body->line, body->line_len);
    body->line_len = 0;
    if (!first)
        return HTTP_BODY_BAD;
    body->framing = HTTP_TO_END;
    return HTTP_BODY_MORE;
}

static enum http_body_result feed_chunks(struct app_session *session, enum side side, const uint8_t *data, size_t len,
                                         size_t *used)
{
    struct http *http = app_state(session);
    struct http_body *body = &http->message[side].body;
    size_t at = 0;
    while (at < len) {
        switch (body->chunk) {
        case CHUNK_SIZE:
            if (!size_byte(body, data[at++])) {
                *used = at;
                return not_chunked(session, side, body);
            }
            break;
        case CHUNK_EXTENSION: {
            const uint8_t *newline = memchr(data + at, '\n', len - at);
            at = newline ? (size_t)(newline - data) + 1 : len;
            if (newline)
                size_line_done(body);
            break;
        }
        case CHUNK_DATA: {
            size_t n = len - at < body->left ? len - at : (size_t)body->left;
            http_object_data(session, side, data + at, n);
            at += n;
            body->left -= n;
            if (!body->left)
                body->chunk = CHUNK_DATA_END;
            break;
        }
        case CHUNK_DATA_END:
            if (data[at] == '\r') {
                at++;
                break;
            }
            if (data[at] == '\n')
                at++; /* a missing line end is forgiven, as browsers do */
            body->chunk = CHUNK_SIZE;
            break;
        case CHUNK_TRAILER:
            if (skip_trailers(body, data, len, &at)) {
                *used = at;
                return HTTP_BODY_DONE;
            }
            break;
        }
    }
    *used = len;
    return HTTP_BODY_MORE;
}

enum http_body_result http_body_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len,
                                     size_t *used)
{
    struct http *http = app_state(session);
    struct http_body *body = &http->message[side].body;
    switch (body->framing) {
    case HTTP_NO_BODY:
        *used = 0;
        return HTTP_BODY_DONE;
    case HTTP_CHUNKED:
        return feed_chunks(session, side, data, len, used);
    case HTTP_TO_END:
        *used = len;
        http_object_data(session, side, data, len);
        return HTTP_BODY_MORE;
    case HTTP_LENGTH:
        break;
    }
    *used = len < body->left ? len : (size_t)body->left;
    http_object_data(session, side, data, *used);
    body->left -= *used;
    return body->left ? HTTP_BODY_MORE : HTTP_BODY_DONE;
}

enum http_body_result http_body_gap(struct app_session *session, enum side side, uint64_t len, uint64_t *used)
{
    struct http *http = app_state(session);
    struct http_body *body = &http->message[side].body;
    *used = len;
    if (body->framing == HTTP_TO_END) {
        http_object_gap(session, side, len);
        return HTTP_BODY_MORE;
    }
    if (body->framing == HTTP_LENGTH) {
        *used = len < body->left ? len : body->left;
        http_object_gap(session, side, *used);
        body->left -= *used;
        return body->left ? HTTP_BODY_MORE : HTTP_BODY_DONE;
    }
    /* Inside one chunk the place is known; past its end, chunk heads are missing too. */
    http_object_gap(session, side, len);
    if (body->framing == HTTP_CHUNKED && body->chunk == CHUNK_DATA && len < body->left) {
        body->left -= len;
        return HTTP_BODY_MORE;
    }
    return HTTP_BODY_BAD;
}
