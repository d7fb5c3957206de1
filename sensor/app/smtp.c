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
#define RECIPIENTS_ROOM META_FIELD_MAX

enum smtp_mode { SMTP_COMMAND, SMTP_DATA, SMTP_BDAT };
enum smtp_command { SMTP_OTHER, SMTP_RECIPIENT, SMTP_DATA_COMMAND, SMTP_STARTTLS };

struct smtp {
    enum smtp_mode mode;
    bool last;          /* the BDAT chunk is the message's last */
    bool invited;       /* the server said 354: what follows is a message, whatever it looks like */
    bool authenticates; /* lines that are no commands are its answers */
    bool challenged;    /* the server said 334: the next line is one, whatever it looks like */
    bool starttls;      /* the client asked for it last */
    bool lmtp;
    bool missed;        /* commands: a first chunk of the message may have been among them */
    bool headless;      /* the message at hand began so */
    uint16_t accepted;  /* recipients: LMTP answers a message once for each (RFC 2033 4.2) */
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

static const char *const verbs[] = {"EHLO", "HELO", "LHLO", "MAIL FROM", "RCPT TO", "BDAT", "STARTTLS", "XCLIENT",
                                    "XFORWARD", NULL};

static enum app_probe smtp_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    if (server_len && (server[0] < '2' || server[0] > '5'))
        return APP_NO;
    if (client_len >= 6 && strncasecmp((const char *)client, "DATA\r\n", 6) == 0) /* its beginning was not seen */
        return APP_YES;
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

/* The path of "MAIL FROM:" or "RCPT TO:" as it was sent, without the parameters behind it. */
static struct text path_of(const struct line *line, size_t at)
{
    while (at < line->len && (line->text[at] == ' ' || line->text[at] == '\t'))
        at++;
    const char *from = line->text + at;
    const char *close = at < line->len && *from == '<' ? memchr(from, '>', line->len - at) : NULL;
    const char *blank = at < line->len ? memchr(from, ' ', line->len - at) : NULL;
    size_t len = close ? (size_t)(close + 1 - from) : blank ? (size_t)(blank - from) : line->len - at;
    return (struct text){from, len};
}

/* A list as meta_add() makes it; what is too much for an event is cut. */
static void add_recipient(struct smtp *smtp, struct text address)
{
    size_t n = smtp->recipients_len;
    if (n && n < RECIPIENTS_ROOM)
        smtp->recipients[n++] = '\n';
    size_t len = address.len < RECIPIENTS_ROOM - n ? address.len : RECIPIENTS_ROOM - n;
    memcpy(smtp->recipients + n, address.data, len);
    smtp->recipients_len = (uint16_t)(n + len);
}

static void begin_message(struct app_session *session, enum side side)
{
    struct smtp *smtp = app_state(session);
    struct meta *meta = meta_new(app_meta_pool(session));
    meta_set(meta, META_SMTP_HELO, smtp->helo, smtp->helo_len);
    meta_set(meta, META_SMTP_MAIL_FROM, smtp->from, smtp->from_len);
    meta_set(meta, META_SMTP_RCPT_TO, smtp->recipients, smtp->recipients_len);
    mail_begin(session, &smtp->mail, side, meta, smtp->messages++, OBJECT_SIZE_UNKNOWN);
    smtp->from_len = 0; /* RFC 5321 4.1.1.4: the next message has its own */
    memset(&smtp->dot, 0, sizeof(smtp->dot));
    smtp->invited = false;
}

static void forget_envelope(struct smtp *smtp)
{
    smtp->recipients_len = 0;
    smtp->accepted = 0;
}

static void end_message(struct app_session *session, bool whole)
{
    struct smtp *smtp = app_state(session);
    if (smtp->mail.begun)
        forget_envelope(smtp);
    mail_end(session, &smtp->mail, whole && !smtp->headless);
    smtp->mode = SMTP_COMMAND;
    smtp->headless = smtp->missed = false;
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

/* What follows a message: a reply, and in LMTP one for each recipient but the first, which counts as the command's. */
static void expect_verdicts(struct smtp *smtp, unsigned already)
{
    unsigned count = smtp->lmtp && smtp->accepted ? smtp->accepted : 1;
    for (unsigned i = already; i < count; i++)
        expect_reply(smtp, SMTP_OTHER);
}

static void take_bdat(struct app_session *session, enum side side, struct text rest)
{
    struct smtp *smtp = app_state(session);
    char number[40];
    size_t n = rest.len < sizeof(number) - 1 ? rest.len : sizeof(number) - 1;
    memcpy(number, rest.data, n);
    number[n] = '\0';
    char *after;
    if (number[0] < '0' || number[0] > '9')
        return; /* refused */
    smtp->left = strtoull(number, &after, 10);
    smtp->last = strcasestr(after, "LAST") != NULL;
    if (!smtp->mail.begun) {
        begin_message(session, side);
        smtp->headless = smtp->missed;
    }
    if (smtp->last)
        expect_verdicts(smtp, 1);
    if (smtp->left)
        smtp->mode = SMTP_BDAT;
    else if (smtp->last)
        end_message(session, true);
}

/* False when the line is no command. */
static bool take_command(struct app_session *session, enum side side, const struct line *line)
{
    static const char *const others[] = {"NOOP", "QUIT", "RSET", "VRFY", "EXPN", "HELP", "ETRN", "XCLIENT",
                                         "XFORWARD", "SIZE", "TURN", "ATRN", NULL};
    struct smtp *smtp = app_state(session);
    enum smtp_command command = SMTP_OTHER;
    struct text rest;
    bool known = true;
    smtp->starttls = false;
    if (smtp->challenged) { /* with its answer */
        smtp->challenged = false;
    } else if (line_verb(line, "EHLO", &rest) || line_verb(line, "HELO", &rest) || line_verb(line, "LHLO", &rest)) {
        end_message(session, false);
        keep(smtp->helo, &smtp->helo_len, sizeof(smtp->helo), rest);
        smtp->lmtp = (line->text[0] | 0x20) == 'l';
    } else if (line->len > 10 && strncasecmp(line->text, "MAIL FROM:", 10) == 0) {
        end_message(session, false); /* BDAT chunks without a last one */
        keep(smtp->from, &smtp->from_len, sizeof(smtp->from), path_of(line, 10));
        forget_envelope(smtp);
    } else if (line->len > 8 && strncasecmp(line->text, "RCPT TO:", 8) == 0) {
        command = SMTP_RECIPIENT;
        add_recipient(smtp, path_of(line, 8));
    } else if (line_verb(line, "DATA", &rest)) {
        command = SMTP_DATA_COMMAND;
        begin_message(session, side);
        smtp->mode = SMTP_DATA;
    } else if (line_verb(line, "BDAT", &rest)) {
        expect_reply(smtp, SMTP_OTHER);
        take_bdat(session, side, rest);
        return true;
    } else if (line_verb(line, "STARTTLS", &rest)) {
        command = SMTP_STARTTLS;
        smtp->starttls = true;
    } else if (line_verb(line, "RSET", &rest)) {
        end_message(session, false);
        forget_envelope(smtp);
    } else if (line_verb(line, "AUTH", &rest)) {
        smtp->authenticates = true;
    } else {
        known = false;
        for (const char *const *word = others; *word && !known; word++)
            known = line_verb(line, *word, NULL);
        known |= smtp->authenticates;
    }
    expect_reply(smtp, command);
    return known;
}

static enum smtp_command answered(struct smtp *smtp)
{
    if (!smtp->pending_count)
        return SMTP_OTHER;
    enum smtp_command command = smtp->pending[smtp->pending_first];
    smtp->pending_first = (smtp->pending_first + 1) % PENDING_MAX;
    smtp->pending_count--;
    return command;
}

/* 354 answers nothing but DATA, so it tells where the replies are. Where the command itself was missed, the message it
 * invites is not. */
static void take_invitation(struct app_session *session, enum side client)
{
    struct smtp *smtp = app_state(session);
    while (smtp->pending_count) {
        if (answered(smtp) == SMTP_DATA_COMMAND)
            break;
    }
    if (smtp->mode == SMTP_COMMAND && !smtp->mail.begun) {
        begin_message(session, client);
        smtp->mode = SMTP_DATA;
    }
    smtp->invited = true;
}

/* True when what follows is TLS. */
static bool take_reply(struct app_session *session, enum side side, const struct line *line)
{
    struct smtp *smtp = app_state(session);
    bool last;
    unsigned code = line_reply(line, &last);
    if (!code || !last)
        return false;
    if (code == 354) {
        take_invitation(session, side_other(side));
        return false;
    }
    enum smtp_command command = answered(smtp);
    smtp->challenged = code == 334;
    if (command == SMTP_RECIPIENT && code < 300 && smtp->accepted < UINT16_MAX)
        smtp->accepted++;
    if (command == SMTP_DATA_COMMAND && code >= 400 && smtp->mode == SMTP_DATA && !smtp->mail.head_bytes)
        end_message(session, false); /* refused before a byte of it was sent */
    return command == SMTP_STARTTLS && code == 220;
}

/* ---- bytes ---- */

/* No reply was seen, and what comes after DATA is a command: the message was refused. */
static bool is_refused(const struct smtp *smtp, const uint8_t *data, size_t len)
{
    static const char *const commands[] = {"RSET", "QUIT", "MAIL FROM", NULL};
    return !smtp->invited && !smtp->mail.head_bytes && begins_with_word(data, len, commands);
}

static void client_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct smtp *smtp = app_state(session);
    bool ended = false; /* a message, and nothing came behind it */
    while (len) {
        size_t used;
        bool done;
        ended = false;
        if (smtp->mode == SMTP_DATA && is_refused(smtp, data, len))
            end_message(session, false);
        switch (smtp->mode) {
        case SMTP_COMMAND:
            if (smtp->starttls && data[0] == 0x16) { /* a ClientHello: the reply was not seen */
                app_switch(session, NULL, len);
                return;
            }
            if (!line_take(&smtp->client, &data, &len))
                return;
            if (!take_command(session, side, &smtp->client) && ++smtp->strange > STRANGE_MAX) {
                app_switch(session, &app_raw, len);
                return;
            }
            break;
        case SMTP_DATA:
            used = mail_text(session, &smtp->mail, &smtp->dot, data, len, &done);
            data += used;
            len -= used;
            if (done) {
                expect_verdicts(smtp, 0);
                end_message(session, true);
                ended = true;
            }
            break;
        case SMTP_BDAT:
            used = len < smtp->left ? len : (size_t)smtp->left;
            mail_data(session, &smtp->mail, data, used);
            data += used;
            len -= used;
            smtp->left -= used;
            ended = !smtp->left && smtp->last;
            if (ended)
                end_message(session, true);
            else if (!smtp->left)
                smtp->mode = SMTP_COMMAND;
            break;
        }
    }
    if (ended)
        app_message_over(session, side);
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
        if (take_reply(session, side, &smtp->server)) {
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
        smtp->missed = true;
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
