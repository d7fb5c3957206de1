/* Mail messages (RFC 5322). What is inside them is for the containers behind the sink; here only the words a rule or
 * an analyst asks for first are read: who, to whom, about what. */
#include "mail.h"

#include "encoded_words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX (64u * 1024)
#define GUESS_BYTES 256 /* of a part whose coding nobody said */
#define BASE64_LINE 60

static const struct {
    const char *name;
    enum meta_id id;
    bool list;
} fields[] = {
    {"From:", META_EMAIL_FROM, false},       {"To:", META_EMAIL_TO, true},
    {"Cc:", META_EMAIL_CC, true},            {"Bcc:", META_EMAIL_BCC, true},
    {"Subject:", META_EMAIL_SUBJECT, false}, {"Date:", META_EMAIL_DATE, false},
    {"Message-ID:", META_EMAIL_MESSAGE_ID, false},
};

void mail_begin(struct app_session *session, struct mail *mail, enum side side, struct meta *meta, uint64_t tx_id,
                uint64_t expected_size)
{
    mail_end(session, mail, false);
    memset(mail, 0, offsetof(struct mail, line));
    mail->line.len = 0;
    mail->line.whole = false;
    mail->value_len = 0;
    mail->field = META_COUNT;
    mail->meta = meta;
    mail->side = side;
    mail->tx_id = tx_id;
    mail->expected_size = expected_size;
    mail->begun = true;
}

/* Lines of base64 as mailers write them: full ones, or one that is padded. */
static bool looks_base64(const char *text, size_t len)
{
    const char *lf = memchr(text, '\n', len);
    size_t n = lf ? (size_t)(lf - text) : len, characters = 0;
    while (n && (text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    bool padded = n && text[n - 1] == '=';
    for (; characters < n; characters++) {
        if (!isalnum((unsigned char)text[characters]) && !strchr("+/=", text[characters]))
            return false;
    }
    return n % 4 == 0 && n && (padded || n >= BASE64_LINE);
}

static struct object *object_of(struct app_session *session, struct mail *mail)
{
    static const struct mail_part message = {.type = "message/rfc822"};
    const struct object_sink *sink = app_objects(session);
    const struct mail_part *part = mail->part ? mail->part : &message;
    const char *encoding = part->encoding;
    if (mail->part && !encoding[0] && looks_base64(mail->line.text, mail->line.len))
        encoding = "base64";
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = mail->side,
        .meta = mail->meta,
        .name = {part->name, part->name_len},
        .declared_type = {part->type, strlen(part->type)},
        .encoding = {encoding, strlen(encoding)},
        .expected_size = mail->expected_size,
        .tx_id = mail->tx_id,
        .time_ns = app_now(session),
    };
    if (mail->asked || !mail->begun || !app_is_content(session, mail->side))
        return mail->object;
    mail->asked = true;
    mail->object = sink->begin(sink->user, &info);
    return mail->object;
}

/* Encoded words undone; a line end inside one would forge an item of a list. */
static size_t decode(char *text, size_t len)
{
    len = encoded_words(text, len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    }
    return len;
}

static void add_address(struct mail *mail, char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    if (from < to)
        meta_add(mail->meta, mail->field, from, decode(from, (size_t)(to - from)));
}

/* RFC 5322 3.4: addresses stand between commas, but for those in quotes, comments and angle brackets. */
static void add_addresses(struct mail *mail)
{
    char *from = mail->value;
    const char *end = mail->value + mail->value_len;
    unsigned comments = 0;
    bool quoted = false, angle = false;
    for (char *p = from; p < end; p++) {
        if (*p == '\\' && (quoted || comments) && p + 1 < end)
            p++;
        else if (*p == '"' && !comments)
            quoted = !quoted;
        else if (!quoted && *p == '(')
            comments++;
        else if (!quoted && *p == ')' && comments)
            comments--;
        else if (!quoted && !comments && (*p == '<' || *p == '>'))
            angle = *p == '<';
        else if (!quoted && !comments && !angle && (*p == ',' || *p == ';')) {
            add_address(mail, from, p);
            from = p + 1;
        }
    }
    add_address(mail, from, end);
}

static void field_done(struct mail *mail)
{
    bool list = false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        list |= fields[i].id == mail->field && fields[i].list;
    if (list)
        add_addresses(mail);
    else if (mail->field != META_COUNT && !meta_get(mail->meta, mail->field).len) /* of two, readers show the first */
        meta_set(mail->meta, mail->field, mail->value, decode(mail->value, mail->value_len));
    mail->field = META_COUNT;
    mail->value_len = 0;
}

static void append_value(struct mail *mail, const char *data, size_t len)
{
    while (len && (*data == ' ' || *data == '\t')) {
        data++;
        len--;
    }
    if (mail->value_len && len && mail->value_len < sizeof(mail->value))
        mail->value[mail->value_len++] = ' ';
    size_t room = sizeof(mail->value) - mail->value_len;
    size_t n = len < room ? len : room;
    memcpy(mail->value + mail->value_len, data, n);
    mail->value_len = (uint16_t)(mail->value_len + n);
}

static void head_line(struct mail *mail, const struct line *line)
{
    if (!line->len) {
        field_done(mail);
        mail->head_done = true;
        return;
    }
    if (line->text[0] == ' ' || line->text[0] == '\t') {
        if (mail->field != META_COUNT)
            append_value(mail, line->text, line->len);
        return;
    }
    field_done(mail);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t n = strlen(fields[i].name);
        if (line->len > n && strncasecmp(line->text, fields[i].name, n) == 0) {
            mail->field = fields[i].id;
            append_value(mail, line->text + n, line->len - n);
        }
    }
}

