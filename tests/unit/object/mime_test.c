/* File names and types as mailers, browsers and scripts write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../sensor/object/mime.h"
#include "encoded_words.h"

static void expect_parameter(const char *value, const char *name, const char *wanted)
{
    char out[200];
    size_t len = mime_parameter(value, name, out, sizeof(out));
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(out, wanted, len);
    for (size_t room = 0; room < len; room++) /* never past its room */
        assert_true(mime_parameter(value, name, out, room) <= room);
}

static void parameters_in_every_form(void **state)
{
    static const struct {
        const char *value, *name, *wanted;
    } rows[] = {
        {"form-data; name=a; filename=b.jpg", "filename", "b.jpg"},
        {"form-data; name=\"a\"; filename=\"b c.jpg\"", "filename", "b c.jpg"},
        {"form-data;name=a", "name", "a"},
        {"form-data; NAME = \"a\"", "name", "a"},
        {"form-data; filename=\"x\"; name=\"a\"", "name", "a"},
        {"form-data; name=\"filename=evil\"; filename=\"real\"", "filename", "real"},
        {"attachment; filename=\"a;b.jpg\"; x=y", "filename", "a;b.jpg"},
        {"attachment; filename=\"a\\\"b.jpg\"", "filename", "a\"b.jpg"},
        {"attachment; filename=\"C:\\photos\\a.jpg\"", "filename", "C:\\photos\\a.jpg"},
        {"attachment; filename=my photo.jpg ; x=y", "filename", "my photo.jpg"},
        {"attachment; filename=\"unclosed", "filename", "unclosed"},
        {"attachment; filename=", "filename", ""},
        {"attachment; filename", "filename", ""},
        {"attachment", "filename", ""},
        {"", "filename", ""},
        {";;;;filename=x", "filename", "x"},
        {"attachment; filename*=UTF-8''%e2%82%ac%20rates.jpg", "filename",
         "\342\202\254 rates.jpg"},
        {"attachment; filename=\"plain.jpg\"; filename*=utf-8'en'extended.jpg", "filename",
         "extended.jpg"},
        {"attachment; filename*=utf-8''extended.jpg; filename=plain.jpg", "filename",
         "extended.jpg"},
        {"attachment; filename*=broken%zz%4", "filename", "broken%zz%4"},
        {"attachment; filename*0=\"long\"; filename*1=\"er\"; filename*2=.jpg", "filename",
         "longer.jpg"},
        {"attachment; filename*1=er; filename*0=long", "filename", "longer"},
        {"attachment; filename*0*=utf-8''a%20; filename*1*=b%20; filename*2=c%20", "filename",
         "a b c%20"},
        {"image/jpeg; name=face.jpg", "name", "face.jpg"},
        {"multipart/mixed; boundary=\"=_a?b=\"; charset=x", "boundary", "=_a?b="},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_parameter(rows[i].value, rows[i].name, rows[i].wanted);
}

static void expect_words(const char *text, const char *wanted)
{
    char buffer[200];
    size_t len = strlen(text);
    memcpy(buffer, text, len);
    len = encoded_words(buffer, len);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(buffer, wanted, len);
}

static void encoded_words_are_read(void **state)
{
    (void)state;
    expect_words("=?UTF-8?B?ZmFjZS5qcGc=?=", "face.jpg");
    expect_words("=?utf-8?q?pass_port=2Ejpg?=", "pass port.jpg");
    expect_words("=?utf-8?b?Zg==?= =?utf-8?Q?g?=.jpg", "fg.jpg");
    expect_words("a =?utf-8?q?b?= c", "a b c");
    expect_words("=?utf-8?x?b?=", "=?utf-8?x?b?=");
    expect_words("=?utf-8?q?open", "=?utf-8?q?open");
    expect_words("=?=?=?=?", "=?=?=?=?");
    expect_words("plain.jpg", "plain.jpg");
    expect_words("", "");
}

static void header_blocks_are_read(void **state)
{
    struct mime_headers headers;
    static const char block[] =
        "content-type :\timage/png;\r\n\tname=x \r\nContent-Type: image/jpeg\r\n"
        "Content-Disposition: attachment;\n filename=y\nContent-Transfer-Encoding: base64\n"
        "Content-Encoding: gzip\nX: y\n\n";
    char large[5000];
    (void)state;
    mime_read(&headers, block, strlen(block));
    assert_string_equal(headers.content_type, "image/png;\tname=x");
    assert_string_equal(headers.disposition, "attachment; filename=y");
    assert_string_equal(headers.encoding, "base64");
    assert_string_equal(headers.content_encoding, "gzip");
    memset(large, 'x', sizeof(large));
    memcpy(large, "Content-Type: ", 14);
    mime_read(&headers, large, sizeof(large));
    assert_int_equal(strlen(headers.content_type), MIME_VALUE_MAX - 1);
    mime_read(&headers, NULL, 0);
    assert_string_equal(headers.content_type, "");
}

static void header_lines_look_like_it(void **state)
{
    static const char *const good[] = {"Subject: x\r\n", "X-y:z", "From me Mon", "Name : v", "a:"};
    static const char *const bad[] = {": x",          "no colon", "", "\xff\xd8\xff: x",
                                      "two words: x", "x"};
    (void)state;
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(mime_is_header_line(good[i], strlen(good[i])));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(mime_is_header_line(bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_in_every_form),
        cmocka_unit_test(encoded_words_are_read),
        cmocka_unit_test(header_blocks_are_read),
        cmocka_unit_test(header_lines_look_like_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
