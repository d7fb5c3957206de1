/* What TCP does on a messy or hostile wire: each test names what a user would lose if it failed. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wire.h"

#define COUNTER_OF(w, id) ((w)->counters.value[COUNT_##id])
#define FATE_OF(w, id) ((w)->counters.fate_bytes[FATE_##id])
#define HAS_EVASION(w, id) ((w)->flow->evasion >> EVASION_##id & 1)

static struct wire *opened(void)
{
    struct wire *w = wire_new(0, false);
    wire_handshake(w);
    return w;
}

static void in_order_passes_through(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "POST ");
    wire_text(w, SIDE_CLIENT, C0 + 5, S0, "/up");
    wire_text(w, SIDE_SERVER, S0, C0 + 8, "200");
    assert_true(wire_got(w, SIDE_CLIENT, "POST /up"));
    assert_true(wire_got(w, SIDE_SERVER, "200"));
    assert_int_equal(FATE_OF(w, INSPECTED), 8);
    assert_int_equal(FATE_OF(w, INBOUND), 3);
    assert_false(w->flow->midstream);
    wire_free(w);
}

static void both_fins_end_both_sides(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "hello");
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 5, S0, NULL, 0);
    assert_int_equal(w->side[0].ends, 0); /* nobody confirmed it yet */
    wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, C0 + 6, NULL, 0);
    assert_int_equal(w->side[0].ends, 1);
    assert_int_equal(w->side[0].how, STREAM_FIN);
    wire_ack(w, SIDE_CLIENT, C0 + 6, S0 + 1);
    assert_int_equal(w->side[1].ends, 1);
    assert_int_equal(w->side[1].how, STREAM_FIN);
    assert_int_equal(w->flows_ended, 0); /* late copies are still this flow's */
    wire_text(w, SIDE_CLIENT, C0, S0, "hello");
    assert_int_equal(FATE_OF(w, DUPLICATE), 5);
    flow_table_expire(w->table, w->now + 3 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    assert_int_equal(w->how, FLOW_END_CLOSE);
    assert_int_equal(w->side[0].ends, 1);
    wire_free(w);
}

static void reordered_segments_come_out_in_order(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    assert_int_equal(w->side[0].len, 0);
    assert_int_equal(FATE_OF(w, LOST_GAP), 6);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefghi"));
    assert_int_equal(FATE_OF(w, INSPECTED), 9);
    assert_int_equal(FATE_OF(w, LOST_GAP), 0);
    assert_int_equal(COUNTER_OF(w, STREAM_OUT_OF_ORDER), 2);
    wire_free(w);
}

static void sequence_numbers_wrap(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, 0xfffffffdu, 0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, 0xfffffff0u, 0xfffffffeu, NULL, 0);
    wire_text(w, SIDE_CLIENT, 2, 0xfffffff1u, "efgh");
    wire_text(w, SIDE_CLIENT, 0xfffffffeu, 0xfffffff1u, "abcd");
    wire_text(w, SIDE_SERVER, 0xfffffff1u, 6, "0123456789abcdefXYZ");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefgh"));
    assert_true(wire_got(w, SIDE_SERVER, "0123456789abcdefXYZ"));
    assert_int_equal(COUNTER_OF(w, STREAM_GAPS), 0);
    wire_free(w);
}

static void midstream_begins_at_first_data(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_ack(w, SIDE_SERVER, 900, 77000);
    wire_text(w, SIDE_CLIENT, 78000, 900, "abc");
    wire_text(w, SIDE_CLIENT, 78003, 900, "def");
    wire_ack(w, SIDE_SERVER, 900, 78006);
    assert_true(w->flow->midstream);
    assert_int_equal(COUNTER_OF(w, FLOW_MIDSTREAM), 1);
    assert_int_equal(COUNTER_OF(w, STREAM_GAPS), 0);
    assert_true(wire_got(w, SIDE_SERVER,
                         "abcdef")); /* the acknowledgement made the server the flow's client */
    wire_free(w);
}

