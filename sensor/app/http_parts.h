/* Files that travel in parts: byte ranges (RFC 9110 14), resumable uploads, the multipart uploads of object stores.
 * Each part is an object of its own, never called whole; when the last one has come, all of them together are one more,
 * whole object. Parts may come over several connections and in any order, so their bytes are kept, within bounds
 * and for a while, in a table that all flows of a worker share. */
#ifndef DLP_APP_HTTP_PARTS_H
#define DLP_APP_HTTP_PARTS_H

#include "app.h"
#include "header_value.h"

struct http_parts;
struct http_parts *http_parts_new(struct mem *mem);
void http_parts_free(struct http_parts *parts);

struct http_part { /* in a message: where its body goes */
    bool active;
    uint8_t slot;
    uint64_t generation; /* of the slot, which may have been used again */
    uint64_t order;      /* first byte, or part number */
};

struct http_part_head { /* what the message says */
    struct text method, host, url, range, offset, length; /* Content-Range, Upload-Offset, Upload-Length */
    struct text type, disposition, codings;
};

enum http_part_kind {
    HTTP_NO_PART,
    HTTP_PART,      /* bytes of something larger: *part tells where they go */
    HTTP_LAST_PART  /* the request that closes a multipart upload: http_parts_join() it */
};

enum http_part_kind http_part_begin(struct app_session *session, struct http_parts *parts, enum side side,
                                    const struct http_part_head *head, struct http_part *part);
void http_part_data(struct http_parts *parts, struct http_part *part, const uint8_t *data, size_t len);
/* The part's body ended. Hands on the joined object when nothing is missing. */
void http_part_end(struct app_session *session, struct http_parts *parts, enum side side, struct http_part *part,
                   bool whole, struct meta *meta, uint64_t tx_id);

#endif
