/* The PROXY protocol (haproxy.org, versions 1 and 2): a header that a load balancer puts before the conversation it
 * passes on. It is passed over, and the decoders are asked again. */
#include <string.h>

#include "app.h"
#include "cursor.h"

#define V1_MAX 108
#define V2_FIXED 16

static const char v1[] = "PROXY ", v2[] = "\r\n\r\n\0\r\nQUIT\n";

struct proxy {
    uint8_t have;
    uint8_t head[V1_MAX];
    uint32_t left; /* of a version 2 header, behind its fixed part */
};

static enum app_probe proxy_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT];
    size_t len = input->len[SIDE_CLIENT], n = len < sizeof(v2) - 1 ? len : sizeof(v2) - 1;
    if (!len)
        return APP_NO;
    if (memcmp(client, v2, n) == 0)
        return n == sizeof(v2) - 1 ? APP_YES : APP_MORE;
    n = len < sizeof(v1) - 1 ? len : sizeof(v1) - 1;
    if (memcmp(client, v1, n) != 0)
        return APP_NO;
    if (len < 10)
        return APP_MORE;
    bool known = memcmp(client + 6, "TCP4", 4) == 0 || memcmp(client + 6, "TCP6", 4) == 0 ||
                 memcmp(client + 6, "UNKN", 4) == 0;
    return known ? APP_YES : APP_NO;
}

/* The header's next byte. True when it was the last. */
static bool take(struct proxy *proxy, uint8_t byte)
{
    if (proxy->left)
        return --proxy->left == 0;
    proxy->head[proxy->have++] = byte;
    if (proxy->head[0] == 'P')
        return byte == '\n' || proxy->have == V1_MAX;
    if (proxy->have < V2_FIXED)
        return false;
    struct cursor c = cursor_over(proxy->head + V2_FIXED - 2, 2);
    proxy->left = cursor_be16(&c);
    proxy->have = 0;
    return !proxy->left;
}

static void proxy_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct proxy *proxy = app_state(session);
    if (side == SIDE_SERVER) { /* nothing more of the header came */
        app_switch(session, NULL, len);
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
    app_switch(session, NULL, 0);
}

const struct app_ops app_proxy = {
    .transports = APP_TCP,
    .state_size = sizeof(struct proxy),
    .probe = proxy_probe,
    .data = proxy_data,
    .gap = proxy_gap,
};
