/* How a flow's outbound payload was sent: runs, turns, and the busiest second. */
#include "flow.h"

#define SECOND_NS INT64_C(1000000000)

void flow_pace_packet(struct flow_pace *pace, bool out, const struct packet *packet)
{
    int64_t second = packet->time_ns / SECOND_NS;
    if (!out) {
        if (packet->payload_len > FLOW_ANSWER && pace->burst) {
            pace->turns++;
            pace->burst = 0;
        }
        return;
    }
    if (!packet->payload_len)
        return;
    pace->packets++;
    pace->full += packet->payload_len >= FLOW_FULL_PACKET;
    pace->burst += packet->payload_len;
    if (pace->burst > pace->longest)
        pace->longest = pace->burst;
    if (second != pace->second || !pace->busy_seconds) {
        pace->busy_seconds++;
        pace->in_second = 0;
        pace->second = second;
    }
    pace->in_second += packet_wire_bytes(packet);
    if (pace->in_second > pace->peak)
        pace->peak = pace->in_second;
}

void flow_pace_rest(struct flow_pace *pace, int64_t now_ns)
{
    if (now_ns / SECOND_NS <= pace->second)
        return;
    pace->second = 0;
    pace->in_second = 0;
}
