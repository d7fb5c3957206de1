/* The engine: attaches recognisers by an object's first bytes, feeds them, names the type, and hands what is
 * left to the carver (carve.c). */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define HOLD (256 * 1024)

const struct recogniser *const RECOGNISERS[] = {
#define RECOGNISER(name) &recogniser_##name,
#include "recogniser_list.def"
#undef RECOGNISER
};
const unsigned RECOGNISER_COUNT = sizeof(RECOGNISERS) / sizeof(RECOGNISERS[0]);

_Static_assert(sizeof(RECOGNISERS) / sizeof(RECOGNISERS[0]) <= 64, "struct object_facts.attached is 64 bits");

struct facts_engine *facts_engine_new(struct mem *mem, struct counters *counters, struct object_env *objects,
                                      struct facts_engine *sibling)
{
    struct facts_engine *engine = calloc(1, sizeof(*engine));
    if (!engine || !(engine->state_pools = calloc(RECOGNISER_COUNT, sizeof(struct pool *))))
        abort(); /* only at start */
    engine->mem = mem;
    engine->counters = counters;
    engine->objects = objects;
    engine->pool = pool_new(mem, MEM_OBJECT, sizeof(struct object_facts));
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++)
        engine->state_pools[i] = pool_new(mem, MEM_OBJECT, RECOGNISERS[i]->state_size);
    engine->literals = literals_new(sibling ? sibling->literals : NULL);
    fact_set_clear(&engine->scratch);
    return engine;
}

void facts_engine_free(struct facts_engine *engine)
{
    if (!engine)
        return;
    literals_free(engine->literals);
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++)
        pool_free(engine->state_pools[i]);
    free(engine->state_pools);
    pool_free(engine->pool);
    free(engine);
}

static unsigned index_of(const struct recogniser *recogniser)
{
    unsigned i = 0;
    while (RECOGNISERS[i] != recogniser)
        i++;
    return i;
}

bool running_begin(struct facts_engine *engine, struct running *running, unsigned recogniser, uint64_t from)
{
    void *state = pool_get_zeroed(engine->state_pools[recogniser]);
    if (!state)
        return false;
    *running = (struct running){.recogniser = RECOGNISERS[recogniser], .state = state, .from = from};
    return true;
}

void running_end(struct facts_engine *engine, struct running *running)
{
    if (running->recogniser)
        pool_put(engine->state_pools[index_of(running->recogniser)], running->state);
    *running = (struct running){0};
}

static bool take_answer(struct facts_engine *engine, struct running *running, enum recogniser_state answer)
{
    if (answer == RECOGNISE_NO) {
        running_end(engine, running);
        return false;
    }
    running->proved |= answer != RECOGNISE_MORE;
    running->ended = answer == RECOGNISE_END;
    return true;
}

bool running_feed(struct facts_engine *engine, struct running *running, struct fact_set *facts,
                  const uint8_t *data, size_t len, uint64_t at)
{
    const struct recogniser *r = running->recogniser;
    return take_answer(engine, running, r->feed(running->state, facts, data, len, at - running->from));
}

bool running_gap(struct facts_engine *engine, struct running *running, struct fact_set *facts, uint64_t len,
                 uint64_t at)
{
    const struct recogniser *r = running->recogniser;
    enum recogniser_state answer = RECOGNISE_NO;
    if (r->gap)
        answer = r->gap(running->state, facts, len, at - running->from);
    else if (running->proved)
        answer = RECOGNISE_PROVED;
    return take_answer(engine, running, answer);
}

const uint8_t *object_kept(const struct object *object, uint64_t from, size_t *len)
{
    if (!object->bytes.data || from < object->bytes_at ||
        object->bytes_at + object->bytes.len != object->size || from > object->size)
        return NULL;
    *len = (size_t)(object->size - from);
    return object->bytes.data + (from - object->bytes_at);
}

static void set_type(struct object_facts *of, const char *type)
{
    fact_set_text(&of->facts, FACT_object_type, type, strlen(type));
}

/* An item at the first byte was proved: the object is of its type, and rivals give way. */
static void on_proved(struct facts_engine *engine, struct object_facts *of, struct running *proved)
{
    const struct recogniser *r = proved->recogniser;
    if (!r->type[0] || proved->from != 0)
        return;
    of->item_proved = true;
    set_type(of, r->type_of ? r->type_of(proved->state) : r->type);
    for (unsigned i = 0; i < of->running_count; i++) {
        struct running *other = &of->running[i];
        if (other != proved && other->recogniser && other->recogniser->type[0])
            running_end(engine, other);
    }
}