static void first_bytes_lost_behind_an_answered_syn_are_a_gap(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    w->now += 3 * WIRE_SECOND;
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    assert_int_equal(w->side[0].gap_bytes, 3); /* else what follows would count as whole */
    wire_free(w);
}

static void syn_ack_first_makes_its_receiver_the_client(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    assert_int_equal(w->flow->port[SIDE_SERVER], 80);
    assert_false(w->flow->midstream);
    wire_free(w);
}

static void forged_syn_ack_does_not_turn_the_flow_around(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN | TCP_ACK, 77, 88, NULL, 0);
    wire_handshake(w);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_int_equal(w->flow->port[SIDE_CLIENT], 40000);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    wire_free(w);
}

static void one_sided_capture_delivers_without_acknowledgements(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 9, S0, NULL, 0);
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefghi"));
    flow_table_expire(w->table, w->now + 6 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    assert_int_equal(w->side[0].how, STREAM_FIN);
    assert_int_equal(w->side[1].how, STREAM_CUT);
    wire_free(w);
}

static void keep_alive_probes_are_no_conflict(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_ACK, C0 + 2, S0, "\0", 1);
    wire_tcp(w, SIDE_CLIENT, TCP_ACK, C0 + 2, S0, NULL, 0);
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 0);
    assert_int_equal(FATE_OF(w, DUPLICATE), 1);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    wire_free(w);
}

static void window_probe_is_its_byte(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "d");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 0);
    assert_int_equal(FATE_OF(w, DUPLICATE), 1);
    wire_free(w);
}

static void packets_captured_twice_are_duplicates(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    for (int i = 0; i < 2; i++)
        wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    for (int i = 0; i < 2; i++)
        wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    for (int i = 0; i < 2; i++)
        wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    for (int i = 0; i < 2; i++)
        wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 3, S0, NULL, 0);
    for (int i = 0; i < 2; i++)
        wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, C0 + 4, NULL, 0);
    for (int i = 0; i < 2; i++)
        wire_ack(w, SIDE_CLIENT, C0 + 4, S0 + 1);
    assert_int_equal(COUNTER_OF(w, FLOW_CREATED), 1);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    assert_int_equal(FATE_OF(w, DUPLICATE), 3);
    assert_int_equal(w->counters.fate_packets[FATE_DUPLICATE], 1);
    assert_int_equal(w->side[0].ends, 1);
    assert_int_equal(w->side[1].ends, 1);
    wire_free(w);
}

static void retransmission_with_other_boundaries_is_a_duplicate(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_text(w, SIDE_CLIENT, C0 + 1, S0, "bcdefgh");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefgh"));
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 0);
    assert_int_equal(FATE_OF(w, DUPLICATE), 5);
    assert_int_equal(FATE_OF(w, INSPECTED), 8);
    wire_free(w);
}

static void conflict_with_delivered_bytes_shows_the_other_reading(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "innocent");
    wire_text(w, SIDE_CLIENT, C0 + 2, S0, "PIC"); /* other bytes, other boundaries */
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 1);
    assert_int_equal(w->side[0].conflict_offset, 2);
    assert_memory_equal(w->side[0].conflict, "PIC", 3);
    assert_true(w->flow->conflict);
    assert_true(HAS_EVASION(w, OVERLAP));
    assert_true(wire_got(w, SIDE_CLIENT, "innocent"));
    assert_int_equal(FATE_OF(w, INSPECTED), 11);
    wire_free(w);
}

static void conflict_among_early_segments(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_text(w, SIDE_CLIENT, C0 + 4, S0, "XYZ");
    assert_int_equal(w->side[0].conflicts, 1);
    assert_int_equal(w->side[0].conflict_offset, 4);
    assert_int_equal(w->side[0].conflict_len, 2);
    wire_text(w, SIDE_CLIENT, C0, S0, "abcD"); /* in order, and over an early byte */
    assert_int_equal(w->side[0].conflicts, 2);
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefZ"));
    assert_int_equal(FATE_OF(w, INSPECTED), 10);
    wire_free(w);
}

static void acknowledged_bytes_cannot_conflict(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_ack(w, SIDE_SERVER, S0, C0 + 3);
    wire_text(w, SIDE_CLIENT, C0, S0, "xyz");
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 0);
    assert_int_equal(FATE_OF(w, DUPLICATE), 3);
    wire_free(w);
}

