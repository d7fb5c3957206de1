/* US social security numbers and passport numbers in context: one of them alone is nine digits and means nothing.
 * A keyword must stand within 64 bytes before it (a form, a JSON key), or at the head of its column (CSV, TSV, the
 * column list of an SQL INSERT). */
#include <ctype.h>
#include <string.h>

#include "facts.h"
#include "text.h"

#define NEAR 64          /* bytes from a keyword to a number it vouches for */
#define PASSPORT_NEAR 32 /* a passport number has no inner form: closer */
#define WORD_MAX 24      /* letters of a keyword, or characters of a number, and their borders */
#define DELIMITERS 4
#define HEAD_WORDS 4     /* of a column's head, at most; more are a sentence with commas */

enum subject { SUBJECT_NONE, SUBJECT_SSN, SUBJECT_PASSPORT };
enum half { HALF_NONE, HALF_SOCIAL, HALF_TRAVEL, HALF_CREATE, HALF_INSERT, HALF_VALUES };

struct column { /* a keyword in a head line: which cell of the lines below is meant */
    bool set, fixed;
    uint32_t line;
    uint16_t index[DELIMITERS];
    uint8_t delimiter;
};

struct identifiers {
    struct text_guard guard;
    uint8_t word_len;
    char word[WORD_MAX];      /* the token being read: letters, digits, '-' and '_' */
    uint8_t before, mark;     /* the character before the token; the same, spaces aside */
    uint8_t last, last_mark;  /* the ones read last */
    uint64_t at;
    uint8_t group_count;      /* groups of digits that were read of a number written as three */
    char group[9];
    uint8_t group_before, group_mark;
    uint64_t group_begin, group_end;
    uint32_t line;
    uint16_t cell[DELIMITERS]; /* delimiters since the line began */
    uint8_t words, words_most; /* of the cell being read, of any cell of the line */
    uint8_t subject;          /* of the last keyword */
    uint64_t subject_at;
    uint16_t subject_tabs;    /* of its line, before it */
    uint8_t half;             /* what the word before may be half of */
    bool sql;                 /* within INSERT: parentheses hold rows */
    bool ddl, table;          /* within CREATE TABLE; one was seen that has a column of SSNs */
    struct column column[3];  /* by subject */
    uint32_t ssns, passports;
};

static const char DELIMITER[DELIMITERS] = {',', '\t', ';', '|'};
enum { TAB = 1 };

static bool identifiers_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false; /* attached where a keyword stands */
}

/* Area, group and serial as the Social Security Administration issues them; none of the well-known ones. */
static bool is_ssn(const char *digits)
{
    static const char *const known[] = {"078051120", "219099999", "457555462", "123456789", "987654321"};
    if (memcmp(digits, "000", 3) == 0 || memcmp(digits, "666", 3) == 0 || digits[0] == '9' ||
        memcmp(digits + 3, "00", 2) == 0 || memcmp(digits + 5, "0000", 4) == 0)
        return false;
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (memcmp(digits, known[i], 9) == 0)
            return false;
    }
    /* 111-22-3333 is an example in a manual. */
    return memcmp(digits, digits + 1, 2) != 0 || digits[3] != digits[4] || memcmp(digits + 5, digits + 6, 3) != 0;
}

/* The nine digits of a token: "123-45-6789", or all together. Returns 2, 1 or 0: neither. */
static int read_ssn(const char *word, size_t len, char digits[9])
{
    bool dashed = len == 11 && word[3] == '-' && word[6] == '-';
    size_t n = 0;
    if (!dashed && len != 9)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (isdigit((unsigned char)word[i]))
            digits[n++] = word[i];
        else if (!dashed || (i != 3 && i != 6))
            return 0;
    }
    return n != 9 ? 0 : dashed ? 2 : 1;
}

/* US books: nine digits, or a letter and eight; others: one or two letters and six to eight digits. */
static bool is_passport(const char *word, size_t len)
{
    size_t letters = 0;
    while (letters < len && isupper((unsigned char)word[letters]))
        letters++;
    for (size_t i = letters; i < len; i++) {
        if (!isdigit((unsigned char)word[i]))
            return false;
    }
    return len >= 8 && len <= 9 && letters <= 2;
}

