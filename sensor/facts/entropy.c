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
        for (; i + 4 <= len; i += 4) {
            counts[0][data[i]]++;
            counts[1][data[i + 1]]++;
            counts[2][data[i + 2]]++;
            counts[3][data[i + 3]]++;
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
