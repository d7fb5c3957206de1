/* TNEF (MS-OXTNEF), the "winmail.dat" of Outlook and Exchange: attributes one after another, each a head of nine bytes,
 * a value and a checksum. Attachments stand in them verbatim:
 *
 *      attAttachRenddata                         a new attachment begins
 *      attAttachData                             its bytes
 *      attAttachTitle                            its short name, mostly behind the bytes
 *      attAttachment                             its MAPI properties: long name, type, and for embedded messages and
 *                                                OLE objects the bytes, behind a GUID; a message is TNEF again
 *
 * so that an object gets its name late. The message's own text is in attBody or in the properties of attMsgProps. What
 * else is longer than a few lines is an object too: no byte hides in an attribute nobody reads. */
#include <stdio.h>
#include <string.h>

#include "archive.h"
#include "cursor.h"
#include "env.h"
#include "mapi.h"

#define SIGNATURE_LEN 6 /* and the key of attachments */
#define HEAD_LEN 9
#define PLAIN_MAX 256 /* longer values that nobody reads are objects */

enum attribute { /* the lower half of an attribute's id */
    ATTRIBUTE_BODY = 0x800c,
    ATTRIBUTE_DATA = 0x800f,
    ATTRIBUTE_TITLE = 0x8010,
    ATTRIBUTE_RENDER_DATA = 0x9002,
    ATTRIBUTE_MESSAGE_PROPERTIES = 0x9003,
    ATTRIBUTE_ATTACHMENT_PROPERTIES = 0x9005,
};

enum step { SIGNATURE, HEAD, VALUE, CHECKSUM, LOST };
enum use { SKIP, ATTACHMENT, OTHER, TITLE, PROPERTIES };

struct tnef {
    struct container container;
    enum step step;
    enum use use;  /* of the present value */
    uint64_t left; /* of it */
    uint8_t have;
    uint8_t head[HEAD_LEN];
    unsigned number;           /* of the attachment, from 1 */
    bool whole;                /* all of its bytes came */
    bool named;                /* by its long name, which no other replaces */
    struct object *attachment; /* open until the next begins: its name may follow */
    struct object *other;
    size_t name_len;
    char name[OBJECT_NAME_MAX];
    char type[128];
    size_t title_len;
    char title[OBJECT_NAME_MAX];
    struct mapi mapi;
    struct stray stray;
};

static bool tnef_sniff(const uint8_t *head, size_t len)
{
    (void)len;
    return memcmp(head, "\x78\x9f\x3e\x22", 4) == 0;
}

static void tnef_open(struct container *container, const struct object_info *info)
{
    (void)container;
    (void)info;
}

/* ---- the objects ---- */

static struct object *begin(struct tnef *t, const char *path, struct text type, uint64_t size)
{
    struct object_info info = t->container.base;
    info.path = path;
    info.declared_type = type;
    info.expected_size = size;
    info.time_ns = t->container.env->now_ns;
    return object_begin(t->container.env, &info);
}

static void end_attachment(struct tnef *t, enum object_state state)
{
    if (t->attachment && t->name_len)
        meta_add_attachment(t->attachment->meta, (struct text){t->name, t->name_len});
    object_end(t->container.env, t->attachment, t->whole ? OBJECT_CLOSED : state);
    t->attachment = NULL;
    t->whole = t->named = false;
    t->name_len = 0;
    t->type[0] = '\0';
}

static void begin_attachment(struct tnef *t, const char *type, uint64_t size)
{
    char path[32];
    if (t->attachment) { /* a second one that does not say it is */
        end_attachment(t, OBJECT_TRUNCATED);
        t->number++;
    }
    snprintf(path, sizeof(path), "tnef:%u", t->number ? t->number : 1);
    t->attachment = begin(t, path, (struct text){type, strlen(type)}, size);
    t->whole = false;
    object_set_name(t->attachment, t->name, t->name_len);
    if (t->type[0])
        object_set_type(t->attachment, t->type, strlen(t->type));
}

static void set_name(struct tnef *t, const char *name, size_t len, bool is_long)
{
    if (!len || t->named)
        return;
    t->named = is_long;
    t->name_len = len < sizeof(t->name) ? len : sizeof(t->name);
    memcpy(t->name, name, t->name_len);
    object_set_name(t->attachment, t->name, t->name_len);
}

