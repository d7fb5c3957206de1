/* Hexadecimal written a byte at a time: "ff d8 ff", "ff:d8:ff", "\xff\xd8\xff", "0xff, 0xd8, 0xff", as hex dumps,
 * source code and logs have it. The item is the run of pairs; it ends with the first character that is neither a
 * digit of a pair nor stands between two. */
#include "coded.h"
#include "digits.h"
#include "facts.h"

#define BETWEEN_MAX 24 /* characters between two bytes: ", 0x" and a line's end with its indentation */

struct coded_spaced {
    uint8_t head[CODED_HEAD];
    uint8_t have;
    uint8_t digits;  /* of this byte */
    uint8_t value;
    uint8_t between; /* characters since the byte before */
    bool zero_x;     /* the byte began with "0x" */
    bool proved, ended;
    uint64_t end;    /* behind the last whole byte */
};

static bool is_between(uint8_t c)
{
    return c == ' ' || c == ':' || c == ',' || c == '\\' || c == '\n' || c == '\r' || c == '\t';
}

static void end_byte(struct coded_spaced *s, uint64_t at)
{
    if (s->have < CODED_HEAD)
        s->head[s->have++] = s->value;
    s->end = at + 1;
    s->digits = s->between = 0;
    s->zero_x = false;
}

static void take(struct coded_spaced *s, uint8_t c, uint64_t at)
{
    bool marked = (c == 'x' || c == 'X') && !s->zero_x && (s->digits == 0 || (s->digits == 1 && s->value == 0));
    int digit = hex_digit(c);
    if (digit >= 0 && (s->have == 0 || s->between)) {
        s->value = (uint8_t)(s->value << 4 | digit);
        if (++s->digits == 2)
            end_byte(s, at);
    } else if (marked) { /* the zero before it is no digit */
        s->zero_x = true;
        s->digits = 0;
        s->between++;
    } else if (is_between(c) && s->digits == 0 && s->between < BETWEEN_MAX) {
        s->value = 0;
        s->between++;
    } else {
        s->ended = true;
    }
}

static enum recogniser_state spaced_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                         uint64_t at)
{
    struct coded_spaced *s = state;
    (void)facts;
    for (size_t i = 0; i < len && !s->ended; i++) {
        take(s, data[i], at + i);
        if (!s->proved && s->have == CODED_HEAD) {
            if (!coded_is_known(s->head))
                return RECOGNISE_NO;
            s->proved = true;
        }
    }
    if (!s->proved)
        return s->ended ? RECOGNISE_NO : RECOGNISE_MORE;
    return s->ended ? RECOGNISE_END : RECOGNISE_PROVED;
}

static uint64_t spaced_end_at(const void *state)
{
    return ((const struct coded_spaced *)state)->end;
}

/* All of what is here are digits and what stands between them. */
static bool spaced_sniff(const uint8_t *head, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (hex_digit(head[i]) < 0 && !is_between(head[i]) && head[i] != 'x' && head[i] != 'X')
            return false;
    }
    return len >= 32;
}

#define FORMS(a, b, c, d)                                                                                           \
    {a " " b " " c " " d, 11, 0, true}, {a ":" b ":" c ":" d, 11, 0, true},                                          \
    {"\\x" a "\\x" b "\\x" c "\\x" d, 16, 0, true}, {"0x" a ",0x" b ",0x" c ",0x" d, 19, 0, true},                   \
    {"0x" a ", 0x" b ", 0x" c ", 0x" d, 22, 0, true}

/* JPEG, PNG, JPEG 2000, WSQ, then FMR, FIR, FAC, IIR, NTemplate. */
static const struct recogniser_literal LITERALS[] = {
    FORMS("ff", "d8", "ff", "e0"), FORMS("ff", "d8", "ff", "e1"), FORMS("ff", "d8", "ff", "db"),
    FORMS("89", "50", "4e", "47"), FORMS("ff", "4f", "ff", "51"), FORMS("ff", "a0", "ff", "a4"),
    FORMS("ff", "a0", "ff", "a8"), FORMS("46", "4d", "52", "00"), FORMS("46", "49", "52", "00"),
    FORMS("46", "41", "43", "00"), FORMS("49", "49", "52", "00"), FORMS("4e", "54", "00", "10"),
};

const struct recogniser recogniser_coded_spaced = {
    .name = "hex",
    .type = "hex",
    .encoding = "hex",
    .state_size = sizeof(struct coded_spaced),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = spaced_sniff,
    .feed = spaced_feed,
    .end_at = spaced_end_at,
};
