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

/* A comma list that grows, cut to what a fact holds. */
struct list {
    size_t len;
    char text[FACT_TEXT_MAX];
};

static void list_add(struct list *list, struct text item)
{
    size_t n = list->len;
    if (!item.len || n == sizeof(list->text))
        return;
    if (n)
        list->text[n++] = ',';
    size_t len = item.len < sizeof(list->text) - n ? item.len : sizeof(list->text) - n;
    memcpy(list->text + n, item.data, len);
    list->len = n + len;
}

/* An envelope's path without its angle brackets. */
static struct text bare(struct text path)
{
    if (path.len >= 2 && path.data[0] == '<' && path.data[path.len - 1] == '>')
        return (struct text){path.data + 1, path.len - 2};
    return path;
}

static void list_add_items(struct list *list, struct text items)
{
    for (size_t at = 0; at < items.len;) {
        const char *end = memchr(items.data + at, '\n', items.len - at);
        size_t n = end ? (size_t)(end - items.data) - at : items.len - at;
        list_add(list, bare((struct text){items.data + at, n}));
        at += n + 1;
    }
}

/* Who, to whom, about what. The envelope is what servers go by, the header what people see. */
static void set_mail(struct fact_set *set, const struct meta *meta)
{
    struct list from = {.len = 0}, to = {.len = 0};
    struct text sender = bare(meta_get(meta, META_SMTP_MAIL_FROM)), header = meta_get(meta, META_EMAIL_FROM);
    list_add(&from, sender);
    if (!sender.len || (header.len && !memmem(header.data, header.len, sender.data, sender.len)))
        list_add(&from, header);
    list_add_items(&to, meta_get(meta, META_SMTP_RCPT_TO));
    if (!to.len) {
        list_add_items(&to, meta_get(meta, META_EMAIL_TO));
        list_add_items(&to, meta_get(meta, META_EMAIL_CC));
        list_add_items(&to, meta_get(meta, META_EMAIL_BCC));
    }
    fact_set_text(set, FACT_mail_from, from.text, from.len);
    fact_set_text(set, FACT_mail_to, to.text, to.len);
    set_meta(set, FACT_mail_subject, meta, META_EMAIL_SUBJECT);
}

/* What the handshake said, and nDPI's word: also for the client's fingerprint where no decoder saw it. */
static void set_class(struct fact_set *set, const struct flow *flow, const struct meta *meta)
{
    const struct flow_class *class = flow ? flow->class : NULL;
    struct list alpns = {.len = 0};
    list_add_items(&alpns, meta_get(meta, META_TLS_CLIENT_ALPN));
    fact_set_text(set, FACT_tls_alpn, alpns.text, alpns.len);
    set_meta(set, FACT_tls_ja3, meta, META_TLS_JA3);
    set_meta(set, FACT_tls_ja4, meta, META_TLS_JA4);
    set_meta(set, FACT_tls_version, meta, META_TLS_VERSION);
    set_meta(set, FACT_tls_subject, meta, META_TLS_SUBJECT);
    set_meta(set, FACT_tls_issuer, meta, META_TLS_ISSUER);
    set_meta(set, FACT_ssh_client, meta, META_SSH_CLIENT);
    set_meta(set, FACT_ssh_server, meta, META_SSH_SERVER);
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

/* Frames and wire bytes of what leaves and of what comes back. */
struct balance {
    uint64_t bytes[2], packets[2]; /* out, in */
};

static struct balance balance_of(const struct flow *flow)
{
    struct balance balance = {{0, 0}, {0, 0}};
    for (unsigned side = 0; side < 2; side++) {
        bool in = !flow->outbound[side];
        if (in && !flow->outbound[!side])
            continue;
        balance.bytes[in] += flow->bytes[side];
        balance.packets[in] += flow->packets[side];
    }
    return balance;
}

static void set_flow(struct fact_set *set, const struct flow *flow, enum side sender)
{
    enum side receiver = side_other(sender);
    struct balance balance = balance_of(flow);
    set_string(set, FACT_direction, flow_direction(flow, sender));
    set_string(set, FACT_app_proto, app_proto(flow));
    set_string(set, FACT_sender_side, sender == SIDE_SERVER ? "server" : "client");
    set_address(set, FACT_sender_ip, &flow->addr[sender]);
    set_address(set, FACT_receiver_ip, &flow->addr[receiver]);
    fact_set_int(set, FACT_receiver_port, flow->port[receiver]);
    fact_set_int(set, FACT_flow_bytes_out, (int64_t)balance.bytes[0]);
    fact_set_int(set, FACT_flow_bytes_in, (int64_t)balance.bytes[1]);
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
    if (object->meta)
        set_mail(set, object->meta);
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

static void set_pace(struct fact_set *set, const struct flow *flow, const struct flow_pace *pace)
{
    struct balance balance = balance_of(flow);
    int64_t ms = (flow->last_ns - flow->first_ns) / 1000000;
    uint64_t rate = balance.bytes[0] * 1000 / (ms > 1000 ? (uint64_t)ms : 1000);
    fact_set_int(set, FACT_flow_packets_out, (int64_t)balance.packets[0]);
    fact_set_int(set, FACT_flow_packets_in, (int64_t)balance.packets[1]);
    fact_set_int(set, FACT_flow_rate_out, (int64_t)rate);
    if (!pace || !pace->packets)
        return;
    fact_set_int(set, FACT_flow_peak_out, (int64_t)pace->peak);
    fact_set_int(set, FACT_flow_busy_seconds, pace->busy_seconds);
    fact_set_int(set, FACT_flow_full_out, (int64_t)((uint64_t)pace->full * 100 / pace->packets));
    fact_set_int(set, FACT_flow_turns, pace->turns);
    fact_set_int(set, FACT_flow_burst_out, (int64_t)pace->longest);
}

void facts_of_flow(struct fact_set *set, const struct flow *flow, const struct meta *meta,
                   const struct flow_pace *pace)
{
    set_string(set, FACT_object_type, "flow");
    set_flow(set, flow, facts_flow_sender(flow));
    set_pace(set, flow, pace);
    set_names(set, flow, meta);
    set_class(set, flow, meta);
}
