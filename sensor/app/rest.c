/* A silent flow's session, folded (fold.h): its decoder's state, the bytes that wait for a decision, its words. Of the
 * words, those that many flows have in common (the server, the client's software) are kept once for all of them.
 *
 *      flow->app: NULL, a session, or tagged the fold of one:
 *      head, words of the flow, words handed on, held bytes, state (each where the head says that it is there) */
#include <string.h>

#include "session.h"

enum { PART_META = 1, PART_HANDED = 2, PART_HELD = 4 };

struct rest_head {
    uint8_t decoder; /* 1 + its index, 0: none has claimed the flow */
    uint8_t parts;
};

/* Whom a word tells of: what many flows have in common is kept once for all of them. */
enum { OF_FLOW, OF_SERVER, OF_CLIENT, SHARES = OF_CLIENT };

struct words {
    const void *shared[SHARES]; /* interned, NULL when there are none */
    uint16_t own_len;           /* bytes that follow */
};

static const uint8_t tells_of[META_COUNT] = {
    [META_HTTP_HOSTNAME] = OF_SERVER,     [META_HTTP_STATUS] = OF_SERVER,       [META_TLS_VERSION] = OF_SERVER,
    [META_TLS_JA3S] = OF_SERVER,          [META_TLS_JA3S_STRING] = OF_SERVER,   [META_TLS_JA4S] = OF_SERVER,
    [META_TLS_SUBJECT] = OF_SERVER,       [META_TLS_ISSUER] = OF_SERVER,        [META_TLS_SERIAL] = OF_SERVER,
    [META_TLS_FINGERPRINT] = OF_SERVER,   [META_TLS_NOT_BEFORE] = OF_SERVER,    [META_TLS_NOT_AFTER] = OF_SERVER,
    [META_TLS_OTHER_NAMES] = OF_SERVER,   [META_TLS_SERVER_ALPN] = OF_SERVER,   [META_SSH_SERVER] = OF_SERVER,
    [META_HTTP_METHOD] = OF_CLIENT,       [META_HTTP_USER_AGENT] = OF_CLIENT,   [META_HTTP_PROTOCOL] = OF_CLIENT,
    [META_HTTP_CONTENT_TYPE] = OF_CLIENT, [META_TLS_CLIENT_ALPN] = OF_CLIENT,   [META_TLS_JA3] = OF_CLIENT,
    [META_TLS_JA3_STRING] = OF_CLIENT,    [META_TLS_JA4] = OF_CLIENT,           [META_SSH_CLIENT] = OF_CLIENT,
    [META_SSH_CLIENT_PROTOCOL] = OF_CLIENT,     [META_SSH_CLIENT_HASSH] = OF_CLIENT,
    [META_SSH_CLIENT_HASSH_STRING] = OF_CLIENT, [META_SSH_SERVER_PROTOCOL] = OF_SERVER,
    [META_SSH_SERVER_HASSH] = OF_SERVER,        [META_SSH_SERVER_HASSH_STRING] = OF_SERVER,
    [META_QUIC_VERSION] = OF_CLIENT,
};

/* ---- words: a field's number, its length (one byte, or 255 and two), its text ---- */

/* Returns the bytes written; more than `room` when they are too many. */
static size_t write_words(const struct meta *meta, unsigned whom, uint8_t *out, size_t room)
{
    size_t n = 0;
    for (unsigned id = 0; id < META_COUNT; id++) {
        struct text text = meta_get(meta, (enum meta_id)id);
        if (!text.len || tells_of[id] != whom)
            continue;
        if (n + 4 + text.len > room)
            return room + 1;
        out[n++] = (uint8_t)id;
        out[n++] = (uint8_t)(text.len < 255 ? text.len : 255);
        if (text.len >= 255) {
            out[n++] = (uint8_t)text.len;
            out[n++] = (uint8_t)(text.len >> 8);
        }
        memcpy(out + n, text.data, text.len);
        n += text.len;
    }
    return n;
}

