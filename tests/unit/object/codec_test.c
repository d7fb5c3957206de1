/* Codings: what a sender compressed or encoded comes out as what it was, however the stream is cut,
 * and a sender who lies about it hides nothing. */
#include "codec.h"
#include "coded.h"
#include "record.h"

static struct coded based64(const uint8_t *data, size_t len, size_t line, const char *line_end,
                            bool pad)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct coded out = {malloc(len * 4 + 16), 0};
    size_t column = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16 | (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0u) |
                        (i + 2 < len ? data[i + 2] : 0u);
        for (unsigned k = 0; k < 4; k++) {
            if (i + k > len) {
                if (!pad)
                    break;
                out.data[out.len++] = '=';
            } else {
                out.data[out.len++] = (uint8_t)alphabet[bits >> (18 - 6 * k) & 63];
            }
            if (++column == line) {
                memcpy(out.data + out.len, line_end, strlen(line_end));
                out.len += strlen(line_end);
                column = 0;
            }
        }
    }
    return out;
}

/* The same in every cut: pieces of several sizes, and two pieces at every position. */
static void check(const char *encoding, struct coded coded, const void *plain, size_t plain_len)
{
    static const size_t pieces[] = {0, 1, 2, 3, 7, 64, 511, 1460};
    struct recorder *r = recorder_new(NULL, 0);
    for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        send_body(r, NULL, encoding, coded.data, coded.len, pieces[i]);
        assert_bytes(only(r), plain, plain_len);
        assert_int_equal(only(r)->state, OBJECT_CLOSED);
        assert_true(only(r)->has_sha256);
        recorder_clear(r);
    }
    for (size_t at = 0; at <= coded.len && at < 400; at++) {
        struct object *object = begin(r, NULL, encoding);
        feed(r, object, coded.data, at);
        feed(r, object, coded.data + at, coded.len - at);
        object_end(r->env, object, OBJECT_CLOSED);
        assert_bytes(only(r), plain, plain_len);
        assert_int_equal(only(r)->state, OBJECT_CLOSED);
        recorder_clear(r);
    }
    assert_int_equal(r->counters.value[COUNT_OBJECT_DECODE_ERRORS], 0);
    recorder_free(r);
    free(coded.data);
}

static void compressed_bodies_come_out_whole(void **state)
{
    static char plain[40000];
    (void)state;
    text(plain, sizeof(plain));
    static const size_t lengths[] = {0, 1, 5, 300, 5000, 40000};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i];
        check("gzip", gzipped(plain, len), plain, len);
        check("x-gzip", gzipped(plain, len), plain, len);
        check("GZIP", deflated(plain, len, 15), plain, len); /* zlib called gzip */
        check("deflate", deflated(plain, len, 15), plain, len);
        check("deflate", deflated(plain, len, -15), plain, len);
        check("deflate", gzipped(plain, len), plain, len); /* gzip called deflate */
        check("zstd", zstandard(plain, len), plain, len);
    }
}

static void brotli_comes_out_whole(void **state)
{
    static const uint8_t coded[] = {
        /* as the reference encoder 1.0.9 writes it at quality 9 */
        0x1b, 0x55, 0x00, 0x00, 0x44, 0x3d, 0xbd, 0xde, 0xf8, 0xfb, 0x5e, 0x25, 0x74,
        0xcc, 0x42, 0x1a, 0xe6, 0x06, 0x07, 0x4e, 0x41, 0x1a, 0x06, 0x81, 0x65, 0x09,
        0x6c, 0x3e, 0x78, 0xc8, 0x92, 0x20, 0x9b, 0x62, 0x13, 0xd2, 0xbf, 0x6d, 0xe5,
        0x1e, 0x78, 0x0a, 0x7a, 0xc4, 0x0d, 0x2d, 0xe4, 0x2b, 0x73, 0x95, 0x31, 0xeb,
        0xbb, 0x70, 0x85, 0x00, 0xf5, 0x73, 0x88, 0x7d, 0xa2, 0x01};
    static const char plain[] =
        "brotli brotli brotli brotli, one camera, two cameras, three cameras and a plate reader";
    (void)state;
    struct coded copy = {malloc(sizeof(coded)), sizeof(coded)};
    memcpy(copy.data, coded, sizeof(coded));
    check("br", copy, plain, sizeof(plain) - 1);
}

