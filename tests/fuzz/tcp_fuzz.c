/* Bytes become a packet sequence: each record of six is one segment of one of four conversations,
 * with its numbers taken near where the conversation stands. The mutator knows it: it moves, doubles,
 * drops and exchanges whole segments, opens and closes conversations, and bends one field of one
 * segment, so that what libFuzzer learns is about sequences and not about bytes.
 * What must hold after every packet: each payload byte in one fate, each frame counted once; what
 * comes out of a side is no more than the stream's length, and a side ends once. */
#include "../unit/stream/wire.h"

#define FLOWS 4
#define RECORD 6

struct state {
    uint32_t next[2];
};

struct outcome {
    unsigned ends[2];
};

static void fuzz_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                      size_t len)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + data[i]); /* every byte is readable */
    wire_data(user, flow, side, data, len);
    assert(!flow->app);
}

static void fuzz_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    uintptr_t ended = (uintptr_t)flow->app_proto; /* free for the test: bit 1 << side */
    assert(!(ended >> side & 1));
    (void)user;
    (void)how;
    flow->app_proto = (const char *)(ended | (uintptr_t)1 << side);
}

static void fuzz_other_begin(void *user, struct flow *flow, enum side side)
{
    (void)user;
    assert(flow->conflict && flow->content[side]);
}

static void fuzz_other_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                            size_t len)
{
    volatile uint8_t sum = 0;
    (void)user;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + data[i]);
    assert(len && flow->conflict && flow->content[side]);
}

static void fuzz_other_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    (void)user;
    assert(len && flow->gaps && flow->content[side]);
}

static void fuzz_other_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    (void)user;
    (void)how;
    assert(flow->conflict && flow->content[side]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t flags[] = {
        TCP_SYN,           TCP_SYN | TCP_ACK, TCP_ACK,           TCP_ACK | TCP_PSH,
        TCP_FIN | TCP_ACK, TCP_RST,           TCP_RST | TCP_ACK, 0,
        TCP_SYN | TCP_FIN, TCP_ACK,           TCP_ACK,           TCP_ACK,
        TCP_ACK,           TCP_ACK,           TCP_ACK | TCP_URG, TCP_FIN};
    static const int32_t steps[] = {0,   0,    0,     1,    -1,    3,         -3,         64,
                                    100, 1000, -1000, 2048, 65536, 100000000, -100000000, 8 << 20};
    struct state states[FLOWS] = {0};
    uint8_t payload[512];
    if (size < 2)
        return 0;
    struct wire *w = wire_new(data[0] & 1 ? 256 * 1024 : 0, data[0] & 2);
    w->keep = false;
    streams_free(w->streams);
    const struct stream_sink sink = {.user = w,
                                     .data = fuzz_data,
                                     .datagram = wire_datagram,
                                     .gap = wire_gap,
                                     .end = fuzz_end,
                                     .conflict = wire_conflict,
                                     .other_begin = data[0] & 16 ? fuzz_other_begin : NULL,
                                     .other_data = fuzz_other_data,
                                     .other_gap = fuzz_other_gap,
                                     .other_end = fuzz_other_end};
    w->streams = streams_new(&w->mem, &w->counters, w->table, &sink);
    w->go_opaque = (data[0] & 12) == 12;
    for (size_t i = 1; i + RECORD <= size; i += RECORD) {
        const uint8_t *r = data + i;
        unsigned number = r[0] & 3;
        enum side from = r[0] >> 2 & 1;
        struct state *at = &states[number];
        uint32_t len = r[2] >> 4 == 15 ? (r[2] & 15) * 32u : (r[2] & 63) >> (r[2] >> 7);
        memset(payload, r[3], sizeof(payload));
        struct packet p = wire_packet(from, number, (uint16_t)(1000 + number));
        p.tcp.flags = flags[r[1] & 15];
        p.tcp.seq = at->next[from] + (uint32_t)steps[r[1] >> 4];
        p.tcp.ack = at->next[!from] + (uint32_t)steps[r[4] & 15];
        p.tcp.window = (uint16_t)(r[4] << 8);
        p.bad_checksum = r[5] == 1;
        p.tcp.has_md5 = r[5] == 2;
        p.tcp.has_timestamp = r[5] & 4;
        p.tcp.timestamp = r[5] >> 3;
        p.tcp.timestamp_echo = r[4] >> 3;
        p.tcp.window_scale = (int8_t)(r[5] % 16 - 1);
        p.payload = payload;
        p.payload_len = len;
        p.payload_cut = r[5] == 8 ? 100 : 0;
        p.ttl = r[5] == 32 ? 10 : 64;
        p.protocol = r[5] == 255 ? IPPROTO_UDP : IPPROTO_TCP;
        w->now += r[0] & 64 ? 3 * WIRE_SECOND : 1000;
        if (r[0] & 128)
            w->now += 400 * WIRE_SECOND;
        wire_put(w, &p);
        if (!(p.tcp.flags & TCP_RST))
            at->next[from] = p.tcp.seq + len + !!(p.tcp.flags & TCP_SYN);
        if (r[0] & 8)
            flow_table_expire(w->table, w->now);
        if (r[0] & 16)
            streams_expire(w->streams, w->now);
        if (r[0] & 32 && r[3] == 9)
            streams_shed(w->streams);
        if (r[0] & 32 && r[3] == 8)
            flow_table_evict(w->table);
        wire_check(w);
    }
    wire_free(w);
    return 0;
}

