/* The inside of a rule set, as the files of match/ share it. Made by one thread, then read by all workers. */
#ifndef DLP_MATCH_RULESET_H
#define DLP_MATCH_RULESET_H

#include <stdatomic.h>
#include <yara.h>

#include "match.h"
#include "prefilter.h"
#include "source.h"

/* The rules as alerts speak of them, with texts of its own. */
struct rule_book {
    atomic_uint references;
    struct rule *rules;
    char *texts;
    char digest[65];
};

struct rule_place { /* where a rule stands */
    const struct source *source; /* NULL: unknown */
    const char *name;            /* in source->text, not terminated */
    unsigned line;
};

struct rule_set {
    atomic_uint references;
    YR_RULES *yara;
    struct rule_book *book;
    struct rule *rules;          /* the book's: those that can alert, in order, then overridden ones */
    uint32_t count;              /* that can alert */
    const struct rule **by_yara; /* from YR_RULE index to ours, NULL for private ones and overrides */
    struct rule_place *places;   /* by YR_RULE index */
    uint32_t yara_count;
    struct rule_override *overrides; /* by the rule they override, in the order they were loaded */
    uint32_t *overrides_from;        /* of rule i: from [i] to [i + 1] */
    struct source_list sources;  /* own the names rules point to; listed files first */
    bool uses[FACT_COUNT];       /* facts some rule names */
    bool uses_entrypoint;        /* libyara then has to see an object's first bytes */
    struct prefilter *prefilter; /* NULL: off */
    struct lists *lists;         /* NULL: none */
    struct gate *gate;           /* the prefilter's other half; NULL: every object is looked at */
    char digest[65];
};

/* ruleset_read.c: what the compiled rules and the sources tell: rules, their metadata and lines, the facts in
 * use, the digest. `units` listed files come first in set->sources. */
void rule_set_read(struct rule_set *set, size_t units);
/* As rule_set_compile without a prefilter, with `text` in place of the file at `path`. */
struct rule_set *rule_set_compile_with(const char *const *paths, size_t count, const char *path, const char *text,
                                       rule_say say, void *user);
/* override.c: the rule whose name is nearest, NULL when none is near. */
const char *rule_nearest(const struct rule_set *set, const char *name);
/* override.c: makes set->overrides; what cannot work is said as a warning. */
void rule_set_read_overrides(struct rule_set *set, rule_say say, void *user);
bool rule_is_override(const YR_RULE *yara);
/* What `rule` is once its overrides are looked at, in a scan that has evaluated every rule; NULL: silent. */
const struct rule *rule_overridden(const struct rule_set *set, const struct rule *rule,
                                   const YR_SCAN_CONTEXT *context);
/* Reads metadata over what `rule` says already. */
void rule_read_metadata(struct rule *rule, const YR_RULE *yara);
/* rule_book.c: copies `count` rules, their texts and the set's digest; the set's one reference. */
struct rule_book *rule_book_new(const struct rule *rules, uint32_t count, const char *digest);
void rule_book_drop(struct rule_book *book);
/* Rules of one name in several files, said as warnings. */
void rule_set_tell_twins(const struct rule_set *set, rule_say say, void *user);

/* nearest.c: so many edits (insert, delete, replace, swap neighbours) turn a into b; more than `limit` when a name is
 * too long. */
unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned limit);

#endif
