/* The flow table: who is the client, which bytes are content, when flows end, and what goes first
 * when memory is short. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define SECOND INT64_C(1000000000)

struct bench {
    struct mem mem;
    struct counters counters;
    struct ip_set *home;
    struct flow_table *table;
    unsigned ended[4];        /* by enum flow_end */
    uint16_t ended_ports[64]; /* of the first ones, in order */
    unsigned ended_count;
    bool unbusy_at_end;
    unsigned shed_calls;
    uint16_t rested_ports[64]; /* of the first ones, in order */
    unsigned rested_count;
};

static void on_end(void *user, struct flow *flow, enum flow_end how)
{
    struct bench *b = user;
    b->ended[how]++;
    if (b->ended_count < 64)
        b->ended_ports[b->ended_count++] = flow->port[SIDE_CLIENT];
    if (b->unbusy_at_end)
        flow_set_busy(b->table, flow, false); /* as an object does that ends with its flow */
}

static void on_rest(void *user, struct flow *flow)
{
    struct bench *b = user;
    assert_true(flow->rests);
    if (b->rested_count < 64)
        b->rested_ports[b->rested_count++] = flow->port[SIDE_CLIENT];
}

static bool on_shed(void *user)
{
    ((struct bench *)user)->shed_calls++;
    return false;
}

static struct bench *bench_new(size_t ceiling, bool inspect_both)
{
    struct bench *b = calloc(1, sizeof(*b));
    b->mem.ceiling = ceiling;
    b->home = ip_set_new();
    assert_true(ip_set_add_list(b->home, IP_HOME_DEFAULT, NULL, 0));
    const struct flow_params params = {b->home, inspect_both, false};
    const struct flow_hooks hooks = {.user = b, .end = on_end, .shed = on_shed, .rest = on_rest};
    b->table = flow_table_new(&b->mem, &b->counters, &params, &hooks);
    return b;
}

static void bench_free(struct bench *b)
{
    flow_table_flush(b->table);
    assert_int_equal(b->counters.value[COUNT_FLOW_ACTIVE], 0);
    flow_table_free(b->table);
    assert_int_equal(b->mem.total, 0);
    ip_set_free(b->home);
    free(b);
}

static struct packet between(const char *from, uint16_t from_port, const char *to, uint16_t to_port,
                             uint8_t flags)
{
    struct packet p = {.protocol = flags ? IPPROTO_TCP : IPPROTO_UDP, .time_ns = SECOND};
    assert_true(ip_parse(from, &p.src) && ip_parse(to, &p.dst));
    p.src_port = from_port;
    p.dst_port = to_port;
    p.tcp.flags = flags;
    p.tcp.window_scale = -1;
    return p;
}

static struct flow *put(struct bench *b, struct packet p, enum side *side)
{
    enum side ignored;
    return flow_table_packet(b->table, &p, side ? side : &ignored);
}

static struct flow *put_udp(struct bench *b, uint16_t port, int64_t time_ns)
{
    struct packet p = between("10.0.0.1", port, "8.8.8.8", 53, 0);
    p.time_ns = time_ns;
    return put(b, p, NULL);
}

static void both_directions_are_one_flow(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    enum side side;
    struct flow *flow = put(b, between("10.0.0.1", 40000, "93.184.216.34", 80, TCP_SYN), &side);
    assert_int_equal(side, SIDE_CLIENT);
    assert_ptr_equal(
        put(b, between("93.184.216.34", 80, "10.0.0.1", 40000, TCP_SYN | TCP_ACK), &side), flow);
    assert_int_equal(side, SIDE_SERVER);
    assert_int_equal(flow->packets[0], 1);
    assert_int_equal(flow->packets[1], 1);
    assert_false(flow->midstream);
    struct flow *other = put(b, between("10.0.0.1", 80, "93.184.216.34", 40000, TCP_SYN), &side);
    assert_ptr_not_equal(other, flow); /* ports the other way round are another flow */
    assert_ptr_not_equal(put(b, between("10.0.0.1", 40000, "93.184.216.34", 80, 0), &side), flow);
    assert_int_equal(b->counters.value[COUNT_FLOW_TCP], 2);
    assert_int_equal(b->counters.value[COUNT_FLOW_UDP], 1);
    bench_free(b);
}

