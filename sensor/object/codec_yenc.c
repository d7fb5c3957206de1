/* yEnc (yenc.org 1.3): bytes plus 42 modulo 256, with NUL, CR, LF and "=" escaped, between a "=ybegin" and a "=yend"
 * line that gives size and CRC-32. A file may come in parts, each with its place; parts that follow each other in one
 * text are joined. What was decoded is whole when all of the file's size came and every checksum given holds. */
#include <string.h>
#include <zlib.h>

#include "codec.h"
#include "yenc.h"

#define LOOK_BYTES 2048 /* that hold a "=ybegin", or the bytes are not coded at all */
#define LINE_ROOM 512   /* of a keyword line */
#define OUT_BYTES 4096

struct yenc_state {
    bool inside;   /* between "=ybegin" and "=yend" */
    bool begun;    /* a "=ybegin" was seen */
    bool damaged;  /* a size or checksum was wrong, or a part's place */
    bool escaped;  /* after "=" */
    bool keyword;  /* `line` collects a line that began with "=y", or any line outside */
    bool at_start; /* of a line */
    bool long_line;
    uint32_t looked_at;
    uint32_t crc, whole_crc; /* of this part, of everything */
    uint64_t size;           /* of the file, as declared */
    uint64_t decoded, part;  /* bytes so far, of them in this part */
    uint16_t len;
    char line[LINE_ROOM];
};

static bool yenc_open(void *user, struct codec_memory *memory)
{
    struct yenc_state *state = user;
    (void)memory;
    state->at_start = true;
    return true;
}

static void begin_part(struct yenc_state *state)
{
    uint64_t size;
    if (!yenc_number(state->line, state->len, "size", 10, &size))
        return;
    state->damaged |= state->inside || (state->begun && size != state->size);
    state->size = size;
    state->inside = state->begun = true;
    state->part = 0;
    state->crc = 0;
}

/* A part that does not begin where the one before ended leaves the file with a hole. */
static void place_part(struct yenc_state *state)
{
    uint64_t begin;
    if (yenc_number(state->line, state->len, "begin", 10, &begin) && begin != state->decoded + 1)
        state->damaged = true;
}

static void end_part(struct yenc_state *state)
{
    uint64_t size, crc;
    if (yenc_number(state->line, state->len, "size", 10, &size) && size != state->part)
        state->damaged = true;
    if (yenc_number(state->line, state->len, "pcrc32", 16, &crc) && crc != state->crc)
        state->damaged = true;
    if (state->decoded == state->size && yenc_number(state->line, state->len, "crc32", 16, &crc) &&
        crc != state->whole_crc)
        state->damaged = true;
    state->inside = false;
}

static void take_line(struct yenc_state *state)
{
    if (state->len && state->line[state->len - 1] == '\r')
        state->len--;
    enum yenc_keyword keyword = state->long_line ? YENC_NONE : yenc_keyword(state->line, state->len);
    if (keyword == YENC_BEGIN)
        begin_part(state);
    else if (keyword == YENC_PART && state->inside && !state->part)
        place_part(state);
    else if (keyword == YENC_END && state->inside)
        end_part(state);
    state->len = 0;
    state->long_line = state->keyword = false;
    state->at_start = true;
}

/* Up to and with the line's end; returns the bytes taken. */
static size_t collect(struct yenc_state *state, const uint8_t *data, size_t len)
{
    const uint8_t *lf = memchr(data, '\n', len);
    size_t n = lf ? (size_t)(lf - data) : len, room = sizeof(state->line) - state->len;
    state->long_line |= n > room;
    memcpy(state->line + state->len, data, n < room ? n : room);
    state->len = (uint16_t)(state->len + (n < room ? n : room));
    if (!lf)
        return n;
    take_line(state);
    return n + 1;
}

static bool give(struct yenc_state *state, const uint8_t *decoded, size_t n, const struct codec_sink *sink)
{
    if (!n)
        return true;
    state->crc = (uint32_t)crc32(state->crc, decoded, (uInt)n);
    state->whole_crc = (uint32_t)crc32(state->whole_crc, decoded, (uInt)n);
    state->decoded += n;
    state->part += n;
    return sink->data(sink->user, decoded, n);
}

/* Data bytes up to a keyword line, at most OUT_BYTES of them; returns the bytes taken. */
static size_t decode(struct yenc_state *state, const uint8_t *data, size_t len, uint8_t *out, size_t *put)
{
    size_t i = 0, n = 0;
    for (; i < len && n < OUT_BYTES && !state->keyword; i++) {
        uint8_t c = data[i];
        if (state->escaped) {
            state->escaped = false;
            if (c == 'y' && state->at_start) {
                state->keyword = true;
                memcpy(state->line, "=y", 2);
                state->len = 2;
            } else {
                out[n++] = (uint8_t)(c - 64 - 42);
            }
            state->at_start = false;
        } else if (c == '=') {
            state->escaped = true;
        } else if (c == '\n' || c == '\r') {
            state->at_start |= c == '\n';
        } else {
            state->at_start = false;
            out[n++] = (uint8_t)(c - 42);
        }
    }
    *put = n;
    return i;
}

static enum codec_result yenc_feed(void *user, const uint8_t *data, size_t len, size_t *used,
                                   const struct codec_sink *sink)
{
    struct yenc_state *state = user;
    uint8_t out[OUT_BYTES];
    (void)used;
    while (len) {
        size_t n, put = 0;
        if (!state->inside || state->keyword)
            n = collect(state, data, len);
        else
            n = decode(state, data, len, out, &put);
        if (!give(state, out, put, sink))
            return CODEC_BAD;
        if (!state->begun && (state->looked_at += (uint32_t)n) > LOOK_BYTES)
            return CODEC_OTHER;
        data += n;
        len -= n;
    }
    return CODEC_MORE;
}

/* Few bytes are escaped: how many are missing is nearly known. The rest of the present line is data. */
static bool yenc_gap(void *user, uint64_t len, const struct codec_sink *sink)
{
    struct yenc_state *state = user;
    state->damaged = true;
    state->escaped = state->keyword = state->at_start = false;
    state->len = 0;
    if (!state->inside) {
        state->long_line = true;
        return true;
    }
    state->decoded += len;
    state->part += len;
    return sink->gap(sink->user, len);
}

static bool yenc_finish(void *user, const struct codec_sink *sink)
{
    struct yenc_state *state = user;
    (void)sink;
    if (state->len && (state->keyword || !state->inside))
        take_line(state);
    return state->begun && !state->inside && !state->damaged && state->decoded == state->size;
}

const struct codec_ops codec_yenc = {
    .names = "x-yencode,yencode,x-yenc,yenc",
    .state_size = sizeof(struct yenc_state),
    .unmarked = true,
    .open = yenc_open,
    .feed = yenc_feed,
    .gap = yenc_gap,
    .finish = yenc_finish,
};
