/* A coded line's first character tells how many bytes the line holds; each further four characters hold three of them.
 * The base64 form has no counts: its lines are groups of four, the last one padded. */
#include "uuencode.h"

#include <string.h>

#define LONGEST_BASE64 120

static int value_of(enum uu_form form, char c)
{
    if (form == UU_CLASSIC)
        return c >= ' ' && c <= '`' ? (c - ' ') & 63 : -1; /* space and grave accent are both 0 */
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + (form == UU_XX ? 12 : 0);
    if (c >= 'a' && c <= 'z')
        return c - 'a' + (form == UU_XX ? 38 : 26);
    if (c >= '0' && c <= '9')
        return c - '0' + (form == UU_XX ? 2 : 52);
    if (c == '+')
        return form == UU_XX ? 0 : 62;
    return c == (form == UU_XX ? '-' : '/') ? (form == UU_XX ? 1 : 63) : -1;
}

bool uu_begin(const char *line, size_t len, enum uu_form *form, struct text *name)
{
    size_t at = len > 6 && memcmp(line, "begin ", 6) == 0 ? 6 : 0, digits = 0;
    *form = UU_UNDECIDED;
    if (len > 13 && memcmp(line, "begin-base64 ", 13) == 0) {
        at = 13;
        *form = UU_BASE64;
    }
    while (at && at < len && line[at] >= '0' && line[at] <= '7') {
        at++;
        digits++;
    }
    if (digits < 3 || digits > 6 || at >= len || line[at] != ' ')
        return false;
    while (at < len && line[at] == ' ')
        at++;
    *name = (struct text){line + at, len - at};
    return at < len;
}

bool uu_end(enum uu_form form, const char *line, size_t len)
{
    return form == UU_BASE64 ? len == 4 && memcmp(line, "====", 4) == 0 : len == 3 && memcmp(line, "end", 3) == 0;
}

/* Characters behind the count: whole groups, or the last one cut to what is needed; some encoders add a checksum.
 * Half of them may be `stripped`, as spaces. */
static bool fits(enum uu_form form, const char *line, size_t len, bool stripped)
{
    int count = len ? value_of(form, line[0]) : -1;
    if (count < 1)
        return false;
    size_t whole = ((size_t)count + 2) / 3 * 4, least = ((size_t)count * 8 + 5) / 6;
    for (size_t i = 1; i < len; i++) {
        if (value_of(form, line[i]) < 0)
            return false;
    }
    return len - 1 >= (stripped ? least / 2 : least) && len - 1 <= whole + 1;
}

enum uu_form uu_form_of(const char *line, size_t len)
{
    if (fits(UU_CLASSIC, line, len, false))
        return UU_CLASSIC;
    if (fits(UU_XX, line, len, false))
        return UU_XX;
    return fits(UU_CLASSIC, line, len, true) ? UU_CLASSIC : UU_UNDECIDED;
}

static bool is_base64_line(const char *line, size_t len)
{
    size_t n = 0;
    while (n < len && value_of(UU_BASE64, line[n]) >= 0)
        n++;
    return len <= LONGEST_BASE64 && len % 4 == 0 && n + 2 >= len && (n == len || line[len - 1] == '=');
}

bool uu_is_coded(enum uu_form form, const char *line, size_t len)
{
    if (form == UU_BASE64)
        return len && is_base64_line(line, len);
    int count = len && form != UU_UNDECIDED ? value_of(form, line[0]) : -1;
    if (count < 0 || len > 1 + ((size_t)count + 2) / 3 * 4 + 2)
        return false;
    for (size_t i = 1; i < len; i++) {
        if (value_of(form, line[i]) < 0)
            return false;
    }
    return true;
}

size_t uu_decode(enum uu_form form, const char *line, size_t len, uint8_t out[UU_DECODED_MAX])
{
    size_t first = form == UU_BASE64 ? 0 : 1, n = 0;
    size_t padding = 0;
    while (form == UU_BASE64 && padding < 2 && padding < len && line[len - 1 - padding] == '=')
        padding++;
    size_t count = form == UU_BASE64 ? len / 4 * 3 - padding : (size_t)value_of(form, line[0]);
    for (size_t i = first; n < count && n < UU_DECODED_MAX; i += 4) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int value = i + k < len ? value_of(form, line[i + k]) : 0;
            bits = bits << 6 | (uint32_t)(value > 0 ? value : 0);
        }
        for (unsigned k = 0; k < 3 && n < count; k++)
            out[n++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    return n;
}
