/* ESP (RFC 4303): IPsec's packets, as IP protocol 50 or inside UDP on port 4500 (RFC 3948). Nothing in one tells what
 * it is but where it stands, so only these two places count; opaque from the first. */
#include "app.h"
#include "cursor.h"

#define PROTOCOL_ESP 50
#define PORT_NAT_TRAVERSAL 4500
#define INDEX_MIN 256 /* smaller ones are reserved, 2.1 */
#define PACKET_MIN 20 /* index, sequence number, the shortest cipher text */

static bool is_esp(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_over(data, len);
    uint32_t index = cursor_be32(&c), sequence = cursor_be32(&c);
    return len >= PACKET_MIN && index >= INDEX_MIN && sequence;
}

static bool is_keep_alive(const uint8_t *data, size_t len)
{
    return len == 1 && data[0] == 0xff;
}

static enum app_probe esp_probe(const struct app_probe_input *input)
{
    const struct flow *flow = input->flow;
    if (flow->protocol == PROTOCOL_ESP)
        return APP_YES;
    if (flow->port[0] != PORT_NAT_TRAVERSAL && flow->port[1] != PORT_NAT_TRAVERSAL)
        return APP_NO;
    for (unsigned side = 0; side < 2; side++) {
        const uint8_t *data = input->data[side];
        size_t len = input->len[side];
        if (len && (is_keep_alive(data, len) || is_esp(data, len)))
            return APP_YES;
    }
    return APP_NO;
}

static void esp_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    (void)side;
    if (app_flow(session)->protocol == PROTOCOL_ESP || is_esp(data, len))
        app_set_opaque(session);
    else if (!is_keep_alive(data, len))
        app_switch(session, NULL, len); /* IKE, or what only borrows the port */
}

const struct app_ops app_esp = {
    .name = "esp",
    .transports = APP_UDP,
    .probe = esp_probe,
    .datagram = esp_datagram,
};
