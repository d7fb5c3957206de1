/* NNTP (RFC 3977): articles posted (POST, IHAVE, TAKETHIS) and those an inside server hands out (ARTICLE, HEAD, BODY).
 * An article is a mail in all but its addresses. A reply's code says whether text follows: none has to be counted. */
#include <string.h>

#include "app.h"
#include "dot.h"
#include "mail.h"

enum nntp_command { NNTP_OTHER, NNTP_POST, NNTP_TAKETHIS, NNTP_STARTTLS };

struct nntp_side {
    struct line line;
    bool text;     /* inside text that ends with a dot */
    bool content;  /* which is an article */
    bool invited;  /* client: the server asked for it */
    struct dot_text dot;
    struct mail mail;
    uint64_t messages;
};

struct nntp {
    struct nntp_side side[2];
    struct mail_part body; /* an article without its header */
    uint8_t last;          /* enum nntp_command that waits for its reply */
};

static const char *const verbs[] = {
    "MODE",  "GROUP",        "ARTICLE",   "HEAD",     "BODY", "STAT",      "POST", "IHAVE",   "CHECK", "OVER",
    "XOVER", "CAPABILITIES", "LISTGROUP", "TAKETHIS", "HDR",  "NEWGROUPS", "XHDR", "NEWNEWS", NULL,
};

static enum app_probe nntp_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    size_t have = server_len < 2 ? server_len : 2;
    if (have && memcmp(server, "20", have) != 0 && !input->flow->midstream)
        return APP_NO;
    if (client_len && memchr(client, '\n', client_len)) {
        if (!begins_with_word(client, client_len, verbs))
            return APP_NO;
        /* The words are everyday ones: a news server's greeting proves it, or a reader's first command. */
        return have == 2 || strncasecmp((const char *)client, "MODE READER", 11) == 0 ? APP_YES : APP_MORE;
    }
    if (client_len && ((client[0] | 0x20) < 'a' || (client[0] | 0x20) > 'z'))
        return APP_NO;
    return client_len > LINE_ROOM ? APP_NO : APP_MORE;
}

static void begin_text(struct app_session *session, enum side side, bool article, const struct mail_part *part)
{
    struct nntp *nntp = app_state(session);
    struct nntp_side *s = &nntp->side[side];
    memset(&s->dot, 0, sizeof(s->dot));
    s->text = true;
    s->content = article;
    s->invited = false;
    if (!article)
        return;
    mail_begin(session, &s->mail, side, meta_new(app_meta_pool(session)), s->messages++, OBJECT_SIZE_UNKNOWN);
    s->mail.part = part;
}

static void end_text(struct app_session *session, enum side side, bool whole)
{
    struct nntp *nntp = app_state(session);
    struct nntp_side *s = &nntp->side[side];
    mail_end(session, &s->mail, whole);
    s->text = false;
}

static void take_command(struct app_session *session, enum side side, const struct line *line)
{
    struct nntp *nntp = app_state(session);
    struct text rest;
    nntp->last = NNTP_OTHER;
    if (line_verb(line, "POST", &rest) || line_verb(line, "IHAVE", &rest))
        nntp->last = NNTP_POST;
    else if (line_verb(line, "TAKETHIS", &rest))
        nntp->last = NNTP_TAKETHIS;
    else if (line_verb(line, "STARTTLS", &rest))
        nntp->last = NNTP_STARTTLS;
    if (nntp->last == NNTP_POST || nntp->last == NNTP_TAKETHIS)
        begin_text(session, side, true, NULL);
}

/* True when what follows is TLS. */
static bool take_reply(struct app_session *session, enum side side, const struct line *line)
{
    static const uint16_t texts[] = {100, 101, 211, 215, 224, 225, 230, 231, 282};
    struct nntp *nntp = app_state(session);
    struct nntp_side *client = &nntp->side[side_other(side)];
    bool last;
    unsigned code = line_reply(line, &last);
    if (code >= 400 && nntp->last == NNTP_POST && client->text && !client->mail.head_bytes)
        end_text(session, side_other(side), false); /* refused before a byte of it was sent */
    client->invited |= code == 340 || code == 335;
    if (code == 220 || code == 221 || code == 222)
        begin_text(session, side, true, code == 222 ? &nntp->body : NULL);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (code == texts[i] && (code != 211 || memmem(line->text, line->len, "list follows", 12)))
            begin_text(session, side, false, NULL);
    }
    return code == 382 && nntp->last == NNTP_STARTTLS;
}

/* No reply was seen, and what comes after POST is a command: it was refused. */
static bool is_refused(const struct nntp_side *s, const uint8_t *data, size_t len)
{
    static const char *const commands[] = {"QUIT", "GROUP", "POST", "MODE", "IHAVE", NULL};
    return s->text && !s->invited && !s->mail.head_bytes && begins_with_word(data, len, commands);
}

static void nntp_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nntp *nntp = app_state(session);
    struct nntp_side *s = &nntp->side[side];
    while (len) {
        if (side == SIDE_CLIENT && is_refused(s, data, len))
            end_text(session, side, false);
        if (s->text) {
            bool done;
            size_t used = mail_text(session, &s->mail, &s->dot, data, len, &done);
            data += used;
            len -= used;
            if (done)
                end_text(session, side, true);
        } else if (side == SIDE_CLIENT && nntp->last == NNTP_STARTTLS && data[0] == 0x16) {
            app_switch(session, NULL, len);
            return;
        } else if (!line_take(&s->line, &data, &len)) {
            return;
        } else if (side == SIDE_CLIENT) {
            take_command(session, side, &s->line);
        } else if (take_reply(session, side, &s->line)) {
            app_switch(session, NULL, len);
            return;
        }
    }
}

static void nntp_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct nntp *nntp = app_state(session);
    struct nntp_side *s = &nntp->side[side];
    s->line.len = 0;
    if (!s->text)
        return;
    if (s->mail.begun)
        mail_gap(session, &s->mail, len);
    s->dot.state = DOT_INSIDE;
    s->dot.last_cr = false;
}

static bool nntp_rest(struct app_session *session)
{
    struct nntp *nntp = app_state(session);
    bool good = true;
    for (unsigned side = 0; side < 2; side++) {
        line_rest(&nntp->side[side].line);
        good &= mail_rest(&nntp->side[side].mail);
    }
    return good;
}

static void nntp_close(struct app_session *session)
{
    end_text(session, SIDE_CLIENT, false);
    end_text(session, SIDE_SERVER, false);
}

const struct app_ops app_nntp = {
    .name = "nntp",
    .transports = APP_TCP,
    .state_size = sizeof(struct nntp),
    .probe = nntp_probe,
    .data = nntp_data,
    .gap = nntp_gap,
    .rest = nntp_rest,
    .close = nntp_close,
};
