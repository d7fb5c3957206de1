/* Where frames begin again behind a gap, or in a flow picked up in the middle. Nine bytes of a frame's head leave
 * little freedom (RFC 9113 4.1 and 6), and the frame behind it must look like one, too, when it is here. */
#include <string.h>

#include "http2.h"

#define LENGTH_MAX (1u << 20) /* what implementations allow at most, and few do */
#define STREAM_MAX (1u << 24)

enum { SIXES = 1, ZERO_STREAM = 2, ANY_STREAM = 4 };

/* By type: the flags it may have, its length (0: any; SIXES: a multiple), and which streams. */
static const struct {
    uint8_t flags, length, how;
} kinds[] = {
    {0x09, 0, 0},                        /* DATA */
    {0x2d, 0, 0},                        /* HEADERS */
    {0x00, 5, 0},                        /* PRIORITY */
    {0x00, 4, 0},                        /* RST_STREAM */
    {0x01, 0, ZERO_STREAM | SIXES},      /* SETTINGS: six bytes each */
    {0x0c, 0, 0},                        /* PUSH_PROMISE */
    {0x01, 8, ZERO_STREAM},              /* PING */
    {0x00, 0, ZERO_STREAM},              /* GOAWAY */
    {0x00, 4, ANY_STREAM},               /* WINDOW_UPDATE */
    {0x04, 0, 0},                        /* CONTINUATION */
};

static uint32_t length_of(const uint8_t *head)
{
    return (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
}

static bool is_head(const uint8_t *head)
{
    uint32_t length = length_of(head);
    uint32_t stream = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
    if (head[3] >= sizeof(kinds) / sizeof(kinds[0]) || length > LENGTH_MAX || stream >= STREAM_MAX)
        return false;
    unsigned how = kinds[head[3]].how;
    if (head[4] & ~kinds[head[3]].flags || (kinds[head[3]].length && length != kinds[head[3]].length))
        return false;
    if (how & SIXES && (length % 6 || length > 96))
        return false;
    if (!(how & ANY_STREAM) && (stream == 0) != ((how & ZERO_STREAM) != 0))
        return false;
    return length || head[3] == 0 || head[3] == 4; /* an empty DATA ends a stream, an empty SETTINGS acknowledges */
}

bool http2_is_frame(const uint8_t *data, size_t len, bool whole)
{
    if (len < HTTP2_HEAD || !is_head(data))
        return false;
    size_t next = HTTP2_HEAD + (size_t)length_of(data);
    if (next + HTTP2_HEAD <= len)
        return is_head(data + next);
    return whole ? next == len : next >= len || next + HTTP2_HEAD > len;
}

size_t http2_find_frame(const uint8_t *data, size_t len)
{
    for (size_t at = 0; at + HTTP2_HEAD <= len; at++) {
        const uint8_t *zero = memchr(data + at, 0, len - at); /* frames of 64 KiB and more are not looked for */
        if (!zero)
            break;
        at = (size_t)(zero - data);
        if (http2_is_frame(zero, len - at, false))
            return at;
    }
    return len;
}