/* ---- the mutator ---- */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static size_t insert_records(uint8_t *data, size_t size, size_t max_size, size_t at,
                             const uint8_t *records, size_t count)
{
    size_t len = count * RECORD, from = 1 + at * RECORD;
    if (size + len > max_size)
        return size;
    memmove(data + from + len, data + from, size - from);
    memcpy(data + from, records, len);
    return size + len;
}

/* What conversations are made of: indices into `flags` of the fuzz target, by sender. */
static size_t insert_phrase(uint8_t *data, size_t size, size_t max_size, size_t at, uint64_t *random)
{
    static const uint8_t phrases[][4][2] = {
        {{0, 0}, {4, 1}, {0, 2}, {0, 3}}, /* handshake, data */
        {{0, 3}, {4, 2}, {0, 3}, {4, 2}}, /* data, acknowledged */
        {{0, 4}, {4, 4}, {0, 2}, {0, 2}}, /* both close */
        {{0, 0}, {4, 0}, {0, 1}, {4, 1}}, /* both open */
        {{0, 5}, {0, 3}, {4, 2}, {0, 3}}, /* a reset, and on it goes */
        {{4, 1}, {0, 5}, {0, 0}, {4, 1}}, /* an answer to nothing, a reset, a beginning */
    };
    uint8_t records[4][RECORD] = {{0}};
    uint8_t number = wire_random(random) & 3, which = (uint8_t)(wire_random(random) % 6);
    for (unsigned i = 0; i < 4; i++) {
        records[i][0] = number | phrases[which][i][0];
        records[i][1] = phrases[which][i][1];
        records[i][2] = phrases[which][i][1] == 3 ? (uint8_t)(wire_random(random) & 63) : 0;
        records[i][3] = (uint8_t)(wire_random(random) >> 40);
        records[i][4] = 0xf0;
    }
    return insert_records(data, size, max_size, at, records[0], 4);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint8_t record[RECORD];
    size_t count = size > 1 ? (size - 1) / RECORD : 0;
    if (count < 2) {
        data[0] = (uint8_t)wire_random(&random);
        return max_size > 1 ? insert_phrase(data, 1, max_size, 0, &random) : 1;
    }
    size = 1 + count * RECORD;
    size_t a = wire_random(&random) % count, b = wire_random(&random) % count;
    uint8_t *one = data + 1 + a * RECORD, *two = data + 1 + b * RECORD;
    memcpy(record, one, RECORD);
    switch (wire_random(&random) % 8) {
    case 0: /* out of order */
        memcpy(one, two, RECORD);
        memcpy(two, record, RECORD);
        return size;
    case 1: /* sent or captured twice */
        return insert_records(data, size, max_size, b, record, 1);
    case 2: /* lost */
        memmove(one, one + RECORD, size - (size_t)(one + RECORD - data));
        return size - RECORD;
    case 3:
        return insert_phrase(data, size, max_size, a, &random);
    case 4: /* the same place, other bytes, perhaps another length */
        record[3] ^= 0x55;
        record[2] ^= (uint8_t)(wire_random(&random) & 15);
        record[1] = (uint8_t)((record[1] & 15) | wire_random(&random) % 8 << 4);
        return insert_records(data, size, max_size, a + 1, record, 1);
    case 5: /* one field of one segment */
        one[wire_random(&random) % RECORD] = (uint8_t)(wire_random(&random) >> 32);
        return size;
    case 6: /* by the other side */
        one[0] ^= 4;
        return size;
    default:
        LLVMFuzzerMutate(one, RECORD, RECORD);
        return size;
    }
}
