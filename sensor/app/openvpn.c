/* OpenVPN: told by the first packet of either side, a hard reset, on any port and over TCP (there with a length before
 * it) as over UDP; opaque from there. What follows the session id depends on how the control channel is guarded: not
 * at all, by an HMAC of 20, 32 or 64 bytes (tls-auth), or by encryption (tls-crypt, tls-crypt-v2). Each form has its
 * size. */
#include "app.h"
#include "cursor.h"

enum { /* the opcode's five bits, with key 0 */
    RESET_CLIENT_V1 = 1 << 3,
    RESET_SERVER_V1 = 2 << 3,
    RESET_CLIENT_V2 = 7 << 3,
    RESET_SERVER_V2 = 8 << 3,
    RESET_CLIENT_V3 = 10 << 3
};

#define HEAD 9       /* opcode, session id */
#define REPLAY 8     /* number and time of a guarded packet */
#define CRYPT_HMAC 32
#define CLIENT_KEY_MAX 1024 /* tls-crypt-v2 sends the client's key, wrapped */
#define YEAR_2001 1000000000u

/* The number of a guarded packet, which counts from 1 (with tls-crypt-v2's cookies, from 0x0f000001), and its time. */
static bool read_replay(struct cursor *c)
{
    uint32_t number = cursor_be32(c) & 0x00ffffff;
    return number >= 1 && number <= 16 && cursor_be32(c) >= YEAR_2001;
}

/* What both forms of reset end with: acknowledged numbers (a server's one, and whose they are), the first number 0. */
static bool read_end(struct cursor *c, bool server)
{
    uint8_t acknowledged = cursor_u8(c);
    if (acknowledged > (server ? 8 : 0))
        return false;
    if (acknowledged)
        cursor_skip(c, acknowledged * 4u + 8);
    return cursor_be32(c) == 0 && !c->bad && !cursor_left(c);
}

static bool is_server(uint8_t opcode)
{
    return opcode == RESET_SERVER_V1 || opcode == RESET_SERVER_V2;
}

static bool is_known(uint8_t opcode)
{
    return is_server(opcode) || opcode == RESET_CLIENT_V1 || opcode == RESET_CLIENT_V2 || opcode == RESET_CLIENT_V3;
}

static bool is_reset(const uint8_t *data, size_t len)
{
    static const uint8_t hmacs[] = {20, 32, 64};
    struct cursor c = cursor_over(data, len);
    uint8_t opcode = cursor_u8(&c);
    bool server = is_server(opcode);
    if (!is_known(opcode) || cursor_be64(&c) == 0 || c.bad)
        return false;
    struct cursor plain = c, crypt = c;
    if (opcode != RESET_CLIENT_V3 && read_end(&plain, server))
        return true;
    for (unsigned i = 0; i < sizeof(hmacs) && opcode != RESET_CLIENT_V3; i++) {
        struct cursor guarded = c;
        cursor_skip(&guarded, hmacs[i]);
        if (read_replay(&guarded) && read_end(&guarded, server))
            return true;
    }
    size_t sealed = len - HEAD;
    if (!read_replay(&crypt) || sealed < REPLAY + CRYPT_HMAC + 5)
        return false;
    sealed -= REPLAY + CRYPT_HMAC;
    if (opcode == RESET_CLIENT_V3)
        return sealed > 5 && sealed <= 5 + CLIENT_KEY_MAX;
    return sealed == 5 || (server && sealed == 17);
}

/* 2 bytes of length, then the packet, over TCP. */
static enum app_probe in_stream(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_over(data, len);
    size_t size = cursor_be16(&c);
    uint8_t opcode = cursor_u8(&c);
    if (c.bad)
        return data[0] <= 4 ? APP_MORE : APP_NO;
    if (size < HEAD + 5 || size > HEAD + REPLAY + CRYPT_HMAC + 5 + CLIENT_KEY_MAX || size + 2 > APP_PROBE_MAX ||
        !is_known(opcode))
        return APP_NO;
    if (len < 2 + size)
        return APP_MORE;
    return is_reset(data + 2, size) ? APP_YES : APP_NO;
}

static enum app_probe openvpn_probe(const struct app_probe_input *input)
{
    enum app_probe answer = APP_NO;
    bool datagram = input->flow->protocol != 6;
    for (unsigned side = 0; side < 2; side++) {
        const uint8_t *data = input->data[side];
        size_t len = input->len[side];
        enum app_probe one = !len ? APP_NO : datagram ? (is_reset(data, len) ? APP_YES : APP_NO) : in_stream(data, len);
        if (one == APP_YES)
            return APP_YES;
        if (one == APP_MORE)
            answer = APP_MORE;
    }
    return answer;
}

const struct app_ops app_openvpn = {
    .name = "openvpn",
    .transports = APP_TCP | APP_UDP,
    .probe = openvpn_probe,
    .data = app_opaque_data,
    .datagram = app_opaque_data,
};
