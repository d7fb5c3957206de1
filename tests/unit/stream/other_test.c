/* The other reading of a side whose copies differ. Where it began too late or ended early, an object that only it
 * shows would be missed; where it began without a conflict, every upload would be read twice. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "wire.h"

#define FATE_OF(w, id) ((w)->counters.fate_bytes[FATE_##id])

struct bench {
    struct wire *w;
    unsigned begun, ended, conflicts;
    enum stream_end how;
    bool message_over; /* say so after the next data */
    char text[256]; /* since the last beginning; a gap of n bytes as "[n]" */
};

static void on_data(void *user, struct flow *flow, enum side side, const uint8_t *data, size_t len)
{
    struct bench *b = user;
    wire_data(b->w, flow, side, data, len);
    if (b->message_over)
        stream_message_over(flow, side);
    b->message_over = false;
}

static void on_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    wire_gap(((struct bench *)user)->w, flow, side, len);
}

static void on_conflict(void *user, struct flow *flow, enum side side, uint64_t offset,
                        const uint8_t *data, size_t len)
{
    struct bench *b = user;
    b->conflicts++;
    wire_conflict(b->w, flow, side, offset, data, len);
}

static void on_other_begin(void *user, struct flow *flow, enum side side)
{
    struct bench *b = user;
    assert_true(flow->conflict);
    assert_int_equal(side, SIDE_CLIENT);
    b->begun++;
    b->text[0] = '\0';
}

static void on_other_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                          size_t len)
{
    struct bench *b = user;
    (void)flow;
    (void)side;
    strncat(b->text, (const char *)data, len);
}

static void on_other_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    struct bench *b = user;
    (void)flow;
    (void)side;
    size_t at = strlen(b->text);
    snprintf(b->text + at, sizeof(b->text) - at, "[%u]", (unsigned)len);
}

static void on_other_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    struct bench *b = user;
    (void)flow;
    (void)side;
    b->ended++;
    b->how = how;
}

static struct wire *opened(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    struct wire *w = b->w = wire_new(0, false);
    const struct stream_sink sink = {.user = b,
                                     .data = on_data,
                                     .gap = on_gap,
                                     .conflict = on_conflict,
                                     .other_begin = on_other_begin,
                                     .other_data = on_other_data,
                                     .other_gap = on_other_gap,
                                     .other_end = on_other_end};
    streams_free(w->streams);
    w->streams = streams_new(&w->mem, &w->counters, w->table, &sink);
    wire_handshake(w);
    return w;
}

static void it_begins_with_the_message_and_waits_for_acknowledgement(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    wire_text(w, SIDE_CLIENT, C0, S0, "POST ");
    wire_ack(w, SIDE_SERVER, S0, C0 + 5); /* so its bytes are kept for the message's sake alone */
    wire_text(w, SIDE_CLIENT, C0 + 5, S0, "decoy");
    assert_int_equal(b.begun, 0);
    wire_text(w, SIDE_CLIENT, C0 + 5, S0, "photo");
    assert_int_equal(b.begun, 1);
    assert_string_equal(b.text, "POST "); /* the rest may change yet */
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "ix"); /* and does */
    wire_text(w, SIDE_CLIENT, C0 + 10, S0, ".jpg");
    wire_ack(w, SIDE_SERVER, S0, C0 + 10);
    assert_string_equal(b.text, "POST pixto");
    wire_ack(w, SIDE_SERVER, S0, C0 + 14);
    assert_string_equal(b.text, "POST pixto.jpg");
    assert_true(wire_got(w, SIDE_CLIENT, "POST decoy.jpg"));
    assert_int_equal(FATE_OF(w, INSPECTED), 5 + 5 + 5 + 2 + 4); /* each captured byte once */
    wire_tcp(w, SIDE_CLIENT, TCP_FIN | TCP_ACK, C0 + 14, S0, NULL, 0);
    wire_tcp(w, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, C0 + 15, NULL, 0);
    assert_int_equal(b.ended, 1);
    assert_int_equal(b.how, STREAM_FIN);
    assert_int_equal(b.conflicts, 0);
    wire_free(w);
}

