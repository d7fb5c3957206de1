/* CRC-32C, eight bytes an instruction with SSE 4.2, four bits a step without. */
#include "crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* bit-reversed 0x1edc6f41 */

static uint32_t by_nibble(uint32_t crc, const uint8_t *p, size_t len)
{
    uint32_t table[16];
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 4; bit++)
            c = c >> 1 ^ (c & 1 ? POLYNOMIAL : 0);
        table[i] = c;
    }
    while (len--) {
        crc ^= *p++;
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    while (len--)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return crc;
}
#endif

uint32_t crc32c(const void *data, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~by_instruction(~0u, data, len);
#endif
    return ~by_nibble(~0u, data, len);
}
