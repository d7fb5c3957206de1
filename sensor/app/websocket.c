/* WebSocket (RFC 6455), reached from HTTP by a 101: each text or binary message is an object, its fragments joined, its
 * mask undone, and permessage-deflate (RFC 7692) too. The words of the opening request go with every message. */
#include <string.h>

#include "deflated.h"
#include "websocket_run.h"

enum { OPCODE_CONTINUATION = 0, OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8 };

#define UNMASK_BYTES 4096

struct websocket_side {
    uint8_t head[14];
    uint8_t head_len;
    bool final, control, deflated, in_frame, in_message, bad;
    bool refused;       /* the inflater: what it would have read counts as shed */
    uint8_t mask[4];
    bool masked;
    uint64_t left, at;  /* of the frame's payload; at: bytes of it seen, for the mask */
    struct object *object;
    bool asked;
    uint8_t opcode, opcode_now; /* of the message, of the frame */
    uint64_t messages;
    struct websocket_run run;
    struct deflated *deflate; /* one for all messages: each may refer to those before */
};

struct websocket {
    struct websocket_side side[2];
};

static void begin(struct app_session *session, enum side side)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    const struct object_sink *sink = app_objects(session);
    static const char text[] = "text/plain", binary[] = "application/octet-stream";
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = app_handed_meta(session),
        .declared_type = s->opcode == OPCODE_TEXT ? (struct text){text, sizeof(text) - 1}
                                                  : (struct text){binary, sizeof(binary) - 1},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = s->messages,
        .time_ns = app_now(session),
    };
    s->asked = true;
    s->object = sink->begin(sink->user, &info);
}

static void give(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    const struct object_sink *sink = app_objects(session);
    if (!len || !app_is_content(session, side))
        return;
    if (!s->asked)
        begin(session, side);
    if (s->object)
        sink->data(sink->user, s->object, data, len);
    websocket_run_data(session, side, &s->run, data, len);
}

static void end_message(struct app_session *session, enum side side, bool whole)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    const struct object_sink *sink = app_objects(session);
    if (s->object)
        sink->end(sink->user, s->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    if (s->in_message && app_is_content(session, side))
        websocket_run_message_end(session, &s->run, whole);
    s->object = NULL;
    s->asked = false;
    s->in_message = false;
    s->messages++;
}

/* ---- permessage-deflate ---- */

struct plain_target {
    struct app_session *session;
    enum side side;
};

static void on_plain(void *user, const uint8_t *data, size_t len)
{
    const struct plain_target *target = user;
    give(target->session, target->side, data, len);
}

static void inflate_part(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    struct plain_target target = {session, side};
    if (!s->bad && !s->deflate) {
        s->deflate = deflated_open(session);
        s->bad = s->refused = !s->deflate;
    }
    if (s->refused)
        app_shed(session, side, len);
    else if (!s->bad)
        s->bad = !deflated_take(s->deflate, data, len, on_plain, &target);
}

/* ---- frames ---- */

static void unmask(struct websocket_side *s, const uint8_t *data, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = data[i] ^ s->mask[(s->at + i) & 3];
}

static void take_payload(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    uint8_t plain[UNMASK_BYTES];
    bool content = !s->control && app_is_content(session, side);
    for (size_t done = 0; done < len;) {
        size_t n = len - done < sizeof(plain) ? len - done : sizeof(plain);
        const uint8_t *from = data + done;
        if (content && s->masked) {
            unmask(s, from, plain, n);
            from = plain;
        }
        if (content && s->deflated)
            inflate_part(session, side, from, n);
        else if (content)
            give(session, side, from, n);
        s->at += n;
        done += n;
    }
    s->left -= len;
}

static void end_frame(struct app_session *session, enum side side)
{
    static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff}; /* RFC 7692 7.2.2 */
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    s->in_frame = false;
    if (s->opcode_now == OPCODE_CLOSE)
        websocket_run_end(session, &s->run, !s->in_message);
    if (s->control || !s->final)
        return;
    if (s->deflated && !s->bad && app_is_content(session, side))
        inflate_part(session, side, tail, sizeof(tail));
    end_message(session, side, !s->bad);
}

