/* Values of header fields: parameters (RFC 9110 5.6.6) with quotes and RFC 8187 encoding, and the file name a URL
 * ends in. Everything is bounded by the room of the caller. */
#include <string.h>
#include <strings.h>

#include "digits.h"
#include "header_value.h"

bool text_contains(struct text text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (strncasecmp(text.data + i, word, len) == 0)
            return true;
    }
    return false;
}

/* Control characters and slashes stay coded: a file name has none. */
static size_t plain_name(const char *data, size_t len, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < room; i++) {
        int c = hex_escape(data + i, len - i, '%');
        if (c >= 0x20 && c != '/') {
            out[n++] = (char)c;
            i += 2;
        } else {
            out[n++] = data[i];
        }
    }
    return n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One "name=value" at *at; advances past it and its semicolon. */
struct parameter {
    struct text name;
    struct text value; /* raw, without the quotes */
    bool quoted;
};

static bool next_parameter(struct text text, size_t *at, struct parameter *p)
{
    size_t i = *at;
    while (i < text.len && (text.data[i] == ';' || is_blank(text.data[i])))
        i++;
    if (i >= text.len)
        return false;
    size_t name = i;
    while (i < text.len && text.data[i] != '=' && text.data[i] != ';')
        i++;
    size_t name_end = i;
    while (name_end > name && is_blank(text.data[name_end - 1]))
        name_end--;
    p->name = (struct text){text.data + name, name_end - name};
    p->value = (struct text){NULL, 0};
    p->quoted = false;
    if (i < text.len && text.data[i] == '=') {
        i++;
        while (i < text.len && is_blank(text.data[i]))
            i++;
        if (i < text.len && text.data[i] == '"') {
            size_t value = ++i;
            while (i < text.len && text.data[i] != '"')
                i += text.data[i] == '\\' && i + 1 < text.len ? 2 : 1;
            p->value = (struct text){text.data + value, i - value};
            p->quoted = true;
        } else {
            size_t value = i;
            while (i < text.len && text.data[i] != ';')
                i++;
            size_t end = i;
            while (end > value && is_blank(text.data[end - 1]))
                end--;
            p->value = (struct text){text.data + value, end - value};
        }
        while (i < text.len && text.data[i] != ';')
            i++;
    }
    *at = i;
    return true;
}

static size_t undo_escapes(const struct parameter *p, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < p->value.len && n < room; i++) {
        /* Browsers escape the quote only; a lone backslash is part of a Windows path. */
        if (p->quoted && p->value.data[i] == '\\' && i + 1 < p->value.len &&
            (p->value.data[i + 1] == '"' || p->value.data[i + 1] == '\\'))
            i++;
        out[n++] = p->value.data[i];
    }
    return n;
}

size_t header_parameter(struct text value, const char *name, char *out, size_t room)
{
    struct parameter p, plain = {.name = {NULL, 0}};
    size_t len = strlen(name), at = 0;
    while (next_parameter(value, &at, &p)) {
        if (p.name.len < len || strncasecmp(p.name.data, name, len) != 0)
            continue;
        if (p.name.len == len && !plain.name.data) {
            plain = p;
        } else if (p.name.len == len + 1 && p.name.data[len] == '*') {
            const char *first = memchr(p.value.data ? p.value.data : "", '\'', p.value.len);
            const char *second = first ? memchr(first + 1, '\'', p.value.len - (size_t)(first + 1 - p.value.data))
                                       : NULL;
            if (second)
                return plain_name(second + 1, p.value.len - (size_t)(second + 1 - p.value.data), out, room);
        }
    }
    return plain.name.data ? undo_escapes(&plain, out, room) : 0;
}

size_t url_file_name(struct text url, char *out, size_t room)
{
    size_t end = 0, path = 0;
    if (!url.len)
        return 0;
    const char *authority = memmem(url.data, url.len, "://", 3);
    if (authority) {
        path = (size_t)(authority - url.data) + 3;
        while (path < url.len && url.data[path] != '/')
            path++;
        end = path;
    }
    while (end < url.len && url.data[end] != '?' && url.data[end] != '#')
        end++;
    while (end > path && url.data[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > path && url.data[begin - 1] != '/')
        begin--;
    return plain_name(url.data + begin, end - begin, out, room);
}

static bool is_token_end(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '*';
}

/* Receivers pass over stray control characters and punctuation around a token. */
static size_t append_token(char *out, size_t n, struct text token)
{
    while (token.len && !is_token_end(token.data[0]))
        token = (struct text){token.data + 1, token.len - 1};
    while (token.len && !is_token_end(token.data[token.len - 1]))
        token.len--;
    if (token.len > 2 && (token.data[0] | 0x20) == 'x' && token.data[1] == '-')
        token = (struct text){token.data + 2, token.len - 2}; /* RFC 9110 8.4.1: x-gzip is gzip */
    if (!token.len || token.len + 1 > HEADER_CODINGS_ROOM - n)
        return n; /* a list this long is no list of codings */
    if (n)
        out[n++] = ',';
    memcpy(out + n, token.data, token.len);
    return n + token.len;
}

size_t header_coding_add(char out[HEADER_CODINGS_ROOM], size_t n, const char *token)
{
    return text_contains((struct text){out, n}, token) ? n : append_token(out, n, (struct text){token, strlen(token)});
}

size_t header_codings(struct text list, bool transfer, char out[HEADER_CODINGS_ROOM], size_t n)
{
    bool aws = false; /* listed first, though it is put on last */
    for (size_t i = 0; i < list.len;) {
        const char *begin = list.data + i;
        const char *comma = memchr(begin, ',', list.len - i);
        struct text token = {begin, comma ? (size_t)(comma - begin) : list.len - i};
        i += token.len + 1;
        if (text_contains(token, "aws-chunked"))
            aws = true;
        else if (!transfer || text_contains(token, "gzip") || text_contains(token, "deflate"))
            n = append_token(out, n, token);
    }
    return aws ? header_coding_add(out, n, "aws-chunked") : n;
}

bool header_number(struct text text, uint64_t *number)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (text.len)
        *number = n;
    return text.len > 0;
}
