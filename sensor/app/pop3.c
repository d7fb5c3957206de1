/* POP3 (RFC 1939): the messages a server hands out with RETR and TOP. Replies come in the order of the commands. */
#include <string.h>

#include "app.h"
#include "dot.h"
#include "mail.h"

#define PENDING_MAX 128

enum pop3_command { POP3_LINE, POP3_LIST, POP3_MESSAGE, POP3_PART, POP3_STLS, POP3_AUTH, POP3_NONE };

struct pop3 {
    struct line client, server;
    uint8_t pending[PENDING_MAX]; /* ring of enum pop3_command */
    unsigned first, count;
    bool challenged; /* the server said "+ ": the client's next line is an answer (RFC 5034 4) */
    uint8_t last;    /* enum pop3_command */
    bool greeted, text; /* inside a reply of many lines */
    struct dot_text dot;
    struct mail mail;
    bool part; /* TOP: not the whole message */
    uint64_t messages;
};

static const char *const verbs[] = {"USER", "PASS", "APOP", "AUTH", "CAPA", "STLS", "STAT", "LIST", "UIDL", "RETR",
                                    "TOP",  "DELE", "QUIT", "NOOP", "RSET", "UTF8", NULL};

static enum app_probe pop3_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    size_t have = server_len < 3 ? server_len : 3;
    if (have && memcmp(server, "+OK", have) != 0)
        return APP_NO;
    if (client_len && memchr(client, '\n', client_len)) {
        if (!begins_with_word(client, client_len, verbs))
            return APP_NO;
        return have == 3 ? APP_YES : APP_MORE;
    }
    if (client_len && ((client[0] | 0x20) < 'a' || (client[0] | 0x20) > 'z'))
        return APP_NO;
    return client_len > LINE_ROOM ? APP_NO : APP_MORE;
}

static enum pop3_command command_of(const struct line *line)
{
    struct text rest;
    if (line_verb(line, "RETR", &rest))
        return POP3_MESSAGE;
    if (line_verb(line, "TOP", &rest))
        return POP3_PART;
    if (line_verb(line, "CAPA", &rest))
        return POP3_LIST;
    if (line_verb(line, "LIST", &rest) || line_verb(line, "UIDL", &rest))
        return rest.len ? POP3_LINE : POP3_LIST;
    if (line_verb(line, "STLS", &rest))
        return POP3_STLS;
    if (line_verb(line, "AUTH", &rest))
        return rest.len ? POP3_AUTH : POP3_LIST;
    for (const char *const *verb = verbs; *verb; verb++) {
        if (line_verb(line, *verb, NULL))
            return POP3_LINE;
    }
    return POP3_NONE;
}

static void take_command(struct pop3 *pop3, const struct line *line)
{
    enum pop3_command command = command_of(line);
    bool answer = pop3->challenged || (command == POP3_NONE && pop3->last == POP3_AUTH);
    pop3->challenged = false;
    if (answer) /* the reply to it is the reply to AUTH */
        return;
    pop3->last = (uint8_t)command;
    if (pop3->count == PENDING_MAX) {
        pop3->first = (pop3->first + 1) % PENDING_MAX;
        pop3->count--;
    }
    pop3->pending[(pop3->first + pop3->count++) % PENDING_MAX] = (uint8_t)command;
}

/* True when what follows is TLS. */
static bool take_reply(struct app_session *session, enum side side, const struct line *line)
{
    struct pop3 *pop3 = app_state(session);
    bool good = line->len >= 3 && memcmp(line->text, "+OK", 3) == 0;
    pop3->challenged = line->len && line->text[0] == '+' && !good;
    if (!pop3->count || pop3->challenged) /* the greeting, or "+ " of an AUTH exchange */
        return false;
    enum pop3_command command = pop3->pending[pop3->first];
    pop3->first = (pop3->first + 1) % PENDING_MAX;
    pop3->count--;
    if (!good)
        return false;
    pop3->text = command == POP3_LIST || command == POP3_MESSAGE || command == POP3_PART;
    memset(&pop3->dot, 0, sizeof(pop3->dot));
    if (command == POP3_MESSAGE || command == POP3_PART) {
        pop3->part = command == POP3_PART;
        mail_begin(session, &pop3->mail, side, meta_new(app_meta_pool(session)), pop3->messages++, OBJECT_SIZE_UNKNOWN);
    }
    return command == POP3_STLS;
}

static void server_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct pop3 *pop3 = app_state(session);
    while (len) {
        if (pop3->text) {
            bool done;
            size_t used = mail_text(session, &pop3->mail, &pop3->dot, data, len, &done);
            data += used;
            len -= used;
            if (done) {
                mail_end(session, &pop3->mail, !pop3->part);
                pop3->text = false;
            }
        } else if (!line_take(&pop3->server, &data, &len)) {
            return;
        } else if (!pop3->greeted) {
            pop3->greeted = true;
            if (app_flow(session)->midstream && take_reply(session, side, &pop3->server)) {
                app_switch(session, NULL, len);
                return;
            }
        } else if (take_reply(session, side, &pop3->server)) {
            app_switch(session, NULL, len);
            return;
        }
    }
}

static void pop3_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct pop3 *pop3 = app_state(session);
    if (side == SIDE_SERVER) {
        server_data(session, side, data, len);
        return;
    }
    while (len) {
        if (pop3->last == POP3_STLS && data[0] == 0x16) { /* a ClientHello: the reply was not seen */
            app_switch(session, NULL, len);
            return;
        }
        if (line_take(&pop3->client, &data, &len))
            take_command(pop3, &pop3->client);
    }
}

static void pop3_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct pop3 *pop3 = app_state(session);
    if (side == SIDE_CLIENT) {
        pop3->client.len = 0;
    } else if (pop3->text) {
        if (pop3->mail.begun)
            mail_gap(session, &pop3->mail, len);
        pop3->dot.state = DOT_INSIDE;
        pop3->dot.last_cr = false;
    } else {
        pop3->server.len = 0;
        pop3->count = 0;
    }
}

static bool pop3_rest(struct app_session *session)
{
    struct pop3 *pop3 = app_state(session);
    mail_rest(&pop3->mail);
    line_rest(&pop3->client);
    line_rest(&pop3->server);
    if (!pop3->count)
        memset(pop3->pending, 0, sizeof(pop3->pending));
    return true;
}

static void pop3_close(struct app_session *session)
{
    struct pop3 *pop3 = app_state(session);
    mail_end(session, &pop3->mail, false);
}

const struct app_ops app_pop3 = {
    .name = "pop3",
    .transports = APP_TCP,
    .state_size = sizeof(struct pop3),
    .probe = pop3_probe,
    .data = pop3_data,
    .gap = pop3_gap,
    .rest = pop3_rest,
    .close = pop3_close,
};
