/* Fragments come in any order, twice, overlapping, forged, or not at all. Were they put together
 * otherwise than a receiver does, a fragmented upload would leave unseen; were they kept without
 * bound, a flood would end the sensor. */
#include "frame_builder.h"

#define DATAGRAM 3000 /* bytes of UDP in the datagrams cut here */

static struct build whole, piece;

/* A UDP datagram (header and payload) in `whole`, without its IP header. */
static void make_datagram(int version, size_t payload)
{
    static uint8_t bytes[65535];
    for (size_t i = 0; i < payload; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    build_start(&whole, bytes, payload);
    build_udp(&whole, version, 1, 2, 5000, 6000);
}

/* Sends bytes [from, to) of `whole` as a fragment, XORed with `change`; true when a datagram came
 * out. */
static bool send_piece(struct bench *bench, int version, uint16_t id, size_t from, size_t to,
                       bool more, uint8_t change)
{
    build_start(&piece, whole.at + from, to - from);
    for (size_t i = 0; i < to - from; i++)
        piece.at[i] ^= change;
    if (version == 4) {
        build_v4(&piece, 1, 2, 17);
        put16(piece.at + 4, id);
        put16(piece.at + 6, from / 8 | (more ? 0x2000 : 0));
        build_v4_sum(piece.at);
    } else {
        uint8_t *h = build_before(&piece, 8);
        h[0] = 17;
        put16(h + 2, from | more);
        put16(h + 6, id);
        build_v6(&piece, 1, 2, 44);
    }
    return bench_build(bench, 12, &piece);
}

static void check_whole(const struct bench *bench, int version, bool conflict)
{
    const struct packet *p = &bench->packet;
    assert_true(p->was_fragmented);
    assert_int_equal(p->fragment_conflict, conflict);
    assert_int_equal(p->src_port, 5000);
    assert_int_equal(p->payload_len, build_len(&whole) - 8);
    assert_memory_equal(p->payload, whole.at + 8, p->payload_len);
    assert_false(p->bad_checksum);
    assert_int_equal(p->network[0] >> 4, version);
    assert_ptr_equal(p->network + p->network_len, p->payload + p->payload_len);
}

static void test_in_any_order(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int version = 4; version <= 6; version += 2) {
        make_datagram(version, DATAGRAM - 8);
        assert_false(send_piece(&bench, version, 1, 0, 1480, true, 0));
        assert_int_equal(bench.counters.fate_bytes[FATE_LOST_GAP], 1480);
        assert_int_equal(bench.counters.fate_packets[FATE_LOST_GAP], 1);
        assert_false(send_piece(&bench, version, 1, 1480, 2960, true, 0));
        assert_true(send_piece(&bench, version, 1, 2960, 3000, false, 0));
        check_whole(&bench, version, false);
        assert_int_equal(bench.counters.fate_bytes[FATE_LOST_GAP], 0);
        assert_int_equal(bench.counters.fate_packets[FATE_LOST_GAP], 0);

        assert_false(send_piece(&bench, version, 2, 2960, 3000, false, 0));
        assert_false(send_piece(&bench, version, 2, 1480, 2960, true, 0));
        assert_true(send_piece(&bench, version, 2, 0, 1480, true, 0));
        check_whole(&bench, version, false);
    }
    assert_int_equal(bench.counters.value[COUNT_PACKET_FRAGMENTS], 12);
    assert_int_equal(bench.counters.value[COUNT_PACKET_FRAGMENTS_REASSEMBLED], 4);
    bench_close(&bench);
}

static void test_smallest_pieces_backwards(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, 500);
    size_t len = build_len(&whole);
    for (size_t at = len / 8 * 8; at > 0; at -= 8)
        assert_false(send_piece(&bench, 4, 9, at, at + 8 < len ? at + 8 : len, at + 8 < len, 0));
    assert_true(send_piece(&bench, 4, 9, 0, 8, true, 0));
    check_whole(&bench, 4, false);
    bench_close(&bench);
}

static void test_longest_datagram(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(6, 65535 - 8);
    for (size_t at = 0; at < 65528; at += 1232)
        assert_int_equal(send_piece(&bench, 6, 9, at, at + 1232 < 65535 ? at + 1232 : 65535,
                                    at + 1232 < 65535, 0),
                         at + 1232 >= 65535);
    check_whole(&bench, 6, false);
    bench_close(&bench);
}

