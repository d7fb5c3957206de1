/* The PROXY protocol (haproxy.org, proxy-protocol.txt): load balancers put the client's address before its first byte,
 * as a line ("PROXY TCP4 ...", version 1) or a block (version 2). What follows is asked afresh. */
#include <string.h>

#include "app.h"

#define LINE_BYTES_MAX 107 /* of version 1, by its specification */
#define BLOCK_HEAD 16

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

struct proxy {
    uint32_t seen, want; /* of a version 2 block; want is 0 until its length is known, or of a line */
    bool line;
    uint8_t head[BLOCK_HEAD];
};

static enum app_probe begins(const uint8_t *data, size_t len, const void *word, size_t word_len)
{
    if (memcmp(data, word, len < word_len ? len : word_len) != 0)
        return APP_NO;
    return len < word_len ? APP_MORE : APP_YES;
}

static enum app_probe proxy_probe(const struct app_probe_input *input)
{
    const uint8_t *data = input->data[SIDE_CLIENT];
    size_t len = input->len[SIDE_CLIENT];
    if (!len || input->len[SIDE_SERVER])
        return APP_NO;
    enum app_probe line = begins(data, len, "PROXY ", 6);
    if (line == APP_YES && memchr(data, '\n', len))
        return APP_YES;
    if (line == APP_YES)
        return len < LINE_BYTES_MAX ? APP_MORE : APP_NO;
    enum app_probe block = begins(data, len, signature, sizeof(signature));
    return block == APP_NO ? line : block;
}

/* Takes one byte of the header; true when it was the last. */
static bool take(struct proxy *proxy, uint8_t byte)
{
    if (!proxy->seen)
        proxy->line = byte == 'P';
    if (proxy->seen < BLOCK_HEAD)
        proxy->head[proxy->seen] = byte;
    proxy->seen++;
    if (proxy->line)
        return byte == '\n' || proxy->seen > LINE_BYTES_MAX;
    if (proxy->seen == BLOCK_HEAD)
        proxy->want = BLOCK_HEAD + ((uint32_t)proxy->head[14] << 8 | proxy->head[15]);
    return proxy->want && proxy->seen == proxy->want;
}

static void proxy_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct proxy *proxy = app_state(session);
    if (side == SIDE_SERVER) { /* it speaks before the header has ended: there is none */
        app_switch(session, &app_raw, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (take(proxy, data[i])) {
            app_switch(session, NULL, len - i - 1);
            return;
        }
    }
}

static void proxy_gap(struct app_session *session, enum side side, uint64_t len)
{
    (void)side;
    (void)len;
    app_switch(session, &app_raw, 0);
}

const struct app_ops app_proxy = {
    .transports = APP_TCP,
    .state_size = sizeof(struct proxy),
    .probe = proxy_probe,
    .data = proxy_data,
    .gap = proxy_gap,
    .rest = app_rest_as_it_is,
};
