/* Text that ends with a line of one dot (RFC 5321 4.1.1.4 and 4.5.2, RFC 1939 3), leading dots undone. */
#ifndef DLP_APP_DOT_H
#define DLP_APP_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dot_state { DOT_LINE_START, DOT_INSIDE, DOT_AFTER, DOT_AFTER_CR };

struct dot_text {
    enum dot_state state;
    bool crlf;    /* a line ended in CRLF: then only such lines count (a bare LF must not end a message) */
    bool last_cr; /* the last byte taken was a CR */
};

typedef void (*dot_out)(void *user, const uint8_t *data, size_t len);

/* Hands on runs of text from where they lie. Returns the bytes taken; *done when the end was among them. */
size_t dot_take(struct dot_text *dot, const uint8_t *data, size_t len, dot_out out, void *user, bool *done);

#endif
