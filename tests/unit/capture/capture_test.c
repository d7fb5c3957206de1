/* Captures written byte by byte and read back. Were a format, a compression or a time unit misread,
 * evidence would be lost or misdated; were damage not told with its place, a user would trust half
 * a capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "capture.h"
#include "log.h"

#define ROOM 65536

struct bytes {
    uint8_t data[ROOM];
    size_t len;
    bool big;
};

struct seen {
    unsigned frames;
    uint64_t bytes;
    int64_t first_ns, last_ns;
    int link_type;
    char interface[64];
    const char *input;
};

struct place {
    char directory[64];
    char path[128];
};

static int enter(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    log_set_level(LOG_ERROR);
    snprintf(place->directory, sizeof(place->directory), "/tmp/capture-test-XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->path, sizeof(place->path), "%s/file", place->directory);
    *state = place;
    return 0;
}

static int leave(void **state)
{
    struct place *place = *state;
    char command[256];
    const char *const names[] = {"file",     "a.pcap", "b",           "c.gz",
                                 "note.txt", "empty",  "sub/d.pcapng"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(command, sizeof(command), "%s/%s", place->directory, names[i]);
        unlink(command);
    }
    snprintf(command, sizeof(command), "%s/sub", place->directory);
    rmdir(command);
    int result = rmdir(place->directory);
    free(place);
    return result;
}

static void put(struct bytes *b, const void *data, size_t n)
{
    assert_true(b->len + n <= ROOM);
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

static void put16(struct bytes *b, uint16_t v)
{
    uint16_t wire = b->big ? __builtin_bswap16(v) : v;
    put(b, &wire, 2);
}

static void put32(struct bytes *b, uint32_t v)
{
    uint32_t wire = b->big ? __builtin_bswap32(v) : v;
    put(b, &wire, 4);
}

static void pcap_begin(struct bytes *b, uint32_t magic, bool big)
{
    b->len = 0;
    b->big = big;
    put32(b, magic);
    put16(b, 2);
    put16(b, 4);
    put32(b, 0);
    put32(b, 0);
    put32(b, 262144);
    put32(b, 1);
}

/* An Ethernet frame: UDP to a port for even numbers, ARP for odd ones; 60 bytes. */
static void frame_of(unsigned n, uint8_t frame[60])
{
    static const uint8_t udp[] = {2,    0, 0,  0,  0, 1, 2,    0,    0,  0,  0, 2, 8,  0,
                                  0x45, 0, 0,  46, 0, 0, 0,    0,    64, 17, 0, 0, 10, 0,
                                  0,    1, 10, 0,  0, 2, 0x30, 0x39, 0,  53, 0, 26};
    memset(frame, 0, 60);
    memcpy(frame, udp, sizeof(udp));
    if (n % 2) {
        frame[12] = 8;
        frame[13] = 6;
    }
}

static void pcap_frame(struct bytes *b, unsigned n)
{
    uint8_t frame[60];
    frame_of(n, frame);
    put32(b, 1700000000 + n);
    put32(b, 123456);
    put32(b, 60);
    put32(b, 1500);
    put(b, frame, 60);
}

static void write_file(const char *path, const void *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    fclose(file);
}

static size_t gzip(const struct bytes *b, uint8_t *out, size_t room)
{
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)b->data,
                  .avail_in = (uInt)b->len,
                  .next_out = out,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void on_frame(void *user, const struct frame *frame)
{
    struct seen *seen = user;
    if (seen->frames++ == 0)
        seen->first_ns = frame->time_ns;
    seen->last_ns = frame->time_ns;
    seen->bytes += frame->captured;
    seen->link_type = frame->link_type;
    seen->input = frame->input;
    snprintf(seen->interface, sizeof(seen->interface), "%s",
             frame->interface ? frame->interface : "");
}

/* Reads all; returns how it ended, with the error in `error`. */
static enum capture_result read_all(const char *path, const char *filter, struct seen *seen,
                                    struct capture_stats *stats, char error[1024])
{
    struct capture_params params = {.filter = filter};
    memset(seen, 0, sizeof(*seen));
    memset(stats, 0, sizeof(*stats));
    struct capture *capture = capture_open(path, false, &params, error, 1024);
    if (!capture)
        return CAPTURE_IDLE; /* stands for "did not open" here */
    enum capture_result result;
    while ((result = capture_dispatch(capture, 3, on_frame, seen)) == CAPTURE_MORE)
        continue;
    if (result == CAPTURE_BAD)
        snprintf(error, 1024, "%s", capture_error(capture));
    capture_read_stats(capture, stats);
    capture_close(capture);
    return result;
}

