/* FTP's control connection (RFC 959, RFC 2428): who will send which file where. The bytes themselves come on a
 * connection of their own, which ftp_data.c reads; the two meet in the worker's table of announced addresses. */
#include "expect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "header_value.h"
#include "line.h"

struct ftp {
    struct line line[2];
    struct expect_transfer transfer; /* said, not yet begun */
    struct ip_addr listeners[2];  /* of the latest announcement: as announced, and as the connection has it */
    uint16_t port;
    bool auth;                    /* AUTH was asked for */
};

static const char *const verbs[] = {"USER", "PASS", "ACCT", "CWD",  "CDUP", "TYPE", "PASV", "EPSV", "PORT", "EPRT",
                                    "STOR", "STOU", "APPE", "RETR", "LIST", "NLST", "MLSD", "SYST", "FEAT", "OPTS",
                                    "REST", "SIZE", "MDTM", "AUTH", "PBSZ", "PROT", "MODE", "ALLO", "CLNT",
                                    "ABOR", NULL};
/* Said by no other protocol that has USER and PASS. */
static const char *const own_verbs[] = {"PASV", "EPSV", "PORT", "EPRT", "STOR", "STOU", "APPE", "NLST", "MLSD", "SYST",
                                        "MDTM", "PBSZ", "PROT", "CWD",  NULL};

static bool is_reply(const uint8_t *data, size_t len)
{
    return len >= 4 && data[0] >= '1' && data[0] <= '6' && data[1] >= '0' && data[1] <= '9' && data[2] >= '0' &&
           data[2] <= '9' && (data[3] == ' ' || data[3] == '-');
}

static bool mentions_ftp(const uint8_t *data, size_t len)
{
    const uint8_t *end = memchr(data, '\n', len);
    return end && memmem(data, (size_t)(end - data), "FTP", 3) != NULL;
}

static enum app_probe ftp_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    if (server_len && (server[0] < '1' || server[0] > '6'))
        return APP_NO;
    if (server_len >= 4 && !is_reply(server, server_len))
        return APP_NO;
    if (client_len && ((client[0] | 0x20) < 'a' || (client[0] | 0x20) > 'z'))
        return APP_NO;
    if (client_len && memchr(client, '\n', client_len)) {
        if (!begins_with_word(client, client_len, verbs))
            return APP_NO;
        if (server_len >= 4 || begins_with_word(client, client_len, own_verbs))
            return APP_YES;
    }
    if (input->final && server_len)
        return mentions_ftp(server, server_len) ? APP_YES : APP_NO;
    return client_len > LINE_ROOM ? APP_NO : APP_MORE;
}

static void *ftp_shared_new(struct mem *mem)
{
    return expect_table_new(mem);
}

static void ftp_shared_free(void *shared)
{
    expect_table_free(shared);
}

/* ---- addresses ---- */

static void announce(struct app_session *session, const struct ip_addr *said, const struct ip_addr *seen, unsigned port)
{
    struct ftp *ftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_ftp);
    if (!port || port > 65535)
        return;
    ftp->listeners[0] = said ? *said : *seen;
    ftp->listeners[1] = *seen;
    ftp->port = (uint16_t)port;
    for (unsigned i = 0; i < 2; i++)
        expect_announce(table, &ftp->listeners[i], ftp->port, app_now(session));
}

/* "h1,h2,h3,h4,p1,p2", anywhere in the text (RFC 959 4.1.2 shows it in brackets, not all servers do). */
static bool parse_comma_address(struct text text, struct ip_addr *addr, unsigned *port)
{
    for (size_t at = 0; at < text.len; at++) {
        uint8_t bytes[6];
        unsigned count = 0, value = 0, digits = 0;
        if (text.data[at] < '0' || text.data[at] > '9' || (at && text.data[at - 1] >= '0' && text.data[at - 1] <= '9'))
            continue;
        for (size_t i = at; i <= text.len && count < 6; i++) {
            char c = i < text.len ? text.data[i] : ' ';
            if (c >= '0' && c <= '9' && ++digits <= 3) {
                value = value * 10 + (unsigned)(c - '0');
                continue;
            }
            if (!digits || value > 255 || (count < 5 && c != ','))
                break;
            bytes[count++] = (uint8_t)value;
            value = digits = 0;
        }
        if (count == 6) {
            *addr = ip_from_v4(bytes);
            *port = (unsigned)bytes[4] << 8 | bytes[5];
            return true;
        }
    }
    return false;
}

/* "|1|132.235.1.2|6275|" (RFC 2428): the delimiter is whatever comes first. */
static bool parse_extended_address(struct text text, struct ip_addr *addr, bool *has_addr, unsigned *port)
{
    char field[3][IP_TEXT_MAX];
    size_t at = 1;
    if (text.len < 5)
        return false;
    for (unsigned f = 0; f < 3; f++) {
        size_t n = 0;
        while (at < text.len && text.data[at] != text.data[0] && n + 1 < IP_TEXT_MAX)
            field[f][n++] = text.data[at++];
        if (at >= text.len || text.data[at] != text.data[0])
            return false;
        field[f][n] = '\0';
        at++;
    }
    *has_addr = ip_parse(field[1], addr);
    *port = (unsigned)strtoul(field[2], NULL, 10);
    return *port > 0 && *port <= 65535;
}

/* ---- commands ---- */

