/* A stream's two directions become objects: request bodies, response bodies, gRPC messages (without their five-byte
 * prefixes, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
#include <string.h>

#include "body_value.h"
#include "http.h"
#include "http2.h"

static void end_half(struct app_session *session, struct http2_half *half, bool whole)
{
    const struct object_sink *sink = app_objects(session);
    if (half->object)
        sink->end(sink->user, half->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    half->object = NULL;
    half->ended = true;
}

static void drop(struct app_session *session, struct http2_stream **link)
{
    struct http2_shared *shared = app_shared(session, &app_http2);
    struct http2 *h2 = app_state(session);
    struct http2_stream *stream = *link;
    *link = stream->next;
    h2->stream_count--;
    end_half(session, &stream->half[0], false);
    end_half(session, &stream->half[1], false);
    meta_drop(app_meta_pool(session), stream->meta);
    pool_put(shared->streams, stream);
}

static void drop_idle(struct app_session *session)
{
    struct http2 *h2 = app_state(session);
    struct http2_stream **idle = &h2->streams;
    for (struct http2_stream **link = &h2->streams; *link; link = &(*link)->next) {
        if ((*link)->used_at < (*idle)->used_at)
            idle = link;
    }
    drop(session, idle);
}

struct http2_stream *http2_stream_of(struct app_session *session, uint32_t id)
{
    struct http2_shared *shared = app_shared(session, &app_http2);
    struct http2 *h2 = app_state(session);
    h2->clock++;
    for (struct http2_stream **link = &h2->streams; *link; link = &(*link)->next) {
        struct http2_stream *stream = *link;
        if (stream->id != id)
            continue;
        stream->used_at = h2->clock;
        *link = stream->next; /* to the front: frames come in trains */
        stream->next = h2->streams;
        h2->streams = stream;
        return stream;
    }
    if (h2->stream_count == HTTP2_STREAMS_MAX)
        drop_idle(session);
    struct http2_stream *stream = app_take(session, shared->streams);
    if (!stream)
        return NULL;
    stream->id = id;
    stream->used_at = h2->clock;
    stream->number = h2->streams_seen++;
    stream->half[0].length = stream->half[1].length = OBJECT_SIZE_UNKNOWN;
    /* Stream 1 of an upgraded connection is the request that asked for the upgrade (RFC 7540 3.2). */
    struct meta *handed = id == 1 ? app_handed_meta(session) : NULL;
    stream->meta = handed ? meta_hold(handed) : meta_new(app_meta_pool(session));
    meta_set(stream->meta, META_HTTP_PROTOCOL, "HTTP/2", 6);
    stream->next = h2->streams;
    h2->streams = stream;
    h2->stream_count++;
    return stream;
}

static bool is(struct text name, const char *word)
{
    return name.len == strlen(word) && memcmp(name.data, word, name.len) == 0;
}

void http2_stream_header(struct app_session *session, struct http2_stream *stream, enum side side, struct text name,
                         struct text value)
{
    static const struct {
        const char *name;
        enum meta_id id;
    } fields[] = {{":method", META_HTTP_METHOD},       {":path", META_HTTP_URL},   {":authority", META_HTTP_HOSTNAME},
                  {"host", META_HTTP_HOSTNAME},        {":status", META_HTTP_STATUS}, {"referer", META_HTTP_REFER},
                  {"user-agent", META_HTTP_USER_AGENT}, {"content-type", META_HTTP_CONTENT_TYPE}};
    struct http2 *h2 = app_state(session);
    struct http2_half *half = &stream->half[side];
    if (half->headers)
        return; /* trailers */
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (is(name, fields[i].name))
            meta_set(stream->meta, fields[i].id, value.data, value.len);
    }
    if (is(name, "content-type")) {
        half->type_len = (uint16_t)(value.len < sizeof(half->type) ? value.len : sizeof(half->type));
        memcpy(half->type, value.data, half->type_len);
        half->grpc = value.len >= 16 && memcmp(value.data, "application/grpc", 16) == 0;
        h2->grpc |= half->grpc;
    } else if (is(name, "content-disposition")) {
        half->name_len = (uint16_t)header_parameter(value, "filename", half->name, sizeof(half->name));
    } else if (is(name, "content-encoding") || (is(name, "grpc-encoding") && !is(value, "identity"))) {
        half->codings_len = (uint8_t)header_codings(value, false, half->codings, half->codings_len);
    } else if (is(name, "content-length")) {
        header_number(value, &half->length);
    } else if (is(name, "content-range")) {
        uint64_t last;
        half->partial = part_range(value, &half->first, &last, &half->total) &&
                        (half->first || last + 1 != half->total);
    }
}

