/* Encoded words (RFC 2047): "=?utf-8?B?...?=" in headers and, against the rules and everywhere, in names. */
#ifndef DLP_ENCODED_WORDS_H
#define DLP_ENCODED_WORDS_H

#include <stddef.h>

/* Undone in place; returns the new length, which is never more. Latin charsets become UTF-8 where there is room for
 * it (a word is longer than what it holds), others stay as they are. */
size_t encoded_words(char *text, size_t len);
/* Text of a Latin charset becomes UTF-8 in place, unless that needs more than `room`; of another it stays as it is. */
size_t text_to_utf8(const char *charset, size_t charset_len, char *text, size_t len, size_t room);
/* %XX undone in place (RFC 2231 4, RFC 3986 2.1). */
size_t undo_percent(char *text, size_t len);

#endif
