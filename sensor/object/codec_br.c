/* Content coding "br" (RFC 7932). Its memory comes through the codec's own allocator, so a sender's
 * choice of a 16 MiB window is charged like any other byte. */
#include <brotli/decode.h>

#include "codec.h"

#define OUT_BYTES 16384

struct br_state {
    BrotliDecoderState *decoder;
};

static void *take(void *memory, size_t size)
{
    return codec_alloc(memory, size);
}

static void give_back(void *memory, void *block)
{
    codec_free(memory, block);
}

static bool br_open(void *user, struct codec_memory *memory)
{
    struct br_state *state = user;
    state->decoder = BrotliDecoderCreateInstance(take, give_back, memory);
    return state->decoder != NULL;
}

static enum codec_result br_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                 const struct codec_sink *sink)
{
    struct br_state *state = user;
    uint8_t decoded[OUT_BYTES];
    size_t left = len;
    for (;;) {
        uint8_t *next = decoded;
        size_t room = sizeof(decoded);
        BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state->decoder, &left, &data, &room, &next, NULL);
        *used = len - left;
        if (next > decoded && !sink->data(sink->user, decoded, (size_t)(next - decoded)))
            return CODEC_BAD;
        if (result == BROTLI_DECODER_RESULT_SUCCESS)
            return CODEC_DONE;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
            return CODEC_MORE;
        if (result == BROTLI_DECODER_RESULT_ERROR)
            return CODEC_BAD;
    }
}

static bool br_finish(void *user, const struct codec_sink *sink)
{
    (void)sink;
    return BrotliDecoderIsFinished(((const struct br_state *)user)->decoder);
}

static void br_close(void *user)
{
    BrotliDecoderDestroyInstance(((struct br_state *)user)->decoder);
}

const struct codec_ops codec_br = {
    .names = "br",
    .state_size = sizeof(struct br_state),
    .unmarked = true,
    .open = br_open,
    .feed = br_feed,
    .finish = br_finish,
    .close = br_close,
};
