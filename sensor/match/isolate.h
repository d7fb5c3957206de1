/* Rules one at a time: which of them a scan's time goes to. Debian's libyara is built without its profiler, so this
 * works on a copy of the compiled rules in which all but one are disabled. What private and global rules cost, and
 * looking for strings at all, is shared by every rule: it is measured alone and taken off. */
#ifndef DLP_MATCH_ISOLATE_H
#define DLP_MATCH_ISOLATE_H

#include "variables.h"

#define ISOLATE_SHARED UINT32_MAX

struct isolation;
/* NULL when memory is out. */
struct isolation *isolation_new(const struct rule_set *set, unsigned timeout_ms);
void isolation_free(struct isolation *isolation);
/* Processor time of `scan` with rule `index` of libyara's table and what is shared, or with ISOLATE_SHARED alone.
 * `scan` runs the scanner over whatever is measured. */
uint64_t isolation_time(struct isolation *isolation, uint32_t index, const struct fact_set *facts,
                        void (*scan)(void *user, YR_SCANNER *scanner), void *user);
/* Whether a rule is measured by itself: neither private nor global. */
bool isolation_measures(const struct rule_set *set, uint32_t index);

#endif