static struct bytes b;
static uint8_t packed[ROOM];
static struct seen seen;
static struct capture_stats stats;
static char error[1024];

static void test_orders_and_units(void **state)
{
    struct place *place = *state;
    static const struct {
        uint32_t magic;
        bool big;
        int64_t fraction;
    } kinds[] = {{0xa1b2c3d4, false, 123456000},
                 {0xa1b2c3d4, true, 123456000},
                 {0xa1b23c4d, false, 123456},
                 {0xa1b23c4d, true, 123456}};
    for (size_t i = 0; i < 4; i++) {
        pcap_begin(&b, kinds[i].magic, kinds[i].big);
        for (unsigned n = 0; n < 10; n++)
            pcap_frame(&b, n);
        write_file(place->path, b.data, b.len);
        assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
        assert_int_equal(seen.frames, 10);
        assert_int_equal(seen.bytes, 600);
        assert_int_equal(seen.first_ns, INT64_C(1700000000000000000) + kinds[i].fraction);
        assert_int_equal(seen.last_ns - seen.first_ns, INT64_C(9000000000));
        assert_int_equal(seen.link_type, 1);
        assert_string_equal(seen.input, place->path);
    }
}

static void test_time_after_2038(void **state)
{
    struct place *place = *state;
    uint8_t frame[60] = {0};
    pcap_begin(&b, 0xa1b23c4d, false);
    put32(&b, 4000000000u);
    put32(&b, 5);
    put32(&b, 60);
    put32(&b, 60);
    put(&b, frame, 60);
    write_file(place->path, b.data, b.len);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.first_ns, INT64_C(4000000000000000005));
}

static void test_compressed(void **state)
{
    struct place *place = *state;
    pcap_begin(&b, 0xa1b2c3d4, false);
    for (unsigned n = 0; n < 500; n++)
        pcap_frame(&b, n);
    size_t one = gzip(&b, packed, sizeof(packed));
    write_file(place->path, packed, one);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 500);

    size_t n = ZSTD_compress(packed, sizeof(packed), b.data, b.len, 3);
    assert_false(ZSTD_isError(n));
    write_file(place->path, packed, n);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 500);

    /* Two members, one capture cut at a place that is no record's edge. */
    struct bytes rest = {.len = b.len - 1000};
    memcpy(rest.data, b.data + 1000, rest.len);
    b.len = 1000;
    one = gzip(&b, packed, sizeof(packed));
    size_t two = gzip(&rest, packed + one, sizeof(packed) - one);
    write_file(place->path, packed, one + two);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 500);
}

/* A file cut at every length: the frames before are all delivered, and the message names the place.
 */
static void test_cut_anywhere(void **state)
{
    struct place *place = *state;
    char expected[256];
    pcap_begin(&b, 0xa1b2c3d4, false);
    for (unsigned n = 0; n < 3; n++)
        pcap_frame(&b, n);
    for (size_t n = 1; n < b.len; n++) {
        write_file(place->path, b.data, n);
        enum capture_result result = read_all(place->path, NULL, &seen, &stats, error);
        size_t records = n < 24 ? 0 : (n - 24) / 76;
        if (n < 24) {
            assert_int_equal(result, CAPTURE_IDLE);
            assert_non_null(strstr(error, place->path));
            continue;
        }
        assert_int_equal(seen.frames, records);
        if ((n - 24) % 76 == 0) {
            assert_int_equal(result, CAPTURE_END);
            continue;
        }
        assert_int_equal(result, CAPTURE_BAD);
        snprintf(expected, sizeof(expected), "%s: at byte %zu: ", place->path, 24 + records * 76);
        assert_memory_equal(error, expected, strlen(expected));
    }
}

