/* One frame after another from hostile bytes. The first byte picks the link type; then records of
 * two length bytes (captured, and what the snap length left out) and the frame. Fragments so meet
 * in one decoder. The ledger must close after every frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "packet.h"

static const int link_types[] = {
#define LINK(number, layer, name) number,
#include "packet/link_list.def"
#undef LINK
    147}; /* one that nobody reads */

/* Every byte is readable; returns how many are the caller's. */
static uint32_t look_at(const struct packet *packet)
{
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; i < packet->payload_len; i++)
        sum ^= packet->payload[i];
    for (uint32_t i = 0; i < packet->network_len; i++)
        sum ^= packet->network[i];
    (void)sum;
    return packet->payload_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem = {.ceiling = 1u << 20};
    static struct counters counters;
    uint64_t given = 0;
    if (size < 1)
        return 0;
    log_set_level(LOG_ERROR);
    memset(&counters, 0, sizeof(counters));
    struct packet_decoder *decoder = packet_decoder_new(&mem, &counters);
    int link_type = link_types[data[0] % (sizeof(link_types) / sizeof(link_types[0]))];
    int64_t time_ns = 0;
    for (size_t at = 1; size - at >= 3;) {
        size_t captured = (size_t)(data[at] << 8 | data[at + 1]);
        uint32_t cut = data[at + 2] & 0x80 ? (uint32_t)(data[at + 2] & 0x7f) * 40 : 0;
        at += 3;
        if (captured > size - at)
            captured = size - at;
        uint8_t *copy =
            malloc(captured ? captured : 1); /* its very size: one byte too far is seen */
        if (!copy)
            abort();
        memcpy(copy, data + at, captured);
        at += captured;
        struct frame frame = {.data = copy,
                              .captured = (uint32_t)captured,
                              .length = (uint32_t)captured + cut,
                              .time_ns = time_ns += INT64_C(1000000000),
                              .link_type = link_type};
        struct packet packet;
        bool segment = packet_decode(decoder, &frame, &packet);
        do {
            if (segment)
                given += look_at(&packet);
        } while (packet_decode_more(decoder, &frame, &packet, &segment));
        if (counters_fate_total(&counters) + given != counters.value[COUNT_CAPTURE_BYTES])
            abort();
        packet_expire(decoder, time_ns);
        free(copy);
    }
    packet_decoder_free(decoder);
    if (mem.total)
        abort();
    return 0;
}
