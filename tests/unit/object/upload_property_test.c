/* A known upload as frames through a bad network: cut at random, reordered, duplicated, sent again, in fragments, in
 * the midst of other uploads, over paths of two lengths, with or without the other side's answers. Whatever happens,
 * the object that comes out is whole and its SHA-256 is the upload's. Everything follows from the case number:
 * PROPERTY_CASES=n sets how many, PROPERTY_FIRST=n where to begin. (tests/unit/stream/property_test.c asks the same of
 * the stream alone.) */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "object.h"
#include "packet.h"
#include "packet/checksum.h"
#include "stream.h"

#define CASES 10000
#define BODY_MAX 12000
#define MESSAGE_MAX (BODY_MAX * 2 + 4096)
#define PIECES_MAX 160
#define UPLOADS 3
#define SERVER_ISN 9000u

struct piece {
    uint32_t from, len;
};

struct upload {
    uint8_t digest[SHA256_DIGEST_LENGTH], message[MESSAGE_MAX];
    uint32_t len, isn;
    struct piece pieces[PIECES_MAX * 2];
    bool there[MESSAGE_MAX];
    uint32_t highest; /* what a receiver can acknowledge */
    unsigned count, sent, step, whole;
};

struct bench {
    uint64_t seed;
    struct mem mem;
    struct counters counters;
    struct ip_set *home;
    struct packet_decoder *decoder;
    struct flow_table *flows;
    struct streams *streams;
    struct apps *apps;
    struct object_env *objects;
    struct upload uploads[UPLOADS];
    int64_t now;
    uint64_t captured;
    uint16_t ident;
    bool one_sided, twice, in_fragments, two_ways;
};

static uint32_t pick(struct bench *b, uint32_t below) /* xorshift64* (Vigna 2016) */
{
    b->seed ^= b->seed >> 12;
    b->seed ^= b->seed << 25;
    b->seed ^= b->seed >> 27;
    return (uint32_t)((b->seed * UINT64_C(2685821657736338717) >> 32) % below);
}

/* ---- the pipeline, as the worker wires it ---- */

static void on_flow_end(void *user, struct flow *flow, enum flow_end how)
{
    struct bench *b = user;
    stream_flow_end(b->streams, flow, how);
    app_flow_end(b->apps, flow);
}

static void on_begin(void *user, struct object *object)
{
    (void)user;
    (void)object;
}

static void on_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    (void)user;
    (void)object;
    (void)data;
    (void)len;
}

static void on_gap(void *user, struct object *object, uint64_t len)
{
    (void)user;
    (void)object;
    fail_msg("a gap of %llu bytes where nothing was lost", (unsigned long long)len);
}

static void on_end(void *user, struct object *object)
{
    struct bench *b = user;
    struct upload *up = &b->uploads[object->flow->port[SIDE_CLIENT] - 50000];
    assert_int_equal(object->state, OBJECT_CLOSED);
    assert_true(object->has_sha256);
    assert_memory_equal(object->sha256, up->digest, sizeof(up->digest));
    up->whole++;
}

static void bench_open(struct bench *b)
{
    const struct flow_params params = {NULL, false, false};
    struct flow_params with_home = params;
    const struct flow_hooks hooks = {.user = b, .end = on_flow_end};
    const struct object_limits limits = {1u << 20, 8, 200};
    const struct object_observer observer = {b, on_begin, on_data, on_gap, on_end};
    b->home = ip_set_new();
    ip_set_add(b->home, "10.0.0.0/8");
    with_home.home = b->home;
    b->decoder = packet_decoder_new(&b->mem, &b->counters);
    b->flows = flow_table_new(&b->mem, &b->counters, &with_home, &hooks);
    b->objects = object_env_new(&b->mem, &b->counters, &limits, &observer);
    const struct object_sink sink = object_env_sink(b->objects);
    b->apps = apps_new(&b->mem, &b->counters, b->flows, &sink);
    const struct stream_sink streams = apps_sink(b->apps);
    b->streams = streams_new(&b->mem, &b->counters, b->flows, &streams);
}

static void bench_close(struct bench *b)
{
    flow_table_free(b->flows);
    streams_free(b->streams);
    apps_free(b->apps);
    object_env_free(b->objects);
    packet_decoder_free(b->decoder);
    ip_set_free(b->home);
}