/* Length of the head whose first two bytes are known. */
static size_t head_size(const uint8_t *head)
{
    unsigned length = head[1] & 0x7f;
    return 2u + (length == 126 ? 2u : length == 127 ? 8u : 0u) + (head[1] & 0x80 ? 4u : 0u);
}

/* False when this is no frame. */
static bool take_head(struct app_session *session, enum side side)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    uint8_t opcode = s->head[0] & 15;
    size_t at = 2;
    s->left = s->head[1] & 0x7f;
    if (s->left >= 126) {
        size_t bytes = s->left == 126 ? 2 : 8;
        for (s->left = 0; bytes; bytes--)
            s->left = s->left << 8 | s->head[at++];
    }
    s->masked = s->head[1] & 0x80;
    if (s->masked)
        memcpy(s->mask, s->head + at, 4);
    s->final = s->head[0] & 0x80;
    s->control = opcode & 8;
    s->opcode_now = opcode;
    s->at = 0;
    s->head_len = 0;
    s->in_frame = true;
    if (s->head[0] & 0x30 || (opcode & 7) > 2 || (s->control && (s->left > 125 || !s->final)) || s->left >> 63)
        return false;
    if (!s->control && opcode != OPCODE_CONTINUATION) {
        if (s->in_message)
            end_message(session, side, false);
        s->in_message = true;
        s->opcode = opcode;
        s->deflated = s->head[0] & 0x40;
        if (s->deflate)
            deflated_message(s->deflate);
        websocket_run_begin(&s->run, opcode == OPCODE_BINARY);
    }
    if (!s->left)
        end_frame(session, side);
    return true;
}

static void websocket_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    while (len) {
        if (s->in_frame) {
            size_t n = len < s->left ? len : (size_t)s->left;
            take_payload(session, side, data, n);
            data += n;
            len -= n;
            if (!s->left)
                end_frame(session, side);
            continue;
        }
        s->head[s->head_len++] = *data++;
        len--;
        if (s->head_len >= 2 && s->head_len == head_size(s->head) && !take_head(session, side)) {
            app_switch(session, &app_raw, len);
            return;
        }
    }
}

static void websocket_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    const struct object_sink *sink = app_objects(session);
    if (!s->in_frame || len > s->left) {
        app_switch(session, &app_raw, 0); /* where the next frame begins cannot be known */
        return;
    }
    if (s->deflated && !s->control)
        s->bad = true;
    if (s->object)
        sink->gap(sink->user, s->object, len);
    if (!s->control)
        websocket_run_end(session, &s->run, false);
    s->at += len;
    s->left -= len;
    if (!s->left)
        end_frame(session, side);
}

static void websocket_end(struct app_session *session, enum side side, enum stream_end how)
{
    struct websocket *ws = app_state(session);
    struct websocket_side *s = &ws->side[side];
    websocket_run_end(session, &s->run, how == STREAM_FIN && !s->in_message);
}

static bool websocket_rest(struct app_session *session)
{
    struct websocket *ws = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        struct websocket_side *s = &ws->side[side];
        memset(s->head + s->head_len, 0, sizeof(s->head) - s->head_len);
        if (!s->in_frame)
            memset(s->mask, 0, sizeof(s->mask));
    }
    return true;
}

static void websocket_close(struct app_session *session)
{
    struct websocket *ws = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        end_message(session, side, false);
        websocket_run_end(session, &ws->side[side].run, false);
        deflated_close(session, ws->side[side].deflate);
    }
}

const struct app_ops app_websocket = {
    .name = "websocket",
    .transports = APP_TCP,
    .state_size = sizeof(struct websocket),
    .data = websocket_data,
    .gap = websocket_gap,
    .end = websocket_end,
    .rest = websocket_rest,
    .close = websocket_close,
};