static void test_overlong_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    build_start(&piece, whole.at, 100);
    build_v4(&piece, 1, 2, 17);
    put16(piece.at + 6, 8190); /* ends at 65,620: the ping of death */
    build_v4_sum(piece.at);
    assert_false(bench_build(&bench, 12, &piece));
    assert_int_equal(bench.counters.fate_packets[FATE_MALFORMED], 1);
    assert_false(send_piece(&bench, 4, 3, 8, 8, true, 0));  /* nothing in it */
    assert_false(send_piece(&bench, 6, 3, 8, 15, true, 0)); /* no multiple of 8 */
    assert_int_equal(bench.counters.fate_packets[FATE_MALFORMED], 3);
    bench_close(&bench);
}

static void test_captured_twice(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_true(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    check_whole(&bench, 4, false);
    assert_false(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    assert_int_equal(bench.counters.fate_packets[FATE_DUPLICATE], 2);
    assert_int_equal(bench.counters.fate_bytes[FATE_DUPLICATE], 1480 + 1520);
    assert_int_equal(bench.counters.fate_bytes[FATE_LOST_GAP], 0);
    /* The same identification again, other bytes: a new datagram. */
    whole.at[8] ^= 1;
    put16(whole.at + 6, 0);
    build_transport_sum(&whole, 4, 17, 6, 1, 2);
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_true(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    check_whole(&bench, 4, false);
    bench_close(&bench);
}

/* The receiver keeps one of two copies; the checksum tells which. */
static void test_checksum_chooses_the_reading(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int version = 4; version <= 6; version += 2) {
        for (unsigned i = 1; i <= 300; i++) { /* a sender known to have right checksums */
            make_datagram(version, 100);
            if (version == 4)
                build_v4(&whole, 1, 2, 17);
            else
                build_v6(&whole, 1, 2, 17);
            assert_true(bench_build(&bench, 12, &whole));
        }
        make_datagram(version, DATAGRAM - 8);
        assert_false(send_piece(&bench, version, 3, 0, 800, true, 0));
        assert_false(send_piece(&bench, version, 3, 800, 1600, true, 0x55)); /* junk first */
        assert_false(send_piece(&bench, version, 3, 800, 1600, true, 0));
        assert_true(send_piece(&bench, version, 3, 1600, 3000, false, 0));
        check_whole(&bench, version, true);
        assert_false(send_piece(&bench, version, 4, 0, 800, true, 0));
        assert_false(send_piece(&bench, version, 4, 800, 1600, true, 0)); /* junk second */
        assert_false(send_piece(&bench, version, 4, 800, 1600, true, 0x55));
        assert_true(send_piece(&bench, version, 4, 1600, 3000, false, 0));
        check_whole(&bench, version, true);
    }
    bench_close(&bench);
}

static void test_conflict_keeps_the_first(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_false(send_piece(&bench, 4, 1, 800, 1600, true, 0xff));
    assert_int_equal(bench.counters.fate_bytes[FATE_DUPLICATE], 680);
    assert_true(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    assert_true(bench.packet.fragment_conflict);
    assert_int_equal(bench.counters.value[COUNT_PACKET_FRAGMENT_CONFLICTS], 1);
    assert_memory_equal(bench.packet.payload, whole.at + 8, 1480 - 8);
    bench_close(&bench);
}

/* A forged last fragment that ends the datagram early must not cut off what follows. */
static void test_two_ends_take_the_longer(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    assert_false(send_piece(&bench, 4, 1, 16, 21, false, 0));
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_true(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    check_whole(&bench, 4, true);
    assert_false(send_piece(&bench, 4, 2, 0, 1480, true, 0));
    assert_false(send_piece(&bench, 4, 2, 16, 21, false, 0));
    assert_true(send_piece(&bench, 4, 2, 1480, 3000, false, 0));
    check_whole(&bench, 4, true);
    bench_close(&bench);
}

static void test_waiting_ends(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    packet_expire(bench.decoder, bench.time_ns + INT64_C(29000000000));
    assert_true(bench.mem.used[MEM_REASSEMBLY] > 0);
    packet_expire(bench.decoder, bench.time_ns + INT64_C(31000000000));
    assert_false(send_piece(&bench, 4, 1, 1480, 3000, false, 0));
    assert_int_equal(bench.counters.fate_bytes[FATE_LOST_GAP], 3000);
    packet_expire(bench.decoder, INT64_MAX);
    assert_int_equal(bench.counters.fate_packets[FATE_LOST_GAP], 2);
    bench_close(&bench);
}

static void test_snap_length_cuts_a_fragment(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    send_piece(&bench, 4, 1, 0, 1480, true, 0);
    assert_false(bench_frame(&bench, 12, piece.at, 96, 1500));
    assert_false(bench_frame(&bench, 12, piece.at, 20, 1500));
    bench_close(&bench);
}

/* GRE in fragments, and inside it fragments of a UDP datagram. */
static void test_fragments_in_a_fragmented_tunnel(void **state)
{
    (void)state;
    static struct build outer;
    struct bench bench;
    bench_open(&bench);
    make_datagram(4, DATAGRAM - 8);
    for (int half = 0; half < 2; half++) {
        size_t from = half ? 1480 : 0, to = half ? 3000 : 1480;
        build_start(&outer, whole.at + from, to - from);
        build_v4(&outer, 1, 2, 17);
        put16(outer.at + 4, 77);
        put16(outer.at + 6, from / 8 | (half ? 0 : 0x2000));
        build_v4_sum(outer.at);
        build_bytes(&outer, "\0\0\x08\0", 4);
        for (size_t at = 0; at < build_len(&outer); at += 800) {
            bool more = at + 800 < build_len(&outer);
            build_start(&piece, outer.at + at, more ? 800 : build_len(&outer) - at);
            build_v4(&piece, 8, 9, 47);
            put16(piece.at + 4, (size_t)half);
            put16(piece.at + 6, at / 8 | (more ? 0x2000 : 0));
            build_v4_sum(piece.at);
            assert_int_equal(bench_build(&bench, 12, &piece), half && !more);
        }
    }
    check_whole(&bench, 4, false);
    assert_int_equal(bench.packet.tunnel_depth, 1);
    assert_int_equal(bench.counters.fate_bytes[FATE_LOST_GAP], 0);
    bench_close(&bench);
}

/* A flood of first fragments whose rest never comes: memory stays bounded, every byte accounted
 * for. */
static void test_flood_is_bounded(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    packet_decoder_free(bench.decoder);
    bench.mem.ceiling = 8u << 20;
    bench.decoder = packet_decoder_new(&bench.mem, &bench.counters);
    make_datagram(4, 60000);
    for (unsigned i = 0; i < 20000; i++)
        assert_false(send_piece(&bench, 4, (uint16_t)i, i % 2 ? 59200 : 0, i % 2 ? 60000 : 800,
                                i % 2 == 0, 0));
    assert_true(bench.mem.peak <= bench.mem.ceiling);
    assert_true(bench.counters.fate_bytes[FATE_SHED_MEMORY] > 0);
    make_datagram(4, DATAGRAM - 8); /* and a true one still comes through */
    assert_false(send_piece(&bench, 4, 65000, 0, 1480, true, 0));
    assert_true(send_piece(&bench, 4, 65000, 1480, 3000, false, 0));
    check_whole(&bench, 4, false);
    bench_close(&bench);
}

static void test_no_memory_at_all(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.mem.ceiling = 1;
    make_datagram(4, DATAGRAM - 8);
    assert_false(send_piece(&bench, 4, 1, 0, 1480, true, 0));
    assert_int_equal(bench.counters.fate_bytes[FATE_SHED_MEMORY], 1480);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_any_order),
        cmocka_unit_test(test_smallest_pieces_backwards),
        cmocka_unit_test(test_longest_datagram),
        cmocka_unit_test(test_overlong_is_refused),
        cmocka_unit_test(test_captured_twice),
        cmocka_unit_test(test_conflict_keeps_the_first),
        cmocka_unit_test(test_checksum_chooses_the_reading),
        cmocka_unit_test(test_two_ends_take_the_longer),
        cmocka_unit_test(test_waiting_ends),
        cmocka_unit_test(test_snap_length_cuts_a_fragment),
        cmocka_unit_test(test_fragments_in_a_fragmented_tunnel),
        cmocka_unit_test(test_flood_is_bounded),
        cmocka_unit_test(test_no_memory_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
