/* The flow table's one way in: packet to flow. */
#include "flow/table.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/classify.h"

#define FLOW_ID_BITS 53 /* what a double holds exactly: JSON readers use doubles */

_Static_assert(COUNT_FLOW_ENDED_TIMEOUT == COUNT_FLOW_ENDED_CLOSE + (int)FLOW_END_TIMEOUT &&
                   COUNT_FLOW_ENDED_MEMORY == COUNT_FLOW_ENDED_CLOSE + (int)FLOW_END_MEMORY &&
                   COUNT_FLOW_ENDED_SHUTDOWN == COUNT_FLOW_ENDED_CLOSE + (int)FLOW_END_SHUTDOWN,
               "counter_list.def lists the ends in the order of enum flow_end");
_Static_assert(sizeof(struct flow) <= 240, "an idle flow costs at most 400 bytes in all");

struct flow_table *flow_table_new(struct mem *mem, struct counters *counters,
                                  const struct flow_params *params, const struct flow_hooks *hooks)
{
    struct flow_table *table = calloc(1, sizeof(*table));
    if (!table)
        abort(); /* only at start */
    table->mem = mem;
    table->counters = counters;
    table->params = *params;
    if (hooks)
        table->hooks = *hooks;
    hash_key_random(&table->key);
    table->pool = pool_new(mem, MEM_FLOW, sizeof(struct flow));
    flow_index_init(&table->index, mem);
    if (!table->index.buckets)
        abort();
    if (params->classify)
        table->classifier = classifier_new(mem, counters);
    return table;
}

void flow_table_free(struct flow_table *table)
{
    if (!table)
        return;
    classifier_free(table->classifier);
    flow_index_free(&table->index);
    pool_free(table->pool);
    free(table);
}

/* Hash of the two endpoints in an order that does not depend on the direction. IPv4 needs 13 bytes
 * of key. */
static uint32_t packet_hash(const struct flow_table *table, const struct packet *packet)
{
    int order = ip_compare(&packet->src, &packet->dst);
    bool swap = order > 0 || (order == 0 && packet->src_port > packet->dst_port);
    const struct ip_addr *low = swap ? &packet->dst : &packet->src;
    const struct ip_addr *high = swap ? &packet->src : &packet->dst;
    uint16_t ports[2] = {swap ? packet->dst_port : packet->src_port,
                         swap ? packet->src_port : packet->dst_port};
    uint8_t key[40] = {0};
    size_t n = ip_is_v4(low) && ip_is_v4(high) ? 4 : 16;
    memcpy(key, low->bytes + 16 - n, n);
    memcpy(key + n, high->bytes + 16 - n, n);
    memcpy(key + 2 * n, ports, 4);
    key[2 * n + 4] = packet->protocol;
    return (uint32_t)hash_bytes(&table->key, key, n == 4 ? 16 : sizeof(key));
}

static uint64_t flow_identity(const struct flow *flow)
{
    uint8_t key[48] = {0};
    memcpy(key, flow->addr[0].bytes, 16);
    memcpy(key + 16, flow->addr[1].bytes, 16);
    memcpy(key + 32, flow->port, 4);
    key[36] = flow->protocol;
    memcpy(key + 40, &flow->first_ns, 8);
    return hash_bytes(&HASH_KEY_FIXED, key, sizeof(key)) & ((UINT64_C(1) << FLOW_ID_BITS) - 1);
}

static void decide_direction(const struct flow_table *table, struct flow *flow)
{
    for (int s = 0; s < 2; s++)
        flow->home[s] = table->params.home && ip_set_has(table->params.home, &flow->addr[s]);
    for (int s = 0; s < 2; s++) {
        flow->outbound[s] = flow->home[s] && !flow->home[!s];
        flow->content[s] = table->params.inspect_both || flow->outbound[s];
    }
}

/* A free struct, shedding in the written order when memory refuses: idle flows, held segments, busy
 * flows. Flows take at most half of the ceiling, so that a flood of new ones leaves room to inspect
 * the old. */
static struct flow *flow_get(struct flow_table *table)
{
    size_t limit = table->mem->ceiling / 2;
    for (int i = 0; limit && i < 2 && table->mem->used[MEM_FLOW] > limit; i++) {
        if (!flow_rest_some(table))
            flow_table_evict(table);
    }
    struct flow *flow = pool_get_zeroed(table->pool);
    for (int i = 0; !flow && i < FLOW_ROOM_TRIES; i++) {
        if (!flow_table_make_room(table))
            return NULL;
        flow = pool_get_zeroed(table->pool);
    }
    return flow;
}

