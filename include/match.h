/* match/: facts and bytes to matches. Rules are compiled once into an immutable set that every worker shares;
 * each worker owns a matcher (one YARA scanner, its prefilter scratch). YARA never runs per packet: object
 * bytes pass a streaming prefilter made from the rules' own literals, and libyara sees only what that could
 * not rule out, with conditions evaluated over the true bytes. With the prefilter on or off the matches are
 * the same. */
#ifndef DLP_MATCH_H
#define DLP_MATCH_H

#include "counters.h"
#include "facts.h"
#include "lists.h"
#include "mem.h"

struct rule {                 /* one rule that can alert; lives as long as its set, longer when held */
    const char *name;
    const char *category;     /* "uncategorised" when the metadata is absent */
    const char *description;
    const char *reference;    /* NULL when absent */
    const char *confidence;   /* NULL when absent */
    const char *evidence;     /* NULL when absent */
    const char *file;         /* file's base name, as events show it */
    const char *path;
    unsigned line;
    const char *digest;       /* of its set: rule_set_digest */
    uint8_t severity;         /* 1 critical ... 4 low; 3 when the metadata is absent */
    uint32_t index;           /* dense, 0..rule_set_count-1 */
    struct rule_book *book;   /* holds it */
};
/* What a set says of its rules outlives the set, without what is compiled, while somebody holds one of them: an
 * upload that lasts for days keeps no old generation of the rules alive. Any thread. */
void rule_hold(const struct rule *rule);
void rule_drop(const struct rule *rule);

/* A rule with the metadata `overrides = "name"` never alerts: where it holds, its other metadata replace those of the
 * rule it names, and `enabled = false` silences it. Of several that hold, the one loaded last that says whether the
 * rule is enabled decides that, and the last that says anything else decides the rest. A rule's own `enabled = false`
 * is the weakest word on it. */
struct rule_override {
    const char *name, *file;  /* of the rule that overrides, and the base name of its file */
    unsigned line;
    bool always;              /* its condition is `true` */
    bool silences, enables;   /* what it says of `enabled`, if anything */
    const struct rule *rule;  /* what the overridden rule then is: same name, place and index; NULL: no change */
    uint32_t holds_when;      /* match/'s own */
};

struct rule_set;
/* Compiles `.yar` and `.yara` files; a directory is read in name order, recursively (rules/tests aside). Each
 * listed file is a namespace of its own; one that another listed file includes is not read a second time. The order
 * of the paths is the order of loading.
 * NULL when any file has an error: every error goes through `say` as `file:line: message`, every warning as
 * `file:line: warning: message`. Callable from one thread at a time. */
typedef void (*rule_say)(void *user, bool error, const char *message);
struct rule_set *rule_set_compile(const char *const *paths, size_t count, bool prefilter, rule_say say, void *user);
struct rule_set *rule_set_hold(struct rule_set *set);
void rule_set_drop(struct rule_set *set);
uint32_t rule_set_count(const struct rule_set *set);
const struct rule *rule_set_at(const struct rule_set *set, uint32_t index);
const char *rule_set_digest(const struct rule_set *set); /* 64 hex digits over the files' names and bytes */
/* The set takes the lists: they reload with it. NULL (and before): no lists. */
void rule_set_give_lists(struct rule_set *set, struct lists *lists);
/* The overrides of rule `index`, in the order they were loaded. */
uint32_t rule_set_overrides(const struct rule_set *set, uint32_t index, const struct rule_override **overrides);
/* What compiles and yet is hardly meant so: metadata, facts nothing sets, strings the prefilter cannot judge. */
void rule_set_lint(const struct rule_set *set, rule_say say, void *user);

/* For "did you mean": the fact whose name is nearest to `word`, NULL when none is near. */
const char *fact_nearest(const char *word, size_t len);

#define MATCH_STRINGS_MAX 16   /* strings reported for a match */

struct match_string {
    const char *identifier;    /* "$mrz" */
    uint64_t offset;           /* of the first occurrence, in the object */
    uint32_t length;
    uint32_t count;
};

struct match {
    const struct rule *rule;   /* as overrides left it */
    uint32_t string_count;
    struct match_string strings[MATCH_STRINGS_MAX];
};
typedef void (*match_fn)(void *user, const struct match *match);

struct matcher; /* one worker's */
struct match_state; /* one object's: prefilter stream and hits */
/* `set` is held already: matcher_free drops it. A scan longer than `timeout_ms` is stopped and counted; after two
 * of an object its later evaluations fail at once. */
struct matcher *matcher_new(struct mem *mem, struct counters *counters, struct rule_set *set, unsigned timeout_ms);
void matcher_free(struct matcher *matcher);
/* From the next evaluation on the matcher uses `set` (held); states of open objects carry over safely. */
void matcher_swap(struct matcher *matcher, struct rule_set *set);
struct rule_set *matcher_rules(const struct matcher *matcher);

/* From now on every evaluation is done again for each rule alone, and timed: for a tuner's bench, not for service.
 * False when memory is out. */
bool matcher_measure(struct matcher *matcher);
struct rule_cost {
    const char *name; /* NULL: what all rules share */
    const char *path;
    unsigned line;
    uint64_t ns;      /* processor time */
};
/* The dearest first, what is shared last; of how many bytes of objects, in how many evaluations. */
uint32_t matcher_costs(const struct matcher *matcher, const struct rule_cost **costs, uint64_t *bytes,
                       uint64_t *evaluations);

struct match_state *match_begin(struct matcher *matcher);           /* NULL: memory; the object is then scanned whole */
/* New decoded bytes at object offset `at`; they are already in object->bytes. Gaps are simply not given. */
void match_data(struct matcher *matcher, struct match_state *state, const uint8_t *data, size_t len, uint64_t at);
/* What the lists say of the transfer, as facts. `object` may be NULL. Before match_evaluate. */
void match_lists(const struct matcher *matcher, const struct object *object, struct fact_set *facts);
/* Evaluates every rule over the bytes kept so far (object->bytes at bytes_at) and the facts, and reports each
 * rule that holds. `object` is NULL for a flow: an empty buffer. False when the scan failed or timed out
 * (counted; what matched before was reported). */
bool match_evaluate(struct matcher *matcher, struct match_state *state, const struct object *object,
                    const struct fact_set *facts, match_fn fn, void *user);
void match_end(struct matcher *matcher, struct match_state *state); /* frees */

#endif
