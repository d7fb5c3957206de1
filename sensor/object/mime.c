/* MIME header fields and their parameters. Everything is bounded by the header block, and each
 * reader passes over its text once (continuations: once a section, at most 32). */
#include "mime.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "encoded_words.h"

#define SECTIONS_MAX 32

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_container(const char *value, size_t len)
{
    size_t at = 0;
    while (at < len && is_space(value[at]))
        at++;
    return len - at > 10 &&
           (strncasecmp(value + at, "multipart/", 10) == 0 || strncasecmp(value + at, "message/", 8) == 0);
}

static void keep_field(struct mime_headers *headers, const char *line, size_t len)
{
    static const struct {
        const char *name;
        size_t offset, room;
    } fields[] = {
        {"content-type", offsetof(struct mime_headers, content_type), MIME_VALUE_MAX},
        {"content-disposition", offsetof(struct mime_headers, disposition), MIME_VALUE_MAX},
        {"content-transfer-encoding", offsetof(struct mime_headers, encoding), 64},
        {"content-encoding", offsetof(struct mime_headers, content_encoding), 64},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t name = strlen(fields[i].name);
        if (len <= name || strncasecmp(line, fields[i].name, name) != 0)
            continue;
        while (name < len && (line[name] == ' ' || line[name] == '\t'))
            name++;
        if (name == len || line[name++] != ':')
            continue;
        char *out = (char *)headers + fields[i].offset;
        size_t n = 0;
        if (out[0] && !is_container(line + name, len - name))
            continue; /* of two, readers take the first; the one with parts inside hides nothing */
        for (size_t at = name; at < len && n < fields[i].room - 1; at++) {
            char c = line[at];
            if (c == '\r' || c == '\n' || c == '\0')
                continue;
            if (n || !is_space(c))
                out[n++] = c;
        }
        while (n && is_space(out[n - 1]))
            n--;
        out[n] = '\0';
    }
}

bool mime_is_header_line(const char *line, size_t len)
{
    if (len > 5 && memcmp(line, "From ", 5) == 0)
        return true;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == ':')
            return i > 0;
        if (line[i] < '!' || line[i] > '~')
            return i > 0 && line[i] == ' ' && i + 1 < len &&
                   line[i + 1] == ':'; /* "Name : value" */
    }
    return false;
}

void mime_read(struct mime_headers *headers, const char *block, size_t len)
{
    memset(headers, 0, sizeof(*headers));
    for (size_t at = 0; at < len;) {
        size_t end = at;
        do { /* a line, and the folded ones that continue it */
            const char *lf = memchr(block + end, '\n', len - end);
            end = lf ? (size_t)(lf - block) + 1 : len;
        } while (end < len && (block[end] == ' ' || block[end] == '\t'));
        keep_field(headers, block + at, end - at);
        at = end;
    }
}

/* One "name=value" at *at; false at the end. `value` is unquoted into out. */
static bool next_parameter(const char **at, struct text *name, char *out, size_t out_len,
                           size_t *value_len)
{
    const char *p = strchr(*at, ';');
    if (!p)
        return false;
    p++;
    while (is_space(*p))
        p++;
    name->data = p;
    while (*p && *p != '=' && *p != ';')
        p++;
    name->len = (size_t)(p - name->data);
    while (name->len && is_space(name->data[name->len - 1]))
        name->len--;
    size_t n = 0;
    if (*p == '=') {
        p++;
        while (is_space(*p))
            p++;
        if (*p == '"') {
            for (p++; *p && *p != '"'; p++) {
                /* Internet Explorer sends paths unescaped: a backslash escapes only quote and
                 * backslash. */
                if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
                    p++;
                if (n < out_len)
                    out[n++] = *p;
            }
            if (*p == '"')
                p++;
        } else {
            for (; *p && *p != ';'; p++) { /* "filename=my photo.jpg", which no standard allows */
                if (n < out_len)
                    out[n++] = *p;
            }
            while (n && is_space(out[n - 1]))
                n--;
        }
    }
    *value_len = n;
    *at = p;
    return true;
}

/* 1 plain, 2 extended, 3 continuation, 4 extended continuation; *section for the latter two. */
static int parameter_form(struct text name, const char *wanted, unsigned *section)
{
    size_t len = strlen(wanted);
    if (name.len < len || strncasecmp(name.data, wanted, len) != 0)
        return 0;
    const char *p = name.data + len;
    size_t left = name.len - len;
    if (!left)
        return 1;
    if (p[0] != '*')
        return 0;
    if (left == 1)
        return 2;
    *section = 0;
    size_t i = 1;
    for (; i < left && i < 4 && p[i] >= '0' && p[i] <= '9'; i++)
        *section = *section * 10 + (unsigned)(p[i] - '0');
    if (i == left)
        return 3;
    return i + 1 == left && p[i] == '*' ? 4 : 0;
}

static size_t undo_extended(char *text, size_t len, size_t room, bool first)
{
    char charset[16];
    size_t charset_len = 0;
    if (first) { /* charset'language'value */
        char *quote = memchr(text, '\'', len);
        char *second = quote ? memchr(quote + 1, '\'', len - (size_t)(quote + 1 - text)) : NULL;
        if (second) {
            size_t skip = (size_t)(second + 1 - text);
            charset_len = (size_t)(quote - text);
            if (charset_len <= sizeof(charset))
                memcpy(charset, text, charset_len);
            else
                charset_len = 0;
            memmove(text, text + skip, len - skip);
            len -= skip;
        }
    }
    len = undo_percent(text, len);
    return text_to_utf8(charset, charset_len, text, len, room);
}

/* Section n of a continued parameter, or the plain and extended forms for n = 0. */
static size_t find_section(const char *value, const char *name, unsigned n, int *form, char *out,
                           size_t out_len)
{
    struct text found;
    size_t len, plain_len = 0;
    *form = 0;
    while (next_parameter(&value, &found, out, out_len, &len)) {
        unsigned section = 0;
        int is = parameter_form(found, name, &section);
        if (is && (is < 3 ? n == 0 : section == n)) {
            *form = is;
            plain_len = len;
            if (is == 2)
                return len; /* the extended form beats the plain one (RFC 6266 4.3) */
            if (is > 2)
                return len;
            /* a plain one: look whether an extended one follows */
            char spare[MIME_VALUE_MAX];
            const char *rest = value;
            while (next_parameter(&rest, &found, spare, sizeof(spare), &len)) {
                if (parameter_form(found, name, &section) == 2 && len <= out_len) {
                    memcpy(out, spare, len);
                    *form = 2;
                    return len;
                }
            }
            return plain_len;
        }
    }
    return 0;
}

size_t mime_parameter(const char *value, const char *name, char *out, size_t out_len)
{
    int form;
    size_t total = find_section(value, name, 0, &form, out, out_len);
    if (form == 2 || form == 4)
        total = undo_extended(out, total, out_len, true);
    for (unsigned n = 1; (form == 3 || form == 4) && n < SECTIONS_MAX && total < out_len; n++) {
        size_t len = find_section(value, name, n, &form, out + total, out_len - total);
        if (form == 4)
            len = undo_extended(out + total, len, out_len - total, false);
        total += len;
    }
    return total;
}
