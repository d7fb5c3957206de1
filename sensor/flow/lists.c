/* Deadlines, rest and eviction. Each list holds flows of one life span in order of deadline; an
 * active flow moves to the tail at most once a second, so a busy one costs nothing and the order is
 * true to a second. In each list those that rest come first, so that finding the next one costs
 * nothing either. */
#include <netinet/in.h>

#include "flow/table.h"

#define SECOND INT64_C(1000000000)
#define REFRESH_NS SECOND
#define REST_NS (3 * SECOND) /* silent for at least two */
#define REST_SOME 16
#define BACKWARDS_NS SECOND /* packet time may fall back this far without a new reckoning */
#define LEAP_NS (1000 * SECOND)
#define CLOCK_END (INT64_MAX / 2)

static const int64_t LIFE_NS[FLOW_LIST_COUNT] = {
    [FLOW_NEW_TCP] = 60 * SECOND, [FLOW_NEW_UDP] = 30 * SECOND, [FLOW_UDP] = 60 * SECOND,
    [FLOW_TCP] = 600 * SECOND,    [FLOW_BUSY] = 600 * SECOND,
};

void flow_clock_advance(struct flow_table *table, int64_t packet_ns)
{
    int64_t step, from = table->packet_ns;
    uint64_t behind = (uint64_t)from - (uint64_t)packet_ns;
    if (table->clock_set && packet_ns < from && behind <= BACKWARDS_NS)
        return;
    if (table->fell_back && packet_ns >= from &&
        (uint64_t)packet_ns - (uint64_t)table->before_ns + BACKWARDS_NS <= LEAP_NS) {
        table->fell_back = false;
        from = packet_ns < table->before_ns ? packet_ns : table->before_ns;
    }
    if (!table->clock_set || packet_ns < from) {
        step = 0;
        table->before_ns = from;
        table->fell_back = table->clock_set;
    } else if (__builtin_sub_overflow(packet_ns, from, &step) || step > LEAP_NS) {
        step = LEAP_NS; /* no flow outlives it anyway */
    }
    if (table->clock_ns < CLOCK_END)
        table->clock_ns += step;
    table->packet_ns = packet_ns;
    table->clock_set = true;
}

int64_t flow_table_clock(struct flow_table *table, int64_t now_ns)
{
    flow_clock_advance(table, now_ns);
    return table->clock_ns;
}

void flow_enqueue(struct flow_table *table, struct flow *flow, enum flow_list list, int64_t life_ns)
{
    struct flow_queue *queue = &table->lists[list];
    flow->list = list & 15;
    flow->deadline_ns = table->clock_ns + life_ns;
    flow->list_next = NULL;
    flow->list_prev = queue->tail;
    if (queue->tail)
        queue->tail->list_next = flow;
    else
        queue->head = flow;
    queue->tail = flow;
    flow->rests = false;
    if (!table->awake[list])
        table->awake[list] = flow;
}

void flow_dequeue(struct flow_table *table, struct flow *flow)
{
    struct flow_queue *queue = &table->lists[flow->list];
    if (table->awake[flow->list] == flow)
        table->awake[flow->list] = flow->list_next;
    if (flow->list_prev)
        flow->list_prev->list_next = flow->list_next;
    else
        queue->head = flow->list_next;
    if (flow->list_next)
        flow->list_next->list_prev = flow->list_prev;
    else
        queue->tail = flow->list_prev;
}

/* A connection is one when both sides spoke and somebody said more than SYN, or when data flows
 * (one-sided captures). */
static enum flow_list natural_list(const struct flow *flow)
{
    if (flow->busy)
        return FLOW_BUSY;
    bool both = flow->packets[0] && flow->packets[1];
    if (flow->protocol != IPPROTO_TCP)
        return both ? FLOW_UDP : FLOW_NEW_UDP;
    uint64_t packets = flow->packets[0] + flow->packets[1];
    bool data = flow->payload[0] || flow->payload[1];
    bool open = packets >= 3 && (data || (both && flow->packets[SIDE_CLIENT] >= 2));
    return open ? FLOW_TCP : FLOW_NEW_TCP;
}

static bool lingers(const struct flow *flow)
{
    return flow->list == FLOW_LINGER || flow->list == FLOW_LINGER_BUSY;
}