static bool is_border(uint8_t c)
{
    return c == 0 || c == '\n' || c == '\r' || c == '"' || c == '\'' || c == '`' ||
           memchr(DELIMITER, c, DELIMITERS) != NULL;
}

/* What a number may follow in a form or a sentence. */
static bool may_follow(uint8_t c)
{
    return is_border(c) || strchr(" :=#>(/[", c) != NULL;
}

/* The token is a whole cell, `after` standing behind it. */
static bool is_cell(const struct identifiers *s, uint8_t after)
{
    return (is_border(s->mark) || (s->sql && s->mark == '(')) && (is_border(after) || (s->sql && after == ')'));
}

static bool is_in_column(const struct identifiers *s, enum subject subject, uint8_t after)
{
    const struct column *c = &s->column[subject];
    return c->set && c->fixed && c->line != s->line && s->cell[c->delimiter] == c->index[c->delimiter] &&
           is_cell(s, after);
}

static bool take_ssn(struct identifiers *s, const char digits[9], uint64_t begin, uint8_t after, bool dashed,
                     struct fact_set *facts)
{
    bool near = may_follow(s->before) && s->subject == SUBJECT_SSN && begin - s->subject_at <= NEAR;
    bool in_table = s->table && dashed && is_cell(s, after);
    if (!is_ssn(digits) || !(near || in_table || is_in_column(s, SUBJECT_SSN, after)))
        return false;
    fact_set_int(facts, FACT_ssn_count, ++s->ssns);
    return true;
}

static bool is_number(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!text_is_digit((uint8_t)word[i]))
            return false;
    }
    return len > 0;
}

/* "123 45 6789", or with a dash that is not ASCII (U+2010 to U+2015): three tokens, one mark apart. */
static void take_group(struct identifiers *s, uint8_t after, struct fact_set *facts)
{
    static const uint8_t lens[] = {3, 2, 4}, places[] = {0, 3, 5};
    uint64_t begin = s->at - s->word_len, apart = begin - s->group_end;
    bool joins = (apart == 1 && s->last == ' ') || (apart == 3 && s->last >= 0x90 && s->last <= 0x95);
    if (!joins || s->word_len != lens[s->group_count])
        s->group_count = 0;
    if (s->word_len != lens[s->group_count] || !is_number(s->word, s->word_len)) {
        s->group_count = 0;
        return;
    }
    memcpy(s->group + places[s->group_count], s->word, s->word_len);
    s->group_end = s->at;
    if (s->group_count == 0) {
        s->group_begin = begin;
        s->group_before = s->before;
        s->group_mark = s->mark;
    }
    if (++s->group_count < 3)
        return;
    s->group_count = 0;
    s->before = s->group_before;
    s->mark = s->group_mark;
    take_ssn(s, s->group, s->group_begin, after, true, facts);
}

static void take_number(struct identifiers *s, uint64_t begin, uint8_t after, struct fact_set *facts)
{
    char digits[9];
    bool follows = may_follow(s->before);
    int form = read_ssn(s->word, s->word_len, digits);
    if (form && take_ssn(s, digits, begin, after, form == 2, facts))
        return;
    /* Two cells on in a table is another column: a count, a size. */
    bool near = follows && s->subject == SUBJECT_PASSPORT && begin - s->subject_at <= PASSPORT_NEAR &&
                s->cell[TAB] < s->subject_tabs + 2;
    if (is_passport(s->word, s->word_len) && (near || is_in_column(s, SUBJECT_PASSPORT, after)))
        fact_set_int(facts, FACT_passport_count, ++s->passports);
}

/* A keyword: from here on numbers near it are meant, and in a head line the cells below it. */
static void take_keyword(struct identifiers *s, enum subject subject, uint8_t after)
{
    struct column *c = &s->column[subject];
    s->subject = (uint8_t)subject;
    s->subject_at = s->at;
    s->subject_tabs = s->cell[TAB];
    if (c->set || !is_cell(s, after))
        return;
    *c = (struct column){.set = true, .line = s->line};
    memcpy(c->index, s->cell, sizeof(c->index));
}

