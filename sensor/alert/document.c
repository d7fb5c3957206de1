/* The shared parts of event documents, in EVE's names where EVE has them. */
#include "document.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *app_name(const struct flow *flow)
{
    if (flow->app_proto)
        return flow->app_proto;
    return flow->class && flow->class->protocol[0] ? flow->class->protocol : "unknown";
}

void document_head(struct alerter *a, const char *type, const struct flow *flow, int64_t now_ns)
{
    struct json *j = &a->json;
    char text[IP_TEXT_MAX], id[COMMUNITY_ID_MAX];
    json_reset(j);
    json_open_object(j, NULL);
    json_time(j, "timestamp", now_ns);
    if (flow)
        json_uint(j, "flow_id", flow->id);
    if (flow && flow->interface)
        json_bytes(j, "in_iface", flow->interface, strlen(flow->interface));
    json_text(j, "event_type", type);
    if (!flow)
        return;
    if (flow->vlan_count) {
        json_open_array(j, "vlan");
        for (unsigned i = 0; i < flow->vlan_count; i++)
            json_uint(j, NULL, flow->vlan[i]);
        json_close_array(j);
    }
    json_text(j, "src_ip", ip_format(&flow->addr[SIDE_CLIENT], text));
    json_uint(j, "src_port", flow->port[SIDE_CLIENT]);
    json_text(j, "dest_ip", ip_format(&flow->addr[SIDE_SERVER], text));
    json_uint(j, "dest_port", flow->port[SIDE_SERVER]);
    json_text(j, "proto", flow->protocol == IPPROTO_TCP ? "TCP" : flow->protocol == IPPROTO_UDP ? "UDP" : "ESP");
    json_text(j, "app_proto", app_name(flow));
    community_id(flow, id);
    json_text(j, "community_id", id);
}

static bool is_number(struct text text)
{
    if (!text.len || text.len > 9)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return true;
}

/* A list as an array; blanks before an item are none of it. */
static void items(struct json *j, const char *key, struct text list, char separator)
{
    json_open_array(j, key);
    for (size_t at = 0; at < list.len;) {
        const char *end = memchr(list.data + at, separator, list.len - at);
        size_t next = end ? (size_t)(end - list.data) : list.len;
        while (at < next && list.data[at] == ' ')
            at++;
        json_bytes(j, NULL, list.data + at, next - at);
        at = next + 1;
    }
    json_close_array(j);
}

static void meta_items(struct json *j, const char *key, struct text text)
{
    char name[64];
    bool cut = text.len == META_FIELD_MAX; /* its last item is not whole */
    while (cut && text.len && text.data[--text.len] != '\n') {
    }
    items(j, key, text, '\n');
    snprintf(name, sizeof(name), "%s_truncated", key);
    if (cut)
        json_bool(j, name, true);
}

static void meta_text(struct json *j, const char *key, struct text text)
{
    json_bytes(j, key, text.data, text.len);
}

static void meta_number(struct json *j, const char *key, struct text text)
{
    if (!is_number(text)) {
        json_bytes(j, key, text.data, text.len);
        return;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    json_uint(j, key, number);
}

static const struct {
    const char *path;
    void (*write)(struct json *j, const char *key, struct text text);
} meta_info[META_COUNT] = {
#define META(id, section, key, help) {section "." key, meta_text},
#define META_LIST(id, section, key, help) {section "." key, meta_items},
#define META_NUMBER(id, section, key, help) {section "." key, meta_number},
#include "meta_list.def"
#undef META_NUMBER
#undef META_LIST
#undef META
};

/* Of "ssh.client.hassh.hash", the length of the objects it lies in: "ssh.client.hassh". */
static size_t parents(const char *path)
{
    const char *point = strrchr(path, '.');
    return point ? (size_t)(point - path) : 0;
}

/* Closes and opens objects, from those `from` lies in to those `to` lies in. */
static void walk(struct json *j, const char *from, const char *to)
{
    size_t open = parents(from), wanted = parents(to), common = 0;
    for (size_t i = 0; i <= open && i <= wanted; i++) {
        bool from_ends = i == open || from[i] == '.', to_ends = i == wanted || to[i] == '.';
        if (from_ends && to_ends)
            common = i;
        if (from_ends != to_ends || (!from_ends && from[i] != to[i]))
            break;
    }
    for (size_t i = common; i < open; i++) {
        if (i == 0 || from[i] == '.')
            json_close_object(j);
    }
    for (size_t i = common; i < wanted; i++) {
        char name[32];
        if (i && to[i] != '.')
            continue;
        const char *start = i ? to + i + 1 : to;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(start, "."), start);
        json_open_object(j, name);
    }
}

static void write_sections(struct json *j, const struct meta *meta)
{
    const char *at = "";
    for (unsigned i = 0; i < META_COUNT; i++) {
        struct text text = meta_get(meta, (enum meta_id)i);
        if (!text.len)
            continue;
        walk(j, at, meta_info[i].path);
        at = meta_info[i].path;
        meta_info[i].write(j, strrchr(at, '.') + 1, text);
    }
    walk(j, at, "");
}

static void write_hash(struct json *j, const char *key, const char *hash)
{
    if (!hash[0])
        return;
    json_open_object(j, key);
    json_text(j, "hash", hash);
    json_close_object(j);
}