static void the_last_bytes_come_with_the_end(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0, S0, "xyz");
    flow_table_flush(w->table);
    assert_string_equal(b.text, "xyz");
    assert_int_equal(b.how, STREAM_CUT);
    wire_free(w);
}

static void it_goes_back_to_where_the_message_began(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    b.message_over = true;
    wire_text(w, SIDE_CLIENT, C0, S0, "first;");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "second");
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "SECOND");
    wire_ack(w, SIDE_SERVER, S0, C0 + 12);
    assert_string_equal(b.text, "SECOND");
    wire_free(w);
}

static void an_end_nobody_acknowledged_is_none_yet(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    b.message_over = true;
    wire_text(w, SIDE_CLIENT, C0, S0, "first;");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "ST;"); /* behind the message's end, and it changes it */
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    assert_string_equal(b.text, "firST;");
    wire_free(w);
}

static void early_copies_wait_for_their_place(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "def");
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "DEF");
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    assert_string_equal(b.text, "abcDEF");
    assert_true(wire_got(w, SIDE_CLIENT, "abcdef"));
    wire_free(w);
}

static void gaps_stand_in_both(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    wire_text(w, SIDE_CLIENT, C0, S0, "abc");
    wire_text(w, SIDE_CLIENT, C0, S0, "ABC");
    wire_text(w, SIDE_CLIENT, C0 + 7, S0, "xyz");
    wire_ack(w, SIDE_SERVER, S0, C0 + 10);
    w->now += 3 * WIRE_SECOND;
    streams_expire(w->streams, w->now);
    assert_string_equal(b.text, "ABC[4]xyz");
    wire_text(w, SIDE_CLIENT, C0 + 10, S0, "pqr");
    wire_text(w, SIDE_CLIENT, C0 + 10, S0, "PQR"); /* the same reading goes on */
    wire_ack(w, SIDE_SERVER, S0, C0 + 13);
    assert_string_equal(b.text, "ABC[4]xyzPQR");
    assert_int_equal(b.begun, 1);
    wire_free(w);
}

static void without_the_message_the_copy_is_shown_alone(void **state)
{
    (void)state;
    struct bench b;
    struct wire *w = opened(&b);
    wire_text(w, SIDE_CLIENT, C0 + 3, S0, "abc"); /* three bytes are never captured */
    wire_ack(w, SIDE_SERVER, S0, C0 + 6);
    w->now += 3 * WIRE_SECOND;
    streams_expire(w->streams, w->now);
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "def");
    wire_text(w, SIDE_CLIENT, C0 + 6, S0, "DEF");
    assert_int_equal(b.begun, 0);
    assert_int_equal(b.conflicts, 1);
    assert_memory_equal(w->side[0].conflict, "DEF", 3);
    wire_free(w);
}

static void more_than_four_megabytes_are_not_kept(void **state)
{
    (void)state;
    struct bench b;
    static uint8_t data[65000];
    struct wire *w = opened(&b);
    w->keep = false;
    uint32_t at = C0;
    for (unsigned i = 0; i < 100; i++, at += sizeof(data)) {
        wire_tcp(w, SIDE_CLIENT, TCP_ACK, at, S0, data, sizeof(data));
        wire_ack(w, SIDE_SERVER, S0, at + sizeof(data));
        assert_true(w->mem.used[MEM_REASSEMBLY] < 6u << 20);
    }
    assert_true(w->mem.used[MEM_REASSEMBLY] < 256u << 10);
    wire_text(w, SIDE_CLIENT, at, S0, "def");
    wire_text(w, SIDE_CLIENT, at, S0, "DEF");
    assert_int_equal(b.conflicts, 1);
    wire_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_the_message_and_waits_for_acknowledgement),
        cmocka_unit_test(the_last_bytes_come_with_the_end),
        cmocka_unit_test(it_goes_back_to_where_the_message_began),
        cmocka_unit_test(an_end_nobody_acknowledged_is_none_yet),
        cmocka_unit_test(early_copies_wait_for_their_place),
        cmocka_unit_test(gaps_stand_in_both),
        cmocka_unit_test(without_the_message_the_copy_is_shown_alone),
        cmocka_unit_test(more_than_four_megabytes_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
