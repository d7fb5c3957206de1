/* Small tests on bytes that may be text. */
#include "text.h"

/* The length of a UTF-8 sequence by its first byte (RFC 3629), 0 when none begins so. */
static unsigned sequence_len(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

bool text_is_plain(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned n = sequence_len(data[i]);
        bool control = data[i] < 0x20 && !(data[i] >= 0x09 && data[i] <= 0x0d) && data[i] != 0x1b;
        if (n == 0 || control || data[i] == 0x7f)
            return false;
        for (unsigned k = 1; k < n && i + k < len; k++) {
            if ((data[i + k] & 0xc0) != 0x80)
                return false;
        }
        i += n;
    }
    return true;
}

size_t text_guard_take(struct text_guard *guard, const uint8_t *data, size_t len)
{
    size_t n = (size_t)(TEXT_BLOCK - guard->seen) < len ? (size_t)(TEXT_BLOCK - guard->seen) : len;
    unsigned binary = 0;
    for (size_t i = 0; i < n; i++)
        binary += (uint8_t)(data[i] - 1) < 8 || (uint8_t)(data[i] - 14) < 18 || data[i] >= 0xf8;
    guard->seen = (uint16_t)(guard->seen + n);
    guard->binary = (uint16_t)(guard->binary + binary);
    return n;
}

bool text_guard_is_binary(struct text_guard *guard)
{
    bool binary = guard->binary > TEXT_BINARY_MAX;
    *guard = (struct text_guard){0};
    return binary;
}
