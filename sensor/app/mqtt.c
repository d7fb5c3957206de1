/* MQTT 3.1, 3.1.1 and 5 (OASIS): each PUBLISH is an object, named by the last level of its topic. */
#include <string.h>

#include "app.h"

enum { MQTT_CONNECT = 1, MQTT_PUBLISH = 3 };

#define TOPIC_MAX 512

enum stage { STAGE_TYPE, STAGE_LENGTH, STAGE_HEAD, STAGE_PAYLOAD, STAGE_SKIP };
enum head { HEAD_TOPIC_LENGTH, HEAD_TOPIC, HEAD_PACKET, HEAD_PROPERTIES_LENGTH, HEAD_PROPERTIES };

struct mqtt_side {
    enum stage stage;
    enum head head;
    uint8_t first;      /* type and flags */
    uint8_t shift;      /* of the length being read */
    uint32_t left;      /* of the packet */
    uint32_t need;      /* bytes of the present part of the head */
    uint32_t number;    /* a length being put together */
    uint16_t topic_len, topic_kept;
    char topic[TOPIC_MAX];
    uint8_t connect_len;
    uint8_t connect[16]; /* the variable header of CONNECT, for the version */
    struct meta *meta;
    struct object *object;
    uint64_t publishes;
};

struct mqtt {
    struct mqtt_side side[2];
    bool version5;
};

static enum app_probe mqtt_probe(const struct app_probe_input *input)
{
    static const uint8_t names[2][8] = {{0, 4, 'M', 'Q', 'T', 'T'}, {0, 6, 'M', 'Q', 'I', 's', 'd', 'p'}};
    const uint8_t *p = input->data[SIDE_CLIENT];
    size_t len = input->len[SIDE_CLIENT];
    if (!len)
        return APP_NO;
    if (p[0] != MQTT_CONNECT << 4)
        return APP_NO;
    size_t at = 1;
    while (at < len && at < 4 && p[at] & 0x80)
        at++;
    at++;
    for (unsigned i = 0; i < 2; i++) {
        size_t want = 2 + (size_t)names[i][1], have = len > at ? len - at : 0;
        if (memcmp(p + (have ? at : 0), have ? names[i] : p, have < want ? have : want) == 0)
            return have >= want ? APP_YES : APP_MORE;
    }
    return APP_NO;
}

static void finish(struct app_session *session, struct mqtt_side *s, enum object_state state)
{
    const struct object_sink *sink = app_objects(session);
    if (s->object)
        sink->end(sink->user, s->object, state);
    s->object = NULL;
    meta_drop(app_meta_pool(session), s->meta);
    s->meta = NULL;
}

static void begin(struct app_session *session, enum side side)
{
    struct mqtt *mqtt = app_state(session);
    struct mqtt_side *s = &mqtt->side[side];
    const struct object_sink *sink = app_objects(session);
    if (!s->left || !app_is_content(session, side))
        return;
    size_t name = s->topic_kept;
    while (name && s->topic[name - 1] != '/')
        name--;
    s->meta = meta_new(app_meta_pool(session));
    meta_set(s->meta, META_MQTT_TOPIC, s->topic, s->topic_kept);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = s->meta,
        .name = {s->topic + name, s->topic_kept - name},
        .expected_size = s->left,
        .tx_id = s->publishes++,
        .time_ns = app_now(session),
    };
    s->object = sink->begin(sink->user, &info);
}

static void end_packet(struct app_session *session, struct mqtt_side *s)
{
    finish(session, s, OBJECT_CLOSED);
    s->stage = STAGE_TYPE;
}

static void head_part(struct mqtt_side *s, enum head part, uint32_t need)
{
    s->head = part;
    s->need = need;
    s->number = 0;
    s->shift = 0;
}

/* The part of the head that `need` counted is over; false when the head is. */
static bool next_part(const struct mqtt *mqtt, struct mqtt_side *s)
{
    switch (s->head) {
    case HEAD_TOPIC_LENGTH:
        s->topic_len = (uint16_t)s->number;
        head_part(s, HEAD_TOPIC, s->topic_len);
        return s->topic_len || next_part(mqtt, s);
    case HEAD_TOPIC:
        head_part(s, HEAD_PACKET, s->first & 6 ? 2 : 0); /* QoS above 0 has an identifier */
        return s->need || next_part(mqtt, s);
    case HEAD_PACKET:
        head_part(s, HEAD_PROPERTIES_LENGTH, mqtt->version5 ? 1 : 0);
        return mqtt->version5;
    case HEAD_PROPERTIES_LENGTH:
        head_part(s, HEAD_PROPERTIES, s->number);
        return s->need != 0;
    case HEAD_PROPERTIES:
        return false;
    }
    return false;
}