static struct coded joined(struct coded a, struct coded b)
{
    struct coded out = {malloc(a.len + b.len), a.len + b.len};
    memcpy(out.data, a.data, a.len);
    memcpy(out.data + a.len, b.data, b.len);
    free(a.data);
    free(b.data);
    return out;
}

static void members_and_frames_follow_one_another(void **state)
{
    char plain[3000];
    (void)state;
    text(plain, sizeof(plain));
    check("gzip", joined(gzipped(plain, 1000), gzipped(plain + 1000, 2000)), plain, 3000);
    check("gzip", joined(gzipped(plain, 0), gzipped(plain, 3000)), plain, 3000);
    check("zstd", joined(zstandard(plain, 1000), zstandard(plain + 1000, 2000)), plain, 3000);
}

static void base64_in_all_its_dress(void **state)
{
    uint8_t data[1000];
    (void)state;
    fill(data, sizeof(data), 4);
    for (size_t len = 995; len < 1000; len++) {
        check("base64", based64(data, len, 76, "\r\n", true), data, len);
        check("base64", based64(data, len, 64, "\n", true), data, len);
        check("BASE64", based64(data, len, 0, "", true), data, len);
        check("base64", based64(data, len, 0, "", false), data, len);
        check("base64", based64(data, len, 7, " \t\r\n", true), data, len);
    }
    check("base64",
          joined(based64(data, 100, 76, "\r\n", true), based64(data + 100, 300, 76, "\r\n", true)),
          data, 400);
    check("base64", based64(data, 0, 76, "\r\n", true), data, 0);
    struct coded url = based64(data, 999, 0, "", true);
    for (size_t i = 0; i < url.len; i++)
        url.data[i] = url.data[i] == '+' ? '-' : url.data[i] == '/' ? '_' : url.data[i];
    check("base64", url, data, 999);
}

static struct coded copy_of(const char *text_of)
{
    struct coded out = {malloc(strlen(text_of) + 1), strlen(text_of)};
    memcpy(out.data, text_of, out.len + 1);
    return out;
}

/* RFC 2045 6.8: characters of the other alphabet are no more than noise. */
static void base64_has_one_alphabet_at_a_time(void **state)
{
    static const uint8_t standard[] = {0xff, 0xff, 0xff, 0x00, 0x10, 0x83};
    (void)state;
    check("base64", copy_of("////-AB_CD;-"), standard, sizeof(standard));
    check("base64", copy_of("____+AB/CD;/"), standard, sizeof(standard));
}

static void json_escapes_end_lines_of_base64(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x10, 0x83, 0x10, 0x51, 0x87};
    (void)state;
    check("base64", copy_of("ABCD\\nEFGH\\r\\n"), bytes, sizeof(bytes));
    static const uint8_t marks[] = {0xfb, 0xff, 0xff};
    check("base64", copy_of("\\u002B\\u002f//"), marks, sizeof(marks));
    check("base64", copy_of("+/8\\u003D"), marks, 2);
}

static void hexadecimal_is_undone(void **state)
{
    static const uint8_t bytes[] = {0xff, 0xd8, 0xff, 0x0a};
    (void)state;
    check("hex", copy_of("ffd8\nFF0a"), bytes, sizeof(bytes));
}

