/* Content coding "zstd" (RFC 8878). The window is bounded at 8 MiB, what RFC 9659 asks of HTTP senders. */
#include <zstd.h>

#include "codec.h"

#define OUT_BYTES 16384
#define WINDOW_LOG_MAX 23

struct zstd_state {
    ZSTD_DStream *stream;
    size_t hint; /* 0: a frame ended just here */
};

static bool zstd_open(void *user)
{
    struct zstd_state *state = user;
    state->hint = 1;
    state->stream = ZSTD_createDStream();
    return state->stream &&
           !ZSTD_isError(ZSTD_DCtx_setParameter(state->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
}

static enum codec_result zstd_feed(void *user, const uint8_t *data, size_t len, codec_out out, void *to)
{
    struct zstd_state *state = user;
    uint8_t decoded[OUT_BYTES];
    ZSTD_inBuffer in = {data, len, 0};
    for (;;) {
        ZSTD_outBuffer into = {decoded, sizeof(decoded), 0};
        state->hint = ZSTD_decompressStream(state->stream, &into, &in);
        if (ZSTD_isError(state->hint))
            return CODEC_BAD;
        if (into.pos && !out(to, decoded, into.pos))
            return CODEC_BAD;
        if (in.pos == in.size && into.pos < sizeof(decoded))
            return CODEC_MORE;
    }
}

static bool zstd_whole(const void *user)
{
    return ((const struct zstd_state *)user)->hint == 0;
}

static void zstd_close(void *user)
{
    ZSTD_freeDStream(((struct zstd_state *)user)->stream);
}

const struct codec_ops codec_zstd = {
    .names = "zstd",
    .state_size = sizeof(struct zstd_state),
    .open = zstd_open,
    .feed = zstd_feed,
    .whole = zstd_whole,
    .close = zstd_close,
};
