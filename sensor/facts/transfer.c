/* What the transfer and the object say about themselves, as facts. */
#include <string.h>

#include "facts.h"

static void set_string(struct fact_set *set, enum fact_id id, const char *text)
{
    fact_set_text(set, id, text, strlen(text));
}

static void set_address(struct fact_set *set, enum fact_id id, const struct ip_addr *addr)
{
    char text[IP_TEXT_MAX];
    set_string(set, id, ip_format(addr, text));
}

static void set_meta(struct fact_set *set, enum fact_id id, const struct meta *meta, enum meta_id field)
{
    struct text text = meta_get(meta, field);
    if (text.len)
        fact_set_text(set, id, text.data, text.len);
}

/* The server's name: what the request said, else the TLS handshake, else what nDPI read. */
static void set_names(struct fact_set *set, const struct flow *flow, const struct meta *meta)
{
    struct text host = meta_get(meta, META_HTTP_HOSTNAME), sni = meta_get(meta, META_TLS_SNI);
    const struct flow_class *class = flow ? flow->class : NULL;
    const char *seen = class ? flow_server_name(flow) : "";
    if (!sni.len && class && class->encrypted)
        sni = (struct text){seen, strlen(seen)};
    if (!host.len)
        host = sni;
    if (!host.len)
        host = (struct text){seen, strlen(seen)};
    if (host.len)
        fact_set_text(set, FACT_hostname, host.data, host.len);
    if (sni.len)
        fact_set_text(set, FACT_tls_sni, sni.data, sni.len);
    set_meta(set, FACT_url, meta, META_HTTP_URL);
    set_meta(set, FACT_method, meta, META_HTTP_METHOD);
    set_meta(set, FACT_user_agent, meta, META_HTTP_USER_AGENT);
}

/* nDPI's word, and the client's fingerprint from the decoder or, where that saw none, from nDPI. */
static void set_class(struct fact_set *set, const struct flow *flow, const struct meta *meta)
{
    const struct flow_class *class = flow ? flow->class : NULL;
    set_meta(set, FACT_tls_ja3, meta, META_TLS_JA3);
    if (!class)
        return;
    if (flow_ja3(flow)[0] && !meta_get(meta, META_TLS_JA3).len)
        set_string(set, FACT_tls_ja3, flow_ja3(flow));
    set_string(set, FACT_ndpi_protocol, class->master);
    set_string(set, FACT_ndpi_risks, class->risks);
}

static const char *app_proto(const struct flow *flow)
{
    if (flow->app_proto)
        return flow->app_proto;
    if (flow->class && flow->class->protocol[0])
        return flow->class->protocol;
    return "unknown";
}

static void set_flow(struct fact_set *set, const struct flow *flow, enum side sender)
{
    enum side receiver = side_other(sender);
    uint64_t out = 0, in = 0;
    for (unsigned side = 0; side < 2; side++) {
        if (flow->outbound[side])
            out += flow->bytes[side];
        else if (flow->outbound[!side])
            in += flow->bytes[side];
    }
    set_string(set, FACT_direction, flow_direction(flow, sender));
    set_string(set, FACT_app_proto, app_proto(flow));
    set_string(set, FACT_sender_side, sender == SIDE_SERVER ? "server" : "client");
    set_address(set, FACT_sender_ip, &flow->addr[sender]);
    set_address(set, FACT_receiver_ip, &flow->addr[receiver]);
    fact_set_int(set, FACT_receiver_port, flow->port[receiver]);
    fact_set_int(set, FACT_flow_bytes_out, (int64_t)out);
    fact_set_int(set, FACT_flow_bytes_in, (int64_t)in);
    fact_set_int(set, FACT_flow_seconds, (flow->last_ns - flow->first_ns) / 1000000000);
    fact_set_int(set, FACT_stream_conflict, flow->conflict);
    fact_set_int(set, FACT_stream_gaps, flow->gaps);
    fact_set_int(set, FACT_midstream, flow->midstream);
    if (flow->evasion) {
        char names[FACT_TEXT_MAX];
        flow_evasion_names(flow, names, sizeof(names));
        fact_set_text(set, FACT_evasion, names, strlen(names));
    }
}

static void set_object(struct fact_set *set, const struct object *object)
{
    fact_set_text(set, FACT_filename, object->name, object->name_len);
    set_string(set, FACT_declared_type, object->declared_type);
    fact_set_int(set, FACT_object_size, (int64_t)object->size);
    fact_set_int(set, FACT_object_complete, object->state == OBJECT_CLOSED);
    fact_set_int(set, FACT_object_depth, object->depth);
    fact_set_int(set, FACT_type_mismatch,
                 facts_type_mismatch(object->declared_type, fact_text(set, FACT_object_type)));
    if (object->path_count > 0) {
        const char *step = object->path[object->path_count - 1];
        fact_set_text(set, FACT_container, step, strcspn(step, ":"));
    }
}

void facts_transfer(struct fact_set *set, const struct object *object)
{
    set_object(set, object);
    set_names(set, object->flow, object->meta);
    set_class(set, object->flow, object->meta);
    if (object->flow) {
        set_flow(set, object->flow, object->sender);
        return;
    }
    /* A plain file, tried as if it had just been sent out. */
    set_string(set, FACT_direction, "outbound");
    set_string(set, FACT_sender_side, "client");
    set_string(set, FACT_app_proto, "unknown");
}

enum side facts_flow_sender(const struct flow *flow)
{
    if (flow->outbound[SIDE_SERVER] && !flow->outbound[SIDE_CLIENT])
        return SIDE_SERVER;
    return SIDE_CLIENT;
}

void facts_of_flow(struct fact_set *set, const struct flow *flow, const struct meta *meta)
{
    set_string(set, FACT_object_type, "flow");
    set_flow(set, flow, facts_flow_sender(flow));
    set_names(set, flow, meta);
    set_class(set, flow, meta);
}
