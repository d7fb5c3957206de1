/* IMAP (RFC 9051, RFC 3501): messages put on a server with APPEND (and REPLACE), and those an inside server gives
 * with FETCH. Both travel as literals: a line that ends in "{n}" is followed by exactly n bytes, then by the rest of
 * the line. A message, or one part of it, may be fetched in pieces ("BODY[]<0>", "BODY[]<65536>"...), which are put
 * together while they follow each other. After COMPRESS both directions are deflate streams (RFC 4978). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "deflated.h"
#include "imap_structure.h"
#include "mail.h"

#define TAG_ROOM 32
#define COMPRESSED_LOOK 16

enum imap_verb { IMAP_OTHER, IMAP_STARTTLS, IMAP_COMPRESS };

struct imap_side {
    struct line line;
    uint64_t left;    /* of the literal */
    bool content;     /* the literal is mail */
    bool appending;   /* client: within an APPEND command */
    bool catenate;    /* its literals are pieces of one message (RFC 4469) */
    bool pieces;      /* server: the mail comes in pieces */
    uint64_t origin;  /* of the next piece */
    uint64_t piece;   /* size of the first one */
    bool short_piece; /* the last one was shorter, so it was the last */
    bool piece_whole; /* it came to its end */
    uint32_t message; /* sequence number of the pieces */
    uint32_t header_of; /* the open mail has its header only: its text may be the next literal (0: no) */
    char section[SECTION_ROOM];
    struct mail mail;
    struct mail_part part;
    uint64_t messages;
    struct deflated *deflated;
    bool broken;      /* the deflate stream is */
};

struct imap {
    struct imap_side side[2];
    char tag[TAG_ROOM]; /* of the client's latest command */
    uint8_t tag_len;
    enum imap_verb verb; /* asked for under that tag */
    bool compressed;
    bool waits;          /* a literal that the server must first invite */
    uint64_t asked;      /* bytes of a piece that the client asked for last; 0: not known */
    uint32_t sized;      /* sequence number of the message whose size is known */
    uint64_t size;
    struct imap_structure structure;
};

static const char *const verbs[] = {
    "CAPABILITY", "LOGIN",   "AUTHENTICATE", "STARTTLS", "ID",           "NOOP",     "SELECT",    "EXAMINE",
    "APPEND",     "FETCH",   "UID",          "LIST",     "LSUB",         "STATUS",   "ENABLE",    "LOGOUT",
    "NAMESPACE",  "IDLE",    "COMPRESS",     "SEARCH",   "STORE",        "COPY",     "MOVE",      "CHECK",
    "CLOSE",      "EXPUNGE", "CREATE",       "XLIST",    "REPLACE",      "UNSELECT", "SUBSCRIBE", "SORT",
    "GETQUOTAROOT", NULL,
};

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
    if (!client_len && server_len > 5 && input->final && memcmp(server, "* OK ", 5) == 0)
        return APP_YES; /* the client is not seen */
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

static void begin_mail(struct app_session *session, enum side side, uint64_t size, const struct mail_part *part)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (s->header_of) /* it stays a header, and no transaction */
        s->messages--;
    mail_begin(session, &s->mail, side, meta_new(app_meta_pool(session)), s->messages++, size);
    s->mail.part = part;
    s->header_of = 0;
}

static void end_literal(struct app_session *session, enum side side)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (s->content && !s->pieces && !s->catenate && !s->header_of)
        mail_end(session, &s->mail, true);
    s->piece_whole = true;
    s->content = false;
}

static void end_pieces(struct app_session *session, enum side side)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    bool sized = !s->section[0] && imap->sized == s->message && s->origin >= imap->size;
    if (s->pieces)
        mail_end(session, &s->mail, (s->short_piece || sized) && s->piece_whole);
    s->pieces = false;
}