static void quoted_printable_is_undone(void **state)
{
    (void)state;
    check("quoted-printable", copy_of("a=3Db=\r\nc=\nd=C3=a9 e=  \r\n"), "a=bcd\303\251 e", 9);
    check("quoted-printable", copy_of("100=25 =\r\nend="), "100% end", 8);
    check("quoted-printable", copy_of("=XY ==41 =4"), "=XY =A =4", 9);
    check("quoted-printable", copy_of("line = \r\nnext"), "line next", 9);
    check("quoted-printable", copy_of("=FF=D8=FF=E0"), "\xff\xd8\xff\xe0", 4);
}

static void uuencode_is_undone(void **state)
{
    (void)state;
    check("x-uuencode", copy_of("begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n"), "Cat", 3);
    check("x-uuencode", copy_of("hello\nbegin 644 a\n$0V%T(0\n \nend\n"), "Cat!", 4);
    check("uuencode", copy_of("begin 644 a.jpg\n$_]C_X\n`\nend"), "\xff\xd8\xff\xe0", 4);
}

static void chains_are_undone_outermost_first(void **state)
{
    static char plain[6000];
    (void)state;
    text(plain, sizeof(plain));
    struct coded once = gzipped(plain, sizeof(plain)), twice = zstandard(once.data, once.len);
    check("gzip, base64", based64(once.data, once.len, 76, "\r\n", true), plain, sizeof(plain));
    check("gzip,zstd", twice, plain, sizeof(plain));
    check(" identity ,gzip;q=1,\"gzip\", binary", gzipped(once.data, once.len), plain,
          sizeof(plain));
    free(once.data);
}

/* http-evader's favourite: a header that names a coding that was not applied, or applied once and
 * named twice. */
static void a_coding_that_was_not_applied_is_passed_over(void **state)
{
    static const char *const encodings[] = {"gzip",     "deflate",      "br",
                                            "zstd",     "base64",       "quoted-printable",
                                            "uuencode", "gzip,deflate", "gzip, br, zstd"};
    static const char *const texts[] = {"{\"plate\": \"ABC 123\", \"camera\": 7, \"lane\": 2, "
                                        "\"note\": \"nothing here is deflated\"}",
                                        "Camera;plate;lane\r\n1;ABC123;2\r\n",
                                        "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]",
                                        "x",
                                        "Begin",
                                        "<html><body>plain</body></html>"};
    uint8_t jpeg[3000];
    (void)state;
    fill(jpeg, sizeof(jpeg), 5);
    memcpy(jpeg, "\xff\xd8\xff\xe0\0\x10JFIF", 10);
    for (unsigned i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        struct coded copy = {malloc(sizeof(jpeg)), sizeof(jpeg)};
        memcpy(copy.data, jpeg, sizeof(jpeg));
        check(encodings[i], copy, jpeg, sizeof(jpeg));
        for (unsigned k = 0; i < 4 && k < sizeof(texts) / sizeof(texts[0]); k++)
            check(encodings[i], copy_of(texts[k]), texts[k], strlen(texts[k]));
    }
    struct coded once = gzipped(jpeg, sizeof(jpeg));
    check("gzip, gzip", once, jpeg, sizeof(jpeg));
}

/* What stands behind the coded stream is not the object, and is not lost either. */
static void what_stands_behind_is_an_object_of_its_own(void **state)
{
    char plain[2000];
    (void)state;
    text(plain, sizeof(plain));
    for (size_t piece = 0; piece < 40; piece++) {
        struct recorder *r = recorder_new(NULL, 0);
        struct coded coded = joined(gzipped(plain, sizeof(plain)), copy_of("\r\nhidden behind"));
        send_body(r, "text/plain", "gzip", coded.data, coded.len, piece);
        assert_int_equal(r->count, 2);
        assert_bytes(&r->seen[0], plain, sizeof(plain));
        assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
        assert_string_equal(r->seen[1].path, "gzip:behind");
        assert_int_equal(r->seen[1].depth, 1);
        assert_memory_equal(r->seen[1].data + r->seen[1].len - 13, "hidden behind", 13);
        recorder_free(r);
        r = recorder_new(NULL, 0);
        coded.data[coded.len - 1] = 0;
        send_body(r, "text/plain", "gzip", coded.data, coded.len - strlen("hidden behind"), piece);
        assert_bytes(only(r), plain, sizeof(plain)); /* a line end is padding */
        assert_int_equal(only(r)->state, OBJECT_CLOSED);
        free(coded.data);
        recorder_free(r);
    }
}

