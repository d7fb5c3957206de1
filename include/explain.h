/* Why a rule holds or does not: its condition taken apart, each part asked of libyara itself. The rule's file is
 * compiled once more with a rule for each part behind the rule, so the parts see the same strings, facts and other
 * rules. */
#ifndef DLP_EXPLAIN_H
#define DLP_EXPLAIN_H

#include "match.h"

enum explained_kind { EXPLAINED_ALL, EXPLAINED_ANY, EXPLAINED_NOT, EXPLAINED_LEAF, EXPLAINED_GLOBAL };

#define EXPLAINED_FACTS_MAX 6

struct explained_part {
    enum explained_kind kind;
    unsigned depth;
    const char *text; /* its own words; of GLOBAL the rule's name. Not terminated */
    size_t len;
    unsigned line;
    enum fact_id facts[EXPLAINED_FACTS_MAX]; /* those a leaf names */
    unsigned fact_count;
    bool holds; /* since explanation_begin */
};

#define EXPLAINED_STRINGS_MAX 64

struct explained_string {
    char identifier[64];
    bool found;
    struct match_string match; /* when found; `identifier` there is not set */
};

struct explanation {
    struct rule_set *set; /* to evaluate; owned */
    const char *rule, *file;
    unsigned line;
    struct explained_part *parts; /* the condition, each part before its own parts, then global rules of the file */
    uint32_t part_count;
    struct explained_string strings[EXPLAINED_STRINGS_MAX];
    unsigned string_count;
    bool evaluated; /* libyara reached the rule: false when a global rule of an included file forbids */
    bool raised;    /* it would alert: it holds, no global rule forbids, nothing silences it */
    uint8_t severity; /* then: as overrides left it */
    char *texts; /* where parts point */
};

/* NULL, said through `say`, when the rules have an error or none has that name. */
struct explanation *explanation_new(const char *const *paths, size_t count, const char *rule, rule_say say,
                                    void *user);
void explanation_free(struct explanation *explanation);
/* Before the matches of an object or flow, and for each of them. */
void explanation_begin(struct explanation *explanation);
void explanation_match(struct explanation *explanation, const struct match *match);

#endif
