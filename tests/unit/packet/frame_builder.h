/* Frames made by hand, from the inside out: every function puts one more header before what is
 * there. */
#ifndef TEST_FRAME_BUILDER_H
#define TEST_FRAME_BUILDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "log.h"
#include "packet.h"

#define BUILD_ROOM 70000

struct build {
    uint8_t room[BUILD_ROOM];
    uint8_t *at; /* first byte of what is built; it ends with the room */
};

static inline size_t build_len(const struct build *b)
{
    return (size_t)(b->room + BUILD_ROOM - b->at);
}

static inline uint8_t *build_before(struct build *b, size_t n)
{
    assert_true((size_t)(b->at - b->room) >= n);
    b->at -= n;
    memset(b->at, 0, n);
    return b->at;
}

static inline void build_start(struct build *b, const void *payload, size_t len)
{
    b->at = b->room + BUILD_ROOM;
    memcpy(build_before(b, len), payload, len);
}

static inline void build_bytes(struct build *b, const void *bytes, size_t n)
{
    memcpy(build_before(b, n), bytes, n);
}

static inline void build_append(struct build *b, size_t n)
{
    memmove(b->at - n, b->at, build_len(b));
    b->at -= n;
    memset(b->room + BUILD_ROOM - n, 0x55, n);
}

static inline void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static inline uint32_t build_sum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* Hosts are numbers: 10.0.0.N and fd00::N. */
static inline void build_address(uint8_t *p, int version, uint8_t host)
{
    memset(p, 0, version == 4 ? 4 : 16);
    p[0] = version == 4 ? 10 : 0xfd;
    p[version == 4 ? 3 : 15] = host;
}

static inline void build_transport_sum(struct build *b, int version, uint8_t protocol, size_t field,
                                       uint8_t src, uint8_t dst)
{
    uint8_t pseudo[40] = {0};
    build_address(pseudo, version, src);
    build_address(pseudo + 16, version, dst);
    put16(pseudo + 34, build_len(b));
    pseudo[39] = protocol;
    uint32_t sum = build_sum(build_sum(0, pseudo, 40), b->at, build_len(b));
    put16(b->at + field, ~sum & 0xffff);
}

static inline void build_tcp(struct build *b, int version, uint8_t src, uint8_t dst,
                             uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
    uint8_t *h = build_before(b, 20);
    put16(h, src_port);
    put16(h + 2, dst_port);
    put32(h + 4, 1000);
    h[12] = 0x50;
    h[13] = flags;
    put16(h + 14, 65535);
    build_transport_sum(b, version, 6, 16, src, dst);
}

static inline void build_udp(struct build *b, int version, uint8_t src, uint8_t dst,
                             uint16_t src_port, uint16_t dst_port)
{
    size_t len = build_len(b) + 8;
    uint8_t *h = build_before(b, 8);
    put16(h, src_port);
    put16(h + 2, dst_port);
    put16(h + 4, len);
    build_transport_sum(b, version, 17, 6, src, dst);
}

static inline void build_v4_sum(uint8_t *h)
{
    put16(h + 10, 0);
    put16(h + 10, ~build_sum(0, h, 20) & 0xffff);
}

static inline void build_v4(struct build *b, uint8_t src, uint8_t dst, uint8_t protocol)
{
    size_t len = build_len(b) + 20;
    uint8_t *h = build_before(b, 20);
    h[0] = 0x45;
    put16(h + 2, len);
    h[8] = 64;
    h[9] = protocol;
    build_address(h + 12, 4, src);
    build_address(h + 16, 4, dst);
    build_v4_sum(h);
}

static inline void build_v6(struct build *b, uint8_t src, uint8_t dst, uint8_t next)
{
    size_t len = build_len(b);
    uint8_t *h = build_before(b, 40);
    h[0] = 0x60;
    put16(h + 4, len);
    h[6] = next;
    h[7] = 64;
    build_address(h + 8, 6, src);
    build_address(h + 24, 6, dst);
}

static inline void build_type(struct build *b, uint16_t type)
{
    put16(build_before(b, 2), type);
}

static inline void build_ethernet(struct build *b, uint16_t type)
{
    build_type(b, type);
    memcpy(build_before(b, 12), "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
}

static inline void build_vlan(struct build *b, uint16_t tag, uint16_t type)
{
    build_type(b, type);
    build_type(b, tag);
}

/* The decoder under test, with the ledger checked after every frame. */
struct bench {
    struct mem mem;
    struct counters counters;
    struct packet_decoder *decoder;
    struct packet packet;
    uint8_t *
        copy; /* the frame in a block of its very size, so that a sanitizer sees one byte too far */
    uint64_t segments; /* of frames behind their first packet */
    uint64_t given; /* payload bytes handed to the caller so far */
    uint64_t given_frames;
    int64_t time_ns;
};

static inline void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    log_set_level(LOG_ERROR);
    bench->decoder = packet_decoder_new(&bench->mem, &bench->counters);
    bench->time_ns = INT64_C(1700000000000000000);
}

static inline void bench_close(struct bench *bench)
{
    packet_decoder_free(bench->decoder);
    assert_int_equal(bench->mem.total, 0);
    free(bench->copy);
}

static inline uint64_t bench_frames(const struct counters *counters)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < FATE_COUNT; i++)
        frames += counters->fate_packets[i];
    return frames;
}

static inline bool bench_frame(struct bench *bench, int link_type, const uint8_t *data,
                               size_t captured, size_t length)
{
    free(bench->copy);
    bench->copy = malloc(captured ? captured : 1);
    assert_non_null(bench->copy);
    memcpy(bench->copy, data, captured);
    struct frame frame = {.data = bench->copy,
                          .captured = (uint32_t)captured,
                          .length = (uint32_t)length,
                          .time_ns = bench->time_ns,
                          .link_type = link_type};
    bool segment = packet_decode(bench->decoder, &frame, &bench->packet);
    if (segment) {
        bench->given += bench->packet.payload_len;
        bench->given_frames++;
    }
    for (bool more_segment; packet_decode_more(bench->decoder, &frame, &bench->packet, &more_segment);) {
        segment = more_segment;
        bench->given += segment ? bench->packet.payload_len : 0;
        bench->segments += segment;
    }
    assert_int_equal(counters_fate_total(&bench->counters) + bench->given,
                     bench->counters.value[COUNT_CAPTURE_BYTES]);
    assert_int_equal(bench_frames(&bench->counters) + bench->given_frames,
                     bench->counters.value[COUNT_CAPTURE_PACKETS]);
    return segment;
}

static inline bool bench_build(struct bench *bench, int link_type, const struct build *b)
{
    return bench_frame(bench, link_type, b->at, build_len(b), build_len(b));
}

#endif
