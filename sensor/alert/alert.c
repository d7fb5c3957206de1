/* Alerts, objects and flows as events. */
#include "alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

struct alerter *alerter_new(const struct alert_params *params)
{
    struct alerter *a = calloc(1, sizeof(*a));
    if (!a)
        abort(); /* only at start */
    a->params = *params;
    json_init(&a->json);
    return a;
}

void alerter_free(struct alerter *a)
{
    if (!a)
        return;
    json_free(&a->json);
    free(a);
}

static void metadata(struct json *j, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    json_open_array(j, key);
    json_bytes(j, NULL, value, strlen(value));
    json_close_array(j);
}

static void write_alert(struct json *j, const struct rule *rule)
{
    json_open_object(j, "alert");
    json_text(j, "action", "allowed");
    json_text(j, "signature", rule->name);
    json_text(j, "category", rule->category);
    json_uint(j, "severity", rule->severity);
    json_open_object(j, "metadata");
    metadata(j, "description", rule->description);
    metadata(j, "rule_file", rule->file);
    metadata(j, "reference", rule->reference);
    metadata(j, "confidence", rule->confidence);
    json_close_object(j);
    json_close_object(j);
}

static void write_matches(struct alerter *a, const struct match *match, const struct object *object)
{
    struct json *j = &a->json;
    json_open_array(j, "matches");
    for (uint32_t i = 0; i < match->string_count; i++) {
        const struct match_string *s = &match->strings[i];
        json_open_object(j, NULL);
        json_text(j, "string", s->identifier);
        json_uint(j, "offset", s->offset);
        json_uint(j, "length", s->length);
        json_uint(j, "count", s->count);
        document_snippet(a, object, s);
        json_close_object(j);
    }
    json_close_array(j);
}

static void write_input(struct alerter *a, const struct flow *flow)
{
    if (a->params.show_input && flow && flow->input)
        json_bytes(&a->json, "input", flow->input, strlen(flow->input));
}

struct event_doc *alert_event(struct alerter *a, const struct match *match, const struct object *object,
                              const struct flow *flow, const struct meta *meta, const struct fact_set *facts,
                              bool in_flight, bool update, int64_t now_ns)
{
    struct json *j = &a->json;
    const struct rule *rule = match->rule;
    enum side sender = object ? object->sender : SIDE_CLIENT;
    char id[33], incident[17];
    alert_identity(object, flow, rule->name, id);
    incident_key(a->params.sensor, flow, sender, rule->category, incident);

    document_head(a, "alert", flow, now_ns);
    write_alert(j, rule);
    document_meta(a, meta, flow);
    if (object)
        document_fileinfo(a, object);
    json_open_object(j, "dlp");
    json_text(j, "id", id);
    if (update)
        json_bool(j, "update", true);
    json_text(j, "sensor", a->params.sensor);
    json_text(j, "incident", incident);
    if (rule->digest)
        json_text(j, "rules_digest", rule->digest);
    document_object(a, object, flow, facts);
    json_bool(j, "in_flight", in_flight);
    document_facts(a, facts);
    write_matches(a, match, object);
    document_ndpi(a, flow, meta);
    write_input(a, flow);
    json_close_object(j);

    struct event_doc *event = document_finish(a, EVENT_ALERT, now_ns);
    if (!event)
        return NULL;
    event->update = update;
    event->severity = rule->severity;
    memcpy(event->id, id, sizeof(id));
    memcpy(event->incident, incident, sizeof(incident));
    snprintf(event->category, sizeof(event->category), "%s", rule->category);
    snprintf(event->rule, sizeof(event->rule), "%s", rule->name);
    return event;
}

struct event_doc *object_event(struct alerter *a, const struct object *object, const struct fact_set *facts,
                               uint32_t alerts, int64_t now_ns)
{
    struct json *j = &a->json;
    document_head(a, "object", object->flow, now_ns);
    document_meta(a, object->meta, object->flow);
    document_fileinfo(a, object);
    json_open_object(j, "dlp");
    json_text(j, "sensor", a->params.sensor);
    document_object(a, object, object->flow, facts);
    json_uint(j, "alerts", alerts);
    document_facts(a, facts);
    document_ndpi(a, object->flow, object->meta);
    write_input(a, object->flow);
    json_close_object(j);
    return document_finish(a, EVENT_OBJECT, now_ns);
}

static const char *flow_state(const struct flow *flow)
{
    bool closed = (flow->tcp_flags[0] & TCP_FIN && flow->tcp_flags[1] & TCP_FIN) ||
                  (flow->tcp_flags[0] | flow->tcp_flags[1]) & TCP_RST;
    if (closed)
        return "closed";
    return flow->packets[0] && flow->packets[1] ? "established" : "new";
}

struct event_doc *flow_event(struct alerter *a, const struct flow *flow, const struct meta *meta,
                             const struct fact_set *facts, const char *reason)
{
    struct json *j = &a->json;
    char names[256];
    document_head(a, "flow", flow, flow->last_ns);
    document_meta(a, meta, flow);
    json_open_object(j, "flow");
    json_uint(j, "pkts_toserver", flow->packets[SIDE_CLIENT]);
    json_uint(j, "pkts_toclient", flow->packets[SIDE_SERVER]);
    json_uint(j, "bytes_toserver", flow->bytes[SIDE_CLIENT]);
    json_uint(j, "bytes_toclient", flow->bytes[SIDE_SERVER]);
    json_time(j, "start", flow->first_ns);
    json_time(j, "end", flow->last_ns);
    json_int(j, "age", (flow->last_ns - flow->first_ns) / 1000000000);
    json_text(j, "state", flow_state(flow));
    json_text(j, "reason", reason);
    json_close_object(j);
    json_open_object(j, "dlp");
    json_text(j, "sensor", a->params.sensor);
    json_text(j, "direction", flow_direction(flow, SIDE_CLIENT));
    for (unsigned side = 0; side < 2; side++) {
        json_uint(j, side == SIDE_CLIENT ? "payload_toserver" : "payload_toclient", flow->payload[side]);
    }
    json_uint(j, "bytes_out", (flow->outbound[0] ? flow->bytes[0] : 0) + (flow->outbound[1] ? flow->bytes[1] : 0));
    json_uint(j, "bytes_in", (flow->outbound[0] ? flow->bytes[1] : 0) + (flow->outbound[1] ? flow->bytes[0] : 0));
    json_bool(j, "opaque", flow->opaque);
    json_bool(j, "midstream", flow->midstream);
    json_bool(j, "conflict", flow->conflict);
    json_bool(j, "gaps", flow->gaps);
    if (flow->evasion) {
        flow_evasion_names(flow, names, sizeof(names));
        json_text(j, "evasion", names);
    }
    if (facts)
        document_facts(a, facts);
    document_ndpi(a, flow, meta);
    write_input(a, flow);
    json_close_object(j);
    return document_finish(a, EVENT_FLOW, flow->last_ns);
}
