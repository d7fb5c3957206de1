/* nDPI's verdicts as the rest of the sensor sees them. */
/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

/* A TLS 1.2 ClientHello of OpenSSL for www.google.com, ALPN h2. */
static const uint8_t CLIENT_HELLO[] = {
    0x16, 0x03, 0x01, 0x00, 0xe0, 0x01, 0x00, 0x00, 0xdc, 0x03, 0x03, 0x43, 0x8b, 0x0e, 0x16, 0xa3,
    0x8d, 0xeb, 0xf9, 0xc4, 0xd0, 0x43, 0xcb, 0xa2, 0xc7, 0xdb, 0x97, 0x24, 0xcf, 0xae, 0xb7, 0xb0,
    0x93, 0x9e, 0x20, 0x93, 0xbd, 0x5b, 0xfe, 0x9e, 0x6d, 0xe1, 0x0e, 0x00, 0x00, 0x38, 0xc0, 0x2c,
    0xc0, 0x30, 0x00, 0x9f, 0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0, 0x2b, 0xc0, 0x2f, 0x00, 0x9e,
    0xc0, 0x24, 0xc0, 0x28, 0x00, 0x6b, 0xc0, 0x23, 0xc0, 0x27, 0x00, 0x67, 0xc0, 0x0a, 0xc0, 0x14,
    0x00, 0x39, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x33, 0x00, 0x9d, 0x00, 0x9c, 0x00, 0x3d, 0x00, 0x3c,
    0x00, 0x35, 0x00, 0x2f, 0x00, 0xff, 0x01, 0x00, 0x00, 0x7b, 0x00, 0x00, 0x00, 0x13, 0x00, 0x11,
    0x00, 0x00, 0x0e, 0x77, 0x77, 0x77, 0x2e, 0x67, 0x6f, 0x6f, 0x67, 0x6c, 0x65, 0x2e, 0x63, 0x6f,
    0x6d, 0x00, 0x0b, 0x00, 0x04, 0x03, 0x00, 0x01, 0x02, 0x00, 0x0a, 0x00, 0x0c, 0x00, 0x0a, 0x00,
    0x1d, 0x00, 0x17, 0x00, 0x1e, 0x00, 0x19, 0x00, 0x18, 0x00, 0x23, 0x00, 0x00, 0x00, 0x10, 0x00,
    0x0e, 0x00, 0x0c, 0x02, 0x68, 0x32, 0x08, 0x68, 0x74, 0x74, 0x70, 0x2f, 0x31, 0x2e, 0x31, 0x00,
    0x16, 0x00, 0x00, 0x00, 0x17, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x2a, 0x00, 0x28, 0x04, 0x03, 0x05,
    0x03, 0x06, 0x03, 0x08, 0x07, 0x08, 0x08, 0x08, 0x09, 0x08, 0x0a, 0x08, 0x0b, 0x08, 0x04, 0x08,
    0x05, 0x08, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01, 0x03, 0x03, 0x03, 0x01, 0x03, 0x02, 0x04,
    0x02, 0x05, 0x02, 0x06, 0x02,
};

struct bench {
    struct mem mem;
    struct counters counters;
    struct flow_table *table;
    unsigned classified;
    struct flow_class at_end;
    char name_at_end[256], ja3_at_end[33]; /* of the last flow that ended with a class */
    unsigned ended_with_class;
};

static void on_classified(void *user, struct flow *flow)
{
    struct bench *b = user;
    b->classified++;
    assert_non_null(flow->class);
}

static void on_end(void *user, struct flow *flow, enum flow_end how)
{
    struct bench *b = user;
    (void)how;
    assert_true(flow->classify_done || !flow->classifier);
    if (flow->class) {
        b->at_end = *flow->class;
        snprintf(b->name_at_end, sizeof(b->name_at_end), "%s", flow_server_name(flow));
        snprintf(b->ja3_at_end, sizeof(b->ja3_at_end), "%s", flow_ja3(flow));
        b->ended_with_class++;
    }
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    const struct flow_params params = {.classify = true};
    const struct flow_hooks hooks = {.user = b, .end = on_end, .classified = on_classified};
    b->table = flow_table_new(&b->mem, &b->counters, &params, &hooks);
    return b;
}

static void bench_free(struct bench *b)
{
    flow_table_flush(b->table);
    flow_table_free(b->table);
    assert_int_equal(b->mem.total, 0);
    free(b);
}

static struct flow *put(struct bench *b, enum side from, uint16_t client_port, uint16_t port,
                        uint8_t flags, const void *data, size_t len)
{
    const uint8_t inside[4] = {10, 0, 0, 1}, outside[4] = {203, 0, 113, 9};
    struct packet p = {.protocol = IPPROTO_TCP, .time_ns = 1000000000};
    struct ip_addr client = ip_from_v4(inside), server = ip_from_v4(outside);
    enum side side;
    p.src = from == SIDE_CLIENT ? client : server;
    p.dst = from == SIDE_CLIENT ? server : client;
    p.src_port = from == SIDE_CLIENT ? client_port : port;
    p.dst_port = from == SIDE_CLIENT ? port : client_port;
    p.tcp.flags = flags;
    p.tcp.window_scale = -1;
    p.payload = data;
    p.payload_len = (uint32_t)len;
    struct flow *flow = flow_table_packet(b->table, &p, &side);
    flow_table_classify(b->table, flow, side, &p);
    return flow;
}

static struct flow *say(struct bench *b, uint16_t client_port, uint16_t port, const char *request)
{
    put(b, SIDE_CLIENT, client_port, port, TCP_SYN, NULL, 0);
    return put(b, SIDE_CLIENT, client_port, port, TCP_ACK, request, strlen(request));
}

