/* message/rfc822 (RFC 5322, 2046 5.2.1): a header block, then a body with the header's own type and encoding.
 * The body is one handle again: an object, or a router when its type is multipart. */
#include <stdlib.h>
#include <string.h>

#include "env.h"
#include "mime.h"

#define HEADERS_MAX (64 * 1024) /* a mail's header block with all its Received lines */

struct message {
    struct container container;
    bool in_body;
    unsigned line_len; /* of the present header line, without line end: 0 ends the block */
    size_t headers_len;
    struct object *body;
    char headers[HEADERS_MAX];
};

static bool message_open(struct container *container, const struct object_info *info)
{
    (void)container;
    (void)info;
    return true;
}

static void begin_body(struct message *m)
{
    struct mime_headers headers;
    struct object_info info = m->container.base;
    char name[OBJECT_NAME_MAX];
    mime_read(&headers, m->headers, m->headers_len);
    size_t name_len = mime_parameter(headers.disposition, "filename", name, sizeof(name));
    if (!name_len)
        name_len = mime_parameter(headers.content_type, "name", name, sizeof(name));
    info.path = "message";
    info.name = (struct text){name, name_len};
    info.declared_type = (struct text){headers.content_type, strlen(headers.content_type)};
    info.encoding = (struct text){headers.encoding, strlen(headers.encoding)};
    info.time_ns = m->container.env->now_ns;
    m->body = object_begin(m->container.env, &info);
    m->in_body = true;
}

static void message_data(struct container *container, const uint8_t *data, size_t len)
{
    struct message *m = (struct message *)container;
    while (len && !m->in_body) {
        char c = (char)*data++;
        len--;
        if (m->headers_len < sizeof(m->headers))
            m->headers[m->headers_len++] = c;
        if (c == '\n') {
            if (!m->line_len)
                begin_body(m);
            m->line_len = 0;
        } else if (c != '\r') {
            m->line_len++;
        }
    }
    object_data(container->env, m->body, data, len);
}

static void message_gap(struct container *container, uint64_t len)
{
    struct message *m = (struct message *)container;
    if (!m->in_body)
        begin_body(m); /* with the header lines that came */
    object_gap(container->env, m->body, len ? len : 1);
}

static void message_end(struct container *container, enum object_state state)
{
    struct message *m = (struct message *)container;
    object_end(container->env, m->body, state);
    free(m);
}

const struct container_ops container_message = {
    .media_type = "message/rfc822",
    .state_size = sizeof(struct message),
    .open = message_open,
    .data = message_data,
    .gap = message_gap,
    .end = message_end,
};