void flow_refresh(struct flow_table *table, struct flow *flow)
{
    if (lingers(flow) || flow->list == FLOW_ENDING)
        return;
    enum flow_list list = natural_list(flow);
    if (list == flow->list && !flow->rests &&
        table->clock_ns + LIFE_NS[list] - flow->deadline_ns < REFRESH_NS)
        return;
    flow_dequeue(table, flow);
    flow_enqueue(table, flow, list, LIFE_NS[list]);
}

bool flow_expired(const struct flow_table *table, const struct flow *flow)
{
    return flow->deadline_ns <= table->clock_ns;
}

void flow_table_linger(struct flow_table *table, struct flow *flow, int64_t ns, bool closed)
{
    if (flow->list == FLOW_ENDING)
        return;
    flow_dequeue(table, flow);
    flow_enqueue(table, flow, flow->busy ? FLOW_LINGER_BUSY : FLOW_LINGER, ns);
    flow->closed = closed;
}

void flow_table_revive(struct flow_table *table, struct flow *flow)
{
    if (!lingers(flow))
        return;
    enum flow_list list = natural_list(flow);
    flow->closed = false;
    flow_dequeue(table, flow);
    flow_enqueue(table, flow, list, LIFE_NS[list]);
}

void flow_set_busy(struct flow_table *table, struct flow *flow, bool busy)
{
    if (flow->busy == busy)
        return;
    flow->busy = busy;
    if (lingers(flow)) {
        int64_t left = flow->deadline_ns - table->clock_ns;
        flow_dequeue(table, flow);
        flow_enqueue(table, flow, busy ? FLOW_LINGER_BUSY : FLOW_LINGER, left);
    } else {
        flow_refresh(table, flow);
    }
}

/* One that carries an object is no idle one, one that lingers is soon gone. */
static bool may_rest(unsigned list)
{
    return list < FLOW_IDLE_LISTS && list != FLOW_LINGER;
}

static void rest(struct flow_table *table, struct flow *flow)
{
    table->awake[flow->list] = flow->list_next;
    flow->rests = true;
    if (table->hooks.rest)
        table->hooks.rest(table->hooks.user, flow);
}

bool flow_rest_some(struct flow_table *table)
{
    unsigned n = 0;
    for (unsigned i = 0; i < FLOW_LIST_COUNT && !table->flushing; i++) {
        struct flow *flow;
        while (may_rest(i) && n < REST_SOME && (flow = table->awake[i])) {
            if (flow != table->current) {
                rest(table, flow);
                n++;
            } else if (flow->list_next) { /* at work: to the end, where it belongs */
                flow_dequeue(table, flow);
                flow_enqueue(table, flow, (enum flow_list)i, LIFE_NS[i]);
            } else {
                break;
            }
        }
    }
    return n > 0;
}

void flow_table_expire(struct flow_table *table, int64_t now_ns)
{
    flow_clock_advance(table, now_ns);
    table->current = NULL;
    for (unsigned i = 0; i < FLOW_LIST_COUNT; i++) {
        struct flow *flow;
        while ((flow = table->lists[i].head) && flow_expired(table, flow))
            flow_table_end(table, flow, lingers(flow) ? FLOW_END_CLOSE : FLOW_END_TIMEOUT);
        while (may_rest(i) && (flow = table->awake[i]) &&
               flow->deadline_ns - LIFE_NS[i] + REST_NS <= table->clock_ns)
            rest(table, flow);
    }
}

static bool evict_from(struct flow_table *table, unsigned first, unsigned end)
{
    if (table->flushing)
        return false;
    for (unsigned i = first; i < end; i++) {
        struct flow *flow = table->lists[i].head;
        if (flow && flow == table->current)
            flow = flow->list_next;
        if (flow) {
            flow_table_end(table, flow, FLOW_END_MEMORY);
            return true;
        }
    }
    return false;
}

bool flow_table_evict(struct flow_table *table)
{
    return evict_from(table, 0, FLOW_IDLE_LISTS);
}

bool flow_table_evict_busy(struct flow_table *table)
{
    return evict_from(table, FLOW_IDLE_LISTS, FLOW_LIST_COUNT);
}

bool flow_table_make_room(struct flow_table *table)
{
    return flow_rest_some(table) || flow_table_evict(table) ||
           (table->hooks.shed && table->hooks.shed(table->hooks.user)) ||
           flow_table_evict_busy(table);
}