static void bad_checksum_gives_way_to_the_sound_copy(void **state)
{
    (void)state;
    struct wire *w = opened();
    struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
    p.tcp.flags = TCP_ACK;
    p.tcp.seq = C0;
    p.tcp.ack = S0;
    p.bad_checksum = true;
    p.payload = (const uint8_t *)"fake";
    p.payload_len = 4;
    wire_put(w, &p);
    assert_int_equal(w->side[0].len, 0);
    assert_int_equal(FATE_OF(w, MALFORMED), 4);
    wire_text(w, SIDE_CLIENT, C0, S0, "real");
    assert_true(wire_got(w, SIDE_CLIENT, "real"));
    assert_int_equal(w->side[0].conflicts, 1);
    assert_memory_equal(w->side[0].conflict, "fake", 4);
    assert_true(HAS_EVASION(w, CHECKSUM));
    wire_free(w);
}

static void bad_checksum_that_was_acknowledged_was_data(void **state)
{
    (void)state;
    struct wire *w = opened();
    struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
    p.tcp.flags = TCP_ACK;
    p.tcp.seq = C0;
    p.bad_checksum = true;
    p.payload = (const uint8_t *)"data";
    p.payload_len = 4;
    wire_put(w, &p);
    wire_ack(w, SIDE_SERVER, S0, C0 + 4);
    assert_true(wire_got(w, SIDE_CLIENT, "data"));
    assert_int_equal(FATE_OF(w, INSPECTED), 4);
    assert_int_equal(FATE_OF(w, MALFORMED), 0);
    wire_free(w);
}

static void bad_checksum_reset_and_fin_do_nothing(void **state)
{
    (void)state;
    struct wire *w = opened();
    for (int i = 0; i < 2; i++) {
        struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
        p.tcp.flags = i ? TCP_FIN | TCP_ACK : TCP_RST;
        p.tcp.seq = C0;
        p.bad_checksum = true;
        wire_put(w, &p);
    }
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    flow_table_expire(w->table, w->now + 20 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 0);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    wire_free(w);
}

static void unagreed_signature_is_set_aside(void **state)
{
    (void)state;
    struct wire *w = opened();
    struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
    p.tcp.flags = TCP_ACK;
    p.tcp.seq = C0;
    p.tcp.has_md5 = true;
    p.payload = (const uint8_t *)"fake";
    p.payload_len = 4;
    wire_put(w, &p);
    wire_text(w, SIDE_CLIENT, C0, S0, "real");
    assert_true(wire_got(w, SIDE_CLIENT, "real"));
    assert_true(HAS_EVASION(w, MD5));
    assert_int_equal(w->side[0].conflicts, 1);
    wire_free(w);
}

static void agreed_signature_is_data(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    for (int i = 0; i < 3; i++) {
        struct packet p = wire_packet(i == 1 ? SIDE_SERVER : SIDE_CLIENT, 0, 179);
        p.tcp.has_md5 = true;
        p.tcp.flags = i == 0 ? TCP_SYN : i == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
        p.tcp.seq = i == 0 ? CLIENT_ISN : i == 1 ? SERVER_ISN : C0;
        p.tcp.ack = i == 0 ? 0 : i == 1 ? C0 : S0;
        p.payload = i == 2 ? (const uint8_t *)"open" : NULL;
        p.payload_len = i == 2 ? 4 : 0;
        wire_put(w, &p);
    }
    assert_true(wire_got(w, SIDE_CLIENT, "open"));
    assert_int_equal(w->flow->evasion, 0);
    wire_free(w);
}

static void put_stamped(struct wire *w, enum side from, uint8_t flags, uint32_t seq, uint32_t ack,
                        uint32_t stamp, uint32_t echo, const char *text)
{
    struct packet p = wire_packet(from, 0, 40000);
    p.tcp.flags = flags;
    p.tcp.seq = seq;
    p.tcp.ack = ack;
    p.tcp.has_timestamp = true;
    p.tcp.timestamp = stamp;
    p.tcp.timestamp_echo = echo;
    p.payload = (const uint8_t *)text;
    p.payload_len = (uint32_t)strlen(text);
    wire_put(w, &p);
}

