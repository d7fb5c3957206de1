/* Pictures and records written out as text inside text: base64 in JSON, XML, vCards and data: URLs, hexadecimal in
 * database dumps. The item is the run of characters; the object made of it is decoded by its coding, so what is
 * inside is looked at as if it had been sent as it is.
 *
 * A run begins with what a known magic looks like in the coding, is proved when its first bytes decode to one, and ends
 * with the first character that is none of its own. Line ends may stand in it, written out or escaped as JSON does; a
 * line shorter than the one before is the last. A character may be escaped, as \u002B by some JSON writers and as %2B
 * in forms. */
#include "coded.h"
#include "digits.h"
#include "engine.h"

#define LINE_MAX_HELD 1024

struct coded {
    uint8_t head[CODED_HEAD];
    uint8_t have;       /* bytes of head */
    uint32_t bits;
    uint8_t bit_count;
    bool proved, ended;
    bool escaped;       /* after a backslash */
    uint8_t digits;     /* of an escaped character that are still to come */
    uint16_t escape;    /* those that came */
    uint64_t escape_at; /* where it begins */
    bool begins_line;   /* after a line end */
    bool padded;        /* after '=' */
    uint8_t alphabet;   /* '+' of the standard one, '-' of the URL-safe one, once a character told */
    uint64_t characters, before_line; /* so far, and before the present line */
    uint32_t lines;     /* line ends so far */
    uint32_t line, line_before; /* characters */
    uint64_t line_at;   /* where the line begins */
    uint64_t end;
};

enum kind { CHARACTER, PAD, SEPARATOR, LINE_END, ESCAPE, OTHER };

bool coded_is_known(const uint8_t head[CODED_HEAD])
{
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++) {
        const struct recogniser *r = RECOGNISERS[i];
        if (r->type[0] && !r->encoding && r->sniff(head, CODED_HEAD))
            return true;
    }
    return false;
}

static void take_value(struct coded *coded, int value, unsigned width)
{
    coded->bits = coded->bits << width | (uint32_t)value;
    coded->bit_count = (uint8_t)(coded->bit_count + width);
    if (coded->bit_count >= 8) {
        coded->bit_count = (uint8_t)(coded->bit_count - 8);
        coded->head[coded->have++] = (uint8_t)(coded->bits >> coded->bit_count);
    }
}

static enum kind kind_of(const struct coded *coded, uint8_t c, int value)
{
    if (coded->escaped)
        return c == 'n' || c == 'r' ? LINE_END : c == '/' ? CHARACTER : OTHER;
    if (value >= 62 && coded->alphabet != (c == '+' || c == '/' ? '+' : '-'))
        return OTHER;
    if (value >= 0)
        return CHARACTER;
    switch (c) {
    case '=':
        return PAD;
    case '\r':
    case '\n':
        return LINE_END;
    case ' ':
    case '\t':
        return coded->begins_line ? SEPARATOR : OTHER;
    case '\\':
        return ESCAPE;
    default:
        return OTHER;
    }
}

/* A last line that leaves a group open where the lines before closed theirs, with no padding, is a word behind it. */
static void end_run(struct coded *coded, uint64_t at)
{
    if (coded->lines && !coded->padded && coded->characters % 4 && coded->before_line % 4 == 0 && coded->line)
        at = coded->line_at;
    coded->ended = true;
    coded->end = at;
}

static void end_line(struct coded *coded, uint64_t at)
{
    if (!coded->begins_line) {
        if (coded->lines > 1 && coded->line < coded->line_before) {
            end_run(coded, at);
            return;
        }
        coded->lines++;
        coded->line_before = coded->line;
        coded->line = 0;
    }
    coded->begins_line = true;
    coded->line_at = at;
    coded->before_line = coded->characters;
}

/* What ends a quoted text, a cell, an element; a line that ends otherwise was none of the run's. */
static bool is_delimiter(uint8_t c)
{
    return c == '"' || c == '\'' || c == '<' || c == ',' || c == ')' || c == ';' || c == ' ' || c == '\t' || c == '\\';
}