static void after_answer(struct facts_engine *engine, struct object_facts *of, struct running *running, bool was_proved)
{
    if (running->proved && !was_proved)
        on_proved(engine, of, running);
    if (running->ended && running->recogniser->type[0]) {
        of->carve.region = running->from + running->recogniser->end_at(running->state);
        running_end(engine, running);
    }
}

static void feed(struct facts_engine *engine, struct object_facts *of, struct running *running, const uint8_t *data,
                 size_t len, uint64_t at)
{
    bool was_proved = running->proved;
    const struct recogniser *r = running->recogniser;
    if (!r || running->ended)
        return;
    if (running_feed(engine, running, &of->facts, data, len, at)) {
        after_answer(engine, of, running, was_proved);
    } else if (!r->type[0]) { /* these bytes were not for it; later ones may be */
        of->attached &= ~(UINT64_C(1) << index_of(r));
        of->gave_up |= UINT64_C(1) << index_of(r);
        of->retry_at = at + len;
    }
}

void facts_shed(struct facts_engine *engine, struct object_facts *of, const struct object *object, uint64_t from)
{
    if (from < of->shed)
        from = of->shed;
    if (from < object->size && object->bytes.cap) /* without a window object/ counts them */
        count_add(engine->counters, COUNT_OBJECT_SHED_BYTES, object->size - from);
    of->shed = object->size;
}

static struct running *free_place(struct object_facts *of)
{
    for (unsigned i = 0; i < of->running_count; i++) {
        if (!of->running[i].recogniser)
            return &of->running[i];
    }
    return of->running_count < ATTACHED_MAX ? &of->running[of->running_count++] : NULL;
}

/* In pieces, so that one that gives up soon has read no more than it needed. */
#define PIECE 4096

void facts_attach(struct facts_engine *engine, struct object_facts *of, struct object *object, unsigned recogniser,
                  uint64_t from)
{
    uint64_t bit = UINT64_C(1) << recogniser;
    size_t len;
    const uint8_t *data = object_kept(object, from, &len);
    struct running *running = of->attached & bit || !data ? NULL : free_place(of);
    if (!running)
        return;
    if (!running_begin(engine, running, recogniser, from)) {
        of->blind = true;
        facts_shed(engine, of, object, from);
        return;
    }
    of->attached |= bit;
    while (len > 0 && running->recogniser) {
        size_t n = len < PIECE ? len : PIECE;
        feed(engine, of, running, data, n, from);
        data += n;
        len -= n;
        from += n;
    }
}

/* The first bytes are here: names the type they show, and attaches whoever accepts them. */
static void begin(struct facts_engine *engine, struct object_facts *of, struct object *object)
{
    size_t len = 0;
    const uint8_t *head = object_kept(object, 0, &len);
    if (!head) {
        len = 0;
        of->blind = object->size > 0; /* no memory to keep it */
        facts_shed(engine, of, object, 0);
    }
    if (len > of->sniff_end)
        len = (size_t)of->sniff_end;
    of->sniffed = true;
    set_type(of, len == 0 && object->size > 0 ? "data" : facts_sniff_type(head, len));
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++) {
        const struct recogniser *r = RECOGNISERS[i];
        bool wanted = r->type[0] ? !of->item_proved && len > 0 && !r->encoding : !of->is_carved;
        if (wanted && r->sniff(head, len))
            facts_attach(engine, of, object, i, len > 0 ? 0 : object->size);
    }
}

struct object_facts *facts_begin(struct facts_engine *engine, struct object *object)
{
    struct object_facts *of = pool_get(engine->pool);
    if (!of)
        return NULL;
    fact_set_clear(&of->facts);
    memset((char *)of + sizeof(of->facts), 0, sizeof(*of) - sizeof(of->facts));
    of->is_carved = object->path_count > 0 && strncmp(object->path[object->path_count - 1], "carve:", 6) == 0;
    return of;
}

/* Is an item that begins at the first byte still being read, or could prove to be one? What has proved nothing
 * for so long owns nothing any more, so that a false beginning cannot keep the carver away. */