static void old_timestamp_is_set_aside(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    put_stamped(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, 5000, 0, "");
    put_stamped(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, 9000, 5000, "");
    put_stamped(w, SIDE_CLIENT, TCP_ACK, C0, S0, 4000, 9000, "fake");
    assert_int_equal(w->side[0].len, 0);
    put_stamped(w, SIDE_CLIENT, TCP_ACK, C0, S0, 5001, 9000, "real");
    assert_true(wire_got(w, SIDE_CLIENT, "real"));
    assert_true(HAS_EVASION(w, TIMESTAMP));
    /* A stamp from the far future must not make the real ones look old. */
    put_stamped(w, SIDE_CLIENT, TCP_ACK, C0 + 4, S0, 900000, 9000, "FAKE");
    put_stamped(w, SIDE_CLIENT, TCP_ACK, C0 + 4, S0, 5002, 9000, "more");
    put_stamped(w, SIDE_CLIENT, TCP_ACK, C0 + 8, S0, 5003, 9000, "last");
    assert_int_equal(w->side[0].len, 12);
    assert_memory_equal(w->side[0].conflict, "more", 4); /* both readings came out */
    wire_free(w);
}

static void data_without_ack_flag_is_set_aside(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_tcp(w, SIDE_CLIENT, TCP_PSH, C0, 0, "fake", 4);
    wire_text(w, SIDE_CLIENT, C0, S0, "real");
    assert_true(wire_got(w, SIDE_CLIENT, "real"));
    assert_true(HAS_EVASION(w, NO_ACK));
    wire_free(w);
}

static void wild_acknowledgement_is_set_aside(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0 + 0x30000000, "fake");
    wire_text(w, SIDE_CLIENT, C0, S0, "real");
    assert_true(wire_got(w, SIDE_CLIENT, "real"));
    assert_true(HAS_EVASION(w, ACK));
    wire_text(w, SIDE_SERVER, S0 + 3, C0 + 4, "def"); /* not thought acknowledged, so no gap */
    wire_text(w, SIDE_SERVER, S0, C0 + 4, "abc");
    wire_ack(w, SIDE_CLIENT, C0 + 4, S0 + 6);
    assert_true(wire_got(w, SIDE_SERVER, "abcdef"));
    wire_free(w);
}

static void acknowledgement_of_all_that_was_sent_is_not_wild(void **state)
{
    (void)state;
    struct wire *w = opened();
    static char block[50000];
    memset(block, 'x', sizeof block);
    for (uint32_t i = 0; i < 8; i++)
        wire_tcp(w, SIDE_CLIENT, TCP_ACK, C0 + i * 50000, S0, block, sizeof block);
    wire_text(w, SIDE_SERVER, S0, C0 + 400000, "answer"); /* the only acknowledgement captured */
    assert_true(wire_got(w, SIDE_SERVER, "answer"));
    assert_int_equal(w->flow->evasion, 0);
    wire_free(w);
}

static void fast_open_data_taken_by_the_server(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, "GET /", 5);
    assert_int_equal(w->side[0].len, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0 + 5, NULL, 0);
    assert_true(wire_got(w, SIDE_CLIENT, "GET /"));
    wire_text(w, SIDE_CLIENT, C0 + 5, S0, " HTTP");
    assert_true(wire_got(w, SIDE_CLIENT, "GET / HTTP"));
    assert_int_equal(FATE_OF(w, INSPECTED), 10);
    assert_int_equal(w->flow->evasion, 0);
    wire_free(w);
}

static void fast_open_data_refused_and_sent_again(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, "GET /", 5);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "GET / HTTP");
    assert_true(wire_got(w, SIDE_CLIENT, "GET / HTTP"));
    assert_int_equal(FATE_OF(w, DUPLICATE), 5);
    assert_int_equal(COUNTER_OF(w, STREAM_CONFLICTS), 0);
    wire_free(w);
}

