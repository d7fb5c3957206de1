/* Keys of yEnc lines. A key begins behind a blank, so that "size=" in a name or in "xsize=" is none; the name ends the
 * search for all others. */
#include "yenc.h"

#include <string.h>

#include "digits.h"

enum yenc_keyword yenc_keyword(const char *line, size_t len)
{
    if (len > 8 && memcmp(line, "=ybegin ", 8) == 0)
        return YENC_BEGIN;
    if (len > 7 && memcmp(line, "=ypart ", 7) == 0)
        return YENC_PART;
    return len > 6 && memcmp(line, "=yend ", 6) == 0 ? YENC_END : YENC_NONE;
}

/* Where the value of a key begins, or NULL. */
static const char *value_of(const char *line, size_t len, const char *key)
{
    size_t n = strlen(key);
    for (size_t at = 0; at + n + 2 <= len; at++) {
        if (line[at] != ' ')
            continue;
        if (memcmp(line + at + 1, key, n) == 0 && line[at + 1 + n] == '=')
            return line + at + n + 2;
        if (at + 6 <= len && memcmp(line + at, " name=", 6) == 0)
            return NULL;
    }
    return NULL;
}

bool yenc_number(const char *line, size_t len, const char *key, unsigned base, uint64_t *value)
{
    const char *from = value_of(line, len, key), *p = from, *end = line + len;
    *value = 0;
    for (; p && p < end && (unsigned)hex_digit(*p) < base && *value <= UINT64_MAX / 32; p++)
        *value = *value * base + (uint64_t)hex_digit(*p);
    return p && p > from;
}

struct text yenc_name(const char *line, size_t len)
{
    const char *from = value_of(line, len, "name");
    size_t n = from ? len - (size_t)(from - line) : 0;
    while (n && from[n - 1] == ' ')
        n--;
    if (n >= 2 && from[0] == '"' && from[n - 1] == '"')
        return (struct text){from + 1, n - 2};
    return (struct text){from, n};
}
