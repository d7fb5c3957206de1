/* The inside of a matcher's costs: see match.h, matcher_measure. */
#ifndef DLP_MATCH_COSTS_H
#define DLP_MATCH_COSTS_H

#include "isolate.h"

struct match_costs;
struct match_costs *match_costs_new(struct rule_set *set, unsigned timeout_ms); /* NULL: memory */
void match_costs_free(struct match_costs *costs);
/* Measures every rule over one evaluation of `bytes` bytes. */
void match_costs_add(struct match_costs *costs, uint64_t bytes, const struct fact_set *facts,
                     void (*scan)(void *user, YR_SCANNER *scanner), void *user);
uint32_t match_costs_read(struct match_costs *c, const struct rule_cost **list, uint64_t *bytes,
                          uint64_t *evaluations);

#endif
