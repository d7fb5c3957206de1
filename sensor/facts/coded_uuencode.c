/* uuencoded files inside text (POSIX uuencode): "begin MODE NAME", lines whose first character tells their bytes,
 * "end". Proved when the first lines decode to something a recogniser knows. */
#include <string.h>

#include "coded.h"
#include "facts.h"

#define NAME_MAX 128
#define LINE_MAX 64 /* characters of a coded line, its first and two of a check aside */

struct coded_uuencode {
    uint8_t head[CODED_HEAD];
    uint8_t have;
    bool named;      /* the line with the name is over */
    bool proved, ended;
    uint8_t len;     /* characters of this line */
    uint8_t line[LINE_MAX];
    uint64_t end;
};

static unsigned value_of(uint8_t c)
{
    return (unsigned)(c - ' ') & 63;
}

/* A line of so many bytes: as many characters as they need, or a check or two more. */
static bool is_coded(const struct coded_uuencode *u)
{
    unsigned count = u->len ? value_of(u->line[0]) : 64;
    unsigned characters = (count + 2) / 3 * 4 + 1;
    return count <= 45 && u->len >= characters - (count ? 3 : 0) && u->len <= characters + 2;
}

static void decode(struct coded_uuencode *u)
{
    unsigned count = value_of(u->line[0]);
    for (unsigned i = 1, n = 0; n < count && u->have < CODED_HEAD; i += 4) {
        uint32_t bits = 0;
        for (unsigned k = 0; k < 4; k++)
            bits = bits << 6 | (i + k < u->len ? value_of(u->line[i + k]) : 0);
        for (unsigned k = 0; k < 3 && n < count && u->have < CODED_HEAD; k++, n++)
            u->head[u->have++] = (uint8_t)(bits >> (16 - 8 * k));
    }
}

/* A line ended. False: none of an encoded file. */
static bool end_line(struct coded_uuencode *u, uint64_t at)
{
    if (u->len && u->line[u->len - 1] == '\r')
        u->len--;
    if (!u->named) {
        u->named = true;
    } else if (u->len == 3 && memcmp(u->line, "end", 3) == 0) {
        u->ended = true;
        u->end = at + 1;
    } else if (is_coded(u)) {
        decode(u);
        u->end = at + 1;
    } else {
        return false;
    }
    u->len = 0;
    return true;
}

static bool take(struct coded_uuencode *u, uint8_t c, uint64_t at)
{
    if (c == '\n')
        return end_line(u, at);
    if (!u->named)
        return at < NAME_MAX;
    if (u->len == LINE_MAX || ((c < ' ' || c > '`') && c != '\r' && (c < 'a' || c > 'z')))
        return false;
    u->line[u->len++] = c;
    return true;
}

static enum recogniser_state uuencode_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                           uint64_t at)
{
    struct coded_uuencode *u = state;
    (void)facts;
    for (size_t i = 0; i < len && !u->ended; i++) {
        if (!take(u, data[i], at + i)) {
            if (!u->proved)
                return RECOGNISE_NO;
            u->ended = true;
        }
        if (!u->proved && u->have == CODED_HEAD) {
            if (!coded_is_known(u->head))
                return RECOGNISE_NO;
            u->proved = true;
        }
    }
    if (!u->proved)
        return u->ended ? RECOGNISE_NO : RECOGNISE_MORE;
    return u->ended ? RECOGNISE_END : RECOGNISE_PROVED;
}

static uint64_t uuencode_end_at(const void *state)
{
    return ((const struct coded_uuencode *)state)->end;
}

static bool is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

static bool uuencode_sniff(const uint8_t *head, size_t len)
{
    return len >= 12 && memcmp(head, "begin ", 6) == 0 && is_octal(head[6]) && is_octal(head[7]) && is_octal(head[8]) &&
           (head[9] == ' ' || (is_octal(head[9]) && head[10] == ' '));
}

static const struct recogniser_literal LITERALS[] = {{"begin 6", 7, 0, false}, {"begin 7", 7, 0, false},
                                                     {"begin 06", 8, 0, false}, {"begin 4", 7, 0, false}};

const struct recogniser recogniser_coded_uuencode = {
    .name = "uuencode",
    .type = "uuencode",
    .encoding = "x-uuencode",
    .state_size = sizeof(struct coded_uuencode),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = uuencode_sniff,
    .feed = uuencode_feed,
    .end_at = uuencode_end_at,
};
