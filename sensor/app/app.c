/* Ordered bytes to the decoder that reads them. The first payload of a flow makes a session; its decoders are
 * asked in the order of app_list.def, by content and on any port, until one claims the flow or all decline and
 * `raw` takes it. A decoder may hand over with app_switch(), even in the middle of a segment. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#define SWITCHES_MAX 4 /* within one segment and without progress; then the bytes are raw */
#define DEPTH_MAX 4

static const struct app_ops *const decoders[] = {
#define APP(name) &app_##name,
#include "app_list.def"
#undef APP
};

#define DECODERS (sizeof(decoders) / sizeof(decoders[0]))

const struct app_ops *app_decoder(size_t index)
{
    return decoders[index];
}

size_t app_decoder_index(const struct app_ops *ops)
{
    size_t i = 0;
    while (i < DECODERS - 1 && decoders[i] != ops)
        i++;
    return i;
}

/* ---- objects, as decoders see them: the caller's sink, and the flow is busy while one is open ---- */

/* Whose objects keep the flow busy. */
static struct app_session *counting_session(const struct apps *apps)
{
    struct app_session *session = apps->current;
    return session && session->main ? session->main : session;
}

static struct object *counting_begin(void *user, const struct object_info *info)
{
    struct apps *apps = user;
    struct app_session *session = counting_session(apps);
    struct object_info marked = *info;
    marked.other_reading = session != apps->current;
    if (marked.other_reading && !info->parent && !info->path)
        marked.path = "second-reading";
    struct object *object = apps->objects.begin(apps->objects.user, &marked);
    if (object && session && session->objects_open++ == 0)
        flow_set_busy(apps->table, session->flow, true);
    return object;
}

static void counting_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct apps *apps = user;
    if (object)
        apps->objects.data(apps->objects.user, object, data, len);
}

static void counting_gap(void *user, struct object *object, uint64_t len)
{
    struct apps *apps = user;
    if (object)
        apps->objects.gap(apps->objects.user, object, len);
}

static void counting_end(void *user, struct object *object, enum object_state state)
{
    struct apps *apps = user;
    struct app_session *session = counting_session(apps);
    if (!object)
        return;
    apps->objects.end(apps->objects.user, object, state);
    if (session && --session->objects_open == 0)
        flow_set_busy(apps->table, session->flow, false);
}

static void counting_set_name(void *user, struct object *object, const void *name, size_t len)
{
    struct apps *apps = user;
    if (object)
        apps->objects.set_name(apps->objects.user, object, name, len);
}

/* ---- the worker's side ---- */

struct apps *apps_new(struct mem *mem, struct counters *counters, struct flow_table *table,
                      const struct object_sink *objects)
{
    struct apps *apps = calloc(1, sizeof(*apps));
    if (!apps)
        abort(); /* only at start */
    apps->mem = mem;
    apps->counters = counters;
    apps->table = table;
    apps->objects = *objects;
    apps->counting = (struct object_sink){apps, counting_begin, counting_data, counting_gap, counting_end,
                                          counting_set_name};
    apps->sessions = pool_new(mem, MEM_FLOW, sizeof(struct app_session));
    apps->held = pool_new(mem, MEM_FLOW, sizeof(struct held));
    apps->metas = pool_new(mem, MEM_FLOW, sizeof(struct meta));
    apps->others = pool_new(mem, MEM_FLOW, sizeof(struct other_reading));
    apps->states = calloc(DECODERS, sizeof(*apps->states));
    apps->shared = calloc(DECODERS, sizeof(*apps->shared));
    if (!apps->states || !apps->shared)
        abort();
    apps->folds = folds_new(mem, MEM_FLOW);
    apps->words = interns_new(mem, MEM_FLOW);
    for (size_t i = 0; i < DECODERS; i++) {
        if (decoders[i]->state_size > APP_STATE_MAX)
            abort(); /* raise it, or make the state smaller */
        apps->states[i] = pool_new(mem, MEM_FLOW, decoders[i]->state_size ? decoders[i]->state_size : 1);
        if (decoders[i]->shared_new)
            apps->shared[i] = decoders[i]->shared_new(mem);
    }
    return apps;
}