static uint64_t number_at(const char *at, const char *end)
{
    uint64_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9' && number < UINT64_MAX / 16; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

/* "* 12 FETCH ...": the sequence number. */
static uint32_t message_of(const struct line *line)
{
    return line->len > 2 ? (uint32_t)number_at(line->text + 2, line->text + line->len) : 0;
}

/* A data item of a FETCH response that a literal follows: its section and, when it is a piece, where that begins. */
struct item {
    struct text section; /* "", "2.1", "TEXT", "HEADER", ... */
    bool piece, decoded;
    uint64_t origin;
};

/* The last one on the line: "BODY[2]<0> ", "BINARY[2] ", "RFC822 ". */
static bool read_item(const struct line *line, struct item *item)
{
    static const char *const names[] = {"BODY[", "BINARY[", "RFC822 ", "RFC822.TEXT ", "RFC822.HEADER "};
    const char *end = line->text + line->len, *found = NULL;
    unsigned kind = 0;
    for (const char *at = line->text; at < end; at++) {
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            size_t n = strlen(names[i]);
            if ((size_t)(end - at) >= n && strncasecmp(at, names[i], n) == 0) {
                found = at + n;
                kind = i;
            }
        }
    }
    *item = (struct item){.decoded = kind == 1};
    if (!found)
        return false;
    if (kind >= 2) {
        static const struct text sections[] = {{"", 0}, {"TEXT", 4}, {"HEADER", 6}};
        item->section = sections[kind - 2];
        return true;
    }
    const char *close = memchr(found, ']', (size_t)(end - found));
    if (!close)
        return false;
    item->section = (struct text){found, (size_t)(close - found)};
    item->piece = close + 1 < end && close[1] == '<';
    item->origin = item->piece ? number_at(close + 2, end) : 0;
    return true;
}

/* "2.1" is a part, "TEXT" all of them without the message's own header; headers are in neither. */
static bool is_part(struct text section)
{
    for (size_t i = 0; i < section.len; i++) {
        if (section.data[i] != '.' && (section.data[i] < '0' || section.data[i] > '9'))
            return section.len >= 4 && strncasecmp(section.data + section.len - 4, "TEXT", 4) == 0;
    }
    return section.len > 0;
}

/* What is known of the part, kept for as long as its bytes come. */
static const struct mail_part *part_for(struct imap *imap, struct imap_side *s, uint32_t message,
                                        const struct item *item)
{
    const struct mail_part *known = imap_structure_find(&imap->structure, message, item->section);
    if (!item->section.len)
        return NULL;
    s->part = known ? *known : (struct mail_part){.name_len = 0};
    if (item->decoded)
        memcpy(s->part.encoding, "binary", sizeof("binary"));
    if (!known && !item->decoded && (item->section.data[item->section.len - 1] | 0x20) == 't') {
        memcpy(s->part.type, "multipart/mixed", sizeof("multipart/mixed")); /* its first line tells the boundary */
        memcpy(s->part.encoding, "8bit", sizeof("8bit"));
    }
    return &s->part;
}

static void take_piece(struct app_session *session, enum side side, uint32_t message, const struct item *item,
                       uint64_t size)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    bool same = strlen(s->section) == item->section.len &&
                memcmp(s->section, item->section.len ? item->section.data : "", item->section.len) == 0;
    if (!s->pieces || s->message != message || !same || s->origin != item->origin || s->short_piece) {
        end_pieces(session, side);
        s->pieces = true;
        s->message = message;
        s->piece = size;
        size_t n = item->section.len < sizeof(s->section) ? item->section.len : sizeof(s->section) - 1;
        memcpy(s->section, item->section.len ? item->section.data : "", n);
        s->section[n] = '\0';
        begin_mail(session, side, OBJECT_SIZE_UNKNOWN, part_for(imap, s, message, item));
        if (item->origin)
            mail_gap(session, &s->mail, item->origin); /* its beginning was not fetched, or not seen */
    }
    /* Fewer bytes than were asked for, or than the first time: no more follow. */
    s->short_piece = size < imap->asked || (item->origin && size < s->piece);
    s->origin = item->origin + size;
    s->piece_whole = !size;
}

static bool is_section(struct text section, const char *name)
{
    return section.len == strlen(name) && strncasecmp(section.data, name, section.len) == 0;
}

/* The header, then the text, as some clients fetch a message: one message. Headers alone make no object. */
static bool take_half(struct app_session *session, enum side side, uint32_t message, const struct item *item)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    if (item->piece || !message)
        return false;
    if (is_section(item->section, "HEADER")) {
        end_pieces(session, side);
        begin_mail(session, side, OBJECT_SIZE_UNKNOWN, NULL);
        s->header_of = message;
        return true;
    }
    if (!is_section(item->section, "TEXT") || s->header_of != message || !s->mail.begun)
        return false;
    s->header_of = 0;
    return true;
}