/* A part's coding is not known yet: its first bytes wait in the line until they tell. */
static bool is_guessed(const struct mail *mail)
{
    return mail->part && !mail->asked && !mail->part->encoding[0];
}

static void end_guess(struct app_session *session, struct mail *mail)
{
    const struct object_sink *sink = app_objects(session);
    size_t held = mail->line.len;
    struct object *object = object_of(session, mail);
    mail->line.len = 0;
    if (object && held)
        sink->data(sink->user, object, (const uint8_t *)mail->line.text, held);
}

void mail_data(struct app_session *session, struct mail *mail, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    mail->head_bytes += len;
    if (is_guessed(mail)) {
        size_t room = GUESS_BYTES - mail->line.len, n = len < room ? len : room;
        memcpy(mail->line.text + mail->line.len, data, n);
        mail->line.len = (uint16_t)(mail->line.len + n);
        data += n;
        len -= n;
        if (mail->line.len < GUESS_BYTES)
            return;
        end_guess(session, mail);
    }
    struct object *object = object_of(session, mail);
    if (!object || !len)
        return;
    if (mail->part)
        mail->head_done = true;
    const uint8_t *at = data;
    for (size_t left = len; left && !mail->head_done;) {
        if (line_take(&mail->line, &at, &left))
            head_line(mail, &mail->line);
    }
    if (mail->head_bytes > HEAD_MAX)
        mail->head_done = true;
    sink->data(sink->user, object, data, len);
}

struct text_target {
    struct app_session *session;
    struct mail *mail;
};

static void on_text(void *user, const uint8_t *data, size_t len)
{
    struct text_target *target = user;
    if (target->mail->begun)
        mail_data(target->session, target->mail, data, len);
}

size_t mail_text(struct app_session *session, struct mail *mail, struct dot_text *dot, const uint8_t *data, size_t len,
                 bool *done)
{
    struct text_target target = {session, mail};
    return dot_take(dot, data, len, on_text, &target, done);
}

void mail_gap(struct app_session *session, struct mail *mail, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (is_guessed(mail))
        end_guess(session, mail);
    struct object *object = object_of(session, mail);
    mail->head_done = true;
    if (object)
        sink->gap(sink->user, object, len);
}

void mail_end(struct app_session *session, struct mail *mail, bool whole)
{
    const struct object_sink *sink = app_objects(session);
    if (!mail->begun)
        return;
    if (is_guessed(mail) && mail->line.len)
        end_guess(session, mail);
    field_done(mail);
    if (mail->object)
        sink->end(sink->user, mail->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    mail->object = NULL;
    mail->begun = false;
    meta_drop(app_meta_pool(session), mail->meta);
    mail->meta = NULL;
    mail->head_bytes = 0;
}

bool mail_rest(struct mail *mail)
{
    if (!mail->begun) {
        memset(mail, 0, sizeof(*mail));
        return true;
    }
    line_rest(&mail->line);
    memset(mail->value + mail->value_len, 0, sizeof(mail->value) - mail->value_len);
    return !mail->part;
}
