/* The parts of the engine: what runs on one object, and the literals that begin items inside others.
 *
 *   object bytes:   [ item at byte 0, proved .... END ][ region the carver searches ........ )
 *                                                       ^ region            ^ scanned      ^ size
 *   invariant: region <= scanned <= object->size; every candidate has been fed up to object->size. */
#ifndef FACTS_ENGINE_H
#define FACTS_ENGINE_H

#include "entropy.h"
#include "facts.h"

#define ATTACHED_MAX 16   /* recognisers at work on one object */
#define CANDIDATES_MAX 16 /* items begun and not proved, at once */

struct running { /* one recogniser at work; `recogniser` NULL: none */
    const struct recogniser *recogniser;
    void *state;
    uint64_t from; /* object offset of its first byte */
    bool proved, ended;
    bool late;     /* proved nothing for long: the carver no longer waits for it */
};

struct carve {
    uint64_t region;  /* items may begin here or later */
    uint64_t scanned; /* literals that end at or before this offset are done with */
    int64_t credit;   /* bytes candidates may still be fed: bounds the cost of floods of false signatures */
    uint64_t credited; /* object bytes that earned credit */
    unsigned candidate_count;
    struct running candidate[CANDIDATES_MAX];
    struct running active;  /* the proved item the bytes belong to now */
    struct object *child;   /* its object; NULL when none is active or memory refused it */
    uint64_t given;         /* object bytes before this were given to it */
};

struct object_facts {
    struct fact_set facts;
    struct entropy entropy;
    uint64_t sniff_end;  /* bytes before the first gap, at most RECOGNISER_HEAD: what the sniff may see */
    uint64_t attached;   /* bit for each recogniser at work, or done */
    uint64_t gave_up;    /* bit for each untyped one that was at work and gave up */
    uint64_t retry_at;   /* those are attached again by literals behind this */
    bool sniffed, gap_seen, is_carved;
    bool item_proved;    /* an item at the first byte: the object is of its type */
    bool blind;          /* memory refused a recogniser that wanted these bytes: they count as shed */
    uint64_t shed;       /* bytes before this offset that had to count so did */
    unsigned running_count;
    struct running running[ATTACHED_MAX];
    struct carve carve;
};

struct literals;
struct facts_engine {
    struct mem *mem;
    struct object_env *objects;
    struct counters *counters;
    struct pool *pool;         /* struct object_facts */
    struct pool **state_pools; /* by recogniser */
    struct literals *literals;
    struct fact_set scratch;   /* what candidates write */
};

extern const struct recogniser *const RECOGNISERS[];
extern const unsigned RECOGNISER_COUNT;

/* The literals of every recogniser, searched in one pass. */
struct literals *literals_new(struct literals *sibling); /* shares what that one compiled; NULL: compiles */
void literals_free(struct literals *literals);
struct literal_hit {
    unsigned recogniser; /* index */
    size_t begin, end;   /* of the literal, in `data` */
    uint8_t back;
};
/* Calls `hit` for each occurrence, ordered by `end`; false from it stops the search. */
void literals_search(struct literals *literals, const uint8_t *data, size_t len,
                     bool (*hit)(void *user, const struct literal_hit *hit), void *user);
size_t literals_longest(const struct literals *literals);

bool running_begin(struct facts_engine *engine, struct running *running, unsigned recogniser, uint64_t from);
void running_end(struct facts_engine *engine, struct running *running);
/* Feeds object bytes [at, at + len), at >= running->from; notes proof and end. False: not one after all, and the
 * recogniser is gone. */
bool running_feed(struct facts_engine *engine, struct running *running, struct fact_set *facts,
                  const uint8_t *data, size_t len, uint64_t at);
bool running_gap(struct facts_engine *engine, struct running *running, struct fact_set *facts, uint64_t len,
                 uint64_t at);
/* Attaches an untyped recogniser whose literal was found, and feeds it what is kept from `from` on. */
void facts_attach(struct facts_engine *engine, struct object_facts *of, struct object *object, unsigned recogniser,
                  uint64_t from);

/* No memory for a recogniser that would have read the object from `from` on: what is there counts as shed, once. */
void facts_shed(struct facts_engine *engine, struct object_facts *of, const struct object *object, uint64_t from);

/* Kept bytes of `object` from `from` to its size, or NULL when they are gone. */
const uint8_t *object_kept(const struct object *object, uint64_t from, size_t *len);

void carve_data(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t at, bool last);
void carve_gap(struct facts_engine *engine, struct object_facts *of, struct object *object, uint64_t len);
/* `object` NULL: it was given up. */
void carve_end(struct facts_engine *engine, struct object_facts *of, struct object *object);

#endif
