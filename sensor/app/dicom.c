/* DICOM (PS3.8 upper layer, PS3.7 C-STORE): medical images, which carry faces. Each C-STORE's data set is an object,
 * named by its SOP instance. PDUs hold fragments; a fragment says whether it is of a command or of its data set, and
 * whether it is the last. */
#include <string.h>

#include "app.h"
#include "cursor.h"

enum { PDU_ASSOCIATE = 1, PDU_ACCEPT = 2, PDU_DATA = 4, PDU_ABORT = 7 };
enum { FRAGMENT_COMMAND = 1, FRAGMENT_LAST = 2 };
enum { C_STORE = 1 };

#define COMMAND_MAX 1024
#define INSTANCE_MAX 64 /* PS3.5 9.1 */

struct dicom_side {
    uint8_t head[6];   /* of the PDU */
    uint8_t head_len;
    uint8_t item[6];   /* of the fragment: length, context, control */
    uint8_t item_len;
    uint32_t pdu_left, item_left;
    uint8_t command[COMMAND_MAX];
    uint16_t command_len;
    bool store;        /* the data set that follows is stored */
    char instance[INSTANCE_MAX + 4];
    uint8_t instance_len;
    struct object *object;
    bool asked;
    uint64_t stores;
};

struct dicom {
    struct dicom_side side[2];
};

static enum app_probe dicom_probe(const struct app_probe_input *input)
{
    const uint8_t *p = input->data[SIDE_CLIENT];
    size_t len = input->len[SIDE_CLIENT];
    if (!len || p[0] != PDU_ASSOCIATE || (len > 1 && p[1]) || (len > 2 && p[2]))
        return APP_NO;
    if (len < 74)
        return len < 10 ? APP_MORE : (p[6] || p[8] || p[9]) ? APP_NO : APP_MORE;
    uint32_t size = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 | p[5];
    for (unsigned i = 10; i < 42; i++) { /* the titles of both, printable */
        if (p[i] < 0x20 || p[i] > 0x7e)
            return APP_NO;
    }
    return size >= 68 && size < 1u << 20 && p[7] & 1 ? APP_YES : APP_NO;
}

static void finish(struct app_session *session, struct dicom_side *s, enum object_state state)
{
    const struct object_sink *sink = app_objects(session);
    if (s->object)
        sink->end(sink->user, s->object, state);
    s->object = NULL;
    s->asked = false;
}

/* A command set is implicit little endian always: group, element, length, value (PS3.7 6.3.1). */
static void read_command(struct dicom_side *s)
{
    struct cursor c = cursor_over(s->command, s->command_len);
    s->store = false;
    s->instance_len = 0;
    while (cursor_left(&c) >= 8) {
        uint16_t group = cursor_le16(&c), element = cursor_le16(&c);
        uint32_t len = cursor_le32(&c);
        const uint8_t *value = cursor_take(&c, len);
        if (!value || group != 0)
            return;
        if (element == 0x0100 && len >= 2)
            s->store = (value[0] | value[1] << 8) == C_STORE;
        if (element == 0x1000) {
            while (len && (value[len - 1] == 0 || value[len - 1] == ' '))
                len--;
            s->instance_len = (uint8_t)(len < INSTANCE_MAX ? len : INSTANCE_MAX);
            memcpy(s->instance, value, s->instance_len);
            memcpy(s->instance + s->instance_len, ".dcm", 4);
            s->instance_len = (uint8_t)(s->instance_len + 4);
        }
    }
}

static struct object *object_of(struct app_session *session, enum side side)
{
    struct dicom *dicom = app_state(session);
    struct dicom_side *s = &dicom->side[side];
    const struct object_sink *sink = app_objects(session);
    static const char type[] = "application/dicom";
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .name = {s->instance, s->instance_len},
        .declared_type = {type, sizeof(type) - 1},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = s->stores,
        .time_ns = app_now(session),
    };
    if (s->asked || !s->store || !app_is_content(session, side))
        return s->object;
    s->asked = true;
    s->stores++;
    s->object = sink->begin(sink->user, &info);
    return s->object;
}