/* ---- ranges: with those that came over HTTP/1.1, too ---- */

static struct uploads *uploads_of(struct app_session *session)
{
    return ((struct http_shared *)app_shared(session, &app_http))->uploads;
}

static void begin_range(struct app_session *session, struct http2_stream *stream, enum side side)
{
    struct http2_half *half = &stream->half[side];
    struct uploads *uploads = uploads_of(session);
    struct text host = meta_get(stream->meta, META_HTTP_HOSTNAME), url = meta_get(stream->meta, META_HTTP_URL);
    struct text target = url_target(url, &host);
    char name[HEADER_NAME_ROOM];
    uint64_t key = upload_key(uploads, app_flow(session), side, host, target, (struct text){NULL, 0});
    struct upload *upload = upload_find(uploads, key);
    if (!upload) {
        upload = upload_make(uploads, key, app_now(session));
        upload_set_name(upload, half->name, half->name_len);
        if (!half->name_len)
            upload_set_name(upload, name, url_file_name(url, name, sizeof(name)));
    }
    upload->last_ns = app_now(session);
    if (half->total != OBJECT_SIZE_UNKNOWN)
        upload->total = half->total;
    if (upload_open(uploads, upload, half->first, 0))
        half->upload = upload_ref(uploads, upload);
}

static void range_data(struct app_session *session, struct http2_half *half, const uint8_t *data, size_t len)
{
    struct upload *upload = half->upload.active ? upload_of(uploads_of(session), &half->upload) : NULL;
    if (upload)
        half->upload.active = upload_data(uploads_of(session), upload, half->first, data, len);
}

static void end_range(struct app_session *session, struct http2_stream *stream, enum side side)
{
    struct http2_half *half = &stream->half[side];
    struct upload *upload = half->upload.active ? upload_of(uploads_of(session), &half->upload) : NULL;
    half->upload.active = false;
    if (upload && upload_is_complete(upload))
        upload_join(session, uploads_of(session), side, upload, stream->meta, stream->number);
}

/* ---- bodies ---- */

static struct object *object_of(struct app_session *session, struct http2_stream *stream, enum side side, bool coded)
{
    struct http2_half *half = &stream->half[side];
    const struct object_sink *sink = app_objects(session);
    char name[HEADER_NAME_ROOM];
    if (half->asked || !app_is_content(session, side))
        return half->object;
    struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = stream->meta,
        .name = {half->name, half->name_len},
        .declared_type = {half->type, half->type_len},
        .encoding = {half->codings, coded ? half->codings_len : 0},
        .expected_size = half->codings_len || half->grpc ? OBJECT_SIZE_UNKNOWN : half->length,
        .tx_id = stream->number,
        .time_ns = app_now(session),
    };
    if (!info.name.len)
        info.name = (struct text){name, url_file_name(meta_get(stream->meta, META_HTTP_URL), name, sizeof(name))};
    half->asked = true;
    half->object = sink->begin(sink->user, &info);
    if (half->partial && !half->codings_len)
        begin_range(session, stream, side);
    return half->object;
}

/* Messages follow each other in one object, also when each is a gzip member of its own, which a reader of gzip takes as
 * one stream (RFC 1952 2.2). In any other coding each compressed one is an object by itself. */
