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
/* Sets what --fact says; false, said in the log, when a name or value is wrong. */
bool rules_apply_facts(const struct config *config, struct fact_set *facts);
/* rules_profile.c: what each rule cost a replay, the dearest first. */
void rules_print_costs(const struct config *config, const struct matcher *matcher);
int rules_explain(const struct config *config, const struct string_list *operands); /* rules_explain.c */
/* `setting` is NAME=VALUE; NAME alone is NAME=true. False, with a sentence, when there is no such fact or value. */
bool rules_set_fact(struct fact_set *facts, const char *setting, char *error, size_t error_len);

/* Cases beside the rules (rules_cases.c): `.case` files, and directories of them. */
bool rules_are_cases(const struct string_list *paths);
int rules_cases(const struct config *config, const struct string_list *paths);

#endif
