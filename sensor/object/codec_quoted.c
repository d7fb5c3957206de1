/* Content-Transfer-Encoding "quoted-printable" (RFC 2045 6.7). What is no legal escape stands for itself. */
#include <string.h>

#include "codec.h"

#define OUT_BYTES 4096

struct quoted_state {
    uint8_t held[2]; /* "=" and what followed, while an escape is open */
    uint8_t held_len;
};

static bool quoted_open(void *user)
{
    (void)user;
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character inside an escape; returns how many bytes it put to `out`. */
static size_t escape(struct quoted_state *state, uint8_t c, uint8_t *out)
{
    if (state->held_len == 1) {
        if (c == '\n') { /* soft line break */
            state->held_len = 0;
            return 0;
        }
        state->held[1] = c;
        state->held_len = 2;
        return 0;
    }
    state->held_len = 0;
    if (state->held[1] == '\r' && c == '\n')
        return 0;
    int high = hex_value(state->held[1]), low = hex_value(c);
    if (high >= 0 && low >= 0) {
        out[0] = (uint8_t)(high << 4 | low);
        return 1;
    }
    out[0] = '=';
    out[1] = state->held[1];
    out[2] = c;
    return 3;
}

static enum codec_result quoted_feed(void *user, const uint8_t *data, size_t len, codec_out out, void *to)
{
    struct quoted_state *state = user;
    uint8_t decoded[OUT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (state->held_len)
            n += escape(state, data[i], decoded + n);
        else if (data[i] == '=') {
            state->held[0] = '=';
            state->held_len = 1;
        } else {
            decoded[n++] = data[i];
        }
        if (n > OUT_BYTES - 3) {
            if (!out(to, decoded, n))
                return CODEC_BAD;
            n = 0;
        }
    }
    return n && !out(to, decoded, n) ? CODEC_BAD : CODEC_MORE;
}

static bool quoted_whole(const void *user)
{
    (void)user;
    return true;
}

static void quoted_close(void *user)
{
    (void)user;
}

const struct codec_ops codec_quoted = {
    .names = "quoted-printable",
    .state_size = sizeof(struct quoted_state),
    .open = quoted_open,
    .feed = quoted_feed,
    .whole = quoted_whole,
    .close = quoted_close,
};
