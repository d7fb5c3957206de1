/* Values of header fields, for every decoder that has them. */
#ifndef DLP_APP_HEADER_VALUE_H
#define DLP_APP_HEADER_VALUE_H

#include <stdbool.h>

#include "meta.h"

#define HEADER_NAME_ROOM 512
#define HEADER_CODINGS_ROOM 128

/* The value of parameter `name` of a header such as Content-Disposition, quotes and escapes undone, RFC 8187
 * encoding (name*=) preferred and decoded. Returns its length, 0 when absent. */
size_t header_parameter(struct text value, const char *name, char *out, size_t room);
/* The last segment of a URL's path, without query, percent-encoding undone. */
size_t url_file_name(struct text url, char *out, size_t room);
bool text_contains(struct text text, const char *word); /* ASCII case ignored */
/* Appends a list of codings to the `n` bytes in `out` and returns the new length. Of transfer codings only those that
 * compress are taken. */
size_t header_codings(struct text list, bool transfer, char out[HEADER_CODINGS_ROOM], size_t n);
/* One more, which was put on last, unless it is there. */
size_t header_coding_add(char out[HEADER_CODINGS_ROOM], size_t n, const char *token);
/* A decimal number alone; false, and *number as it was, when it is none. */
bool header_number(struct text text, uint64_t *number);

#endif
