/* Machine-readable zones anywhere in text: CSV, JSON, SQL, XML, logs, DG1. Runs of the zone's alphabet are gathered,
 * with '<' in every spelling text formats give it; two runs of 44 or 36, or three of 30, close to each other, or one
 * of 88, 72 or 90, are put to the check digits. */
#include <string.h>

#include "facts.h"
#include "mrz_check.h"
#include "text.h"

#define RUN_MAX 90
#define APART_MAX 64 /* bytes from the end of one line to the beginning of the next: separators, a JSON key */
#define AHEAD 12     /* the longest spelling of '<' or of a line end */

struct line {
    char text[44];
    uint8_t len;
    uint64_t begin, end; /* offsets: of its first byte, behind its last */
};

struct mrz {
    struct text_guard guard;
    struct line lines[2]; /* the ones before, [1] is the latest */
    char run[RUN_MAX];
    uint8_t run_len;
    bool overlong;
    uint64_t run_at;
    uint64_t at;       /* offset of the next byte */
    uint64_t filler_at; /* of the last '<' */
    uint32_t count;
    uint8_t have;      /* bytes kept from the last chunk: a spelling may be cut */
    uint8_t kept[AHEAD];
};

static bool mrz_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false; /* attached where "<<" stands */
}

static bool is_zone(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '<';
}

struct spelling {
    const char *text;
    char means; /* '<', or a line end */
};
static const struct spelling SPELLINGS[] = {
    {"&lt;br&gt;", '\n'}, {"&lt;br/&gt;", '\n'}, {"&lt;br /&gt;", '\n'}, {"&lt;/", '\n'}, {"&lt;", '<'},
    {"&#60;", '<'},   {"&#x3c;", '<'},  {"\\u003c", '<'}, {"\\x3c", '<'},    {"%3c", '<'},     {"%253c", '<'},
    {"<br>", '\n'},   {"<br/>", '\n'},  {"<br />", '\n'},
    {"</", '\n'},      {"%0d%0a", '\n'}, {"%0a", '\n'},     {"%250a", '\n'},  {"\\u000a", '\n'}, {"\\u000d", '\n'},
};

/* A spelling that begins at `p`: its length, and what it means; 1 and the byte itself when none does. */
static size_t read_symbol(const uint8_t *p, size_t len, char *symbol)
{
    *symbol = (char)p[0];
    bool fills = p[0] == '<' && (len < 2 || (p[1] | 0x20) != 'b') && (len < 2 || p[1] != '/'); /* what most are */
    if (fills || (p[0] != '&' && p[0] != '\\' && p[0] != '%' && p[0] != '<'))
        return 1;
    for (size_t i = 0; i < sizeof(SPELLINGS) / sizeof(SPELLINGS[0]); i++) {
        size_t n = strlen(SPELLINGS[i].text);
        if (n <= len && strncasecmp((const char *)p, SPELLINGS[i].text, n) == 0) {
            *symbol = SPELLINGS[i].means;
            return n;
        }
    }
    return 1;
}

static void found(struct mrz *m, struct fact_set *facts)
{
    m->count++;
    fact_set_int(facts, FACT_mrz_valid_count, m->count);
    m->lines[0].len = m->lines[1].len = 0;
}

static bool is_near(const struct line *line, uint64_t at)
{
    return line->len && at - line->end <= APART_MAX;
}

/* A line of 44, 36 or 30 ended: do the ones before complete it? */
static void take_line(struct mrz *m, struct fact_set *facts)
{
    struct line line = {.len = m->run_len, .begin = m->run_at, .end = m->at};
    char text[90];
    memcpy(line.text, m->run, m->run_len);
    struct line *before = &m->lines[1], *first = &m->lines[0];
    if (before->len == line.len && is_near(before, m->run_at)) {
        if (line.len != 30) {
            memcpy(text, before->text, line.len);
            memcpy(text + line.len, line.text, line.len);
            if (mrz_check(text, 2u * line.len) != MRZ_NONE) {
                found(m, facts);
                return;
            }
        } else if (first->len == 30 && is_near(first, before->begin)) {
            memcpy(text, first->text, 30);
            memcpy(text + 30, before->text, 30);
            memcpy(text + 60, line.text, 30);
            if (mrz_check(text, 90) != MRZ_NONE) {
                found(m, facts);
                return;
            }
        }
    }
    *first = *before;
    *before = line;
}

