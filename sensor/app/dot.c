/* Dot-terminated text. A dot that begins a line is never part of the text: it is either the end or a stuffed one. */
#include "dot.h"

#include <string.h>

static void give(dot_out out, void *user, const uint8_t *from, const uint8_t *to)
{
    if (to > from)
        out(user, from, (size_t)(to - from));
}

/* To the next line start; returns the new place. */
static size_t skip_line(struct dot_text *dot, const uint8_t *data, size_t at, size_t len)
{
    const uint8_t *newline = memchr(data + at, '\n', len - at);
    if (!newline) {
        dot->last_cr = data[len - 1] == '\r';
        return len;
    }
    bool crlf = newline > data + at ? newline[-1] == '\r' : dot->last_cr;
    dot->crlf |= crlf;
    dot->last_cr = false;
    if (crlf || !dot->crlf)
        dot->state = DOT_LINE_START;
    return (size_t)(newline - data) + 1;
}

size_t dot_take(struct dot_text *dot, const uint8_t *data, size_t len, dot_out out, void *user, bool *done)
{
    size_t at = 0, run = 0;
    *done = false;
    while (at < len) {
        switch (dot->state) {
        case DOT_LINE_START:
            dot->state = DOT_INSIDE;
            if (data[at] == '.') {
                give(out, user, data + run, data + at);
                dot->state = DOT_AFTER;
                run = ++at;
            }
            break;
        case DOT_INSIDE:
            at = skip_line(dot, data, at, len);
            break;
        case DOT_AFTER:
            if (data[at] == '\n' && !dot->crlf) {
                *done = true;
                return at + 1;
            }
            dot->state = data[at] == '\r' ? DOT_AFTER_CR : DOT_INSIDE;
            if (data[at] == '\r')
                run = ++at;
            break;
        case DOT_AFTER_CR:
            if (data[at] == '\n') {
                *done = true;
                return at + 1;
            }
            out(user, (const uint8_t *)"\r", 1); /* a stuffed dot, and a CR that ends no line */
            dot->last_cr = true;
            dot->state = DOT_INSIDE;
            break;
        }
    }
    give(out, user, data + run, data + at);
    return len;
}
