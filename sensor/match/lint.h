/* What compiles, and yet is hardly meant so: lint.c looks at rules, lint_condition.c at conditions. */
#ifndef DLP_MATCH_LINT_H
#define DLP_MATCH_LINT_H

#include "condition.h"
#include "ruleset.h"

/* Tells each part that can never hold, with its line in the rule's file. */
void lint_condition(const struct condition *condition,
                    void (*warn)(void *user, unsigned line, const char *message), void *user);

#endif
