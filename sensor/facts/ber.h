/* BER-TLV (ITU-T X.690; ISO 7816-4) read forwards: each element's head as it comes. Constructed elements are stepped
 * into, so a flat walk in file order visits everything; the caller passes over what it does not want. */
#ifndef FACTS_BER_H
#define FACTS_BER_H

#include "walk.h"

struct ber {
    struct walk walk;
    uint8_t head[8];
    uint8_t have;
    uint64_t end; /* no element may reach beyond; 0: not known yet (the first element sets it) */
};

struct ber_element {
    uint32_t tag;  /* all its bytes: 0x61, 0x7f61, 0x5f2e */
    uint64_t len;  /* of the value */
    uint64_t at;   /* offset of the value */
    bool constructed, indefinite;
};

enum ber_answer { BER_MORE, BER_ELEMENT, BER_END, BER_BAD };

enum ber_answer ber_next(struct ber *ber, struct input *in, struct ber_element *element);
/* The head at `p`: its size, 0 when `len` bytes do not hold it whole, -1 when it is none. */
int ber_head(const uint8_t *p, size_t len, struct ber_element *element);
static inline void ber_skip(struct ber *ber, const struct ber_element *element)
{
    ber->walk.skip = element->len;
}

#endif