static void damage_keeps_what_was_decoded(void **state)
{
    static char plain[60000];
    (void)state;
    text(plain, sizeof(plain));
    for (unsigned kind = 0; kind < 3; kind++) {
        struct recorder *r = recorder_new(NULL, 0);
        struct coded coded = kind ? zstandard(plain, sizeof(plain)) : gzipped(plain, sizeof(plain));
        size_t len =
            kind == 2 ? coded.len - 30 : coded.len; /* cut short, or with bad bytes in the middle */
        if (kind < 2)
            memset(coded.data + coded.len / 2, 0xff, 40);
        send_body(r, NULL, kind ? "zstd" : "gzip", coded.data, len, 1000);
        const struct seen *seen = &r->seen[0];
        assert_true(seen->len > 0 || kind);
        assert_true(seen->damaged);
        assert_int_equal(seen->state, OBJECT_TRUNCATED);
        assert_int_equal(r->counters.value[COUNT_OBJECT_DECODE_ERRORS], 1);
        if (kind == 0)
            assert_memory_equal(seen->data, plain, seen->len / 2);
        for (unsigned i = 1; i < r->count; i++)
            assert_int_equal(r->seen[i].state, OBJECT_TRUNCATED);
        free(coded.data);
        recorder_free(r);
    }
}

/* A gzip body without its trailer: all bytes, and not called whole. */
static void a_missing_trailer_is_a_truncated_object(void **state)
{
    char plain[3000];
    (void)state;
    text(plain, sizeof(plain));
    struct recorder *r = recorder_new(NULL, 0);
    struct coded coded = gzipped(plain, sizeof(plain));
    send_body(r, NULL, "gzip", coded.data, coded.len - 8, 100);
    assert_bytes(only(r), plain, sizeof(plain));
    assert_int_equal(only(r)->state, OBJECT_TRUNCATED);
    recorder_clear(r);
    coded.data[coded.len - 5] ^= 1; /* a wrong check sum */
    send_body(r, NULL, "gzip", coded.data, coded.len, 100);
    assert_true(r->seen[0].damaged);
    free(coded.data);
    recorder_free(r);
}

static void a_bomb_stops_at_the_ratio(void **state)
{
    size_t len = (size_t)64 << 20;
    uint8_t *zeros = calloc(1, len);
    (void)state;
    struct coded coded[] = {gzipped(zeros, len), zstandard(zeros, len)};
    for (unsigned i = 0; i < 2; i++) {
        struct recorder *r = recorder_new(NULL, 0);
        send_body(r, NULL, i ? "zstd" : "gzip", coded[i].data, coded[i].len, 1460);
        assert_int_equal(only(r)->state, OBJECT_TRUNCATED);
        assert_true(only(r)->damaged);
        assert_true(only(r)->len <= 200 * coded[i].len || only(r)->len <= 1 << 20);
        recorder_free(r);
        /* One in another: the ratio is over the whole chain. */
        struct coded twice = gzipped(coded[i].data, coded[i].len);
        r = recorder_new(NULL, 0);
        send_body(r, NULL, i ? "zstd,gzip" : "gzip,gzip", twice.data, twice.len, 0);
        assert_true(only(r)->len <= 1 << 20);
        recorder_free(r);
        free(twice.data);
        free(coded[i].data);
    }
    /* A small one passes: forms and logs compress a thousandfold. */
    struct coded small = gzipped(zeros, 1 << 20);
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, NULL, "gzip", small.data, small.len, 0);
    assert_int_equal(only(r)->len, 1 << 20);
    assert_int_equal(only(r)->state, OBJECT_CLOSED);
    recorder_free(r);
    free(small.data);
    free(zeros);
}

