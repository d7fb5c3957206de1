/* Passenger lists: UN/EDIFACT PAXLST (APIS) and PNRGOV messages, and the DOCS elements of teletype PNRs. Separators
 * are what UNA says or the message header shows; files in the field use others than + : '.
 *
 * Text is cut into segments at the terminator (before it is known: at line ends); of each, the first bytes are
 * looked at and the persons counted while the message streams. */
#include <ctype.h>

#include <string.h>

#include "facts.h"
#include "text.h"

#define SEGMENT_MAX 256 /* of a segment is read; the rest is passed over */
#define HEADER_LOOK 64  /* behind a message's name its terminator must show */

enum message { MESSAGE_NONE, MESSAGE_PAXLST, MESSAGE_PNRGOV };

struct edifact {
    struct text_guard guard;
    uint8_t component, element, terminator, release; /* 0: not known yet */
    bool released; /* the byte before was the release character */
    uint8_t message;
    uint16_t len;
    char segment[SEGMENT_MAX];
    uint16_t name_at;  /* a message's name in the segment; 0: none */
    uint32_t persons;  /* NAD+FL */
    uint32_t names;    /* TIF */
    uint32_t documents; /* SSR DOCS */
};

static bool edifact_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false; /* attached where a message's name stands */
}

static bool is_separator(uint8_t c)
{
    return c > ' ' && c < 0x7f && !isalnum(c);
}

/* "UNA" and six characters: component, element, decimal, release, reserved, terminator. */
static void take_service_string(struct edifact *e, const char *at)
{
    if (!is_separator((uint8_t)at[3]) || !is_separator((uint8_t)at[4]) || !is_separator((uint8_t)at[8]))
        return;
    e->component = (uint8_t)at[3];
    e->element = (uint8_t)at[4];
    e->release = at[6] == ' ' ? 0 : (uint8_t)at[6];
    e->terminator = (uint8_t)at[8];
}

/* "UNH+reference+PAXLST:D:02B:UN:IATA" or "...+PNRGOV:13:1:IA", whatever stands for + and :. `name` stands in
 * the segment behind its element separator, `left` bytes of it are here. Returns the offset from `name` of the
 * terminator when this showed it; 0: it did not. */
static size_t take_message_header(struct edifact *e, const char *name, size_t left)
{
    uint8_t element = (uint8_t)name[-1], component = (uint8_t)name[6];
    bool list = memcmp(name, "PAXLST", 6) == 0;
    if (left < 12 || !is_separator(element) || !is_separator(component) || element == component)
        return 0;
    if (list ? name[7] != 'D' || (uint8_t)name[8] != component
             : !isdigit((unsigned char)name[7]) || !isdigit((unsigned char)name[8]) || (uint8_t)name[9] != component)
        return 0;
    e->message = list ? MESSAGE_PAXLST : MESSAGE_PNRGOV;
    e->element = element;
    e->component = component;
    for (size_t i = 10; i < left && !e->terminator; i++) { /* none of the letters a header holds */
        uint8_t c = (uint8_t)name[i];
        if (is_separator(c) && c != element && c != component && c != '.' && c != '/' && c != '-' && c != '?') {
            e->terminator = c;
            return i;
        }
    }
    return 0;
}

/* "/P/USA/813281747//12AUG98/F/" behind DOCS: type, issuer, number, nationality, birth, sex. */
static bool is_document(const char *at, size_t len)
{
    static const uint8_t shortest[] = {1, 2, 5, 0, 7, 1}, longest[] = {2, 3, 14, 3, 7, 2};
    const char *end = at + len;
    at = memchr(at, '/', len < 28 ? len : 28);
    for (unsigned i = 0; i < 6; i++) {
        if (!at || at >= end)
            return false;
        const char *field = at + 1, *next = field;
        while (next < end && isalnum((unsigned char)*next))
            next++;
        size_t n = (size_t)(next - field);
        if (n < shortest[i] || n > longest[i] || (next < end && *next != '/' && i < 5))
            return false;
        if (i == 4 && (!isdigit((unsigned char)field[0]) || !isupper((unsigned char)field[2]) ||
                       !isdigit((unsigned char)field[5])))
            return false;
        if (i == 5)
            return field[0] == 'M' || field[0] == 'F' || field[0] == 'X' || field[0] == 'U';
        at = next;
    }
    return false;
}

static bool has_counted(const struct edifact *e)
{
    return e->persons || e->names || e->documents;
}

static void count(struct edifact *e, struct fact_set *facts)
{
    uint32_t records = e->names > e->documents ? e->names : e->documents;
    fact_set_int(facts, FACT_pnr_count, (int64_t)e->persons + records);
}

