/* Marker codes of JPEG (T.81 table B.1) that others than the walk ask about. */
#ifndef FACTS_JPEG_H
#define FACTS_JPEG_H

#include <stdbool.h>
#include <stdint.h>

/* May a segment with this code stand between SOI and the first scan? */
static inline bool jpeg_is_header_code(uint8_t code)
{
    return (code >= 0xc0 && code <= 0xcf && code != 0xc8) || (code >= 0xdb && code <= 0xef && code != 0xde) ||
           code == 0xfe || code == 0xf7 || code == 0xf8;
}

#endif
