/* IMAP (RFC 9051, RFC 3501): messages put on a server with APPEND, and those an inside server gives
 * with FETCH. Both travel as literals: a line that ends in "{n}" is followed by exactly n bytes,
 * then by the rest of the line. A message may be fetched in pieces ("BODY[]<0>",
 * "BODY[]<65536>"...), which are put together while they follow each other. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "mail.h"

#define TAG_ROOM 32

struct imap_side {
    struct line line;
    uint64_t left;    /* of the literal */
    bool content;     /* the literal is mail */
    bool appending;   /* client: within an APPEND command */
    bool pieces;      /* server: the mail comes in pieces */
    uint64_t origin;  /* of the next piece */
    uint64_t piece;   /* size of the first one */
    bool short_piece; /* the last one was shorter, so it was the last */
    bool piece_whole; /* it came to its end */
    uint32_t message; /* sequence number of the pieces */
    struct mail mail;
    uint64_t messages;
};

struct imap {
    struct imap_side side[2];
    char tag[TAG_ROOM]; /* of the client's latest command */
    uint8_t tag_len;
    bool starttls;      /* asked for under that tag */
    bool waits;         /* a literal that the server must first invite */
};

static const char *const verbs[] = {"CAPABILITY", "LOGIN",  "AUTHENTICATE", "STARTTLS", "ID",     "NOOP",
                                    "SELECT",     "EXAMINE", "APPEND",      "FETCH",    "UID",    "LIST",
                                    "LSUB",       "STATUS", "ENABLE",       "LOGOUT",   "NAMESPACE", "IDLE", NULL};

static size_t tag_length(const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && n < TAG_ROOM && data[n] > ' ' && data[n] < 0x7f && !strchr("(){%*\"\\+", data[n]))
        n++;
    return n;
}

static enum app_probe imap_probe(const struct app_probe_input *input)
{
    const uint8_t *client = input->data[SIDE_CLIENT], *server = input->data[SIDE_SERVER];
    size_t client_len = input->len[SIDE_CLIENT], server_len = input->len[SIDE_SERVER];
    if (server_len && server[0] != '*' && server[0] != '+' && !tag_length(server, server_len))
        return APP_NO;
    if (!client_len)
        return server_len && server[0] == '*' && (server_len < 2 || server[1] == ' ') ? APP_MORE : APP_NO;
    size_t tag = tag_length(client, client_len);
    if (tag == client_len)
        return tag < TAG_ROOM ? APP_MORE : APP_NO;
    if (!tag || client[tag] != ' ')
        return APP_NO;
    if (!memchr(client, '\n', client_len))
        return client_len > LINE_ROOM ? APP_NO : APP_MORE;
    return begins_with_word(client + tag + 1, client_len - tag - 1, verbs) ? APP_YES : APP_NO;
}

/* ---- literals ---- */

static void begin_mail(struct app_session *session, enum side side, uint64_t size)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    mail_begin(session, &s->mail, side, meta_new(app_meta_pool(session)), s->messages++, size);
}

static void end_literal(struct app_session *session, enum side side)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (s->content && !s->pieces)
        mail_end(session, &s->mail, true);
    s->piece_whole = true;
    s->content = false;
}

static void end_pieces(struct app_session *session, enum side side)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (s->pieces)
        mail_end(session, &s->mail, s->short_piece && s->piece_whole);
    s->pieces = false;
}

/* "BODY[]<65536> {n}": the place of this piece in its message, and whether there is one. */
static bool origin_of(struct text item, uint64_t *origin)
{
    const char *open = item.len ? memrchr(item.data, '<', item.len) : NULL;
    const char *bracket = item.len ? memrchr(item.data, ']', item.len) : NULL;
    if (!open || !bracket || open != bracket + 1)
        return false;
    *origin = 0;
    for (const char *p = open + 1; p < item.data + item.len && *p >= '0' && *p <= '9' && *origin < UINT64_MAX / 16; p++)
        *origin = *origin * 10 + (uint64_t)(*p - '0');
    return true;
}

static void take_piece(struct app_session *session, enum side side, uint32_t message, uint64_t origin, uint64_t size)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (!s->pieces || s->message != message || s->origin != origin || s->short_piece) {
        end_pieces(session, side);
        s->pieces = true;
        s->message = message;
        s->piece = size;
        begin_mail(session, side, OBJECT_SIZE_UNKNOWN);
    }
    s->short_piece = origin && size < s->piece; /* a lone first piece may be all of the message, or not */
    s->origin = origin + size;
    s->piece_whole = false;
}