void apps_free(struct apps *apps)
{
    if (!apps)
        return;
    for (size_t i = 0; i < DECODERS; i++) {
        if (decoders[i]->shared_free)
            decoders[i]->shared_free(apps->shared[i]);
        pool_free(apps->states[i]);
    }
    free(apps->states);
    free(apps->shared);
    pool_free(apps->others);
    folds_free(apps->folds);
    interns_free(apps->words);
    pool_free(apps->metas);
    pool_free(apps->held);
    pool_free(apps->sessions);
    free(apps);
}

/* ---- the decoder's side ---- */

void *app_state(struct app_session *session)
{
    return session->state;
}

void *app_shared(struct app_session *session, const struct app_ops *owner)
{
    return session->apps->shared[app_decoder_index(owner)];
}

struct mem *app_mem(struct app_session *session)
{
    return session->apps->mem;
}

struct flow *app_flow(struct app_session *session)
{
    return session->flow;
}

const struct object_sink *app_objects(struct app_session *session)
{
    return &session->apps->counting;
}

struct pool *app_meta_pool(struct app_session *session)
{
    return session->apps->metas;
}

int64_t app_now(const struct app_session *session)
{
    return session->flow->last_ns;
}

bool app_is_content(const struct app_session *session, enum side side)
{
    return session->flow->content[side];
}

void app_switch(struct app_session *session, const struct app_ops *to, size_t left)
{
    session->switching = true;
    session->next = to;
    session->left = left;
}

void app_hand_meta(struct app_session *session, struct meta *meta)
{
    struct meta *old = session->handed;
    session->handed = meta_hold(meta);
    meta_drop(session->apps->metas, old);
}

struct meta *app_handed_meta(struct app_session *session)
{
    return session->handed;
}

void app_at_rest(struct app_session *session, enum side side)
{
    if (!session->main)
        stream_at_rest(session->flow, side);
}

bool app_is_other_reading(const struct app_session *session)
{
    return session->main != NULL;
}

uint32_t app_datagram_cut(const struct app_session *session)
{
    return session->apps->cut;
}

void app_set_opaque(struct app_session *session)
{
    session->opaque = true;
}

void *app_take(struct app_session *session, struct pool *pool)
{
    return apps_take(session->apps, pool);
}

void app_shed(struct app_session *session, enum side side, uint64_t len)
{
    if (session->flow->content[side])
        count_add(session->apps->counters, COUNT_OBJECT_SHED_BYTES, len);
}

struct meta *app_flow_meta(struct app_session *session)
{
    if (!session->meta)
        session->meta = meta_new(session->apps->metas);
    return session->meta;
}

/* ---- a session's life ---- */

/* Room is made in the written order before anything is refused. */
void *apps_take(struct apps *apps, struct pool *pool)
{
    void *item = pool_get_zeroed(pool);
    for (unsigned tries = 0; !item && tries < FLOW_ROOM_TRIES && flow_table_make_room(apps->table); tries++)
        item = pool_get_zeroed(pool);
    return item;
}

struct app_session *session_of(struct apps *apps, struct flow *flow)
{
    struct app_session *session = flow->app;
    if (fold_is(session))
        return session_wake(apps, flow);
    if (!session && (session = apps_take(apps, apps->sessions))) {
        session->apps = apps;
        session->flow = flow;
        flow->app = session;
    }
    return session;
}

static void close_decoder(struct app_session *session)
{
    struct apps *apps = session->apps;
    if (!session->ops)
        return;
    if (session->ops->close)
        session->ops->close(session);
    if (!session->borrowed)
        pool_put(apps->states[app_decoder_index(session->ops)], session->state);
    session->borrowed = false;
    session->state = NULL;
    session->ops = NULL;
}

static bool open_decoder(struct app_session *session, const struct app_ops *ops)
{
    struct apps *apps = session->apps;
    session->state = apps_take(apps, apps->states[app_decoder_index(ops)]);
    if (!session->state)
        return false;
    session->ops = ops;
    if (ops->open && !ops->open(session)) {
        close_decoder(session);
        return false;
    }
    if (ops->name && (!session->main || !session->flow->app_proto))
        session->flow->app_proto = ops->name;
    return true;
}