static void http_on_any_port(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct flow *flow = say(b, 1000, 8123,
                            "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n"
                            "User-Agent: curl/7.88\r\nAccept: */*\r\n\r\n");
    assert_non_null(flow->class);
    assert_string_equal(flow->class->protocol, "http");
    assert_string_equal(flow_server_name(flow), "www.example.com");
    assert_false(flow->class->encrypted);
    assert_false(flow->class->guessed);
    assert_int_equal(b->classified, 1);
    assert_int_equal(b->counters.value[COUNT_FLOW_CLASSIFIED], 1);
    bench_free(b);
}

static void tls_gives_name_and_fingerprint(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    put(b, SIDE_CLIENT, 1000, 443, TCP_SYN, NULL, 0);
    put(b, SIDE_CLIENT, 1000, 443, TCP_ACK, CLIENT_HELLO, sizeof(CLIENT_HELLO));
    flow_table_flush(b->table); /* the answer never came; what is known is kept */
    assert_int_equal(b->ended_with_class, 1);
    assert_string_equal(b->at_end.protocol, "tls");
    assert_string_equal(b->at_end.master, "TLS.Google");
    assert_string_equal(b->name_at_end, "www.google.com");
    assert_int_equal(strlen(b->ja3_at_end), 32);
    assert_true(b->at_end.encrypted);
    assert_string_equal(b->at_end.alpn, "h2,http/1.1");
    bench_free(b);
}

static void ssh_is_encrypted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    struct flow *flow = say(b, 1000, 2222, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
    static const char answer[] = "SSH-2.0-OpenSSH_8.4p1\r\n";
    flow = put(b, SIDE_SERVER, 1000, 2222, TCP_ACK, answer, sizeof(answer) - 1);
    for (int i = 0; i < 8 && !flow->class; i++)
        put(b, SIDE_CLIENT, 1000, 2222, TCP_ACK, "\0\0\5\334\6\24", 6);
    assert_non_null(flow->class);
    assert_string_equal(flow->class->protocol, "ssh");
    assert_true(flow->class->encrypted);
    bench_free(b);
}

static void noise_is_never_called_encrypted(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    uint64_t seed = 88172645463325252u;
    for (uint16_t n = 0; n < 500; n++) {
        uint8_t noise[600];
        uint16_t port = n % 3 == 0 ? 443 : n % 3 == 1 ? 4444 : 22;
        struct flow *flow = NULL;
        for (int packet = 0; packet < 10; packet++) {
            for (size_t i = 0; i < sizeof(noise); i++) {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                noise[i] = (uint8_t)seed;
            }
            flow = put(b, SIDE_CLIENT, (uint16_t)(2000 + n), port, TCP_ACK, noise, sizeof(noise));
        }
        assert_true(flow->classify_done || !flow->classifier); /* decided or given up within the cap */
        assert_true(!flow->class || !flow->class->encrypted);
    }
    bench_free(b);
}

static void a_jpeg_on_port_443_is_no_tls(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    static const uint8_t jpeg[] = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43\0";
    struct flow *flow = NULL;
    for (int i = 0; i < 10; i++)
        flow = put(b, SIDE_CLIENT, 1000, 443, TCP_ACK, jpeg, sizeof(jpeg));
    assert_true(!flow->class || (flow->class->protocol[0] == '\0' && !flow->class->encrypted));
    bench_free(b);
}

static void equal_classes_are_kept_once(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    static const char request[] = "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n";
    struct flow *first = say(b, 1, 80, request), *second = say(b, 2, 80, request);
    assert_ptr_equal(first->class, second->class);
    flow_table_end(b->table, first, FLOW_END_CLOSE);
    assert_string_equal(flow_server_name(second), "one.example");
    bench_free(b);
}

static void stopping_frees_and_tells_nobody(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    put(b, SIDE_CLIENT, 1000, 443, TCP_SYN, NULL, 0);
    struct flow *flow = put(b, SIDE_CLIENT, 1000, 443, TCP_ACK, "\x16\x03\x01", 3);
    flow_stop_classifying(b->table, flow);
    assert_true(flow->classify_done || !flow->classifier);
    put(b, SIDE_CLIENT, 1000, 443, TCP_ACK, CLIENT_HELLO, sizeof(CLIENT_HELLO));
    assert_null(flow->class);
    assert_int_equal(b->classified, 0);
    bench_free(b);
}

static void undecided_flows_are_bounded(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    for (uint32_t n = 0; n < 20000; n++)
        put(b, SIDE_CLIENT, (uint16_t)(n + 1), 9000, TCP_ACK, "hm", 2);
    assert_true(b->mem.total < 40u << 20);
    bench_free(b);
}

static void long_and_odd_payloads_are_read_in_bounds(void **state)
{
    (void)state;
    struct bench *b = bench_new();
    for (size_t len = 1; len < 70000;
         len = len * 3 + 1) { /* exact allocations: a sanitizer sees any excess */
        uint8_t *data = malloc(len);
        memset(data, 0x16, len);
        put(b, SIDE_CLIENT, (uint16_t)len, 443, TCP_ACK, data, len);
        free(data);
    }
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_on_any_port),
        cmocka_unit_test(tls_gives_name_and_fingerprint),
        cmocka_unit_test(ssh_is_encrypted),
        cmocka_unit_test(noise_is_never_called_encrypted),
        cmocka_unit_test(a_jpeg_on_port_443_is_no_tls),
        cmocka_unit_test(equal_classes_are_kept_once),
        cmocka_unit_test(stopping_frees_and_tells_nobody),
        cmocka_unit_test(undecided_flows_are_bounded),
        cmocka_unit_test(long_and_odd_payloads_are_read_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