static void a_gap_ends_what_cannot_go_on(void **state)
{
    static char plain[30000];
    (void)state;
    text(plain, sizeof(plain));
    struct coded coded = gzipped(plain, sizeof(plain));
    struct recorder *r = recorder_new(NULL, 0);
    struct object *object = begin(r, NULL, "gzip");
    feed(r, object, coded.data, coded.len / 2);
    object_gap(r->env, object, 100);
    feed(r, object, coded.data + coded.len / 2 + 100, coded.len / 2 - 100);
    object_end(r->env, object, OBJECT_CLOSED);
    const struct seen *seen = only(r);
    assert_true(seen->len > 1000);
    assert_memory_equal(seen->data, plain, seen->len);
    assert_true(seen->gaps);
    assert_int_equal(seen->state, OBJECT_TRUNCATED);
    assert_int_equal(r->counters.value[COUNT_OBJECT_DECODE_ERRORS], 0);
    free(coded.data);
    recorder_free(r);
}

/* A lost segment in a mail's attachment: every byte that came stands where it belongs. */
static void base64_goes_on_behind_a_gap(void **state)
{
    static uint8_t data[6000];
    static const struct {
        size_t line;
        const char *line_end;
    } dress[] = {{76, "\r\n"}, {76, "\n"}, {64, "\n"}, {0, ""}, {60, "\r\n"}};
    (void)state;
    fill(data, sizeof(data), 6);
    for (unsigned d = 0; d < sizeof(dress) / sizeof(dress[0]); d++) {
        struct coded coded = based64(data, sizeof(data), dress[d].line, dress[d].line_end, true);
        for (size_t at = 100; at < 420; at++) {
            for (size_t lost = 1; lost < 2000; lost = lost * 2 + at % 3) {
                struct recorder *r = recorder_new(NULL, 0);
                struct object *object = begin(r, NULL, "base64");
                feed(r, object, coded.data, at);
                object_gap(r->env, object, lost);
                feed(r, object, coded.data + at + lost, coded.len - at - lost);
                object_end(r->env, object, OBJECT_CLOSED);
                const struct seen *seen = only(r);
                assert_int_equal(seen->len, sizeof(data));
                for (size_t i = 0; i < seen->len; i++)
                    assert_true(seen->data[i] == data[i] || seen->data[i] == 0);
                assert_memory_equal(seen->data + seen->len - 2000, data + seen->len - 2000, 2000);
                assert_true(seen->gap_bytes <= lost * 3 / 4 + 6);
                assert_true(seen->gaps);
                assert_int_equal(seen->state, OBJECT_TRUNCATED);
                recorder_free(r);
            }
        }
        free(coded.data);
    }
}

/* Chunks that an SDK signed, with and without trailers, and the framing of parts that were joined. */
static void aws_chunks_are_undone(void **state)
{
    static const char one[] = "5;chunk-signature=0a1b\r\nhello\r\n6;chunk-signature=2c\r\n world\r\n"
                              "0;chunk-signature=3d\r\n\r\n";
    static const char two[] = "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n"
                              "x-amz-trailer-signature:00\r\n\r\n";
    static const char both[] = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n6\r\n world\r\n0\r\n\r\n";
    static const char *const whole[] = {one, two, both};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (size_t piece = 0; piece < 8; piece++) {
            struct recorder *r = recorder_new(NULL, 0);
            send_body(r, NULL, "aws-chunked", whole[i], strlen(whole[i]), piece);
            assert_bytes(only(r), "hello world", 11);
            assert_int_equal(only(r)->state, OBJECT_CLOSED);
            recorder_free(r);
        }
    }
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, NULL, "aws-chunked", one, 60, 0); /* the last chunk did not come */
    assert_int_equal(only(r)->state, OBJECT_TRUNCATED);
    recorder_clear(r);
    send_body(r, NULL, "aws-chunked", "\xff\xd8 no chunk", 11, 0);
    assert_bytes(only(r), "\xff\xd8 no chunk", 11);
    assert_int_equal(only(r)->state, OBJECT_CLOSED);
    recorder_free(r);
}