static void begin_fetched(struct app_session *session, enum side side, const struct line *line, uint64_t size)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    struct item item;
    uint32_t message = message_of(line);
    if (!read_item(line, &item))
        return; /* a structure, a name */
    if (take_half(session, side, message, &item)) {
        s->content = true;
        return;
    }
    if (item.section.len && !is_part(item.section))
        return; /* some headers */
    s->content = true;
    if (item.piece) {
        take_piece(session, side, message, &item, size);
        return;
    }
    end_pieces(session, side);
    begin_mail(session, side, size, part_for(imap, s, message, &item));
}

/* ---- lines ---- */

/* "BODY.PEEK[]<0.65536>": how many bytes each piece will have. */
static uint64_t asked_bytes(const struct line *line)
{
    const char *open = line->len ? memrchr(line->text, '<', line->len) : NULL, *end = line->text + line->len;
    const char *dot = open ? memchr(open, '.', (size_t)(end - open)) : NULL;
    return dot ? number_at(dot + 1, end) : 0;
}

static void begin_command(struct imap *imap, struct imap_side *s, const struct line *line)
{
    size_t tag = tag_length((const uint8_t *)line->text, line->len);
    struct line rest = {.len = 0};
    if (tag < line->len) {
        memcpy(imap->tag, line->text, tag);
        imap->tag_len = (uint8_t)tag;
        size_t from = tag + 1;
        if (line->len - from > 4 && strncasecmp(line->text + from, "UID ", 4) == 0)
            from += 4;
        rest.len = (uint16_t)(line->len - from < 16 ? line->len - from : 16);
        memcpy(rest.text, line->text + from, rest.len);
    }
    imap->verb = line_verb(&rest, "STARTTLS", NULL)           ? IMAP_STARTTLS
                 : line_verb(&rest, "COMPRESS DEFLATE", NULL) ? IMAP_COMPRESS
                                                              : IMAP_OTHER;
    s->appending = line_verb(&rest, "APPEND", NULL) || line_verb(&rest, "REPLACE", NULL);
    if (line_verb(&rest, "FETCH", NULL))
        imap->asked = asked_bytes(line);
}

static bool contains(const struct line *line, const char *word)
{
    size_t n = strlen(word);
    for (size_t at = 0; at + n <= line->len; at++) {
        if (strncasecmp(line->text + at, word, n) == 0)
            return true;
    }
    return false;
}

static void take_command(struct app_session *session, enum side side, const struct line *line)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    uint64_t size;
    bool waits = false, literal = line_literal(line, &size, &waits);
    if (!s->appending)
        begin_command(imap, s, line);
    s->catenate |= s->appending && contains(line, " CATENATE (");
    if (s->catenate && contains(line, "URL ")) {
        if (!s->mail.begun)
            begin_mail(session, side, OBJECT_SIZE_UNKNOWN, NULL);
        mail_gap(session, &s->mail, 1); /* bytes the server has already */
    }
    if (!literal) {
        if (s->catenate)
            mail_end(session, &s->mail, true);
        s->appending = s->catenate = false;
        return;
    }
    s->left = size;
    s->content = s->appending && size; /* an empty one makes no object */
    imap->waits = waits;
    if (s->content && !(s->catenate && s->mail.begun))
        begin_mail(session, side, s->catenate ? OBJECT_SIZE_UNKNOWN : size, NULL);
}

static bool is_tagged(const struct imap *imap, const struct line *line)
{
    return imap->tag_len && line->len > imap->tag_len && memcmp(line->text, imap->tag, imap->tag_len) == 0 &&
           line->text[imap->tag_len] == ' ';
}

static void note_size(struct imap *imap, const struct line *line)
{
    static const char word[] = "RFC822.SIZE ";
    const char *found = line->len ? memmem(line->text, line->len, word, sizeof(word) - 1) : NULL;
    if (!found)
        return;
    imap->sized = message_of(line);
    imap->size = number_at(found + sizeof(word) - 1, line->text + line->len);
}

static void take_tagged(struct app_session *session, enum side side, bool good)
{
    struct imap *imap = app_state(session);
    struct imap_side *client = &imap->side[side_other(side)];
    if (!good && imap->waits && client->left && !client->mail.head_bytes) { /* the literal is not invited */
        mail_end(session, &client->mail, false);
        client->left = 0;
        client->content = client->appending = client->catenate = false;
    }
    imap->waits = false;
    imap->compressed |= good && imap->verb == IMAP_COMPRESS;
}

