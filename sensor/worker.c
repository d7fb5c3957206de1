/* Frame to object, in one call: decode, flow, stream, application, each folder's one entry point in turn.
 *
 * A sharded replay lets every worker read all frames and keep its share: the address pair decides, after
 * decapsulation and reassembly, so that no ring stands between reader and worker and a conversation's flows
 * meet. What the decoder counts for a frame is kept by the worker that owns the frame (worker 0 for frames
 * that end in the decoder), so the counters of all workers add up to one worker's. */
#include "worker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define RING_EVENTS 8192
#define NAMES_MAX 256 /* interface names kept over all inputs of a replay */
#define WORKER_BYTES ((size_t)5 << 20) /* beside its pools, as measured */
#define FREE_WORKERS 4
#define SHARE_LITTLE ((size_t)8 << 20)
#define BACKWARDS_NS UINT64_C(1000000000)
#define TIMER_NS (50 * UINT64_C(1000000)) /* timers run this often, in packet time */

static void on_flow_end(void *user, struct flow *flow, enum flow_end how)
{
    struct worker *w = user;
    stream_flow_end(w->streams, flow, how);
    inspect_flow_end(w, flow, how);
    app_flow_end(w->apps, flow);
}

static void on_classified(void *user, struct flow *flow)
{
    struct worker *w = user;
    app_flow_classified(w->apps, flow);
}

static void on_rest(void *user, struct flow *flow)
{
    struct worker *w = user;
    stream_flow_rest(w->streams, flow);
    app_flow_rest(w->apps, flow);
    inspect_flow_rest(w, flow);
}

static bool on_shed(void *user)
{
    return streams_shed(((struct worker *)user)->streams);
}

static bool make_room(void *user)
{
    return flow_table_make_room(((struct worker *)user)->flows);
}

/* Objects are timed apart from the decoders that feed them. */
static struct object *sink_begin(void *user, const struct object_info *info)
{
    struct worker *w = user;
    enum stage before = profile_enter(&w->profile, STAGE_OBJECT);
    struct object *object = object_begin(w->objects, info);
    profile_enter(&w->profile, before);
    return object;
}

static void sink_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct worker *w = user;
    enum stage before = profile_enter(&w->profile, STAGE_OBJECT);
    object_data(w->objects, object, data, len);
    profile_enter(&w->profile, before);
}

static void sink_gap(void *user, struct object *object, uint64_t len)
{
    object_gap(((struct worker *)user)->objects, object, len);
}

static void sink_end(void *user, struct object *object, enum object_state state)
{
    struct worker *w = user;
    enum stage before = profile_enter(&w->profile, STAGE_OBJECT);
    object_end(w->objects, object, state);
    profile_enter(&w->profile, before);
}

static void sink_set_name(void *user, struct object *object, const void *name, size_t len)
{
    (void)user;
    object_set_name(object, name, len);
}

static void build_pipeline(struct worker *w, struct rule_set *rules, const struct worker *first)
{
    const struct config *c = w->config;
    const struct flow_params flow_params = {c->home, c->inspect_both, true};
    const struct flow_hooks hooks = {w, on_flow_end, on_classified, on_shed, on_rest};
    const struct object_limits limits = {(size_t)c->object_mib << 20, (unsigned)c->nesting,
                                         (unsigned)c->expansion_ratio};
    const struct object_observer observer = inspect_observer(w);
    const struct object_sink sink = {w, sink_begin, sink_data, sink_gap, sink_end, sink_set_name};
    const char *const snippets[] = {"masked", "none", "full"};
    struct alert_params alert_params = {c->sensor_name, SNIPPET_MASKED, c->each};
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(c->snippet, snippets[i]) == 0)
            alert_params.snippet = (enum snippet_mode)i;
    }

    w->decoder = packet_decoder_new(&w->mem, w->decoding ? w->decoding : &w->counters);
    w->flows = flow_table_new(&w->mem, &w->counters, &flow_params, &hooks);
    w->objects = object_env_new(&w->mem, &w->counters, &limits, &observer);
    object_env_make_room(w->objects, make_room, w);
    w->apps = apps_new(&w->mem, &w->counters, w->flows, &sink);
    const struct stream_sink streams = apps_sink(w->apps);
    w->streams = streams_new(&w->mem, &w->counters, w->flows, &streams);
    w->tallies = tallies_new(&w->mem, &w->counters);
    w->facts = facts_engine_new(&w->mem, &w->counters, w->objects, first ? first->facts : NULL);
    w->matcher = matcher_new(&w->mem, &w->counters, rules, (unsigned)c->scan_ms);
    if (c->measure_rules && !matcher_measure(w->matcher))
        log_error("no memory to measure rules");
    w->alerter = alerter_new(&alert_params);
    w->watches = pool_new(&w->mem, MEM_OBJECT, inspect_watch_size());
    w->flow_watches = pool_new(&w->mem, MEM_FLOW, inspect_flow_watch_size());
    w->folds = folds_new(&w->mem, MEM_OBJECT);
}

