/* What a sender has sent lately: every flow of a pair together, ten minutes and no longer, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tally.h"

#define MINUTE (60 * INT64_C(1000000000))

struct bench {
    struct mem mem;
    struct counters counters;
    struct tallies *tallies;
    struct fact_set facts;
};

static void open_bench(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->tallies = tallies_new(&b->mem, &b->counters);
}

static void close_bench(struct bench *b)
{
    tallies_free(b->tallies);
    assert_int_equal(b->mem.total, 0);
}

static struct flow flow_to(uint32_t receiver, uint64_t id)
{
    struct flow flow = {.id = id};
    flow.addr[SIDE_CLIENT] = ip_from_v4((const uint8_t[]){10, 0, 0, 1});
    flow.addr[SIDE_SERVER] = ip_from_v4((const uint8_t[]){203, (uint8_t)(receiver >> 16), (uint8_t)(receiver >> 8),
                                                          (uint8_t)receiver});
    return flow;
}

static int64_t bytes_of(struct bench *b, const struct flow *flow, enum side sender, int64_t now_ns)
{
    fact_set_clear(&b->facts);
    tally_facts(b->tallies, flow, sender, now_ns, &b->facts);
    return fact_int(&b->facts, FACT_bytes_from_sender);
}

static void test_flows_of_a_pair_add_up(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b);
    struct flow one = flow_to(1, 1), two = flow_to(1, 2), other = flow_to(2, 257); /* 1 and 257 share a place */
    tally_bytes(b.tallies, &one, SIDE_CLIENT, 100, MINUTE);
    tally_bytes(b.tallies, &two, SIDE_CLIENT, 20, MINUTE);
    tally_bytes(b.tallies, &other, SIDE_CLIENT, 3, MINUTE);
    tally_bytes(b.tallies, &one, SIDE_SERVER, 7, MINUTE); /* the other way is another pair */
    assert_int_equal(bytes_of(&b, &one, SIDE_CLIENT, MINUTE), 120);
    assert_int_equal(bytes_of(&b, &two, SIDE_CLIENT, MINUTE), 120);
    assert_int_equal(bytes_of(&b, &one, SIDE_SERVER, MINUTE), 7);
    assert_int_equal(bytes_of(&b, &other, SIDE_CLIENT, MINUTE), 3);
    tallies_clear(b.tallies);
    assert_int_equal(bytes_of(&b, &one, SIDE_CLIENT, MINUTE), 0);
    close_bench(&b);
}

static void test_ten_minutes(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b);
    struct flow flow = flow_to(1, 1);
    for (int minute = 0; minute < 30; minute++) {
        tally_bytes(b.tallies, &flow, SIDE_CLIENT, 1, minute * MINUTE + 5);
        assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, minute * MINUTE + 6), minute < 10 ? minute + 1 : 10);
    }
    assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, 33 * MINUTE), 6);
    assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, 32 * MINUTE), 6); /* a clock that goes back changes nothing */
    assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, 1000 * MINUTE), 0);
    tally_bytes(b.tallies, &flow, SIDE_CLIENT, 9, 1001 * MINUTE);
    assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, 1001 * MINUTE), 9);
    close_bench(&b);
}

static void test_pictures_and_records_count_once(void **state)
{
    struct bench b;
    struct tallied seen = {0, 0};
    struct fact_set shown;
    (void)state;
    open_bench(&b);
    struct flow flow = flow_to(1, 1);
    struct object object = {.flow = &flow, .sender = SIDE_CLIENT};
    fact_set_clear(&shown);
    tally_object(b.tallies, &object, &shown, &seen, MINUTE);
    fact_set_int(&shown, FACT_image_valid, 1);
    fact_set_int(&shown, FACT_plate_row_count, 3);
    tally_object(b.tallies, &object, &shown, &seen, MINUTE);
    tally_object(b.tallies, &object, &shown, &seen, MINUTE);
    fact_set_int(&shown, FACT_plate_row_count, 10);
    fact_set_int(&shown, FACT_image_count, 2);
    fact_set_int(&shown, FACT_biometric_records, 50); /* not proved */
    tally_object(b.tallies, &object, &shown, &seen, MINUTE);
    assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, MINUTE), 0);
    assert_int_equal(fact_int(&b.facts, FACT_images_from_sender), 2);
    assert_int_equal(fact_int(&b.facts, FACT_records_from_sender), 10);
    struct tallied fresh = {0, 0};
    object.opened = true; /* its members count themselves */
    tally_object(b.tallies, &object, &shown, &fresh, MINUTE);
    bytes_of(&b, &flow, SIDE_CLIENT, MINUTE);
    assert_int_equal(fact_int(&b.facts, FACT_images_from_sender), 2);
    close_bench(&b);
}

static void test_the_silent_pair_makes_room(void **state)
{
    struct bench b;
    (void)state;
    open_bench(&b);
    struct flow first = flow_to(0, 0), second = flow_to(1, 1);
    tally_bytes(b.tallies, &first, SIDE_CLIENT, 5, MINUTE);
    tally_bytes(b.tallies, &second, SIDE_CLIENT, 6, MINUTE);
    tally_bytes(b.tallies, &first, SIDE_CLIENT, 5, MINUTE); /* so the second is the oldest */
    for (uint32_t i = 2; i <= TALLY_PAIRS_MAX; i++) {
        struct flow flow = flow_to(i, i);
        tally_bytes(b.tallies, &flow, SIDE_CLIENT, 1, MINUTE);
    }
    assert_int_equal(b.counters.value[COUNT_FLOW_TALLIES_EVICTED], 1);
    assert_int_equal(bytes_of(&b, &first, SIDE_CLIENT, MINUTE), 10);
    assert_int_equal(bytes_of(&b, &second, SIDE_CLIENT, MINUTE), 0);
    b.mem.ceiling = b.mem.total; /* memory refuses: the oldest makes room */
    tallies_clear(b.tallies);
    b.mem.ceiling = 70000;
    for (uint32_t i = 0; i < 2000; i++) {
        struct flow flow = flow_to(i, i);
        tally_bytes(b.tallies, &flow, SIDE_CLIENT, 1, MINUTE);
        assert_int_equal(bytes_of(&b, &flow, SIDE_CLIENT, MINUTE), 1);
    }
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flows_of_a_pair_add_up),
        cmocka_unit_test(test_ten_minutes),
        cmocka_unit_test(test_pictures_and_records_count_once),
        cmocka_unit_test(test_the_silent_pair_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
