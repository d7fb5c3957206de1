/* Lines of text protocols, in any number of pieces. */
#ifndef DLP_APP_LINE_H
#define DLP_APP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meta.h"

#define LINE_ROOM 1024 /* longer lines keep their beginning, and in `tail` their end */
#define LINE_TAIL 32

struct line {
    uint16_t len;
    bool whole; /* the text below is a whole line; the next call begins another */
    uint8_t tail_len;
    char tail[LINE_TAIL]; /* the last bytes before the line's end */
    char text[LINE_ROOM];
};

/* Consumes bytes up to and with the next LF. True when a line is whole: line->text, without its end. */
bool line_take(struct line *line, const uint8_t **data, size_t *len);
/* For app_ops.rest: zeroes what will not be read again. */
void line_rest(struct line *line);
/* Whether the line begins with `word`, ASCII case ignored, followed by a blank or nothing. *rest: what follows. */
bool line_verb(const struct line *line, const char *word, struct text *rest);
/* The number in braces that ends an IMAP line, "{310}" or "{310+}" (RFC 9051 4.3). */
bool line_literal(const struct line *line, uint64_t *len, bool *waits);
/* The three digits a reply begins with (RFC 5321 4.2, RFC 959 4.2), 0 when it does not; *last: not continued. */
unsigned line_reply(const struct line *line, bool *last);
/* The same for bytes a probe looks at: whether a whole line is there and begins with one of the words. */
bool begins_with_word(const uint8_t *data, size_t len, const char *const *words);
/* The last segment of a path, either slash. */
struct text path_name(struct text path);

#endif