static bool has_part(const char *word, size_t len, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i + n <= len; i++) {
        bool begins = i == 0 || !isalpha((unsigned char)word[i - 1]),
             ends = i + n == len || !isalpha((unsigned char)word[i + n]);
        if (begins && ends && strncasecmp(word + i, part, n) == 0)
            return true;
    }
    return false;
}

/* The subject a word names, alone or with the one before it. */
static enum subject subject_of(const struct identifiers *s, const char *word, size_t len, uint8_t after)
{
    if (len == 2)
        return after == '#' && strncasecmp(word, "ss", 2) == 0 ? SUBJECT_SSN : SUBJECT_NONE;
    bool security = has_part(word, len, "security");
    if (has_part(word, len, "ssn") || has_part(word, len, "ssns") || has_part(word, len, "socialsecurity") ||
        has_part(word, len, "socialsecuritynumber") ||
        (security && (s->half == HALF_SOCIAL || has_part(word, len, "social"))))
        return SUBJECT_SSN;
    if (has_part(word, len, "passport") || has_part(word, len, "passportno") || has_part(word, len, "passportnumber") ||
        has_part(word, len, "traveldocument") || (s->half == HALF_TRAVEL && has_part(word, len, "document")))
        return SUBJECT_PASSPORT;
    return SUBJECT_NONE;
}

static enum half half_of(const char *word, size_t len)
{
    static const struct {
        const char *word;
        enum half half;
    } halves[] = {{"social", HALF_SOCIAL}, {"travel", HALF_TRAVEL}, {"create", HALF_CREATE},
                {"insert", HALF_INSERT}, {"values", HALF_VALUES}};
    for (unsigned i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        if (len == 6 && strncasecmp(word, halves[i].word, 6) == 0)
            return halves[i].half;
    }
    return HALF_NONE;
}

static void take_word(struct identifiers *s, uint8_t after, struct fact_set *facts)
{
    const char *word = s->word;
    size_t len = s->word_len;
    enum subject subject = SUBJECT_NONE;
    if (len == WORD_MAX) {
        s->half = HALF_NONE;
    } else if (text_is_digit((uint8_t)word[len - 1])) {
        if (len >= 8)
            take_number(s, s->at - len, after, facts);
        else
            take_group(s, after, facts);
        s->half = HALF_NONE;
    } else {
        /* Every keyword has one of these. */
        if (memchr(word, 's', len) || memchr(word, 'S', len) || s->half == HALF_TRAVEL)
            subject = subject_of(s, word, len, after);
        s->ddl |= s->half == HALF_CREATE && len == 5 && strncasecmp(word, "table", 5) == 0;
        s->half = (uint8_t)half_of(word, len);
        s->sql |= s->half == HALF_INSERT;
    }
    s->word_len = 0;
    if (subject == SUBJECT_NONE)
        return;
    s->table |= s->ddl && subject == SUBJECT_SSN;
    take_keyword(s, subject, after);
}

/* At a line's end the head line's own delimiter is known: the one it has most of. */
static void end_line(struct identifiers *s)
{
    for (unsigned k = SUBJECT_SSN; k <= SUBJECT_PASSPORT; k++) {
        struct column *c = &s->column[k];
        if (!c->set || c->fixed || c->line != s->line)
            continue;
        unsigned best = 0;
        for (unsigned d = 1; d < DELIMITERS; d++) {
            if (s->cell[d] > s->cell[best])
                best = d;
        }
        c->delimiter = (uint8_t)best;
        c->fixed = s->cell[best] > 0 && s->words_most <= HEAD_WORDS;
        c->set = c->fixed;
    }
    memset(s->cell, 0, sizeof(s->cell));
    s->words_most = 0;
    s->line++;
}

