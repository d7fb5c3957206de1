/* The blocks of one chain of codecs. Brotli takes about a dozen at a time, zlib two: a small table
 * is enough, and finding a block in it costs nothing beside what a decoder does with one. */
#ifndef DLP_OBJECT_CODEC_MEMORY_H
#define DLP_OBJECT_CODEC_MEMORY_H

#include "codec.h"
#include "mem.h"

#define CODEC_BLOCKS 48

struct codec_memory {
    struct mem *mem;
    struct buffer_heap *heap;
    size_t outside; /* charged for what libraries allocated themselves */
    struct buffer block[CODEC_BLOCKS];
};

void codec_memory_release(struct codec_memory *memory); /* every block, and the charge */

#endif