static void test_gzip_ends_early(void **state)
{
    struct place *place = *state;
    pcap_begin(&b, 0xa1b2c3d4, false);
    for (unsigned n = 0; n < 300; n++)
        pcap_frame(&b, n);
    size_t n = gzip(&b, packed, sizeof(packed));
    write_file(place->path, packed, n - 8); /* all data there, its check missing */
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_BAD);
    assert_int_equal(seen.frames, 300);
    assert_non_null(strstr(error, "at byte 22824: the gzip stream ends early"));
    write_file(place->path, packed, n / 2);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_BAD);
    assert_non_null(strstr(error, "the gzip stream ends early"));
    packed[n - 6] ^= 1;
    write_file(place->path, packed, n);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_BAD);
    assert_non_null(strstr(error, "incorrect data check"));
}

static void test_no_capture_is_a_sentence(void **state)
{
    struct place *place = *state;
    write_file(place->path, "", 0);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_IDLE);
    assert_non_null(strstr(error, "is empty"));
    write_file(place->path, "hello, world", 12);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_IDLE);
    assert_non_null(strstr(error, "neither pcap nor pcapng"));
    assert_int_equal(read_all("/nowhere/x.pcap", NULL, &seen, &stats, error), CAPTURE_IDLE);
    assert_string_equal(error, "/nowhere/x.pcap: No such file or directory");
    assert_int_equal(read_all(place->directory, NULL, &seen, &stats, error), CAPTURE_IDLE);
    assert_non_null(strstr(error, "no pcap or pcapng capture below it"));
}

static void test_filter_counts_what_it_sets_aside(void **state)
{
    struct place *place = *state;
    pcap_begin(&b, 0xa1b2c3d4, false);
    for (unsigned n = 0; n < 10; n++)
        pcap_frame(&b, n);
    write_file(place->path, b.data, b.len);
    assert_int_equal(read_all(place->path, "udp port 53", &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 5);
    assert_int_equal(stats.filtered_packets, 5);
    assert_int_equal(stats.filtered_bytes, 300);
    assert_int_equal(read_all(place->path, "no such filter", &seen, &stats, error), CAPTURE_IDLE);
    assert_non_null(strstr(error, "filter 'no such filter': "));
    assert_true(capture_check_filter("wlan type data", error, sizeof(error)));
    assert_false(capture_check_filter("tcp port", error, sizeof(error)));
}

static void block(struct bytes *out, uint32_t type, const struct bytes *body)
{
    uint32_t padded = (uint32_t)(body->len + 3) & ~3u;
    put32(out, type);
    put32(out, padded + 12);
    put(out, body->data, body->len);
    put(out, "\0\0\0", padded - body->len);
    put32(out, padded + 12);
}

static void ng_section(struct bytes *out, bool big)
{
    struct bytes body = {.big = out->big = big};
    put32(&body, 0x1a2b3c4d);
    put16(&body, 1);
    put16(&body, 0);
    put32(&body, 0xffffffff);
    put32(&body, 0xffffffff);
    block(out, 0x0a0d0d0a, &body);
}

static void ng_interface(struct bytes *out, uint16_t link_type, const char *name,
                         uint8_t resolution)
{
    struct bytes body = {.big = out->big};
    put16(&body, link_type);
    put16(&body, 0);
    put32(&body, 0);
    put16(&body, 2);
    put16(&body, (uint16_t)strlen(name));
    put(&body, name, strlen(name));
    put(&body, "\0\0\0", -(unsigned)strlen(name) % 4);
    put16(&body, 9);
    put16(&body, 1);
    put(&body, &resolution, 1);
    put(&body, "\0\0\0", 3);
    put32(&body, 0);
    block(out, 1, &body);
}

static void ng_frame(struct bytes *out, uint32_t interface, uint64_t units)
{
    struct bytes body = {.big = out->big};
    uint8_t frame[60];
    frame_of(0, frame);
    put32(&body, interface);
    put32(&body, (uint32_t)(units >> 32));
    put32(&body, (uint32_t)units);
    put32(&body, 60);
    put32(&body, 60);
    put(&body, frame, 60);
    block(out, 6, &body);
}

/* Two link types, three clocks, two byte orders: what libpcap refuses. */
static void test_pcapng_mixes(void **state)
{
    struct place *place = *state;
    b.len = 0;
    ng_section(&b, false);
    ng_interface(&b, 1, "eth0", 6);
    ng_interface(&b, 101, "tun0", 0x80 | 20);
    ng_frame(&b, 0, UINT64_C(1700000000000001));
    ng_frame(&b, 1, (UINT64_C(1700000000) << 20) + (1 << 19));
    write_file(place->path, b.data, b.len);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 2);
    assert_int_equal(seen.first_ns, INT64_C(1700000000000001000));
    assert_int_equal(seen.last_ns, INT64_C(1700000000500000000));
    assert_int_equal(seen.link_type, 12); /* raw IP by libpcap's number */
    assert_string_equal(seen.interface, "tun0");

    ng_section(&b, true);
    ng_interface(&b, 113, "any", 9);
    ng_frame(&b, 0, UINT64_C(1700000000000000007));
    write_file(place->path, b.data, b.len);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 3);
    assert_int_equal(seen.last_ns, INT64_C(1700000000000000007));
    assert_int_equal(seen.link_type, 113);
    assert_string_equal(seen.interface, "any");
    assert_int_equal(read_all(place->path, "udp port 53", &seen, &stats, error), CAPTURE_END);
    assert_int_equal(seen.frames, 1); /* as raw IP and as cooked these bytes are no UDP */
    assert_int_equal(stats.filtered_packets, 2);
}