static void read_words(const uint8_t *in, size_t len, struct meta *meta)
{
    for (size_t at = 0; at < len;) {
        unsigned id = in[at++];
        size_t n = in[at++];
        if (n == 255) {
            n = (size_t)in[at] | (size_t)in[at + 1] << 8;
            at += 2;
        }
        meta_set(meta, (enum meta_id)id, in + at, n);
        at += n;
    }
}

static void drop_shared(struct apps *apps, const void *const shared[SHARES])
{
    for (unsigned i = 0; i < SHARES; i++)
        interns_drop(apps->words, shared[i]);
}

/* Adds the words of `meta` to the fold; `words` says which shared ones are to be dropped when the fold fails. */
static bool fold_words(struct apps *apps, const struct meta *meta, struct words *words)
{
    uint8_t own[SIZED_MAX], common[INTERN_MAX];
    size_t own_len = write_words(meta, OF_FLOW, own, sizeof(own));
    if (own_len > sizeof(own))
        return false;
    for (unsigned i = 0; i < SHARES; i++) {
        size_t len = write_words(meta, i + 1, common, sizeof(common));
        if (len > sizeof(common) || (len && !(words->shared[i] = interns_hold(apps->words, common, len))))
            return false;
    }
    words->own_len = (uint16_t)own_len;
    fold_add(apps->folds, words, sizeof(*words));
    fold_add(apps->folds, own, own_len);
    return true;
}

/* Into `meta`, NULL to pass over them; `words` says which are shared. */
static void unfold_words(struct unfold *from, struct meta *meta, struct words *words)
{
    uint8_t own[SIZED_MAX];
    unfold_take(from, words, sizeof(*words));
    unfold_take(from, own, words->own_len);
    for (unsigned i = 0; meta && i < SHARES; i++) {
        if (words->shared[i])
            read_words(words->shared[i], interns_length(words->shared[i]), meta);
    }
    if (meta)
        read_words(own, words->own_len, meta);
}

/* ---- going to rest ---- */

bool app_rest_as_it_is(struct app_session *session)
{
    (void)session;
    return true;
}

static bool may_rest(struct app_session *session)
{
    const struct app_ops *ops = session->ops;
    if (session->objects_open || session->depth || session->other[0] || session->other[1])
        return false;
    return !ops || !ops->state_size || (ops->rest && ops->rest(session));
}

/* NULL when there is no room for it. */
static void *fold_session(struct apps *apps, const struct app_session *session)
{
    const struct app_ops *ops = session->ops;
    struct words words[2];
    memset(words, 0, sizeof(words)); /* their padding too: they are folded */
    const struct rest_head head = {
        .decoder = (uint8_t)(ops ? 1 + app_decoder_index(ops) : 0),
        .parts = (uint8_t)((session->meta ? PART_META : 0) | (session->handed ? PART_HANDED : 0) |
                           (session->held ? PART_HELD : 0)),
    };
    fold_begin(apps->folds);
    fold_add(apps->folds, &head, sizeof(head));
    bool good = (!session->meta || fold_words(apps, session->meta, &words[0])) &&
                (!session->handed || fold_words(apps, session->handed, &words[1]));
    if (session->held)
        held_trim(session->held);
    if (session->held)
        fold_add(apps->folds, session->held, sizeof(*session->held));
    if (ops && ops->state_size)
        fold_add(apps->folds, session->state, ops->state_size);
    void *fold = good ? fold_end(apps->folds) : NULL;
    for (unsigned i = 0; !fold && i < 2; i++)
        drop_shared(apps, words[i].shared);
    return fold;
}

void app_flow_rest(struct apps *apps, struct flow *flow)
{
    struct app_session *session = flow->app;
    if (!session || fold_is(session) || !may_rest(session))
        return;
    if (flow->opaque) { /* nobody will read them any more */
        meta_drop(apps->metas, session->handed);
        session->handed = NULL;
    }
    bool empty = !session->ops && !session->held && !session->meta && !session->handed;
    void *fold = empty ? NULL : fold_session(apps, session);
    if (!empty && !fold)
        return;
    if (session->ops)
        pool_put(apps->states[app_decoder_index(session->ops)], session->state);
    pool_put(apps->held, session->held);
    meta_drop(apps->metas, session->meta);
    meta_drop(apps->metas, session->handed);
    pool_put(apps->sessions, session);
    flow->app = fold ? fold_tag(fold) : NULL;
}