static void begin_transfer(struct app_session *session, const char *command, struct text argument)
{
    struct ftp *ftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_ftp);
    struct text name = path_name(argument);
    memset(ftp->transfer.command, 0, sizeof(ftp->transfer.command));
    memcpy(ftp->transfer.command, command, strlen(command));
    if (strcmp(command, "LIST") == 0 || strcmp(command, "NLST") == 0 || strcmp(command, "MLSD") == 0)
        name.len = 0;
    ftp->transfer.name_len = (uint16_t)(name.len < EXPECT_NAME_MAX ? name.len : EXPECT_NAME_MAX);
    if (ftp->transfer.name_len)
        memcpy(ftp->transfer.name, name.data, ftp->transfer.name_len);
    for (unsigned i = 0; i < 2 && ftp->port; i++)
        expect_describe(table, &ftp->listeners[i], ftp->port, &ftp->transfer);
    ftp->transfer.offset = 0;
}

/* Said of the connection announced last, if it has come. */
static void fail_transfer(struct app_session *session)
{
    const struct ftp *ftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_ftp);
    for (unsigned i = 0; i < 2 && ftp->port; i++)
        expect_fail(table, &ftp->listeners[i], ftp->port);
}

static void take_command(struct app_session *session, enum side side, const struct line *line)
{
    static const char *const transfers[] = {"STOR", "STOU", "APPE", "RETR", "LIST", "NLST", "MLSD"};
    struct ftp *ftp = app_state(session);
    const struct flow *flow = app_flow(session);
    struct text rest;
    struct ip_addr addr;
    unsigned port;
    bool has_addr;
    for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
        if (line_verb(line, transfers[i], &rest)) {
            begin_transfer(session, transfers[i], rest);
            return;
        }
    }
    if (line_verb(line, "PORT", &rest) && parse_comma_address(rest, &addr, &port)) {
        announce(session, &addr, &flow->addr[side], port);
    } else if (line_verb(line, "EPRT", &rest) && parse_extended_address(rest, &addr, &has_addr, &port)) {
        announce(session, has_addr ? &addr : NULL, &flow->addr[side], port);
    } else if (line_verb(line, "REST", &rest)) {
        if (!header_number(rest, &ftp->transfer.offset))
            ftp->transfer.offset = UINT64_MAX; /* somewhere */
    } else if (line_verb(line, "ABOR", NULL)) {
        fail_transfer(session);
    } else if (line_verb(line, "MODE", &rest)) {
        ftp->transfer.deflate = rest.len && (rest.data[0] | 0x20) == 'z';
    } else if (line_verb(line, "AUTH", NULL)) {
        ftp->auth = true;
    }
}

/* True when what follows is TLS. */
static bool take_reply(struct app_session *session, enum side side, const struct line *line)
{
    struct ftp *ftp = app_state(session);
    const struct flow *flow = app_flow(session);
    struct text rest = {line->text + 3, line->len > 3 ? line->len - 3u : 0};
    struct ip_addr addr;
    unsigned port;
    bool last, has_addr;
    switch (line_reply(line, &last)) {
    case 227:
        if (parse_comma_address(rest, &addr, &port))
            announce(session, &addr, &flow->addr[side], port);
        break;
    case 229: {
        const char *open = rest.len ? memchr(rest.data, '(', rest.len) : NULL;
        if (open && parse_extended_address((struct text){open + 1, rest.len - (size_t)(open + 1 - rest.data)}, &addr,
                                           &has_addr, &port))
            announce(session, has_addr ? &addr : NULL, &flow->addr[side], port);
        break;
    }
    case 125:
    case 150: { /* "150 FILE: name" (RFC 1123 4.1.2.9): the server chose it */
        const char *said = rest.len ? memmem(rest.data, rest.len, "FILE: ", 6) : NULL;
        if (said && strcmp(ftp->transfer.command, "STOU") == 0)
            begin_transfer(session, "STOU", (struct text){said + 6, rest.len - (size_t)(said + 6 - rest.data)});
        break;
    }
    case 426:
    case 451:
    case 452:
    case 551:
    case 552:
        fail_transfer(session);
        break;
    case 234:
        return ftp->auth && last;
    default:
        break;
    }
    return false;
}

static void ftp_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct ftp *ftp = app_state(session);
    struct line *line = &ftp->line[side];
    while (len) {
        if (!line_take(line, &data, &len))
            return;
        while (line->len && (uint8_t)line->text[0] >= 0xF0) /* Telnet's signals before ABOR */
            memmove(line->text, line->text + 1, --line->len);
        if (line->len >= 3 && line->text[0] >= '1' && line->text[0] <= '6') {
            if (take_reply(session, side, line)) {
                app_switch(session, NULL, len);
                return;
            }
        } else {
            take_command(session, side, line);
        }
    }
}

static void ftp_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct ftp *ftp = app_state(session);
    (void)len;
    ftp->line[side].len = 0; /* half a line is no line; the next one is whole again */
}

static bool ftp_rest(struct app_session *session)
{
    struct ftp *ftp = app_state(session);
    line_rest(&ftp->line[0]);
    line_rest(&ftp->line[1]);
    expect_transfer_rest(&ftp->transfer);
    return true;
}

const struct app_ops app_ftp = {
    .name = "ftp",
    .transports = APP_TCP,
    .state_size = sizeof(struct ftp),
    .probe = ftp_probe,
    .data = ftp_data,
    .gap = ftp_gap,
    .rest = ftp_rest,
    .shared_new = ftp_shared_new,
    .shared_free = ftp_shared_free,
};
