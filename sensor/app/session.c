/* A flow's session. The first payload of a flow makes one; its decoders are asked in the order of app_list.def, by
 * content and on any port, until one claims the flow or all decline and `raw` takes it. A decoder may hand over with
 * app_switch(), even in the middle of a segment. */
#include "session.h"

#define SWITCHES_MAX 4 /* within one segment and without progress; then the bytes are raw */
#define DEPTH_MAX 4

/* ---- a session's life ---- */

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

void session_become_opaque(struct app_session *session)
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
        session_become_opaque(session);
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
    for (const struct app_ops *const *decoder = app_decoders; *decoder != &app_raw; decoder++) {
        const struct app_ops *ops = *decoder;
        if (!(ops->transports & transport) || !ops->probe)
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

/* ---- what a session is given ---- */

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

void session_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
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
