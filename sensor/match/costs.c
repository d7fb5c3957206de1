/* What each rule costs over a whole replay, for `rules profile`: every evaluation is done again for
 * each rule alone, over the same windows, and the best of a few times counts: what else the machine
 * does only adds. */
#include "costs.h"

#include <stdlib.h>

#define TIMES 3

struct match_costs {
    struct rule_set *set; /* held: costs are of these rules, whatever the matcher swaps to */
    struct isolation *isolation;
    struct rule_cost *costs;
    int64_t *ns; /* by YR_RULE index, what is shared taken off */
    uint64_t shared_ns, bytes, evaluations;
};

struct match_costs *match_costs_new(struct rule_set *set, unsigned timeout_ms)
{
    struct match_costs *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->set = rule_set_hold(set);
    c->isolation = isolation_new(set, timeout_ms);
    c->ns = calloc((size_t)set->yara_count + 1, sizeof(*c->ns));
    c->costs = calloc((size_t)set->yara_count + 2, sizeof(*c->costs));
    if (c->isolation && c->ns && c->costs)
        return c;
    match_costs_free(c);
    return NULL;
}

void match_costs_free(struct match_costs *c)
{
    if (!c)
        return;
    isolation_free(c->isolation);
    rule_set_drop(c->set);
    free(c->ns);
    free(c->costs);
    free(c);
}

static uint64_t best_time(struct match_costs *c, uint32_t index, const struct fact_set *facts,
                          void (*scan)(void *user, YR_SCANNER *scanner), void *user)
{
    uint64_t best = UINT64_MAX;
    for (unsigned n = 0; n < TIMES; n++) {
        uint64_t took = isolation_time(c->isolation, index, facts, scan, user);
        best = took < best ? took : best;
    }
    return best;
}

void match_costs_add(struct match_costs *c, uint64_t bytes, const struct fact_set *facts,
                     void (*scan)(void *user, YR_SCANNER *scanner), void *user)
{
    uint64_t shared = best_time(c, ISOLATE_SHARED, facts, scan, user);
    c->shared_ns += shared;
    c->bytes += bytes;
    c->evaluations++;
    for (uint32_t i = 0; i < c->set->yara_count; i++) {
        if (!isolation_measures(c->set, i))
            continue;
        c->ns[i] += (int64_t)best_time(c, i, facts, scan, user) - (int64_t)shared;
    }
}

static int dearest_first(const void *a, const void *b)
{
    const struct rule_cost *x = a, *y = b;
    return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

uint32_t match_costs_read(struct match_costs *c, const struct rule_cost **list, uint64_t *bytes,
                          uint64_t *evaluations)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->set->yara_count; i++) {
        const struct rule_place *place = &c->set->places[i];
        if (isolation_measures(c->set, i))
            c->costs[count++] =
                (struct rule_cost){c->set->yara->rules_table[i].identifier,
                                   place->source ? place->source->path : "rules", place->line,
                                   c->ns[i] > 0 ? (uint64_t)c->ns[i] : 0};
    }
    qsort(c->costs, count, sizeof(c->costs[0]), dearest_first);
    c->costs[count] = (struct rule_cost){NULL, NULL, 0, c->shared_ns};
    *list = c->costs;
    *bytes = c->bytes;
    *evaluations = c->evaluations;
    return count + 1;
}
