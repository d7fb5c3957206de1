/* Files in the middle of a text, yEncoded, as they travel in news and mail. The item reaches from "=ybegin" to its
 * "=yend"; parts of one file that follow each other in one text are one item. */
#include "lines.h"
#include "yenc.h"

struct yencoded {
    bool begun;
    bool inside;      /* else behind a part that is not the last */
    bool ended;
    uint16_t name_len;
    uint64_t size, part, total;
    uint64_t end; /* where the item ends */
    struct lines lines;
    char name[OBJECT_NAME_MAX];
};

static bool yencoded_sniff(const uint8_t *head, size_t len)
{
    return yenc_keyword((const char *)head, len) == YENC_BEGIN;
}

/* "=ybegin" of the file, or of its next part. */
static bool take_begin(struct yencoded *y, struct text line)
{
    uint64_t size, part = 1, total = 0, width;
    struct text name = yenc_name(line.data, line.len);
    if (yenc_keyword(line.data, line.len) != YENC_BEGIN || !name.len ||
        !yenc_number(line.data, line.len, "size", 10, &size) || !yenc_number(line.data, line.len, "line", 10, &width))
        return false;
    bool in_parts = yenc_number(line.data, line.len, "part", 10, &part);
    yenc_number(line.data, line.len, "total", 10, &total);
    if (y->begun && (size != y->size || part != y->part + 1))
        return false;
    if (name.len > sizeof(y->name))
        name.len = sizeof(y->name);
    memcpy(y->name, name.data, name.len);
    y->name_len = (uint16_t)name.len;
    y->size = size;
    y->part = part;
    y->total = in_parts && !total ? UINT64_MAX : total; /* not every program says of how many */
    y->begun = y->inside = true;
    return true;
}

/* A whole line, and where the next begins. False: this is no such file. */
static bool take_line(struct yencoded *y, struct text line, uint64_t next)
{
    if (!y->inside) {
        if (!y->lines.lost && take_begin(y, line))
            return true;
        y->ended = y->begun && line.len > 0; /* something else stands behind the part */
        return y->begun;
    }
    if (!y->lines.lost && yenc_keyword(line.data, line.len) == YENC_END) {
        y->inside = false;
        y->end = next;
        y->ended = y->part >= y->total;
    }
    return true;
}

static enum recogniser_state answer(const struct yencoded *y)
{
    return y->ended ? RECOGNISE_END : y->begun ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state yencoded_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct yencoded *y = state;
    struct text line;
    (void)facts;
    at += len;
    while (!y->ended && lines_next(&y->lines, &data, &len, &line)) {
        if (!take_line(y, line, at - len))
            return RECOGNISE_NO;
        lines_done(&y->lines, at - len);
    }
    return answer(y);
}

/* The last line had no end, or nothing stands behind a part. */
static enum recogniser_state yencoded_finish(void *state, struct fact_set *facts)
{
    struct yencoded *y = state;
    (void)facts;
    if (!y->ended && y->lines.len)
        take_line(y, (struct text){y->lines.line, y->lines.len}, y->lines.at + y->lines.len);
    y->ended |= y->begun && !y->inside;
    return answer(y);
}

static uint64_t yencoded_end_at(const void *state)
{
    return ((const struct yencoded *)state)->end;
}

static struct text yencoded_name(const void *state)
{
    const struct yencoded *y = state;
    return (struct text){y->name, y->name_len};
}

static const struct recogniser_literal LITERALS[] = {{"=ybegin ", 8, 0, false}};

const struct recogniser recogniser_yencoded = {
    .name = "yenc",
    .type = "yenc",
    .encoding = "yenc",
    .state_size = sizeof(struct yencoded),
    .literals = LITERALS,
    .literal_count = 1,
    .sniff = yencoded_sniff,
    .feed = yencoded_feed,
    .finish = yencoded_finish,
    .end_at = yencoded_end_at,
    .name_of = yencoded_name,
};
