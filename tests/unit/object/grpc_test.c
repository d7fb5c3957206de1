/* gRPC messages: a file sent in the `bytes` field of many messages is one object below them, however the bytes are cut. */
#include "record.h"

#define FILE_BYTES 5000

static char file[FILE_BYTES];

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t n = 0;
    for (; value > 127; value >>= 7)
        out[n++] = (uint8_t)(value | 128);
    out[n++] = (uint8_t)value;
    return n;
}

static size_t put_field(uint8_t *out, unsigned field, const void *data, size_t len)
{
    size_t n = put_varint(out, field << 3 | 2);
    n += put_varint(out + n, len);
    memcpy(out + n, data, len);
    return n + len;
}

static size_t put_message(uint8_t *out, bool prefixed, const uint8_t *message, size_t len)
{
    size_t n = 0;
    if (prefixed) {
        memset(out, 0, 5);
        out[3] = (uint8_t)(len >> 8);
        out[4] = (uint8_t)len;
        n = 5;
    }
    memcpy(out + n, message, len);
    return n + len;
}

/* First what it is called, then its bytes: `nested` in a message in the message, with a number before them. */
static size_t make_upload(uint8_t *out, bool prefixed, bool nested)
{
    uint8_t message[2048], inner[2048];
    size_t n = put_field(message, 1, "IMG_1.jpg", 9), at = 0;
    memset(file, 'j', sizeof(file));
    file[0] = (char)0xff;
    file[FILE_BYTES - 1] = 'e';
    size_t len = put_message(out, prefixed, message, n);
    while (at < FILE_BYTES) {
        size_t piece = FILE_BYTES - at < 999 ? FILE_BYTES - at : 999;
        if (nested) {
            n = put_varint(inner, 1 << 3);
            n += put_varint(inner + n, at);
            n += put_field(inner + n, 3, file + at, piece);
            n = put_field(message, 2, inner, n);
        } else {
            n = put_field(message, 2, file + at, piece);
        }
        len += put_message(out + len, prefixed, message, n);
        at += piece;
    }
    return len;
}

static void a_file_in_many_messages_is_one_object(void **state)
{
    static uint8_t body[8192];
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        size_t len = make_upload(body, how & 1, how & 2);
        for (size_t piece = 0; piece < 70; piece++) {
            struct recorder *r = recorder_new(NULL, 0);
            send_body(r, "application/grpc+proto", NULL, body, len, piece);
            assert_int_equal(r->count, 2);
            assert_bytes(&r->seen[0], (char *)body, len);
            assert_bytes(&r->seen[1], file, FILE_BYTES);
            assert_string_equal(r->seen[1].path, how & 2 ? "grpc:2.3" : "grpc:2");
            assert_int_equal(r->seen[1].state, OBJECT_CLOSED);
            recorder_free(r);
        }
    }
}

static void a_cut_or_a_gap_is_not_whole(void **state)
{
    static uint8_t body[8192];
    size_t len = make_upload(body, false, false);
    (void)state;
    struct recorder *r = recorder_new(NULL, 0);
    send_body(r, "application/grpc", NULL, body, len - 1, 0);
    assert_int_equal(r->seen[1].state, OBJECT_TRUNCATED);
    recorder_clear(r);
    struct object *object = begin(r, "application/grpc", NULL);
    feed(r, object, body, 500);
    object_gap(r->env, object, 100);
    feed(r, object, body + 600, len - 600);
    object_end(r->env, object, OBJECT_CLOSED);
    assert_int_equal(r->seen[1].len, FILE_BYTES);
    assert_int_equal(r->seen[1].state, OBJECT_TRUNCATED);
    recorder_clear(r);
    send_body(r, "application/grpc", NULL, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, 0);
    assert_int_equal(r->count, 1);
    assert_int_equal(r->seen[0].state, OBJECT_CLOSED);
    recorder_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_in_many_messages_is_one_object),
        cmocka_unit_test(a_cut_or_a_gap_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
