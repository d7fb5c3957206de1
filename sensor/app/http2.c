/* HTTP/2 frames (RFC 9113 4 and 6), streamed: DATA goes to its stream from where it lies, header blocks to libnghttp2's
 * HPACK. Begun by the client's preface (prior knowledge), by an upgrade from HTTP/1.1, or in the middle. Behind a gap
 * that hides a frame's beginning the next one is looked for; later header blocks refer to what was missed, so streams
 * that begin then have no names. */
#include "http2.h"

#include <stdlib.h>
#include <string.h>

enum {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RESET = 3,
    FRAME_SETTINGS = 4,
    FRAME_PROMISE = 5,
    FRAME_CONTINUATION = 9
};
enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8, FLAG_PRIORITY = 0x20 };
enum { SETTING_TABLE_SIZE = 1 };

#define TABLE_MAX 65536    /* of HPACK's dynamic table, whatever the peer would allow */
#define INFLATER_BYTES 4096

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof(preface) - 1)

static void *http2_shared_new(struct mem *mem)
{
    struct http2_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort(); /* only at start */
    shared->streams = pool_new(mem, MEM_FLOW, sizeof(struct http2_stream));
    return shared;
}

static void http2_shared_free(void *user)
{
    struct http2_shared *shared = user;
    pool_free(shared->streams);
    free(shared);
}

/* The server's preface is a SETTINGS frame on stream 0. */
static bool is_settings(const uint8_t *p, size_t len)
{
    return len >= 9 && p[0] == 0 && p[1] == 0 && p[2] % 6 == 0 && p[2] && p[3] == FRAME_SETTINGS && p[4] == 0 &&
           !p[5] && !p[6] && !p[7] && !p[8];
}

static enum app_probe http2_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    if (input->flow->midstream &&
        (http2_is_frame(client, client_len, true) || http2_is_frame(server, server_len, true)))
        return APP_YES;
    if (client_len) {
        size_t have = client_len < PREFACE_LEN ? client_len : PREFACE_LEN;
        if (memcmp(client, preface, have) != 0)
            return APP_NO;
        return have == PREFACE_LEN ? APP_YES : APP_MORE;
    }
    if (is_settings(server, server_len))
        return APP_YES;
    return server_len && server_len < 9 && server[0] == 0 && (server_len < 4 || server[3] == FRAME_SETTINGS)
               ? APP_MORE
               : APP_NO;
}

static bool http2_open(struct app_session *session)
{
    struct http2 *h2 = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        h2->side[side].lost = h2->side[side].blind = app_flow(session)->midstream;
        if (!mem_charge(app_mem(session), MEM_FLOW, INFLATER_BYTES))
            return false;
        if (nghttp2_hd_inflate_new(&h2->side[side].inflater) != 0) {
            mem_release(app_mem(session), MEM_FLOW, INFLATER_BYTES);
            h2->side[side].inflater = NULL;
            return false;
        }
    }
    return true;
}

/* ---- header blocks ---- */

/* False when the block is broken: the connection cannot be read any further. */
static bool take_block(struct app_session *session, enum side side, const uint8_t *data, size_t len, bool final)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    struct http2_stream *stream = http2_stream_of(session, s->block_subject);
    enum side speaker = s->block_promised ? side_other(side) : side; /* a promise holds the request that was spared */
    if (s->blind) { /* what it says is not known, but what follows is the stream's beginning */
        struct http2_half *half = stream ? &stream->half[speaker] : NULL;
        if (half && !half->headers)
            half->grpc = h2->grpc; /* a connection of gRPC carries nothing else */
        if (half && final)
            half->headers = true;
        return true;
    }
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(s->inflater, &field, &flags, data, len, final);
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
        if (flags & NGHTTP2_HD_INFLATE_EMIT && stream)
            http2_stream_header(session, stream, speaker, (struct text){(const char *)field.name, field.namelen},
                                (struct text){(const char *)field.value, field.valuelen});
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(s->inflater);
            if (stream)
                stream->half[speaker].headers = true;
            if (stream && s->block_promised)
                http2_stream_end(session, stream, speaker, true);
            return true;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !len)
            return true;
    }
}

static void end_stream(struct app_session *session, enum side side, uint32_t id, bool whole)
{
    struct http2_stream *stream = http2_stream_of(session, id);
    if (stream)
        http2_stream_end(session, stream, side, whole);
}

/* ---- frames ---- */

