/* A wrong checksum is how a forged segment passes a sensor and not its receiver; and how an honest
 * one looks where the network card fills the sum in. Were they confused, an upload would hide
 * behind forgeries, or every capture made on a sending host would be empty. */
#include "frame_builder.h"
#include "packet/checksum.h"

enum sum { RIGHT, WRONG, PARTIAL, ZERO };

static struct build b;

static bool send(struct bench *bench, uint8_t src, const char *payload, enum sum sum)
{
    build_start(&b, payload, strlen(payload));
    build_tcp(&b, 4, src, 99, 1000, 80, TCP_ACK);
    uint8_t *field = b.at + 16;
    if (sum == WRONG)
        field[0] ^= 0xbe;
    if (sum == ZERO)
        put16(field, 0);
    if (sum == PARTIAL) {
        uint8_t pseudo[12] = {0};
        build_address(pseudo, 4, src);
        build_address(pseudo + 4, 4, 99);
        pseudo[9] = 6;
        put16(pseudo + 10, build_len(&b));
        put16(field, build_sum(0, pseudo, 12));
    }
    build_v4(&b, src, 99, 6);
    assert_true(bench_build(bench, 12, &b));
    return !bench->packet.bad_checksum;
}

static uint16_t sum_of(const uint8_t *bytes, size_t len)
{
    uint16_t sum = checksum_fold(checksum_add(0, bytes, len));
    return (uint16_t)(sum << 8 | sum >> 8); /* the reference reads big-endian */
}

static void test_sums_agree_with_the_definition(void **state)
{
    (void)state;
    static uint8_t bytes[70000];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t len = 0; len < 300; len++)
        assert_int_equal(sum_of(bytes + len % 7, len), build_sum(0, bytes + len % 7, len));
    assert_int_equal(sum_of(bytes, 69999), build_sum(0, bytes, 69999));
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(sum_of(bytes, 70000), 0xffff);
}

static void test_forgery_beside_right_ones_is_set_aside(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_true(send(&bench, 1, "", RIGHT));
    assert_true(send(&bench, 1, "", RIGHT));
    assert_false(send(&bench, 1, "forged", WRONG));
    assert_false(send(&bench, 1, "forged", ZERO));
    assert_false(send(&bench, 1, "", PARTIAL)); /* a forged reset */
    assert_true(send(&bench, 1, "true", RIGHT));
    assert_int_equal(bench.counters.value[COUNT_PACKET_BAD_CHECKSUM], 3);
    bench_close(&bench);
}

static void test_offloading_sender_is_believed(void **state)
{
    (void)state;
    static const enum sum kinds[] = {WRONG, PARTIAL, ZERO};
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        bench_open(&bench);
        for (int n = 0; n < 100; n++) {
            assert_true(send(&bench, 1, n < 2 ? "" : "upload", kinds[i]));
            assert_true(send(&bench, 2, "answer", RIGHT));
        }
        assert_int_equal(bench.counters.value[COUNT_PACKET_BAD_CHECKSUM], 0);
        bench_close(&bench);
    }
}

/* Receive offload leaves the partial sum on merged segments only. */
static void test_merged_segments_are_believed(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int n = 0; n < 50; n++)
        assert_true(send(&bench, 1, "one", RIGHT));
    assert_true(send(&bench, 1, "merged", PARTIAL));
    bench_close(&bench);
}

/* On an honest tap a stranger's first segment is no exception. */
static void test_stranger_on_an_honest_tap(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int n = 0; n < 300; n++)
        assert_true(send(&bench, 1, "one", RIGHT));
    assert_false(send(&bench, 2, "forged", WRONG));
    bench_close(&bench);
}

static void test_header_sum(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    for (int n = 0; n < 4; n++)
        assert_true(send(&bench, 1, "right", RIGHT));
    put16(b.at + 10, 0x1234);
    assert_false(bench_build(&bench, 12, &b));
    put16(b.at + 10, 0);
    assert_false(bench_build(&bench, 12, &b));
    assert_int_equal(bench.counters.fate_packets[FATE_MALFORMED], 2);
    build_address(b.at + 12, 4, 7); /* another sender, all of whose headers are without */
    for (int n = 0; n < 10; n++)
        assert_true(bench_build(&bench, 12, &b));
    bench_close(&bench);
}

/* UDP without a checksum, and one that is cut, cannot be wrong. */
static void test_not_verified(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_true(send(&bench, 1, "right", RIGHT));
    build_start(&b, "datagram", 8);
    build_udp(&b, 4, 1, 99, 1, 2);
    put16(b.at + 6, 0);
    build_v4(&b, 1, 99, 17);
    assert_true(bench_build(&bench, 12, &b));
    assert_false(bench.packet.bad_checksum);
    put16(b.at + 26, 0x1111);
    assert_true(bench_build(&bench, 12, &b));
    assert_true(bench.packet.bad_checksum);
    assert_true(bench_frame(&bench, 12, b.at, build_len(&b) - 1, build_len(&b)));
    assert_false(bench.packet.bad_checksum);
    assert_int_equal(bench.packet.payload_cut, 1);
    bench_close(&bench);
}

/* What a card is to split shows a length of zero; in a frame of ordinary size that is damage. */
static void test_unsplit_segment(void **state)
{
    (void)state;
    static char large[9000];
    struct bench bench;
    bench_open(&bench);
    memset(large, 'x', sizeof(large) - 1);
    assert_true(send(&bench, 1, large, RIGHT));
    put16(b.at + 2, 0);
    build_v4_sum(b.at);
    assert_true(bench_build(&bench, 12, &b));
    assert_int_equal(bench.packet.payload_len, sizeof(large) - 1);
    assert_true(send(&bench, 1, "small", RIGHT));
    put16(b.at + 2, 0);
    build_v4_sum(b.at);
    assert_false(bench_build(&bench, 12, &b));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_agree_with_the_definition),
        cmocka_unit_test(test_forgery_beside_right_ones_is_set_aside),
        cmocka_unit_test(test_offloading_sender_is_believed),
        cmocka_unit_test(test_merged_segments_are_believed),
        cmocka_unit_test(test_stranger_on_an_honest_tap),
        cmocka_unit_test(test_header_sum),
        cmocka_unit_test(test_not_verified),
        cmocka_unit_test(test_unsplit_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
