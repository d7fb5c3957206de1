/* Objects and flows under watch: their facts, the rules that hold, the events that follow.
 *
 * Rules are evaluated when the head of an object (4 KiB) has arrived, then each time its size doubles, sooner
 * when facts changed and a quarter more has come, and at its end. So an alert leaves while the upload still
 * runs, and all evaluations of an object together cost a constant factor over one. A rule that held in flight
 * has held: the end sends its final state under the same id, whatever the rule says by then. An object of another
 * reading of the stream is evaluated at its end alone, when it is known whether the first reading had it too. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "worker.h"

#define HEAD_BYTES 4096
#define FLOW_FIRST_BYTES (64 * 1024) /* outbound bytes of an unread flow at its first evaluation */
#define RAISED_MAX 64                /* rules of one object that can be raised in flight; more wait for its end */

struct raised {
    const struct rule *rule; /* held */
    bool updated; /* its final state was sent */
};

struct watch { /* an object or a flow under watch */
    uint64_t next_bytes;    /* evaluate at this size */
    struct object_facts *facts;
    struct match_state *match;
    uint64_t last_bytes;    /* evaluated at this size */
    uint32_t facts_version; /* evaluated with these facts */
    struct tallied tallied; /* what of the object the tallies hold */
    uint32_t alerts;
    uint32_t raised_count;
    struct raised raised[RAISED_MAX];
};

struct evaluation { /* what on_match needs */
    struct worker *worker;
    struct watch *watch;
    const struct object *object; /* NULL for a flow */
    const struct flow *flow;
    const struct meta *meta;
    const struct fact_set *facts;
    bool final;
};

size_t inspect_watch_size(void)
{
    return sizeof(struct watch);
}

static struct raised *find_raised(struct watch *watch, const struct rule *rule)
{
    for (uint32_t i = 0; i < watch->raised_count; i++) {
        const struct rule *known = watch->raised[i].rule;
        if (known == rule || (strcmp(known->name, rule->name) == 0 && strcmp(known->path, rule->path) == 0))
            return &watch->raised[i];
    }
    return NULL;
}

static void emit_alert(const struct evaluation *e, const struct match *match, bool update)
{
    struct worker *w = e->worker;
    enum stage before = profile_enter(&w->profile, STAGE_ALERT);
    struct event_doc *event = alert_event(w->alerter, match, e->object, e->flow, e->meta, e->facts,
                                      !e->final, update, w->now_ns);
    count_add(&w->counters, update ? COUNT_ALERT_UPDATED : COUNT_ALERT_RAISED, 1);
    if (!update)
        e->watch->alerts++;
    worker_emit(w, event);
    profile_enter(&w->profile, before);
}

static void on_match(void *user, const struct match *match)
{
    struct evaluation *e = user;
    struct raised *known = find_raised(e->watch, match->rule);
    if (known) {
        if (e->final && !known->updated) {
            known->updated = true;
            emit_alert(e, match, true);
        }
        return;
    }
    if (e->final) {
        emit_alert(e, match, false);
        return;
    }
    if (e->watch->raised_count == RAISED_MAX)
        return;
    rule_hold(match->rule);
    e->watch->raised[e->watch->raised_count++] = (struct raised){match->rule, false};
    emit_alert(e, match, false);
}

/* Rules raised in flight that no longer hold still get their object's final state. */
static void update_rest(struct evaluation *e)
{
    for (uint32_t i = 0; i < e->watch->raised_count; i++) {
        struct raised *raised = &e->watch->raised[i];
        if (!raised->updated)
            emit_alert(e, &(struct match){.rule = raised->rule}, true);
        rule_drop(raised->rule);
    }
    e->watch->raised_count = 0;
}

static void evaluate_object(struct worker *w, struct object *object, bool final)
{
    struct watch *watch = object->observer_state;
    struct fact_set *facts = facts_of(watch->facts);
    enum stage before = profile_enter(&w->profile, STAGE_FACTS);
    facts_transfer(facts, object);
    tally_object(w->tallies, object, facts, &watch->tallied, w->now_ns);
    if (object->flow)
        tally_facts(w->tallies, object->flow, object->sender, w->now_ns, facts);
    match_lists(w->matcher, object, facts);
    profile_enter(&w->profile, STAGE_MATCH);
    struct evaluation e = {w, watch, object, object->flow, object->meta, facts, final};
    match_evaluate(w->matcher, watch->match, object, facts, on_match, &e);
    if (final)
        update_rest(&e);
    watch->last_bytes = object->size;
    watch->facts_version = facts->version;
    while (watch->next_bytes <= object->size)
        watch->next_bytes *= 2;
    /* Past the limit only a window is kept: look before half of it has slid away. */
    if (object->limited && watch->next_bytes > object->size + object->bytes.cap / 4)
        watch->next_bytes = object->size + object->bytes.cap / 4 + 1;
    profile_enter(&w->profile, before);
}