static void begin_message(struct app_session *session, struct http2_stream *stream, enum side side)
{
    struct http2_half *half = &stream->half[side];
    bool coded = half->prefix[0] & 1;
    half->message_left = (uint32_t)half->prefix[1] << 24 | (uint32_t)half->prefix[2] << 16 |
                         (uint32_t)half->prefix[3] << 8 | half->prefix[4];
    half->prefix_len = 0;
    bool gzip = half->codings_len == 4 && memcmp(half->codings, "gzip", 4) == 0;
    bool apart = coded != half->coded || (coded && !gzip);
    half->coded = coded;
    if (apart && half->asked) {
        end_half(session, half, true);
        half->asked = half->ended = false;
    }
    if (half->message_left)
        object_of(session, stream, side, coded);
}

static void take_grpc(struct app_session *session, struct http2_stream *stream, enum side side, const uint8_t *data,
                      size_t len)
{
    struct http2_half *half = &stream->half[side];
    const struct object_sink *sink = app_objects(session);
    while (len) {
        if (!half->message_left) {
            half->prefix[half->prefix_len++] = *data++;
            len--;
            if (half->prefix_len == sizeof(half->prefix))
                begin_message(session, stream, side);
            continue;
        }
        size_t n = len < half->message_left ? len : half->message_left;
        if (half->object)
            sink->data(sink->user, half->object, data, n);
        half->message_left -= (uint32_t)n;
        data += n;
        len -= n;
    }
}

void http2_stream_data(struct app_session *session, struct http2_stream *stream, enum side side, const uint8_t *data,
                       size_t len)
{
    struct http2_half *half = &stream->half[side];
    const struct object_sink *sink = app_objects(session);
    half->taken += len;
    if (half->ended || !len)
        return;
    if (half->grpc) {
        take_grpc(session, stream, side, data, len);
        return;
    }
    struct object *object = object_of(session, stream, side, true);
    if (object)
        sink->data(sink->user, object, data, len);
    range_data(session, half, data, len);
}

void http2_stream_gap(struct app_session *session, struct http2_stream *stream, enum side side, uint64_t len)
{
    struct http2_half *half = &stream->half[side];
    const struct object_sink *sink = app_objects(session);
    half->taken += len;
    if (half->ended || !len)
        return;
    half->upload.active = false; /* what follows has lost its place in the whole */
    half->grpc &= half->message_left > len; /* past its end the next prefix is lost: the rest is taken as it comes */
    if (half->grpc)
        half->message_left -= (uint32_t)len;
    struct object *object = object_of(session, stream, side, true);
    if (object)
        sink->gap(sink->user, object, len);
}

void http2_stream_end(struct app_session *session, struct http2_stream *stream, enum side side, bool whole)
{
    struct http2 *h2 = app_state(session);
    struct http2_half *half = &stream->half[side];
    /* One whose headers were refused, or given up for other streams, may have begun anywhere. */
    bool all = whole && half->headers && !half->partial && !half->damaged && !half->message_left &&
               (half->length == OBJECT_SIZE_UNKNOWN || half->taken == half->length);
    end_half(session, half, all);
    end_range(session, stream, side);
    if (!stream->half[0].ended || !stream->half[1].ended)
        return;
    for (struct http2_stream **link = &h2->streams; *link; link = &(*link)->next) {
        if (*link == stream) {
            drop(session, link);
            return;
        }
    }
}

void http2_streams_damage(struct app_session *session, enum side side, uint32_t id, uint64_t len)
{
    struct http2 *h2 = app_state(session);
    for (struct http2_stream *stream = h2->streams; stream; stream = stream->next) {
        struct http2_half *half = &stream->half[side];
        if (!half->object)
            continue;
        if (stream->id == id)
            http2_stream_gap(session, stream, side, len);
        half->damaged = true;
        half->upload.active = false;
    }
}

void http2_streams_close(struct app_session *session)
{
    struct http2 *h2 = app_state(session);
    while (h2->streams)
        drop(session, &h2->streams);
}
