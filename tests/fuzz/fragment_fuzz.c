/* Fragments of few datagrams in any order, overlapping and contradicting one another: five bytes
 * each. Every byte must be counted once, and a complete datagram must be made of bytes that came.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct counters counters;
    static uint8_t bytes[2056];
    struct mem mem = {0};
    memset(&counters, 0, sizeof(counters));
    struct fragments *fragments = fragments_new(&mem, &counters);
    uint64_t held = 0;
    for (; size >= 5; data += 5, size -= 5) {
        struct fragment in = {.id = data[0] & 3,
                              .version = data[0] & 4 ? 6 : 4,
                              .protocol = 17,
                              .more = data[0] & 8,
                              .offset = data[1] * 8u,
                              .len = data[2] * 8u + 8};
        struct datagram_view view;
        if (!in.more)
            in.len -= data[3] & 7;
        for (uint32_t i = 0; i < in.len; i++)
            bytes[i] = data[4];
        in.data = bytes;
        fragments_next_frame(fragments);
        enum fragment_result result = fragments_add(fragments, &in, &view);
        if (view.fresh + view.same != in.len && result != FRAGMENT_SHED)
            abort();
        counters.fate_bytes[FATE_LOST_GAP] += view.fresh;
        held = counters.fate_bytes[FATE_LOST_GAP];
        if (result == FRAGMENT_COMPLETE) {
            if (view.held_bytes + view.fresh != view.payload_len ||
                view.held_bytes + view.fresh > held)
                abort();
            counters.fate_bytes[FATE_LOST_GAP] -= view.held_bytes + view.fresh;
            volatile uint8_t sum = 0;
            for (uint32_t i = 0; i < view.header_len + view.payload_len; i++)
                sum ^= view.header[i];
            for (uint32_t i = 0; view.other && i < view.payload_len; i++)
                sum ^= view.other[i];
            (void)sum;
        } else if (result == FRAGMENT_HELD) {
            counters.fate_packets[FATE_LOST_GAP]++;
        }
    }
    fragments_free(fragments);
    if (mem.total)
        abort();
    return 0;
}