/* Does this parenthesis begin a row: a list of columns, a tuple of values? */
static bool begins_row(const struct identifiers *s)
{
    return s->sql && (s->half == HALF_VALUES || s->last_mark == ',' || s->last_mark == ')' || s->last_mark == '\n' ||
                      (!s->column[SUBJECT_SSN].set && !s->column[SUBJECT_PASSPORT].set));
}

static void take_byte(struct identifiers *s, uint8_t c, struct fact_set *facts)
{
    if (text_is_letter(c) || text_is_digit(c) || c == '-' || c == '_') {
        if (s->word_len == 0) {
            s->before = s->last;
            s->mark = s->last_mark;
        }
        if (s->word_len < WORD_MAX)
            s->word[s->word_len++] = (char)c;
        s->at++;
        return;
    }
    if (s->word_len) {
        take_word(s, c, facts);
        s->last_mark = 'w';
        if (s->words < UINT8_MAX)
            s->words++;
    }
    if (is_border(c)) {
        s->words_most = s->words > s->words_most ? s->words : s->words_most;
        s->words = 0;
    }
    if (c == '\n' || (c == '(' && begins_row(s)))
        end_line(s);
    if (c == ';')
        s->ddl = s->sql = false;
    s->last = c;
    if (c != ' ')
        s->last_mark = c;
    s->at++;
    for (unsigned d = 0; d < DELIMITERS; d++) {
        if (c == (uint8_t)DELIMITER[d] && s->cell[d] < UINT16_MAX)
            s->cell[d]++;
    }
}

static bool has_counted(const struct identifiers *s)
{
    return s->ssns || s->passports;
}

/* No keyword for long, and no column that could still fill. */
static bool is_idle(const struct identifiers *s)
{
    uint64_t patience = s->column[SUBJECT_SSN].fixed || s->column[SUBJECT_PASSPORT].fixed ? 16384 : 1024;
    return s->at - s->subject_at > patience;
}

static enum recogniser_state identifiers_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                              uint64_t at)
{
    struct identifiers *s = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&s->guard, data, len);
        for (size_t i = 0; i < n; i++)
            take_byte(s, data[i], facts);
        data += n;
        len -= n;
        if (text_guard_is_full(&s->guard) && (text_guard_is_binary(&s->guard) || is_idle(s)) && !has_counted(s))
            return RECOGNISE_NO;
    }
    return has_counted(s) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state identifiers_finish(void *state, struct fact_set *facts)
{
    struct identifiers *s = state;
    take_byte(s, '\n', facts);
    return has_counted(s) ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state identifiers_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct identifiers *s = state;
    (void)at;
    take_byte(s, ' ', facts);
    s->at += len;
    return has_counted(s) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

/* "ssn" alone is part of many words. */
static const struct recogniser_literal LITERALS[] = {
    {"ssn\"", 4, 250, true}, {"ssn,", 4, 250, true},  {"ssn:", 4, 250, true},  {"ssn=", 4, 250, true},
    {"ssn\t", 4, 250, true}, {"ssn ", 4, 250, true},  {"ssn|", 4, 250, true},  {"ssn;", 4, 250, true},
    {"ssn\r", 4, 250, true}, {"ssn\n", 4, 250, true}, {"ssn_", 4, 250, true},  {"ssn>", 4, 250, true},
    {"ssn<", 4, 250, true},  {"ssn#", 4, 250, true},  {"ssn)", 4, 250, true},  {"ssn'", 4, 250, true},
    {"ssn`", 4, 250, true},  {"ssns", 4, 250, true},  {"ssn.", 4, 250, true},  {"ssn/", 4, 250, true},
    {"ss#", 3, 250, true},   {"social", 6, 250, true}, {"passport", 8, 250, true},
    {"travel document", 15, 250, true}, {"traveldocument", 14, 250, true}, {"travel_document", 15, 250, true},
};

const struct recogniser recogniser_identifiers = {
    .name = "identifiers",
    .type = "",
    .state_size = sizeof(struct identifiers),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = identifiers_sniff,
    .feed = identifiers_feed,
    .gap = identifiers_gap,
    .finish = identifiers_finish,
};