static void false_syn_data_does_not_hide_the_real(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, "fake!", 5);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "real data");
    assert_true(wire_got(w, SIDE_CLIENT, "real data"));
    assert_true(HAS_EVASION(w, SYN_DATA));
    wire_free(w);
}

static void fast_open_in_a_one_sided_capture(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, "GET /", 5);
    wire_text(w, SIDE_CLIENT, C0 + 5, S0, " HTTP");
    assert_true(wire_got(w, SIDE_CLIENT, "GET / HTTP"));
    wire_free(w);
}

static void the_syn_that_was_answered_counts(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, 0x11111111, 0, NULL, 0);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, 0x22222222, 0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    assert_int_equal(COUNTER_OF(w, FLOW_CREATED), 1);
    wire_free(w);
}

static void forged_syn_inside_a_connection(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, 0x33333333, 0, "junk", 4);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    assert_int_equal(COUNTER_OF(w, FLOW_CREATED), 1);
    assert_int_equal(FATE_OF(w, MALFORMED), 4);
    assert_true(HAS_EVASION(w, SYN));
    wire_free(w);
}

static void same_ports_again_after_close(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 3, S0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, C0 + 4, NULL, 0);
    wire_ack(w, SIDE_CLIENT, C0 + 4, S0 + 1);
    uint64_t id = w->flow->id;
    w->now++;
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN + 900000, 0, NULL, 0);
    assert_int_equal(w->flows_ended, 1);
    assert_true(w->flow->id != id);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, 42, CLIENT_ISN + 900001, NULL, 0);
    wire_text(w, SIDE_CLIENT, CLIENT_ISN + 900001, 43, "def");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    wire_free(w);
}

static void same_ports_again_without_a_seen_end(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_ack(w, SIDE_SERVER, S0, C0 + 3);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, 777, 0, NULL, 0);
    assert_int_equal(w->flows_ended, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, 42, 778, NULL, 0);
    assert_int_equal(w->flows_ended, 1);
    wire_text(w, SIDE_CLIENT, 778, 43, "def");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    assert_int_equal(w->flow->port[SIDE_CLIENT], 40000);
    wire_free(w);
}

static void simultaneous_open(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, true);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN, SERVER_ISN, 0, NULL, 0);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN | TCP_ACK, CLIENT_ISN, S0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, C0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_SERVER, S0, C0 + 3, "def");
    assert_int_equal(COUNTER_OF(w, FLOW_CREATED), 1);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    assert_true(wire_got(w, SIDE_SERVER, "def"));
    wire_free(w);
}

static void urgent_data_is_inline(void **state)
{
    (void)state;
    struct wire *w = opened();
    struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
    p.tcp.flags = TCP_ACK | TCP_URG;
    p.tcp.urgent = 1;
    p.tcp.seq = C0;
    p.tcp.ack = S0;
    p.payload = (const uint8_t *)"abc";
    p.payload_len = 3;
    wire_put(w, &p);
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    wire_free(w);
}

static void reset_ends_the_connection(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_SERVER, TCP_RST, S0, 0, NULL, 0);
    flow_table_expire(w->table, w->now + 6 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    assert_int_equal(w->side[0].how, STREAM_RST);
    assert_int_equal(w->how, FLOW_END_CLOSE);
    assert_int_equal(COUNTER_OF(w, STREAM_REJECTED_RESETS), 0);
    wire_free(w);
}

static void refused_connection_ends_soon(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    wire_tcp(w, SIDE_CLIENT, TCP_SYN, CLIENT_ISN, 0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_RST | TCP_ACK, 0, C0, NULL, 0);
    flow_table_expire(w->table, w->now + 6 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    wire_free(w);
}

static void reset_with_a_wrong_number_is_rejected(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_RST, C0 + 1000, 0, NULL,
             0); /* in the window, which is not enough */
    wire_tcp(w, SIDE_SERVER, TCP_RST, S0 + 1, 0, NULL, 0);
    assert_int_equal(COUNTER_OF(w, STREAM_REJECTED_RESETS), 2);
    assert_true(HAS_EVASION(w, RESET));
    flow_table_expire(w->table, w->now + 20 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 0);
    wire_free(w);
}

