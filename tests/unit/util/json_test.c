/* Bytes from the network must never reach a terminal or a log reader as anything but text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

static void expect_bytes(const void *bytes, size_t len, const char *wanted)
{
    struct json json;
    size_t n;
    json_init(&json);
    json_bytes(&json, NULL, bytes, len);
    char *text = json_take(&json, &n);
    assert_string_equal(text, wanted);
    free(text);
}

#define EXPECT(bytes, wanted) expect_bytes(bytes, sizeof(bytes) - 1, wanted)

static void test_strings(void **state)
{
    (void)state;
    EXPECT("plain", "\"plain\"");
    EXPECT("a\"b\\c", "\"a\\\"b\\\\c\"");
    EXPECT("\x1b[31m\0\n\x7f", "\"\\u001b[31m\\u0000\\u000a\\u007f\"");
    EXPECT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xb7", "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xb7\"");
    EXPECT("\xff\xd8", "\"\\ufffd\\ufffd\"");
    EXPECT("\xc0\xaf", "\"\\ufffd\\ufffd\"");             /* overlong */
    EXPECT("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");   /* surrogate */
    EXPECT("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* past U+10FFFF */
    EXPECT("\xe2\x82", "\"\\ufffd\\ufffd\"");             /* cut off */
    EXPECT("\xc2\x9b\xe2\x80\xa8", "\"\\u009b\\u2028\"");  /* C1 control, line separator */
}

static void test_long_strings_say_so(void **state)
{
    (void)state;
    struct json json;
    size_t n;
    char *long_text = malloc(JSON_STRING_MAX + 2);
    memset(long_text, 'x', JSON_STRING_MAX + 2);
    memcpy(long_text + JSON_STRING_MAX - 1, "\xc3\xa9", 2); /* a character across the cut */
    json_init(&json);
    json_open_object(&json, NULL);
    json_bytes(&json, "url", long_text, JSON_STRING_MAX + 2);
    json_uint(&json, "after", 1);
    json_close_object(&json);
    char *text = json_take(&json, &n);
    assert_non_null(strstr(text, "x\",\"url_truncated\":true,\"after\":1}"));
    assert_null(strstr(text, "fffd"));
    free(text);
    free(long_text);
}

static void test_nesting_and_numbers(void **state)
{
    (void)state;
    struct json json;
    size_t n;
    json_init(&json);
    json_open_object(&json, NULL);
    json_open_array(&json, "a");
    json_int(&json, NULL, -5);
    json_open_object(&json, NULL);
    json_close_object(&json);
    json_close_array(&json);
    json_double(&json, "d", 7.5);
    json_hex(&json, "h", (const uint8_t *)"\x00\xff", 2);
    json_time(&json, "t", 1700000000123456789);
    json_close_object(&json);
    char *text = json_take(&json, &n);
    assert_string_equal(text, "{\"a\":[-5,{}],\"d\":7.5,\"h\":\"00ff\",\"t\":\"2023-11-14T22:13:20.123456+0000\"}");
    assert_int_equal(n, strlen(text));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_long_strings_say_so),
        cmocka_unit_test(test_nesting_and_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
