/* Plate reads as rows of a table: CSV, TSV, or divided by ';' or '|'. Precision comes from structure: a sample of the
 * first rows must have a constant number of cells, one column of mostly distinct plate shapes, and companions
 * (a head line that says so, or times and places). Then rows are counted as they stream. */
#include <ctype.h>
#include <string.h>

#include "facts.h"
#include "plate_shape.h"
#include "text.h"

#define SAMPLE 4096
#define ROWS_MAX 64
#define ROWS_MIN 8        /* without a head line; with one, ROWS_MIN_HEAD */
#define ROWS_MIN_HEAD 2
#define COLUMNS_MAX 32
#define CELL_MAX 24
#define LINES_BEFORE 8    /* a title, a greeting, half a row: lines that may stand before the table */

struct plate_rows {
    bool decided;
    char delimiter;
    uint8_t plate_column;
    bool caseless;     /* the head line says plate: then small letters will do */
    uint16_t column;   /* of the cell being read */
    bool quoted;
    uint8_t cell_len;  /* CELL_MAX + 1: too long */
    char cell[CELL_MAX];
    uint32_t rows;
    uint16_t have;
    char sample[SAMPLE];
};

static bool plate_rows_sniff(const uint8_t *head, size_t len)
{
    if (len == 0)
        return true; /* the beginning was missed: the sample tells */
    return text_is_plain(head, len) && head[0] != '<' && head[0] != '{' && head[0] != '[';
}

struct span {
    const char *text;
    size_t len;
};

struct sample {
    struct span row[ROWS_MAX];
    unsigned rows;
    char delimiter;
    unsigned columns;
    bool has_head;
    int plate_head, time_head; /* columns the head line names; -1 none */
    unsigned companions;       /* head words beside the plate's */
};

static struct span trim(const char *text, size_t len)
{
    while (len && (*text == ' ' || *text == '"' || *text == '\'')) {
        text++;
        len--;
    }
    while (len && (text[len - 1] == ' ' || text[len - 1] == '"' || text[len - 1] == '\'' || text[len - 1] == '\r'))
        len--;
    return (struct span){text, len};
}

/* Cuts a row into cells; delimiters between double quotes do not count. Returns how many there are. */
static unsigned split(struct span row, char delimiter, struct span cells[COLUMNS_MAX])
{
    unsigned count = 0;
    size_t begin = 0;
    bool quoted = false;
    for (size_t i = 0; i <= row.len; i++) {
        if (i < row.len && row.text[i] == '"')
            quoted = !quoted;
        if (i < row.len && (row.text[i] != delimiter || quoted))
            continue;
        if (count < COLUMNS_MAX)
            cells[count] = trim(row.text + begin, i - begin);
        count++;
        begin = i + 1;
    }
    return count;
}

static void cut_rows(struct sample *s, const char *text, size_t len, bool last)
{
    for (size_t at = 0; at < len && s->rows < ROWS_MAX;) {
        const char *end = memchr(text + at, '\n', len - at);
        if (!end && !last)
            return;
        size_t n = end ? (size_t)(end - (text + at)) : len - at;
        size_t shown = n && text[at + n - 1] == '\r' ? n - 1 : n;
        if (shown)
            s->row[s->rows++] = (struct span){text + at, shown};
        at += n + 1;
    }
}

/* Leaves the first row out. */
static void drop_row(struct sample *s)
{
    s->rows--;
    memmove(s->row, s->row + 1, s->rows * sizeof(s->row[0]));
}

/* The delimiter whose count of cells is the same in (nearly) every row. */
static bool find_delimiter(struct sample *s)
{
    static const char delimiters[] = {',', '\t', ';', '|'};
    struct span cells[COLUMNS_MAX];
    for (unsigned d = 0; d < sizeof(delimiters); d++) {
        unsigned columns = split(s->row[0], delimiters[d], cells), same = 0;
        if (columns < 2 || columns > COLUMNS_MAX)
            continue;
        for (unsigned r = 0; r < s->rows; r++)
            same += split(s->row[r], delimiters[d], cells) == columns;
        if (same * 10 >= s->rows * 9) {
            s->delimiter = delimiters[d];
            s->columns = columns;
            return true;
        }
    }
    return false;
}

static void read_head(struct sample *s)
{
    struct span cells[COLUMNS_MAX];
    s->plate_head = s->time_head = -1;
    unsigned count = split(s->row[0], s->delimiter, cells);
    for (unsigned c = 0; c < count && c < COLUMNS_MAX; c++) {
        enum plate_word word = plate_word(cells[c].text, cells[c].len);
        if (word == PLATE_WORD_PLATE && s->plate_head < 0)
            s->plate_head = (int)c;
        else if (word != PLATE_WORD_NONE)
            s->companions++;
        if (word == PLATE_WORD_TIME && s->time_head < 0)
            s->time_head = (int)c;
    }
    s->has_head = s->plate_head >= 0 && s->companions >= 1;
}

static bool is_plate(struct span cell, bool caseless, bool *mixed)
{
    char upper[CELL_MAX];
    if (caseless && cell.len <= CELL_MAX) {
        for (size_t i = 0; i < cell.len; i++)
            upper[i] = (char)toupper((unsigned char)cell.text[i]);
        cell.text = upper;
    }
    return plate_is_shape(cell.text, cell.len, mixed);
}

struct column {
    unsigned plates, mixed, distinct, times, degrees, states;
};