static void vlan_is_not_part_of_the_key(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct packet out = between("10.0.0.1", 1, "8.8.8.8", 53, 0),
                  in = between("8.8.8.8", 53, "10.0.0.1", 1, 0);
    out.vlan_count = 1;
    out.vlan[0] = 20;
    in.vlan_count = 1;
    in.vlan[0] = 21;
    struct flow *flow = put(b, out, NULL);
    assert_ptr_equal(put(b, in, NULL), flow);
    assert_int_equal(flow->vlan[0], 20);
    bench_free(b);
}

static void content_is_what_leaves(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct flow *up = put(b, between("10.0.0.1", 2, "8.8.8.8", 80, TCP_SYN), NULL);
    assert_true(up->content[SIDE_CLIENT] && !up->content[SIDE_SERVER] && up->outbound[SIDE_CLIENT]);
    assert_string_equal(flow_direction(up, SIDE_CLIENT), "outbound");
    assert_string_equal(flow_direction(up, SIDE_SERVER), "inbound");
    struct flow *served = put(b, between("8.8.8.8", 2, "10.0.0.1", 80, TCP_SYN), NULL);
    assert_true(served->content[SIDE_SERVER] && !served->content[SIDE_CLIENT]);
    struct flow *inside = put(b, between("10.0.0.1", 2, "192.168.1.1", 80, TCP_SYN), NULL);
    assert_false(inside->content[0] || inside->content[1]);
    assert_string_equal(flow_direction(inside, SIDE_CLIENT), "internal");
    struct flow *outside = put(b, between("8.8.8.8", 2, "9.9.9.9", 80, TCP_SYN), NULL);
    assert_string_equal(flow_direction(outside, SIDE_SERVER), "external");
    struct flow *v6 = put(b, between("fd00::1", 2, "2001:db8::1", 80, TCP_SYN), NULL);
    assert_true(v6->content[SIDE_CLIENT]);
    bench_free(b);
    b = bench_new(0, true);
    inside = put(b, between("10.0.0.1", 2, "192.168.1.1", 80, TCP_SYN), NULL);
    assert_true(inside->content[0] && inside->content[1] && !inside->outbound[0]);
    bench_free(b);
}

static void identity_does_not_depend_on_the_run(void **state)
{
    (void)state;
    uint64_t id[2];
    for (int i = 0; i < 2; i++) {
        struct bench *b = bench_new(0, false);
        id[i] = put(b, between("10.0.0.1", 2, "8.8.8.8", 80, TCP_SYN), NULL)->id;
        struct packet later = between("10.0.0.1", 2, "8.8.8.8", 81, TCP_SYN);
        assert_true(put(b, later, NULL)->id != id[i]);
        bench_free(b);
    }
    assert_true(id[0] == id[1]);
    assert_true(id[0] >> 53 == 0);
}

static void silence_ends_flows(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    put_udp(b, 1, SECOND);
    put(b, between("8.8.8.8", 53, "10.0.0.1", 1, 0), NULL); /* answered: lives 60 s */
    put_udp(b, 2, SECOND);                                  /* not answered: 30 s */
    flow_table_expire(b->table, 29 * SECOND);
    assert_int_equal(b->ended_count, 0);
    flow_table_expire(b->table, 32 * SECOND);
    assert_int_equal(b->ended_count, 1);
    assert_int_equal(b->ended_ports[0], 2);
    flow_table_expire(b->table, 62 * SECOND);
    assert_int_equal(b->ended[FLOW_END_TIMEOUT], 2);
    bench_free(b);
}

static void expiry_does_not_depend_on_who_asks(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct flow *flow = put_udp(b, 1, SECOND);
    uint64_t id = flow->id;
    flow = put_udp(b, 1, 100 * SECOND); /* nobody called flow_table_expire */
    assert_true(flow->id != id);
    assert_int_equal(b->ended[FLOW_END_TIMEOUT], 1);
    bench_free(b);
}

static void one_frame_from_the_future_stops_no_clock(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    put_udp(b, 1, SECOND);
    put_udp(b, 2, INT64_MAX - 5);
    put_udp(b, 3, 2 * SECOND); /* back to the present */
    flow_table_expire(b->table, 3 * SECOND);
    unsigned before = b->ended_count;
    flow_table_expire(b->table, 40 * SECOND);
    assert_true(b->ended_count > before);
    assert_int_equal(b->counters.value[COUNT_FLOW_ACTIVE], 0);
    bench_free(b);
}

