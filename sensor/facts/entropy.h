/* Shannon entropy of an object's first 64 KiB, counted in blocks so that a byte costs a fraction of a
 * nanosecond. Owned by struct object_facts. */
#ifndef FACTS_ENTROPY_H
#define FACTS_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#define ENTROPY_BYTES 65536
#define ENTROPY_FIRST 4096 /* the first value, then at each doubling: when rules are evaluated */

struct entropy {
    uint32_t counts[256];
    uint32_t seen;
};

void entropy_add(struct entropy *entropy, const uint8_t *data, size_t len);
double entropy_bits(const struct entropy *entropy); /* 0..8, bits a byte */

#endif