/* ---- frames ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static void take_frame(struct bench *b, const uint8_t *data, uint32_t len)
{
    const struct frame frame = {.data = data, .captured = len, .length = len, .time_ns = b->now, .link_type = 12};
    struct packet packet;
    enum side side;
    b->captured += len;
    object_env_clock(b->objects, b->now);
    if (packet_decode(b->decoder, &frame, &packet)) {
        struct flow *flow = flow_table_packet(b->flows, &packet, &side);
        stream_packet(b->streams, flow, side, &packet);
    }
    assert_int_equal(counters_fate_total(&b->counters), b->captured);
}

/* `body` is a whole TCP segment; addresses and identification are in `head`. */
static void put_ip(struct bench *b, const uint8_t head[20], const uint8_t *body, uint32_t len, uint32_t offset,
                   bool more)
{
    static uint8_t frame[70000];
    memcpy(frame, head, 20);
    put16(frame + 2, 20 + len);
    put16(frame + 6, (more ? 0x2000u : 0) | offset / 8);
    put16(frame + 10, 0);
    uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, frame, 20));
    memcpy(frame + 10, &sum, 2);
    memcpy(frame + 20, body + offset, len);
    take_frame(b, frame, 20 + len);
}

static void put_segment(struct bench *b, unsigned number, enum side from, uint8_t flags, uint32_t seq, uint32_t ack,
                        const uint8_t *data, uint32_t len)
{
    static uint8_t body[MESSAGE_MAX + 32];
    uint8_t head[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_TCP}, tail[4] = {0, IPPROTO_TCP};
    const uint8_t inside[4] = {10, 0, 0, (uint8_t)(number + 1)}, outside[4] = {203, 0, 113, 9};
    put16(head + 4, ++b->ident);
    memcpy(head + 12, from == SIDE_CLIENT ? inside : outside, 4);
    memcpy(head + 16, from == SIDE_CLIENT ? outside : inside, 4);
    if (b->two_ways && pick(b, 2)) /* routers enough on one of them to look like a decoy */
        head[8] = 20;
    memset(body, 0, 20);
    put16(body + (from == SIDE_CLIENT ? 0 : 2), 50000 + number);
    put16(body + (from == SIDE_CLIENT ? 2 : 0), 80);
    put32(body + 4, seq);
    put32(body + 8, ack);
    body[12] = 0x50;
    body[13] = flags;
    put16(body + 14, 65535);
    if (len)
        memcpy(body + 20, data, len);
    put16(tail + 2, 20 + len);
    uint64_t sum = checksum_add(checksum_add(checksum_add(0, head + 12, 8), tail, 4), body, 20 + len);
    uint16_t folded = (uint16_t)~checksum_fold(sum);
    memcpy(body + 16, &folded, 2);

    uint32_t total = 20 + len, unit = b->in_fragments && total > 64 ? 8 * (3 + pick(b, 60)) : total;
    uint32_t count = (total + unit - 1) / unit, first = pick(b, count);
    for (uint32_t i = 0; i < count; i++) { /* from any one on, around */
        uint32_t offset = (first + i) % count * unit, n = total - offset < unit ? total - offset : unit;
        put_ip(b, head, body, n, offset, offset + n < total);
    }
}

/* ---- an upload ---- */

static uint32_t append(struct upload *up, const void *data, size_t len)
{
    memcpy(up->message + up->len, data, len);
    up->len += (uint32_t)len;
    return up->len;
}

static void write_message(struct bench *b, struct upload *up)
{
    static uint8_t body[BODY_MAX];
    char head[200];
    uint32_t len = 1 + pick(b, BODY_MAX);
    bool chunked = pick(b, 3) == 0;
    for (uint32_t i = 0; i < len; i++)
        body[i] = (uint8_t)pick(b, 256);
    SHA256(body, len, up->digest);
    int n = chunked ? snprintf(head, sizeof(head), "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n")
                    : snprintf(head, sizeof(head), "PUT /a HTTP/1.1\r\nHost: b\r\nContent-Length: %u\r\n\r\n", len);
    append(up, head, (size_t)n);
    for (uint32_t at = 0; at < len;) {
        uint32_t take = chunked ? 100 + pick(b, 5000) : len;
        take = take < len - at ? take : len - at;
        if (chunked)
            append(up, head, (size_t)snprintf(head, sizeof(head), "%x\r\n", take));
        append(up, body + at, take);
        at += take;
        if (chunked)
            append(up, "\r\n", 2);
    }
    if (chunked)
        append(up, "0\r\n\r\n", 5);
}