static void reset_the_connection_survives_was_forged(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_RST, C0 + 3, 0, NULL, 0); /* the right number, and a short TTL */
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    flow_table_expire(w->table, w->now + 20 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 0);
    assert_int_equal(w->side[0].ends, 0);
    assert_int_equal(COUNTER_OF(w, STREAM_REJECTED_RESETS), 1);
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    assert_true(HAS_EVASION(w, RESET));
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefghi"));
    wire_free(w);
}

static void fin_out_of_sequence_waits(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 6, S0, NULL, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_ack(w, SIDE_SERVER, S0, C0 + 3);
    assert_int_equal(w->side[0].ends, 0);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0 + 7);
    assert_int_equal(w->side[0].ends, 1);
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    wire_free(w);
}

static void fin_the_connection_survives_was_forged(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 3, S0, NULL, 0); /* right number, short TTL */
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 5, S0, NULL, 0); /* inside what is to come */
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    assert_int_equal(w->side[0].ends, 0);
    assert_true(wire_got(w, SIDE_CLIENT, "abcdefghi"));
    assert_true(HAS_EVASION(w, FIN));
    wire_free(w);
}

static void out_of_window_data_is_set_aside(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 10000000, S0, "far");
    assert_int_equal(FATE_OF(w, MALFORMED), 3);
    assert_true(HAS_EVASION(w, WINDOW));
    wire_text(w, SIDE_CLIENT, C0 - 100, S0, "old");
    assert_int_equal(FATE_OF(w, MALFORMED), 6);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_true(wire_got(w, SIDE_CLIENT, "abc"));
    assert_int_equal(COUNTER_OF(w, STREAM_GAPS), 0);
    wire_free(w);
}

static void hole_the_receiver_acknowledged_is_a_gap(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ghi");
    wire_ack(w, SIDE_SERVER, S0, C0 + 9);
    assert_int_equal(w->side[0].len, 3); /* the other tap may only be late */
    w->now += 3 * WIRE_SECOND;
    wire_text(w, SIDE_CLIENT, C0 + 9, S0, "jkl");
    assert_int_equal(w->side[0].gaps, 1);
    assert_int_equal(w->side[0].gap_bytes, 3);
    assert_memory_equal(w->side[0].data, "abc\0\0\0ghijkl", 12);
    assert_true(w->flow->gaps);
    assert_int_equal(COUNTER_OF(w, STREAM_GAP_BYTES), 3);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def"); /* too late */
    assert_int_equal(FATE_OF(w, LOST_GAP), 3);
    wire_free(w);
}

static void hole_is_given_up_between_packets(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    streams_expire(w->streams, w->now + WIRE_SECOND);
    assert_int_equal(w->side[0].len, 0);
    streams_expire(w->streams, w->now + 3 * WIRE_SECOND);
    assert_int_equal(w->side[0].len, 6);
    assert_int_equal(w->side[0].gaps, 1);
    wire_free(w);
}

static void hole_the_receiver_lacks_too_is_waited_for(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_ack(w, SIDE_SERVER, S0, C0);
    w->now += 60 * WIRE_SECOND; /* retransmission timers back off */
    wire_ack(w, SIDE_SERVER, S0, C0);
    streams_expire(w->streams, w->now);
    assert_int_equal(w->side[0].gaps, 0);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    wire_free(w);
}

static void missing_end_is_a_gap_before_the_fin(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 10, S0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, C0 + 11, NULL, 0);
    wire_ack(w, SIDE_CLIENT, C0 + 11, S0 + 1);
    flow_table_expire(w->table, w->now + 3 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    assert_int_equal(w->side[0].gap_bytes, 7);
    assert_int_equal(w->side[0].how, STREAM_FIN);
    wire_free(w);
}

