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
    json_text(j, "proto", flow->protocol == IPPROTO_TCP ? "TCP" : "UDP");
    json_text(j, "app_proto", app_name(flow));
    community_id(flow, id);
    json_text(j, "community_id", id);
}

static const struct {
    const char *section, *key;
} meta_info[META_COUNT] = {
#define META(id, section, key, help) {section, key},
#include "meta_list.def"
#undef META
};

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

static void meta_field(struct json *j, const char *key, struct text text)
{
    if (strcmp(key, "status") != 0 || !is_number(text)) {
        json_bytes(j, key, text.data, text.len);
        return;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    json_uint(j, key, number);
}

/* Lines of one section stand together in the table. */
static void write_sections(struct json *j, const struct meta *meta)
{
    const char *open = NULL;
    for (unsigned i = 0; i < META_COUNT; i++) {
        struct text text = meta_get(meta, (enum meta_id)i);
        if (!text.len)
            continue;
        if (!open || strcmp(open, meta_info[i].section) != 0) {
            if (open)
                json_close_object(j);
            json_open_object(j, meta_info[i].section);
            open = meta_info[i].section;
        }
        meta_field(j, meta_info[i].key, text);
    }
    if (open)
        json_close_object(j);
}

void document_meta(struct alerter *a, const struct meta *meta, const struct flow *flow)
{
    struct json *j = &a->json;
    if (meta)
        write_sections(j, meta);
    bool tls = flow && flow->class && (flow_server_name(flow)[0] || flow_ja3(flow)[0]) &&
               strcmp(flow->class->protocol, "tls") == 0;
    if (tls && !meta_get(meta, META_TLS_SNI).len && !meta_get(meta, META_TLS_VERSION).len) {
        json_open_object(j, "tls"); /* the decoder saw no handshake, nDPI did */
        if (flow_server_name(flow)[0])
            json_bytes(j, "sni", flow_server_name(flow), strlen(flow_server_name(flow)));
        if (flow_ja3(flow)[0])
            json_text(j, "ja3", flow_ja3(flow));
        if (flow->class->ja3s[0])
            json_text(j, "ja3s", flow->class->ja3s);
        json_close_object(j);
    }
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

static void comma_list(struct json *j, const char *key, const char *list)
{
    json_open_array(j, key);
    for (const char *at = list; *at;) {
        size_t n = strcspn(at, ",");
        json_bytes(j, NULL, at, n);
        at += n;
        while (*at == ',' || *at == ' ')
            at++;
    }
    json_close_array(j);
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
        comma_list(j, "risks", c->risks);
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
