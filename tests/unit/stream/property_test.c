/* A known upload through a bad network: cut at random, reordered, duplicated, sent again with other
 * boundaries, in the midst of other flows, with or without the other side's acknowledgements.
 * Whatever happens, the bytes that come out are the bytes that went in. In some cases copies of other
 * bytes are mixed in: then the first copies come out, and beside them one more stream in which those
 * that came last and differ stand in their place. Everything follows from the
 * case number, so a failure names the case to run again: PROPERTY_CASES=n sets how many,
 * PROPERTY_FIRST=n where to begin. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "wire.h"

#define CASES 12000
#define UPLOAD_MAX 20000
#define PIECES_MAX 512
#define CONVERSATIONS 3

struct piece {
    uint32_t from, len;
};

struct upload {
    uint8_t data[UPLOAD_MAX];
    uint32_t len, isn;
    struct piece pieces[PIECES_MAX * 2];
    unsigned count, sent;
    uint32_t highest; /* contiguous bytes put on the wire so far: what a receiver can acknowledge */
    bool there[UPLOAD_MAX];
    bool syn_sent, answered, fin_sent;
    uint8_t *got;
    size_t got_len;
    uint32_t acked;
    uint8_t first[UPLOAD_MAX], last[UPLOAD_MAX]; /* what each reading should be */
    uint8_t other[UPLOAD_MAX];                   /* and the second one is */
    size_t other_len;
    bool conflict, other_begun, other_ended;
};

struct plan {
    uint64_t seed;
    struct upload up[CONVERSATIONS];
    bool one_sided, twice, decoys;
    int64_t now;
};

static uint32_t pick(struct plan *plan, uint32_t below)
{
    return (uint32_t)(wire_random(&plan->seed) % below);
}

static void shuffle(struct plan *plan, struct piece *pieces, unsigned count, unsigned distance)
{
    for (unsigned i = 0; i + 1 < count; i++) {
        unsigned left = count - 1 - i;
        unsigned j = i + pick(plan, (left < distance ? left : distance) + 1);
        struct piece p = pieces[i];
        pieces[i] = pieces[j];
        pieces[j] = p;
    }
}

static void plan_upload(struct plan *plan, struct upload *up)
{
    static const uint32_t most[] = {1, 3, 64, 536, 1460, 9000};
    uint32_t size = most[pick(plan, 6)];
    up->len = 1 + pick(plan, size < 64 ? 200 : UPLOAD_MAX);
    up->isn = (uint32_t)wire_random(&plan->seed);
    if (pick(plan, 3) == 0)
        up->isn = 0u - pick(plan, up->len + 2); /* wraps inside the upload */
    for (uint32_t i = 0; i < up->len; i++)
        up->data[i] = (uint8_t)wire_random(&plan->seed);
    while (size * PIECES_MAX / 2 < up->len)
        size *= 2;
    for (uint32_t at = 0; at < up->len && up->count < PIECES_MAX;) {
        uint32_t n = 1 + pick(plan, size);
        n = n < up->len - at ? n : up->len - at;
        if (up->count == PIECES_MAX - 1)
            n = up->len - at;
        up->pieces[up->count++] = (struct piece){at, n};
        at += n;
    }
    unsigned first = up->count, again = pick(plan, 4) ? pick(plan, first + 1) : 0;
    for (unsigned i = 0; i < again; i++) { /* retransmissions: copies, and other boundaries */
        struct piece p = up->pieces[pick(plan, first)];
        if (pick(plan, 2)) {
            p.from = pick(plan, up->len);
            p.len = 1 + pick(plan, up->len - p.from);
        }
        up->pieces[up->count++] = p;
    }
    static const unsigned distance[] = {0, 1, 4, PIECES_MAX * 2};
    shuffle(plan, up->pieces, up->count, distance[pick(plan, 4)]);
}

static void put(struct wire *w, unsigned number, enum side from, uint8_t flags, uint32_t seq,
                uint32_t ack, const uint8_t *data, uint32_t len)
{
    struct packet p = wire_packet(from, number, (uint16_t)(50000 + number));
    p.tcp.flags = flags;
    p.tcp.seq = seq;
    p.tcp.ack = ack;
    p.tcp.window_scale = flags & TCP_SYN ? 4 : -1;
    p.payload = data;
    p.payload_len = len;
    wire_put(w, &p);
}

