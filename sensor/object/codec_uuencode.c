/* Content-Transfer-Encoding "x-uuencode" (POSIX uuencode), and xxencode: "begin MODE NAME", coded
 * lines, "end". Lines before "begin" are passed over; several files in one text decode one after
 * another. Every line stands alone, so a damaged or missing one costs its own bytes only. */
#include <string.h>

#include "codec.h"
#include "uuencode.h"

#define LOOK_BYTES 512     /* that hold a "begin", or the bytes are not coded at all */
#define LINE_MAX_BYTES 320 /* 63 bytes make 85 characters; a name may be longer */

struct uuencode_state {
    bool inside; /* between "begin" and "end" */
    bool begun;  /* a "begin" was seen */
    bool skipped; /* a line inside could not be decoded */
    enum uu_form form;
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

static bool take_line(struct uuencode_state *state, const struct codec_sink *sink)
{
    uint8_t decoded[UU_DECODED_MAX];
    struct text name;
    enum uu_form form;
    size_t len = state->len;
    while (len && (state->line[len - 1] == '\r' || state->line[len - 1] == '\n'))
        len--;
    state->len = 0;
    if (state->lost || !len) {
        state->skipped |= state->lost && state->inside;
        state->lost = false;
        return true;
    }
    if (!state->inside && uu_begin(state->line, len, &form, &name)) {
        state->inside = state->begun = true;
        state->form = form;
        return true;
    }
    if (!state->inside)
        return true;
    if (uu_end(state->form, state->line, len)) {
        state->inside = false;
        return true;
    }
    if (state->form == UU_UNDECIDED)
        state->form = uu_form_of(state->line, len);
    if (!uu_is_coded(state->form, state->line, len)) {
        state->skipped |= len > 1; /* a lone character holds nothing */
        return true;
    }
    size_t n = uu_decode(state->form, state->line, len, decoded);
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
    return state->begun && !state->inside && !state->skipped;
}

const struct codec_ops codec_uuencode = {
    .names = "x-uuencode,uuencode,x-uue,uue,x-xxencode,xxencode",
    .state_size = sizeof(struct uuencode_state),
    .unmarked = true,
    .open = uuencode_open,
    .feed = uuencode_feed,
    .gap = uuencode_gap,
    .finish = uuencode_finish,
};
