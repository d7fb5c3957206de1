/* Mail messages (RFC 5322). What is inside them is for the containers behind the sink; here only the words a rule or
 * an analyst asks for first are read: who, to whom, about what. */
#include "mail.h"

#include <string.h>
#include <strings.h>

#define HEAD_MAX (64u * 1024)

static const struct {
    const char *name;
    enum meta_id id;
} fields[] = {{"From:", META_EMAIL_FROM}, {"To:", META_EMAIL_TO}, {"Subject:", META_EMAIL_SUBJECT}};

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

static struct object *object_of(struct app_session *session, struct mail *mail)
{
    static const char type[] = "message/rfc822";
    const struct object_sink *sink = app_objects(session);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = mail->side,
        .meta = mail->meta,
        .declared_type = {type, sizeof(type) - 1},
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

static void field_done(struct mail *mail)
{
    if (mail->field != META_COUNT)
        meta_set(mail->meta, mail->field, mail->value, mail->value_len);
    mail->field = META_COUNT;
    mail->value_len = 0;
}

static void append_value(struct mail *mail, const char *data, size_t len)
{
    while (len && (*data == ' ' || *data == '\t')) {
        data++;
        len--;
    }
    if (mail->value_len && mail->value_len < sizeof(mail->value))
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

void mail_data(struct app_session *session, struct mail *mail, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct object *object = object_of(session, mail);
    mail->head_bytes += len;
    if (!object)
        return;
    const uint8_t *at = data;
    for (size_t left = len; left && !mail->head_done;) {
        if (line_take(&mail->line, &at, &left))
            head_line(mail, &mail->line);
    }
    if (mail->head_bytes > HEAD_MAX)
        mail->head_done = true;
    sink->data(sink->user, object, data, len);
}

void mail_gap(struct app_session *session, struct mail *mail, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
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
    field_done(mail);
    if (mail->object)
        sink->end(sink->user, mail->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    mail->object = NULL;
    mail->begun = false;
    meta_drop(app_meta_pool(session), mail->meta);
    mail->meta = NULL;
    mail->head_bytes = 0;
}

void mail_rest(struct mail *mail)
{
    if (!mail->begun) {
        memset(mail, 0, sizeof(*mail));
        return;
    }
    line_rest(&mail->line);
    memset(mail->value + mail->value_len, 0, sizeof(mail->value) - mail->value_len);
}