/* A time stamp of zero among others is damage, and no reason for connections to time out. */
static void one_frame_from_the_past_ends_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct flow *flow = put_udp(b, 1, 5000 * SECOND);
    put_udp(b, 2, 0);
    assert_ptr_equal(put_udp(b, 1, 5001 * SECOND), flow);
    put_udp(b, 2, 0);
    put_udp(b, 2, 0);
    assert_ptr_equal(put_udp(b, 1, 5001 * SECOND - SECOND / 2), flow); /* a little out of step, too */
    assert_int_equal(b->ended_count, 0);
    flow_table_expire(b->table, 5100 * SECOND); /* and time goes on as it did */
    assert_int_equal(b->counters.value[COUNT_FLOW_ACTIVE], 0);
    bench_free(b);
}

static void idle_flows_go_before_busy_ones(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct flow *busy = put_udp(b, 1, SECOND);
    flow_set_busy(b->table, busy, true);
    put_udp(b, 2, SECOND);
    put_udp(b, 3, SECOND);
    put(b, between("10.0.0.1", 4, "8.8.8.8", 80, TCP_SYN), NULL);
    put_udp(b, 5, SECOND); /* the current flow, never freed under its user */
    assert_true(flow_table_evict(b->table));
    assert_true(flow_table_evict(b->table));
    assert_true(flow_table_evict(b->table));
    assert_int_equal(b->ended_ports[0], 4); /* half-open connections first */
    assert_int_equal(b->ended_ports[1], 2); /* then the one silent longest */
    assert_int_equal(b->ended_ports[2], 3);
    assert_false(flow_table_evict(b->table));
    assert_true(flow_table_evict_busy(b->table));
    assert_int_equal(b->ended_ports[3], 1);
    assert_int_equal(b->ended[FLOW_END_MEMORY], 4);
    bench_free(b);
}

static void a_flow_may_turn_idle_while_it_ends(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    b->unbusy_at_end = true;
    for (uint16_t i = 0; i < 10; i++)
        flow_set_busy(b->table, put_udp(b, i, SECOND), true);
    flow_table_expire(b->table, 5000 * SECOND);
    assert_int_equal(b->ended_count, 10);
    bench_free(b);
}

static void flood_stays_under_the_ceiling(void **state)
{
    (void)state;
    struct bench *b = bench_new(8u << 20, false);
    struct flow *held = put(b, between("10.0.0.1", 9, "8.8.8.8", 443, TCP_SYN), NULL);
    flow_set_busy(b->table, held, true);
    struct packet p = between("203.0.113.0", 1, "10.0.0.1", 80, TCP_SYN);
    for (uint32_t i = 0; i < 300000; i++) {
        p.src.bytes[14] = (uint8_t)(i >> 8);
        p.src.bytes[15] = (uint8_t)i;
        p.src_port = (uint16_t)(i >> 16);
        assert_non_null(put(b, p, NULL));
    }
    assert_true(b->mem.peak <= 8u << 20);
    assert_true(b->ended[FLOW_END_MEMORY] > 100000);
    struct flow *again = put(b, between("10.0.0.1", 9, "8.8.8.8", 443, TCP_ACK), NULL);
    assert_ptr_equal(again, held);
    bench_free(b);
}

static void table_grows_without_losing_anyone(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    enum { FLOWS = 200000 };
    struct flow **flows = malloc(FLOWS * sizeof(*flows));
    struct packet p = between("10.0.0.0", 1, "8.8.8.8", 53, 0);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            p.src.bytes[13] = (uint8_t)(i >> 16);
            p.src.bytes[14] = (uint8_t)(i >> 8);
            p.src.bytes[15] = (uint8_t)i;
            struct flow *flow = put(b, p, NULL);
            if (round == 0)
                flows[i] = flow;
            assert_ptr_equal(flow, flows[i]);
        }
    }
    assert_int_equal(b->counters.value[COUNT_FLOW_ACTIVE], FLOWS);
    assert_true(b->mem.used[MEM_FLOW] / FLOWS <= 300);
    free(flows);
    bench_free(b);
}

