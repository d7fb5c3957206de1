/* Byte counts and their entropy. Four tables side by side keep runs of one byte from waiting on a store. */
#include "entropy.h"

#include <math.h>
#include <string.h>

void entropy_add(struct entropy *entropy, const uint8_t *data, size_t len)
{
    uint32_t counts[4][256];
    size_t i = 0;
    if (len >= 1024) {
        memset(counts, 0, sizeof(counts));
        for (; i + 8 <= len; i += 8) {
            uint64_t word; /* one load for eight bytes */
            memcpy(&word, data + i, sizeof(word));
            counts[0][word & 0xff]++;
            counts[1][word >> 8 & 0xff]++;
            counts[2][word >> 16 & 0xff]++;
            counts[3][word >> 24 & 0xff]++;
            counts[0][word >> 32 & 0xff]++;
            counts[1][word >> 40 & 0xff]++;
            counts[2][word >> 48 & 0xff]++;
            counts[3][word >> 56]++;
        }
        for (unsigned b = 0; b < 256; b++)
            entropy->counts[b] += counts[0][b] + counts[1][b] + counts[2][b] + counts[3][b];
    }
    for (; i < len; i++)
        entropy->counts[data[i]]++;
    entropy->seen += (uint32_t)len;
}

double entropy_bits(const struct entropy *entropy)
{
    double sum = 0;
    if (!entropy->seen)
        return 0;
    for (unsigned b = 0; b < 256; b++) {
        double n = entropy->counts[b];
        if (n > 0)
            sum += n * log2(n);
    }
    double bits = log2(entropy->seen) - sum / entropy->seen;
    return bits > 0 ? bits : 0;
}
