/* nDPI 4.2, kept at arm's length.
 *
 * It never sees a captured header: every packet it gets is written here from what packet/ decoded,
 * one clean IP header, one clean TCP or UDP header and at most PAYLOAD_MAX bytes of payload, with
 * zeros behind them, so a read past the end stays in this buffer. It sees packets with payload
 * only, at most PACKETS_MAX of a flow; its state is freed with the verdict. The number of undecided
 * flows is bounded: beyond it the one that waits longest settles for what is known, so a flood of
 * half-spoken flows costs a fixed sum. */
#include "flow/classify.h"

#include <ndpi/ndpi_api.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 8
#define PAYLOAD_MAX 1460
#define PADDING 256
#define UNDECIDED_MAX 2048   /* states alive at once in one worker */
#define NDPI_HEAP_BYTES 7168 /* what nDPI allocates behind a state, as measured; charged with it   \
                              */

struct pending { /* one undecided flow */
    struct pending *next, *prev;
    struct flow *flow;
    struct ndpi_flow_struct ndpi;
};

struct classifier {
    struct mem *mem;
    struct counters *counters;
    struct ndpi_detection_module_struct *ndpi;
    struct pool *pool;
    struct class_set *classes;
    struct pending *oldest, *newest;
    unsigned undecided;
    uint8_t packet[40 + 20 + PAYLOAD_MAX + PADDING];
};

struct classifier *classifier_new(struct mem *mem, struct counters *counters)
{
    struct ndpi_detection_module_struct *ndpi =
        ndpi_init_detection_module(ndpi_dont_load_tor_hosts);
    if (!ndpi)
        return NULL;
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(ndpi, &all);
    ndpi_finalize_initialization(ndpi);

    struct classifier *c = calloc(1, sizeof(*c));
    if (!c)
        abort(); /* only at start */
    c->mem = mem;
    c->counters = counters;
    c->ndpi = ndpi;
    c->pool = pool_new(mem, MEM_FLOW, sizeof(struct pending));
    c->classes = class_set_new(mem);
    return c;
}

void classifier_free(struct classifier *c)
{
    if (!c)
        return;
    ndpi_exit_detection_module(c->ndpi);
    pool_free(c->pool);
    class_set_free(c->classes);
    free(c);
}

/* ---- state ---- */

static struct pending *pending_new(struct classifier *c, struct flow *flow)
{
    if (c->undecided >= UNDECIDED_MAX)
        classifier_give_up(c, c->oldest->flow);
    if (!mem_charge(c->mem, MEM_FLOW, NDPI_HEAP_BYTES))
        return NULL;
    struct pending *p = pool_get_zeroed(c->pool);
    if (!p) {
        mem_release(c->mem, MEM_FLOW, NDPI_HEAP_BYTES);
        return NULL;
    }
    p->flow = flow;
    p->prev = c->newest;
    if (c->newest)
        c->newest->next = p;
    else
        c->oldest = p;
    c->newest = p;
    c->undecided++;
    flow->classifier = p;
    return p;
}

void classifier_drop(struct classifier *c, struct flow *flow)
{
    struct pending *p = flow->classifier;
    flow->classifier = NULL;
    flow->classify_done = true;
    if (p->prev)
        p->prev->next = p->next;
    else
        c->oldest = p->next;
    if (p->next)
        p->next->prev = p->prev;
    else
        c->newest = p->prev;
    c->undecided--;
    ndpi_free_flow_data(&p->ndpi);
    pool_put(c->pool, p);
    mem_release(c->mem, MEM_FLOW, NDPI_HEAP_BYTES);
}

void classifier_release(struct classifier *c, struct flow *flow)
{
    class_set_drop(c->classes, flow);
}

void classifier_forget_said(struct classifier *c, struct flow *flow, unsigned said)
{
    class_set_forget(c->classes, flow, said);
}

