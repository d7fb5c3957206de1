/* Content-Transfer-Encoding "quoted-printable" (RFC 2045 6.7). What is no legal escape stands for
 * itself, as mail readers show it. White space at the end of a line is kept: attachments sent this
 * way need their bytes. */
#include <string.h>

#include "codec.h"
#include "digits.h"

#define OUT_BYTES 4096
#define HELD_MAX 8     /* white space between "=" and its line end, mostly none */
#define LOOK_BYTES 256 /* that must be text, or the bytes are not coded at all */

struct quoted_state {
    uint8_t held[HELD_MAX]; /* "=" and what followed, while an escape is open */
    uint8_t held_len;
    uint16_t looked_at;
};

static bool quoted_open(void *user, struct codec_memory *memory)
{
    (void)user;
    (void)memory;
    return true;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* What was held is no escape after all. */
static size_t give_up(struct quoted_state *state, uint8_t *out)
{
    size_t n = state->held_len;
    memcpy(out, state->held, n);
    state->held_len = 0;
    return n;
}

/* One character inside an escape; returns how many bytes it put to `out`. An "=" in it opens
 * another. */
static size_t escape(struct quoted_state *state, uint8_t c, uint8_t *out)
{
    uint8_t len = state->held_len, last = state->held[len - 1];
    int low = hex_digit(c), high = len == 2 ? hex_digit(last) : -1;
    if (c == '\n' && (len == 1 || is_space(last))) { /* soft line break */
        state->held_len = 0;
        return 0;
    }
    if (high >= 0 && low >= 0) {
        out[0] = (uint8_t)(high << 4 | low);
        state->held_len = 0;
        return 1;
    }
    if ((len == 1 && low >= 0) || (is_space(c) && (len == 1 || is_space(last)) && len < HELD_MAX)) {
        state->held[state->held_len++] = c;
        return 0;
    }
    size_t n = give_up(state, out);
    if (c == '=')
        state->held[state->held_len++] = c;
    else
        out[n++] = c;
    return n;
}

static enum codec_result quoted_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                     const struct codec_sink *sink)
{
    struct quoted_state *state = user;
    uint8_t decoded[OUT_BYTES];
    size_t n = 0;
    (void)used;
    for (; n < len && state->looked_at < LOOK_BYTES; n++, state->looked_at++) {
        if (!data[n] || data[n] >= 0x80)
            return CODEC_OTHER;
    }
    n = 0;
    for (size_t i = 0; i < len; i++) {
        if (state->held_len)
            n += escape(state, data[i], decoded + n);
        else if (data[i] == '=')
            state->held[state->held_len++] = '=';
        else
            decoded[n++] = data[i];
        if (n > OUT_BYTES - HELD_MAX - 1) {
            if (!sink->data(sink->user, decoded, n))
                return CODEC_BAD;
            n = 0;
        }
    }
    return n && !sink->data(sink->user, decoded, n) ? CODEC_BAD : CODEC_MORE;
}

/* How many bytes the missing ones stood for is not known: offsets behind the gap are a guess. */
static bool quoted_gap(void *user, uint64_t len, const struct codec_sink *sink)
{
    struct quoted_state *state = user;
    state->held_len = 0;
    return sink->gap(sink->user, len);
}

static bool quoted_finish(void *user, const struct codec_sink *sink)
{
    struct quoted_state *state = user;
    if (state->held_len == 2 && !is_space(state->held[1]))
        sink->data(sink->user, state->held, 2);
    return true; /* a lone "=" at the very end is a soft break */
}

const struct codec_ops codec_quoted = {
    .names = "quoted-printable,x-quoted-printable,qp",
    .state_size = sizeof(struct quoted_state),
    .unmarked = true,
    .open = quoted_open,
    .feed = quoted_feed,
    .gap = quoted_gap,
    .finish = quoted_finish,
};