static void end_run(struct mrz *m, struct fact_set *facts)
{
    if (!m->overlong) {
        if (m->run_len == 44 || m->run_len == 36 || m->run_len == 30)
            take_line(m, facts);
        else if ((m->run_len == 88 || m->run_len == 72 || m->run_len == 90) &&
                 mrz_check(m->run, m->run_len) != MRZ_NONE)
            found(m, facts);
    }
    m->run_len = 0;
    m->overlong = false;
}

static void take_symbol(struct mrz *m, char symbol, struct fact_set *facts)
{
    if (!is_zone((uint8_t)symbol)) {
        if (m->run_len)
            end_run(m, facts);
        return;
    }
    if (symbol == '<')
        m->filler_at = m->at;
    if (m->run_len == 0)
        m->run_at = m->at;
    if (m->run_len < RUN_MAX)
        m->run[m->run_len++] = symbol;
    else
        m->overlong = true;
}

/* Reads as long as a whole spelling would fit, or to the end when these are the last bytes. */
static size_t read_symbols(struct mrz *m, const uint8_t *data, size_t len, bool last, struct fact_set *facts)
{
    size_t at = 0;
    while (len - at >= (last ? 1 : AHEAD)) {
        char symbol;
        size_t n = read_symbol(data + at, len - at, &symbol);
        take_symbol(m, symbol, facts);
        at += n;
        m->at += n;
    }
    return at;
}

static void feed_part(struct mrz *m, struct fact_set *facts, const uint8_t *data, size_t len)
{
    uint8_t joint[3 * AHEAD];
    if (m->have) { /* what was kept, and enough of the new bytes to read all of it */
        size_t part = len < 2 * AHEAD ? len : 2 * AHEAD;
        memcpy(joint, m->kept, m->have);
        memcpy(joint + m->have, data, part);
        size_t total = m->have + part;
        size_t done = read_symbols(m, joint, total, false, facts);
        if (part == len || done < m->have) {
            m->have = (uint8_t)(total - done);
            memcpy(m->kept, joint + done, m->have);
            return;
        }
        data += done - m->have;
        len -= done - m->have;
        m->have = 0;
    }
    size_t done = read_symbols(m, data, len, false, facts);
    m->have = (uint8_t)(len - done);
    memcpy(m->kept, data + done, m->have);
}

static enum recogniser_state mrz_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                      uint64_t at)
{
    struct mrz *m = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&m->guard, data, len);
        feed_part(m, facts, data, n);
        data += n;
        len -= n;
        bool idle = m->at - m->filler_at > TEXT_BLOCK;
        if (text_guard_is_full(&m->guard) && (text_guard_is_binary(&m->guard) || idle) && !m->count)
            return RECOGNISE_NO;
    }
    return m->count ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state mrz_finish(void *state, struct fact_set *facts)
{
    struct mrz *m = state;
    read_symbols(m, m->kept, m->have, true, facts);
    m->have = 0;
    take_symbol(m, '\n', facts);
    return m->count ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state mrz_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct mrz *m = state;
    (void)at;
    mrz_finish(m, facts);
    m->lines[0].len = m->lines[1].len = 0;
    m->at += len;
    return m->count ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

/* Each two fillers, in every spelling; the first line of three may begin 190 bytes before. */
static const struct recogniser_literal LITERALS[] = {
    {"<<", 2, 200, false},           {"&lt;&lt;", 8, 250, true}, {"\\u003c\\u003c", 12, 250, true},
    {"%3c%3c", 6, 250, true},        {"&#60;&#60;", 10, 250, false}, {"&#x3c;&#x3c;", 12, 250, true},
    {"\\x3c\\x3c", 8, 250, true},    {"%253c%253c", 10, 250, true},
};

const struct recogniser recogniser_mrz = {
    .name = "mrz",
    .type = "",
    .state_size = sizeof(struct mrz),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = mrz_sniff,
    .feed = mrz_feed,
    .gap = mrz_gap,
    .finish = mrz_finish,
};