/* A worker's share of the ceiling. What it holds beside its pools (tables of nDPI, scratch space, the matcher) belongs
 * to the 64 MiB that the process may have beyond the ceiling; workers for whom those are too few pay out of it. */
static size_t memory_share(const struct config *config, unsigned count)
{
    size_t ceiling = (size_t)config->memory_mib << 20;
    size_t beyond = count > FREE_WORKERS ? (count - FREE_WORKERS) * WORKER_BYTES : 0;
    return (ceiling - (beyond < ceiling * 3 / 4 ? beyond : ceiling * 3 / 4)) / count;
}

struct worker *worker_new(const struct config *config, struct rule_set *rules, struct exchange *exchange,
                          unsigned id, unsigned count, bool live, const struct worker *first)
{
    struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);
    if (!w)
        abort(); /* only at start */
    memset(w, 0, sizeof(*w));
    w->config = config;
    w->exchange = exchange;
    w->id = id;
    w->count = count;
    w->live = live;
    w->ring = ring_new(RING_EVENTS);
    w->mem.ceiling = memory_share(config, count);
    w->mem.reserve = w->mem.ceiling / 16;
    if (id == 0 && w->mem.ceiling < SHARE_LITTLE)
        log_warning("limits.memory_mib: %zu KiB for each of %u workers is little: much will be shed",
                    w->mem.ceiling >> 10, count);
    pthread_mutex_init(&w->publish_lock, NULL);
    w->profile.on = config->profile;
    w->profile.last = profile_clock();
    if (!live && count > 1) {
        w->decoding = calloc(1, sizeof(*w->decoding));
        if (!w->decoding)
            abort();
    }
    build_pipeline(w, rules, first);
    return w;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    flow_table_free(w->flows);
    streams_free(w->streams);
    apps_free(w->apps);
    matcher_free(w->matcher);
    facts_engine_free(w->facts);
    tallies_free(w->tallies);
    object_env_free(w->objects);
    packet_decoder_free(w->decoder);
    alerter_free(w->alerter);
    pool_free(w->watches);
    pool_free(w->flow_watches);
    folds_free(w->folds);
    struct rule_set *unused = atomic_exchange(&w->next_rules, NULL);
    if (unused)
        rule_set_drop(unused);
    struct event_doc *event;
    while ((event = ring_pop(w->ring)))
        event_doc_free(event);
    ring_free(w->ring);
    while (w->names) {
        struct kept_name *name = w->names;
        w->names = name->next;
        free(name);
    }
    pthread_mutex_destroy(&w->publish_lock);
    free(w->decoding);
    free(w);
}

/* Interfaces run a little out of step, and that is no turning back. Farther back lies another input, or a damaged
 * time stamp: the clock follows, for events tell their packets' time. */
static void set_clock(struct worker *w, int64_t now_ns)
{
    if (now_ns > w->now_ns || (uint64_t)w->now_ns - (uint64_t)now_ns > BACKWARDS_NS)
        w->now_ns = now_ns;
    object_env_clock(w->objects, w->now_ns);
    flow_table_clock(w->flows, now_ns); /* by every frame, also those of other workers: alike in all of them */
}

static void run_timers(struct worker *w)
{
    if (w->now_ns >= w->expired_ns && (uint64_t)w->now_ns - (uint64_t)w->expired_ns < TIMER_NS)
        return;
    w->expired_ns = w->now_ns;
    flow_table_expire(w->flows, w->now_ns);
    streams_expire(w->streams, w->now_ns);
    packet_expire(w->decoder, w->now_ns);
}

/* Whether the frame is this worker's; what its decoding counted is kept or left accordingly. */
static bool owns(struct worker *w, bool transport, const struct packet *packet)
{
    if (!w->decoding)
        return true;
    unsigned owner = transport ? packet_shard(packet) % w->count : 0;
    if (owner == w->id)
        counters_merge(&w->counters, w->decoding);
    memset(w->decoding, 0, sizeof(*w->decoding));
    return owner == w->id;
}

static void take_packet(struct worker *w, const struct packet *packet)
{
    enum side side;
    profile_enter(&w->profile, STAGE_FLOW);
    struct flow *flow = flow_table_packet(w->flows, packet, &side);
    if (!flow) {
        fate_add(&w->counters, FATE_SHED_MEMORY, packet->payload_len);
        w->counters.fate_packets[FATE_SHED_MEMORY] += !packet->continued;
        return;
    }
    if (flow->content[side])
        tally_bytes(w->tallies, flow, side, packet_wire_bytes(packet), w->now_ns);
    profile_enter(&w->profile, STAGE_STREAM);
    stream_packet(w->streams, flow, side, packet);
    profile_enter(&w->profile, STAGE_FLOW);
    flow_table_classify(w->flows, flow, side, packet);
    inspect_flow_packet(w, flow, side, packet);
}

