/* Content-Transfer-Encoding "base64" (RFC 2045 6.8, RFC 4648): characters outside the alphabet are passed over,
 * padding ends a group, and encoded texts one after another decode one after another, as mail readers do. The
 * URL-safe alphabet is read as well. */
#include <string.h>

#include "codec.h"

#define OUT_BYTES 3072
#define SKIP 64
#define PAD 65

struct base64_state {
    uint32_t bits;
    uint8_t count; /* characters of the open group */
    uint8_t value[256];
};

static bool base64_open(void *user)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct base64_state *state = user;
    memset(state->value, SKIP, sizeof(state->value));
    for (unsigned i = 0; i < 64; i++)
        state->value[(unsigned char)alphabet[i]] = (uint8_t)i;
    state->value['-'] = 62;
    state->value['_'] = 63;
    state->value['='] = PAD;
    return true;
}

/* The open group's bytes, when padding or the end closes it early. */
static size_t close_group(struct base64_state *state, uint8_t *out)
{
    size_t n = 0;
    if (state->count >= 2)
        out[n++] = (uint8_t)(state->bits >> (state->count == 2 ? 4 : 10));
    if (state->count == 3)
        out[n++] = (uint8_t)(state->bits >> 2);
    state->count = 0;
    state->bits = 0;
    return n;
}

static enum codec_result base64_feed(void *user, const uint8_t *data, size_t len, codec_out out, void *to)
{
    struct base64_state *state = user;
    uint8_t decoded[OUT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t value = state->value[data[i]];
        if (value == SKIP)
            continue;
        if (value == PAD) {
            n += close_group(state, decoded + n);
        } else {
            state->bits = state->bits << 6 | value;
            if (++state->count == 4) {
                decoded[n++] = (uint8_t)(state->bits >> 16);
                decoded[n++] = (uint8_t)(state->bits >> 8);
                decoded[n++] = (uint8_t)state->bits;
                state->count = 0;
                state->bits = 0;
            }
        }
        if (n > OUT_BYTES - 3) {
            if (!out(to, decoded, n))
                return CODEC_BAD;
            n = 0;
        }
    }
    return n && !out(to, decoded, n) ? CODEC_BAD : CODEC_MORE;
}

static bool base64_whole(const void *user)
{
    return ((const struct base64_state *)user)->count == 0;
}

static void base64_close(void *user)
{
    (void)user;
}

const struct codec_ops codec_base64 = {
    .names = "base64",
    .state_size = sizeof(struct base64_state),
    .open = base64_open,
    .feed = base64_feed,
    .whole = base64_whole,
    .close = base64_close,
};
