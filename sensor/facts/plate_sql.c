/* Plate reads in SQL dumps: INSERT INTO or COPY of a table whose name or columns speak of plates; tuples (or lines)
 * that hold a plate shape and a time. */
#include <ctype.h>
#include <string.h>

#include "facts.h"
#include "plate_shape.h"
#include "text.h"

#define WORD_MAX 40

enum { OUTSIDE, IN_HEAD, IN_VALUES, IN_QUOTED, IN_LINES };

struct plate_sql {
    struct text_guard guard;
    uint8_t state;
    uint8_t word_len;  /* WORD_MAX + 1: too long */
    char word[WORD_MAX];
    bool insert, copy; /* the statement's first word */
    bool about_plates;
    bool plate, time;  /* seen in this tuple or line */
    uint32_t rows;
};

/* A dump of one table begins with it; elsewhere a literal attaches it. */
static bool plate_sql_sniff(const uint8_t *head, size_t len)
{
    return len > 5 && memcmp(head, "COPY ", 5) == 0;
}

static bool is_word(const struct plate_sql *q, const char *word)
{
    return q->word_len == strlen(word) && strncasecmp(q->word, word, q->word_len) == 0;
}

/* A table's or column's name that speaks of plates: "lpr_reads", "license_plate", "alpr". */
static bool speaks_of_plates(const struct plate_sql *q)
{
    static const char *const parts[] = {"plate", "lpr", "anpr"};
    if (q->word_len > WORD_MAX)
        return false;
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(parts[i]);
        for (size_t at = 0; at + n <= q->word_len; at++) {
            bool begins = at == 0 || !isalpha((unsigned char)q->word[at - 1]) ||
                          (i > 0 && tolower((unsigned char)q->word[at - 1]) == 'a');
            bool ends = at + n == q->word_len || !isalpha((unsigned char)q->word[at + n]) || q->word[at + n] == 's';
            if (begins && ends && strncasecmp(q->word + at, parts[i], n) == 0)
                return true;
        }
    }
    return false;
}

static void begin_statement(struct plate_sql *q)
{
    bool copy = is_word(q, "copy"), insert = is_word(q, "insert");
    if (!copy && !insert)
        return;
    q->copy = copy;
    q->insert = insert;
    q->about_plates = false;
    q->state = IN_HEAD;
}

static void take_word(struct plate_sql *q)
{
    if (q->state == OUTSIDE)
        begin_statement(q);
    else if (q->state == IN_HEAD && speaks_of_plates(q))
        q->about_plates = true;
    else if (q->state == IN_HEAD && q->insert && is_word(q, "values"))
        q->state = q->about_plates ? IN_VALUES : OUTSIDE;
    q->word_len = 0;
}

static void take_cell(struct plate_sql *q)
{
    bool mixed;
    if (q->word_len > 0 && q->word_len <= WORD_MAX) {
        q->plate |= plate_is_shape(q->word, q->word_len, &mixed) && mixed;
        q->time |= plate_is_time(q->word, q->word_len);
    }
    q->word_len = 0;
}

static void end_row(struct plate_sql *q, struct fact_set *facts)
{
    if (q->plate && q->time) {
        fact_set_int(facts, FACT_plate_row_count, ++q->rows);
        fact_set_text(facts, FACT_plate_source, "sql", 3);
    }
    q->plate = q->time = false;
}

static void append(struct plate_sql *q, uint8_t c)
{
    if (q->word_len < WORD_MAX)
        q->word[q->word_len] = (char)c;
    if (q->word_len <= WORD_MAX)
        q->word_len++;
}

static void take_values(struct plate_sql *q, uint8_t c, struct fact_set *facts)
{
    if (c == '\'') {
        q->word_len = 0;
        q->state = IN_QUOTED;
    } else if (text_is_letter(c) || text_is_digit(c)) {
        append(q, c);
    } else {
        take_cell(q);
        if (c == ')')
            end_row(q, facts);
        else if (c == ';')
            q->state = OUTSIDE;
    }
}

static void take_line_byte(struct plate_sql *q, uint8_t c, struct fact_set *facts)
{
    if (c != '\t' && c != '\n') {
        append(q, c);
        return;
    }
    bool end = q->word_len == 2 && memcmp(q->word, "\\.", 2) == 0;
    take_cell(q);
    if (c == '\n')
        end_row(q, facts);
    if (end)
        q->state = OUTSIDE;
}

static void take_byte(struct plate_sql *q, uint8_t c, struct fact_set *facts)
{
    if (q->state == IN_VALUES) {
        take_values(q, c, facts);
    } else if (q->state == IN_QUOTED) {
        if (c != '\'') {
            append(q, c);
        } else {
            take_cell(q);
            q->state = IN_VALUES;
        }
    } else if (q->state == IN_LINES) {
        take_line_byte(q, c, facts);
    } else if (text_is_letter(c) || text_is_digit(c) || c == '_') {
        append(q, c);
    } else {
        if (q->word_len)
            take_word(q);
        if (c == ';' && q->state == IN_HEAD)
            q->state = q->copy && q->about_plates ? IN_LINES : OUTSIDE;
    }
}

static enum recogniser_state plate_sql_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                            uint64_t at)
{
    struct plate_sql *q = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&q->guard, data, len);
        for (size_t i = 0; i < n; i++)
            take_byte(q, data[i], facts);
        data += n;
        len -= n;
        bool idle = q->state == OUTSIDE;
        if (text_guard_is_full(&q->guard) && (text_guard_is_binary(&q->guard) || idle) && !q->rows)
            return RECOGNISE_NO;
    }
    return q->rows ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state plate_sql_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct plate_sql *q = state;
    (void)facts;
    (void)len;
    (void)at;
    q->word_len = WORD_MAX + 1;
    q->plate = q->time = false;
    return q->rows ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static const struct recogniser_literal LITERALS[] = {{"insert into", 11, 0, true}, {"insert [", 8, 0, true},
                                                     {"\nCOPY ", 6, 0, false}};

const struct recogniser recogniser_plate_sql = {
    .name = "plate_sql",
    .type = "",
    .state_size = sizeof(struct plate_sql),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = plate_sql_sniff,
    .feed = plate_sql_feed,
    .gap = plate_sql_gap,
};