static void flush_ends_the_oldest_first(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    put(b, between("10.0.0.1", 7, "8.8.8.8", 80, TCP_SYN), NULL);
    flow_set_busy(b->table, put_udp(b, 8, 2 * SECOND), true);
    put_udp(b, 9, 3 * SECOND);
    flow_table_flush(b->table);
    assert_int_equal(b->ended[FLOW_END_SHUTDOWN], 3);
    for (uint16_t i = 0; i < 3; i++)
        assert_int_equal(b->ended_ports[i], 7 + i);
    bench_free(b);
}

static void tricks_have_names(void **state)
{
    (void)state;
    struct flow flow = {.evasion = 1u << EVASION_CHECKSUM | 1u << EVASION_RESET};
    char text[64];
    assert_string_equal(flow_evasion_names(&flow, text, sizeof(text)), "bad_checksum,forged_reset");
    flow.evasion = 0xffff;
    flow_evasion_names(&flow, text, 10); /* cut, not overrun */
    assert_true(strlen(text) < 10);
}

/* A connection that speaks is not folded over and over; one that is silent is, once, until it speaks. */
static void silent_flows_rest_once(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    put_udp(b, 1, SECOND);
    for (int i = 0; i < 40; i++) /* every quarter of a second for ten seconds */
        put_udp(b, 2, SECOND + i * SECOND / 4);
    flow_table_expire(b->table, 11 * SECOND);
    assert_int_equal(b->rested_count, 1);
    assert_int_equal(b->rested_ports[0], 1);
    flow_table_expire(b->table, 14 * SECOND);
    flow_table_expire(b->table, 15 * SECOND);
    assert_int_equal(b->rested_count, 2);
    assert_int_equal(b->rested_ports[1], 2);
    put_udp(b, 1, 15 * SECOND);
    flow_table_expire(b->table, 16 * SECOND);
    assert_int_equal(b->rested_count, 2);
    flow_table_expire(b->table, 19 * SECOND);
    assert_int_equal(b->rested_count, 3);
    assert_int_equal(b->rested_ports[2], 1);
    bench_free(b);
}

/* When memory is short, flows rest before any is given up; not the one at work, not those that carry an object. */
static void rest_comes_before_eviction(void **state)
{
    (void)state;
    struct bench *b = bench_new(0, false);
    struct flow *busy = put_udp(b, 1, SECOND);
    flow_set_busy(b->table, busy, true);
    put_udp(b, 2, SECOND);
    struct flow *current = put_udp(b, 3, SECOND);
    put_udp(b, 4, SECOND);
    flow_table_protect(b->table, current);
    assert_true(flow_table_make_room(b->table));
    assert_int_equal(b->rested_count, 2);
    assert_int_equal(b->rested_ports[0], 2);
    assert_int_equal(b->rested_ports[1], 4);
    assert_int_equal(b->ended_count, 0);
    assert_true(flow_table_make_room(b->table)); /* all rest: now one goes */
    assert_int_equal(b->ended_count, 1);
    assert_int_equal(b->ended_ports[0], 2);
    put_udp(b, 4, SECOND); /* it speaks, and does not rest any more */
    assert_true(flow_table_make_room(b->table));
    assert_int_equal(b->rested_count, 3);
    assert_int_equal(b->rested_ports[2], 3);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_are_one_flow),
        cmocka_unit_test(vlan_is_not_part_of_the_key),
        cmocka_unit_test(content_is_what_leaves),
        cmocka_unit_test(identity_does_not_depend_on_the_run),
        cmocka_unit_test(silence_ends_flows),
        cmocka_unit_test(expiry_does_not_depend_on_who_asks),
        cmocka_unit_test(one_frame_from_the_future_stops_no_clock),
        cmocka_unit_test(one_frame_from_the_past_ends_nothing),
        cmocka_unit_test(idle_flows_go_before_busy_ones),
        cmocka_unit_test(a_flow_may_turn_idle_while_it_ends),
        cmocka_unit_test(flood_stays_under_the_ceiling),
        cmocka_unit_test(table_grows_without_losing_anyone),
        cmocka_unit_test(flush_ends_the_oldest_first),
        cmocka_unit_test(silent_flows_rest_once),
        cmocka_unit_test(rest_comes_before_eviction),
        cmocka_unit_test(tricks_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
