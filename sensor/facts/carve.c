/* Finds proved items inside bytes that are not one: a photograph in a raw stream, in a document, behind another
 * image. A literal begins a candidate; the candidate is a recogniser's state machine, fed as bytes come, so a
 * false one is never read again. When a candidate is proved a child object begins, gets the item's bytes from
 * the parent's kept ones, and then its share of each new chunk until the item's own end. Other candidates are
 * dropped then: what lies inside an item is the item's.
 *
 * Cost: one literal search over the bytes; candidates are fed at most CREDIT bytes for each byte that comes, and
 * CANDIDATES_MAX of them wait at once, so a flood of false signatures costs a constant factor. */
#include <stdio.h>
#include <string.h>

#include "engine.h"

#define CREDIT 16
#define CREDIT_MAX (4 << 20)
#define AROUND 8            /* bytes before and behind a literal of text records that must look like text */
#define STRANGE_MAX 4       /* but for so many */
#define PIECE 4096          /* candidates read this much between looks at the credit */

struct hit_search {
    const struct object *object;
    struct carve *carve;
    uint64_t base; /* object offset of the searched bytes */
    bool last;     /* no more bytes will come */
    uint64_t attached, gave_up, retry_at; /* of the object's untyped recognisers */
    /* The answer: */
    bool found, deferred;
    unsigned recogniser;
    uint64_t from;
};