static void release_held(struct app_session *session)
{
    pool_put(session->apps->held, session->held);
    session->held = NULL;
}

static void become_opaque(struct app_session *session)
{
    session->opaque = false;
    session->switching = false;
    close_decoder(session);
    release_held(session);
    session->stopped = true;
    if (session->main)
        return; /* what another reading says of the flow is not known to be so */
    other_readings_close(session);
    if (!session->flow->opaque)
        count_add(session->apps->counters, COUNT_FLOW_OPAQUE, 1);
    session->flow->opaque = true;
}

/* After every callback: what the decoder asked for. */
static void settle(struct app_session *session)
{
    if (session->opaque) {
        become_opaque(session);
    } else if (session->switching) {
        session->switching = false;
        close_decoder(session);
        if (session->next)
            open_decoder(session, session->next);
    }
}

/* ---- the decision ---- */

/* The decoder that claims the flow; NULL when one wants to see more (and more may come). */
static const struct app_ops *decide(const struct app_probe_input *input, unsigned transport)
{
    bool more = false;
    for (size_t i = 0; i < DECODERS; i++) {
        const struct app_ops *ops = decoders[i];
        if (!(ops->transports & transport) || !ops->probe || ops == &app_raw)
            continue;
        enum app_probe answer = ops->probe(input);
        if (answer == APP_YES)
            return ops;
        more |= answer == APP_MORE;
    }
    return more && !input->final ? NULL : &app_raw;
}

const struct app_ops *app_ask(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct app_probe_input input = {.session = session, .flow = session->flow, .final = true};
    input.data[side] = data;
    input.len[side] = len;
    const struct app_ops *ops = decide(&input, APP_TCP);
    return ops == &app_raw ? NULL : ops;
}

/* Gives the decoder what was held, in the order it came. */
static void replay(struct app_session *session)
{
    struct held *held = session->held;
    size_t at[2] = {0, 0};
    session->held = NULL; /* the decoder may hand over, and another decision begin */
    for (unsigned i = 0; held && i < held->count; i++) {
        const struct held_entry *entry = &held->entries[i];
        if (entry->kind == HELD_GAP) {
            session_gap(session, entry->side, entry->len);
        } else {
            session_data(session, entry->side, held->data[entry->side] + at[entry->side], (size_t)entry->len);
            at[entry->side] += (size_t)entry->len;
        }
    }
    pool_put(session->apps->held, held);
}

static void claim(struct app_session *session, const struct app_ops *ops)
{
    if (session->depth >= DEPTH_MAX)
        ops = &app_raw;
    if (!open_decoder(session, ops) && ops != &app_raw)
        open_decoder(session, &app_raw);
    session->depth++;
    replay(session);
    session->depth--;
}

/* No more bytes will come before the decision. */
static void decide_now(struct app_session *session)
{
    struct held *held = session->held;
    if (session->ops || !held)
        return;
    struct app_probe_input input = {session, session->flow, {held->data[0], held->data[1]},
                                    {held->used[0], held->used[1]}, true};
    claim(session, decide(&input, APP_TCP));
}

static struct held *held_of(struct app_session *session)
{
    if (!session->held && (session->held = pool_get(session->apps->held)))
        held_reset(session->held);
    return session->held;
}

/* New bytes while nobody has claimed the flow. Returns how many of them a decision or the held bytes took. */
static size_t probe(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct held *held = session->held;
    struct app_probe_input input = {.session = session, .flow = session->flow};
    size_t taken = 0;
    if (held) {
        taken = held_add(held, side, data, len);
        input.data[0] = held->data[0];
        input.data[1] = held->data[1];
        input.len[0] = held->used[0];
        input.len[1] = held->used[1];
        input.final = taken < len || held->used[side] == APP_PROBE_MAX;
    } else {
        input.data[side] = data;
        input.len[side] = len;
        input.final = len >= APP_PROBE_MAX;
    }
    const struct app_ops *ops = decide(&input, APP_TCP);
    if (!ops && !held) {
        held = held_of(session);
        if (held)
            return held_add(held, side, data, len);
        ops = &app_raw;
    }
    if (ops)
        claim(session, ops);
    return taken;
}

