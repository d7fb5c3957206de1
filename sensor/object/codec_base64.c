/* Content-Transfer-Encoding "base64" (RFC 2045 6.8, RFC 4648): characters outside the alphabet are
 * passed over, padding ends a group, and encoded texts one after another decode one after another,
 * as mail readers do. The URL-safe alphabet is read as well: the first character in which the two
 * differ tells which one it is, and the other's are passed over.
 *
 * Missing coded bytes do not end the decoding. Encoders write lines of one length, so how many
 * characters of the gap were line ends is known, and with it how many decoded bytes are missing and
 * where the next group of four begins. An attachment with a lost segment keeps every offset behind
 * it. */
#include <string.h>

#include "codec.h"
#include "digits.h"

#define OUT_BYTES 3072
#define SKIP 64
#define PAD 65
#define FOREIGN                                                                                    \
    66 /* in no text: the bytes are not coded at all, as servers that ignore the header know */
#define UNDECIDED 67 /* one of + / - _, until the first of them */
#define MIME_LINE 76 /* until a line has been seen */
#define LOOK_BYTES 128

struct base64_state {
    uint32_t bits;
    uint8_t count;      /* characters of the open group */
    uint8_t pass;       /* characters to pass over until a group begins, after a gap */
    uint8_t line_ends;  /* CR and LF since the last character */
    bool escaped;       /* after a backslash: JSON writes line ends as \n and \r */
    uint8_t digits;     /* of a character written as \u002B (JSON) or %2B (forms) that are still to come */
    uint16_t escape;    /* those that came */
    bool measured;      /* a whole line was seen: the next two are its */
    uint8_t line_break; /* bytes of a line end */
    uint32_t line;      /* characters of a line */
    uint64_t column;    /* characters of the present line */
    uint32_t looked_at; /* of the first bytes, which must be text */
    uint8_t value[256];
};

static bool base64_open(void *user, struct codec_memory *memory)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct base64_state *state = user;
    (void)memory;
    for (unsigned i = 0; i < 256; i++)
        state->value[i] =
            i == '\t' || i == '\r' || i == '\n' || (i >= ' ' && i < 127) ? SKIP : FOREIGN;
    for (unsigned i = 0; i < 64; i++)
        state->value[(unsigned char)alphabet[i]] = (uint8_t)i;
    state->value['+'] = state->value['/'] = state->value['-'] = state->value['_'] = UNDECIDED;
    state->value['='] = PAD;
    state->line = MIME_LINE;
    state->line_break = 2;
    return true;
}

static void choose_alphabet(struct base64_state *state, uint8_t c)
{
    bool url_safe = c == '-' || c == '_';
    state->value['+'] = url_safe ? SKIP : 62;
    state->value['/'] = url_safe ? SKIP : 63;
    state->value['-'] = url_safe ? 62 : SKIP;
    state->value['_'] = url_safe ? 63 : SKIP;
}

/* The open group's bytes, when padding or the end closes it early. */
static size_t close_group(struct base64_state *state, uint8_t *out)
{
    size_t n = 0;
    if (state->count == 2)
        out[n++] = (uint8_t)(state->bits >> 4);
    if (state->count == 3) {
        out[n++] = (uint8_t)(state->bits >> 10);
        out[n++] = (uint8_t)(state->bits >> 2);
    }
    state->count = 0;
    state->bits = 0;
    return n;
}

/* A character that is none of the alphabet: line ends tell how long lines are. */
static void skip_byte(struct base64_state *state, uint8_t c)
{
    state->escaped = c == '\\';
    if ((c == '\r' || c == '\n') && state->line_ends < 2)
        state->line_ends++;
}

/* The first character of a line. */
static void begin_line(struct base64_state *state)
{
    if (state->column && !state->measured && state->column <= UINT32_MAX) {
        state->measured = true;
        state->line = (uint32_t)state->column;
        state->line_break = state->line_ends;
    }
    state->column = 0;
    state->line_ends = 0;
}

static size_t put_character(struct base64_state *state, uint8_t value, uint8_t *out)
{
    if (state->line_ends)
        begin_line(state);
    state->column++;
    if (state->pass) {
        state->pass--;
        return 0;
    }
    if (value == PAD)
        return close_group(state, out);
    state->bits = state->bits << 6 | value;
    if (++state->count < 4)
        return 0;
    out[0] = (uint8_t)(state->bits >> 16);
    out[1] = (uint8_t)(state->bits >> 8);
    out[2] = (uint8_t)state->bits;
    state->count = 0;
    state->bits = 0;
    return 3;
}

