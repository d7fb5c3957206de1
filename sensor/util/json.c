/* The JSON writer of include/json.h. Network bytes are checked for UTF-8 as they are copied (Unicode 15, table
 * 3-7: no overlong forms, no surrogates); what is not becomes U+FFFD. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void json_init(struct json *json)
{
    *json = (struct json){0};
}

void json_reset(struct json *json)
{
    json->len = 0;
    json->comma = false;
}

void json_free(struct json *json)
{
    free(json->data);
    json_init(json);
}

static char *room_for(struct json *json, size_t n)
{
    if (json->cap - json->len < n) {
        size_t cap = json->cap ? json->cap : 1024;
        while (cap - json->len < n)
            cap *= 2;
        char *data = realloc(json->data, cap);
        if (!data)
            abort(); /* a kilobyte for an event: the process is past saving */
        json->data = data;
        json->cap = cap;
    }
    return json->data + json->len;
}

static void put(struct json *json, const char *text, size_t len)
{
    memcpy(room_for(json, len), text, len);
    json->len += len;
}

static void put_text(struct json *json, const char *text)
{
    put(json, text, strlen(text));
}

char *json_take(struct json *json, size_t *len)
{
    *room_for(json, 1) = '\0';
    char *data = json->data;
    *len = json->len;
    json_init(json);
    return data;
}

static void put_escape(struct json *json, unsigned code)
{
    char text[8];
    int len = snprintf(text, sizeof(text), "\\u%04x", code);
    put(json, text, (size_t)len);
}

/* The length of the well-formed UTF-8 sequence at p, 0 when there is none. */
static size_t sequence(const uint8_t *p, size_t len)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n > len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    }
    return n;
}

/* C1 controls, line and paragraph separators: legal UTF-8 that a terminal or a log reader may act on. */
static bool is_unsafe(const uint8_t *p, size_t n, unsigned *code)
{
    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        *code = p[1];
        return true;
    }
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
        *code = 0x2000u | (p[2] & 0x3fu);
        return true;
    }
    return false;
}

static void put_string(struct json *json, const uint8_t *p, size_t len)
{
    put(json, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t plain = i;
        while (plain < len && p[plain] >= 0x20 && p[plain] < 0x7f && p[plain] != '"' && p[plain] != '\\')
            plain++;
        if (plain > i) {
            put(json, (const char *)p + i, plain - i);
            i = plain;
            continue;
        }
        unsigned code;
        size_t n = p[i] >= 0x80 ? sequence(p + i, len - i) : 1;
        if (p[i] == '"' || p[i] == '\\') {
            char escaped[2] = {'\\', (char)p[i]};
            put(json, escaped, 2);
        } else if (p[i] < 0x80) {
            put_escape(json, p[i]);
        } else if (!n) {
            put_text(json, "\\ufffd");
            n = 1;
        } else if (is_unsafe(p + i, n, &code)) {
            put_escape(json, code);
        } else {
            put(json, (const char *)p + i, n);
        }
        i += n;
    }
    put(json, "\"", 1);
}

static void begin_item(struct json *json, const char *key)
{
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
    if (key) {
        put_string(json, (const uint8_t *)key, strlen(key));
        put(json, ":", 1);
    }
}

static void open(struct json *json, const char *key, const char *bracket)
{
    begin_item(json, key);
    put(json, bracket, 1);
    json->comma = false;
}

static void shut(struct json *json, const char *bracket)
{
    put(json, bracket, 1);
    json->comma = true;
}

void json_open_object(struct json *json, const char *key)
{
    open(json, key, "{");
}

void json_close_object(struct json *json)
{
    shut(json, "}");
}

void json_open_array(struct json *json, const char *key)
{
    open(json, key, "[");
}

void json_close_array(struct json *json)
{
    shut(json, "]");
}

void json_text(struct json *json, const char *key, const char *value)
{
    begin_item(json, key);
    put_string(json, (const uint8_t *)value, strlen(value));
}

void json_bytes(struct json *json, const char *key, const void *value, size_t len)
{
    size_t kept = len < JSON_STRING_MAX ? len : JSON_STRING_MAX;
    const uint8_t *p = value;
    /* Not in the middle of a character. */
    for (unsigned back = 0; kept < len && back < 3 && kept > 0 && (p[kept] & 0xc0) == 0x80; back++)
        kept--;
    begin_item(json, key);
    put_string(json, p, kept);
    if (kept < len && key) {
        char name[128];
        snprintf(name, sizeof(name), "%s_truncated", key);
        json_bool(json, name, true);
    }
}

/* Digits from the right; half the price of snprintf, and an event holds forty numbers. */
static void put_uint(struct json *json, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(json, text + at, sizeof(text) - at);
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
    begin_item(json, key);
    put_uint(json, value);
}

void json_int(struct json *json, const char *key, int64_t value)
{
    begin_item(json, key);
    if (value < 0)
        put(json, "-", 1);
    put_uint(json, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_double(struct json *json, const char *key, double value)
{
    char text[32];
    begin_item(json, key);
    if (!isfinite(value))
        put_text(json, "null");
    else
        put(json, text, (size_t)snprintf(text, sizeof(text), "%.6g", value));
}

void json_bool(struct json *json, const char *key, bool value)
{
    begin_item(json, key);
    put_text(json, value ? "true" : "false");
}

void json_hex(struct json *json, const char *key, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    begin_item(json, key);
    char *out = room_for(json, len * 2 + 2);
    *out++ = '"';
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '"';
    json->len += len * 2 + 2;
}

char *time_format(int64_t ns, char text[TIME_TEXT_MAX])
{
    int64_t second = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        second--;
    }
    time_t when = (time_t)second;
    struct tm tm;
    if (!gmtime_r(&when, &tm))
        memset(&tm, 0, sizeof(tm));
    size_t n = strftime(text, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, TIME_TEXT_MAX - n, ".%06d+0000", (int)(rest / 1000));
    return text;
}

void json_time(struct json *json, const char *key, int64_t ns)
{
    char text[TIME_TEXT_MAX];
    json_text(json, key, time_format(ns, text));
}