static void on_begin(void *user, struct object *object)
{
    struct worker *w = user;
    struct watch *watch = pool_get_zeroed(w->watches);
    if (watch)
        watch->facts = facts_begin(w->facts, object);
    if (!watch || !watch->facts) {
        pool_put(w->watches, watch);
        object->unwatched = true; /* digested, not matched: its bytes count as shed */
        return;
    }
    watch->match = match_begin(w->matcher);
    watch->next_bytes = HEAD_BYTES;
    object->observer_state = watch;
}

static bool is_due(const struct watch *watch, const struct object *object)
{
    if (object->size >= watch->next_bytes)
        return true;
    return object->size >= HEAD_BYTES && facts_of(watch->facts)->version != watch->facts_version &&
           object->size - watch->last_bytes >= watch->last_bytes / 4;
}

static void on_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct worker *w = user;
    struct watch *watch = object->observer_state;
    if (!watch)
        return;
    enum stage before = profile_enter(&w->profile, STAGE_FACTS);
    facts_data(w->facts, watch->facts, object, data, len);
    if (watch->match) {
        profile_enter(&w->profile, STAGE_MATCH);
        match_data(w->matcher, watch->match, data, len, object->size - len);
    }
    profile_enter(&w->profile, before);
    if (!object->other_reading && is_due(watch, object) && object->size != object->expected_size)
        evaluate_object(w, object, false);
}

static void on_gap(void *user, struct object *object, uint64_t len)
{
    struct worker *w = user;
    struct watch *watch = object->observer_state;
    if (watch)
        facts_gap(w->facts, watch->facts, object, len);
}

/* --objects: a file named by its digest, written once. */
static void write_object(struct worker *w, const struct object *object)
{
    char path[4200];
    if (!object->has_sha256 || object->limited)
        return;
    int n = snprintf(path, sizeof(path), "%s/", w->config->objects);
    for (unsigned i = 0; i < 32 && n > 0 && (size_t)n < sizeof(path) - 2; i++)
        n += snprintf(path + n, sizeof(path) - (size_t)n, "%02x", object->sha256[i]);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* there already, or a directory that cannot be written: the run says the latter at start */
    for (size_t at = 0; at < object->bytes.len;) {
        ssize_t put = write(fd, object->bytes.data + at, object->bytes.len - at);
        if (put < 0) {
            log_warning("%s: %m", path);
            break;
        }
        at += (size_t)put;
    }
    close(fd);
}

static void on_end(void *user, struct object *object)
{
    struct worker *w = user;
    struct watch *watch = object->observer_state;
    uint32_t alerts = 0;
    if (w->config->objects[0])
        write_object(w, object);
    if (!watch)
        return;
    enum stage before = profile_enter(&w->profile, STAGE_FACTS);
    facts_end(w->facts, watch->facts, object);
    profile_enter(&w->profile, before);
    if (!object->repeated)
        evaluate_object(w, object, true);
    alerts = watch->alerts;
    if (!object->repeated && w->config->events & 1u << EVENT_OBJECT)
        worker_emit(w, object_event(w->alerter, object, facts_of(watch->facts), alerts, w->now_ns));
    match_end(w->matcher, watch->match);
    facts_drop(w->facts, watch->facts);
    pool_put(w->watches, watch);
    object->observer_state = NULL;
}

struct object_observer inspect_observer(struct worker *worker)
{
    return (struct object_observer){worker, on_begin, on_data, on_gap, on_end};
}

/* Flows nobody can read: rules speak of them by volume and by what the handshake told. */
static bool is_unread(const struct flow *flow)
{
    return flow->opaque || !flow->app_proto;
}

/* A trick may have hidden every object of its flow, so such a flow is evaluated itself. */
static bool was_tricked(const struct flow *flow)
{
    return flow->conflict || flow->evasion;
}

/* Of what leaves; of all that is content (--inspect both) where nothing does. */
static uint64_t outbound_payload(const struct flow *flow)
{
    const bool *counted = flow->outbound[0] || flow->outbound[1] ? flow->outbound : flow->content;
    return (counted[0] ? flow->payload[0] : 0) + (counted[1] ? flow->payload[1] : 0);
}

/* A flow that could not be read, from its first payload on: how it sent, and what was raised. */
struct flow_watch {
    struct flow_pace pace;
    struct watch *watch; /* NULL before its first evaluation */
};

size_t inspect_flow_watch_size(void)
{
    return sizeof(struct flow_watch);
}

