/* BER-TLV read forwards. */
#include "ber.h"

int ber_head(const uint8_t *p, size_t len, struct ber_element *element)
{
    size_t at = 1;
    if (len < 2)
        return 0;
    element->tag = p[0];
    element->constructed = p[0] & 0x20;
    element->indefinite = false;
    if ((p[0] & 0x1f) == 0x1f) {
        if (p[1] & 0x80)
            return -1; /* tags of three bytes are not used by any format read here */
        element->tag = element->tag << 8 | p[1];
        at = 2;
    }
    if (len <= at)
        return 0;
    uint8_t first = p[at++];
    if (first < 0x80) {
        element->len = first;
    } else if (first == 0x80) {
        element->len = 0;
        element->indefinite = true;
        if (!element->constructed)
            return -1;
    } else {
        size_t n = first & 0x7f;
        if (n > 4)
            return -1;
        if (len < at + n)
            return 0;
        element->len = 0;
        for (size_t i = 0; i < n; i++)
            element->len = element->len << 8 | p[at + i];
        at += n;
    }
    return (int)at;
}

enum ber_answer ber_next(struct ber *ber, struct input *in, struct ber_element *element)
{
    if (!walk_pass(&ber->walk, in))
        return BER_MORE;
    if (ber->end && ber->walk.at - ber->have >= ber->end)
        return BER_END;
    while (in->len > 0) {
        ber->head[ber->have++] = in->data[0];
        walk_consume(&ber->walk, in, 1);
        int size = ber_head(ber->head, ber->have, element);
        if (size < 0)
            return BER_BAD;
        if (size == 0)
            continue;
        ber->have = 0;
        element->at = ber->walk.at;
        if (!ber->end)
            ber->end = element->at + element->len;
        return element->at + element->len > ber->end ? BER_BAD : BER_ELEMENT;
    }
    return BER_MORE;
}
