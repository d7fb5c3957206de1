/* SMTP and LMTP (RFC 5321, RFC 2033, RFC 3030): envelopes and messages, by DATA or BDAT, pipelined or not; after
 * STARTTLS the decoders are asked again. Replies are followed because a refused DATA is followed by commands, not
 * by a message; where only the client is seen, every DATA counts as accepted. */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "dot.h"
#include "mail.h"

#define PENDING_MAX 128  /* commands without a reply that are remembered */
#define STRANGE_MAX 16   /* lines that are no commands; then the bytes are searched raw */
#define RECIPIENTS_ROOM 1024

enum smtp_mode { SMTP_COMMAND, SMTP_DATA, SMTP_BDAT };
enum smtp_command { SMTP_OTHER, SMTP_DATA_COMMAND, SMTP_STARTTLS };

struct smtp {
    enum smtp_mode mode;
    bool last;          /* the BDAT chunk is the message's last */
    bool answered;      /* the server is seen */
    uint64_t left;      /* of the BDAT chunk */
    uint64_t messages;
    struct dot_text dot;
    struct mail mail;
    struct line client, server;
    uint8_t pending[PENDING_MAX]; /* ring of enum smtp_command */
    unsigned pending_first, pending_count;
    unsigned strange;
    uint16_t from_len, helo_len, recipients_len;
    char from[256], helo[256], recipients[RECIPIENTS_ROOM];
};

static const char *const verbs[] = {"EHLO", "HELO", "LHLO", "MAIL FROM", "RCPT TO", "BDAT", "STARTTLS", NULL};

static enum app_probe smtp_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    if (server_len && (server[0] < '2' || server[0] > '5'))
        return APP_NO;
    if (client_len && memchr(client, '\n', client_len))
        return begins_with_word(client, client_len, verbs) ? APP_YES : APP_NO;
    if (client_len && ((client[0] | 0x20) < 'a' || (client[0] | 0x20) > 'z'))
        return APP_NO;
    if (input->final && !client_len && server_len > 4 && memcmp(server, "220", 3) == 0 &&
        memmem(server, server_len, "SMTP", 4))
        return APP_YES;
    return client_len > LINE_ROOM ? APP_NO : APP_MORE;
}

/* ---- the envelope ---- */

static void keep(char *out, uint16_t *out_len, size_t room, struct text text)
{
    *out_len = (uint16_t)(text.len < room ? text.len : room);
    if (*out_len)
        memcpy(out, text.data, *out_len);
}

static void add_recipient(struct smtp *smtp, struct text address)
{
    size_t n = smtp->recipients_len;
    if (address.len + 1 > RECIPIENTS_ROOM - n)
        return;
    if (n)
        smtp->recipients[n++] = ',';
    memcpy(smtp->recipients + n, address.data, address.len);
    smtp->recipients_len = (uint16_t)(n + address.len);
}

static void begin_message(struct app_session *session, enum side side)
{
    struct smtp *smtp = app_state(session);
    struct meta *meta = meta_new(app_meta_pool(session));
    meta_set(meta, META_SMTP_HELO, smtp->helo, smtp->helo_len);
    meta_set(meta, META_SMTP_MAIL_FROM, smtp->from, smtp->from_len);
    meta_set(meta, META_SMTP_RCPT_TO, smtp->recipients, smtp->recipients_len);
    mail_begin(session, &smtp->mail, side, meta, smtp->messages++, OBJECT_SIZE_UNKNOWN);
    smtp->from_len = smtp->recipients_len = 0; /* RFC 5321 4.1.1.4: the next message has its own */
    memset(&smtp->dot, 0, sizeof(smtp->dot));
}

static void end_message(struct app_session *session, bool whole)
{
    struct smtp *smtp = app_state(session);
    mail_end(session, &smtp->mail, whole);
    smtp->mode = SMTP_COMMAND;
}

/* ---- commands and replies ---- */

static void expect_reply(struct smtp *smtp, enum smtp_command command)
{
    if (smtp->pending_count == PENDING_MAX) { /* the oldest will not be answered any more */
        smtp->pending_first = (smtp->pending_first + 1) % PENDING_MAX;
        smtp->pending_count--;
    }
    smtp->pending[(smtp->pending_first + smtp->pending_count++) % PENDING_MAX] = (uint8_t)command;
}

static void take_bdat(struct app_session *session, enum side side, struct text rest)
{
    struct smtp *smtp = app_state(session);
    char number[24];
    size_t n = rest.len < sizeof(number) - 1 ? rest.len : sizeof(number) - 1;
    memcpy(number, rest.data, n);
    number[n] = '\0';
    char *after;
    smtp->left = strtoull(number, &after, 10);
    smtp->last = strcasestr(after, "LAST") != NULL;
    if (!smtp->mail.begun)
        begin_message(session, side);
    if (smtp->left)
        smtp->mode = SMTP_BDAT;
    else if (smtp->last)
        end_message(session, true);
}