static void timeout_delivers_what_is_held(void **state)
{
    (void)state;
    struct wire *w = opened();
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    flow_table_expire(w->table, w->now + 700 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    assert_int_equal(w->how, FLOW_END_TIMEOUT);
    assert_int_equal(w->side[0].len, 6);
    assert_int_equal(w->side[0].how, STREAM_CUT);
    assert_int_equal(FATE_OF(w, INSPECTED), 3);
    wire_free(w);
}

static void snap_length_is_a_gap(void **state)
{
    (void)state;
    struct wire *w = opened();
    struct packet p = wire_packet(SIDE_CLIENT, 0, 40000);
    p.tcp.flags = TCP_ACK;
    p.tcp.seq = C0;
    p.tcp.ack = S0;
    p.payload = (const uint8_t *)"abc";
    p.payload_len = 3;
    p.payload_cut = 7;
    wire_put(w, &p);
    wire_text(w, SIDE_CLIENT, C0 + 10, S0, "xyz");
    assert_int_equal(w->side[0].gap_bytes, 7);
    assert_int_equal(w->side[0].len, 13);
    wire_free(w);
}

static void opaque_flows_are_only_counted(void **state)
{
    (void)state;
    struct wire *w = opened();
    w->go_opaque = true;
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def"); /* early when the flow turns opaque */
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0 + 10, S0, "ghi");
    wire_text(w, SIDE_SERVER, S0, C0 + 13, "in");
    assert_int_equal(w->side[0].len, 3);
    assert_int_equal(FATE_OF(w, INSPECTED), 3);
    assert_int_equal(FATE_OF(w, OPAQUE), 6);
    assert_int_equal(FATE_OF(w, INBOUND), 2);
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 13, S0 + 2, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0 + 2, C0 + 14, NULL, 0);
    wire_ack(w, SIDE_CLIENT, C0 + 14, S0 + 3);
    flow_table_expire(w->table, w->now + 3 * WIRE_SECOND);
    assert_int_equal(w->flows_ended, 1);
    wire_free(w);
}

/* Two taps out of step: a decoder that saw a reply before its command would take the one for another's. */
static void answers_wait_for_what_they_answer(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, true);
    wire_handshake(w);
    wire_text(w, SIDE_SERVER, S0, C0 + 4, "354 ");
    wire_text(w, SIDE_CLIENT, C0 + 4, S0 + 8, "body");     /* early, and answers what comes late */
    wire_text(w, SIDE_SERVER, S0 + 8, C0 + 8, "250 ");
    assert_string_equal(w->order, "");
    wire_text(w, SIDE_CLIENT, C0, S0, "DATA");
    assert_string_equal(w->order, "cs");
    wire_text(w, SIDE_SERVER, S0 + 4, C0 + 4, "more");
    assert_string_equal(w->order, "csscs");
    assert_true(wire_got(w, SIDE_CLIENT, "DATAbody") && wire_got(w, SIDE_SERVER, "354 more250 "));
    assert_int_equal(w->side[0].gaps + w->side[1].gaps, 0);
    wire_free(w);
}

/* What they answer may have been lost: the wait has an end, and a reset behind it fits. */
static void answers_do_not_wait_for_ever(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, true);
    wire_handshake(w);
    wire_text(w, SIDE_SERVER, S0, C0 + 4, "answer");
    flow_table_expire(w->table, w->now += WIRE_SECOND);
    streams_expire(w->streams, w->now);
    assert_string_equal(w->order, "");
    streams_expire(w->streams, w->now += 2 * WIRE_SECOND);
    assert_string_equal(w->order, "s");
    wire_text(w, SIDE_SERVER, S0 + 6, C0 + 9, "again");
    wire_tcp(w, SIDE_SERVER, TCP_RST | TCP_ACK, S0 + 11, C0 + 9, NULL, 0);
    assert_int_equal(w->flow->evasion, 0);
    flow_table_expire(w->table, w->now + 6 * WIRE_SECOND);
    assert_true(wire_got(w, SIDE_SERVER, "answeragain"));
    assert_int_equal(w->side[1].how, STREAM_RST);
    assert_int_equal(w->side[0].gap_bytes, 9);
    wire_free(w);
}