static void plan_upload(struct bench *b, struct upload *up)
{
    static const uint32_t most[] = {200, 536, 1460, 9000}, reach[] = {0, 1, 4, PIECES_MAX * 2};
    uint32_t size = most[pick(b, 4)];
    memset(up, 0, sizeof(*up));
    write_message(b, up);
    up->isn = pick(b, 3) ? pick(b, UINT32_MAX) : 0u - pick(b, up->len + 2); /* wraps inside */
    while (size * PIECES_MAX / 2 < up->len)
        size *= 2;
    for (uint32_t at = 0; at < up->len;) {
        uint32_t n = up->count == PIECES_MAX - 1 ? up->len : 1 + pick(b, size);
        n = n < up->len - at ? n : up->len - at;
        up->pieces[up->count++] = (struct piece){at, n};
        at += n;
    }
    for (unsigned again = pick(b, up->count), first = up->count; again; again--) {
        struct piece p = up->pieces[pick(b, first)];
        if (pick(b, 2)) { /* with other boundaries */
            p.from = pick(b, up->len);
            p.len = 1 + pick(b, up->len - p.from < 9000 ? up->len - p.from : 9000);
        }
        up->pieces[up->count++] = p;
    }
    for (unsigned i = 0, far = reach[pick(b, 4)]; i + 1 < up->count; i++) {
        unsigned left = up->count - 1 - i, j = i + pick(b, (left < far ? left : far) + 1);
        struct piece p = up->pieces[i];
        up->pieces[i] = up->pieces[j];
        up->pieces[j] = p;
    }
}

static void send_piece(struct bench *b, unsigned number)
{
    struct upload *up = &b->uploads[number];
    struct piece p = up->pieces[up->sent++];
    for (int copies = b->twice ? 2 : 1; copies; copies--)
        put_segment(b, number, SIDE_CLIENT, TCP_ACK, up->isn + 1 + p.from, SERVER_ISN + 1, up->message + p.from,
                    p.len);
    memset(up->there + p.from, true, p.len);
    while (up->highest < up->len && up->there[up->highest])
        up->highest++;
    if (!b->one_sided && pick(b, 3) == 0)
        put_segment(b, number, SIDE_SERVER, TCP_ACK, SERVER_ISN + 1, up->isn + 1 + up->highest, NULL, 0);
}

static bool step(struct bench *b, unsigned number)
{
    struct upload *up = &b->uploads[number];
    uint32_t end = up->isn + 1 + up->len;
    if (up->step == 2 && up->sent < up->count) {
        send_piece(b, number);
        return true;
    }
    switch (up->step++) {
    case 0:
        put_segment(b, number, SIDE_CLIENT, TCP_SYN, up->isn, 0, NULL, 0);
        return true;
    case 1:
        if (!b->one_sided)
            put_segment(b, number, SIDE_SERVER, TCP_SYN | TCP_ACK, SERVER_ISN, up->isn + 1, NULL, 0);
        return true;
    case 2:
        put_segment(b, number, SIDE_CLIENT, TCP_FIN | TCP_ACK, end, SERVER_ISN + 1, NULL, 0);
        if (!b->one_sided)
            put_segment(b, number, SIDE_SERVER, TCP_FIN | TCP_ACK, SERVER_ISN + 1, end + 1, NULL, 0);
        return true;
    default:
        return false;
    }
}

static void run_case(struct bench *b, unsigned long number)
{
    b->seed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    b->one_sided = pick(b, 5) == 0;
    b->twice = pick(b, 5) == 0;
    b->in_fragments = pick(b, 4) == 0;
    b->two_ways = pick(b, 4) == 0;
    unsigned uploads = 1 + pick(b, UPLOADS);
    for (unsigned i = 0; i < uploads; i++)
        plan_upload(b, &b->uploads[i]);
    for (bool more = true; more;) {
        more = false;
        for (unsigned i = 0; i < uploads; i++) {
            for (unsigned burst = 1 + pick(b, 4); burst; burst--)
                more = step(b, i) || more;
            b->now += pick(b, 100) ? 1000 : 20000000; /* 20 ms now and then */
        }
    }
    flow_table_flush(b->flows);
    packet_expire(b->decoder, INT64_MAX);
    for (unsigned i = 0; i < uploads; i++) {
        if (b->uploads[i].whole != 1)
            fail_msg("case %lu: upload %u came out %u times", number, i, b->uploads[i].whole);
    }
}

static void any_network_same_digest(void **state)
{
    (void)state;
    const char *cases = getenv("PROPERTY_CASES"), *from = getenv("PROPERTY_FIRST");
    unsigned long count = cases ? strtoul(cases, NULL, 10) : CASES;
    unsigned long first = from ? strtoul(from, NULL, 10) : 0;
    struct bench *b = calloc(1, sizeof(*b));
    b->now = INT64_C(1000000000);
    bench_open(b);
    for (unsigned long i = first; i < first + count; i++)
        run_case(b, i);
    bench_close(b);
    assert_int_equal(b->mem.total, 0);
    printf("# %lu cases, from number %lu\n", count, first);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_network_same_digest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
