/* Inflating as bytes arrive. A sender may declare a coding and not use it, and "deflate" means zlib to the
 * standard (RFC 9110 8.4.1.2) and raw deflate to many servers: the first two bytes decide, as receivers do. */
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

static bool recognise(struct inflate_state *state)
{
    int bits = 15;
    if (is_gzip(state->head))
        bits += 16;
    else if (state->form == INFLATE_GZIP) {
        state->identity = true;
        return true;
    } else if (!is_zlib(state->head)) {
        bits = -15;
    }
    state->opened = inflateInit2(&state->stream, bits) == Z_OK;
    return state->opened;
}

/* Another member behind the first (RFC 1952 2.2) goes on in the same body; anything else is padding. */
static bool next_member(struct inflate_state *state)
{
    if (state->stream.avail_in < 2 || !is_gzip(state->stream.next_in))
        return false;
    return inflateReset(&state->stream) == Z_OK;
}

static enum codec_result run(struct inflate_state *state, const uint8_t *data, size_t len, codec_out out,
                             void *user)
{
    uint8_t decoded[OUT_BYTES];
    state->stream.next_in = (Bytef *)(uintptr_t)data; /* zlib only reads it */
    state->stream.avail_in = (uInt)len;
    for (;;) {
        state->stream.next_out = decoded;
        state->stream.avail_out = sizeof(decoded);
        int result = inflate(&state->stream, Z_NO_FLUSH);
        size_t n = sizeof(decoded) - state->stream.avail_out;
        if (n && !out(user, decoded, n))
            return CODEC_BAD;
        if (result == Z_STREAM_END) {
            state->ended = true;
            if (!next_member(state))
                return CODEC_DONE;
            state->ended = false;
        } else if (result == Z_BUF_ERROR || (result == Z_OK && !state->stream.avail_in && n < sizeof(decoded))) {
            return CODEC_MORE;
        } else if (result != Z_OK) {
            return CODEC_BAD;
        }
    }
}

enum codec_result inflate_feed(struct inflate_state *state, const uint8_t *data, size_t len, codec_out out,
                               void *user)
{
    if (!state->opened && !state->identity) {
        while (state->head_len < 2 && len) {
            state->head[state->head_len++] = *data++;
            len--;
        }
        if (state->head_len < 2)
            return CODEC_MORE;
        if (!recognise(state))
            return CODEC_BAD;
        if (state->identity && !out(user, state->head, 2))
            return CODEC_BAD;
        if (!state->identity && run(state, state->head, 2, out, user) == CODEC_BAD)
            return CODEC_BAD;
    }
    if (!len)
        return CODEC_MORE;
    if (state->identity)
        return out(user, data, len) ? CODEC_MORE : CODEC_BAD;
    return run(state, data, len, out, user);
}

bool inflate_whole(const void *user)
{
    const struct inflate_state *state = user;
    return state->identity || state->ended || (!state->opened && !state->head_len);
}

void inflate_close(void *user)
{
    struct inflate_state *state = user;
    if (state->opened)
        inflateEnd(&state->stream);
}
