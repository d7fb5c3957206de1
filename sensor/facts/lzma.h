/* Raw LZMA (the coder of 7z headers), decoded whole from memory into memory. */
#ifndef FACTS_LZMA_H
#define FACTS_LZMA_H

#include <stddef.h>
#include <stdint.h>

/* `props`: the five bytes that describe the coder; what needs more than 16 KiB of model is refused. Returns how many
 * bytes stand in `out`: at most `size`, fewer when the input ends or is damaged. 0 when refused. Work is bounded by
 * `size`. */
size_t lzma_decode(const uint8_t props[5], const uint8_t *in, size_t len, uint8_t *out, size_t size);

#endif