static void take_segment(struct edifact *e, struct fact_set *facts)
{
    const char *s = e->segment;
    size_t len = e->len;
    while (len && isspace((unsigned char)*s)) {
        s++;
        len--;
    }
    while (len > 1 && s[0] == '\\' && (s[1] == 'n' || s[1] == 'r')) { /* line ends, as JSON and SQL write them */
        s += 2;
        len -= 2;
    }
    e->len = 0;
    if (len < 6)
        return;
    const char *docs = memmem(s, len, "DOCS", 4);
    if (docs && memmem(s, (size_t)(docs - s), "SSR", 3) && is_document(docs + 4, (size_t)(s + len - docs - 4)))
        e->documents++;
    if (e->message && (uint8_t)s[3] == e->element) {
        if (e->message == MESSAGE_PAXLST && memcmp(s, "NAD", 3) == 0 && s[4] == 'F' && s[5] == 'L')
            e->persons++;
        if (e->message == MESSAGE_PNRGOV && memcmp(s, "TIF", 3) == 0)
            e->names++;
    }
    count(e, facts);
}

static bool ends_segment(struct edifact *e, uint8_t c)
{
    if (e->released) {
        e->released = false;
        return false;
    }
    if (e->release && c == e->release) {
        e->released = true;
        return false;
    }
    return c == e->terminator || c == '\n' || (!e->terminator && c == '\'');
}

static bool ends_with(const struct edifact *e, const char *word)
{
    size_t n = strlen(word);
    return e->len >= n && memcmp(e->segment + e->len - n, word, n) == 0;
}

/* Reads the message header in the segment. True when that showed the terminator, `*rest` being what follows it. */
static bool read_header(struct edifact *e, size_t *rest)
{
    size_t name = e->name_at, at = take_message_header(e, e->segment + name, e->len - name);
    e->name_at = 0;
    *rest = name + at + 1;
    return at > 0;
}

static void take_byte(struct edifact *e, uint8_t c, struct fact_set *facts)
{
    size_t rest;
    if (ends_segment(e, c)) {
        if (e->name_at)
            read_header(e, &rest);
        take_segment(e, facts);
        e->name_at = 0;
        return;
    }
    if (e->len == SEGMENT_MAX)
        return;
    e->segment[e->len++] = (char)c;
    if (e->len >= 9 && memcmp(e->segment + e->len - 9, "UNA", 3) == 0 && !e->message) {
        take_service_string(e, e->segment + e->len - 9);
        if (e->terminator == c)
            e->len = 0;
    }
    if (e->len > 6 && (ends_with(e, "PAXLST") || ends_with(e, "PNRGOV")))
        e->name_at = (uint16_t)(e->len - 6);
}

/* The terminator may be known only now: then what was taken for one segment is several. */
static void split_segment(struct edifact *e, struct fact_set *facts)
{
    char text[SEGMENT_MAX];
    size_t rest;
    if (!read_header(e, &rest))
        return;
    size_t n = e->len - rest;
    memcpy(text, e->segment + rest, n);
    e->len = (uint16_t)(rest - 1);
    take_segment(e, facts);
    for (size_t k = 0; k < n; k++)
        take_byte(e, (uint8_t)text[k], facts);
}

static enum recogniser_state edifact_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                          uint64_t at)
{
    struct edifact *e = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&e->guard, data, len);
        for (size_t i = 0; i < n; i++) {
            take_byte(e, data[i], facts);
            if (e->name_at && e->len >= e->name_at + HEADER_LOOK)
                split_segment(e, facts);
        }
        data += n;
        len -= n;
        if (text_guard_is_full(&e->guard) && (text_guard_is_binary(&e->guard) || !e->message) && !has_counted(e))
            return RECOGNISE_NO;
    }
    return has_counted(e) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state edifact_finish(void *state, struct fact_set *facts)
{
    struct edifact *e = state;
    take_segment(e, facts);
    return has_counted(e) ? RECOGNISE_PROVED : RECOGNISE_NO;
}

static enum recogniser_state edifact_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct edifact *e = state;
    (void)facts;
    (void)len;
    (void)at;
    e->len = e->name_at = 0;
    e->released = false;
    return RECOGNISE_MORE;
}

static const struct recogniser_literal LITERALS[] = {
    {"PAXLST", 6, 250, false}, {"PNRGOV", 6, 250, false}, {"SSR DOCS", 8, 0, false}, {"SSR+DOCS", 8, 0, false},
    {"SSRDOCS", 7, 0, false}};

const struct recogniser recogniser_edifact = {
    .name = "edifact",
    .type = "",
    .state_size = sizeof(struct edifact),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = edifact_sniff,
    .feed = edifact_feed,
    .gap = edifact_gap,
    .finish = edifact_finish,
};
