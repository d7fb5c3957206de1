/* UTF-8 (RFC 3629), written. */
#ifndef DLP_UTF8_H
#define DLP_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* At most four bytes go to `out`; returns how many. */
static inline size_t utf8_put(char *out, uint32_t c)
{
    size_t n = 0;
    if (c < 0x80) {
        out[n++] = (char)c;
        return n;
    }
    if (c < 0x800) {
        out[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        out[n++] = (char)(0xe0 | c >> 12);
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        out[n++] = (char)(0xf0 | c >> 18);
        out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    out[n++] = (char)(0x80 | (c & 0x3f));
    return n;
}

#endif
