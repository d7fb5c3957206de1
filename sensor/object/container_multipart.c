/* multipart (RFC 2046 5.1; form-data: RFC 7578). The body is searched for LF "--" boundary with memmem, never
 * line by line, so binary parts pass at memory speed. What could be the beginning of a delimiter at the end of
 * a call is held back, at most a delimiter's length.
 *
 *      PREAMBLE -> LINE -> HEADERS -> BODY -> LINE -> ... -> EPILOGUE
 *      (LINE: the rest of a delimiter's own line; "--" there ends the message) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "env.h"
#include "mime.h"

#define BOUNDARY_MAX 200 /* RFC 2046 allows 70 */
#define HOLD_MAX (2 * (BOUNDARY_MAX + 8))

enum state { FIND_BOUNDARY, PREAMBLE, LINE, HEADERS, BODY, EPILOGUE };

struct multipart {
    struct container container;
    enum state state;
    char delimiter[BOUNDARY_MAX + 4]; /* LF "--" boundary */
    size_t delimiter_len;
    uint8_t hold[HOLD_MAX];
    size_t hold_len;
    char line[4]; /* the first bytes of the delimiter's line */
    size_t line_len;
    char headers[MIME_HEADERS_MAX];
    size_t headers_len;
    unsigned parts;
    struct object *part;
};

static void set_boundary(struct multipart *m, const char *boundary, size_t len)
{
    m->delimiter[0] = '\n';
    m->delimiter[1] = m->delimiter[2] = '-';
    memcpy(m->delimiter + 3, boundary, len);
    m->delimiter_len = len + 3;
    m->state = PREAMBLE;
    m->hold[0] = '\n'; /* the first delimiter may stand at the very beginning */
    m->hold_len = 1;
}

static bool multipart_open(struct container *container, const struct object_info *info)
{
    struct multipart *m = (struct multipart *)container;
    char type[MIME_VALUE_MAX], boundary[BOUNDARY_MAX + 1];
    size_t len = info->declared_type.len < sizeof(type) - 1 ? info->declared_type.len : sizeof(type) - 1;
    memcpy(type, info->declared_type.data, len);
    type[len] = '\0';
    len = mime_parameter(type, "boundary", boundary, sizeof(boundary));
    if (len && len <= BOUNDARY_MAX)
        set_boundary(m, boundary, len);
    return true; /* without one, the first line that begins with "--" tells it */
}

static void end_part(struct multipart *m, enum object_state state)
{
    object_end(m->container.env, m->part, state);
    m->part = NULL;
}

static void body_bytes(struct multipart *m, const uint8_t *data, size_t len)
{
    if (m->state == BODY && len)
        object_data(m->container.env, m->part, data, len);
}

static void begin_part(struct multipart *m)
{
    struct mime_headers headers;
    struct object_info info = m->container.base;
    char path[64], field[64], name[OBJECT_NAME_MAX];
    mime_read(&headers, m->headers, m->headers_len);
    m->parts++;
    size_t field_len = mime_parameter(headers.disposition, "name", field, sizeof(field) - 1);
    if (field_len)
        snprintf(path, sizeof(path), "multipart:%.*s", (int)field_len, field);
    else
        snprintf(path, sizeof(path), "multipart:%u", m->parts);
    size_t name_len = mime_parameter(headers.disposition, "filename", name, sizeof(name));
    if (!name_len)
        name_len = mime_parameter(headers.content_type, "name", name, sizeof(name));
    info.path = path;
    info.name = (struct text){name, name_len};
    info.declared_type = (struct text){headers.content_type, strlen(headers.content_type)};
    info.encoding = (struct text){headers.encoding, strlen(headers.encoding)};
    info.time_ns = m->container.env->now_ns;
    m->part = object_begin(m->container.env, &info);
    m->headers_len = 0;
}

/* Where the delimiter's beginning could stand at the end of the bytes: what must wait. */
static size_t tail_to_hold(const struct multipart *m, const uint8_t *data, size_t len)
{
    size_t most = m->delimiter_len < len ? m->delimiter_len : len; /* CR and all but the last byte */
    for (size_t n = most; n > 0; n--) {
        const uint8_t *at = data + len - n;
        size_t left = n;
        if (*at == '\r') {
            at++;
            left--;
        }
        if (left < m->delimiter_len && memcmp(at, m->delimiter, left) == 0)
            return n;
    }
    return 0;
}

/* The delimiter was found: the part ends before it (and before the CR of its line end). */
static void at_delimiter(struct multipart *m)
{
    end_part(m, OBJECT_CLOSED);
    m->state = LINE;
    m->line_len = 0;
}

