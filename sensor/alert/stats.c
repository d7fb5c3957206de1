/* The stats document: the counter and fate tables as EVE's nested groups. */
#include <stdlib.h>
#include <string.h>

#include "document.h"

static const struct {
    const char *group, *name;
} counter_info[COUNTER_COUNT] = {
#define COUNTER(id, group, name, help) {group, name},
#define GAUGE(id, group, name, help) {group, name},
#include "counter_list.def"
#undef COUNTER
#undef GAUGE
};

static const char *const fate_names[FATE_COUNT] = {
#define FATE(id, name, help) name,
#include "fate_list.def"
#undef FATE
};

static void write_fates(struct json *j, const char *key, const uint64_t values[FATE_COUNT])
{
    json_open_object(j, key);
    for (unsigned i = 0; i < FATE_COUNT; i++)
        json_uint(j, fate_names[i], values[i]);
    json_close_object(j);
}

/* Lines of one group stand together in the table. */
static void write_groups(struct json *j, const struct counters *c)
{
    const char *open = NULL;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (!open || strcmp(open, counter_info[i].group) != 0) {
            if (open)
                json_close_object(j);
            open = counter_info[i].group;
            json_open_object(j, open);
        }
        json_uint(j, counter_info[i].name, c->value[i]);
    }
    if (open)
        json_close_object(j);
}

struct event_doc *stats_event(const char *sensor, const struct counters *c, int64_t now_ns,
                              void (*extra)(void *user, struct json *json), void *user)
{
    struct alerter a = {.params = {.sensor = sensor}};
    struct json *j = &a.json;
    document_head(&a, "stats", NULL, now_ns);
    json_open_object(j, "stats");
    write_groups(j, c);
    write_fates(j, "fate_bytes", c->fate_bytes);
    write_fates(j, "fate_packets", c->fate_packets);
    json_open_object(j, "unsupported");
    for (unsigned i = 0; i < UNSUPPORTED_KINDS && c->unsupported[i].packets; i++)
        json_uint(j, c->unsupported[i].name, c->unsupported[i].packets);
    json_close_object(j);
    if (extra)
        extra(user, j);
    json_close_object(j);
    json_open_object(j, "dlp");
    json_text(j, "sensor", sensor);
    json_close_object(j);
    struct event_doc *event = document_finish(&a, EVENT_STATS, now_ns);
    json_free(j);
    return event;
}
