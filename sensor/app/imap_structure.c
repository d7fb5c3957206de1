/* The structure is one list of lists, read a byte at a time as it comes, because it may be longer than any line this
 * sensor keeps. Of a body that is no multipart, the items are
 *
 *      0 type  1 subtype  2 (name value ...)  3 id  4 description  5 encoding  6 size  ... (disposition (name value))
 *
 * and of message/rfc822 two more stand behind the size: an envelope, then the body of the message inside. */
#include "imap_structure.h"

#include "encoded_words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TYPE 0
#define SUBTYPE 1
#define ENCODING 5
#define EMBEDDED_BODY 8
#define IN_LITERAL UINT8_MAX /* of `matched`: the structure waits for a string */

static const char word[] = "BODYSTRUCTURE ";

static struct imap_list *top(struct imap_structure *s)
{
    return s->depth ? &s->lists[s->depth - 1] : NULL;
}

/* The body that the present list belongs to. */
static struct imap_list *body_of(struct imap_structure *s)
{
    for (unsigned i = s->depth; i; i--) {
        if (s->lists[i - 1].body)
            return &s->lists[i - 1];
    }
    return NULL;
}

static void child_section(const struct imap_list *parent, char out[SECTION_ROOM])
{
    char section[SECTION_ROOM + 8];
    snprintf(section, sizeof(section), "%s%s%u", parent->section, parent->section[0] ? "." : "", parent->children);
    snprintf(out, SECTION_ROOM, "%.*s", SECTION_ROOM - 1, section);
}

static bool is_message(const struct imap_structure *s, const struct imap_list *list)
{
    return list->part >= 0 && strcmp(s->parts[list->part].part.type, "message/rfc822") == 0;
}

static void open_list(struct imap_structure *s)
{
    struct imap_list *parent = top(s);
    struct imap_list list = {.part = -1};
    if (s->depth == STRUCTURE_DEPTH) {
        s->over++;
        s->inside = s->over < UINT8_MAX;
        return;
    }
    if (!parent) {
        list.body = 1;
    } else if (parent->body && !parent->index) { /* a multipart's children come first */
        list.body = 1;
        parent->children++;
        child_section(parent, list.section);
    } else if (parent->body && parent->index == EMBEDDED_BODY && is_message(s, parent)) {
        list.body = list.embedded = 1;
        memcpy(list.section, parent->section, sizeof(list.section));
    }
    s->key[0] = '\0';
    s->lists[s->depth++] = list;
}

/* A body that is no multipart takes a place when its type comes. The only part of a message is "1". */
static void begin_part(struct imap_structure *s, struct imap_list *body)
{
    if (s->count == STRUCTURE_PARTS)
        return;
    body->part = (int8_t)s->count++;
    memset(&s->parts[body->part], 0, sizeof(s->parts[0]));
    if (body->embedded || !body->section[0]) {
        body->children = 1;
        child_section(body, s->parts[body->part].section);
        body->children = 0;
    } else {
        memcpy(s->parts[body->part].section, body->section, SECTION_ROOM);
    }
}

