/* SSH (RFC 4253): what both sides say in clear, their identification and the algorithms they offer (its fingerprint is
 * HASSH), then nothing more can be read. */
#include <stdio.h>
#include <string.h>

#include "tls.h" /* the worker's digests, and its buffers for messages */

#define LINE_ROOM 255 /* RFC 4253 4.2 */
#define LINES_MAX 32  /* a server may speak before its identification */
#define LISTS 8       /* of algorithms, before those of languages (7.1) */
#define HASSH_ROOM 4096

enum { MESSAGE_KEXINIT = 20 };

struct ssh_side {
    char line[LINE_ROOM];
    uint8_t len, lines;
    bool identified, done;
    uint8_t *packet; /* the first binary packet, TLS_MESSAGE_MAX, NULL when none */
    size_t packet_len;
};

struct ssh {
    struct ssh_side side[2];
};

static enum app_probe ssh_probe(const struct app_probe_input *input)
{
    enum app_probe answer = APP_NO;
    for (unsigned side = 0; side < 2; side++) {
        size_t have = input->len[side] < 4 ? input->len[side] : 4;
        if (!have || memcmp(input->data[side], "SSH-", have) != 0)
            continue;
        if (have == 4)
            return APP_YES;
        answer = APP_MORE;
    }
    return answer;
}

/* "SSH-2.0-OpenSSH_9.2p1 Debian-2": version, software, a comment. */
static void take_line(struct app_session *session, enum side side, struct ssh_side *s)
{
    struct meta *meta = app_flow_meta(session);
    bool client = side == SIDE_CLIENT;
    size_t len = s->len;
    while (len && (s->line[len - 1] == '\r' || s->line[len - 1] == '\n'))
        len--;
    if (len > 8 && memcmp(s->line, "SSH-", 4) == 0) {
        const char *software = memchr(s->line + 4, '-', len - 4);
        size_t at = software ? (size_t)(software + 1 - s->line) : 4;
        const char *comment = memchr(s->line + at, ' ', len - at);
        size_t end = comment ? (size_t)(comment - s->line) : len;
        if (software)
            meta_set(meta, client ? META_SSH_CLIENT_PROTOCOL : META_SSH_SERVER_PROTOCOL, s->line + 4, at - 5);
        meta_set(meta, client ? META_SSH_CLIENT : META_SSH_SERVER, s->line + at, end - at);
        s->identified = true;
    }
    s->len = 0;
    if (++s->lines == LINES_MAX)
        s->identified = s->done = true;
}

/* The lists for the side's own sending: key exchange, cipher, MAC, compression, with semicolons between them. */
static void read_algorithms(struct app_session *session, enum side side, struct cursor c)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct meta *meta = app_flow_meta(session);
    bool client = side == SIDE_CLIENT;
    char text[HASSH_ROOM], hex[2 * EVP_MAX_MD_SIZE + 1];
    size_t n = 0;
    cursor_skip(&c, 16); /* the cookie */
    for (unsigned i = 0; i < LISTS; i++) {
        uint32_t len = cursor_be32(&c);
        const uint8_t *list = cursor_take(&c, len);
        if (!list || n + len + 1 > sizeof(text))
            return;
        if (i == 1 || (i > 1 && (i % 2 == 0) != client)) /* host keys; the other direction's */
            continue;
        if (i)
            text[n++] = ';';
        memcpy(text + n, list, len);
        n += len;
    }
    if (!tls_digest_hex(shared, shared->md5, text, n, hex))
        return;
    meta_set(meta, client ? META_SSH_CLIENT_HASSH : META_SSH_SERVER_HASSH, hex, 32);
    meta_set(meta, client ? META_SSH_CLIENT_HASSH_STRING : META_SSH_SERVER_HASSH_STRING, text, n);
}

static void drop_packet(struct app_session *session, struct ssh_side *s)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    pool_put(shared->messages, s->packet);
    s->packet = NULL;
}

/* Bytes after the identification: the first binary packet is the offer of algorithms (RFC 4253 7.1). */
static void take_packet(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct tls_shared *shared = app_shared(session, &app_tls);
    struct ssh *ssh = app_state(session);
    struct ssh_side *s = &ssh->side[side];
    if (!s->packet && !(s->packet = pool_get(shared->messages))) {
        s->done = true;
        return;
    }
    size_t room = TLS_MESSAGE_MAX - s->packet_len, n = len < room ? len : room;
    memcpy(s->packet + s->packet_len, data, n);
    s->packet_len += n;
    struct cursor c = cursor_over(s->packet, s->packet_len);
    uint32_t size = cursor_be32(&c);
    if (c.bad)
        return;
    if (size <= TLS_MESSAGE_MAX - 4 && size > cursor_left(&c))
        return;
    cursor_skip(&c, 1); /* length of the padding */
    if (size <= TLS_MESSAGE_MAX - 4 && cursor_u8(&c) == MESSAGE_KEXINIT)
        read_algorithms(session, side, c);
    if (s->packet_len - 4 > size || n < len) /* and more: the key exchange goes on */
        app_set_opaque(session);
    drop_packet(session, s);
    s->done = true;
}

static void ssh_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct ssh *ssh = app_state(session);
    struct ssh_side *s = &ssh->side[side];
    while (len && !s->identified) {
        s->line[s->len++] = (char)*data;
        if (*data == '\n' || s->len == LINE_ROOM)
            take_line(session, side, s);
        data++;
        len--;
    }
    if (len && !s->done)
        take_packet(session, side, data, len);
    else if (len) /* its key exchange goes on: the other side's offer is not to be seen here */
        app_set_opaque(session);
    if (ssh->side[0].done && ssh->side[1].done)
        app_set_opaque(session);
}

static void ssh_gap(struct app_session *session, enum side side, uint64_t len)
{
    (void)side;
    (void)len;
    app_set_opaque(session);
}

static void ssh_close(struct app_session *session)
{
    struct ssh *ssh = app_state(session);
    drop_packet(session, &ssh->side[0]);
    drop_packet(session, &ssh->side[1]);
}

static bool ssh_rest(struct app_session *session)
{
    struct ssh *ssh = app_state(session);
    for (unsigned side = 0; side < 2; side++)
        memset(ssh->side[side].line + ssh->side[side].len, 0, LINE_ROOM - ssh->side[side].len);
    return true;
}

const struct app_ops app_ssh = {
    .name = "ssh",
    .transports = APP_TCP,
    .state_size = sizeof(struct ssh),
    .probe = ssh_probe,
    .data = ssh_data,
    .gap = ssh_gap,
    .close = ssh_close,
    .rest = ssh_rest,
};
