/* Makers of bytes for cases: a table of words and what each adds. */
#include "cli/case_body.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "digits.h"

#define NOISE_SEED UINT64_C(88172645463325252)

struct piece { /* one line of a case */
    struct case_body *body;
    const char *folder, *rest;
    char *error;
    size_t error_len;
};

static bool fail(const struct piece *piece, const char *why)
{
    snprintf(piece->error, piece->error_len, "'%.200s': %s", piece->rest, why);
    return false;
}

/* Room for `len` more bytes; NULL when the body would grow too large. */
static uint8_t *grow(struct case_body *body, size_t len)
{
    if (len > CASE_BODY_MAX - body->len)
        return NULL;
    if (body->len + len > body->room) {
        size_t room = (body->len + len) * 2;
        uint8_t *data = realloc(body->data, room);
        if (!data)
            return NULL;
        body->data = data;
        body->room = room;
    }
    return body->data + body->len;
}

static bool add(const struct piece *piece, const void *data, size_t len)
{
    uint8_t *to = grow(piece->body, len);
    if (!to)
        return fail(piece, "the case's bytes are too many");
    if (len)
        memcpy(to, data, len);
    piece->body->len += len;
    return true;
}

static bool add_file(const struct piece *piece)
{
    char path[4500];
    uint8_t buffer[16384];
    size_t n;
    if (piece->rest[0] == '/')
        snprintf(path, sizeof(path), "%s", piece->rest);
    else
        snprintf(path, sizeof(path), "%s/%s", piece->folder, piece->rest);
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(piece, strerror(errno));
    bool ok = true;
    while (ok && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        ok = add(piece, buffer, n);
    if (ok && ferror(file))
        ok = fail(piece, strerror(errno));
    fclose(file);
    return ok;
}

static bool add_text(const struct piece *piece)
{
    return add(piece, piece->rest, strlen(piece->rest)) && add(piece, "\n", 1);
}

static bool add_hex(const struct piece *piece)
{
    for (const char *p = piece->rest; *p; p++) {
        if (*p == ' ')
            continue;
        int high = hex_digit(p[0]), low = high < 0 ? -1 : hex_digit(p[1]);
        if (low < 0)
            return fail(piece, "hex digits stand in pairs");
        uint8_t byte = (uint8_t)(high << 4 | low);
        if (!add(piece, &byte, 1))
            return false;
        p++;
    }
    return true;
}

static bool add_base64(const struct piece *piece)
{
    size_t len = strlen(piece->rest), padding = 0;
    uint8_t *to = grow(piece->body, len);
    if (!to)
        return fail(piece, "the case's bytes are too many");
    int n = len <= CASE_BODY_MAX ? EVP_DecodeBlock(to, (const uint8_t *)piece->rest, (int)len) : -1;
    while (padding < 2 && padding < len && piece->rest[len - 1 - padding] == '=')
        padding++;
    if (n < (int)padding)
        return fail(piece, "no base64");
    piece->body->len += (size_t)n - padding;
    return true;
}

/* "N", with nothing behind it. */
static bool is_number(const char *text, size_t *value)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *value = (size_t)n;
    return isdigit((unsigned char)text[0]) && !*end && errno == 0 && n <= CASE_BODY_MAX;
}

static bool add_zeros(const struct piece *piece)
{
    size_t len;
    uint8_t *to = is_number(piece->rest, &len) ? grow(piece->body, len) : NULL;
    if (!to)
        return fail(piece, "a number of bytes, up to 64 MiB");
    memset(to, 0, len);
    piece->body->len += len;
    return true;
}

/* xorshift64: bytes that look random, the same every time. */
static uint8_t next_noise(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint8_t)(*state >> 32);
}

