/* SSH (RFC 4253): the identification strings of both sides, then nothing more can be read. */
#include <string.h>

#include "app.h"

#define LINE_ROOM 255 /* RFC 4253 4.2 */
#define LINES_MAX 32  /* a server may speak before its identification */

struct ssh_side {
    char line[LINE_ROOM];
    uint8_t len, lines;
    bool identified;
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

static void take_line(struct app_session *session, enum side side, struct ssh_side *s)
{
    size_t len = s->len;
    while (len && (s->line[len - 1] == '\r' || s->line[len - 1] == '\n'))
        len--;
    if (len > 8 && memcmp(s->line, "SSH-", 4) == 0) {
        const char *software = memchr(s->line + 4, '-', len - 4); /* after the protocol version */
        size_t at = software ? (size_t)(software + 1 - s->line) : 4;
        meta_set(app_flow_meta(session), side == SIDE_CLIENT ? META_SSH_CLIENT : META_SSH_SERVER,
                 s->line + at, len - at);
        s->identified = true;
    }
    s->len = 0;
    s->lines++;
}

static void ssh_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct ssh *ssh = app_state(session);
    struct ssh_side *s = &ssh->side[side];
    for (size_t i = 0; i < len && !s->identified; i++) {
        s->line[s->len++] = (char)data[i];
        if (data[i] == '\n' || s->len == LINE_ROOM)
            take_line(session, side, s);
        if (s->lines == LINES_MAX)
            s->identified = true;
        if (s->identified && i + 1 < len)
            app_set_opaque(session); /* what follows is the key exchange */
    }
    if (ssh->side[0].identified && ssh->side[1].identified)
        app_set_opaque(session);
}

static void ssh_gap(struct app_session *session, enum side side, uint64_t len)
{
    (void)side;
    (void)len;
    app_set_opaque(session);
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
    .rest = ssh_rest,
};
