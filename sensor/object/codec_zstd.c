/* Content coding "zstd" (RFC 8878). The window is bounded at 8 MiB, what RFC 9659 asks of HTTP
 * senders. The library's stable interface allocates by itself; what it holds is charged after each
 * call. */
#include <zstd.h>

#include "codec.h"

#define OUT_BYTES 16384
#define WINDOW_LOG_MAX 23

struct zstd_state {
    ZSTD_DStream *stream;
    struct codec_memory *memory;
    size_t held; /* bytes charged for the stream */
    size_t hint; /* 0: a frame ended just here */
    uint8_t magic[4];
    uint8_t magic_len; /* 4 once the first frame's magic was seen and fed */
};

static bool zstd_open(void *user, struct codec_memory *memory)
{
    struct zstd_state *state = user;
    state->hint = 1;
    state->memory = memory;
    state->stream = ZSTD_createDStream();
    if (!state->stream)
        return false;
    if (!ZSTD_isError(ZSTD_DCtx_setParameter(state->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)) &&
        codec_charge(memory, &state->held, ZSTD_sizeof_DStream(state->stream)))
        return true;
    ZSTD_freeDStream(state->stream);
    return false;
}

/* A frame (RFC 8878 3.1.1) or a skippable one (3.1.2). */
static bool is_frame(const uint8_t magic[4])
{
    return (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) ||
           ((magic[0] & 0xf0) == 0x50 && magic[1] == 0x2a && magic[2] == 0x4d && magic[3] == 0x18);
}

static enum codec_result run(struct zstd_state *state, const uint8_t *data, size_t len,
                             const struct codec_sink *sink)
{
    uint8_t decoded[OUT_BYTES];
    ZSTD_inBuffer in = {data, len, 0};
    for (;;) {
        ZSTD_outBuffer into = {decoded, sizeof(decoded), 0};
        state->hint = ZSTD_decompressStream(state->stream, &into, &in);
        if (ZSTD_isError(state->hint) ||
            !codec_charge(state->memory, &state->held, ZSTD_sizeof_DStream(state->stream)))
            return CODEC_BAD;
        if (into.pos && !sink->data(sink->user, decoded, into.pos))
            return CODEC_BAD;
        if (in.pos == in.size && into.pos < sizeof(decoded))
            return CODEC_MORE; /* another frame may follow (3.1) */
    }
}

static enum codec_result zstd_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                   const struct codec_sink *sink)
{
    struct zstd_state *state = user;
    size_t at = 0;
    (void)used;
    if (state->magic_len < 4) {
        while (state->magic_len < 4 && at < len)
            state->magic[state->magic_len++] = data[at++];
        if (state->magic_len < 4)
            return CODEC_MORE;
        if (!is_frame(state->magic))
            return CODEC_OTHER;
        if (run(state, state->magic, 4, sink) == CODEC_BAD)
            return CODEC_BAD;
    }
    return at < len ? run(state, data + at, len - at, sink) : CODEC_MORE;
}

static bool zstd_finish(void *user, const struct codec_sink *sink)
{
    const struct zstd_state *state = user;
    (void)sink;
    return state->hint == 0 || !state->magic_len;
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
    .finish = zstd_finish,
    .close = zstd_close,
};
