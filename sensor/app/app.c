/* Ordered bytes to the decoder that reads them: the worker's side, the decoder's, and what the stream calls. What
 * becomes of a flow's bytes is in session.c. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

const struct app_ops *const app_decoders[] = {
#define APP(name) &app_##name,
#include "app_list.def"
#undef APP
};

#define DECODERS (sizeof(app_decoders) / sizeof(app_decoders[0]))

size_t app_decoder_index(const struct app_ops *ops)
{
    size_t i = 0;
    while (i < DECODERS - 1 && app_decoders[i] != ops)
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
        if (app_decoders[i]->state_size > APP_STATE_MAX)
            abort(); /* raise it, or make the state smaller */
        apps->states[i] = pool_new(mem, MEM_FLOW, app_decoders[i]->state_size ? app_decoders[i]->state_size : 1);
        if (app_decoders[i]->shared_new)
            apps->shared[i] = app_decoders[i]->shared_new(mem);
    }
    return apps;
}

void apps_free(struct apps *apps)
{
    if (!apps)
        return;
    for (size_t i = 0; i < DECODERS; i++) {
        if (app_decoders[i]->shared_free)
            app_decoders[i]->shared_free(apps->shared[i]);
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

/* Room is made in the written order before anything is refused. */
void *apps_take(struct apps *apps, struct pool *pool)
{
    void *item = pool_get_zeroed(pool);
    for (unsigned tries = 0; !item && tries < FLOW_ROOM_TRIES && flow_table_make_room(apps->table); tries++)
        item = pool_get_zeroed(pool);
    return item;
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

void app_message_over(struct app_session *session, enum side side)
{
    if (!session->main)
        stream_message_over(session->flow, side);
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

void app_opaque_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    (void)side;
    (void)data;
    (void)len;
    app_set_opaque(session);
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
    session_datagram(visit.session, side, data, len);
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
    session_become_opaque(session);
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
