/* Hexadecimal digits, two a byte, as database dumps, hex dumps and source code write binary data. Line ends, blanks,
 * commas, colons, "\x" and "0x" between them are passed over; anything else is damage. */
#include <string.h>

#include "codec.h"
#include "digits.h"

#define OUT_BYTES 2048

struct hex_state {
    uint8_t high;
    bool half; /* the first digit of a byte is here */
};

static bool hex_open(void *user, struct codec_memory *memory)
{
    (void)user;
    (void)memory;
    return true;
}

static enum codec_result hex_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                  const struct codec_sink *sink)
{
    struct hex_state *state = user;
    uint8_t out[OUT_BYTES];
    size_t n = 0;
    (void)used;
    for (size_t i = 0; i < len; i++) {
        int value = hex_digit(data[i]);
        bool mark = (data[i] | 0x20) == 'x';
        if (value < 0 && !mark && !memchr("\r\n\t ,:\\", data[i], 7))
            return CODEC_BAD;
        if (mark) /* of "0x" the zero is no digit */
            state->half = false;
        if (value < 0)
            continue;
        if (state->half)
            out[n++] = (uint8_t)(state->high << 4 | value);
        state->high = (uint8_t)value;
        state->half = !state->half;
        if (n == OUT_BYTES) {
            if (!sink->data(sink->user, out, n))
                return CODEC_BAD;
            n = 0;
        }
    }
    return n && !sink->data(sink->user, out, n) ? CODEC_BAD : CODEC_MORE;
}

static bool hex_finish(void *user, const struct codec_sink *sink)
{
    const struct hex_state *state = user;
    (void)sink;
    return !state->half;
}

const struct codec_ops codec_hex = {
    .names = "hex",
    .state_size = sizeof(struct hex_state),
    .unmarked = true,
    .open = hex_open,
    .feed = hex_feed,
    .finish = hex_finish,
};
