/* The configured rules with the configured lists: what a start, a reload and the commands all load alike. */
#ifndef DLP_RULE_LOAD_H
#define DLP_RULE_LOAD_H

#include "config.h"
#include "match.h"

/* NULL when the rules or a list have an error: each goes through `say`, as `file:line: message`. `paths` are loaded
 * in their order; NULL: rules.paths. */
struct rule_set *rule_load(const struct config *config, const struct string_list *paths, rule_say say, void *user);
/* Only the lists; NULL when one has an error. The caller frees. */
struct lists *rule_load_lists(const struct config *config, rule_say say, void *user);
/* For `say`: messages go to the log. */
void rule_load_say(void *user, bool error, const char *message);

#endif
