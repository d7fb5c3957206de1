/* The inside of a rule set, as ruleset.c, source.c and matcher.c share it. */
#ifndef DLP_MATCH_RULESET_H
#define DLP_MATCH_RULESET_H

#include <stdatomic.h>
#include <yara.h>

#include "match.h"

struct rule_file {
    char *path;
    char *text; /* NUL-terminated */
    size_t len;
};

struct rule_set {
    atomic_uint references;
    YR_RULES *yara;
    struct rule *rules;        /* public ones, in order */
    uint32_t count;
    const struct rule **by_yara; /* from YR_RULE index to ours, NULL for private ones */
    uint32_t yara_count;
    bool has_strings;          /* some rule looks for bytes */
    bool prefilter;
    struct rule_file *files;   /* own the names rules point to */
    size_t file_count;
    char digest[65];
};

/* source.c: every .yar and .yara file of the paths, in name order; rules/tests aside. False when a path cannot
 * be read (said). */
bool rule_files_read(struct rule_set *set, const char *const *paths, size_t count, rule_say say, void *user);
/* The line `rule NAME` stands on in the text, 0 when it is not there (an included file). */
unsigned rule_line(const char *text, const char *name);

#endif
