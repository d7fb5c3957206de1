/* IEEE 802.11 fragments and aggregates. A piece that does not follow the one before it is lost, and said to be; no piece
 * may be read as the beginning of what it is not, and nobody fills memory by beginning MSDUs. */
#include "frame_builder.h"

static struct build frame;

/* A data frame from station `host`, its body bytes [from, to) of an MSDU with a UDP datagram of 600 bytes. */
static bool send_piece(struct bench *bench, uint8_t host, uint16_t sequence, unsigned number, size_t from,
                       size_t to, bool more)
{
    static struct build whole;
    static const uint8_t payload[600];
    build_start(&whole, payload, sizeof(payload));
    build_udp(&whole, 4, 1, 2, 5000, 6000);
    build_v4(&whole, 1, 2, 17);
    memcpy(build_before(&whole, 8), "\xaa\xaa\x03\0\0\0\x08", 8);
    assert_true(to <= build_len(&whole));
    build_start(&frame, whole.at + from, to - from);
    uint8_t *h = build_before(&frame, 24);
    h[0] = 0x08;
    h[1] = more ? 0x05 : 0x01;
    h[15] = host;
    h[22] = (uint8_t)(sequence << 4 | number);
    h[23] = (uint8_t)(sequence >> 4);
    return bench_build(bench, 105, &frame);
}

#define WHOLE (8 + 20 + 8 + 600)

static void pieces_in_order_are_one_packet(void **state)
{
    (void)state;
    struct bench room, *bench = &room;
    bench_open(bench);
    assert_false(send_piece(bench, 1, 7, 0, 0, 250, true));
    assert_false(send_piece(bench, 2, 7, 0, 0, 100, true)); /* another station, at the same time */
    assert_false(send_piece(bench, 1, 7, 1, 250, 501, true));
    assert_false(send_piece(bench, 1, 7, 1, 250, 501, true)); /* sent again */
    assert_int_equal(bench->counters.fate_bytes[FATE_DUPLICATE], 251);
    assert_true(send_piece(bench, 1, 7, 2, 501, WHOLE, false));
    assert_int_equal(bench->packet.payload_len, 600);
    assert_int_equal(bench->counters.fate_bytes[FATE_LOST_GAP], 100);
    assert_true(send_piece(bench, 2, 7, 1, 100, WHOLE, false));
    assert_int_equal(bench->counters.fate_bytes[FATE_LOST_GAP], 0);
    assert_false(send_piece(bench, 2, 7, 1, 100, WHOLE, false)); /* captured twice */
    bench_close(bench);
}

static void a_missing_piece_loses_the_rest(void **state)
{
    (void)state;
    struct bench room, *bench = &room;
    bench_open(bench);
    assert_false(send_piece(bench, 1, 7, 0, 0, 250, true));
    assert_false(send_piece(bench, 1, 7, 2, 500, WHOLE, false));
    assert_false(send_piece(bench, 1, 8, 1, 250, WHOLE, false)); /* of another MSDU */
    assert_int_equal(bench->counters.fate_bytes[FATE_LOST_GAP], 250 + WHOLE - 500 + WHOLE - 250);
    assert_true(send_piece(bench, 1, 7, 1, 250, WHOLE, false)); /* late, and in its place */
    bench_close(bench);
}

static void an_old_piece_is_not_continued(void **state)
{
    (void)state;
    struct bench room, *bench = &room;
    bench_open(bench);
    assert_false(send_piece(bench, 1, 7, 0, 0, 250, true));
    bench->time_ns += INT64_C(6000000000);
    assert_false(send_piece(bench, 1, 7, 1, 250, WHOLE, false)); /* sequence numbers come round again */
    bench_close(bench);
}

static void stations_without_end_are_bounded(void **state)
{
    (void)state;
    struct bench room, *bench = &room;
    bench_open(bench);
    for (unsigned n = 0; n < 50000; n++)
        assert_false(send_piece(bench, (uint8_t)(n * 7), (uint16_t)(n / 256), 0, 0, 600, true));
    for (unsigned n = 1; n < 16; n++) /* a thousand of them would be an MSDU of any size */
        assert_false(send_piece(bench, 1, 7, n, 0, 600, true));
    assert_true(bench->mem.total < 6u << 20);
    bench_close(bench);
}

static void an_aggregate_is_so_many_packets(void **state)
{
    (void)state;
    struct bench room, *bench = &room;
    bench_open(bench);
    uint8_t bytes[2048] = {0x88, 0x01};
    size_t len = 26;
    bytes[24] = 0x80;
    for (unsigned n = 0; n < 3; n++) {
        build_start(&frame, "0123456789", 5 + n);
        build_udp(&frame, 4, 1, 2, 5000, (uint16_t)(6000 + n));
        build_v4(&frame, 1, 2, 17);
        memcpy(build_before(&frame, 8), "\xaa\xaa\x03\0\0\0\x08", 8);
        size_t length = build_len(&frame);
        put16(build_before(&frame, 14) + 12, length);
        memcpy(bytes + len, frame.at, build_len(&frame));
        len += n < 2 ? (build_len(&frame) + 3) & ~(size_t)3 : build_len(&frame);
    }
    assert_true(bench_frame(bench, 105, bytes, len, len));
    assert_int_equal(bench->packet.dst_port, 6002); /* the last of them */
    assert_int_equal(bench->segments, 2);
    assert_int_equal(bench->given, 5 + 6 + 7);
    for (size_t cut = 26; cut < len; cut++) /* by the snap length, anywhere: the ledger closes */
        bench_frame(bench, 105, bytes, cut, len);
    bytes[26 + 12] = 0xff; /* a length past the frame */
    assert_false(bench_frame(bench, 105, bytes, len, len));
    assert_int_equal(bench->counters.fate_bytes[FATE_MALFORMED], len);
    bench_close(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_in_order_are_one_packet),
        cmocka_unit_test(a_missing_piece_loses_the_rest),
        cmocka_unit_test(an_old_piece_is_not_continued),
        cmocka_unit_test(stations_without_end_are_bounded),
        cmocka_unit_test(an_aggregate_is_so_many_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
