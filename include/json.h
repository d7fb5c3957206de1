/* A JSON writer (RFC 8259) into a growing buffer. Strings from the network are made valid UTF-8, control
 * characters are escaped, and length is bounded: a cut string adds `<key>_truncated: true` by itself.
 * The writer owns its buffer; json_take hands it over. One thread. Commas and nesting are the writer's
 * business: the caller opens, puts keys and closes. */
#ifndef DLP_JSON_H
#define DLP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_STRING_MAX 1024 /* bytes of a network string that are kept */

struct json {
    char *data; /* malloc'd; not terminated until json_take */
    size_t len, cap;
    bool comma; /* the next item needs one before it */
};

void json_init(struct json *json);
void json_reset(struct json *json);          /* empties, keeps the memory */
void json_free(struct json *json);
char *json_take(struct json *json, size_t *len); /* NUL-terminated, caller frees; the writer is empty after */

/* `key` is NULL inside arrays and at the top. */
void json_open_object(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_open_array(struct json *json, const char *key);
void json_close_array(struct json *json);
void json_text(struct json *json, const char *key, const char *value);             /* trusted, NUL-terminated */
void json_bytes(struct json *json, const char *key, const void *value, size_t len); /* from the network */
void json_uint(struct json *json, const char *key, uint64_t value);
void json_int(struct json *json, const char *key, int64_t value);
void json_double(struct json *json, const char *key, double value); /* shortest of 6 digits */
void json_bool(struct json *json, const char *key, bool value);
void json_hex(struct json *json, const char *key, const uint8_t *bytes, size_t len); /* lower-case hex string */
/* "2026-11-23T08:52:11.123456+0000" (UTC), EVE's form, from nanoseconds since the epoch. */
void json_time(struct json *json, const char *key, int64_t ns);
#define TIME_TEXT_MAX 40
char *time_format(int64_t ns, char text[TIME_TEXT_MAX]);

#endif