/* Of a copy of known bytes: nothing, or where it differs all of it stands in the other reading. */
static void expect_copy(struct upload *up, uint32_t from, uint32_t to, const uint8_t *data)
{
    while (from < to && !up->there[from])
        from++, data++;
    while (to > from && !up->there[to - 1])
        to--;
    bool differs = false;
    for (uint32_t i = from; i < to; i++)
        differs = differs || (up->there[i] && up->first[i] != data[i - from]);
    if (differs)
        memcpy(up->last + from, data, to - from);
    up->conflict = up->conflict || differs;
}

static void expect(struct upload *up, struct piece p, const uint8_t *data)
{
    uint32_t end = p.from + p.len, edge = up->highest < p.from ? p.from : up->highest < end ? up->highest : end;
    uint32_t old = up->acked > p.from ? up->acked : p.from;
    bool probe = p.len == 1 && end == up->highest; /* a keep-alive's byte means nothing */
    for (uint32_t i = p.from; i < end; i++) {
        if (!up->there[i])
            up->first[i] = up->last[i] = data[i - p.from];
    }
    if (old < edge && !probe)
        expect_copy(up, old, edge, data + (old - p.from));
    expect_copy(up, edge, end, data + (edge - p.from));
    memset(up->there + p.from, true, p.len * sizeof(bool));
    while (up->highest < up->len && up->there[up->highest])
        up->highest++;
}

static void send_copy(struct wire *w, struct upload *up, unsigned number, struct piece p, const uint8_t *data)
{
    expect(up, p, data);
    put(w, number, SIDE_CLIENT, TCP_ACK, up->isn + 1 + p.from, S0, data, p.len);
}

static void send_piece(struct wire *w, struct plan *plan, unsigned number)
{
    struct upload *up = &plan->up[number];
    struct piece p = up->pieces[up->sent++];
    unsigned when = plan->decoys ? pick(plan, 6) : 0; /* 1 before, 2 behind, 3 both, else none */
    uint8_t decoy[UPLOAD_MAX];
    for (uint32_t i = 0; when && i < p.len; i++)
        decoy[i] = pick(plan, 3) ? up->data[p.from + i] : (uint8_t)wire_random(&plan->seed);
    if (when == 1 || when == 3)
        send_copy(w, up, number, p, decoy);
    for (int copies = plan->twice ? 2 : 1; copies; copies--)
        send_copy(w, up, number, p, up->data + p.from);
    if (when == 2 || when == 3)
        send_copy(w, up, number, p, decoy);
    if (!plan->one_sided && pick(plan, 3) == 0) {
        put(w, number, SIDE_SERVER, TCP_ACK, S0, up->isn + 1 + up->highest, NULL, 0);
        up->acked = up->highest;
    }
}

static bool step(struct wire *w, struct plan *plan, unsigned number)
{
    struct upload *up = &plan->up[number];
    if (!up->syn_sent) {
        put(w, number, SIDE_CLIENT, TCP_SYN, up->isn, 0, NULL, 0);
        up->syn_sent = true;
    } else if (!up->answered && !plan->one_sided) {
        put(w, number, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, up->isn + 1, NULL, 0);
        up->answered = true;
    } else if (up->sent < up->count) {
        send_piece(w, plan, number);
    } else if (!up->fin_sent) {
        put(w, number, SIDE_CLIENT, TCP_FIN | TCP_ACK, up->isn + 1 + up->len, S0, NULL, 0);
        if (!plan->one_sided)
            put(w, number, SIDE_SERVER, TCP_FIN | TCP_ACK, S0, up->isn + 2 + up->len, NULL, 0);
        up->fin_sent = true;
    } else {
        return false;
    }
    return true;
}

/* The sink of wire.h sees one conversation; here each flow has its own. */
static struct upload *upload_of(struct plan *plan, const struct flow *flow)
{
    return &plan->up[flow->port[SIDE_CLIENT] - 50000];
}

static void take_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                      size_t len)
{
    struct upload *up = upload_of(user, flow);
    assert_int_equal(side, SIDE_CLIENT);
    assert_true(up->got_len + len <= up->len);
    memcpy(up->got + up->got_len, data, len);
    up->got_len += len;
}