static void body_item(struct imap_structure *s, struct imap_list *body)
{
    if (body->index == TYPE && !body->children)
        begin_part(s, body);
    if (body->part < 0)
        return;
    struct mail_part *part = &s->parts[body->part].part;
    size_t n = strlen(part->type);
    int len = (int)s->word_len;
    if (body->index == TYPE)
        snprintf(part->type, sizeof(part->type), "%.*s", len, s->word);
    else if (body->index == SUBTYPE)
        snprintf(part->type + n, sizeof(part->type) - n, "/%.*s", len, s->word);
    else if (body->index == ENCODING)
        snprintf(part->encoding, sizeof(part->encoding), "%.*s", len, s->word);
    for (char *p = part->type; body->index <= SUBTYPE && *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
}

/* "name" or "filename", with the continuations and extensions of RFC 2231. */
static void parameter(struct imap_structure *s, struct mail_part *part)
{
    size_t n = strncasecmp(s->key, "filename", 8) == 0 ? 8 : strncasecmp(s->key, "name", 4) == 0 ? 4 : 0;
    const char *star = s->key + n;
    if (!n || (*star && *star != '*'))
        return;
    bool first = !*star || star[1] == '\0' || star[1] == '0';
    bool extended = *star && star[strlen(star) - 1] == '*';
    char value[sizeof(s->word)];
    size_t len = s->word_len;
    memcpy(value, s->word, len);
    const char *quote = extended && first ? memchr(value, '\'', len) : NULL;
    const char *second = quote ? memchr(quote + 1, '\'', len - (size_t)(quote + 1 - value)) : NULL;
    size_t skip = second ? (size_t)(second + 1 - value) : 0;
    len = extended ? undo_percent(value + skip, len - skip) : encoded_words(value, len);
    size_t at = first ? 0 : part->name_len, room = sizeof(part->name) - at;
    part->name_len = (uint16_t)(at + (len < room ? len : room));
    memcpy(part->name + at, value + skip, part->name_len - at);
}

static void end_word(struct imap_structure *s)
{
    struct imap_list *list = top(s), *body = body_of(s);
    if (!s->has_word)
        return;
    s->has_word = false;
    if (list && list->body) {
        if (!list->children)
            body_item(s, list);
        list->index = (uint8_t)(list->index + (list->index < UINT8_MAX));
    } else if (list && !s->key[0]) {
        snprintf(s->key, sizeof(s->key), "%.*s", (int)s->word_len, s->word_len ? s->word : "-");
    } else if (list) {
        if (body && body->part >= 0 && body->index != EMBEDDED_BODY - 1)
            parameter(s, &s->parts[body->part].part);
        s->key[0] = '\0';
    }
    s->word_len = 0;
}

static void close_list(struct imap_structure *s)
{
    if (s->over) {
        s->over--;
        return;
    }
    s->depth--;
    s->key[0] = '\0';
    struct imap_list *parent = top(s);
    if (!parent)
        s->inside = false;
    else if (parent->body && (parent->index || !parent->children))
        parent->index = (uint8_t)(parent->index + (parent->index < UINT8_MAX));
}

static void add_to_word(struct imap_structure *s, uint8_t c)
{
    s->has_word = true;
    if (s->word_len < sizeof(s->word))
        s->word[s->word_len++] = (char)c;
}

static void take_inside(struct imap_structure *s, uint8_t c)
{
    if (s->quoted) {
        if (!s->escaped && (c == '"' || c == '\\')) {
            s->quoted = c != '"';
            s->escaped = c == '\\';
            if (c == '"')
                end_word(s);
            return;
        }
        s->escaped = false;
        add_to_word(s, c);
        return;
    }
    if (c == '"') {
        s->quoted = s->has_word = true;
        return;
    }
    if (c != '(' && c != ')' && c > ' ') {
        add_to_word(s, c);
        return;
    }
    end_word(s);
    if (c == '(')
        open_list(s);
    else if (c == ')')
        close_list(s);
}

void imap_structure_take(struct imap_structure *s, uint32_t message, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s->inside) {
            if (data[i] == '{' && !s->quoted) {
                s->inside = false; /* the string comes behind this line */
                s->matched = IN_LITERAL;
            } else {
                take_inside(s, data[i]);
            }
            continue;
        }
        if (s->matched == IN_LITERAL)
            continue;
        uint8_t c = data[i] >= 'a' && data[i] <= 'z' ? (uint8_t)(data[i] - 32) : data[i];
        s->matched = c == (uint8_t)word[s->matched] ? (uint8_t)(s->matched + 1) : c == (uint8_t)word[0];
        if (s->matched < sizeof(word) - 1)
            continue;
        memset(s, 0, offsetof(struct imap_structure, parts));
        s->message = message;
        s->inside = true;
    }
}

void imap_structure_line(struct imap_structure *s, bool literal)
{
    if (literal && s->matched == IN_LITERAL)
        return;
    s->inside = false;
    s->matched = 0;
}

void imap_structure_literal(struct imap_structure *s, const uint8_t *data, size_t len, bool last)
{
    if (s->matched != IN_LITERAL)
        return;
    for (size_t i = 0; i < len; i++)
        add_to_word(s, data[i]);
    if (!last)
        return;
    s->has_word = true;
    end_word(s);
    s->inside = true;
    s->matched = 0;
}

const struct mail_part *imap_structure_find(const struct imap_structure *s, uint32_t message, struct text section)
{
    for (unsigned i = 0; s->message == message && i < s->count; i++) {
        if (strlen(s->parts[i].section) == section.len && memcmp(s->parts[i].section, section.data, section.len) == 0)
            return &s->parts[i].part;
    }
    return NULL;
}

void imap_structure_rest(struct imap_structure *s)
{
    memset(s->parts + s->count, 0, sizeof(s->parts) - s->count * sizeof(s->parts[0]));
    if (s->inside)
        return;
    memset(s->lists, 0, sizeof(s->lists));
    memset(s->word, 0, sizeof(s->word));
    memset(s->key, 0, sizeof(s->key));
}