void document_meta(struct alerter *a, const struct meta *meta, const struct flow *flow)
{
    struct json *j = &a->json;
    const struct flow_class *class = flow ? flow->class : NULL;
    if (meta)
        write_sections(j, meta);
    if (!class || !(flow_server_name(flow)[0] || flow_ja3(flow)[0]) || strcmp(class->protocol, "tls") != 0)
        return;
    if (meta_get(meta, META_TLS_SNI).len || meta_get(meta, META_TLS_VERSION).len || meta_get(meta, META_TLS_JA3).len)
        return;
    json_open_object(j, "tls"); /* the decoder saw no handshake, nDPI did */
    if (flow_server_name(flow)[0])
        json_bytes(j, "sni", flow_server_name(flow), strlen(flow_server_name(flow)));
    write_hash(j, "ja3", flow_ja3(flow));
    write_hash(j, "ja3s", class->ja3s);
    json_close_object(j);
}

void document_fileinfo(struct alerter *a, const struct object *object)
{
    static const char *const states[] = {"OPEN", "CLOSED", "TRUNCATED"};
    struct json *j = &a->json;
    json_open_object(j, "fileinfo");
    json_bytes(j, "filename", object->name, object->name_len);
    json_uint(j, "size", object->size);
    if (object->has_sha256)
        json_hex(j, "sha256", object->sha256, sizeof(object->sha256));
    json_text(j, "state", states[object->state]);
    json_bool(j, "gaps", object->gaps);
    json_bool(j, "stored", false);
    json_uint(j, "tx_id", object->tx_id);
    json_close_object(j);
}

void document_object(struct alerter *a, const struct object *object, const struct flow *flow,
                     const struct fact_set *facts)
{
    struct json *j = &a->json;
    enum side sender = object ? object->sender : SIDE_CLIENT;
    const char *direction = fact_text(facts, FACT_direction);
    if (!object && flow && flow->content[SIDE_SERVER] && !flow->content[SIDE_CLIENT])
        sender = SIDE_SERVER;
    json_text(j, "direction", *direction ? direction : flow ? flow_direction(flow, sender) : "outbound");
    json_text(j, "sender", sender == SIDE_CLIENT ? "client" : "server");
    json_text(j, "object_type", fact_text(facts, FACT_object_type));
    if (!object)
        return;
    if (object->declared_type[0])
        json_bytes(j, "declared_type", object->declared_type, strlen(object->declared_type));
    json_open_array(j, "object_path");
    for (unsigned i = 0; i < object->path_count; i++)
        json_bytes(j, NULL, object->path[i], strlen(object->path[i]));
    json_close_array(j);
}

void document_facts(struct alerter *a, const struct fact_set *facts)
{
    struct json *j = &a->json;
    json_open_object(j, "facts");
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        if (!fact_present(facts, id) || strcmp(FACT_INFO[i].group, "transfer") == 0 || id == FACT_object_type ||
            id == FACT_declared_type || id == FACT_filename || id == FACT_object_size)
            continue;
        switch (FACT_INFO[i].type) {
        case FACT_TYPE_INT:
            json_int(j, FACT_INFO[i].name, fact_int(facts, id));
            break;
        case FACT_TYPE_BOOL:
            json_bool(j, FACT_INFO[i].name, fact_int(facts, id) != 0);
            break;
        case FACT_TYPE_REAL:
            json_double(j, FACT_INFO[i].name, fact_real(facts, id));
            break;
        case FACT_TYPE_TEXT:
            json_bytes(j, FACT_INFO[i].name, fact_text(facts, id), strlen(fact_text(facts, id)));
            break;
        }
    }
    json_close_object(j);
}

/* What nDPI read in the flow, or the decoder just the same. */
static struct text ndpi_word(const char *own, bool said, const struct meta *meta, enum meta_id id)
{
    return said ? meta_get(meta, id) : (struct text){own, strlen(own)};
}

void document_ndpi(struct alerter *a, const struct flow *flow, const struct meta *meta)
{
    struct json *j = &a->json;
    if (!flow || !flow->class)
        return;
    const struct flow_class *c = flow->class;
    json_open_object(j, "ndpi");
    json_text(j, "protocol", c->master);
    if (c->category[0])
        json_text(j, "category", c->category);
    if (c->guessed)
        json_bool(j, "guessed", true);
    struct text name = ndpi_word(flow_server_name(flow), flow_said(flow) & FLOW_NAME_SAID, meta, META_TLS_SNI);
    struct text ja3 = ndpi_word(flow_ja3(flow), flow_said(flow) & FLOW_JA3_SAID, meta, META_TLS_JA3);
    if (name.len)
        json_bytes(j, "server_name", name.data, name.len);
    if (ja3.len)
        json_bytes(j, "ja3", ja3.data, ja3.len);
    if (c->ja3s[0])
        json_text(j, "ja3s", c->ja3s);
    if (c->alpn[0])
        json_bytes(j, "alpn", c->alpn, strlen(c->alpn));
    if (c->risks[0])
        items(j, "risks", (struct text){c->risks, strlen(c->risks)}, ',');
    json_close_object(j);
}

struct event_doc *document_finish(struct alerter *a, enum event_type type, int64_t now_ns)
{
    json_close_object(&a->json);
    struct event_doc *event = malloc(sizeof(*event) + a->json.len + 1);
    if (!event)
        return NULL;
    memset(event, 0, sizeof(*event));
    event->type = type;
    event->time_ns = now_ns;
    event->len = a->json.len;
    memcpy(event->json, a->json.data, a->json.len);
    event->json[a->json.len] = '\0';
    return event;
}

void event_doc_free(struct event_doc *event)
{
    free(event);
}
