/* Facts as a JSON object. */
#ifndef DLP_CLI_SHOW_FACTS_H
#define DLP_CLI_SHOW_FACTS_H

#include "facts.h"
#include "json.h"

/* Every fact when `all`, else those that differ from their neutral value. */
void show_facts(struct json *json, const struct fact_set *facts, bool all);

#endif
