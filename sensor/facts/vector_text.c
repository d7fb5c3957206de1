/* Face embeddings written out: JSON arrays, pgvector and SQL literals. A bracket, numbers and commas, nothing else, a
 * dimension of embeddings, and unit length; the sums run, nothing is stored. */
#include <math.h>

#include "embedding.h"
#include "facts.h"
#include "text.h"

enum { OUTSIDE, BEFORE_NUMBER, IN_WHOLE, IN_FRACTION, IN_EXPONENT, AFTER_NUMBER };

struct vector_text {
    struct text_guard guard;
    uint8_t state;
    bool negative, exponent_negative;
    uint8_t digits;
    uint32_t count;
    int exponent;
    double value, scale, sum;
    uint32_t vectors;
};

static bool vector_text_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false;
}

static void begin_number(struct vector_text *v)
{
    v->state = BEFORE_NUMBER;
    v->negative = v->exponent_negative = false;
    v->digits = 0;
    v->exponent = 0;
    v->value = 0;
    v->scale = 1;
}

static void end_number(struct vector_text *v)
{
    int exponent = v->exponent_negative ? -v->exponent : v->exponent;
    double value = exponent ? v->value * pow(10, exponent) : v->value;
    v->sum += value * value;
    v->count++;
}

static void end_vector(struct vector_text *v, struct fact_set *facts)
{
    /* Six decimals of 2048 numbers may cost a thousandth; some writers round to four. */
    bool unit = v->sum > 0.99 && v->sum < 1.01;
    v->state = OUTSIDE;
    if (embedding_is_dimension(v->count) && unit)
        fact_set_int(facts, FACT_embedding_count, ++v->vectors);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A number ended with `c`. */
static void take_end(struct vector_text *v, uint8_t c, struct fact_set *facts)
{
    if (c == ',')
        begin_number(v);
    else if (c == ']' || c == '}')
        end_vector(v, facts);
    else
        v->state = is_space(c) ? AFTER_NUMBER : OUTSIDE;
}

static void take_digit(struct vector_text *v, uint8_t c)
{
    unsigned digit = c - '0';
    v->digits++;
    if (v->state == BEFORE_NUMBER)
        v->state = IN_WHOLE;
    if (v->state == IN_EXPONENT) {
        v->exponent = v->exponent < 1000 ? v->exponent * 10 + (int)digit : v->exponent;
    } else if (v->state == IN_FRACTION) {
        v->scale /= 10;
        v->value += digit * v->scale;
    } else {
        v->value = v->value * 10 + digit;
    }
}

static void take_byte(struct vector_text *v, uint8_t c, struct fact_set *facts)
{
    if (c == '[' || c == '{') { /* COPY and arrays of PostgreSQL write braces */
        v->count = 0;
        v->sum = 0;
        begin_number(v);
        return;
    }
    switch (v->state) {
    case OUTSIDE:
        break;
    case AFTER_NUMBER:
        if (!is_space(c))
            take_end(v, c, facts);
        break;
    case BEFORE_NUMBER:
        if (c >= '0' && c <= '9')
            take_digit(v, c);
        else if (c == '-' && !v->negative)
            v->negative = true;
        else if (c == '.')
            v->state = IN_FRACTION;
        else if (!is_space(c))
            v->state = OUTSIDE;
        break;
    default:
        if (c >= '0' && c <= '9' && v->digits < 40) {
            take_digit(v, c);
        } else if (c == '.' && v->state == IN_WHOLE) {
            v->state = IN_FRACTION;
        } else if ((c == 'e' || c == 'E') && v->state != IN_EXPONENT) {
            v->state = IN_EXPONENT;
        } else if ((c == '-' || c == '+') && v->state == IN_EXPONENT && v->exponent == 0) {
            v->exponent_negative = c == '-';
        } else {
            end_number(v);
            take_end(v, c, facts);
        }
        break;
    }
}

static enum recogniser_state vector_text_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                              uint64_t at)
{
    struct vector_text *v = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&v->guard, data, len);
        for (size_t i = 0; i < n; i++)
            take_byte(v, data[i], facts);
        data += n;
        len -= n;
        bool idle = v->state == OUTSIDE;
        if (text_guard_is_full(&v->guard) && (text_guard_is_binary(&v->guard) || idle) && !v->vectors)
            return RECOGNISE_NO;
    }
    return v->vectors ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state vector_text_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct vector_text *v = state;
    (void)facts;
    (void)len;
    (void)at;
    v->state = OUTSIDE;
    return v->vectors ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static const struct recogniser_literal LITERALS[] = {
    {",0.0", 4, 64, false}, {",-0.0", 5, 64, false}, {", 0.0", 5, 64, false}, {", -0.0", 6, 64, false},
    {" 0.0", 4, 64, false}, {" -0.0", 5, 64, false},
};

const struct recogniser recogniser_vector_text = {
    .name = "vector_text",
    .type = "",
    .state_size = sizeof(struct vector_text),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = vector_text_sniff,
    .feed = vector_text_feed,
    .gap = vector_text_gap,
};
