/* Content coding "br" (RFC 7932). */
#include <brotli/decode.h>

#include "codec.h"

#define OUT_BYTES 16384

struct br_state {
    BrotliDecoderState *decoder;
};

static bool br_open(void *user)
{
    struct br_state *state = user;
    state->decoder = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    return state->decoder != NULL;
}

static enum codec_result br_feed(void *user, const uint8_t *data, size_t len, codec_out out, void *to)
{
    struct br_state *state = user;
    uint8_t decoded[OUT_BYTES];
    for (;;) {
        uint8_t *next = decoded;
        size_t room = sizeof(decoded);
        BrotliDecoderResult result =
            BrotliDecoderDecompressStream(state->decoder, &len, &data, &room, &next, NULL);
        if (next > decoded && !out(to, decoded, (size_t)(next - decoded)))
            return CODEC_BAD;
        if (result == BROTLI_DECODER_RESULT_SUCCESS)
            return CODEC_DONE;
        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
            return CODEC_MORE;
        if (result == BROTLI_DECODER_RESULT_ERROR)
            return CODEC_BAD;
    }
}

static bool br_whole(const void *user)
{
    return BrotliDecoderIsFinished(((const struct br_state *)user)->decoder);
}

static void br_close(void *user)
{
    BrotliDecoderDestroyInstance(((struct br_state *)user)->decoder);
}

const struct codec_ops codec_br = {
    .names = "br",
    .state_size = sizeof(struct br_state),
    .open = br_open,
    .feed = br_feed,
    .whole = br_whole,
    .close = br_close,
};
