/* What the files of `dlp-sensor rules` share. */
#ifndef DLP_CLI_RULES_H
#define DLP_CLI_RULES_H

#include "config.h"
#include "match.h"

extern const char *const RULES_SEVERITIES[5]; /* by struct rule's severity */

/* The rules at `paths`, or at the configured ones when it is empty; NULL, said in the log, when they do not
 * compile. The caller drops it. */
struct rule_set *rules_compile(const struct config *config, const struct string_list *paths);
int rules_test(const struct config *config, const struct string_list *files); /* rules_test.c */

#endif