static bool is_block(uint8_t type)
{
    return type == FRAME_HEADERS || type == FRAME_PROMISE || type == FRAME_CONTINUATION;
}

/* Bytes before the part that matters: pad length, priority, promised stream. */
static uint8_t prefix_of(const struct http2_side *s)
{
    uint8_t n = 0;
    if (s->flags & FLAG_PADDED && (s->type == FRAME_DATA || s->type == FRAME_HEADERS || s->type == FRAME_PROMISE))
        n = 1;
    if (s->type == FRAME_HEADERS && s->flags & FLAG_PRIORITY)
        return (uint8_t)(n + 5);
    if (s->type == FRAME_PROMISE)
        return (uint8_t)(n + 4);
    return n;
}

static bool begin_frame(struct http2_side *s)
{
    const uint8_t *h = s->head;
    s->left = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    s->type = h[3];
    s->flags = h[4];
    s->stream = ((uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8]) & 0x7fffffff;
    s->head_len = 0;
    s->prefix_len = 0;
    s->prefix_want = prefix_of(s);
    s->padding = 0;
    s->setting_at = 0;
    s->in_frame = true;
    if (s->prefix_want > s->left)
        return false;
    if (is_block(s->type)) {
        if (!s->stream || (s->type == FRAME_CONTINUATION && s->stream != s->block_stream))
            return false;
        if (s->type != FRAME_CONTINUATION) {
            s->block_stream = s->block_subject = s->stream;
            s->block_promised = s->type == FRAME_PROMISE;
            s->block_ends_stream = s->type == FRAME_HEADERS && s->flags & FLAG_END_STREAM;
        }
    }
    return s->type != FRAME_DATA || s->stream;
}

static bool end_frame(struct app_session *session, enum side side)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    s->in_frame = false;
    if (is_block(s->type) && s->flags & FLAG_END_HEADERS) {
        if (!take_block(session, side, (const uint8_t *)"", 0, true))
            return false;
        if (s->block_ends_stream)
            end_stream(session, side, s->block_stream, true);
    } else if (s->type == FRAME_DATA && s->flags & FLAG_END_STREAM) {
        end_stream(session, side, s->stream, true);
    } else if (s->type == FRAME_RESET && s->stream) {
        end_stream(session, SIDE_CLIENT, s->stream, false);
        end_stream(session, SIDE_SERVER, s->stream, false);
    }
    return true;
}

/* What one side allows bounds what the other's encoder does. */
static void take_setting(struct http2 *h2, enum side side, uint8_t byte)
{
    struct http2_side *s = &h2->side[side];
    s->setting[s->setting_at++ % 6] = byte;
    if (s->setting_at % 6 || s->flags & FLAG_ACK || s->setting[0] || s->setting[1] != SETTING_TABLE_SIZE)
        return;
    uint32_t size = (uint32_t)s->setting[2] << 24 | (uint32_t)s->setting[3] << 16 | (uint32_t)s->setting[4] << 8 |
                    s->setting[5];
    nghttp2_hd_inflate_change_table_size(h2->side[side_other(side)].inflater, size < TABLE_MAX ? size : TABLE_MAX);
}

/* Part of a frame's payload; false when the connection cannot be read any further. */
static bool take_payload(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    while (len && s->prefix_len < s->prefix_want) {
        s->prefix[s->prefix_len++] = *data++;
        len--;
        s->left--;
        if (s->prefix_len == s->prefix_want && s->flags & FLAG_PADDED) {
            s->padding = s->prefix[0];
            if (s->padding > s->left)
                return false;
        }
        if (s->prefix_len == s->prefix_want && s->type == FRAME_PROMISE) {
            const uint8_t *p = s->prefix + s->prefix_len - 4;
            s->block_subject = ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]) & 0x7fffffff;
        }
    }
    size_t matter = len;
    if (len > s->left - s->padding)
        matter = s->left - s->padding;
    s->left -= (uint32_t)len;
    if (s->left < s->padding)
        s->padding = s->left;
    if (s->type == FRAME_DATA && matter) {
        struct http2_stream *stream = http2_stream_of(session, s->stream);
        if (stream)
            http2_stream_data(session, stream, side, data, matter);
        else
            app_shed(session, side, matter);
    } else if (is_block(s->type) && matter) {
        return take_block(session, side, data, matter, false);
    } else if (s->type == FRAME_SETTINGS) {
        for (size_t i = 0; i < matter; i++)
            take_setting(h2, side, data[i]);
    }
    return true;
}