static void measure_column(const struct sample *s, unsigned column, struct column *m)
{
    struct span cells[COLUMNS_MAX], seen[ROWS_MAX];
    *m = (struct column){0};
    for (unsigned r = s->has_head ? 1 : 0; r < s->rows; r++) {
        bool mixed = false, known = false;
        if (split(s->row[r], s->delimiter, cells) <= column)
            continue;
        struct span cell = cells[column];
        m->times += plate_is_time(cell.text, cell.len);
        m->degrees += plate_is_degrees(cell.text, cell.len);
        m->states += plate_is_state(cell.text, cell.len);
        if (!is_plate(cell, s->has_head, &mixed))
            continue;
        for (unsigned i = 0; i < m->distinct && !known; i++)
            known = seen[i].len == cell.len && memcmp(seen[i].text, cell.text, cell.len) == 0;
        if (!known)
            seen[m->distinct++] = cell;
        m->plates++;
        m->mixed += mixed;
    }
}

static bool is_plate_column(const struct column *m, unsigned rows)
{
    return m->plates * 10 >= rows * 6 && m->mixed * 10 >= rows * 3 && m->distinct * 2 >= m->plates;
}

/* Does this table show plate reads? Sets the delimiter and the column. */
static bool judge_table(struct plate_rows *p, struct sample *s)
{
    struct column m;
    unsigned times = 0, degrees = 0, states = 0;
    int plates = -1;
    read_head(s);
    unsigned rows = s->rows - (s->has_head ? 1 : 0);
    if (!s->has_head && rows < ROWS_MIN)
        return false;
    for (unsigned c = 0; c < s->columns; c++) {
        measure_column(s, c, &m);
        if (is_plate_column(&m, rows) && (plates < 0 || s->plate_head == (int)c))
            plates = (int)c;
        times += m.times * 10 >= rows * 9;
        degrees += m.degrees * 10 >= rows * 9;
        states += m.states * 10 >= rows * 8;
    }
    if (s->has_head && s->plate_head != plates)
        return false;
    if (plates < 0 || (!s->has_head && (times == 0 || (degrees < 2 && states == 0))))
        return false;
    p->delimiter = s->delimiter;
    p->plate_column = (uint8_t)plates;
    p->caseless = s->has_head;
    return true;
}

static bool judge(struct plate_rows *p, bool last)
{
    struct sample s = {0};
    size_t head = p->have < RECOGNISER_HEAD ? p->have : RECOGNISER_HEAD;
    if (!text_is_plain((const uint8_t *)p->sample, head))
        return false;
    cut_rows(&s, p->sample, p->have, last);
    for (unsigned before = 0; before <= LINES_BEFORE && s.rows >= ROWS_MIN_HEAD + 1; before++) {
        if (find_delimiter(&s))
            return judge_table(p, &s);
        drop_row(&s);
    }
    return false;
}

static void end_cell(struct plate_rows *p)
{
    bool mixed;
    if (p->column == p->plate_column && p->cell_len <= CELL_MAX) {
        struct span cell = trim(p->cell, p->cell_len);
        p->rows += is_plate(cell, p->caseless, &mixed);
    }
    p->cell_len = 0;
}

static void count_rows(struct plate_rows *p, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\n') {
            end_cell(p);
            p->column = 0;
            p->quoted = false;
        } else if (c == p->delimiter && !p->quoted) {
            end_cell(p);
            if (p->column < UINT16_MAX)
                p->column++;
        } else {
            if (c == '"')
                p->quoted = !p->quoted;
            if (p->cell_len < CELL_MAX)
                p->cell[p->cell_len] = c;
            if (p->cell_len <= CELL_MAX)
                p->cell_len++;
        }
    }
}

static bool decide(struct plate_rows *p, bool last)
{
    p->decided = true;
    if (!judge(p, last))
        return false;
    count_rows(p, p->sample, p->have);
    return true;
}

static enum recogniser_state publish(const struct plate_rows *p, struct fact_set *facts)
{
    fact_set_int(facts, FACT_plate_row_count, p->rows);
    fact_set_text(facts, FACT_plate_source, "rows", 4);
    return RECOGNISE_PROVED;
}

static enum recogniser_state plate_rows_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                             uint64_t at)
{
    struct plate_rows *p = state;
    (void)at;
    if (!p->decided) {
        size_t n = (size_t)(SAMPLE - p->have) < len ? (size_t)(SAMPLE - p->have) : len;
        memcpy(p->sample + p->have, data, n);
        p->have = (uint16_t)(p->have + n);
        data += n;
        len -= n;
        if (p->have < SAMPLE)
            return RECOGNISE_MORE;
        if (!decide(p, false))
            return RECOGNISE_NO;
    }
    count_rows(p, (const char *)data, len);
    return publish(p, facts);
}

static enum recogniser_state plate_rows_finish(void *state, struct fact_set *facts)
{
    struct plate_rows *p = state;
    if (!p->decided && !decide(p, true))
        return RECOGNISE_NO;
    if (p->cell_len)
        end_cell(p);
    return publish(p, facts);
}

static enum recogniser_state plate_rows_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct plate_rows *p = state;
    (void)facts;
    (void)len;
    (void)at;
    if (!p->decided) { /* judged by what comes behind it */
        p->have = 0;
        return RECOGNISE_MORE;
    }
    p->column = UINT16_MAX; /* counting goes on with the next line */
    p->cell_len = 0;
    p->quoted = false;
    return RECOGNISE_PROVED;
}

const struct recogniser recogniser_plate_rows = {
    .name = "plate_rows",
    .type = "",
    .state_size = sizeof(struct plate_rows),
    .sniff = plate_rows_sniff,
    .feed = plate_rows_feed,
    .gap = plate_rows_gap,
    .finish = plate_rows_finish,
};