/* Decoders' windows count against the ceiling, and come back. */
static void decoder_memory_is_charged(void **state)
{
    static char plain[300000];
    (void)state;
    text(plain, sizeof(plain));
    struct recorder *r = recorder_new(NULL, 0);
    struct coded coded = gzipped(plain, sizeof(plain)), z = zstandard(plain, sizeof(plain));
    struct object *plainly = begin(r, NULL, NULL);
    feed(r, plainly, "x", 1);
    size_t before = r->mem.used[MEM_OBJECT];
    struct object *object = begin(r, NULL, "gzip");
    feed(r, object, coded.data, coded.len / 8);
    assert_true(r->mem.used[MEM_OBJECT] > before + (32 << 10));
    object_end(r->env, object, OBJECT_TRUNCATED);
    before = r->mem.used[MEM_OBJECT];
    object = begin(r, NULL, "zstd");
    feed(r, object, z.data, z.len / 8);
    assert_true(r->mem.used[MEM_OBJECT] > before + (64 << 10));
    object_end(r->env, object, OBJECT_TRUNCATED);
    assert_true(r->mem.used[MEM_OBJECT] == before);
    uint64_t begun = r->counters.value[COUNT_OBJECT_BEGUN];
    r->mem.ceiling = r->mem.total + 1000;
    object = begin(r, NULL, "gzip");
    feed(r, object, coded.data, 100); /* nothing reads them, and the ledger learns of it */
    object_end(r->env, object, OBJECT_CLOSED);
    assert_int_equal(r->counters.value[COUNT_OBJECT_BEGUN], begun);
    assert_int_equal(r->counters.value[COUNT_OBJECT_REFUSED], 1);
    assert_int_equal(r->counters.value[COUNT_OBJECT_SHED_BYTES], 100);
    r->mem.ceiling = 0;
    object_end(r->env, plainly, OBJECT_CLOSED);
    free(coded.data);
    free(z.data);
    recorder_free(r);
}

static void codecs_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(codec_find("X-GZIP", 6), &codec_gzip);
    assert_ptr_equal(codec_find("br", 2), &codec_br);
    assert_null(codec_find("identity", 8));
    assert_null(codec_find("gzi", 3));
    assert_null(codec_find("", 0));
    assert_null(codec_find("gzip,x-gzip", 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_bodies_come_out_whole),
        cmocka_unit_test(brotli_comes_out_whole),
        cmocka_unit_test(members_and_frames_follow_one_another),
        cmocka_unit_test(base64_in_all_its_dress),
        cmocka_unit_test(base64_has_one_alphabet_at_a_time),
        cmocka_unit_test(json_escapes_end_lines_of_base64),
        cmocka_unit_test(hexadecimal_is_undone),
        cmocka_unit_test(quoted_printable_is_undone),
        cmocka_unit_test(uuencode_is_undone),
        cmocka_unit_test(chains_are_undone_outermost_first),
        cmocka_unit_test(a_coding_that_was_not_applied_is_passed_over),
        cmocka_unit_test(what_stands_behind_is_an_object_of_its_own),
        cmocka_unit_test(damage_keeps_what_was_decoded),
        cmocka_unit_test(a_missing_trailer_is_a_truncated_object),
        cmocka_unit_test(a_bomb_stops_at_the_ratio),
        cmocka_unit_test(a_gap_ends_what_cannot_go_on),
        cmocka_unit_test(base64_goes_on_behind_a_gap),
        cmocka_unit_test(aws_chunks_are_undone),
        cmocka_unit_test(decoder_memory_is_charged),
        cmocka_unit_test(codecs_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