static size_t take_preface(struct http2_side *s, const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && s->preface < PREFACE_LEN && data[n] == (uint8_t)preface[s->preface]) {
        s->preface++;
        n++;
    }
    if (n < len && s->preface < PREFACE_LEN)
        s->preface = PREFACE_LEN; /* none: picked up after it */
    return n;
}

/* ---- without a place ---- */

/* `len` bytes are missing, and with them where the next frame begins. */
static void lose(struct app_session *session, enum side side, uint64_t len)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    http2_streams_damage(session, side, s->in_frame && s->type == FRAME_DATA ? s->stream : 0, len);
    s->lost = s->blind = true;
    s->in_frame = false;
    s->head_len = 0;
    s->preface = PREFACE_LEN;
}

/* Bytes that may be anything: an object of their own, never whole. Returns how many there are before a frame. */
static size_t take_lost(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    const struct object_sink *sink = app_objects(session);
    if (side == SIDE_CLIENT && len >= PREFACE_LEN && memcmp(data, preface, PREFACE_LEN) == 0) {
        s->lost = s->blind = false; /* picked up at its beginning */
        return 0;
    }
    size_t n = http2_find_frame(data, len);
    if (n && app_is_content(session, side)) {
        const struct object_info info = {.flow = app_flow(session),
                                         .sender = side,
                                         .expected_size = OBJECT_SIZE_UNKNOWN,
                                         .tx_id = h2->streams_seen,
                                         .time_ns = app_now(session)};
        if (!s->stray)
            s->stray = sink->begin(sink->user, &info);
        if (s->stray)
            sink->data(sink->user, s->stray, data, n);
    }
    if (n < len) {
        if (s->stray)
            sink->end(sink->user, s->stray, OBJECT_TRUNCATED);
        s->stray = NULL;
        s->lost = false;
        s->preface = PREFACE_LEN;
    }
    return n;
}

static void http2_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    while (len) {
        size_t n = 1;
        bool good = true;
        if (s->lost) {
            n = take_lost(session, side, data, len);
        } else if (side == SIDE_CLIENT && s->preface < PREFACE_LEN) {
            n = take_preface(s, data, len);
        } else if (s->in_frame) {
            n = len < s->left ? len : s->left;
            good = take_payload(session, side, data, n);
        } else {
            s->head[s->head_len++] = *data;
            good = s->head_len < sizeof(s->head) || begin_frame(s);
        }
        if (good && s->in_frame && !s->left)
            good = end_frame(session, side);
        data += n;
        len -= n;
        if (!good && s->blind) {
            lose(session, side, 0);
        } else if (!good) {
            app_switch(session, &app_raw, len);
            return;
        }
    }
}

static void http2_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct http2 *h2 = app_state(session);
    struct http2_side *s = &h2->side[side];
    bool inside = s->in_frame && s->prefix_len == s->prefix_want && len <= s->left;
    if (!inside || is_block(s->type)) {
        lose(session, side, len);
        return;
    }
    uint64_t matter = s->left - s->padding;
    struct http2_stream *stream = s->type == FRAME_DATA ? http2_stream_of(session, s->stream) : NULL;
    if (stream)
        http2_stream_gap(session, stream, side, len < matter ? len : matter);
    s->left -= (uint32_t)len;
    if (s->left < s->padding)
        s->padding = s->left;
    if (!s->left && !end_frame(session, side))
        lose(session, side, 0);
}

static void http2_close(struct app_session *session)
{
    struct http2 *h2 = app_state(session);
    const struct object_sink *sink = app_objects(session);
    http2_streams_close(session);
    for (unsigned side = 0; side < 2; side++) {
        if (h2->side[side].stray)
            sink->end(sink->user, h2->side[side].stray, OBJECT_TRUNCATED);
        if (!h2->side[side].inflater)
            continue;
        nghttp2_hd_inflate_del(h2->side[side].inflater);
        mem_release(app_mem(session), MEM_FLOW, INFLATER_BYTES);
    }
}

const struct app_ops app_http2 = {
    .name = "http2",
    .transports = APP_TCP,
    .state_size = sizeof(struct http2),
    .probe = http2_probe,
    .open = http2_open,
    .data = http2_data,
    .gap = http2_gap,
    .rest = app_rest_as_it_is,
    .close = http2_close,
    .shared_new = http2_shared_new,
    .shared_free = http2_shared_free,
};
