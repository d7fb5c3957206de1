/* See body_value.h. */
#include "body_value.h"

#include <string.h>

#include "digits.h"
#include "utf8.h"

struct text url_target(struct text url, struct text *host)
{
    const char *authority = url.len ? memmem(url.data, url.len, "://", 3) : NULL;
    if (!authority || (size_t)(authority - url.data) > 8)
        return url;
    size_t begin = (size_t)(authority - url.data) + 3, end = begin;
    while (end < url.len && url.data[end] != '/' && url.data[end] != '?')
        end++;
    *host = (struct text){url.data + begin, end - begin};
    return (struct text){url.data + end, url.len - end};
}

struct text url_path(struct text url, struct text *host)
{
    struct text target = url_target(url, host);
    const char *query = target.len ? memchr(target.data, '?', target.len) : NULL;
    return (struct text){target.data, query ? (size_t)(query - target.data) : target.len};
}

struct text url_parameter(struct text url, const char *name)
{
    const char *query = url.len ? memchr(url.data, '?', url.len) : NULL;
    size_t len = strlen(name), at = query ? (size_t)(query - url.data) + 1 : url.len;
    while (at < url.len) {
        const char *begin = url.data + at;
        const char *end = memchr(begin, '&', url.len - at);
        size_t n = end ? (size_t)(end - begin) : url.len - at;
        if (n >= len && memcmp(begin, name, len) == 0 && (n == len || begin[len] == '='))
            return (struct text){begin + len + (n > len), n - len - (n > len)};
        at += n + 1;
    }
    return (struct text){NULL, 0};
}

size_t url_decode(struct text text, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n < room; i++) {
        int c = hex_escape(text.data + i, text.len - i, '%');
        out[n++] = c >= 0 ? (char)c : text.data[i] == '+' ? ' ' : text.data[i];
        i += c >= 0 ? 2 : 0;
    }
    return n;
}

/* ---- JSON (RFC 8259) ---- */

static size_t put_utf8(unsigned c, char *out, size_t room)
{
    char bytes[4];
    size_t n = utf8_put(bytes, c);
    if (n > room)
        return 0;
    memcpy(out, bytes, n);
    return n;
}

static bool four_digits(struct text json, size_t at, unsigned *value)
{
    *value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = i < json.len ? hex_digit(json.data[i]) : -1;
        if (digit < 0)
            return false;
        *value = *value << 4 | (unsigned)digit;
    }
    return true;
}

/* From behind the opening quote. */
static size_t take_string(struct text json, size_t at, char *out, size_t room)
{
    size_t n = 0;
    while (at < json.len && json.data[at] != '"' && n < room) {
        char c = json.data[at++];
        unsigned code, low;
        if (c != '\\' || at == json.len) {
            out[n++] = c;
            continue;
        }
        c = json.data[at++];
        if (c == 'u' && four_digits(json, at, &code)) {
            at += 4;
            if (code >> 10 == 0x36 && at + 1 < json.len && json.data[at] == '\\' && json.data[at + 1] == 'u' &&
                four_digits(json, at + 2, &low) && low >> 10 == 0x37) {
                code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
                at += 6;
            }
            n += put_utf8(code, out + n, room - n);
        } else {
            out[n++] = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
    }
    return n;
}

static size_t skip_blank(struct text json, size_t at)
{
    while (at < json.len && memchr(" \t\r\n", json.data[at], 4))
        at++;
    return at;
}

size_t json_value(struct text json, const char *name, char *out, size_t room)
{
    size_t len = strlen(name), at = 0;
    while (at < json.len) {
        const char *quote = memchr(json.data + at, '"', json.len - at);
        if (!quote)
            return 0;
        size_t begin = (size_t)(quote - json.data) + 1, end = begin;
        while (end < json.len && json.data[end] != '"')
            end += json.data[end] == '\\' ? 2 : 1;
        at = end + 1;
        size_t value = skip_blank(json, at);
        if (end != begin + len || memcmp(json.data + begin, name, len) != 0 || value >= json.len ||
            json.data[value] != ':')
            continue;
        value = skip_blank(json, value + 1);
        if (value < json.len && json.data[value] == '"')
            return take_string(json, value + 1, out, room);
        size_t n = 0;
        while (value < json.len && n < room && json.data[value] >= '0' && json.data[value] <= '9')
            out[n++] = json.data[value++];
        return n;
    }
    return 0;
}

/* ---- base64 (RFC 4648 4 and 5) ---- */

size_t base64_word(struct text text, char *out, size_t room)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len && n < room; i++) {
        int digit = base64_any_digit(text.data[i]);
        if (digit < 0)
            break;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[n++] = (char)(bits >> count);
        }
    }
    return n;
}
