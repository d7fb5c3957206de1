/* Fuzz input as a conversation: [control][length] bytes, again and again. Bit 0 of control is the side; bits 1-2 say
 * data, data, gap or end; with bits 3 and 4 set, of the other reading, which bit 5 begins anew; bit 6 lays the flow to
 * rest before it. A target names the bytes that open the conversation, so that its decoder claims it. */
#ifndef TESTS_FUZZ_CONVERSATION_H
#define TESTS_FUZZ_CONVERSATION_H

#include <netinet/in.h>

#include "../unit/app/fake_worker.h"

struct opening {
    enum side side;
    const char *bytes;
    size_t len;
};

/* A step of the other reading; returns how many bytes it took. */
static size_t fuzz_other(const struct stream_sink *sink, struct flow *flow, uint8_t control, const uint8_t *data,
                         size_t len)
{
    enum side side = control & 1;
    if (control & 0x20)
        sink->other_begin(sink->user, flow, side);
    switch (control >> 1 & 3) {
    case 3:
        sink->other_end(sink->user, flow, side, len & 1 ? STREAM_FIN : STREAM_CUT);
        return 0;
    case 2:
        sink->other_gap(sink->user, flow, side, len + 1);
        return 0;
    default:
        if (len)
            sink->other_data(sink->user, flow, side, data, len);
        return len;
    }
}

static inline int fuzz_conversation(const struct opening *opening, uint8_t protocol, uint16_t port,
                                    const uint8_t *data, size_t size)
{
    static struct fake_worker fake;
    struct cursor { const uint8_t *at; size_t left; } c = {data, size};
    bool ended[2] = {false, false};
    fake_open(&fake, false);
    struct flow *flow = fake_flow(&fake, protocol, "10.0.0.1", 40000, "192.0.2.1", port);
    if (c.left && (*c.at & 0x80))
        flow->content[SIDE_SERVER] = false;
    if (c.left && (*c.at & 0x40))
        flow->content[SIDE_CLIENT] = false;
    for (; opening && opening->bytes; opening++) {
        if (protocol == IPPROTO_UDP)
            fake.sink.datagram(fake.sink.user, flow, opening->side, (const uint8_t *)opening->bytes, opening->len, 0);
        else
            fake.sink.data(fake.sink.user, flow, opening->side, (const uint8_t *)opening->bytes, opening->len);
    }
    while (c.left >= 2) {
        enum side side = c.at[0] & 1;
        uint8_t control = c.at[0];
        unsigned what = control >> 1 & 3;
        size_t len = c.at[1] < c.left - 2 ? c.at[1] : c.left - 2;
        if (control & 0x40)
            app_flow_rest(fake.apps, flow);
        c.at += 2;
        c.left -= 2;
        if (ended[side])
            continue;
        if (protocol == IPPROTO_UDP) {
            if (len)
                fake.sink.datagram(fake.sink.user, flow, side, c.at, len, 0);
        } else if ((control & 0x18) == 0x18) {
            len = fuzz_other(&fake.sink, flow, control, c.at, len);
        } else if (what == 3 && len < 8) {
            fake.sink.end(fake.sink.user, flow, side, len & 1 ? STREAM_FIN : STREAM_RST);
            ended[side] = true;
            continue;
        } else if (what == 2) {
            fake.sink.gap(fake.sink.user, flow, side, (uint64_t)len * len * len + 1);
            continue;
        } else if (len) {
            fake.sink.data(fake.sink.user, flow, side, c.at, len);
        }
        c.at += len;
        c.left -= len;
    }
    fake_close(&fake);
    if (fake.mem.total > (size_t)1 << 20)
        abort(); /* something was kept */
    return 0;
}

#endif
