/* gRPC messages (protobuf, https://protobuf.dev/programming-guides/encoding/). A client that
 * uploads a file sends it as a `bytes` field of many messages: the field's bytes, one message after
 * the other, are an object of their own, below the one that has the messages as they came. Messages
 * that follow each other read as one, by the encoding's design, so where one ends need not be known.
 *
 * Which field is followed into a nested message its first bytes tell: one whose end is the end of
 * what it stands in. */
#include <stdio.h>
#include <string.h>

#include "env.h"

#define HEAD_ROOM 64    /* of a field, in which its nesting must show; shorter fields begin no object */
#define DEPTH_MAX 4
#define FIELD_MAX 65536 /* field numbers above are none */
#define PREFIX_LEN 5    /* flag and length: as HTTP/1.1 carries gRPC-Web, HTTP/2's reader has removed it */

enum wire { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };
enum state { FIRST, PREFIX, TAG, SKIP_VARINT, SIZE, SKIP, HEAD, BYTES, LOST };

struct grpc {
    struct container container;
    enum state state;
    bool prefixed;
    uint8_t prefix_len, shift, head_len;
    uint64_t number; /* the varint so far */
    uint64_t left;   /* of SKIP and BYTES */
    uint64_t message_left;
    uint32_t field;
    uint8_t prefix[PREFIX_LEN];
    uint8_t head[HEAD_ROOM];
    char path[48], open_path[48]; /* of the field at hand, of the object */
    struct object *object;
};

static void end_object(struct grpc *grpc, enum object_state state)
{
    object_end(grpc->container.env, grpc->object, state);
    grpc->object = NULL;
    grpc->open_path[0] = '\0';
}

static void lose(struct grpc *grpc)
{
    end_object(grpc, OBJECT_TRUNCATED);
    grpc->state = LOST;
}

/* ---- what is in a field ---- */

static bool read_varint(const uint8_t *data, size_t len, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < len && shift < 64; shift += 7) {
        uint8_t c = data[(*at)++];
        *value |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return true;
    }
    return false;
}