/* False when the line is no command. */
static bool take_command(struct app_session *session, enum side side, const struct line *line)
{
    static const char *const others[] = {"NOOP", "QUIT", "RSET", "VRFY", "EXPN", "HELP", "AUTH", "ETRN", "XCLIENT",
                                         "XFORWARD", "SIZE", "TURN", "ATRN", NULL};
    struct smtp *smtp = app_state(session);
    enum smtp_command command = SMTP_OTHER;
    struct text rest;
    bool known = true;
    if (line_verb(line, "EHLO", &rest) || line_verb(line, "HELO", &rest) || line_verb(line, "LHLO", &rest)) {
        keep(smtp->helo, &smtp->helo_len, sizeof(smtp->helo), rest);
    } else if (line->len > 10 && strncasecmp(line->text, "MAIL FROM:", 10) == 0) {
        struct text address = {line->text + 10, line->len - 10u};
        keep(smtp->from, &smtp->from_len, sizeof(smtp->from), angle_address(address));
        smtp->recipients_len = 0;
    } else if (line->len > 8 && strncasecmp(line->text, "RCPT TO:", 8) == 0) {
        add_recipient(smtp, angle_address((struct text){line->text + 8, line->len - 8u}));
    } else if (line_verb(line, "DATA", &rest)) {
        command = SMTP_DATA_COMMAND;
        begin_message(session, side);
        smtp->mode = SMTP_DATA;
    } else if (line_verb(line, "BDAT", &rest)) {
        take_bdat(session, side, rest);
    } else if (line_verb(line, "STARTTLS", &rest)) {
        command = SMTP_STARTTLS;
    } else if (line_verb(line, "RSET", &rest)) {
        end_message(session, false);
        smtp->recipients_len = 0;
    } else {
        known = false;
        for (const char *const *word = others; *word && !known; word++)
            known = line_verb(line, *word, NULL);
    }
    expect_reply(smtp, command);
    return known;
}

/* True when what follows is TLS. */
static bool take_reply(struct app_session *session, const struct line *line)
{
    struct smtp *smtp = app_state(session);
    bool last;
    unsigned code = line_reply(line, &last);
    if (!code || !last || !smtp->pending_count)
        return false;
    enum smtp_command command = smtp->pending[smtp->pending_first];
    smtp->pending_first = (smtp->pending_first + 1) % PENDING_MAX;
    smtp->pending_count--;
    if (command == SMTP_DATA_COMMAND && code >= 400 && smtp->mode == SMTP_DATA && !smtp->mail.head_bytes)
        end_message(session, false); /* refused before a byte of it was sent */
    return command == SMTP_STARTTLS && code == 220;
}

/* ---- bytes ---- */

struct text_target {
    struct app_session *session;
    struct mail *mail;
};

static void on_text(void *user, const uint8_t *data, size_t len)
{
    struct text_target *target = user;
    mail_data(target->session, target->mail, data, len);
}

static void client_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct smtp *smtp = app_state(session);
    while (len) {
        size_t used;
        bool done;
        switch (smtp->mode) {
        case SMTP_COMMAND:
            if (!line_take(&smtp->client, &data, &len))
                return;
            if (!take_command(session, side, &smtp->client) && ++smtp->strange > STRANGE_MAX) {
                app_switch(session, &app_raw, len);
                return;
            }
            break;
        case SMTP_DATA: {
            struct text_target target = {session, &smtp->mail};
            used = dot_take(&smtp->dot, data, len, on_text, &target, &done);
            data += used;
            len -= used;
            if (done) {
                end_message(session, true);
                expect_reply(smtp, SMTP_OTHER);
            }
            break;
        }
        case SMTP_BDAT:
            used = len < smtp->left ? len : (size_t)smtp->left;
            mail_data(session, &smtp->mail, data, used);
            data += used;
            len -= used;
            smtp->left -= used;
            if (!smtp->left && smtp->last)
                end_message(session, true);
            else if (!smtp->left)
                smtp->mode = SMTP_COMMAND;
            break;
        }
    }
}

static void smtp_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct smtp *smtp = app_state(session);
    if (side == SIDE_CLIENT) {
        client_data(session, side, data, len);
        return;
    }
    while (len) {
        if (!line_take(&smtp->server, &data, &len))
            return;
        if (take_reply(session, &smtp->server)) {
            app_switch(session, NULL, len);
            return;
        }
    }
}

static void smtp_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct smtp *smtp = app_state(session);
    if (side == SIDE_SERVER) {
        smtp->server.len = 0;
        smtp->pending_count = 0;
        return;
    }
    if (smtp->mode == SMTP_DATA) {
        mail_gap(session, &smtp->mail, len);
        smtp->dot.state = DOT_INSIDE;
        smtp->dot.last_cr = false;
    } else if (smtp->mode == SMTP_BDAT) {
        uint64_t inside = len < smtp->left ? len : smtp->left;
        mail_gap(session, &smtp->mail, inside);
        smtp->left -= inside;
        if (!smtp->left)
            end_message(session, false);
    } else {
        smtp->client.len = 0;
        smtp->pending_count = 0;
    }
}

static void smtp_end(struct app_session *session, enum side side, enum stream_end how)
{
    (void)how;
    if (side == SIDE_CLIENT)
        end_message(session, false);
}

static bool smtp_rest(struct app_session *session)
{
    struct smtp *smtp = app_state(session);
    mail_rest(&smtp->mail);
    line_rest(&smtp->client);
    line_rest(&smtp->server);
    if (!smtp->pending_count)
        memset(smtp->pending, 0, sizeof(smtp->pending));
    memset(smtp->from + smtp->from_len, 0, sizeof(smtp->from) - smtp->from_len);
    memset(smtp->helo + smtp->helo_len, 0, sizeof(smtp->helo) - smtp->helo_len);
    memset(smtp->recipients + smtp->recipients_len, 0, sizeof(smtp->recipients) - smtp->recipients_len);
    return true;
}

static void smtp_close(struct app_session *session)
{
    end_message(session, false);
}

const struct app_ops app_smtp = {
    .name = "smtp",
    .transports = APP_TCP,
    .state_size = sizeof(struct smtp),
    .probe = smtp_probe,
    .data = smtp_data,
    .gap = smtp_gap,
    .end = smtp_end,
    .rest = smtp_rest,
    .close = smtp_close,
};
