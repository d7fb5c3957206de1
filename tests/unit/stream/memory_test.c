/* What reassembly costs: under floods, under a ceiling, and for a flow that does nothing. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire.h"

#define MIB ((size_t)1 << 20)

static void put(struct wire *w, uint32_t host, uint8_t flags, enum side from, uint32_t seq,
                uint32_t ack, const void *data, size_t len)
{
    struct packet p = wire_packet(from, host, 40000);
    p.tcp.flags = flags;
    p.tcp.seq = seq;
    p.tcp.ack = ack;
    p.tcp.window_scale = flags & TCP_SYN ? 14 : -1;
    p.payload = data;
    p.payload_len = (uint32_t)len;
    wire_put(w, &p);
}

static void open_flow(struct wire *w, uint32_t host)
{
    put(w, host, TCP_SYN, SIDE_CLIENT, CLIENT_ISN, 0, NULL, 0);
    put(w, host, TCP_SYN | TCP_ACK, SIDE_SERVER, SERVER_ISN, C0, NULL, 0);
    put(w, host, TCP_ACK, SIDE_CLIENT, C0, S0, NULL, 0);
    put(w, host, TCP_ACK, SIDE_SERVER, S0, C0, NULL, 0); /* a window of 1 GiB */
}

static void idle_flow_costs_at_most_400_bytes(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    enum { FLOWS = 131500 }; /* the index has just doubled: the dearest moment */
    w->keep = false;
    for (uint32_t i = 0; i < FLOWS; i++) {
        open_flow(w, i);
        put(w, i, TCP_ACK, SIDE_CLIENT, C0, S0, "upload", 6);
        put(w, i, TCP_ACK, SIDE_SERVER, S0, C0 + 6, "thanks", 6);
        put(w, i, TCP_ACK, SIDE_CLIENT, C0 + 6, S0 + 6, NULL, 0);
    }
    assert_true(w->mem.used[MEM_REASSEMBLY] <= 44 * MIB); /* messages kept for another reading */
    w->now += 61 * WIRE_SECOND;
    flow_table_expire(w->table, w->now); /* they rest */
    streams_expire(w->streams, w->now);
    assert_true(w->mem.used[MEM_REASSEMBLY] <= MIB);
    assert_int_equal(w->counters.value[COUNT_FLOW_ACTIVE], FLOWS);
    assert_true(w->mem.total / FLOWS <= 400);
    wire_free(w);
}

static void early_flood_sheds_itself(void **state)
{
    (void)state;
    struct wire *w = wire_new(8 * MIB, false);
    uint8_t data[1400];
    memset(data, 'x', sizeof(data));
    w->keep = false;
    open_flow(w, 1); /* a small honest reorder, waiting all the while */
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + 3, S0, "def", 3);
    for (uint32_t flow = 2; flow < 12; flow++) {
        open_flow(w, flow);
        for (uint32_t i = 1; i < 2000; i++)
            put(w, flow, TCP_ACK, SIDE_CLIENT, C0 + i * 1400, S0, data, sizeof(data));
    }
    assert_true(w->mem.peak <= 8 * MIB);
    assert_true(w->counters.fate_bytes[FATE_SHED_MEMORY] > 0);
    uint64_t before = w->side[0].delivered;
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0, S0, "abc", 3);
    assert_int_equal(w->side[0].delivered - before, 6);
    wire_free(w);
}

static void sparse_flood_is_bounded_by_the_window(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    w->keep = false;
    open_flow(w, 1);
    for (uint32_t i = 1; i < 200000; i++)
        put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + i * 4096, S0, "x", 1);
    assert_true(w->mem.used[MEM_REASSEMBLY] < 12 * MIB);
    wire_free(w);
}

static void one_sided_uploads_do_not_hoard_copies(void **state)
{
    (void)state;
    struct wire *w = wire_new(64 * MIB, false);
    uint8_t data[1400];
    memset(data, 'x', sizeof(data));
    w->keep = false;
    for (uint32_t flow = 0; flow < 3000; flow++) {
        put(w, flow, TCP_SYN, SIDE_CLIENT, CLIENT_ISN, 0, NULL, 0);
        for (uint32_t i = 0; i < 20; i++)
            put(w, flow, TCP_ACK, SIDE_CLIENT, C0 + i * 1400, S0, data, sizeof(data));
    }
    assert_true(w->mem.used[MEM_REASSEMBLY] <= 34 * MIB);
    assert_int_equal(w->counters.fate_bytes[FATE_INSPECTED], 3000 * 20 * 1400);
    wire_free(w);
}

static void shedding_frees_what_is_held(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    open_flow(w, 1);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + 3, S0, "def", 3);
    assert_true(streams_shed(w->streams));
    assert_int_equal(w->counters.fate_bytes[FATE_SHED_MEMORY], 3);
    assert_false(streams_shed(w->streams));
    assert_int_equal(counters_fate_total(&w->counters), w->payload);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0, S0, "abc", 3);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + 6, S0, "ghi", 3); /* the shed bytes are a hole now */
    put(w, 1, TCP_ACK, SIDE_SERVER, S0, C0 + 9, NULL, 0);
    w->now += 3 * WIRE_SECOND;
    streams_expire(w->streams, w->now);
    assert_memory_equal(w->side[0].data, "abc\0\0\0ghi", 9);
    assert_int_equal(w->side[0].gap_bytes, 3);
    assert_int_equal(w->counters.value[COUNT_STREAM_UPSTREAM_LOST_BYTES], 0); /* they were captured */
    wire_free(w);
}

static void lost_megabytes_are_one_gap(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    w->keep = false;
    open_flow(w, 1);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0, S0, "abc", 3);
    uint32_t far = 50u << 20; /* the capture slept; the connection did not */
    put(w, 1, TCP_ACK, SIDE_SERVER, S0, C0 + far, NULL, 0);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + far, S0, "xyz", 3);
    w->now += 3 * WIRE_SECOND;
    streams_expire(w->streams, w->now);
    assert_int_equal(w->side[0].delivered, 6);
    assert_int_equal(w->side[0].len, far + 3);
    assert_int_equal(w->counters.value[COUNT_STREAM_UPSTREAM_LOST_BYTES], far - 3);
    wire_free(w);
}

static void lost_megabytes_in_a_one_sided_capture(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    w->keep = false;
    put(w, 1, TCP_SYN, SIDE_CLIENT, CLIENT_ISN, 0, NULL, 0);
    put(w, 1, TCP_ACK, SIDE_CLIENT, C0, S0, "abc", 3);
    for (uint32_t i = 0; i < 40; i++)
        put(w, 1, TCP_ACK, SIDE_CLIENT, C0 + (50u << 20) + i * 3, S0, "xyz", 3);
    assert_true(w->side[0].delivered >= 3 + 20 * 3);
    assert_true(w->counters.fate_bytes[FATE_LOST_GAP] <= 20 * 3);
    assert_int_equal(w->counters.value[COUNT_STREAM_UPSTREAM_LOST_BYTES], 0); /* nobody acknowledged anything */
    wire_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_flow_costs_at_most_400_bytes),
        cmocka_unit_test(early_flood_sheds_itself),
        cmocka_unit_test(sparse_flood_is_bounded_by_the_window),
        cmocka_unit_test(one_sided_uploads_do_not_hoard_copies),
        cmocka_unit_test(shedding_frees_what_is_held),
        cmocka_unit_test(lost_megabytes_are_one_gap),
        cmocka_unit_test(lost_megabytes_in_a_one_sided_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