/* What the last data item of a FETCH response is: the text from its last "BODY[" or "RFC822" to the literal. */
static struct text last_item(const struct line *line)
{
    static const char *const names[] = {"BODY[", "BINARY[", "RFC822"};
    struct text found = {NULL, 0};
    for (size_t at = 0; at < line->len; at++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            size_t n = strlen(names[i]);
            if (line->len - at >= n && strncasecmp(line->text + at, names[i], n) == 0)
                found = (struct text){line->text + at, line->len - at};
        }
    }
    return found;
}

static void begin_fetched(struct app_session *session, enum side side, const struct line *line, uint64_t size)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    struct text item = last_item(line);
    uint64_t origin;
    bool whole = item.len > 6 && (memcmp(item.data + 4, "[]", 2) == 0 || strncasecmp(item.data, "RFC822 ", 7) == 0);
    if (!whole)
        return; /* a header, a structure, a name; a part without its header is searched with its message */
    s->content = true;
    if (origin_of(item, &origin)) {
        take_piece(session, side, (uint32_t)strtoul(line->text + (line->len > 2 ? 2 : 0), NULL, 10), origin, size);
        return;
    }
    end_pieces(session, side);
    begin_mail(session, side, size);
}

/* ---- lines ---- */

static void take_command(struct app_session *session, enum side side, const struct line *line)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    uint64_t size;
    bool waits = false, literal = line_literal(line, &size, &waits);
    if (!s->appending) {
        size_t tag = tag_length((const uint8_t *)line->text, line->len);
        struct line rest = {.len = 0};
        if (tag < line->len) {
            memcpy(imap->tag, line->text, tag);
            imap->tag_len = (uint8_t)tag;
            rest.len = (uint16_t)(line->len - tag - 1 < 16 ? line->len - tag - 1 : 16);
            memcpy(rest.text, line->text + tag + 1, rest.len);
        }
        imap->starttls = line_verb(&rest, "STARTTLS", NULL);
        s->appending = line_verb(&rest, "APPEND", NULL);
    }
    if (!literal) {
        s->appending = false;
        return;
    }
    s->left = size;
    s->content = s->appending && size; /* an empty one makes no object */
    imap->waits = waits;
    if (s->content)
        begin_mail(session, side, size);
}

static bool is_tagged(const struct imap *imap, const struct line *line)
{
    return imap->tag_len && line->len > imap->tag_len && memcmp(line->text, imap->tag, imap->tag_len) == 0 &&
           line->text[imap->tag_len] == ' ';
}

/* True when what follows is TLS. */
static bool take_response(struct app_session *session, enum side side, const struct line *line)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side], *client = &imap->side[side_other(side)];
    uint64_t size;
    bool waits;
    if (is_tagged(imap, line)) {
        bool good = line->len >= imap->tag_len + 3u && strncasecmp(line->text + imap->tag_len + 1, "OK", 2) == 0;
        if (!good && imap->waits && client->left && !client->mail.head_bytes) { /* the literal is not invited */
            mail_end(session, &client->mail, false);
            client->left = 0;
            client->content = client->appending = false;
        }
        imap->waits = false;
        if (good && imap->starttls)
            return true;
    }
    if (line_literal(line, &size, &waits)) {
        s->left = size;
        begin_fetched(session, side, line, size);
    }
    return false;
}

static void imap_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    while (len) {
        if (s->left) {
            size_t n = len < s->left ? len : (size_t)s->left;
            if (s->content)
                mail_data(session, &s->mail, data, n);
            s->left -= n;
            data += n;
            len -= n;
            if (!s->left)
                end_literal(session, side);
        } else if (!line_take(&s->line, &data, &len)) {
            return;
        } else if (side == SIDE_CLIENT) {
            take_command(session, side, &s->line);
        } else if (take_response(session, side, &s->line)) {
            app_switch(session, NULL, len);
            return;
        }
    }
}

static void imap_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    uint64_t inside = len < s->left ? len : s->left;
    if (inside && s->content)
        mail_gap(session, &s->mail, inside);
    s->left -= inside;
    if (inside && !s->left)
        end_literal(session, side);
    if (len > inside) {
        s->line.len = s->line.tail_len = 0;
        s->appending = false;
    }
}

static bool imap_rest(struct app_session *session)
{
    struct imap *imap = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        line_rest(&imap->side[side].line);
        mail_rest(&imap->side[side].mail);
    }
    return true;
}

static void imap_close(struct app_session *session)
{
    struct imap *imap = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        end_pieces(session, side);
        mail_end(session, &imap->side[side].mail, false);
    }
}

const struct app_ops app_imap = {
    .name = "imap",
    .transports = APP_TCP,
    .state_size = sizeof(struct imap),
    .probe = imap_probe,
    .data = imap_data,
    .gap = imap_gap,
    .rest = imap_rest,
    .close = imap_close,
};
