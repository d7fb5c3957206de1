/* WSQ fingerprint images (FBI IAFIS-IC-0110(V3.1)): a walk over the marker segments, as JPEG's. The frame header,
 * whose length is always 17, proves it; order of the other segments is free. */
#include "biometric.h"
#include "image.h"
#include "walk.h"

enum { SOI = 0xa0, EOI = 0xa1, SOF = 0xa2, SOB = 0xa3, DRI = 0xa7, COM = 0xa8, RST0 = 0xb0, RST7 = 0xb7 };
enum { AT_SOI, AT_MARKER, AT_CODE, AT_LENGTH, AT_FRAME, AT_SCAN, AT_SCAN_CODE, AT_END };

#define FRAME_LENGTH 17
#define SIDE_MAX 8192

struct wsq {
    struct walk walk;
    uint8_t buffer[FRAME_LENGTH];
    uint8_t state, code;
    bool confirmed, scanned;
    uint16_t width, height;
    uint64_t end;
};

static bool is_segment(uint8_t code)
{
    return code >= SOF && code <= COM;
}

static bool wsq_sniff(const uint8_t *head, size_t len)
{
    return len >= 6 && head[0] == 0xff && head[1] == SOI && head[2] == 0xff && is_segment(head[3]) &&
           head[3] != SOB && be16(head + 4) >= 2;
}

static void publish(const struct wsq *w, struct fact_set *facts, bool complete)
{
    image_publish(facts, "wsq", w->width, w->height, 1);
    if (complete)
        image_publish_complete(facts);
    biometric_publish(facts, &(struct biometric){.kind = "finger_image",
                                                 .standard = "WSQ IAFIS-IC-0110",
                                                 .image = "wsq",
                                                 .records = 1,
                                                 .checks = CHECK_HEADER | (complete ? CHECK_LENGTH : 0)});
}

/* Black, white, height, width, exponent and scale of shift and of scale, encoder, software. */
static bool take_frame(struct wsq *w, const uint8_t *p, struct fact_set *facts)
{
    uint16_t height = be16(p + 2), width = be16(p + 4);
    if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX || p[0] == p[1])
        return false;
    w->width = width;
    w->height = height;
    w->confirmed = true;
    publish(w, facts, false);
    return true;
}

/* The image cannot go on like this: before the frame header it is no WSQ, after it it was cut at `at`. */
static bool lose(struct wsq *w, uint64_t at)
{
    w->end = at;
    w->state = AT_END;
    return w->confirmed;
}

static bool take_length(struct wsq *w, uint16_t length)
{
    w->state = AT_MARKER;
    if (length < 2 || (w->code == DRI && length != 4) || (w->code == SOB && (length != 3 || !w->confirmed)))
        return false;
    if (w->code == SOF && !w->confirmed) {
        w->state = AT_FRAME;
        return length == FRAME_LENGTH;
    }
    if (w->code == SOB) {
        w->state = AT_SCAN;
        w->scanned = true;
    }
    w->walk.skip = length - 2u;
    return true;
}

static bool take_code(struct wsq *w, uint8_t code, struct fact_set *facts)
{
    if (code == 0xff)
        return true; /* fill */
    if (code == EOI && w->scanned) {
        w->end = w->walk.at;
        w->state = AT_END;
        publish(w, facts, true);
        return true;
    }
    w->code = code;
    w->state = AT_LENGTH;
    return is_segment(code) || lose(w, w->walk.at - 2);
}

static bool take_scan_code(struct wsq *w, uint8_t code, struct fact_set *facts)
{
    if (code == 0 || (code >= RST0 && code <= RST7)) {
        w->state = AT_SCAN;
        return true;
    }
    return take_code(w, code, facts);
}

static bool take(struct wsq *w, const uint8_t *p, struct fact_set *facts)
{
    switch (w->state) {
    case AT_SOI:
        w->state = AT_MARKER;
        return p[0] == 0xff && p[1] == SOI;
    case AT_MARKER:
        w->state = AT_CODE;
        return p[0] == 0xff || lose(w, w->walk.at - 1);
    case AT_CODE:
        return take_code(w, p[0], facts);
    case AT_LENGTH:
        return take_length(w, be16(p)) || lose(w, w->walk.at);
    case AT_FRAME:
        w->state = AT_MARKER;
        return take_frame(w, p, facts);
    default: /* AT_SCAN_CODE */
        return take_scan_code(w, p[0], facts);
    }
}

static enum recogniser_state answer(const struct wsq *w)
{
    if (w->state == AT_END)
        return RECOGNISE_END;
    return w->confirmed ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state wsq_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    static const uint8_t wanted[] = {[AT_SOI] = 2,
                                     [AT_MARKER] = 1,
                                     [AT_CODE] = 1,
                                     [AT_LENGTH] = 2,
                                     [AT_FRAME] = FRAME_LENGTH - 2,
                                     [AT_SCAN_CODE] = 1};
    struct wsq *w = state;
    struct input in = {data, len};
    (void)at;
    while (w->state != AT_END) {
        if (w->state == AT_SCAN) {
            if (!walk_pass(&w->walk, &in) || in.len == 0)
                break;
            const uint8_t *ff = memchr(in.data, 0xff, in.len);
            walk_consume(&w->walk, &in, ff ? (size_t)(ff - in.data) + 1 : in.len);
            if (ff)
                w->state = AT_SCAN_CODE;
            continue;
        }
        const uint8_t *p = walk_take(&w->walk, w->buffer, wanted[w->state], &in);
        if (!p)
            break;
        if (!take(w, p, facts))
            return RECOGNISE_NO;
    }
    return answer(w);
}

static enum recogniser_state wsq_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct wsq *w = state;
    (void)facts;
    (void)at;
    if (walk_gap(&w->walk, len))
        return answer(w);
    if (!w->confirmed)
        return RECOGNISE_NO;
    w->walk = (struct walk){.at = w->walk.at + len};
    w->scanned = true;
    w->state = AT_SCAN;
    return answer(w);
}

static uint64_t wsq_end_at(const void *state)
{
    return ((const struct wsq *)state)->end;
}

static const struct recogniser_literal LITERALS[] = {{"\xff\xa0\xff", 3, 0, false}};

const struct recogniser recogniser_wsq = {
    .name = "wsq",
    .type = "wsq",
    .state_size = sizeof(struct wsq),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = wsq_sniff,
    .feed = wsq_feed,
    .gap = wsq_gap,
    .end_at = wsq_end_at,
};
