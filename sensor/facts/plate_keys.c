/* Plate reads as JSON or XML: a key that says plate with a value shaped like one, and keys that say when and where or
 * how well it was read, within 4 KiB (OpenALPR, Rekor, Plate Recognizer, Genetec AutoVu, one's own JSON lines). NIEM's
 * screening messages are named by their elements alone.
 *
 * Keys are quoted words before a colon, or element names; nesting does not matter, but what stands in an array
 * of "candidates" are other readings of the same plate. */
#include <ctype.h>
#include <string.h>

#include "facts.h"
#include "plate_shape.h"
#include "text.h"

#define WORD_MAX 48
#define NEAR 4096

enum { IN_TEXT, IN_STRING, IN_ESCAPE, AFTER_STRING, IN_BARE, IN_ELEMENT, IN_ATTRIBUTES };

#define NIEM_ELEMENTS 4

struct plate_keys {
    struct text_guard guard;
    uint8_t state;
    bool is_plate_key;    /* the value that follows is a plate's */
    uint8_t word_len;     /* WORD_MAX + 1: too long */
    char word[WORD_MAX];
    uint16_t candidates;  /* depth of brackets since "candidates" */
    bool candidates_key;
    uint64_t at;
    uint64_t seen_at[PLATE_WORD_READ + 1]; /* last key of each kind, offset + 1; 0: none */
    uint64_t plate_at;    /* last plate key */
    uint32_t waiting;     /* plates whose companions have not come yet */
    uint64_t waiting_at;
    uint32_t rows;
    uint32_t niem[NIEM_ELEMENTS]; /* of each */
    const char *source;
};

/* NIEM 5.2, screening domain. */
static const char *const NIEM[NIEM_ELEMENTS] = {"LPRConveyanceCheckMessage", "LPRMessageCategoryCode",
                                                "LPRImageSourceCode", "ConveyanceRegistrationPlateIdentification"};

static bool plate_keys_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false; /* attached where a key stands */
}

static bool is_near(const struct plate_keys *k, enum plate_word word)
{
    return k->seen_at[word] && k->at + 1 - k->seen_at[word] <= NEAR;
}

static void publish(const struct plate_keys *k, struct fact_set *facts)
{
    uint32_t rows = k->rows;
    for (unsigned i = 0; i < NIEM_ELEMENTS; i++) /* each message has one of each, or lacks some */
        rows = k->niem[i] > rows ? k->niem[i] : rows;
    if (!rows)
        return;
    fact_set_int(facts, FACT_plate_row_count, rows);
    const char *source = k->source ? k->source : "keys";
    fact_set_text(facts, FACT_plate_source, source, strlen(source));
}

/* When companions are there, the plates that waited are reads. */
static void settle(struct plate_keys *k, struct fact_set *facts)
{
    if (!k->waiting)
        return;
    if (k->at - k->waiting_at > NEAR) {
        k->waiting = 0;
        return;
    }
    if (is_near(k, PLATE_WORD_TIME) && (is_near(k, PLATE_WORD_PLACE) || is_near(k, PLATE_WORD_READ))) {
        k->rows += k->waiting;
        k->waiting = 0;
        publish(k, facts);
    }
}

static bool is_word(const struct plate_keys *k, const char *word)
{
    return k->word_len == strlen(word) && memcmp(k->word, word, k->word_len) == 0;
}

static void take_key(struct plate_keys *k, struct fact_set *facts)
{
    enum plate_word word = plate_word(k->word, k->word_len);
    k->is_plate_key = word == PLATE_WORD_PLATE && !k->candidates;
    k->candidates_key = is_word(k, "candidates");
    if (word == PLATE_WORD_PLATE)
        k->plate_at = k->at;
    if (word == PLATE_WORD_NONE || word == PLATE_WORD_PLATE)
        return;
    k->seen_at[word] = k->at + 1;
    settle(k, facts);
}

static void take_value(struct plate_keys *k, struct fact_set *facts)
{
    char upper[WORD_MAX];
    bool mixed;
    if (is_word(k, "alpr_results") || is_word(k, "alpr_group"))
        k->source = "openalpr";
    if (!k->is_plate_key)
        return;
    k->is_plate_key = false;
    for (size_t i = 0; i < k->word_len; i++)
        upper[i] = (char)toupper((unsigned char)k->word[i]);
    if (!plate_is_shape(upper, k->word_len, &mixed))
        return;
    k->waiting++;
    k->waiting_at = k->at;
    settle(k, facts);
}