void session_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    unsigned idle = 0; /* hand-overs without progress */
    while (len && !session->stopped) {
        if (!session->ops) {
            size_t taken = probe(session, side, data, len);
            data += taken;
            len -= taken;
            if (!session->ops && taken == 0) { /* memory refused even raw */
                count_add(session->apps->counters, COUNT_OBJECT_SHED_BYTES, len);
                return;
            }
            continue;
        }
        session->ops->data(session, side, data, len);
        size_t left = session->switching && !session->opaque ? session->left : 0;
        if (left >= len) {
            left = len;
            if (++idle > SWITCHES_MAX)
                session->next = &app_raw;
        } else {
            idle = 0;
        }
        settle(session);
        data += len - left;
        len = left;
    }
}

void session_gap(struct app_session *session, enum side side, uint64_t len)
{
    if (session->stopped)
        return;
    if (!session->ops && session->held && (session->held->used[0] || session->held->used[1]))
        decide_now(session);
    if (!session->ops) { /* bytes before the first one seen: a decoder reads what follows */
        struct held *held = held_of(session);
        if (held)
            held_gap(held, side, len);
    } else if (session->ops->gap) {
        session->ops->gap(session, side, len);
        settle(session);
    }
}

void session_end(struct app_session *session, enum side side, enum stream_end how)
{
    if (!session->ops && session->held && session->held->used[side])
        decide_now(session);
    if (session->ops && session->ops->end) {
        session->ops->end(session, side, how);
        settle(session);
    }
}

void session_close(struct app_session *session)
{
    if (!session->stopped)
        decide_now(session); /* bytes that waited for more are an object all the same */
    close_decoder(session);
    release_held(session);
    meta_drop(session->apps->metas, session->meta);
    meta_drop(session->apps->metas, session->handed);
}

/* ---- what the stream calls ---- */

/* One call of the stream: whose session, and what its bytes come to. Bytes for which an object or a decoder had no
 * memory were booked as inspected when they were delivered; when the call is over they move to shed_memory. */
struct visit {
    struct app_session *session, *before;
    uint64_t shed;    /* the counter, when the call began */
    size_t waited[2]; /* bytes of earlier calls that this one may decide, by side */
};

static bool enter(struct apps *apps, struct flow *flow, struct visit *visit)
{
    struct app_session *session = session_of(apps, flow);
    *visit = (struct visit){session, apps->current, apps->counters->value[COUNT_OBJECT_SHED_BYTES], {0, 0}};
    if (!session)
        return false;
    for (unsigned side = 0; session->held && side < 2; side++)
        visit->waited[side] = session->held->used[side];
    apps->current = session;
    return true;
}

static void leave(struct apps *apps, struct flow *flow, const struct visit *visit, enum side side, size_t len)
{
    uint64_t shed = apps->counters->value[COUNT_OBJECT_SHED_BYTES] - visit->shed;
    apps->current = visit->before;
    for (enum side s = SIDE_CLIENT; shed && s <= SIDE_SERVER; s++) {
        uint64_t delivered = visit->waited[s] + (s == side ? len : 0);
        uint64_t n = !flow->content[s] ? 0 : shed < delivered ? shed : delivered;
        fate_move(apps->counters, FATE_INSPECTED, FATE_SHED_MEMORY, n);
        shed -= n;
    }
}

static void on_data(void *user, struct flow *flow, enum side side, const uint8_t *data, size_t len)
{
    struct apps *apps = user;
    struct visit visit;
    if (flow->opaque)
        return;
    if (!enter(apps, flow, &visit)) {
        fate_move(apps->counters, stream_fate(flow, side), FATE_SHED_MEMORY, len);
        return;
    }
    session_data(visit.session, side, data, len);
    leave(apps, flow, &visit, side, len);
    if (flow->opaque)
        app_flow_rest(apps, flow);
}

