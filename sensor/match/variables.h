/* The facts as external variables of one YARA scanner. */
#ifndef DLP_MATCH_VARIABLES_H
#define DLP_MATCH_VARIABLES_H

#include "ruleset.h"

struct variables {
    unsigned count;
    struct variable {
        enum fact_id id;
        YR_OBJECT *object;
        SIZED_STRING *text; /* TEXT: ours, with room for FACT_TEXT_MAX bytes; the object points to it */
    } used[FACT_COUNT];
};

/* Finds the variables that rules of `set` name. False when memory is out. */
bool variables_open(struct variables *variables, YR_SCANNER *scanner, const struct rule_set *set);
void variables_write(struct variables *variables, const struct fact_set *facts);
void variables_close(struct variables *variables); /* before the scanner goes */

#endif
