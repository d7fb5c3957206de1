/* RFC 2047: a word in another charset, as base64 ("B") or as hexadecimal escapes ("Q"). Words one after another are one
 * text: mailers cut it wherever their lines end, so that nothing is known of a word alone. */
#include "encoded_words.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "digits.h"

struct word {
    struct {
        size_t at, len;
    } charset, body;
    char how; /* 'b' or 'q' */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* %XX (or =XX with `mark` '=', where "_" is a space). */
static size_t undo_hex(char *text, size_t len, char mark)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = hex_escape(text + i, len - i, mark);
        if (c >= 0) {
            text[n++] = (char)c;
            i += 2;
        } else {
            text[n++] = mark == '=' && text[i] == '_' ? ' ' : text[i];
        }
    }
    return n;
}

size_t undo_percent(char *text, size_t len)
{
    return undo_hex(text, len, '%');
}

static size_t undo_base64(char *text, size_t len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0)
            continue;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[n++] = (char)(bits >> have);
        }
    }
    return n;
}

/* "=?charset?B?text?=" at text[0]; returns its whole length, 0 when it is none. */
static size_t find_word(const char *text, size_t len, struct word *word)
{
    if (len < 8 || text[0] != '=' || text[1] != '?')
        return 0;
    const char *second = memchr(text + 2, '?', len - 2);
    if (!second || second + 3 >= text + len || second[2] != '?')
        return 0;
    word->how = (char)(second[1] | 0x20);
    word->charset.at = 2;
    word->charset.len = (size_t)(second - text) - 2;
    word->body.at = (size_t)(second + 3 - text);
    const char *end = memmem(text + word->body.at, len - word->body.at, "?=", 2);
    if (!end || (word->how != 'b' && word->how != 'q'))
        return 0;
    word->body.len = (size_t)(end - text) - word->body.at;
    return (size_t)(end - text) + 2;
}

static bool is_latin(const char *charset, size_t len)
{
    static const char *const names[] = {"iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "cp1252"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == len && strncasecmp(charset, names[i], len) == 0)
            return true;
    }
    return false;
}

/* Latin letters take two bytes in UTF-8. */
static size_t latin_to_utf8(char *text, size_t len, size_t room)
{
    size_t grown = len;
    for (size_t i = 0; i < len; i++)
        grown += (text[i] & 0x80) != 0;
    if (grown > room)
        return len;
    for (size_t from = len, to = grown; from--;) {
        uint8_t c = (uint8_t)text[from];
        if (c & 0x80)
            text[--to] = (char)(0x80 | (c & 0x3f));
        text[--to] = (char)(c & 0x80 ? 0xc0 | c >> 6 : c);
    }
    return grown;
}

size_t text_to_utf8(const char *charset, size_t charset_len, char *text, size_t len, size_t room)
{
    return is_latin(charset, charset_len) ? latin_to_utf8(text, len, room) : len;
}

size_t encoded_words(char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        struct word word;
        size_t whole = find_word(text + i, len - i, &word);
        if (!whole) {
            text[n++] = text[i++];
            continue;
        }
        const char *charset = text + i + word.charset.at;
        const char *language = memchr(charset, '*', word.charset.len); /* RFC 2231 5 */
        bool latin = is_latin(charset, language ? (size_t)(language - charset) : word.charset.len);
        char *out = text + n; /* n <= i: the words only shrink */
        memmove(out, text + i + word.body.at, word.body.len);
        size_t body = word.how == 'b' ? undo_base64(out, word.body.len) : undo_hex(out, word.body.len, '=');
        i += whole;
        n += latin ? latin_to_utf8(out, body, (size_t)(text + i - out)) : body;
        size_t gap = i; /* white space between two words is not text */
        while (gap < len && is_space(text[gap]))
            gap++;
        struct word next;
        if (gap > i && find_word(text + gap, len - gap, &next))
            i = gap;
    }
    return n;
}