/* ---- the packet nDPI sees ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static size_t put_network(uint8_t *p, const struct packet *packet, size_t l4_len)
{
    if (ip_is_v4(&packet->src) && ip_is_v4(&packet->dst)) {
        p[0] = 0x45;
        put16(p + 2, (uint32_t)(20 + l4_len));
        p[8] = packet->ttl ? packet->ttl : 64;
        p[9] = packet->protocol;
        memcpy(p + 12, packet->src.bytes + 12, 4);
        memcpy(p + 16, packet->dst.bytes + 12, 4);
        return 20;
    }
    p[0] = 0x60;
    put16(p + 4, (uint32_t)l4_len);
    p[6] = packet->protocol;
    p[7] = packet->ttl ? packet->ttl : 64;
    memcpy(p + 8, packet->src.bytes, 16);
    memcpy(p + 24, packet->dst.bytes, 16);
    return 40;
}

static size_t put_transport(uint8_t *p, const struct packet *packet, size_t payload_len)
{
    put16(p, packet->src_port);
    put16(p + 2, packet->dst_port);
    if (packet->protocol == IPPROTO_UDP) {
        put16(p + 4, (uint32_t)(8 + payload_len));
        return 8;
    }
    put32(p + 4, packet->tcp.seq);
    put32(p + 8, packet->tcp.ack);
    p[12] = 5 << 4;
    p[13] = packet->tcp.flags;
    put16(p + 14, packet->tcp.window);
    return 20;
}

static size_t write_packet(struct classifier *c, const struct packet *packet)
{
    size_t payload = packet->payload_len < PAYLOAD_MAX ? packet->payload_len : PAYLOAD_MAX;
    size_t transport = packet->protocol == IPPROTO_UDP ? 8 : 20;
    memset(c->packet, 0, 60);
    size_t n = put_network(c->packet, packet, transport + payload);
    n += put_transport(c->packet + n, packet, payload);
    memcpy(c->packet + n, packet->payload, payload);
    memset(c->packet + n + payload, 0, PADDING);
    return n + payload;
}

/* ---- the verdict ---- */

static bool carries_tls(uint16_t id)
{
    return id == NDPI_PROTOCOL_TLS || id == NDPI_PROTOCOL_QUIC || id == NDPI_PROTOCOL_DTLS ||
           id == NDPI_PROTOCOL_MAIL_SMTPS || id == NDPI_PROTOCOL_MAIL_IMAPS ||
           id == NDPI_PROTOCOL_MAIL_POPS || id == NDPI_PROTOCOL_DOH_DOT;
}

/* Protocols whose bytes nobody but the ends can read. nDPI's own list also holds many it merely
 * knows by address. */
static bool is_encrypted(uint16_t id)
{
    switch (id) {
    case NDPI_PROTOCOL_SSH:
    case NDPI_PROTOCOL_WIREGUARD:
    case NDPI_PROTOCOL_OPENVPN:
    case NDPI_PROTOCOL_IP_IPSEC:
    case NDPI_PROTOCOL_CISCOVPN:
    case NDPI_PROTOCOL_FORTICLIENT:
    case NDPI_PROTOCOL_TINC:
    case NDPI_PROTOCOL_DNSCRYPT:
    case NDPI_PROTOCOL_TOR:
    case NDPI_PROTOCOL_ICLOUD_PRIVATE_RELAY:
        return true;
    default:
        return carries_tls(id);
    }
}

/* "TLS" of "TLS.Google": the protocol that frames the bytes. */
static uint16_t base_protocol(ndpi_protocol verdict)
{
    return verdict.master_protocol ? verdict.master_protocol : verdict.app_protocol;
}

static void copy_text(char *to, size_t len, const char *from)
{
    size_t n = 0;
    for (; from && from[n] && n + 1 < len; n++)
        to[n] = from[n];
    to[n] = '\0';
}

static void name_risks(const struct ndpi_flow_struct *ndpi, char *text, size_t len)
{
    size_t n = 0;
    for (unsigned i = 1; i < NDPI_MAX_RISK && n < len; i++) {
        if (!(ndpi->risk >> i & 1))
            continue;
        const char *name = ndpi_risk2str((ndpi_risk_enum)i);
        if (n + strlen(name) + 2 > len)
            return; /* whole names only */
        n += (size_t)snprintf(text + n, len - n, "%s%s", n ? "," : "", name);
    }
}

