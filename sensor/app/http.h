/* HTTP/1.x, internal. One message at a time on each side:
 *
 *      HEAD --(libhtp read start line and fields)--> BODY --(length, last chunk, close)--> HEAD
 *        \                                             |
 *         \-- not HTTP, a gap, a refusal --> LOST <----/ (a gap that hides where the body ends)
 *
 * libhtp reads heads, one parser for each, because that is where HTTP is hard to read as servers do. Bodies are
 * delimited here: that keeps their bytes uncopied, their ends exact, and a gap inside one an ordinary value.
 * In LOST the bytes still reach an object; a start line at the beginning of a line brings the side back.
 *
 * The two sides are parsed apart; requests leave an exchange behind for the response that will come. */
#ifndef DLP_APP_HTTP_H
#define DLP_APP_HTTP_H

#include <htp/htp.h>

#include "app.h"
#include "header_value.h"
#include "http_parts.h"

#define HTTP_HEAD_MAX (256u * 1024) /* bytes of one head */
#define HTTP_PENDING_MAX 64         /* requests that wait for their responses */

enum http_stage {
    HTTP_HEAD,
    HTTP_BODY,
    HTTP_LOST,
    HTTP_IGNORE, /* nothing on this side is content, and no answer is waited for */
    HTTP_HOLD    /* the client asked for a tunnel and the answer has not come */
};

/* What a request leaves for its response. Shared by both while either needs it. */
struct http_exchange {
    struct http_exchange *next;
    struct meta *meta;
    uint64_t tx_id;
    uint8_t references;
    bool head;    /* HEAD: the response has no body */
    bool connect; /* a 2xx opens a tunnel */
    bool upgrade; /* a 101 changes the protocol */
    bool queued;  /* waits for its response */
    struct upload_ref created; /* what the response may give a name */
};

enum http_framing { HTTP_NO_BODY, HTTP_LENGTH, HTTP_CHUNKED, HTTP_TO_END };

enum chunk_state { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER };

struct http_body {
    enum http_framing framing;
    uint64_t left;  /* HTTP_LENGTH: bytes to come; HTTP_CHUNKED: of this chunk */
    enum chunk_state chunk;
    bool digits;    /* the size line has one */
    bool line_empty; /* trailer line so far */
    uint8_t line_len;
    uint8_t line[32]; /* the size line so far, in case it turns out to be none */
};

struct http_message {
    enum http_stage stage;
    htp_connp_t *parser;    /* of the head; kept until the body's first byte names the object */
    size_t charged;         /* bytes charged to MEM_FLOW for it */
    size_t head_bytes;      /* given to it so far */
    bool head_done;         /* its fields are complete */
    bool cr, bare;          /* response: a CR waits for the byte behind it; a LF without one came last */
    bool partial;           /* the body is a part of something larger */
    struct http_part part;
    struct http_body body;
    struct object *object;
    bool gap;               /* bytes of its body never came */
    bool begun;             /* an object was asked for, whether or not one was granted */
    uint64_t gap_before;    /* LOST: bytes known to be missing before what comes next */
    bool refused;           /* LOST: the start line at hand was tried and could not be read */
    struct http_exchange *exchange;
};

struct http {
    struct http_message message[2];
    struct http_exchange *first, *last; /* requests whose responses have not begun */
    unsigned pending;
    unsigned unasked; /* responses that came before their requests */
    uint64_t next_tx;
    enum side requester; /* who sends requests: the server, when a flow is picked up at a response */
    bool roles_known;
    bool answers;        /* responses are content */
};

static inline bool http_is_request(const struct http *http, enum side side)
{
    return side == http->requester;
}

/* What the sessions of one worker share. */
struct http_shared {
    htp_cfg_t *config;
    struct pool *exchanges;
    struct uploads *uploads;
};

/* http_probe.c */
enum app_probe http_probe(const struct app_probe_input *input);
enum app_probe http_looks_like_request(const uint8_t *data, size_t len);
enum app_probe http_looks_like_response(const uint8_t *data, size_t len);
/* Offset of the first start line that begins at `data` or after a newline; `len` when none. */
size_t http_find_start(bool request, const uint8_t *data, size_t len);

/* http_head.c */
enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_DONE, HTTP_HEAD_BAD };
void *http_shared_new(struct mem *mem);
void http_shared_free(void *shared);
/* Feeds the head parser; *used says how many bytes belong to the head. */
enum http_head_result http_head_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len,
                                     size_t *used);
void http_head_drop(struct app_session *session, struct http_message *message);
htp_tx_t *http_head_tx(const struct http *http, enum side side);
struct text http_header(const htp_table_t *headers, const char *name);
/* What the head says to those who put files together. */
struct http_part_head http_part_head_of(struct app_session *session, enum side side);
/* How the body of this message ends, and whether it is a part; fills body, part and partial. */
void http_head_framing(struct app_session *session, enum side side);

/* http_exchange.c */
struct http_exchange *http_exchange_new(struct app_session *session);
void http_exchange_drop(struct app_session *session, struct http_exchange *exchange);
void http_exchange_of_request(struct app_session *session, const htp_tx_t *tx);
void http_exchange_of_response(struct app_session *session, const htp_tx_t *tx);
void http_exchange_forget(struct app_session *session);
/* Its response is to be read. */
void http_exchange_expect(struct http *http, struct http_exchange *exchange);

/* http_object.c */
void http_object_begin(struct app_session *session, enum side side);
void http_object_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void http_object_gap(struct app_session *session, enum side side, uint64_t len);
void http_object_end(struct app_session *session, enum side side, enum object_state state);

/* http_body.c */
enum http_body_result { HTTP_BODY_MORE, HTTP_BODY_DONE, HTTP_BODY_BAD };
/* Hands body bytes to the object. *used: bytes that belong to the message. */
enum http_body_result http_body_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len,
                                     size_t *used);
/* `len` bytes never came; *used as above, what is left of the gap follows the message. BAD: the end is lost. */
enum http_body_result http_body_gap(struct app_session *session, enum side side, uint64_t len, uint64_t *used);

#endif