/* Whole groups that stand together: nearly every byte of a text takes this way. */
static size_t whole_groups(struct base64_state *state, const uint8_t *data, size_t len,
                           uint8_t *out, size_t *n)
{
    size_t at = 0, put = *n;
    while (len - at >= 4 && put <= OUT_BYTES - 3) {
        uint32_t a = state->value[data[at]], b = state->value[data[at + 1]],
                 c = state->value[data[at + 2]], d = state->value[data[at + 3]];
        if ((a | b | c | d) >= SKIP)
            break;
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        out[put] = (uint8_t)(bits >> 16);
        out[put + 1] = (uint8_t)(bits >> 8);
        out[put + 2] = (uint8_t)bits;
        put += 3;
        at += 4;
    }
    state->column += at;
    *n = put;
    return at;
}

/* False while more of an escaped character is to come. */
static bool unescape(struct base64_state *state, uint8_t *c)
{
    int digit = hex_digit(*c);
    if (state->digits && digit >= 0) {
        state->escape = (uint16_t)(state->escape << 4 | digit);
        if (--state->digits)
            return false;
        *c = (uint8_t)state->escape;
        return true;
    }
    state->digits = *c == '%' ? 2 : state->escaped && *c == 'u' ? 4 : 0;
    state->escape = 0;
    state->escaped = state->escaped && !state->digits;
    return !state->digits;
}

/* A byte that is not part of a group standing together; returns how many decoded bytes it gives. */
static size_t put_byte(struct base64_state *state, uint8_t c, uint8_t *out)
{
    if (!unescape(state, &c))
        return 0;
    if (state->value[c] == UNDECIDED)
        choose_alphabet(state, c);
    uint8_t value = state->value[c];
    bool line_end = state->escaped && (c == 'n' || c == 'r');
    state->escaped = false;
    if (value != SKIP && value != FOREIGN && !line_end)
        return put_character(state, value, out);
    skip_byte(state, line_end ? '\n' : c);
    return 0;
}

static enum codec_result base64_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                     const struct codec_sink *sink)
{
    struct base64_state *state = user;
    uint8_t decoded[OUT_BYTES + 3];
    size_t n = 0;
    (void)used;
    for (; n < len && state->looked_at < LOOK_BYTES; state->looked_at++) {
        if (state->value[data[n++]] == FOREIGN)
            return CODEC_OTHER;
    }
    n = 0;
    for (size_t i = 0; i < len;) {
        if (!state->count && !state->pass && !state->line_ends && !state->escaped && !state->digits)
            i += whole_groups(state, data + i, len - i, decoded, &n);
        if (i < len && n <= OUT_BYTES - 3)
            n += put_byte(state, data[i++], decoded + n);
        if (n > OUT_BYTES - 3) {
            if (!sink->data(sink->user, decoded, n))
                return CODEC_BAD;
            n = 0;
        }
    }
    return n && !sink->data(sink->user, decoded, n) ? CODEC_BAD : CODEC_MORE;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Moves past `len` coded bytes that are missing; returns how many of them were characters, when
 * lines are regular. A line longer than lines are is taken to go on for ever. */
static uint64_t pass_missing(struct base64_state *state, uint64_t len)
{
    uint64_t line = state->line, period = line + state->line_break;
    uint64_t column = state->line_ends ? line + state->line_ends : state->column;
    if (!state->line_ends && column > line) {
        state->column += len;
        return len;
    }
    uint64_t end = column + len, rest = end % period;
    state->column = least(rest, line);
    state->line_ends = rest > line ? (uint8_t)(rest - line) : 0;
    return end / period * line + least(rest, line) - least(column, line);
}

static bool base64_gap(void *user, uint64_t len, const struct codec_sink *sink)
{
    struct base64_state *state = user;
    uint64_t characters = pass_missing(state, len);
    if (state->pass > characters) {
        state->pass = (uint8_t)(state->pass - characters);
        return true;
    }
    characters -= state->pass;
    characters += state->count; /* the open group is lost with what completes it */
    state->pass = (uint8_t)(-characters & 3);
    state->count = 0;
    state->bits = 0;
    return !characters || sink->gap(sink->user, (characters + 3) / 4 * 3);
}

static bool base64_finish(void *user, const struct codec_sink *sink)
{
    struct base64_state *state = user;
    uint8_t decoded[3];
    bool whole = state->count != 1 && !state->pass;
    size_t n = close_group(state, decoded);
    if (n)
        sink->data(sink->user, decoded, n);
    return whole;
}

const struct codec_ops codec_base64 = {
    .names = "base64,x-base64",
    .state_size = sizeof(struct base64_state),
    .unmarked = true,
    .open = base64_open,
    .feed = base64_feed,
    .gap = base64_gap,
    .finish = base64_finish,
};