/* A flow may outlive the capture file that named its interface, so names are kept with the worker. */
static const char *keep_name(struct worker *w, const char *name)
{
    struct kept_name **at = &w->names;
    for (unsigned n = 0; *at && n < NAMES_MAX; n++, at = &(*at)->next) {
        if (strcmp((*at)->text, name) == 0)
            return (*at)->text;
    }
    if (*at)
        return NULL; /* a file with thousands of names: the later ones stay unnamed */
    size_t len = strlen(name) + 1;
    struct kept_name *kept = calloc(1, sizeof(*kept) + len);
    if (!kept)
        return NULL;
    memcpy(kept->text, name, len);
    *at = kept;
    return kept->text;
}

void worker_frame(void *user, const struct frame *frame)
{
    struct worker *w = user;
    struct packet packet;
    struct frame named;

    if (frame->interface && !w->live) {
        named = *frame;
        named.interface = keep_name(w, frame->interface);
        frame = &named;
    }

    set_clock(w, frame->time_ns);
    run_timers(w);
    profile_enter(&w->profile, STAGE_PACKET);
    bool transport = packet_decode(w->decoder, frame, &packet);
    do {
        if (owns(w, transport, &packet) && transport)
            take_packet(w, &packet);
        profile_enter(&w->profile, STAGE_PACKET);
    } while (packet_decode_more(w->decoder, frame, &packet, &transport));
    profile_enter(&w->profile, STAGE_CAPTURE);
}

void worker_tick(struct worker *w, int64_t now_ns)
{
    set_clock(w, now_ns > w->now_ns ? now_ns : w->now_ns);
    run_timers(w);
}

void worker_flush(struct worker *w)
{
    flow_table_flush(w->flows);
    packet_expire(w->decoder, INT64_MAX);
    if (w->decoding) {
        if (w->id == 0)
            counters_merge(&w->counters, w->decoding);
        memset(w->decoding, 0, sizeof(*w->decoding));
    }
}

void worker_reset(struct worker *w)
{
    worker_flush(w);
    tallies_clear(w->tallies);
    w->now_ns = 0;
    w->expired_ns = 0;
}

static void read_memory(struct worker *w)
{
    static const enum counter gauges[MEM_OWNER_COUNT] = {COUNT_MEMORY_FLOW, COUNT_MEMORY_REASSEMBLY,
                                                         COUNT_MEMORY_OBJECT, COUNT_MEMORY_SCAN};
    for (unsigned i = 0; i < MEM_OWNER_COUNT; i++)
        w->counters.value[gauges[i]] = w->mem.used[i];
    w->counters.value[COUNT_MEMORY_PEAK] = w->mem.peak;
}

void worker_pause(struct worker *w)
{
    struct rule_set *rules = atomic_load_explicit(&w->next_rules, memory_order_acquire);
    if (rules) {
        matcher_swap(w->matcher, rules);
        rule_set_drop(rules);
        atomic_store(&w->next_rules, NULL); /* only now: the output thread then frees the set before */
    }
    read_memory(w);
    pthread_mutex_lock(&w->publish_lock);
    w->published = w->counters;
    w->published_now_ns = w->now_ns;
    pthread_mutex_unlock(&w->publish_lock);
}

static void wake_output(struct exchange *x)
{
    if (atomic_load_explicit(&x->output_asleep, memory_order_seq_cst) &&
        atomic_exchange(&x->output_asleep, false)) {
        uint64_t one = 1;
        ssize_t ignored = write(x->wake, &one, sizeof(one));
        (void)ignored; /* the counter can only be full when a wake is already pending */
    }
}

void worker_finish(struct worker *w)
{
    uint64_t one = 1;
    atomic_store(&w->done, true);
    ssize_t ignored = write(w->exchange->wake, &one, sizeof(one));
    (void)ignored; /* the counter can only be full when a wake is already pending */
}

void worker_emit(struct worker *w, struct event_doc *event)
{
    if (!event) {
        count_add(&w->counters, COUNT_ALERT_DROPPED, 1);
        return;
    }
    while (!ring_push(w->ring, event)) {
        if (w->live) {
            count_add(&w->counters, COUNT_ALERT_DROPPED, 1);
            event_doc_free(event);
            return;
        }
        wake_output(w->exchange);
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    atomic_thread_fence(memory_order_seq_cst);
    wake_output(w->exchange);
}