/* Where in these bytes, the first of a field of `size`, the field begins that ends where it does; false when none. */
static bool find_inner(const uint8_t *data, size_t len, uint64_t size, size_t *at, uint32_t *field)
{
    while (*at < len) {
        uint64_t tag, value;
        if (!read_varint(data, len, at, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
            return false;
        *field = (uint32_t)(tag >> 3);
        switch (tag & 7) {
        case VARINT:
            if (!read_varint(data, len, at, &value))
                return false;
            break;
        case FIXED64:
            *at += 8;
            break;
        case FIXED32:
            *at += 4;
            break;
        case LENGTH:
            if (!read_varint(data, len, at, &value) || value > size - *at)
                return false;
            if (*at + value == size)
                return value > 0;
            if (value > len - *at)
                return false;
            *at += (size_t)value;
            break;
        default:
            return false;
        }
        if (*at >= size)
            return false;
    }
    return false;
}

/* The head is complete: an object for the field, or none. */
static void settle_field(struct grpc *grpc, uint64_t size)
{
    size_t begin = 0, at = 0, n;
    uint32_t field;
    n = (size_t)snprintf(grpc->path, sizeof(grpc->path), "grpc:%u", grpc->field);
    for (unsigned depth = 0; depth < DEPTH_MAX && find_inner(grpc->head, grpc->head_len, size, &at, &field); depth++) {
        n += (size_t)snprintf(grpc->path + n, sizeof(grpc->path) - n, ".%u", field);
        begin = at;
    }
    bool goes_on = grpc->object && strcmp(grpc->path, grpc->open_path) == 0;
    grpc->left = size - grpc->head_len;
    grpc->state = goes_on || size >= HEAD_ROOM ? BYTES : SKIP;
    if (grpc->state == SKIP)
        return;
    if (!goes_on) {
        end_object(grpc, OBJECT_CLOSED);
        struct object_info info = grpc->container.base;
        info.path = grpc->path;
        info.time_ns = grpc->container.env->now_ns;
        grpc->object = object_begin(grpc->container.env, &info);
        memcpy(grpc->open_path, grpc->path, sizeof(grpc->path));
    }
    if (begin < grpc->head_len)
        object_data(grpc->container.env, grpc->object, grpc->head + begin, grpc->head_len - begin);
}

/* ---- bytes ---- */

static void begin_varint(struct grpc *grpc, enum state state)
{
    grpc->state = state;
    grpc->number = 0;
    grpc->shift = 0;
}

static void take_tag(struct grpc *grpc)
{
    uint64_t field = grpc->number >> 3;
    unsigned wire = grpc->number & 7;
    grpc->field = (uint32_t)field;
    if (!field || field > FIELD_MAX) {
        lose(grpc);
    } else if (wire == VARINT) {
        begin_varint(grpc, SKIP_VARINT);
    } else if (wire == LENGTH) {
        begin_varint(grpc, SIZE);
    } else if (wire == FIXED64 || wire == FIXED32) {
        grpc->left = wire == FIXED64 ? 8 : 4;
        grpc->state = SKIP;
    } else {
        lose(grpc);
    }
}

static void varint_byte(struct grpc *grpc, uint8_t c)
{
    if (grpc->shift >= 64) {
        lose(grpc);
        return;
    }
    grpc->number |= (uint64_t)(c & 0x7f) << grpc->shift;
    grpc->shift = (uint8_t)(grpc->shift + 7);
    if (c & 0x80)
        return;
    if (grpc->state == TAG) {
        take_tag(grpc);
    } else if (grpc->state == SIZE && grpc->number) {
        grpc->left = grpc->number;
        grpc->head_len = 0;
        grpc->state = HEAD;
    } else {
        begin_varint(grpc, TAG);
    }
}

/* Bytes of one state; returns how many it took. */
static size_t take(struct grpc *grpc, const uint8_t *data, size_t len)
{
    size_t n = len < grpc->left ? len : (size_t)grpc->left;
    switch (grpc->state) {
    case TAG:
    case SKIP_VARINT:
    case SIZE:
        varint_byte(grpc, *data);
        return 1;
    case HEAD: {
        size_t want = grpc->left < HEAD_ROOM ? (size_t)grpc->left : HEAD_ROOM;
        n = want - grpc->head_len < len ? want - grpc->head_len : len;
        memcpy(grpc->head + grpc->head_len, data, n);
        grpc->head_len = (uint8_t)(grpc->head_len + n);
        if (grpc->head_len < want)
            return n;
        settle_field(grpc, grpc->left);
        break;
    }
    case BYTES:
        object_data(grpc->container.env, grpc->object, data, n);
        grpc->left -= n;
        break;
    case SKIP:
        grpc->left -= n;
        break;
    default:
        return len;
    }
    if (!grpc->left && grpc->state != LOST)
        begin_varint(grpc, TAG);
    return n;
}

/* Flag and length before each message. A compressed one, or gRPC-Web's trailers, cannot be read here. */
static void prefix_byte(struct grpc *grpc, uint8_t c)
{
    grpc->prefix[grpc->prefix_len++] = c;
    if (grpc->prefix_len < PREFIX_LEN)
        return;
    grpc->prefix_len = 0;
    grpc->message_left = (uint64_t)grpc->prefix[1] << 24 | (uint64_t)grpc->prefix[2] << 16 |
                         (uint64_t)grpc->prefix[3] << 8 | grpc->prefix[4];
    if (grpc->prefix[0])
        lose(grpc);
}

static void grpc_data(struct container *container, const uint8_t *data, size_t len)
{
    struct grpc *grpc = (struct grpc *)container;
    if (grpc->state == FIRST) {
        grpc->prefixed = !data[0]; /* no field has number 0 */
        begin_varint(grpc, TAG);
    }
    while (len && grpc->state != LOST) {
        size_t n = 1;
        if (grpc->prefixed && !grpc->message_left) {
            prefix_byte(grpc, *data);
        } else {
            n = take(grpc, data, grpc->prefixed && len > grpc->message_left ? (size_t)grpc->message_left : len);
            grpc->message_left -= grpc->prefixed ? n : 0;
        }
        data += n;
        len -= n;
    }
}

static void grpc_gap(struct container *container, uint64_t len)
{
    struct grpc *grpc = (struct grpc *)container;
    if (grpc->state != BYTES || !len || len > grpc->left || (grpc->prefixed && len > grpc->message_left)) {
        lose(grpc);
        return;
    }
    object_gap(container->env, grpc->object, len);
    grpc->left -= len;
    grpc->message_left -= grpc->prefixed ? len : 0;
    if (!grpc->left)
        begin_varint(grpc, TAG);
}

static void grpc_end(struct container *container, enum object_state state)
{
    struct grpc *grpc = (struct grpc *)container;
    bool between = grpc->state == TAG && !grpc->shift;
    end_object(grpc, between ? state : OBJECT_TRUNCATED);
}

const struct container_ops container_grpc = {
    .media_type = "application/grpc",
    .beside = true,
    .state_size = sizeof(struct grpc),
    .data = grpc_data,
    .gap = grpc_gap,
    .end = grpc_end,
};
