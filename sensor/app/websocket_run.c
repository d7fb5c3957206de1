/* See websocket_run.h. */
#include "websocket_run.h"

#include <string.h>

#include "http.h"

#define HELD_MAX (4u << 20) /* a slice that is larger begins no run */
#define SLICE_MIN 1024      /* and so does one that is smaller: control words of a protocol */

static struct uploads *uploads_of(struct app_session *session)
{
    return ((struct http_shared *)app_shared(session, &app_http))->uploads;
}

void websocket_run_end(struct app_session *session, struct websocket_run *run, bool whole)
{
    const struct object_sink *sink = app_objects(session);
    if (run->object)
        sink->end(sink->user, run->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    upload_note_drop(uploads_of(session), &run->held);
    memset(run, 0, sizeof(*run));
}

void websocket_run_begin(struct websocket_run *run, bool binary)
{
    run->message = binary;
    if (binary)
        run->message_size = 0;
}

/* The second slice has come: the run is an object, with the first one in it. */
static void begin_object(struct app_session *session, enum side side, struct websocket_run *run)
{
    const struct object_sink *sink = app_objects(session);
    static const char binary[] = "application/octet-stream";
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = app_handed_meta(session),
        .path = "messages",
        .declared_type = {binary, sizeof(binary) - 1},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .time_ns = app_now(session),
    };
    run->object = sink->begin(sink->user, &info);
    if (run->object)
        sink->data(sink->user, run->object, run->held.data, run->held.len);
    upload_note_drop(uploads_of(session), &run->held);
}

static void put(struct app_session *session, struct websocket_run *run, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    run->size += len;
    if (run->object && run->size <= UPLOAD_BYTES_MAX)
        sink->data(sink->user, run->object, data, len);
    else if (run->object || !upload_note(uploads_of(session), &run->held, data, len, HELD_MAX))
        websocket_run_end(session, run, false);
}

/* The first two bytes of a message: whether the run goes on with it, or it begins one. */
static void meet(struct app_session *session, enum side side, struct websocket_run *run)
{
    uint8_t start[2] = {run->start[0], run->start[1]};
    if (run->size && memcmp(run->first, start, 2) == 0) {
        websocket_run_end(session, run, true);
        run->message = true;
        run->message_size = 2;
    }
    if (!run->size)
        memcpy(run->first, start, 2);
    else if (!run->object)
        begin_object(session, side, run);
    put(session, run, start, 2);
}

void websocket_run_data(struct app_session *session, enum side side, struct websocket_run *run, const uint8_t *data,
                        size_t len)
{
    while (len && run->message && run->message_size < 2) {
        run->start[run->message_size++] = *data++;
        len--;
        if (run->message_size == 2)
            meet(session, side, run);
    }
    if (!len || !run->message)
        return;
    run->message_size += len;
    put(session, run, data, len);
}

/* A packet of MQTT (MQTT 5.0 2.1): whole in itself. */
static bool is_packet(const struct buffer *message)
{
    size_t at = 1, length = 0;
    for (unsigned shift = 0; at < message->len && shift < 28; shift += 7) {
        uint8_t c = message->data[at++];
        length |= (size_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return at + length == message->len;
    }
    return false;
}

void websocket_run_message_end(struct app_session *session, struct websocket_run *run, bool whole)
{
    bool binary = run->message;
    run->message = false;
    if (!binary) {
        if (run->object && run->message_size < run->first_size)
            websocket_run_end(session, run, true);
        return;
    }
    if (!run->first_size)
        run->first_size = run->message_size;
    if (!whole || (!run->object && (run->held.len < SLICE_MIN || is_packet(&run->held))))
        websocket_run_end(session, run, false);
}
