/* application/x-www-form-urlencoded (WHATWG URL 5.1). The body is an object like any other, read as
 * it was sent; a field whose value reads otherwise when its escapes are undone (a picture's base64
 * with %2B, names with %3C) is one more, below it. Short values without an escape need none: the
 * body has them. */
#include <stdio.h>
#include <string.h>

#include "digits.h"
#include "env.h"

#define NAME_ROOM 48
#define HEAD_ROOM 256   /* of a value, in which an escape must show */
#define FIELDS_MAX 4096 /* that become objects; what follows is in the body */

enum state { IN_NAME, IN_HEAD, IN_VALUE };

struct form {
    struct container container;
    enum state state;
    bool escaped;            /* an escape was seen in the head */
    uint8_t escape[2];       /* digits of one that is cut */
    uint8_t escape_len;      /* with its '%': 0 none, 1 or 2 */
    uint16_t head_len;
    uint16_t name_len;
    uint32_t fields;
    struct object *field;
    char name[NAME_ROOM];
    uint8_t head[HEAD_ROOM];
};

static void begin_field(struct form *form)
{
    char path[8 + NAME_ROOM];
    struct object_info info = form->container.base;
    snprintf(path, sizeof(path), "form:%.*s", (int)form->name_len, form->name);
    info.path = path;
    info.time_ns = form->container.env->now_ns;
    form->field = form->fields < FIELDS_MAX ? object_begin(form->container.env, &info) : NULL;
    form->fields++;
    form->state = IN_VALUE;
}

/* Decoded bytes out of `out`, which holds `n`. */
static void flush(struct form *form, const uint8_t *out, size_t n)
{
    object_data(form->container.env, form->field, out, n);
}

/* Coded bytes of a value; the digits of an escape may come later. */
static void decode(struct form *form, const uint8_t *data, size_t len)
{
    uint8_t out[1024];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        if (n + 3 > sizeof(out)) {
            flush(form, out, n);
            n = 0;
        }
        if (form->escape_len && hex_digit(c) >= 0) {
            form->escape[form->escape_len++ - 1] = c;
            if (form->escape_len == 3) {
                out[n++] = (uint8_t)(hex_digit(form->escape[0]) << 4 | hex_digit(form->escape[1]));
                form->escape_len = 0;
            }
            continue;
        }
        if (form->escape_len) { /* a percent sign that was none */
            out[n++] = '%';
            if (form->escape_len == 2)
                out[n++] = form->escape[0];
            form->escape_len = 0;
        }
        if (c == '%')
            form->escape_len = 1;
        else
            out[n++] = c == '+' ? ' ' : c;
    }
    flush(form, out, n);
}

static void end_field(struct form *form, enum object_state state)
{
    if (form->state == IN_HEAD && form->escaped)
        begin_field(form);
    if (form->state == IN_VALUE) {
        decode(form, form->head, form->head_len);
        if (form->escape_len) { /* cut by the end */
            flush(form, (const uint8_t *)"%", 1);
            flush(form, form->escape, form->escape_len - 1u);
        }
        object_end(form->container.env, form->field, state);
    }
    form->field = NULL;
    form->state = IN_NAME;
    form->escaped = false;
    form->escape_len = 0;
    form->head_len = form->name_len = 0;
}

/* The first bytes of a value decide whether it becomes an object. */
static size_t head_bytes(struct form *form, const uint8_t *data, size_t len)
{
    size_t n = HEAD_ROOM - (size_t)form->head_len < len ? HEAD_ROOM - (size_t)form->head_len : len;
    memcpy(form->head + form->head_len, data, n);
    form->head_len = (uint16_t)(form->head_len + n);
    form->escaped |= memchr(data, '%', n) || memchr(data, '+', n);
    if (form->head_len == HEAD_ROOM) {
        begin_field(form);
        decode(form, form->head, form->head_len);
        form->head_len = 0;
    }
    return n;
}

static void value_bytes(struct form *form, const uint8_t *data, size_t len)
{
    if (form->state == IN_HEAD) {
        size_t n = head_bytes(form, data, len);
        data += n;
        len -= n;
    }
    if (len)
        decode(form, data, len);
}

static void form_data(struct container *container, const uint8_t *data, size_t len)
{
    struct form *form = (struct form *)container;
    while (len) {
        const uint8_t *end = memchr(data, '&', len);
        size_t n = end ? (size_t)(end - data) : len;
        const uint8_t *equal = form->state == IN_NAME ? memchr(data, '=', n) : NULL;
        if (form->state == IN_NAME) {
            size_t name = equal ? (size_t)(equal - data) : n;
            size_t room = NAME_ROOM - (size_t)form->name_len;
            memcpy(form->name + form->name_len, data, name < room ? name : room);
            form->name_len = (uint16_t)(form->name_len + (name < room ? name : room));
            if (equal) {
                form->state = IN_HEAD;
                value_bytes(form, equal + 1, n - name - 1);
            }
        } else {
            value_bytes(form, data, n);
        }
        if (end)
            end_field(form, OBJECT_CLOSED);
        data += n + (end != NULL);
        len -= n + (end != NULL);
    }
}

static void form_gap(struct container *container, uint64_t len)
{
    struct form *form = (struct form *)container;
    if (form->state == IN_HEAD) {
        begin_field(form);
        decode(form, form->head, form->head_len);
        form->head_len = 0;
    }
    form->escape_len = 0;
    if (form->state == IN_VALUE)
        object_gap(container->env, form->field, len ? len : 1);
}

static void form_end(struct container *container, enum object_state state)
{
    end_field((struct form *)container, state);
}

const struct container_ops container_form = {
    .media_type = "application/x-www-form-urlencoded",
    .beside = true,
    .state_size = sizeof(struct form),
    .data = form_data,
    .gap = form_gap,
    .end = form_end,
};