/* An element's name, without its prefix. */
static void take_element(struct plate_keys *k, struct fact_set *facts)
{
    char *colon = memchr(k->word, ':', k->word_len);
    if (colon) {
        size_t n = (size_t)(k->word + k->word_len - (colon + 1));
        memmove(k->word, colon + 1, n);
        k->word_len = (uint8_t)n;
    }
    for (unsigned i = 0; i < NIEM_ELEMENTS; i++) {
        if (is_word(k, NIEM[i])) {
            k->source = "niem";
            k->niem[i]++;
            publish(k, facts);
            return;
        }
    }
    if (is_word(k, "AutoVu"))
        k->source = "autovu";
    take_key(k, facts);
}

static void append(struct plate_keys *k, uint8_t c)
{
    if (k->word_len < WORD_MAX)
        k->word[k->word_len] = (char)c;
    if (k->word_len <= WORD_MAX)
        k->word_len++;
}

static bool is_word_whole(const struct plate_keys *k)
{
    return k->word_len > 0 && k->word_len <= WORD_MAX;
}

static void begin_word(struct plate_keys *k, uint8_t state)
{
    k->state = state;
    k->word_len = 0;
}

/* Outside of strings and elements: what begins here? */
static void take_outside(struct plate_keys *k, uint8_t c)
{
    if (c == '"') {
        begin_word(k, IN_STRING);
    } else if (c == '<') {
        begin_word(k, IN_ELEMENT);
    } else if (c == '[') {
        if (k->candidates || k->candidates_key)
            k->candidates++;
        k->candidates_key = false;
    } else if (c == ']' && k->candidates) {
        k->candidates--;
    }
}

static void take_byte(struct plate_keys *k, uint8_t c, struct fact_set *facts)
{
    switch (k->state) {
    case IN_STRING:
        if (c == '\\')
            k->state = IN_ESCAPE;
        else if (c == '"')
            k->state = AFTER_STRING;
        else
            append(k, c);
        break;
    case IN_ESCAPE: /* the key or value is none we look for */
        k->word_len = WORD_MAX + 1;
        k->state = IN_STRING;
        break;
    case AFTER_STRING:
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            break;
        k->state = IN_TEXT;
        if (is_word_whole(k)) {
            if (c == ':')
                take_key(k, facts);
            else
                take_value(k, facts);
        }
        take_outside(k, c);
        break;
    case IN_ELEMENT:
        if (isalnum(c) || c == '_' || c == ':' || c == '-') {
            append(k, c);
            break;
        }
        if (is_word_whole(k))
            take_element(k, facts);
        k->state = c == '>' ? IN_BARE : k->is_plate_key ? IN_ATTRIBUTES : IN_TEXT;
        k->word_len = 0;
        if (c == '"')
            take_outside(k, c);
        break;
    case IN_ATTRIBUTES: /* of an element whose text is a plate */
        if (c == '>')
            begin_word(k, IN_BARE);
        break;
    case IN_BARE: /* an element's text */
        if (c != '<') {
            append(k, c);
            break;
        }
        if (is_word_whole(k))
            take_value(k, facts);
        begin_word(k, IN_ELEMENT);
        break;
    default:
        take_outside(k, c);
        break;
    }
    k->at++;
}

static bool has_counted(const struct plate_keys *k)
{
    return k->rows || (k->source && strcmp(k->source, "niem") == 0);
}

static enum recogniser_state plate_keys_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                             uint64_t at)
{
    struct plate_keys *k = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&k->guard, data, len);
        for (size_t i = 0; i < n; i++)
            take_byte(k, data[i], facts);
        data += n;
        len -= n;
        bool idle = k->at - k->plate_at > 2 * NEAR;
        if (text_guard_is_full(&k->guard) && (text_guard_is_binary(&k->guard) || idle) && !has_counted(k))
            return RECOGNISE_NO;
    }
    return has_counted(k) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state plate_keys_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct plate_keys *k = state;
    (void)facts;
    (void)at;
    k->state = IN_TEXT;
    k->at += len;
    return has_counted(k) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static const struct recogniser_literal LITERALS[] = {
    {"plate\"", 6, 250, true},        {"plate_number\"", 13, 250, true}, {"platenumber\"", 12, 250, true},
    {"plate_text\"", 11, 250, true},  {"lpn\"", 4, 250, true},           {"plate>", 6, 250, true},
    {"platenumber>", 12, 250, true},  {"plate_number>", 13, 250, true},  {"vrm\"", 4, 250, true},
    {"vrm>", 4, 250, true},           {"registration_number\"", 20, 250, true},
    {"registrationnumber\"", 19, 250, true},
    {"LPRConveyanceCheck", 18, 250, false}, {"LPRMessageCategory", 18, 250, false},
    {"LPRImageSource", 14, 250, false},     {"ConveyanceRegistrationPlate", 27, 250, false},
};

const struct recogniser recogniser_plate_keys = {
    .name = "plate_keys",
    .type = "",
    .state_size = sizeof(struct plate_keys),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = plate_keys_sniff,
    .feed = plate_keys_feed,
    .gap = plate_keys_gap,
};