/* ---- MAPI properties ---- */

static bool of_attachment(const struct tnef *t)
{
    return t->head[0] == 2;
}

static void property_begin(void *user, uint16_t id, uint16_t type, uint64_t len)
{
    struct tnef *t = user;
    struct text plain = {"text/plain", 10}, html = {"text/html", 9}, none = {NULL, 0};
    if (!len)
        return;
    if (of_attachment(t) && id == MAPI_ATTACH_DATA)
        begin_attachment(t, type == MAPI_TYPE_MESSAGE ? "application/ms-tnef" : "", len);
    else if (id == MAPI_BODY)
        t->other = begin(t, "tnef:body", plain, OBJECT_SIZE_UNKNOWN);
    else if (id == MAPI_HTML)
        t->other = begin(t, "tnef:body", html, len);
    else if (len > PLAIN_MAX)
        t->other = begin(t, id == MAPI_RTF_COMPRESSED ? "tnef:body" : "tnef:property", none, len);
}

static void property_data(void *user, uint16_t id, const uint8_t *data, size_t len)
{
    struct tnef *t = user;
    bool attached = of_attachment(t) && id == MAPI_ATTACH_DATA;
    object_data(t->container.env, attached ? t->attachment : t->other, data, len);
}

static void property_end(void *user, uint16_t id, const char *text, size_t len)
{
    struct tnef *t = user;
    object_end(t->container.env, t->other, OBJECT_CLOSED);
    t->other = NULL;
    if (!of_attachment(t))
        return;
    if (id == MAPI_ATTACH_DATA)
        t->whole = true;
    else if (id == MAPI_ATTACH_LONG_FILENAME)
        set_name(t, text, len, true);
    else if (id == MAPI_ATTACH_FILENAME || id == MAPI_DISPLAY_NAME) {
        if (!t->name_len)
            set_name(t, text, len, false);
    } else if (id == MAPI_ATTACH_MIME_TAG) {
        snprintf(t->type, sizeof(t->type), "%.*s", (int)len, text);
        object_set_type(t->attachment, t->type, strlen(t->type));
    }
}

static const struct mapi_sink properties = {property_begin, property_data, property_end};

/* ---- attributes ---- */

/* `len` bytes that nobody reads. */
static void begin_other(struct tnef *t, uint64_t len)
{
    t->use = SKIP;
    if (len <= PLAIN_MAX)
        return;
    t->other = begin(t, "tnef:attribute", (struct text){NULL, 0}, len);
    t->use = OTHER;
}

static void begin_value(struct tnef *t)
{
    struct cursor c = cursor_over(t->head, HEAD_LEN);
    cursor_skip(&c, 1);
    uint32_t id = cursor_le32(&c);
    t->left = cursor_le32(&c);
    t->use = SKIP;
    switch (id & 0xffff) {
    case ATTRIBUTE_RENDER_DATA:
        end_attachment(t, OBJECT_TRUNCATED);
        t->number++;
        break;
    case ATTRIBUTE_DATA:
        if (t->left)
            begin_attachment(t, "", t->left);
        t->use = ATTACHMENT;
        break;
    case ATTRIBUTE_TITLE:
        t->title_len = 0;
        t->use = TITLE;
        break;
    case ATTRIBUTE_BODY:
        if (t->left)
            t->other = begin(t, "tnef:body", (struct text){"text/plain", 10}, t->left);
        t->use = OTHER;
        break;
    case ATTRIBUTE_MESSAGE_PROPERTIES:
    case ATTRIBUTE_ATTACHMENT_PROPERTIES:
        mapi_begin(&t->mapi);
        t->use = PROPERTIES;
        break;
    default:
        begin_other(t, t->left);
    }
}

