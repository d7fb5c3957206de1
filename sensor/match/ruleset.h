/* The inside of a rule set, as the files of match/ share it. Made by one thread, then read by all workers. */
#ifndef DLP_MATCH_RULESET_H
#define DLP_MATCH_RULESET_H

#include <stdatomic.h>
#include <yara.h>

#include "match.h"
#include "prefilter.h"
#include "source.h"

struct rule_set {
    atomic_uint references;
    YR_RULES *yara;
    struct rule *rules;          /* public ones, in order */
    uint32_t count;
    const struct rule **by_yara; /* from YR_RULE index to ours, NULL for private ones */
    uint32_t yara_count;
    struct source_list sources;  /* own the names rules point to; listed files first */
    bool uses[FACT_COUNT];       /* facts some rule names */
    bool uses_entrypoint;        /* libyara then has to see an object's first bytes */
    struct prefilter *prefilter; /* NULL: off */
    char digest[65];
};

/* ruleset_read.c: what the compiled rules and the sources tell: rules, their metadata and lines, the facts in
 * use, the digest. `units` listed files come first in set->sources. */
void rule_set_read(struct rule_set *set, size_t units);
/* Rules of one name in several files, said as warnings. */
void rule_set_tell_twins(const struct rule_set *set, rule_say say, void *user);

/* nearest.c: so many edits (insert, delete, replace, swap neighbours) turn a into b; more than `limit` when a name is
 * too long. */
unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned limit);

#endif