struct description {
    struct flow_class class;
    char server_name[256], ja3[33];
};

static void describe(struct classifier *c, const struct ndpi_flow_struct *ndpi,
                     ndpi_protocol verdict, struct description *d)
{
    struct flow_class *class = &d->class;
    uint16_t base = base_protocol(verdict);
    class->guessed = ndpi->confidence != NDPI_CONFIDENCE_DPI;
    ndpi_protocol2name(c->ndpi, verdict, class->master, sizeof(class->master));
    copy_text(class->category, sizeof(class->category),
              ndpi_category_get_name(c->ndpi, verdict.category));
    name_risks(ndpi, class->risks, sizeof(class->risks));
    if (class->guessed)
        return;
    classify_eve_name(base, ndpi_get_proto_name(c->ndpi, base), class->protocol,
                      sizeof(class->protocol));
    class->encrypted = is_encrypted(base);
    copy_text(d->server_name, sizeof(d->server_name), ndpi->host_server_name);
    if (carries_tls(base)) {
        copy_text(d->ja3, sizeof(d->ja3), ndpi->protos.tls_quic.ja3_client);
        copy_text(class->ja3s, sizeof(class->ja3s), ndpi->protos.tls_quic.ja3_server);
        copy_text(class->alpn, sizeof(class->alpn), ndpi->protos.tls_quic.alpn);
    }
}

static void settle(struct classifier *c, struct flow *flow, ndpi_protocol verdict)
{
    struct pending *p = flow->classifier;
    bool named = verdict.master_protocol || verdict.app_protocol || p->ndpi.risk;
    struct description d;
    memset(&d, 0, sizeof(d)); /* the class's padding too: it is compared whole */
    if (named)
        describe(c, &p->ndpi, verdict, &d);
    classifier_drop(c, flow);
    if (named && class_set_hold(c->classes, flow, &d.class, d.server_name, d.ja3))
        count_add(c->counters, COUNT_FLOW_CLASSIFIED, 1);
}

void classifier_give_up(struct classifier *c, struct flow *flow)
{
    struct pending *p = flow->classifier;
    ndpi_protocol verdict = {p->ndpi.detected_protocol_stack[1], p->ndpi.detected_protocol_stack[0],
                             p->ndpi.category};
    if (!verdict.app_protocol) {
        uint8_t guessed = 0;
        verdict = ndpi_detection_giveup(c->ndpi, &p->ndpi, 1, &guessed);
    }
    settle(c, flow, verdict);
}

/* A TLS verdict comes with the ClientHello; the ServerHello that follows holds the rest (JA3S). */
static bool wants_more(struct classifier *c, struct pending *p, ndpi_protocol verdict)
{
    return carries_tls(base_protocol(verdict)) && base_protocol(verdict) != NDPI_PROTOCOL_QUIC &&
           !p->ndpi.protos.tls_quic.ja3_server[0] &&
           ndpi_extra_dissection_possible(c->ndpi, &p->ndpi);
}

bool classifier_packet(struct classifier *c, struct flow *flow, enum side side,
                       const struct packet *packet)
{
    (void)side;
    struct pending *p = flow->classifier;
    if (!p && !(p = pending_new(c, flow))) {
        flow->classify_done = true;
        return false;
    }
    size_t len = write_packet(c, packet);
    ndpi_protocol verdict = ndpi_detection_process_packet(
        c->ndpi, &p->ndpi, c->packet, (unsigned short)len, (uint64_t)(packet->time_ns / 1000000));
    bool named = verdict.master_protocol || verdict.app_protocol;
    bool last = ++flow->classify_packets >= PACKETS_MAX;
    if (named && (last || !wants_more(c, p, verdict)))
        settle(c, flow, verdict);
    else if (last)
        classifier_give_up(c, flow);
    return flow->class != NULL;
}
