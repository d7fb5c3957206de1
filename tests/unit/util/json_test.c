/* Were the writer wrong, one hostile file name would break every reader downstream, or reach a terminal as
 * commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "json_check.h"

/* What a string of network bytes becomes inside an array. */
static void expect_bytes(const char *bytes, size_t len, const char *expected)
{
    struct json json;
    size_t n;
    json_init(&json);
    json_bytes(&json, NULL, bytes, len);
    char *text = json_take(&json, &n);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), n);
    assert_true(json_check(text, n));
    free(text);
}
#define EXPECT(bytes, expected) expect_bytes(bytes, sizeof(bytes) - 1, expected)

static void test_nesting_and_commas(void **state)
{
    struct json json;
    size_t n;
    (void)state;
    json_init(&json);
    json_open_object(&json, NULL);
    json_text(&json, "a", "b");
    json_open_array(&json, "list");
    json_uint(&json, NULL, UINT64_MAX);
    json_int(&json, NULL, INT64_MIN);
    json_uint(&json, NULL, 0);
    json_open_object(&json, NULL);
    json_close_object(&json);
    json_open_array(&json, NULL);
    json_close_array(&json);
    json_close_array(&json);
    json_bool(&json, "yes", true);
    json_hex(&json, "hex", (const uint8_t *)"\x00\xfe", 2);
    json_double(&json, "real", 7.25);
    json_double(&json, "none", 0.0 / 0.0);
    json_close_object(&json);
    char *text = json_take(&json, &n);
    assert_string_equal(text, "{\"a\":\"b\",\"list\":[18446744073709551615,-9223372036854775808,0,{},[]],"
                              "\"yes\":true,\"hex\":\"00fe\",\"real\":7.25,\"none\":null}");
    assert_true(json_check(text, n));
    free(text);
}

static void test_hostile_bytes(void **state)
{
    (void)state;
    EXPECT("plain", "\"plain\"");
    EXPECT("a\"b\\c/", "\"a\\\"b\\\\c/\"");
    EXPECT("\x1b[31m\r\n\x00\x7f", "\"\\u001b[31m\\u000d\\u000a\\u0000\\u007f\"");
    EXPECT("caf\xc3\xa9 \xe6\x97\x85\xe5\x88\xb8 \xf0\x9f\x9b\x82",
           "\"caf\xc3\xa9 \xe6\x97\x85\xe5\x88\xb8 \xf0\x9f\x9b\x82\"");
    /* C1 controls (a terminal may act on them), line and paragraph separators (JavaScript does) */
    EXPECT("\xc2\x9b" "2J\xe2\x80\xa8\xe2\x80\xa9", "\"\\u009b2J\\u2028\\u2029\"");
    /* not UTF-8: stray continuation, Latin-1, overlong '/', surrogate, beyond Unicode, cut at the end */
    EXPECT("\x80", "\"\\ufffd\"");
    EXPECT("caf\xe9!", "\"caf\\ufffd!\"");
    EXPECT("\xc0\xaf", "\"\\ufffd\\ufffd\"");
    EXPECT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    EXPECT("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
    EXPECT("x\xe6\x97", "\"x\\ufffd\\ufffd\"");
}

static void test_long_strings_are_cut_and_say_so(void **state)
{
    struct json json;
    char value[JSON_STRING_MAX + 8];
    size_t n;
    (void)state;
    memset(value, 'a', sizeof(value));
    for (size_t len = JSON_STRING_MAX - 2; len <= sizeof(value); len++) {
        memset(value, 'a', sizeof(value));
        memcpy(value + JSON_STRING_MAX - 1, "\xe6\x97\x85", 3); /* a character across the limit */
        json_init(&json);
        json_open_object(&json, NULL);
        json_bytes(&json, "url", value, len);
        json_close_object(&json);
        char *text = json_take(&json, &n);
        assert_true(json_check(text, n));
        assert_int_equal(strstr(text, "\"url_truncated\":true") != NULL, len > JSON_STRING_MAX);
        if (len > JSON_STRING_MAX + 2)
            assert_null(strstr(text, "ufffd")); /* cut before the character, not inside it */
        free(text);
    }
}

static void test_every_pair_of_bytes_is_valid_json(void **state)
{
    struct json json;
    (void)state;
    json_init(&json);
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char bytes[4] = {(char)a, (char)b, (char)a, (char)b};
            json_reset(&json);
            json_bytes(&json, NULL, bytes, sizeof(bytes));
            assert_true(json_check(json.data, json.len));
        }
    }
    json_free(&json);
}

static void test_times(void **state)
{
    char text[TIME_TEXT_MAX];
    (void)state;
    assert_string_equal(time_format(INT64_C(1795423931123456789), text), "2026-11-23T08:52:11.123456+0000");
    assert_string_equal(time_format(0, text), "1970-01-01T00:00:00.000000+0000");
    assert_string_equal(time_format(-1, text), "1969-12-31T23:59:59.999999+0000");
    time_format(INT64_MAX, text);
    time_format(INT64_MIN, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nesting_and_commas),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_long_strings_are_cut_and_say_so),
        cmocka_unit_test(test_every_pair_of_bytes_is_valid_json),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
