/* HTTP/2 (RFC 9113) in clear text, internal: http2.c cuts frames, http2_stream.c makes objects of streams. */
#ifndef DLP_APP_HTTP2_H
#define DLP_APP_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "app.h"
#include "header_value.h"
#include "http_parts.h"

#define HTTP2_HEAD 9          /* bytes of a frame's head */
#define HTTP2_STREAMS_MAX 256 /* open at once; then the one that was idle longest goes */

struct http2_half { /* one direction of a stream */
    struct object *object;
    bool asked, ended;
    bool headers;     /* the first header block was complete */
    bool damaged;     /* bytes of it may have been missed */
    bool partial;     /* a range of something larger, from `first` of `total` */
    uint64_t first, total;
    struct upload_ref upload;
    uint64_t length;  /* content-length, or OBJECT_SIZE_UNKNOWN */
    uint64_t taken;   /* body bytes so far */
    bool grpc;        /* length-prefixed messages: the prefixes are taken out */
    uint8_t prefix[5];
    uint8_t prefix_len;
    uint32_t message_left;
    bool coded;       /* the open object's messages are compressed */
    uint16_t name_len, type_len;
    uint8_t codings_len;
    char codings[HEADER_CODINGS_ROOM];
    char type[256];
    char name[256];   /* of Content-Disposition */
};

struct http2_stream {
    struct http2_stream *next;
    uint32_t id;
    uint64_t used_at, number;
    struct meta *meta;
    struct http2_half half[2];
};

struct http2_side {
    uint8_t head[9];
    uint8_t head_len;
    uint32_t left;    /* of the frame's payload */
    uint8_t type, flags;
    uint32_t stream;
    uint8_t prefix[6]; /* pad length, priority, promised stream */
    uint8_t prefix_len, prefix_want;
    uint32_t padding;
    bool in_frame;
    uint8_t preface;  /* bytes of the client's preface seen */
    uint32_t setting_at; /* bytes of a SETTINGS frame seen */
    uint8_t setting[6];
    uint32_t block_stream; /* of a header block that continues */
    uint32_t block_subject; /* the stream it is about: another one, when it is promised */
    bool block_ends_stream, block_promised;
    bool lost;        /* where the next frame begins is not known */
    bool blind;       /* header blocks were missed: those that follow refer to them, and are passed over */
    struct object *stray; /* bytes while the place is lost */
    nghttp2_hd_inflater *inflater;
};

struct http2 {
    struct http2_side side[2];
    struct http2_stream *streams;
    unsigned stream_count;
    uint64_t clock, streams_seen;
    bool grpc; /* some stream said so */
};

struct http2_shared {
    struct pool *streams;
};

struct http2_stream *http2_stream_of(struct app_session *session, uint32_t id);
void http2_stream_header(struct app_session *session, struct http2_stream *stream, enum side side, struct text name,
                         struct text value);
void http2_stream_data(struct app_session *session, struct http2_stream *stream, enum side side, const uint8_t *data,
                       size_t len);
void http2_stream_gap(struct app_session *session, struct http2_stream *stream, enum side side, uint64_t len);
/* END_STREAM (whole) or a reset. Frees the stream when both sides are done: do not use it after. */
void http2_stream_end(struct app_session *session, struct http2_stream *stream, enum side side, bool whole);
/* Bytes of this side were missed, nobody knows whose; those of `id`, most of them. */
void http2_streams_damage(struct app_session *session, enum side side, uint32_t id, uint64_t len);
void http2_streams_close(struct app_session *session);

/* Whether a frame begins here, as far as the bytes tell; `whole`: it must end with them or be followed by another. */
bool http2_is_frame(const uint8_t *data, size_t len, bool whole);
size_t http2_find_frame(const uint8_t *data, size_t len); /* offset of the first one, `len` when there is none */

#endif
