/* aws-chunked: how the SDKs of object stores sign a body piece by piece. HEX ";chunk-signature=..." CRLF bytes CRLF,
 * again and again; a size of 0 ends it, and lines such as "x-amz-checksum-crc32:..." may follow.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 *
 * Parts that were joined stand behind each other with their framing: after an end, a size line begins the next. */
#include "codec.h"
#include "digits.h"

#define LINE_MAX_BYTES 1024 /* of a size line or a trailer */

enum place { SIZE, EXTENSION, DATA, DATA_END, TRAILER, TRAILER_START };

struct aws_state {
    enum place place;
    uint64_t left;
    unsigned line; /* bytes of the present line */
    bool digits, ended, decoded;
};

static bool aws_open(void *user, struct codec_memory *memory)
{
    (void)user;
    (void)memory;
    return true;
}

static void begin_line(struct aws_state *state, enum place place)
{
    state->place = place;
    state->line = 0;
    state->digits = false;
    state->left = 0;
}

static bool size_done(struct aws_state *state)
{
    if (!state->digits)
        return false;
    uint64_t left = state->left;
    begin_line(state, left ? DATA : TRAILER_START);
    state->left = left;
    state->ended = !left;
    return true;
}

/* A byte of a size line; false when it is none. */
static bool size_byte(struct aws_state *state, uint8_t c)
{
    int value = hex_digit(c);
    if (value >= 0 && state->left >> 60 == 0) {
        state->left = state->left << 4 | (uint64_t)value;
        state->digits = true;
        return true;
    }
    if (c == '\n')
        return size_done(state);
    if (c == ';' && state->digits)
        state->place = EXTENSION;
    return (c == ';' || c == '\r') && state->digits;
}

/* Bytes that are framing; false when they are not what they must be. */
static bool frame_byte(struct aws_state *state, uint8_t c)
{
    if (++state->line > LINE_MAX_BYTES)
        return false;
    switch (state->place) {
    case TRAILER_START: /* an empty line, a trailer's name, or the size line of what was joined behind this */
        if (c == '\r' || c == '\n') {
            state->line = 0;
            return true;
        }
        state->place = c == 'x' || c == 'X' ? TRAILER : SIZE;
        return state->place == TRAILER || size_byte(state, c);
    case TRAILER:
        if (c == '\n')
            begin_line(state, TRAILER_START);
        return true;
    case SIZE:
        state->ended = false;
        return size_byte(state, c);
    case EXTENSION:
        return c == '\n' ? size_done(state) : c >= ' ' || c == '\r';
    default: /* DATA_END */
        if (c == '\n')
            begin_line(state, SIZE);
        return c == '\r' || c == '\n';
    }
}

static enum codec_result aws_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                  const struct codec_sink *sink)
{
    struct aws_state *state = user;
    (void)used;
    for (size_t at = 0; at < len;) {
        if (state->place != DATA) {
            if (!frame_byte(state, data[at++]))
                return state->decoded ? CODEC_BAD : CODEC_OTHER;
            continue;
        }
        size_t n = len - at < state->left ? len - at : (size_t)state->left;
        state->decoded = true;
        if (!sink->data(sink->user, data + at, n))
            return CODEC_BAD;
        at += n;
        state->left -= n;
        if (!state->left)
            begin_line(state, DATA_END);
    }
    return CODEC_MORE;
}

static bool aws_gap(void *user, uint64_t len, const struct codec_sink *sink)
{
    struct aws_state *state = user;
    if (state->place != DATA || len >= state->left)
        return false;
    state->left -= len;
    return sink->gap(sink->user, len);
}

static bool aws_finish(void *user, const struct codec_sink *sink)
{
    const struct aws_state *state = user;
    (void)sink;
    return state->ended;
}

const struct codec_ops codec_awschunked = {
    .names = "aws-chunked",
    .state_size = sizeof(struct aws_state),
    .open = aws_open,
    .feed = aws_feed,
    .gap = aws_gap,
    .finish = aws_finish,
};
