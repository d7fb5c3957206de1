/* Summing 16-bit words in the lanes of a vector: the low and the high half of every 32-bit lane
 * gather in accumulators of their own, which cannot overflow below 2 MiB of input (a frame is far
 * shorter). */
#include "checksum.h"

#include <string.h>

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx2", "default")))
#else
#define WIDEST
#endif

#define LANES 8
typedef uint32_t lanes __attribute__((vector_size(LANES * 4)));

#define BLOCK_MAX ((size_t)1 << 20) /* bytes a pair of accumulators takes */

WIDEST static uint64_t add_blocks(const uint8_t *data, size_t len)
{
    lanes low = {0}, high = {0};
    for (; len >= sizeof(lanes); data += sizeof(lanes), len -= sizeof(lanes)) {
        lanes words;
        memcpy(&words, data, sizeof(words));
        low += words & 0xffff;
        high += words >> 16;
    }
    uint64_t sum = 0;
    for (unsigned i = 0; i < LANES; i++)
        sum += (uint64_t)low[i] + high[i];
    return sum;
}

uint64_t checksum_add(uint64_t sum, const uint8_t *data, size_t len)
{
    while (len >= sizeof(lanes)) {
        size_t n = (len < BLOCK_MAX ? len : BLOCK_MAX) & ~(sizeof(lanes) - 1);
        sum += add_blocks(data, n);
        data += n;
        len -= n;
    }
    for (; len >= 2; data += 2, len -= 2) {
        uint16_t word;
        memcpy(&word, data, 2);
        sum += word;
    }
    if (len) {
        uint16_t word = 0;
        memcpy(&word, data, 1);
        sum += word;
    }
    return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}
