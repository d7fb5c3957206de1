/* One pass of Hyperscan over the bytes finds the literals of all recognisers. Block mode: the object keeps its
 * bytes contiguous, so the caller repeats the last few instead of this holding stream state. */
#include <hs/hs.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "log.h"

struct entry {
    uint8_t recogniser, len, back;
};

/* What all workers read. */
struct compiled {
    unsigned references;
    hs_database_t *database;
    size_t longest;
    struct entry entries[];
};

struct literals {
    struct compiled *compiled;
    hs_scratch_t *scratch;
};

static void must(bool done, const char *what)
{
    if (done)
        return;
    log_error("facts: %s", what);
    abort(); /* only at start */
}

static unsigned count_literals(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++)
        count += RECOGNISERS[i]->literal_count;
    return count;
}

static struct compiled *compile(void)
{
    unsigned total = count_literals(), n = 0;
    struct compiled *c = calloc(1, sizeof(*c) + total * sizeof(c->entries[0]));
    const char **texts = calloc(total, sizeof(*texts));
    size_t *lens = calloc(total, sizeof(*lens));
    unsigned *flags = calloc(total, sizeof(*flags)), *ids = calloc(total, sizeof(*ids));
    hs_compile_error_t *error = NULL;

    must(c && texts && lens && flags && ids, "out of memory");
    for (unsigned i = 0; i < RECOGNISER_COUNT; i++) {
        for (unsigned k = 0; k < RECOGNISERS[i]->literal_count; k++, n++) {
            const struct recogniser_literal *literal = &RECOGNISERS[i]->literals[k];
            texts[n] = literal->bytes;
            lens[n] = literal->len;
            flags[n] = literal->caseless ? HS_FLAG_CASELESS : 0;
            ids[n] = n;
            c->entries[n] = (struct entry){(uint8_t)i, literal->len, literal->back};
            if (literal->len > c->longest)
                c->longest = literal->len;
        }
    }
    bool done = hs_compile_lit_multi(texts, flags, ids, lens, n, HS_MODE_BLOCK, NULL, &c->database, &error) ==
                HS_SUCCESS;
    must(done, error ? error->message : "the literals do not compile");
    free(texts);
    free(lens);
    free(flags);
    free(ids);
    return c;
}

struct literals *literals_new(struct literals *sibling)
{
    struct literals *l = calloc(1, sizeof(*l));
    must(l, "out of memory");
    l->compiled = sibling ? sibling->compiled : compile();
    l->compiled->references++;
    must(hs_alloc_scratch(l->compiled->database, &l->scratch) == HS_SUCCESS, "out of memory");
    return l;
}

void literals_free(struct literals *l)
{
    if (!l)
        return;
    hs_free_scratch(l->scratch);
    if (--l->compiled->references == 0) {
        hs_free_database(l->compiled->database);
        free(l->compiled);
    }
    free(l);
}

size_t literals_longest(const struct literals *l)
{
    return l->compiled->longest;
}

struct search {
    const struct literals *literals;
    bool (*hit)(void *user, const struct literal_hit *hit);
    void *user;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
    struct search *search = user;
    const struct entry *entry = &search->literals->compiled->entries[id];
    struct literal_hit hit = {entry->recogniser, (size_t)to - entry->len, (size_t)to, entry->back};
    (void)from;
    (void)flags;
    return search->hit(search->user, &hit) ? 0 : 1;
}

void literals_search(struct literals *l, const uint8_t *data, size_t len,
                     bool (*hit)(void *user, const struct literal_hit *hit), void *user)
{
    struct search search = {l, hit, user};
    if (len > 0)
        hs_scan(l->compiled->database, (const char *)data, (unsigned)len, 0, l->scratch, on_match, &search);
}
