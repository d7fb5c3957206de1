/* Which objects libyara need not see at all: those whose facts alone make every rule's condition false. Conditions are
 * read from the rules' text into three-valued logic: comparisons of facts with constants are judged, everything else
 * (strings, functions, arithmetic, other rules) may be true or false. */
#ifndef DLP_MATCH_GATE_H
#define DLP_MATCH_GATE_H

#include "ruleset.h"

struct gate;

/* For the rules of `set` that can alert. NULL when memory is out, or a rule stands where its text is unknown: then
 * every object may match. */
struct gate *gate_build(const struct rule_set *set);
void gate_free(struct gate *gate);

/* False: no rule can hold. Any thread. */
bool gate_may_match(const struct gate *gate, const struct fact_set *facts);

#endif