static void test_pcapng_damage(void **state)
{
    struct place *place = *state;
    char expected[256];
    b.len = 0;
    ng_section(&b, false);
    ng_interface(&b, 1, "eth0", 6);
    size_t before = b.len;
    ng_frame(&b, 0, 1);
    for (size_t n = before + 1; n < b.len; n++) {
        write_file(place->path, b.data, n);
        assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_BAD);
        snprintf(expected, sizeof(expected), "%s: at byte %zu: ", place->path, before);
        assert_memory_equal(error, expected, strlen(expected));
    }
    ng_frame(&b, 7, 1);
    write_file(place->path, b.data, b.len);
    assert_int_equal(read_all(place->path, NULL, &seen, &stats, error), CAPTURE_BAD);
    assert_int_equal(seen.frames, 1);
    assert_non_null(strstr(error, "never described"));
}

static void write_below(const struct place *place, const char *name, const void *data, size_t n)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", place->directory, name);
    write_file(path, data, n);
}

static void test_directory(void **state)
{
    struct place *place = *state;
    char path[256];
    snprintf(path, sizeof(path), "%s/sub", place->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    pcap_begin(&b, 0xa1b2c3d4, false);
    for (unsigned n = 0; n < 4; n++)
        pcap_frame(&b, n);
    write_below(place, "b", b.data, b.len); /* its name says nothing */
    write_below(place, "c.gz", packed, gzip(&b, packed, sizeof(packed)));
    write_below(place, "a.pcap", b.data, b.len - 10);
    write_below(place, "note.txt", "not a capture", 13);
    write_below(place, "empty", "", 0);
    b.len = 0;
    ng_section(&b, false);
    ng_interface(&b, 1, "last", 6);
    ng_frame(&b, 0, 1);
    write_below(place, "sub/d.pcapng", b.data, b.len);
    assert_int_equal(read_all(place->directory, "udp", &seen, &stats, error), CAPTURE_BAD);
    assert_int_equal(seen.frames, 2 + 2 + 2 + 1);
    assert_int_equal(stats.filtered_packets, 1 + 2 + 2);
    assert_string_equal(seen.interface, "last");
    assert_string_equal(seen.input, place->directory);
    snprintf(path, sizeof(path), "%s/a.pcap: at byte 252: ", place->directory);
    assert_memory_equal(error, path, strlen(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_orders_and_units, enter, leave),
        cmocka_unit_test_setup_teardown(test_time_after_2038, enter, leave),
        cmocka_unit_test_setup_teardown(test_compressed, enter, leave),
        cmocka_unit_test_setup_teardown(test_cut_anywhere, enter, leave),
        cmocka_unit_test_setup_teardown(test_gzip_ends_early, enter, leave),
        cmocka_unit_test_setup_teardown(test_no_capture_is_a_sentence, enter, leave),
        cmocka_unit_test_setup_teardown(test_filter_counts_what_it_sets_aside, enter, leave),
        cmocka_unit_test_setup_teardown(test_pcapng_mixes, enter, leave),
        cmocka_unit_test_setup_teardown(test_pcapng_damage, enter, leave),
        cmocka_unit_test_setup_teardown(test_directory, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
