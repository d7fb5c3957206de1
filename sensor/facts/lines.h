/* Lines of a text that comes in pieces, for recognisers: whole ones where they lie, those that are cut put together. */
#ifndef FACTS_LINES_H
#define FACTS_LINES_H

#include <string.h>

#include "facts.h"

#define LINES_ROOM 512

struct lines {
    uint64_t at;   /* offset of the present line */
    bool lost;     /* it is longer than the room: its end is missing */
    uint16_t len;  /* of a line that began in an earlier piece */
    char line[LINES_ROOM];
};

/* The next whole line, without its end; call lines_done() before the next. False: no more in this piece, and what is
 * there of a line is kept. */
static inline bool lines_next(struct lines *l, const uint8_t **data, size_t *len, struct text *line)
{
    const uint8_t *lf = *len ? memchr(*data, '\n', *len) : NULL;
    size_t n = lf ? (size_t)(lf - *data) : *len;
    *line = (struct text){(const char *)*data, n};
    if (l->len || !lf) {
        size_t room = LINES_ROOM - l->len, keep = n < room ? n : room;
        l->lost |= n > room;
        if (keep)
            memcpy(l->line + l->len, *data, keep);
        l->len = (uint16_t)(l->len + keep);
        *line = (struct text){l->line, l->len};
    }
    *data += n + (lf != NULL);
    *len -= n + (lf != NULL);
    if (line->len && line->data[line->len - 1] == '\r')
        line->len--;
    return lf != NULL;
}

/* `next`: offset of the line behind it. */
static inline void lines_done(struct lines *l, uint64_t next)
{
    l->at = next;
    l->len = 0;
    l->lost = false;
}

#endif