/* One byte of a PUBLISH packet's head. */
static void head_byte(struct app_session *session, enum side side, uint8_t byte)
{
    struct mqtt *mqtt = app_state(session);
    struct mqtt_side *s = &mqtt->side[side];
    s->left--;
    s->need--;
    if (s->head == HEAD_TOPIC_LENGTH) {
        s->number = s->number << 8 | byte;
    } else if (s->head == HEAD_TOPIC && s->topic_kept < TOPIC_MAX) {
        s->topic[s->topic_kept++] = (char)byte;
    } else if (s->head == HEAD_PROPERTIES_LENGTH) {
        s->number |= (uint32_t)(byte & 0x7f) << s->shift;
        s->shift = (uint8_t)(s->shift + 7);
        if (byte & 0x80 && s->shift < 28)
            s->need = 1;
    }
    if (!s->need && !next_part(mqtt, s)) {
        begin(session, side);
        s->stage = STAGE_PAYLOAD;
    }
    if (!s->left)
        end_packet(session, s);
}

static void begin_packet(struct app_session *session, struct mqtt_side *s)
{
    s->topic_kept = 0;
    s->connect_len = 0;
    s->stage = s->first >> 4 == MQTT_PUBLISH ? STAGE_HEAD : STAGE_SKIP;
    head_part(s, HEAD_TOPIC_LENGTH, 2);
    if (!s->left)
        end_packet(session, s);
}

/* CONNECT names the version: protocol name, then its level. */
static void see_connect(struct mqtt *mqtt, struct mqtt_side *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len && s->connect_len < sizeof(s->connect); i++)
        s->connect[s->connect_len++] = data[i];
    size_t level = 2 + (size_t)s->connect[1];
    if (s->connect_len > level && s->connect_len >= 2)
        mqtt->version5 = s->connect[level < sizeof(s->connect) ? level : 0] >= 5;
}

static size_t take(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct mqtt *mqtt = app_state(session);
    struct mqtt_side *s = &mqtt->side[side];
    const struct object_sink *sink = app_objects(session);
    size_t n = 1;
    switch (s->stage) {
    case STAGE_TYPE:
        s->first = data[0];
        s->left = 0;
        s->shift = 0;
        s->stage = STAGE_LENGTH;
        break;
    case STAGE_LENGTH:
        s->left |= (uint32_t)(data[0] & 0x7f) << s->shift;
        s->shift = (uint8_t)(s->shift + 7);
        if (!(data[0] & 0x80) || s->shift == 28)
            begin_packet(session, s);
        break;
    case STAGE_HEAD:
        head_byte(session, side, data[0]);
        break;
    case STAGE_PAYLOAD:
    case STAGE_SKIP:
        n = len < s->left ? len : s->left;
        if (s->object)
            sink->data(sink->user, s->object, data, n);
        if (s->first >> 4 == MQTT_CONNECT)
            see_connect(mqtt, s, data, n);
        s->left -= (uint32_t)n;
        if (!s->left)
            end_packet(session, s);
        break;
    }
    return n;
}

static void mqtt_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    while (len) {
        size_t n = take(session, side, data, len);
        data += n;
        len -= n;
    }
}

static void mqtt_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct mqtt *mqtt = app_state(session);
    struct mqtt_side *s = &mqtt->side[side];
    const struct object_sink *sink = app_objects(session);
    if ((s->stage != STAGE_PAYLOAD && s->stage != STAGE_SKIP) || len > s->left) {
        app_switch(session, &app_raw, 0); /* where the next packet begins cannot be known */
        return;
    }
    if (s->object)
        sink->gap(sink->user, s->object, len);
    s->left -= (uint32_t)len;
    if (!s->left)
        end_packet(session, s);
}

static bool mqtt_rest(struct app_session *session)
{
    struct mqtt *mqtt = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        struct mqtt_side *s = &mqtt->side[side];
        size_t kept = s->stage == STAGE_HEAD ? s->topic_kept : 0;
        memset(s->topic + kept, 0, sizeof(s->topic) - kept);
        memset(s->connect + s->connect_len, 0, sizeof(s->connect) - s->connect_len);
    }
    return true;
}

static void mqtt_close(struct app_session *session)
{
    struct mqtt *mqtt = app_state(session);
    finish(session, &mqtt->side[0], OBJECT_TRUNCATED);
    finish(session, &mqtt->side[1], OBJECT_TRUNCATED);
}

const struct app_ops app_mqtt = {
    .name = "mqtt",
    .transports = APP_TCP,
    .state_size = sizeof(struct mqtt),
    .probe = mqtt_probe,
    .data = mqtt_data,
    .gap = mqtt_gap,
    .rest = mqtt_rest,
    .close = mqtt_close,
};