static void datagrams_pass(void **state)
{
    (void)state;
    struct wire *w = wire_new(0, false);
    for (int i = 0; i < 2; i++) {
        struct packet p = wire_packet(SIDE_CLIENT, 0, 53);
        p.protocol = IPPROTO_UDP;
        p.payload = (const uint8_t *)"query";
        p.payload_len = 5;
        p.bad_checksum = i;
        wire_put(w, &p);
    }
    assert_int_equal(w->side[0].datagrams, 1);
    assert_int_equal(FATE_OF(w, INSPECTED), 5);
    assert_int_equal(FATE_OF(w, MALFORMED), 5);
    wire_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_passes_through),
        cmocka_unit_test(both_fins_end_both_sides),
        cmocka_unit_test(reordered_segments_come_out_in_order),
        cmocka_unit_test(sequence_numbers_wrap),
        cmocka_unit_test(midstream_begins_at_first_data),
        cmocka_unit_test(first_bytes_lost_behind_an_answered_syn_are_a_gap),
        cmocka_unit_test(syn_ack_first_makes_its_receiver_the_client),
        cmocka_unit_test(forged_syn_ack_does_not_turn_the_flow_around),
        cmocka_unit_test(one_sided_capture_delivers_without_acknowledgements),
        cmocka_unit_test(keep_alive_probes_are_no_conflict),
        cmocka_unit_test(window_probe_is_its_byte),
        cmocka_unit_test(packets_captured_twice_are_duplicates),
        cmocka_unit_test(retransmission_with_other_boundaries_is_a_duplicate),
        cmocka_unit_test(conflict_with_delivered_bytes_shows_the_other_reading),
        cmocka_unit_test(conflict_among_early_segments),
        cmocka_unit_test(acknowledged_bytes_cannot_conflict),
        cmocka_unit_test(bad_checksum_gives_way_to_the_sound_copy),
        cmocka_unit_test(bad_checksum_that_was_acknowledged_was_data),
        cmocka_unit_test(bad_checksum_reset_and_fin_do_nothing),
        cmocka_unit_test(unagreed_signature_is_set_aside),
        cmocka_unit_test(agreed_signature_is_data),
        cmocka_unit_test(old_timestamp_is_set_aside),
        cmocka_unit_test(data_without_ack_flag_is_set_aside),
        cmocka_unit_test(wild_acknowledgement_is_set_aside),
        cmocka_unit_test(acknowledgement_of_all_that_was_sent_is_not_wild),
        cmocka_unit_test(fast_open_data_taken_by_the_server),
        cmocka_unit_test(fast_open_data_refused_and_sent_again),
        cmocka_unit_test(false_syn_data_does_not_hide_the_real),
        cmocka_unit_test(fast_open_in_a_one_sided_capture),
        cmocka_unit_test(the_syn_that_was_answered_counts),
        cmocka_unit_test(forged_syn_inside_a_connection),
        cmocka_unit_test(same_ports_again_after_close),
        cmocka_unit_test(same_ports_again_without_a_seen_end),
        cmocka_unit_test(simultaneous_open),
        cmocka_unit_test(urgent_data_is_inline),
        cmocka_unit_test(reset_ends_the_connection),
        cmocka_unit_test(refused_connection_ends_soon),
        cmocka_unit_test(reset_with_a_wrong_number_is_rejected),
        cmocka_unit_test(reset_the_connection_survives_was_forged),
        cmocka_unit_test(fin_out_of_sequence_waits),
        cmocka_unit_test(fin_the_connection_survives_was_forged),
        cmocka_unit_test(out_of_window_data_is_set_aside),
        cmocka_unit_test(hole_the_receiver_acknowledged_is_a_gap),
        cmocka_unit_test(hole_is_given_up_between_packets),
        cmocka_unit_test(hole_the_receiver_lacks_too_is_waited_for),
        cmocka_unit_test(missing_end_is_a_gap_before_the_fin),
        cmocka_unit_test(timeout_delivers_what_is_held),
        cmocka_unit_test(snap_length_is_a_gap),
        cmocka_unit_test(opaque_flows_are_only_counted),
        cmocka_unit_test(datagrams_pass),
        cmocka_unit_test(answers_wait_for_what_they_answer),
        cmocka_unit_test(answers_do_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