static void end_value(struct tnef *t)
{
    size_t len = t->title_len;
    if (t->use == ATTACHMENT)
        t->whole = true;
    while (len && !t->title[len - 1])
        len--;
    if (t->use == TITLE)
        set_name(t, t->title, len, false);
    object_end(t->container.env, t->other, t->use == OTHER ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    t->other = NULL;
}

static void value_bytes(struct tnef *t, const uint8_t *data, size_t len)
{
    size_t room = sizeof(t->title) - t->title_len, used;
    switch (t->use) {
    case ATTACHMENT:
        object_data(t->container.env, t->attachment, data, len);
        break;
    case OTHER:
        object_data(t->container.env, t->other, data, len);
        break;
    case TITLE:
        memcpy(t->title + t->title_len, data, len < room ? len : room);
        t->title_len += len < room ? len : room;
        break;
    case PROPERTIES:
        used = mapi_data(&t->mapi, &properties, t, data, len);
        if (used == len)
            break;
        begin_other(t, t->left - used); /* no properties, or something behind them */
        object_data(t->container.env, t->other, data + used, len - used);
        break;
    case SKIP:
        break;
    }
}

/* Framing is lost: what follows is shown as it is. */
static void lose(struct tnef *t)
{
    object_end(t->container.env, t->other, OBJECT_TRUNCATED);
    t->other = NULL;
    end_attachment(t, OBJECT_TRUNCATED);
    t->step = LOST;
    t->stray.lost = true;
}

/* Collects `len` bytes in t->head; true when they are there. */
static bool gather(struct tnef *t, size_t len, const uint8_t **data, size_t *left)
{
    size_t n = len - t->have < *left ? len - t->have : *left;
    memcpy(t->head + t->have, *data, n);
    t->have = (uint8_t)(t->have + n);
    *data += n;
    *left -= n;
    if (t->have < len)
        return false;
    t->have = 0;
    return true;
}

static void after_value(struct tnef *t)
{
    if (t->left)
        return;
    end_value(t);
    t->step = CHECKSUM;
    t->left = 2;
}

static void tnef_data(struct container *container, const uint8_t *data, size_t len)
{
    struct tnef *t = (struct tnef *)container;
    while (len) {
        size_t n = len < t->left ? len : (size_t)t->left;
        switch (t->step) {
        case SIGNATURE:
            if (gather(t, SIGNATURE_LEN, &data, &len))
                t->step = HEAD;
            continue;
        case HEAD:
            if (!gather(t, HEAD_LEN, &data, &len))
                continue;
            if (t->head[0] != 1 && t->head[0] != 2) { /* neither the message's nor an attachment's */
                lose(t);
                stray_data(&t->stray, container, "tnef", t->head, HEAD_LEN);
                continue;
            }
            begin_value(t);
            t->step = VALUE;
            after_value(t);
            continue;
        case VALUE:
            value_bytes(t, data, n);
            t->left -= n;
            after_value(t);
            break;
        case CHECKSUM:
            t->left -= n;
            if (!t->left)
                t->step = HEAD;
            break;
        case LOST:
            stray_data(&t->stray, container, "tnef", data, len);
            return;
        }
        data += n;
        len -= n;
    }
}

static void tnef_gap(struct container *container, uint64_t len)
{
    struct tnef *t = (struct tnef *)container;
    struct object *object = t->use == ATTACHMENT ? t->attachment : t->other;
    bool plain = t->use == ATTACHMENT || t->use == OTHER || t->use == SKIP;
    if (t->step == VALUE && plain && len && len < t->left) {
        object_gap(container->env, t->use == SKIP ? NULL : object, len);
        t->left -= len;
        return;
    }
    if (t->step == LOST) {
        stray_gap(&t->stray, len);
        return;
    }
    lose(t);
}

static void tnef_end(struct container *container, enum object_state state)
{
    struct tnef *t = (struct tnef *)container;
    object_end(container->env, t->other, OBJECT_TRUNCATED);
    end_attachment(t, OBJECT_TRUNCATED);
    if (t->step == HEAD && t->have)
        stray_data(&t->stray, container, "tnef", t->head, t->have);
    stray_end(&t->stray, state);
}

const struct container_ops container_tnef = {
    .sniff = tnef_sniff,
    .head_len = 4,
    .state_size = sizeof(struct tnef),
    .open = tnef_open,
    .data = tnef_data,
    .gap = tnef_gap,
    .end = tnef_end,
};
