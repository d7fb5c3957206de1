/* Memory for codecs from the objects' buffer heap, so that a decoder's window is charged like the
 * bytes it decodes and is used again by the next one. */
#include "codec_memory.h"

void *codec_alloc(struct codec_memory *memory, size_t size)
{
    for (unsigned i = 0; i < CODEC_BLOCKS; i++) {
        struct buffer *block = &memory->block[i];
        if (!block->cap)
            return buffer_reserve(memory->heap, block, size ? size : 1) ? block->data : NULL;
    }
    return NULL;
}

void codec_free(struct codec_memory *memory, void *data)
{
    for (unsigned i = 0; data && i < CODEC_BLOCKS; i++) {
        if (memory->block[i].cap && memory->block[i].data == data) {
            buffer_release(memory->heap, &memory->block[i]);
            return;
        }
    }
}

bool codec_charge(struct codec_memory *memory, size_t *held, size_t size)
{
    if (size > *held) {
        if (!mem_charge(memory->mem, MEM_OBJECT, size - *held))
            return false;
    } else {
        mem_release(memory->mem, MEM_OBJECT, *held - size);
    }
    memory->outside += size - *held; /* wraps back when it shrinks */
    *held = size;
    return true;
}

void codec_memory_release(struct codec_memory *memory)
{
    for (unsigned i = 0; i < CODEC_BLOCKS; i++)
        buffer_release(memory->heap, &memory->block[i]);
    mem_release(memory->mem, MEM_OBJECT, memory->outside);
    memory->outside = 0;
}
