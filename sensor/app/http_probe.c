/* Is this HTTP/1.x? Start lines as RFC 9112 writes them, with the liberties servers and browsers allow: any token
 * for a method, any version digits, LF alone. A one-sided capture shows only requests or only responses, so
 * either is enough. */
#include <string.h>

#include "http.h"

#define METHOD_MAX 32
#define LONG_TARGET 256
#define LINE_MAX_BYTES 8192 /* how far back a request line may reach from its " HTTP/1." */

static bool is_token(uint8_t c)
{
    static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110 5.6.2 */
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr(others, c));
}

static size_t skip_empty_lines(const uint8_t *data, size_t len)
{
    size_t i = 0;
    while (i < len && (data[i] == '\r' || data[i] == '\n'))
        i++;
    return i;
}

enum app_probe http_looks_like_request(const uint8_t *data, size_t len)
{
    size_t i = skip_empty_lines(data, len);
    size_t method = i;
    while (i < len && is_token(data[i]) && i - method <= METHOD_MAX)
        i++;
    if (i == len)
        return i - method <= METHOD_MAX ? APP_MORE : APP_NO;
    if (i == method || i - method > METHOD_MAX || (data[i] != ' ' && data[i] != '\t'))
        return APP_NO;
    const uint8_t *end = memchr(data + i, '\n', len - i);
    const uint8_t *version = memmem(data + i, end ? (size_t)(end - data) - i : len - i, "HTTP/1.", 7);
    if (version)
        return APP_YES;
    for (const uint8_t *p = data + i; p < (end ? end : data + len); p++) {
        if (*p < 0x20 && *p != '\r' && *p != '\t')
            return APP_NO;
    }
    return end ? APP_NO : APP_MORE;
}

enum app_probe http_looks_like_response(const uint8_t *data, size_t len)
{
    size_t i = skip_empty_lines(data, len);
    size_t have = len - i < 5 ? len - i : 5;
    if (strncasecmp((const char *)data + i, "HTTP/", have) != 0)
        return APP_NO;
    if (len - i < 12)
        return APP_MORE;
    /* "HTTP/1.1 200": digits and a dot, blanks, a digit */
    size_t p = i + 5;
    while (p < len && p < i + 16 && (data[p] == '.' || (data[p] >= '0' && data[p] <= '9')))
        p++;
    while (p < len && p < i + 32 && (data[p] == ' ' || data[p] == '\t'))
        p++;
    if (p >= len)
        return APP_MORE;
    return data[p] >= '0' && data[p] <= '9' ? APP_YES : APP_NO;
}

/* A request line longer than what is kept for the decision: a method in capitals and a path or a URL, so far. */
static bool is_long_request(const struct app_probe_input *input, unsigned side)
{
    const uint8_t *p = input->data[side], *end = p + input->len[side];
    const uint8_t *method = p;
    if (!input->final && input->len[side] < APP_PROBE_MAX)
        return false;
    while (p < end && *p >= 'A' && *p <= 'Z')
        p++;
    size_t left = (size_t)(end - p);
    return p - method >= 3 && left > LONG_TARGET && p[0] == ' ' &&
           (p[1] == '/' || strncasecmp((const char *)p + 1, "http", 4) == 0);
}

/* Either side may be the one that asks: a flow picked up in the middle names its sides by chance. */
enum app_probe http_probe(const struct app_probe_input *input)
{
    bool more = false;
    for (unsigned side = 0; side < 2; side++) {
        if (!input->len[side])
            continue;
        enum app_probe request = http_looks_like_request(input->data[side], input->len[side]);
        enum app_probe response = http_looks_like_response(input->data[side], input->len[side]);
        if (request == APP_YES || response == APP_YES)
            return APP_YES;
        if (request == APP_NO && response == APP_NO)
            return APP_NO;
        if (request == APP_MORE && is_long_request(input, side))
            return APP_YES;
        more = true;
    }
    return more ? APP_MORE : APP_NO;
}

/* Each line is judged once, by the first version in it, so the cost is linear whatever the bytes are. */
size_t http_find_start(bool request, const uint8_t *data, size_t len)
{
    size_t from = 0, line = 0;
    bool judged = false;
    while (from < len) {
        const uint8_t *hit = memmem(data + from, len - from, "HTTP/1.", 7);
        if (!hit)
            break;
        size_t at = (size_t)(hit - data);
        const uint8_t *newline = memrchr(data + from, '\n', at - from);
        if (newline) {
            line = (size_t)(newline - data) + 1;
            judged = false;
        }
        if (!judged && at - line <= LINE_MAX_BYTES) {
            enum app_probe answer = !request ? http_looks_like_response(data + line, len - line)
                                    : at > line && data[at - 1] == ' '
                                        ? http_looks_like_request(data + line, at + 7 - line)
                                        : APP_NO;
            if (answer == APP_YES)
                return line;
        }
        judged = true;
        from = at + 7;
    }
    return len;
}
