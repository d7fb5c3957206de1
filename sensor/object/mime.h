/* MIME headers (RFC 2045, 2183): one part's header block, and the parameters of its fields. */
#ifndef DLP_OBJECT_MIME_H
#define DLP_OBJECT_MIME_H

#include <stdbool.h>

#include "meta.h"

#define MIME_HEADERS_MAX 8192
#define MIME_VALUE_MAX 1024

struct mime_headers {
    char content_type[MIME_VALUE_MAX];
    char disposition[MIME_VALUE_MAX];
    char encoding[64];         /* Content-Transfer-Encoding */
    char content_encoding[64]; /* no header of MIME, but some clients compress parts and say so */
};

/* A line such as "Name: value", or the "From " line of a mailbox file. */
bool mime_is_header_line(const char *line, size_t len);
/* Reads a header block (lines up to the empty one, CRLF or LF, folded lines joined). */
void mime_read(struct mime_headers *headers, const char *block, size_t len);
/* The parameter `name` of a field value: token, quoted string, RFC 2231 continuations and extended
 * values (charset dropped, %XX undone). Returns bytes put to `out` (no terminator), 0 when absent.
 */
size_t mime_parameter(const char *value, const char *name, char *out, size_t out_len);

#endif