/* Records in text stand among text; a literal in binary data does not. */
static bool is_among_text(const struct object *object, uint64_t begin, uint64_t end)
{
    uint64_t from = begin > AROUND ? begin - AROUND : 0;
    size_t len, strange = 0;
    if (from < object->bytes_at)
        from = begin;
    const uint8_t *p = object_kept(object, from, &len);
    size_t n = (size_t)(end - from) + AROUND < len ? (size_t)(end - from) + AROUND : len;
    for (size_t i = 0; p && i < n; i++)
        strange += (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r') || p[i] >= 0x7f;
    return p && strange <= STRANGE_MAX;
}

/* Takes the first occurrence that a recogniser's sniff accepts. */
static bool on_hit(void *user, const struct literal_hit *hit)
{
    struct hit_search *search = user;
    const struct recogniser *r = RECOGNISERS[hit->recogniser];
    uint64_t end = search->base + hit->end, begin = search->base + hit->begin;
    size_t len;
    if (end <= search->carve->scanned)
        return true;
    uint64_t from = begin >= search->carve->region + hit->back ? begin - hit->back : search->carve->region;
    const uint8_t *head = object_kept(search->object, from, &len);
    bool typed = r->type[0] != 0;
    bool wanted = typed ? begin >= search->carve->region + hit->back
                        : !(search->attached >> hit->recogniser & 1) &&
                              (begin >= search->retry_at || !(search->gave_up >> hit->recogniser & 1));
    if (!head || !wanted)
        return true;
    if (typed && len < RECOGNISER_HEAD && !search->last) {
        search->carve->scanned = end - 1; /* look again when more has come */
        search->deferred = true;
        return false;
    }
    if (typed ? !r->sniff(head, len < RECOGNISER_HEAD ? len : RECOGNISER_HEAD)
              : !is_among_text(search->object, begin, end))
        return true;
    search->found = true;
    search->recogniser = hit->recogniser;
    search->from = from;
    search->carve->scanned = end;
    return false;
}

/* The next place where something may begin. False when the bytes that are here hold no more. */
static bool next_hit(struct facts_engine *engine, struct object_facts *of, struct object *object,
                     struct hit_search *search)
{
    struct carve *carve = &of->carve;
    size_t longest = literals_longest(engine->literals), len;
    uint64_t at = carve->scanned > longest ? carve->scanned - longest : 0;
    if (at < carve->region)
        at = carve->region;
    if (at < object->bytes_at)
        at = object->bytes_at;
    const uint8_t *data = object_kept(object, at, &len);
    if (!data || carve->scanned >= object->size)
        return false;
    *search = (struct hit_search){.object = object, .carve = carve, .base = at, .last = search->last,
                                  .attached = of->attached, .gave_up = of->gave_up, .retry_at = of->retry_at};
    literals_search(engine->literals, data, len, on_hit, search);
    if (!search->found && !search->deferred)
        carve->scanned = object->size;
    return search->found;
}

static void drop_candidates(struct facts_engine *engine, struct carve *carve)
{
    for (unsigned i = 0; i < carve->candidate_count; i++)
        running_end(engine, &carve->candidate[i]);
    carve->candidate_count = 0;
}

static void begin_child(struct facts_engine *engine, struct object_facts *of, struct object *object,
                        const struct running *proved)
{
    char path[64];
    struct text name = {NULL, 0};
    if (proved->recogniser->name_of) {
        name = proved->recogniser->name_of(proved->state);
        snprintf(path, sizeof(path), "%s:%.*s", proved->recogniser->name, (int)name.len, name.data);
        meta_add_attachment(object->meta, name);
    } else {
        snprintf(path, sizeof(path), "carve:%s@%llu", proved->recogniser->name, (unsigned long long)proved->from);
    }
    const char *encoding = proved->recogniser->encoding;
    struct object_info info = {
        .flow = object->flow,
        .sender = object->sender,
        .meta = object->meta,
        .parent = object,
        .path = path,
        .name = name,
        .encoding = {encoding, encoding ? strlen(encoding) : 0},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = object->tx_id,
        .time_ns = object->last_ns,
    };
    of->carve.child = object_begin(engine->objects, &info);
    /* Images one after another: the object counts them, each further one is a child. */
    if (fact_int(&of->facts, FACT_image_valid) &&
        strcmp(fact_text(&of->facts, FACT_object_type), proved->recogniser->type) == 0)
        fact_set_int(&of->facts, FACT_image_count, fact_int(&of->facts, FACT_image_count) + 1);
}

static void end_child(struct facts_engine *engine, struct carve *carve, enum object_state state)
{
    struct object *child = carve->child;
    carve->child = NULL;
    running_end(engine, &carve->active);
    if (child)
        object_end(engine->objects, child, state);
}

/* Gives the child the object's bytes up to `upto`. */
static void give_child(struct facts_engine *engine, struct carve *carve, struct object *object, uint64_t upto)
{
    size_t len;
    const uint8_t *data = carve->child && upto > carve->given ? object_kept(object, carve->given, &len) : NULL;
    if (data)
        object_data(engine->objects, carve->child, data, (size_t)(upto - carve->given));
    carve->given = upto > carve->given ? upto : carve->given;
}

static uint64_t sure_to(const struct running *active, uint64_t size)
{
    uint64_t sure = active->recogniser->sure_to ? active->recogniser->sure_to(active->state) : UINT64_MAX;
    return sure < size - active->from ? active->from + sure : size;
}

/* The active item reached its own end: the search goes on behind it. */
static void finish_child(struct facts_engine *engine, struct carve *carve, uint64_t end)
{
    carve->region = end;
    carve->scanned = end;
    end_child(engine, carve, OBJECT_CLOSED);
}

/* Gives the active item object bytes [at, size); false when it ended inside them. */
static bool feed_active(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t at)
{
    struct carve *carve = &of->carve;
    size_t len;
    const uint8_t *data = object_kept(object, at, &len);
    if (!data) { /* memory refused to keep them: the item's rest is not known */
        carve->region = carve->scanned = object->size;
        end_child(engine, carve, OBJECT_TRUNCATED);
        return true;
    }
    bool alive = running_feed(engine, &carve->active, &engine->scratch, data, len, at);
    if (alive && carve->active.ended) {
        uint64_t end = carve->active.from + carve->active.recogniser->end_at(carve->active.state);
        give_child(engine, carve, object, end);
        finish_child(engine, carve, end);
        return false;
    }
    give_child(engine, carve, object, alive ? sure_to(&carve->active, object->size) : object->size);
    if (!alive) {
        carve->region = carve->scanned = object->size;
        end_child(engine, carve, OBJECT_TRUNCATED);
    }
    return true;
}

/* A candidate was proved after `fed` bytes up to object offset `upto`: begins its object. True when the item goes
 * on beyond what is here. */
static bool activate(struct facts_engine *engine, struct object_facts *of, struct object *object,
                     struct running *proved, uint64_t upto)
{
    struct carve *carve = &of->carve;
    struct running active = *proved;
    size_t len;
    bool kept = object_kept(object, active.from, &len) != NULL;

    *proved = (struct running){0};
    drop_candidates(engine, carve);
    carve->active = active;
    carve->given = active.from;
    if (!kept) { /* its beginning is no longer kept: passed over */
        carve->child = NULL;
    } else {
        begin_child(engine, of, object, &active);
        give_child(engine, carve, object,
                   active.ended ? active.from + active.recogniser->end_at(active.state) : sure_to(&active, upto));
    }
    if (active.ended) {
        finish_child(engine, carve, active.from + active.recogniser->end_at(active.state));
        return false;
    }
    return upto == object->size || feed_active(engine, of, object, upto);
}

/* Feeds a candidate object bytes [at, size). True when it is settled: proved (then active) or gone. */
enum candidate_answer { CANDIDATE_WAITS, CANDIDATE_GONE, CANDIDATE_ACTIVE, CANDIDATE_FINISHED };

static enum candidate_answer feed_candidate(struct facts_engine *engine, struct object_facts *of,
                                            struct object *object, struct running *candidate, uint64_t at)
{
    size_t len;
    const uint8_t *data = object_kept(object, at, &len);
    if (!data) {
        running_end(engine, candidate);
        return CANDIDATE_GONE;
    }
    while (len > 0) {
        size_t n = len < PIECE ? len : PIECE;
        if (of->carve.credit < (int64_t)n) {
            running_end(engine, candidate);
            return CANDIDATE_GONE;
        }
        of->carve.credit -= (int64_t)n;
        if (!running_feed(engine, candidate, &engine->scratch, data, n, at))
            return CANDIDATE_GONE;
        data += n;
        len -= n;
        at += n;
        if (candidate->proved)
            return activate(engine, of, object, candidate, at) ? CANDIDATE_ACTIVE : CANDIDATE_FINISHED;
    }
    return CANDIDATE_WAITS;
}

/* Feeds the candidates that wait the new bytes. False: one of them became active and goes on. */
static bool feed_candidates(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t at)
{
    struct carve *carve = &of->carve;
    unsigned kept = 0;
    for (unsigned i = 0; i < carve->candidate_count; i++) {
        enum candidate_answer answer = feed_candidate(engine, of, object, &carve->candidate[i], at);
        if (answer == CANDIDATE_ACTIVE)
            return false;
        if (answer == CANDIDATE_FINISHED)
            return true;
        if (answer == CANDIDATE_WAITS)
            carve->candidate[kept++] = carve->candidate[i];
    }
    carve->candidate_count = kept;
    return true;
}

/* Begins a candidate; the oldest gives way when all places are taken. False: it became active and goes on. */
static bool begin_candidate(struct facts_engine *engine, struct object_facts *of, struct object *object,
                            unsigned recogniser, uint64_t from)
{
    struct carve *carve = &of->carve;
    struct running candidate;
    fact_set_clear(&engine->scratch);
    if (!running_begin(engine, &candidate, recogniser, from)) {
        facts_shed(engine, of, object, from);
        return true;
    }
    enum candidate_answer answer = feed_candidate(engine, of, object, &candidate, from);
    if (answer != CANDIDATE_WAITS)
        return answer != CANDIDATE_ACTIVE;
    if (carve->candidate_count == CANDIDATES_MAX) {
        running_end(engine, &carve->candidate[0]);
        memmove(&carve->candidate[0], &carve->candidate[1], (CANDIDATES_MAX - 1) * sizeof(candidate));
        carve->candidate_count--;
    }
    carve->candidate[carve->candidate_count++] = candidate;
    return true;
}

static void grant_credit(struct carve *carve, const struct object *object)
{
    int64_t earned = carve->credited ? 0 : PIECE;
    earned += (int64_t)CREDIT * (int64_t)(object->size - carve->credited);
    carve->credited = object->size;
    carve->credit = carve->credit + earned > CREDIT_MAX ? CREDIT_MAX : carve->credit + earned;
}

void carve_data(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t at, bool last)
{
    struct carve *carve = &of->carve;
    struct hit_search search = {.last = last};

    grant_credit(carve, object);
    if (carve->scanned < carve->region)
        carve->scanned = carve->region;
    if (at < object->size) {
        if (carve->active.recogniser && feed_active(engine, of, object, at) && carve->active.recogniser)
            return;
        if (carve->candidate_count && !feed_candidates(engine, of, object, at))
            return;
    }
    if (carve->active.recogniser)
        return; /* the last call: what lies inside an item that was cut is the item's */
    while (next_hit(engine, of, object, &search)) {
        if (!RECOGNISERS[search.recogniser]->type[0])
            facts_attach(engine, of, object, search.recogniser, search.from);
        else if (!begin_candidate(engine, of, object, search.recogniser, search.from))
            return;
    }
}

void carve_gap(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t len)
{
    struct carve *carve = &of->carve;
    uint64_t at = object->size - len;
    drop_candidates(engine, carve);
    carve->scanned = object->size;
    if (!carve->active.recogniser) {
        carve->region = object->size;
        return;
    }
    give_child(engine, carve, object, at); /* what was held back */
    if (carve->child)
        object_gap(engine->objects, carve->child, len);
    carve->given = object->size;
    if (running_gap(engine, &carve->active, &engine->scratch, len, at) && !carve->active.ended)
        return;
    carve->region = object->size;
    end_child(engine, carve, OBJECT_TRUNCATED);
}

void carve_end(struct facts_engine *engine, struct object_facts *of, struct object *object)
{
    struct running *active = &of->carve.active;
    const struct recogniser *r = active->recogniser;
    bool ended = r && r->encoding && r->finish && object && object->state == OBJECT_CLOSED &&
                 r->finish(active->state, &engine->scratch) == RECOGNISE_END;
    if (r && object)
        give_child(engine, &of->carve, object, ended ? active->from + r->end_at(active->state) : object->size);
    drop_candidates(engine, &of->carve);
    end_child(engine, &of->carve, ended ? OBJECT_CLOSED : OBJECT_TRUNCATED);
}