static bool add_noise(const struct piece *piece)
{
    size_t len;
    uint64_t state = NOISE_SEED;
    uint8_t *to = is_number(piece->rest, &len) ? grow(piece->body, len) : NULL;
    if (!to)
        return fail(piece, "a number of bytes, up to 64 MiB");
    for (size_t i = 0; i < len; i++)
        to[i] = next_noise(&state);
    piece->body->len += len;
    return true;
}

/* What stands in a JPEG's scan: noise, and a zero behind every 0xFF (T.81 B.1.1.5). */
static bool put_scan(const struct piece *piece, size_t len)
{
    uint64_t state = NOISE_SEED + len;
    uint8_t *to = grow(piece->body, len);
    if (!to)
        return fail(piece, "the case's bytes are too many");
    for (size_t i = 0; i < len; i++) {
        to[i] = next_noise(&state);
        if (to[i] == 0xff && i + 1 < len)
            to[++i] = 0;
    }
    if (len && to[len - 1] == 0xff)
        to[len - 1] = 0x7f;
    piece->body->len += len;
    return true;
}

static bool add_scan(const struct piece *piece)
{
    size_t len;
    return is_number(piece->rest, &len) ? put_scan(piece, len) : fail(piece, "a number of bytes, up to 64 MiB");
}

/* T.81: SOI, JFIF, one quantiser of eights, a grey baseline frame, one DC and one AC code, a scan of noise, EOI. The
 * structure is a JPEG's; nobody drew the picture. */
static bool add_jpeg(const struct piece *piece)
{
    static const uint8_t before[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
                                     0xff, 0xdb, 0, 67, 0};
    static const uint8_t tables[] = {0xff, 0xc4, 0, 20, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0};
    unsigned width = 0, height = 0;
    unsigned long bytes = 0;
    int used = 0;
    int fields = sscanf(piece->rest, "%5ux%5u%n %9lu%n", &width, &height, &used, &bytes, &used);
    if (fields < 2 || piece->rest[used] || width - 1 > 65534 || height - 1 > 65534)
        return fail(piece, "WIDTHxHEIGHT in pixels, and perhaps a number of bytes");
    uint8_t quantiser[64];
    const uint8_t frame[] = {0xff, 0xc0, 0, 11, 8, (uint8_t)(height >> 8), (uint8_t)height,
                             (uint8_t)(width >> 8), (uint8_t)width, 1, 1, 0x11, 0};
    size_t framing = sizeof(before) + sizeof(quantiser) + sizeof(frame) + sizeof(tables) + 2;
    size_t scan = fields > 2 ? bytes : (size_t)width * height / 8;
    scan = scan > framing + 64 ? scan - framing : 64;
    memset(quantiser, 8, sizeof(quantiser));
    return add(piece, before, sizeof(before)) && add(piece, quantiser, sizeof(quantiser)) &&
           add(piece, frame, sizeof(frame)) && add(piece, tables, sizeof(tables)) && put_scan(piece, scan) &&
           add(piece, "\xff\xd9", 2);
}

static const struct maker {
    const char *word;
    bool (*add)(const struct piece *piece);
} MAKERS[] = {
    {"file", add_file},   {"text", add_text},   {"hex", add_hex},   {"base64", add_base64},
    {"zeros", add_zeros}, {"noise", add_noise}, {"scan", add_scan},
    {"jpeg", add_jpeg},
};

bool case_body_add(struct case_body *body, const char *folder, const char *word, const char *rest, char *error,
                   size_t error_len)
{
    const struct piece piece = {body, folder, rest, error, error_len};
    for (size_t i = 0; i < sizeof(MAKERS) / sizeof(MAKERS[0]); i++) {
        if (strcmp(MAKERS[i].word, word) == 0)
            return MAKERS[i].add(&piece);
    }
    snprintf(error, error_len, "'%.60s' is no word of a case: rule, case, expect, fact, file, text, hex, base64, "
             "zeros, noise, scan or jpeg", word);
    return false;
}

void case_body_free(struct case_body *body)
{
    free(body->data);
    *body = (struct case_body){0};
}