/* A character written out as \u002B, or %2B in base64. False while more of it is to come. */
static bool unescape(struct coded *coded, uint8_t *c, unsigned width, uint64_t *at)
{
    if (coded->digits) {
        int digit = hex_digit(*c);
        coded->digits = (uint8_t)(digit < 0 ? 0 : coded->digits - 1);
        coded->escape = (uint16_t)(coded->escape << 4 | (digit & 15));
        if (coded->digits)
            return false;
        *c = digit < 0 || coded->escape > 126 ? 0 : (uint8_t)coded->escape;
        *at = coded->escape_at;
        return true;
    }
    if (coded->escaped ? *c != 'u' : *c != '%' || width == 4)
        return true;
    coded->digits = coded->escaped ? 4 : 2;
    coded->escape = 0;
    coded->escape_at = *at - coded->escaped;
    coded->escaped = false;
    return false;
}

static void take(struct coded *coded, uint8_t c, unsigned width, uint64_t at)
{
    if (!unescape(coded, &c, width, &at))
        return;
    int value = width == 4 ? hex_digit(c) : base64_any_digit(c);
    if (value >= 62 && !coded->alphabet)
        coded->alphabet = c == '+' || c == '/' ? '+' : '-';
    enum kind kind = kind_of(coded, c, value);
    bool was_escaped = coded->escaped;
    coded->escaped = kind == ESCAPE;
    if (coded->padded && kind != PAD)
        kind = OTHER;
    switch (kind) {
    case CHARACTER:
        coded->begins_line = false;
        coded->line++;
        coded->characters++;
        if (coded->have < CODED_HEAD)
            take_value(coded, value, width);
        break;
    case PAD:
        coded->padded = true;
        break;
    case LINE_END:
        end_line(coded, at - was_escaped);
        break;
    case OTHER:
        end_run(coded, coded->lines && !coded->padded && !is_delimiter(c) ? coded->line_at : at - was_escaped);
        break;
    default: /* an escape's second character tells, white space is passed over */
        break;
    }
}

static enum recogniser_state feed(struct coded *coded, const uint8_t *data, size_t len, uint64_t at, unsigned width)
{
    for (size_t i = 0; i < len && !coded->ended; i++) {
        take(coded, data[i], width, at + i);
        if (!coded->proved && coded->have == CODED_HEAD) {
            if (!coded_is_known(coded->head))
                return RECOGNISE_NO;
            coded->proved = true;
        }
    }
    if (!coded->proved)
        return coded->ended ? RECOGNISE_NO : RECOGNISE_MORE;
    return coded->ended ? RECOGNISE_END : RECOGNISE_PROVED;
}

static enum recogniser_state base64_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                         uint64_t at)
{
    (void)facts;
    return feed(state, data, len, at, 6);
}

static enum recogniser_state hex_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    (void)facts;
    return feed(state, data, len, at, 4);
}

/* The text ends with the run: as whole as the text is. */
static enum recogniser_state coded_finish(void *state, struct fact_set *facts)
{
    (void)facts;
    return ((const struct coded *)state)->proved ? RECOGNISE_END : RECOGNISE_NO;
}

/* The present line may turn out to be none of the run's. One that is longer than lines are is not held back. */
static uint64_t coded_sure_to(const void *state)
{
    const struct coded *coded = state;
    return coded->lines && coded->line < LINE_MAX_HELD ? coded->line_at : UINT64_MAX;
}

static uint64_t coded_end_at(const void *state)
{
    return ((const struct coded *)state)->end;
}

/* All of what is here is the coding's own, or folds its lines. */
static bool is_run(const uint8_t *head, size_t len, int (*value)(int c))
{
    for (size_t i = 0; i < len; i++) {
        bool fold = (head[i] == ' ' || head[i] == '\t') && i > 0 && (head[i - 1] == '\n' || head[i - 1] == ' ');
        bool mark = head[i] == '\\' || head[i] == '\r' || head[i] == '\n' ||
                    (head[i] == '%' && value == base64_any_digit);
        if (value(head[i]) < 0 && !fold && !mark)
            return false;
    }
    return len >= 32;
}

