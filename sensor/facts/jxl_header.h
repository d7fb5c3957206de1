/* The beginning of a JPEG XL codestream (ISO/IEC 18181-1): size, what kind of picture, the first frame's first bits. */
#ifndef FACTS_JXL_HEADER_H
#define FACTS_JXL_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JXL_HEADER_MAX 96 /* bytes that hold what is read of any picture */

struct jxl_header {
    uint32_t width, height;
    unsigned components; /* colours, and transparency */
    bool framed;         /* a colour profile of a sane size follows, or a frame of a legal kind at the next byte */
};

enum jxl_answer { JXL_MORE, JXL_BAD, JXL_HEADER };

/* MORE: `len` bytes do not reach. */
enum jxl_answer jxl_read_header(const uint8_t *p, size_t len, struct jxl_header *header);

#endif