/* ---- and back ---- */

/* Everything but the session itself was taken from its pool, and is filled now. The fold is gone. */
static void unfold_session(struct apps *apps, struct flow *flow, struct app_session *session)
{
    void *fold = fold_of(flow->app);
    struct unfold from = unfold_begin(fold);
    struct rest_head head;
    struct words words;
    unfold_take(&from, &head, sizeof(head));
    if (head.parts & PART_META) {
        unfold_words(&from, session->meta, &words);
        drop_shared(apps, words.shared);
    }
    if (head.parts & PART_HANDED) {
        unfold_words(&from, session->handed, &words);
        drop_shared(apps, words.shared);
    }
    if (head.parts & PART_HELD)
        unfold_take(&from, session->held, sizeof(*session->held));
    if (head.decoder)
        session->ops = app_decoders[head.decoder - 1u];
    if (session->ops && session->ops->state_size)
        unfold_take(&from, session->state, session->ops->state_size);
    session->apps = apps;
    session->flow = flow;
    session->stopped = flow->opaque;
    flow->app = session;
    fold_drop(apps->folds, fold);
}

static struct rest_head head_of(const struct flow *flow)
{
    struct unfold from = unfold_begin(fold_of(flow->app));
    struct rest_head head;
    unfold_take(&from, &head, sizeof(head));
    return head;
}

static struct meta *take_meta(struct apps *apps)
{
    struct meta *meta = meta_new(apps->metas);
    for (unsigned tries = 0; !meta && tries < FLOW_ROOM_TRIES && flow_table_make_room(apps->table); tries++)
        meta = meta_new(apps->metas);
    return meta;
}

struct app_session *session_wake(struct apps *apps, struct flow *flow)
{
    struct rest_head head = head_of(flow);
    struct pool *states = head.decoder ? apps->states[head.decoder - 1u] : NULL;
    struct app_session *session = apps_take(apps, apps->sessions);
    if (!session)
        return NULL;
    session->state = states ? apps_take(apps, states) : NULL;
    session->held = head.parts & PART_HELD ? apps_take(apps, apps->held) : NULL;
    session->meta = head.parts & PART_META ? take_meta(apps) : NULL;
    session->handed = head.parts & PART_HANDED ? take_meta(apps) : NULL;
    if ((states && !session->state) || (head.parts & PART_HELD && !session->held) ||
        (head.parts & PART_META && !session->meta) || (head.parts & PART_HANDED && !session->handed)) {
        if (states)
            pool_put(states, session->state);
        pool_put(apps->held, session->held);
        meta_drop(apps->metas, session->meta);
        meta_drop(apps->metas, session->handed);
        pool_put(apps->sessions, session);
        return NULL;
    }
    unfold_session(apps, flow, session);
    return session;
}

void session_wake_to_end(struct apps *apps, struct flow *flow, struct last_session *last)
{
    struct rest_head head = head_of(flow);
    if (head.parts & PART_HELD && session_wake(apps, flow))
        return; /* its decision is still to come */
    memset(&last->session, 0, sizeof(last->session));
    last->session.state = last->state;
    last->session.borrowed = true;
    if (head.parts & PART_HELD)
        last->session.held = &last->held;
    unfold_session(apps, flow, &last->session);
}

const struct meta *app_meta_of_flow(struct apps *apps, const struct flow *flow)
{
    const struct app_session *session = flow->app;
    if (!session || !fold_is(session))
        return session ? session->meta : NULL;
    struct unfold from = unfold_begin(fold_of(flow->app));
    struct rest_head head;
    unfold_take(&from, &head, sizeof(head));
    if (!(head.parts & PART_META))
        return NULL;
    struct words words;
    meta_clear(&apps->rested_meta);
    unfold_words(&from, &apps->rested_meta, &words);
    return &apps->rested_meta;
}
