/* Content-Transfer-Encoding "x-uuencode" (POSIX uuencode): "begin MODE NAME", lines whose first
 * character tells how many bytes they hold, "end". Lines before "begin" are passed over; several
 * files in one text decode one after another. Every line stands alone, so a damaged or missing one
 * costs its own bytes only. */
#include <string.h>

#include "codec.h"

#define LOOK_BYTES 512     /* that hold a "begin", or the bytes are not coded at all */
#define LINE_MAX_BYTES 256 /* 63 bytes make 85 characters; what is longer is no coded line */

struct uuencode_state {
    bool inside; /* between "begin" and "end" */
    bool begun;  /* a "begin" was seen */
    uint32_t looked_at;
    bool lost; /* a gap: the present line is not whole */
    uint16_t len;
    char line[LINE_MAX_BYTES];
};

static bool uuencode_open(void *user, struct codec_memory *memory)
{
    (void)user;
    (void)memory;
    return true;
}

static uint8_t value_of(char c)
{
    return (uint8_t)(c - ' ') & 63; /* space and grave accent are both 0 */
}

/* Trailing spaces are lost on the way through mail: missing characters are zero. */
static size_t decode_line(const char *line, size_t len, uint8_t *out)
{
    size_t count = value_of(line[0]), n = 0;
    for (size_t i = 1; n < count; i += 4) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++)
            bits = bits << 6 | (i + k < len ? value_of(line[i + k]) : 0u);
        for (unsigned k = 0; k < 3 && n < count; k++)
            out[n++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    return n;
}

static bool is_coded(const char *line, size_t len)
{
    size_t count = value_of(line[0]);
    return line[0] >= ' ' && line[0] <= '`' && len <= 1 + (count + 2) / 3 * 4 + 2;
}

static bool take_line(struct uuencode_state *state, const struct codec_sink *sink)
{
    uint8_t decoded[64];
    size_t len = state->len;
    while (len && (state->line[len - 1] == '\r' || state->line[len - 1] == '\n'))
        len--;
    state->len = 0;
    if (state->lost || !len) {
        state->lost = false;
        return true;
    }
    if (len > 6 && memcmp(state->line, "begin ", 6) == 0 && state->line[6] >= '0' &&
        state->line[6] <= '7') {
        state->inside = state->begun = true;
        return true;
    }
    if (!state->inside)
        return true;
    if (len == 3 && memcmp(state->line, "end", 3) == 0) {
        state->inside = false;
        return true;
    }
    if (!is_coded(state->line, len))
        return true;
    size_t n = decode_line(state->line, len, decoded);
    return !n || sink->data(sink->user, decoded, n);
}

static enum codec_result uuencode_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                       const struct codec_sink *sink)
{
    struct uuencode_state *state = user;
    (void)used;
    while (len) {
        const uint8_t *lf = memchr(data, '\n', len);
        size_t n = lf ? (size_t)(lf - data) + 1 : len;
        size_t room = sizeof(state->line) - state->len;
        if (!state->begun && (state->looked_at += (uint32_t)n) > LOOK_BYTES)
            return CODEC_OTHER;
        if (n > room)
            state->lost = true;
        memcpy(state->line + state->len, data, n < room ? n : room);
        state->len = (uint16_t)(state->len + (n < room ? n : room));
        if (lf && !take_line(state, sink))
            return CODEC_BAD;
        data += n;
        len -= n;
    }
    return CODEC_MORE;
}

/* Lines of 61 characters and their end hold 45 bytes. */
static bool uuencode_gap(void *user, uint64_t len, const struct codec_sink *sink)
{
    struct uuencode_state *state = user;
    uint64_t missing = (state->len + len) * 45 / 62;
    state->lost = true;
    return !missing || sink->gap(sink->user, missing);
}

static bool uuencode_finish(void *user, const struct codec_sink *sink)
{
    struct uuencode_state *state = user;
    if (state->len)
        take_line(state, sink);
    return state->begun && !state->inside;
}

const struct codec_ops codec_uuencode = {
    .names = "x-uuencode,uuencode,x-uue,uue",
    .state_size = sizeof(struct uuencode_state),
    .unmarked = true,
    .open = uuencode_open,
    .feed = uuencode_feed,
    .gap = uuencode_gap,
    .finish = uuencode_finish,
};