/* Body or preamble bytes; returns how many were consumed: all, or up to the end of a delimiter. */
static size_t search(struct multipart *m, const uint8_t *data, size_t len)
{
    if (m->hold_len) {
        size_t old = m->hold_len, room = m->delimiter_len + 1;
        size_t add = len < room ? len : room;
        memcpy(m->hold + old, data, add);
        const uint8_t *found = memmem(m->hold, old + add, m->delimiter, m->delimiter_len);
        if (found) {
            size_t at = (size_t)(found - m->hold), end = at + m->delimiter_len;
            size_t body = at && m->hold[at - 1] == '\r' ? at - 1 : at;
            body_bytes(m, m->hold, body);
            m->hold_len = 0;
            at_delimiter(m);
            return end - old;
        }
        size_t keep = tail_to_hold(m, m->hold, old + add);
        if (keep > add && add == len) { /* still undecided */
            body_bytes(m, m->hold, old + add - keep);
            memmove(m->hold, m->hold + old + add - keep, keep);
            m->hold_len = keep;
            return len;
        }
        body_bytes(m, m->hold, old); /* no delimiter begins in it */
        m->hold_len = 0;
    }
    const uint8_t *found = memmem(data, len, m->delimiter, m->delimiter_len);
    if (found) {
        size_t at = (size_t)(found - data);
        body_bytes(m, data, at && data[at - 1] == '\r' ? at - 1 : at);
        at_delimiter(m);
        return at + m->delimiter_len;
    }
    size_t keep = tail_to_hold(m, data, len);
    body_bytes(m, data, len - keep);
    memcpy(m->hold, data + len - keep, keep);
    m->hold_len = keep;
    return len;
}

static size_t delimiter_line(struct multipart *m, const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) : len;
    for (size_t i = 0; i < n && m->line_len < sizeof(m->line); i++)
        m->line[m->line_len++] = (char)data[i];
    bool last = m->line_len >= 2 && m->line[0] == '-' && m->line[1] == '-';
    if (last) {
        m->state = EPILOGUE;
        return len;
    }
    if (!lf)
        return len;
    m->state = HEADERS;
    m->headers_len = 0;
    return n + 1;
}

static bool headers_end(const struct multipart *m)
{
    size_t n = m->headers_len;
    const char *h = m->headers;
    return (n == 1 && h[0] == '\n') || (n == 2 && h[0] == '\r' && h[1] == '\n') ||
           (n >= 2 && h[n - 1] == '\n' && h[n - 2] == '\n') ||
           (n >= 3 && h[n - 1] == '\n' && h[n - 2] == '\r' && h[n - 3] == '\n');
}

/* An endless header: its last three bytes are still watched for the empty line. */
static void replace_tail(struct multipart *m, char c)
{
    char *tail = m->headers + sizeof(m->headers) - 3;
    memmove(tail, tail + 1, 2);
    tail[2] = c;
}

static size_t header_bytes(struct multipart *m, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (m->headers_len < sizeof(m->headers))
            m->headers[m->headers_len++] = (char)data[i];
        else
            replace_tail(m, (char)data[i]);
        if (data[i] == '\n' && headers_end(m)) {
            begin_part(m);
            m->state = BODY;
            m->hold_len = 0;
            return i + 1;
        }
    }
    return len;
}

/* No boundary was declared: a first line "--something" is one. */
static size_t find_boundary(struct multipart *m, const uint8_t *data, size_t len)
{
    size_t i = 0;
    for (; i < len && m->headers_len < BOUNDARY_MAX + 4; i++) {
        if (data[i] != '\n') {
            m->headers[m->headers_len++] = (char)data[i];
            continue;
        }
        size_t n = m->headers_len;
        while (n && (m->headers[n - 1] == '\r' || m->headers[n - 1] == ' '))
            n--;
        if (n > 2 && m->headers[0] == '-' && m->headers[1] == '-') {
            set_boundary(m, m->headers + 2, n - 2);
            m->hold_len = 0;
            m->state = HEADERS;
            m->headers_len = 0;
            return i + 1;
        }
        m->headers_len = 0;
    }
    if (m->headers_len >= BOUNDARY_MAX + 4) {
        m->state = EPILOGUE; /* nothing like a multipart message */
        return len;
    }
    return i;
}

static void multipart_data(struct container *container, const uint8_t *data, size_t len)
{
    struct multipart *m = (struct multipart *)container;
    while (len) {
        size_t used = len;
        switch (m->state) {
        case FIND_BOUNDARY:
            used = find_boundary(m, data, len);
            break;
        case PREAMBLE:
        case BODY:
            used = search(m, data, len);
            break;
        case LINE:
            used = delimiter_line(m, data, len);
            break;
        case HEADERS:
            used = header_bytes(m, data, len);
            break;
        case EPILOGUE:
            return;
        }
        data += used;
        len -= used;
    }
}

/* A gap inside a part keeps its offsets; one that touches framing loses the present part's end, and the next
 * delimiter finds the way again. */
static void multipart_gap(struct container *container, uint64_t len)
{
    struct multipart *m = (struct multipart *)container;
    if (m->state == BODY) {
        body_bytes(m, m->hold, m->hold_len);
        m->hold_len = 0;
        if (len)
            object_gap(container->env, m->part, len);
        else
            end_part(m, OBJECT_TRUNCATED);
    } else if (m->state == LINE || m->state == HEADERS) {
        m->state = PREAMBLE;
        m->hold_len = 0;
    }
}

static void multipart_end(struct container *container, enum object_state state)
{
    struct multipart *m = (struct multipart *)container;
    (void)state; /* a part without its delimiter was not seen whole, however the carrier ended */
    if (m->state == BODY)
        body_bytes(m, m->hold, m->hold_len);
    end_part(m, OBJECT_TRUNCATED);
    free(m);
}

const struct container_ops container_multipart = {
    .media_type = "multipart/",
    .state_size = sizeof(struct multipart),
    .open = multipart_open,
    .data = multipart_data,
    .gap = multipart_gap,
    .end = multipart_end,
};