/* True when what follows is TLS. */
static bool take_response(struct app_session *session, enum side side, const struct line *line)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    uint64_t size;
    bool waits;
    if (is_tagged(imap, line)) {
        bool good = line->len >= imap->tag_len + 3u && strncasecmp(line->text + imap->tag_len + 1, "OK", 2) == 0;
        take_tagged(session, side, good);
        if (good && imap->verb == IMAP_STARTTLS)
            return true;
    }
    note_size(imap, line);
    bool literal = line_literal(line, &size, &waits);
    imap_structure_line(&imap->structure, literal);
    if (literal) {
        s->left = size;
        if (imap->structure.matched == 0)
            begin_fetched(session, side, line, size);
        if (!size)
            end_literal(session, side);
    }
    return false;
}

static void literal_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    s->left -= len;
    if (s->content)
        mail_data(session, &s->mail, data, len);
    else if (side == SIDE_SERVER)
        imap_structure_literal(&imap->structure, data, len, !s->left);
    if (!s->left)
        end_literal(session, side);
}

/* Returns the bytes taken: all, but those behind a hand-over to TLS or to compression. */
static size_t plain_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    const uint8_t *begin = data;
    bool compressed = imap->compressed;
    while (len && imap->compressed == compressed) {
        if (s->left) {
            size_t n = len < s->left ? len : (size_t)s->left;
            literal_data(session, side, data, n);
            data += n;
            len -= n;
            continue;
        }
        const uint8_t *from = data;
        bool whole = line_take(&s->line, &data, &len);
        if (side == SIDE_SERVER)
            imap_structure_take(&imap->structure, message_of(&s->line), from, (size_t)(data - from));
        if (whole && side == SIDE_CLIENT)
            take_command(session, side, &s->line);
        else if (whole && take_response(session, side, &s->line) && !compressed) {
            app_switch(session, NULL, len);
            break;
        }
    }
    return (size_t)(data - begin);
}

struct target {
    struct app_session *session;
    enum side side;
};

static void on_plain(void *user, const uint8_t *data, size_t len)
{
    struct target *target = user;
    plain_data(target->session, target->side, data, len);
}

static void compressed_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    struct target target = {session, side};
    if (!s->deflated && !s->broken)
        s->deflated = deflated_open(session);
    if (!s->deflated || s->broken || !deflated_take(s->deflated, data, len, on_plain, &target)) {
        s->broken = true;
        mail_end(session, &s->mail, false);
    }
}

/* Where the server is not seen, its consent shows in what the client goes on with. */
static bool begins_compressed(const struct imap *imap, const uint8_t *data, size_t len)
{
    const struct line *line = &imap->side[SIDE_CLIENT].line;
    if (imap->verb != IMAP_COMPRESS || (line->len && !line->whole))
        return false;
    for (size_t i = 0; i < len && i < COMPRESSED_LOOK; i++) {
        if (data[i] >= 0x7f || (data[i] < ' ' && data[i] != '\r' && data[i] != '\n'))
            return true;
    }
    return false;
}

static void imap_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct imap *imap = app_state(session);
    if (side == SIDE_CLIENT && imap->verb == IMAP_STARTTLS && data[0] == 0x16) { /* a ClientHello */
        app_switch(session, NULL, len);
        return;
    }
    if (side == SIDE_CLIENT && !imap->compressed && begins_compressed(imap, data, len))
        imap->compressed = true;
    if (!imap->compressed) {
        size_t n = plain_data(session, side, data, len);
        data += n;
        len -= n;
    }
    if (imap->compressed && len)
        compressed_data(session, side, data, len);
}

static void imap_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct imap *imap = app_state(session);
    struct imap_side *s = &imap->side[side];
    uint64_t inside = len < s->left ? len : s->left;
    if (imap->compressed) {
        s->broken = true;
        mail_end(session, &s->mail, false);
        return;
    }
    if (inside && s->content)
        mail_gap(session, &s->mail, inside);
    s->left -= inside;
    if (inside && !s->left)
        end_literal(session, side);
    if (len > inside) {
        s->line.len = s->line.tail_len = 0;
        s->appending = s->catenate = false;
    }
}

static bool imap_rest(struct app_session *session)
{
    struct imap *imap = app_state(session);
    bool good = true;
    for (unsigned side = 0; side < 2; side++) {
        line_rest(&imap->side[side].line);
        good &= mail_rest(&imap->side[side].mail);
    }
    imap_structure_rest(&imap->structure);
    return good;
}

static void imap_close(struct app_session *session)
{
    struct imap *imap = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        end_pieces(session, side);
        mail_end(session, &imap->side[side].mail, false);
        deflated_close(session, imap->side[side].deflated);
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
