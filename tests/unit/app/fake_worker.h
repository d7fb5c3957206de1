/* A worker with no capture and no objects: it makes flows, hands bytes to app/ as stream/ would, and writes down what
 * the decoders hand on. For the transcript tests and the fuzz targets. */
#ifndef TESTS_APP_FAKE_WORKER_H
#define TESTS_APP_FAKE_WORKER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#ifndef FAKE_OBJECTS
#define FAKE_OBJECTS 256
#endif

struct object {
    bool begun, ended;
    enum object_state state;
    enum side sender;
    const struct flow *flow;
    uint64_t tx_id, expected_size, gap;
    uint64_t written; /* highest offset + 1 */
    char name[256], type[256], encoding[256], path[256];
    struct meta *meta;
    char *text; /* content with gaps as "[gap N]" */
    size_t len, cap;
    uint64_t bytes; /* of content, without gaps */
};

struct fake_worker {
    struct mem mem;
    struct counters counters;
    struct ip_set *home;
    struct flow_table *table;
    struct apps *apps;
    struct stream_sink sink;
    struct object objects[FAKE_OBJECTS];
    size_t count;
    bool keep; /* content too */
    struct pool *metas;
};

static void fake_copy(char *to, size_t room, struct text text)
{
    size_t n = text.len < room - 1 ? text.len : room - 1;
    memcpy(to, text.data ? text.data : "", n);
    to[n] = '\0';
}

static void fake_append(struct object *object, const void *data, size_t len)
{
    if (object->len + len + 1 > object->cap) {
        object->cap = (object->len + len + 1) * 2;
        object->text = realloc(object->text, object->cap);
        if (!object->text)
            abort();
    }
    memcpy(object->text + object->len, data, len);
    object->len += len;
}

static struct object *fake_begin(void *user, const struct object_info *info)
{
    struct fake_worker *fake = user;
    if (fake->count == FAKE_OBJECTS)
        return NULL;
    struct object *object = &fake->objects[fake->count++];
    memset(object, 0, sizeof(*object));
    object->begun = true;
    object->sender = info->sender;
    object->flow = info->flow;
    object->tx_id = info->tx_id;
    object->expected_size = info->expected_size;
    object->meta = meta_hold(info->meta);
    fake_copy(object->name, sizeof(object->name), info->name);
    fake_copy(object->type, sizeof(object->type), info->declared_type);
    fake_copy(object->encoding, sizeof(object->encoding), info->encoding);
    snprintf(object->path, sizeof(object->path), "%s", info->path ? info->path : "");
    return object;
}

static void fake_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct fake_worker *fake = user;
    if (!object->begun || object->ended)
        abort();
    object->bytes += len;
    if (fake->keep)
        fake_append(object, data, len);
}

static void fake_gap(void *user, struct object *object, uint64_t len)
{
    struct fake_worker *fake = user;
    char text[40];
    if (!object->begun || object->ended)
        abort();
    object->gap += len;
    int n = snprintf(text, sizeof(text), "[gap %llu]", (unsigned long long)len);
    if (fake->keep)
        fake_append(object, text, (size_t)n);
}

static void fake_end(void *user, struct object *object, enum object_state state)
{
    (void)user;
    if (!object->begun || object->ended)
        abort();
    object->ended = true;
    object->state = object->gap ? OBJECT_TRUNCATED : state;
}

static void fake_set_name(void *user, struct object *object, const void *name, size_t len)
{
    (void)user;
    fake_copy(object->name, sizeof(object->name), (struct text){name, len});
}

static void fake_flow_end(void *user, struct flow *flow, enum flow_end how)
{
    struct fake_worker *fake = user;
    (void)how;
    app_flow_end(fake->apps, flow);
}

static void fake_open(struct fake_worker *fake, bool keep)
{
    const struct flow_hooks hooks = {fake, fake_flow_end, NULL, NULL, NULL};
    const struct object_sink sink = {fake, fake_begin, fake_data, fake_gap, fake_end, fake_set_name};
    char bad[64];
    memset(fake, 0, sizeof(*fake));
    fake->keep = keep;
    fake->home = ip_set_new();
    ip_set_add_list(fake->home, IP_HOME_DEFAULT, bad, sizeof(bad));
    const struct flow_params params = {fake->home, true, false};
    fake->table = flow_table_new(&fake->mem, &fake->counters, &params, &hooks);
    fake->apps = apps_new(&fake->mem, &fake->counters, fake->table, &sink);
    fake->sink = apps_sink(fake->apps);
}

static struct flow *fake_flow(struct fake_worker *fake, uint8_t protocol, const char *client, uint16_t client_port,
                              const char *server, uint16_t server_port)
{
    static const uint8_t payload[1] = {0};
    struct frame frame = {.time_ns = 1000000000};
    struct packet packet = {.frame = &frame, .time_ns = 1000000000, .protocol = protocol, .src_port = client_port,
                            .dst_port = server_port, .payload = payload};
    enum side side;
    ip_parse(client, &packet.src);
    ip_parse(server, &packet.dst);
    packet.tcp.flags = TCP_SYN;
    packet.tcp.window_scale = -1;
    return flow_table_packet(fake->table, &packet, &side);
}

/* Ends every flow; the objects stay to be looked at. */
static void fake_finish(struct fake_worker *fake)
{
    flow_table_flush(fake->table);
}

static void fake_close(struct fake_worker *fake)
{
    fake_finish(fake);
    for (size_t i = 0; i < fake->count; i++) {
        if (!fake->objects[i].ended)
            abort(); /* an object was begun and forgotten */
        free(fake->objects[i].text);
        meta_drop(NULL, fake->objects[i].meta);
    }
    flow_table_free(fake->table);
    apps_free(fake->apps);
    ip_set_free(fake->home);
}

#endif
