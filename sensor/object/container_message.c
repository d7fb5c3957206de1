/* message/rfc822 (RFC 5322, 2046 5.2.1): a header block, then a body with the header's own type and
 * encoding. The body is one handle again: an object, or a router when its type is multipart. What
 * does not begin like a message is the body itself. */
#include <string.h>

#include "env.h"
#include "mime.h"

#define HEADERS_MAX ((size_t)64 * 1024) /* a mail's header block with all its Received lines */
#define FIRST_LINE_MAX 1024

struct message {
    struct container container;
    bool pending; /* the headers are read; the body begins with its first byte */
    bool in_body;
    bool first_line_seen;
    size_t line_at; /* where the present header line begins in `headers` */
    struct buffer headers;
    struct object *body;
};

static void message_open(struct container *container, const struct object_info *info)
{
    (void)container;
    (void)info;
}

/* The body begins behind the header block, or, with no headers, with what was taken for one. */
static void begin_body(struct message *m, bool with_headers)
{
    struct part part;
    part_read(&part, (const char *)m->headers.data, with_headers ? m->headers.len : 0);
    m->body = part_begin(&m->container, &part, "message");
    m->in_body = true;
    if (!with_headers)
        object_data(m->container.env, m->body, m->headers.data, m->headers.len);
    buffer_release(m->container.env->heap, &m->headers);
}

/* A complete line stands at the end of the block. */
static void end_line(struct message *m)
{
    const char *line = (const char *)m->headers.data + m->line_at;
    size_t len = m->headers.len - m->line_at;
    if (len == 1 || (len == 2 && line[0] == '\r')) {
        if (m->first_line_seen)
            m->pending = true;
        else
            m->headers.len = 0; /* empty lines before the headers */
        return;
    }
    if (!m->first_line_seen && !mime_is_header_line(line, len)) {
        begin_body(m, false);
        return;
    }
    m->first_line_seen = true;
    m->line_at = m->headers.len;
}

static size_t header_bytes(struct message *m, const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) + 1 : len;
    size_t most = m->first_line_seen ? HEADERS_MAX : FIRST_LINE_MAX;
    if (m->headers.len + n > most || !buffer_append(m->container.env->heap, &m->headers, data, n)) {
        begin_body(m, false); /* no header block ends here */
        return 0;
    }
    if (lf)
        end_line(m);
    return n;
}

static void message_data(struct container *container, const uint8_t *data, size_t len)
{
    struct message *m = (struct message *)container;
    while (len && !m->in_body && !m->pending) {
        size_t n = header_bytes(m, data, len);
        data += n;
        len -= n;
    }
    if (len && !m->in_body)
        begin_body(m, true);
    object_data(container->env, m->body, data, len);
}

static void message_gap(struct container *container, uint64_t len)
{
    struct message *m = (struct message *)container;
    if (!m->in_body)
        begin_body(m, true); /* with the header lines that came */
    object_gap(container->env, m->body, len ? len : 1);
}

static void message_end(struct container *container, enum object_state state)
{
    struct message *m = (struct message *)container;
    if (!m->in_body && m->headers.len && state == OBJECT_CLOSED)
        begin_body(m, m->pending); /* nothing but headers: they are what was sent */
    object_end(container->env, m->body, state);
    buffer_release(container->env->heap, &m->headers);
}

const struct container_ops container_message = {
    .media_type = "message/rfc822",
    .state_size = sizeof(struct message),
    .open = message_open,
    .data = message_data,
    .gap = message_gap,
    .end = message_end,
};