static bool is_owned(struct object_facts *of, const struct object *object)
{
    bool owned = false;
    for (unsigned i = 0; i < of->running_count; i++) {
        struct running *running = &of->running[i];
        if (!running->recogniser || !running->recogniser->type[0])
            continue;
        if (!running->proved && object->size > HOLD)
            running->late = true;
        owned |= !running->late;
    }
    return owned;
}

/* At 4 KiB and each doubling, so that evaluations find it, from the kept bytes. */
static void measure_entropy(struct object_facts *of, const struct object *object, bool last)
{
    uint32_t seen = of->entropy.seen, due = seen ? seen * 2 : ENTROPY_FIRST;
    size_t len;
    const uint8_t *data;
    uint64_t upto = object->size < ENTROPY_BYTES ? object->size : ENTROPY_BYTES;
    if (seen >= ENTROPY_BYTES || (upto < due && !last) || upto <= seen)
        return;
    if (!last) {
        while ((uint64_t)due * 2 <= upto)
            due *= 2;
        upto = due;
    }
    data = object_kept(object, seen, &len);
    if (!data)
        return;
    entropy_add(&of->entropy, data, (size_t)upto - seen);
    fact_set_real(&of->facts, FACT_entropy, entropy_bits(&of->entropy));
}

static void carve(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t at, bool last)
{
    if (!of->is_carved && !object->opened && engine->objects && !is_owned(of, object))
        carve_data(engine, of, object, at, last);
}

void facts_data(struct facts_engine *engine, struct object_facts *of, struct object *object, const uint8_t *data,
                size_t len)
{
    uint64_t at = object->size - len;
    if (!of->gap_seen)
        of->sniff_end = object->size < RECOGNISER_HEAD ? object->size : RECOGNISER_HEAD;
    if (of->sniffed) {
        for (unsigned i = 0; i < of->running_count; i++)
            feed(engine, of, &of->running[i], data, len, at);
    } else if (of->sniff_end == RECOGNISER_HEAD) {
        begin(engine, of, object);
    }
    if (of->blind)
        facts_shed(engine, of, object, at);
    measure_entropy(of, object, false);
    if (of->sniffed)
        carve(engine, of, object, at, false);
}

void facts_gap(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t len)
{
    uint64_t at = object->size - len;
    of->gap_seen = true;
    if (!of->sniffed) {
        begin(engine, of, object); /* what came before the gap is all there is to see */
        return;
    }
    for (unsigned i = 0; i < of->running_count; i++) {
        struct running *running = &of->running[i];
        bool was_proved = running->proved;
        if (running->recogniser && !running->ended &&
            running_gap(engine, running, &of->facts, len, at))
            after_answer(engine, of, running, was_proved);
    }
    carve_gap(engine, of, object, len);
}

/* The object ended: the last word of the recognisers at work, typed or not. */
static void finish(struct facts_engine *engine, struct object_facts *of, bool typed)
{
    for (unsigned i = 0; i < of->running_count; i++) {
        struct running *running = &of->running[i];
        const struct recogniser *r = running->recogniser;
        bool was_proved = running->proved;
        if (r && !running->ended && r->finish && (r->type[0] != 0) == typed &&
            take_answer(engine, running, r->finish(running->state, &of->facts)))
            after_answer(engine, of, running, was_proved);
    }
}

void facts_end(struct facts_engine *engine, struct object_facts *of, struct object *object)
{
    if (!of->sniffed)
        begin(engine, of, object);
    finish(engine, of, true);
    /* What waited for a proof that never came is searched like the rest. */
    for (unsigned i = 0; i < of->running_count; i++) {
        struct running *running = &of->running[i];
        if (running->recogniser && running->recogniser->type[0] && !running->proved)
            running_end(engine, running);
    }
    if (object->encrypted)
        fact_set_int(&of->facts, FACT_encrypted_container, 1);
    measure_entropy(of, object, true);
    carve(engine, of, object, object->size, true);
    finish(engine, of, false); /* those that the last bytes attached too */
    carve_end(engine, of, object);
}

void facts_drop(struct facts_engine *engine, struct object_facts *of)
{
    if (!of)
        return;
    carve_end(engine, of, NULL);
    for (unsigned i = 0; i < of->running_count; i++)
        running_end(engine, &of->running[i]);
    pool_put(engine->pool, of);
}

struct fact_set *facts_of(struct object_facts *of)
{
    return &of->facts;
}