static void take_fragment(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct dicom *dicom = app_state(session);
    struct dicom_side *s = &dicom->side[side];
    const struct object_sink *sink = app_objects(session);
    bool last = s->item[5] & FRAGMENT_LAST && s->item_left == len;
    if (s->item[5] & FRAGMENT_COMMAND) {
        size_t n = len < (size_t)COMMAND_MAX - s->command_len ? len : (size_t)COMMAND_MAX - s->command_len;
        memcpy(s->command + s->command_len, data, n);
        s->command_len = (uint16_t)(s->command_len + n);
        if (last) {
            finish(session, s, OBJECT_TRUNCATED); /* a new command before the old one's data ended */
            read_command(s);
            s->command_len = 0;
        }
    } else {
        struct object *object = object_of(session, side);
        if (object)
            sink->data(sink->user, object, data, len);
        if (last) {
            finish(session, s, OBJECT_CLOSED);
            s->store = false;
        }
    }
    s->item_left -= (uint32_t)len;
}

static bool take_head(struct dicom_side *s, uint8_t byte)
{
    s->head[s->head_len++] = byte;
    if (s->head_len < sizeof(s->head))
        return true;
    s->head_len = 0;
    s->pdu_left = (uint32_t)s->head[2] << 24 | (uint32_t)s->head[3] << 16 | (uint32_t)s->head[4] << 8 | s->head[5];
    s->item_len = 0;
    s->item_left = 0;
    return s->head[0] >= PDU_ASSOCIATE && s->head[0] <= PDU_ABORT;
}

/* A byte of a fragment's head; false when it cannot be one. */
static bool take_item(struct dicom_side *s, uint8_t byte)
{
    s->item[s->item_len++] = byte;
    s->pdu_left--;
    if (s->item_len < sizeof(s->item))
        return s->pdu_left > 0;
    s->item_len = 0;
    uint32_t size = (uint32_t)s->item[0] << 24 | (uint32_t)s->item[1] << 16 | (uint32_t)s->item[2] << 8 | s->item[3];
    s->item_left = size - 2;
    return size >= 2 && s->item_left <= s->pdu_left;
}

static void dicom_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct dicom *dicom = app_state(session);
    struct dicom_side *s = &dicom->side[side];
    while (len) {
        size_t n = 1;
        bool good = true;
        if (!s->pdu_left) {
            good = take_head(s, data[0]);
        } else if (s->head[0] != PDU_DATA) {
            n = len < s->pdu_left ? len : s->pdu_left;
            s->pdu_left -= (uint32_t)n;
        } else if (s->item_left) {
            n = len < s->item_left ? len : s->item_left;
            s->pdu_left -= (uint32_t)n;
            take_fragment(session, side, data, n);
        } else {
            good = take_item(s, data[0]);
        }
        data += n;
        len -= n;
        if (!good) {
            app_switch(session, &app_raw, len);
            return;
        }
    }
}

static void dicom_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct dicom *dicom = app_state(session);
    struct dicom_side *s = &dicom->side[side];
    const struct object_sink *sink = app_objects(session);
    if (s->head[0] != PDU_DATA || !s->item_left || len > s->item_left || s->item[5] & FRAGMENT_COMMAND) {
        app_switch(session, &app_raw, 0);
        return;
    }
    struct object *object = object_of(session, side);
    if (object)
        sink->gap(sink->user, object, len);
    s->pdu_left -= (uint32_t)len;
    s->item_left -= (uint32_t)len;
    if (!s->item_left && s->item[5] & FRAGMENT_LAST)
        finish(session, s, OBJECT_CLOSED); /* the object knows of its gap */
}

static bool dicom_rest(struct app_session *session)
{
    struct dicom *dicom = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        struct dicom_side *s = &dicom->side[side];
        memset(s->command + s->command_len, 0, sizeof(s->command) - s->command_len);
        memset(s->instance + s->instance_len, 0, sizeof(s->instance) - s->instance_len);
    }
    return true;
}

static void dicom_close(struct app_session *session)
{
    struct dicom *dicom = app_state(session);
    finish(session, &dicom->side[0], OBJECT_TRUNCATED);
    finish(session, &dicom->side[1], OBJECT_TRUNCATED);
}

const struct app_ops app_dicom = {
    .name = "dicom",
    .transports = APP_TCP,
    .state_size = sizeof(struct dicom),
    .probe = dicom_probe,
    .data = dicom_data,
    .gap = dicom_gap,
    .rest = dicom_rest,
    .close = dicom_close,
};