static bool base64_sniff(const uint8_t *head, size_t len)
{
    return is_run(head, len, base64_any_digit);
}

static bool hex_sniff(const uint8_t *head, size_t len)
{
    return is_run(head, len, hex_digit);
}

#define LITERAL(bytes, caseless) {bytes, sizeof(bytes) - 1, 0, caseless}

#define LITERAL_AT(offset, bytes, caseless) {bytes, sizeof(bytes) - 1, offset, caseless}

/* The magics' first characters: JPEG, PNG, JPEG 2000, WSQ, RIFF (WebP), HEIF, then FMR, FIR, FAC, IIR, NTemplate,
 * ANSI/NIST-ITL; then a chip's files: DG1 of the three sizes, DG2 to DG4 (7F61 82 behind a length of two bytes), EF.SOD
 * (the OID of signed data). */
static const struct recogniser_literal BASE64[] = {
    LITERAL("/9j/", false),
    LITERAL("\\/9j\\/", false),
    LITERAL("_9j_", false),
    LITERAL("%2F9j%2F", true),
    LITERAL("%2F0%2F%2FU", true),
    LITERAL("%2F6D%2F", true),
    LITERAL("iVBORw0KGgo", false),
    LITERAL("AAAADGpQICA", false),
    LITERAL("/0//U", false),
    LITERAL("/6D/o", false),
    LITERAL("/6D/p", false),
    LITERAL("/6D/q", false),
    LITERAL("UklGR", false),
    LITERAL("AAAAGGZ0eX", false),
    LITERAL("AAAAHGZ0eX", false),
    LITERAL("AAAAIGZ0eX", false),
    LITERAL("AAAAJGZ0eX", false),
    LITERAL("Rk1SAC", false),
    LITERAL("Rk1SAD", false),
    LITERAL("RklSAD", false),
    LITERAL("RkFDAD", false),
    LITERAL("SUlSAD", false),
    LITERAL("TlQAE", false),
    LITERAL("MS4wMDE6", false),
    LITERAL("MS4wMTo", false),
    LITERAL("YVtfH1h", false),
    LITERAL("YUtfH0h", false),
    LITERAL("YV1fH1p", false),
    LITERAL_AT(6, "9hg", false),
    LITERAL_AT(12, "CSqGSIb3DQEH", false),
};

static const struct recogniser_literal HEX[] = {
    LITERAL("ffd8ff", true),           LITERAL("89504e470d0a1a0a", true), LITERAL("0000000c6a502020", true),
    LITERAL("ff4fff51", true),         LITERAL("ffa0ff", true),           LITERAL("464d5200", true),
    LITERAL("4649520030", true),       LITERAL("4641430030", true),       LITERAL("4949520030", true),
    LITERAL("4e540010", true),         LITERAL("615b5f1f58", true),       LITERAL("614b5f1f48", true),
    LITERAL("615d5f1f5a", true),       LITERAL_AT(8, "7f6182", true),
};

const struct recogniser recogniser_coded_base64 = {
    .name = "base64",
    .type = "base64",
    .encoding = "base64",
    .state_size = sizeof(struct coded),
    .literals = BASE64,
    .literal_count = sizeof(BASE64) / sizeof(BASE64[0]),
    .sniff = base64_sniff,
    .feed = base64_feed,
    .finish = coded_finish,
    .end_at = coded_end_at,
    .sure_to = coded_sure_to,
};

const struct recogniser recogniser_coded_hex = {
    .name = "hex",
    .type = "hex",
    .encoding = "hex",
    .state_size = sizeof(struct coded),
    .literals = HEX,
    .literal_count = sizeof(HEX) / sizeof(HEX[0]),
    .sniff = hex_sniff,
    .feed = hex_feed,
    .finish = coded_finish,
    .end_at = coded_end_at,
    .sure_to = coded_sure_to,
};