static void take_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    (void)user;
    (void)flow;
    (void)side;
    (void)len;
    fail_msg("a gap where nothing was lost");
}

static void take_conflict(void *user, struct flow *flow, enum side side, uint64_t offset,
                          const uint8_t *data, size_t len)
{
    (void)user;
    (void)flow;
    (void)side;
    (void)offset;
    (void)data;
    (void)len;
    fail_msg("a conflict where every copy was the same, or the message was kept");
}

static void take_other_begin(void *user, struct flow *flow, enum side side)
{
    struct upload *up = upload_of(user, flow);
    assert_int_equal(side, SIDE_CLIENT);
    assert_false(up->other_begun); /* one message, one other reading */
    up->other_begun = true;
}

static void take_other_data(void *user, struct flow *flow, enum side side, const uint8_t *data,
                            size_t len)
{
    struct upload *up = upload_of(user, flow);
    assert_int_equal(side, SIDE_CLIENT);
    assert_true(up->other_begun && !up->other_ended && up->other_len + len <= up->len);
    memcpy(up->other + up->other_len, data, len);
    up->other_len += len;
}

static void take_other_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    (void)side;
    (void)how;
    upload_of(user, flow)->other_ended = true;
}

static void check_upload(const struct plan *plan, const struct upload *up, unsigned long number)
{
    const uint8_t *expected = plan->decoys ? up->first : up->data;
    if (up->got_len != up->len || memcmp(up->got, expected, up->len) != 0)
        fail_msg("case %lu: %zu of %u bytes came out, or others", number, up->got_len, up->len);
    if (up->conflict != up->other_begun)
        fail_msg("case %lu: another reading without a conflict, or none with one", number);
    if (up->conflict && (!up->other_ended || up->other_len != up->len || memcmp(up->other, up->last, up->len) != 0))
        fail_msg("case %lu: %zu of %u bytes of the other reading, or others", number, up->other_len, up->len);
}

static void run_case(unsigned long number)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    plan->seed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    plan->one_sided = pick(plan, 5) == 0;
    plan->twice = pick(plan, 5) == 0;
    plan->decoys = pick(plan, 4) == 0;
    unsigned conversations = 1 + pick(plan, CONVERSATIONS);
    struct wire *w = wire_new(0, false);
    streams_free(w->streams);
    const struct stream_sink sink = {
        .user = plan, .data = take_data, .gap = take_gap, .conflict = take_conflict,
        .other_begin = take_other_begin, .other_data = take_other_data, .other_gap = take_gap,
        .other_end = take_other_end};
    w->streams = streams_new(&w->mem, &w->counters, w->table, &sink);
    for (unsigned i = 0; i < conversations; i++) {
        plan_upload(plan, &plan->up[i]);
        plan->up[i].got = malloc(plan->up[i].len);
    }
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < conversations; i++) {
            for (unsigned burst = 1 + pick(plan, 4); burst; burst--)
                more = step(w, plan, i) || more;
            w->now += pick(plan, 100) ? 1000 : 20000000; /* 20 ms now and then */
        }
    }
    uint64_t total = 0;
    for (unsigned i = 0; i < conversations; i++)
        total += plan->up[i].len;
    if (!plan->decoys) {
        assert_int_equal(w->counters.fate_bytes[FATE_INSPECTED], total);
        assert_int_equal(w->counters.fate_bytes[FATE_DUPLICATE], w->payload - total);
    }
    wire_free(w);
    for (unsigned i = 0; i < conversations; i++) {
        check_upload(plan, &plan->up[i], number);
        free(plan->up[i].got);
    }
    free(plan);
}

static void any_network_same_bytes(void **state)
{
    (void)state;
    const char *cases = getenv("PROPERTY_CASES"), *from = getenv("PROPERTY_FIRST");
    unsigned long count = cases ? strtoul(cases, NULL, 10) : CASES;
    unsigned long first = from ? strtoul(from, NULL, 10) : 0;
    for (unsigned long i = first; i < first + count; i++)
        run_case(i);
    printf("# %lu cases, from number %lu\n", count, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_network_same_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
