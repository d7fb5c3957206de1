/* Inflating as bytes arrive. A sender may declare a coding and not use it, and "deflate" means zlib
 * to the standard (RFC 9110 8.4.1.2) and raw deflate to many servers: the first two bytes decide,
 * as receivers do. */
#include "inflate.h"

#include <string.h>

#define OUT_BYTES 16384

static bool is_gzip(const uint8_t head[2])
{
    return head[0] == 0x1f && head[1] == 0x8b;
}

static bool is_zlib(const uint8_t head[2])
{
    return (head[0] & 0x0f) == 8 && (head[0] >> 4) <= 7 && (head[0] * 256u + head[1]) % 31 == 0;
}

static voidpf take(voidpf memory, uInt items, uInt size)
{
    return codec_alloc(memory, (size_t)items * size);
}

static void give_back(voidpf memory, voidpf block)
{
    codec_free(memory, block);
}

static bool initialise(struct inflate_state *state, int bits)
{
    state->stream.zalloc = take;
    state->stream.zfree = give_back;
    state->stream.opaque = state->memory;
    state->opened = inflateInit2(&state->stream, bits) == Z_OK;
    return state->opened;
}

bool inflate_open_raw(struct inflate_state *state, struct codec_memory *memory)
{
    state->form = INFLATE_RAW;
    state->memory = memory;
    return initialise(state, -15);
}

static enum codec_result recognise(struct inflate_state *state)
{
    int bits = 15;
    if (is_gzip(state->head))
        bits += 16;
    else if (state->form == INFLATE_GZIP && !is_zlib(state->head))
        return CODEC_OTHER;
    else if (!is_zlib(state->head))
        bits = -15;
    return initialise(state, bits) ? CODEC_MORE : CODEC_BAD;
}

static enum codec_result run(struct inflate_state *state, const uint8_t *data, size_t len,
                             size_t *used, const struct codec_sink *sink)
{
    uint8_t decoded[OUT_BYTES];
    state->stream.next_in = (Bytef *)(uintptr_t)data; /* zlib only reads it */
    state->stream.avail_in = (uInt)len;
    for (;;) {
        state->stream.next_out = decoded;
        state->stream.avail_out = sizeof(decoded);
        int result = inflate(&state->stream, Z_NO_FLUSH);
        size_t n = sizeof(decoded) - state->stream.avail_out;
        *used = len - state->stream.avail_in;
        if (n && !sink->data(sink->user, decoded, n))
            return CODEC_BAD;
        if (result == Z_STREAM_END)
            return CODEC_DONE;
        if (result != Z_OK && result != Z_BUF_ERROR)
            return CODEC_BAD;
        if (result == Z_BUF_ERROR || (!state->stream.avail_in && n < sizeof(decoded)))
            return CODEC_MORE;
    }
}

/* Takes bytes until two are there; false while they are not. */
static bool take_head(struct inflate_state *state, const uint8_t *data, size_t len, size_t *at)
{
    while (state->head_len < 2 && *at < len)
        state->head[state->head_len++] = data[(*at)++];
    return state->head_len == 2;
}

/* Another member behind the first (RFC 1952 2.2) goes on in the same body; anything else is not
 * ours. A first magic byte at the very end of one call is waited for, so `ended` with a head_len of
 * 1 is a state of its own. */
static enum codec_result next_member(struct inflate_state *state, const uint8_t *data, size_t len,
                                     size_t *at)
{
    size_t from = *at;
    if (!state->head_len && *at < len && data[*at] != 0x1f)
        return CODEC_DONE;
    if (!take_head(state, data, len, at))
        return CODEC_MORE;
    if (!is_gzip(state->head)) {
        *at = from; /* a 0x1f that came with the call before is not worth giving back */
        return CODEC_DONE;
    }
    state->ended = false;
    return inflateReset(&state->stream) == Z_OK ? CODEC_MORE : CODEC_BAD;
}

/* The two bytes of the head, then the rest. */
static enum codec_result run_member(struct inflate_state *state, const uint8_t *data, size_t len,
                                    size_t *at, const struct codec_sink *sink)
{
    size_t n;
    if (state->head_len) {
        state->head_len = 0;
        enum codec_result result = run(state, state->head, 2, &n, sink);
        if (result != CODEC_MORE)
            return result;
    }
    if (*at == len)
        return CODEC_MORE;
    enum codec_result result = run(state, data + *at, len - *at, &n, sink);
    *at += n;
    return result;
}

enum codec_result inflate_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                               const struct codec_sink *sink)
{
    struct inflate_state *state = user;
    size_t at = 0;
    enum codec_result result = CODEC_MORE;
    if (!state->opened) {
        if (!take_head(state, data, len, &at))
            return CODEC_MORE;
        result = recognise(state);
    }
    while (result == CODEC_MORE && (at < len || (state->head_len == 2 && !state->ended))) {
        if (state->ended) {
            result = next_member(state, data, len, &at);
            continue;
        }
        result = run_member(state, data, len, &at, sink);
        if (result == CODEC_DONE) {
            state->ended = true;
            result = state->form == INFLATE_GZIP ? CODEC_MORE : CODEC_DONE;
        }
    }
    *used = at;
    return result;
}

bool inflate_finish(void *user, const struct codec_sink *sink)
{
    const struct inflate_state *state = user;
    (void)sink;
    return state->ended || (!state->opened && !state->head_len);
}