static void give_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct flow *flow = session->flow;
    for (unsigned tries = 0; !flow->opaque && tries < SWITCHES_MAX; tries++) {
        if (!session->ops) {
            struct app_probe_input input = {.session = session, .flow = flow, .final = true};
            input.data[side] = data;
            input.len[side] = len;
            claim(session, decide(&input, APP_UDP));
            if (!session->ops) { /* memory */
                count_add(session->apps->counters, COUNT_OBJECT_SHED_BYTES, len);
                return;
            }
        }
        if (session->ops->datagram)
            session->ops->datagram(session, side, data, len);
        bool again = session->switching && !session->opaque && session->left;
        settle(session);
        if (!again)
            return;
    }
}

static void on_datagram(void *user, struct flow *flow, enum side side, const uint8_t *data, size_t len, uint32_t cut)
{
    struct apps *apps = user;
    struct visit visit;
    if (flow->opaque || !len)
        return;
    if (!enter(apps, flow, &visit)) {
        fate_move(apps->counters, stream_fate(flow, side), FATE_SHED_MEMORY, len);
        return;
    }
    apps->cut = cut;
    give_datagram(visit.session, side, data, len);
    apps->cut = 0;
    leave(apps, flow, &visit, side, len);
    if (flow->opaque)
        app_flow_rest(apps, flow);
}

static void on_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    struct apps *apps = user;
    struct visit visit;
    if (flow->opaque || !enter(apps, flow, &visit))
        return;
    session_gap(visit.session, side, len);
    leave(apps, flow, &visit, side, 0);
}

static void on_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    struct apps *apps = user;
    struct visit visit;
    if (!flow->app || flow->opaque || !enter(apps, flow, &visit))
        return;
    session_end(visit.session, side, how);
    leave(apps, flow, &visit, side, 0);
}

struct stream_sink apps_sink(struct apps *apps)
{
    struct stream_sink sink = {
        .user = apps, .data = on_data, .datagram = on_datagram, .gap = on_gap, .end = on_end};
    other_readings(&sink);
    return sink;
}

/* What the decoder read itself is not kept twice. */
static void forget_said(struct apps *apps, struct flow *flow)
{
    const struct meta *meta = flow->class ? app_meta_of_flow(apps, flow) : NULL;
    struct text sni = meta_get(meta, META_TLS_SNI), ja3 = meta_get(meta, META_TLS_JA3);
    const char *name = flow_server_name(flow), *digest = flow_ja3(flow);
    bool same_name = sni.len && strlen(name) == sni.len && memcmp(name, sni.data, sni.len) == 0;
    bool same_ja3 = ja3.len && strlen(digest) == ja3.len && memcmp(digest, ja3.data, ja3.len) == 0;
    flow_forget_said(apps->table, flow, (same_name ? FLOW_NAME_SAID : 0) | (same_ja3 ? FLOW_JA3_SAID : 0));
}

void app_flow_classified(struct apps *apps, struct flow *flow)
{
    forget_said(apps, flow);
    if (!flow->app || flow->opaque || !flow->class || !flow->class->encrypted)
        return;
    struct app_session *session = session_of(apps, flow);
    if (!session)
        return;
    if (session->ops && session->ops != &app_raw)
        return; /* a decoder reads the content: it knows better */
    struct app_session *before = apps->current;
    apps->current = session;
    become_opaque(session);
    apps->current = before;
    app_flow_rest(apps, flow);
}

/* Bytes that waited for a decision, of a flow at rest: there is no room to decide. */
static void shed_held(struct apps *apps, const struct flow *flow, const struct held *held)
{
    for (unsigned side = 0; side < 2; side++) {
        if (flow->content[side])
            count_add(apps->counters, COUNT_OBJECT_SHED_BYTES, held->used[side]);
    }
}

void app_flow_end(struct apps *apps, struct flow *flow)
{
    struct last_session last;
    struct visit visit;
    if (fold_is(flow->app))
        session_wake_to_end(apps, flow, &last);
    struct app_session *session = flow->app;
    if (!session || !enter(apps, flow, &visit))
        return;
    if (session->held == &last.held) {
        shed_held(apps, flow, &last.held);
        session->held = NULL;
    }
    session_close(session);
    leave(apps, flow, &visit, SIDE_CLIENT, 0);
    other_readings_close(session);
    flow->app = NULL;
    if (session != &last.session)
        pool_put(apps->sessions, session);
}