static void evaluate_flow(struct worker *w, struct flow *flow, struct watch *watch, bool final)
{
    const struct flow_watch *of = flow->watch;
    const struct meta *meta = app_meta_of_flow(w->apps, flow);
    enum stage before = profile_enter(&w->profile, STAGE_MATCH);
    struct evaluation e = {w, watch, NULL, flow, meta, &w->flow_facts, final};
    fact_set_clear(&w->flow_facts);
    facts_of_flow(&w->flow_facts, flow, meta, of ? &of->pace : NULL);
    tally_facts(w->tallies, flow, facts_flow_sender(flow), w->now_ns, &w->flow_facts);
    match_lists(w->matcher, NULL, &w->flow_facts);
    match_evaluate(w->matcher, NULL, NULL, &w->flow_facts, on_match, &e);
    if (final)
        update_rest(&e);
    profile_enter(&w->profile, before);
}

void inspect_flow_rest(struct worker *w, struct flow *flow)
{
    struct flow_watch *of = flow->watch;
    if (!of || fold_is(of))
        return;
    struct watch *watch = of->watch;
    flow_pace_rest(&of->pace, w->now_ns);
    fold_begin(w->folds);
    fold_add(w->folds, &of->pace, sizeof(of->pace));
    fold_add(w->folds, &(uint8_t){watch != NULL}, 1);
    if (watch)
        fold_add(w->folds, watch, sizeof(*watch));
    void *fold = fold_end(w->folds);
    if (!fold)
        return;
    pool_put(w->watches, watch);
    pool_put(w->flow_watches, of);
    flow->watch = fold_tag(fold);
}

/* Awake in `of`, with its `watch` if it has one. */
static void unfold_watch(struct worker *w, struct flow *flow, struct flow_watch *of, struct watch *watch)
{
    void *fold = fold_of(flow->watch);
    struct unfold from = unfold_begin(fold);
    uint8_t watched;
    unfold_take(&from, &of->pace, sizeof(of->pace));
    unfold_take(&from, &watched, 1);
    of->watch = watched ? watch : NULL;
    if (watched)
        unfold_take(&from, watch, sizeof(*watch));
    fold_drop(w->folds, fold);
    flow->watch = of;
}

/* False when memory refuses it: it rests on. */
static bool wake_watch(struct worker *w, struct flow *flow)
{
    struct flow_watch *of = pool_get(w->flow_watches);
    struct watch *watch = of ? pool_get(w->watches) : NULL;
    if (!watch) {
        pool_put(w->flow_watches, of);
        return false;
    }
    unfold_watch(w, flow, of, watch);
    if (!of->watch)
        pool_put(w->watches, watch);
    return true;
}

void inspect_flow_packet(struct worker *w, struct flow *flow, enum side side, const struct packet *packet)
{
    if (!is_unread(flow) || !packet->payload_len || (fold_is(flow->watch) && !wake_watch(w, flow)))
        return;
    struct flow_watch *of = flow->watch;
    if (!of && !(of = flow->watch = pool_get_zeroed(w->flow_watches)))
        return;
    if (flow->outbound[0] || flow->outbound[1])
        flow_pace_packet(&of->pace, flow->outbound[side], packet);
    struct watch *watch = of->watch;
    uint64_t bytes = outbound_payload(flow);
    if (bytes < (watch ? watch->next_bytes : FLOW_FIRST_BYTES))
        return;
    if (!watch) {
        watch = pool_get_zeroed(w->watches);
        if (!watch)
            return;
        watch->next_bytes = FLOW_FIRST_BYTES;
        of->watch = watch;
    }
    while (watch->next_bytes <= bytes)
        watch->next_bytes *= 2;
    evaluate_flow(w, flow, watch, false);
}

void inspect_flow_end(struct worker *w, struct flow *flow, enum flow_end how)
{
    static const char *const reasons[] = {"closed", "timeout", "memory", "shutdown"};
    struct flow_watch *of = flow->watch, brief_of;
    struct watch brief = {0};
    if (fold_is(of))
        unfold_watch(w, flow, of = &brief_of, &brief);
    struct watch *watch = of ? of->watch : NULL;
    bool evaluated = watch || ((is_unread(flow) || was_tricked(flow)) && outbound_payload(flow));
    if (evaluated)
        evaluate_flow(w, flow, watch ? watch : &brief, true);
    if (w->config->events & 1u << EVENT_FLOW)
        worker_emit(w, flow_event(w->alerter, flow, app_meta_of_flow(w->apps, flow), evaluated ? &w->flow_facts : NULL,
                                  reasons[how]));
    if (watch != &brief)
        pool_put(w->watches, watch);
    if (of != &brief_of)
        pool_put(w->flow_watches, of);
    flow->watch = NULL;
}
