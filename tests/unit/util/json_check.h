/* Is this one JSON text (RFC 8259), in valid UTF-8, safe to show on a terminal and to keep on one line? Written
 * apart from the writer, so that the two cannot share a mistake. */
#ifndef TESTS_JSON_CHECK_H
#define TESTS_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_CHECK_DEPTH 32

static inline bool json_check_code_point(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    unsigned more = *p < 0x80 ? 0 : *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
    uint32_t code = more == 0 ? *p : more == 1 ? *p & 0x1fu : more == 2 ? *p & 0x0fu : *p & 0x07u;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if ((*p >= 0x80 && *p < 0xc0) || *p > 0xf7 || (size_t)(end - p) <= more)
        return false;
    for (unsigned i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return false;
        code = code << 6 | (p[i] & 0x3fu);
    }
    *at = p + more + 1;
    return code >= least[more] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code >= 0x20 &&
           (code < 0x7f || code > 0x9f) && code != 0x2028 && code != 0x2029;
}

static inline bool json_check_string(const uint8_t **at, const uint8_t *end)
{
    if (*at == end || *(*at)++ != '"')
        return false;
    while (*at < end && **at != '"') {
        if (**at != '\\') {
            if (!json_check_code_point(at, end))
                return false;
            continue;
        }
        if (end - ++*at < 1)
            return false;
        uint8_t c = *(*at)++;
        if (c == 'u') {
            for (int i = 0; i < 4; i++, ++*at) {
                if (*at == end || !memchr("0123456789abcdefABCDEF", **at, 22))
                    return false;
            }
        } else if (!memchr("\"\\/bfnrt", c, 8)) {
            return false;
        }
    }
    return *at < end && *(*at)++ == '"';
}

static inline bool json_check_digits(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *from = *at;
    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
    return *at > from;
}

static inline bool json_check_number(const uint8_t **at, const uint8_t *end)
{
    if (*at < end && **at == '-')
        ++*at;
    if (*at < end && **at == '0')
        ++*at;
    else if (!json_check_digits(at, end))
        return false;
    if (*at < end && **at == '.') {
        ++*at;
        if (!json_check_digits(at, end))
            return false;
    }
    if (*at < end && (**at | 0x20) == 'e') {
        ++*at;
        if (*at < end && (**at == '+' || **at == '-'))
            ++*at;
        return json_check_digits(at, end);
    }
    return true;
}

static inline bool json_check_value(const uint8_t **at, const uint8_t *end, unsigned depth)
{
    if (*at == end || depth > JSON_CHECK_DEPTH)
        return false;
    if (**at == '"')
        return json_check_string(at, end);
    if (**at == '{' || **at == '[') {
        bool object = *(*at)++ == '{';
        uint8_t close = object ? '}' : ']';
        if (*at < end && **at == close)
            return ++*at, true;
        for (;;) {
            if (object && (!json_check_string(at, end) || *at == end || *(*at)++ != ':'))
                return false;
            if (!json_check_value(at, end, depth + 1) || *at == end)
                return false;
            uint8_t c = *(*at)++;
            if (c == close)
                return true;
            if (c != ',')
                return false;
        }
    }
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - *at) >= n && memcmp(*at, words[i], n) == 0)
            return *at += n, true;
    }
    return json_check_number(at, end);
}

static inline bool json_check(const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + len;
    return json_check_value(&at, end, 0) && at == end;
}

#endif