static struct flow *flow_begin(struct flow_table *table, const struct packet *packet, uint32_t hash,
                               enum side *side)
{
    table->current = NULL;
    struct flow *flow = flow_get(table);
    if (!flow)
        return NULL;
    uint8_t flags = packet->protocol == IPPROTO_TCP ? packet->tcp.flags : 0;
    bool answers = (flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    *side = answers ? SIDE_SERVER : SIDE_CLIENT;
    flow->addr[*side] = packet->src;
    flow->addr[side_other(*side)] = packet->dst;
    flow->port[*side] = packet->src_port;
    flow->port[side_other(*side)] = packet->dst_port;
    flow->protocol = packet->protocol;
    flow->vlan_count = packet->vlan_count;
    memcpy(flow->vlan, packet->vlan, sizeof(flow->vlan));
    flow->first_ns = flow->last_ns = packet->time_ns;
    flow->interface = packet->frame ? packet->frame->interface : NULL;
    flow->input = packet->frame ? packet->frame->input : NULL;
    flow->hash = hash;
    flow->id = flow_identity(flow);
    decide_direction(table, flow);
    flow->classify_done = packet->protocol == IPPROTO_ESP; /* nDPI reads TCP and UDP */
    flow->midstream = packet->protocol == IPPROTO_TCP && !(flags & TCP_SYN);
    if (flags & TCP_SYN)
        flow_note_syn(flow, *side, packet);
    flow_index_add(&table->index, flow);
    flow_enqueue(table, flow, packet->protocol == IPPROTO_TCP ? FLOW_NEW_TCP : FLOW_NEW_UDP, 0);
    count_add(table->counters, COUNT_FLOW_CREATED, 1);
    count_add(table->counters, packet->protocol == IPPROTO_TCP ? COUNT_FLOW_TCP : COUNT_FLOW_UDP,
              1);
    if (flow->midstream)
        count_add(table->counters, COUNT_FLOW_MIDSTREAM, 1);
    table->counters->value[COUNT_FLOW_ACTIVE]++;
    return flow;
}

static void flow_account(struct flow *flow, enum side side, const struct packet *packet)
{
    flow->packets[side]++;
    flow->bytes[side] += packet_wire_bytes(packet);
    flow->payload[side] += packet->payload_len;
    if (packet->time_ns > flow->last_ns)
        flow->last_ns = packet->time_ns;
    if (packet->protocol == IPPROTO_TCP && !packet->bad_checksum)
        flow->tcp_flags[side] |= packet->tcp.flags;
    if (packet->fragment_conflict) {
        flow->conflict = true;
        flow->evasion |= 1u << EVASION_FRAGMENT;
    }
}

struct flow *flow_table_packet(struct flow_table *table, const struct packet *packet,
                               enum side *side)
{
    flow_clock_advance(table, packet->time_ns);
    struct flow *flow = table->current; /* packets come in trains */
    uint32_t hash = flow ? flow->hash : 0;
    if (!flow || !flow_matches(flow, packet, side)) {
        hash = packet_hash(table, packet);
        flow = flow_index_find(&table->index, packet, hash, side);
    }
    if (flow && flow_expired(table, flow)) {
        flow_table_end(table, flow, flow->list == FLOW_LINGER ? FLOW_END_CLOSE : FLOW_END_TIMEOUT);
        flow = NULL;
    }
    if (flow && flow_is_reopened(flow, *side, packet)) {
        flow_table_end(table, flow, FLOW_END_CLOSE);
        flow = NULL;
    }
    if (!flow)
        flow = flow_begin(table, packet, hash, side);
    table->current = flow;
    if (!flow)
        return NULL;
    flow_account(flow, *side, packet);
    flow_refresh(table, flow);
    return flow;
}

void flow_table_classify(struct flow_table *table, struct flow *flow, enum side side,
                         const struct packet *packet)
{
    if (flow->classify_done || !table->classifier || !packet->payload_len || packet->bad_checksum)
        return;
    if (classifier_packet(table->classifier, flow, side, packet) && table->hooks.classified)
        table->hooks.classified(table->hooks.user, flow);
}

void flow_table_protect(struct flow_table *table, struct flow *flow)
{
    table->current = flow;
}

void flow_stop_classifying(struct flow_table *table, struct flow *flow)
{
    if (!flow->classify_done && flow->classifier)
        classifier_drop(table->classifier, flow);
    flow->classify_done = true;
}

void flow_forget_said(struct flow_table *table, struct flow *flow, unsigned said)
{
    if (flow->class)
        classifier_forget_said(table->classifier, flow, said);
}

void flow_table_end(struct flow_table *table, struct flow *flow, enum flow_end how)
{
    if (table->current == flow)
        table->current = NULL;
    /* Out of index and lists first: what the hooks do may evict others, never this one twice. */
    flow_index_remove(&table->index, flow);
    flow_dequeue(table, flow);
    flow->list = FLOW_ENDING;
    if (!flow->classify_done && flow->classifier)
        classifier_give_up(table->classifier, flow);
    count_add(table->counters, COUNT_FLOW_ENDED_CLOSE + (enum counter)how, 1);
    table->counters->value[COUNT_FLOW_ACTIVE]--;
    if (table->hooks.end)
        table->hooks.end(table->hooks.user, flow, how);
    if (flow->class)
        classifier_release(table->classifier, flow);
    pool_put(table->pool, flow);
}

static bool is_before(const struct flow *x, const struct flow *y)
{
    return x->first_ns != y->first_ns ? x->first_ns < y->first_ns : x->id < y->id;
}

static struct flow *merge(struct flow *a, struct flow *b)
{
    struct flow *first = NULL, **link = &first;
    while (a && b) {
        struct flow **less = is_before(b, a) ? &b : &a;
        *link = *less;
        link = &(*less)->list_next;
        *less = *link;
    }
    *link = a ? a : b;
    return first;
}

/* Oldest first, by their links alone: there may be millions, and memory may be short. */
static struct flow *sorted(struct flow *flow)
{
    struct flow *runs[64] = {NULL}; /* runs[i]: 2^i flows in order, or none */
    while (flow) {
        struct flow *run = flow;
        unsigned i = 0;
        flow = flow->list_next;
        run->list_next = NULL;
        for (; runs[i]; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    struct flow *all = NULL;
    for (unsigned i = 0; i < 64; i++)
        all = merge(runs[i], all);
    return all;
}

void flow_table_flush(struct flow_table *table)
{
    struct flow_queue *queue = &table->lists[0];
    struct flow *all = NULL;
    table->current = NULL;
    table->flushing = true;
    for (unsigned i = 0; i < FLOW_LIST_COUNT; i++) {
        if (table->lists[i].head) {
            table->lists[i].tail->list_next = all;
            all = table->lists[i].head;
        }
        table->lists[i] = (struct flow_queue){NULL, NULL};
        table->awake[i] = NULL;
    }
    queue->head = sorted(all);
    for (struct flow *flow = queue->head; flow; flow = flow->list_next) {
        flow->list = 0;
        flow->list_prev = queue->tail;
        queue->tail = flow;
    }
    while (queue->head)
        flow_table_end(table, queue->head, FLOW_END_SHUTDOWN);
    table->flushing = false;
    table->clock_set = false;
}

const char *flow_direction(const struct flow *flow, enum side sender)
{
    if (flow->home[sender])
        return flow->home[side_other(sender)] ? "internal" : "outbound";
    return flow->home[side_other(sender)] ? "inbound" : "external";
}

const char *evasion_name(enum evasion evasion)
{
    static const char *const names[] = {
#define EVASION(id, name, help) name,
#include "evasion_list.def"
#undef EVASION
    };
    return evasion < EVASION_COUNT ? names[evasion] : "";
}

char *flow_evasion_names(const struct flow *flow, char *text, size_t len)
{
    size_t n = 0;
    if (len)
        text[0] = '\0';
    for (unsigned i = 0; i < EVASION_COUNT; i++) {
        if (!(flow->evasion >> i & 1) || n >= len)
            continue;
        int added =
            snprintf(text + n, len - n, "%s%s", n ? "," : "", evasion_name((enum evasion)i));
        n += added > 0 ? (size_t)added : 0;
    }
    return text;
}
