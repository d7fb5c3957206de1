/* The commands that are neither replay nor capture. Each takes the finished settings and its operands (for
 * `rules`, the first is the subcommand) and returns the exit code. Main thread; they print to standard output. */
#ifndef DLP_CLI_H
#define DLP_CLI_H

#include "config.h"

int cli_rules(const struct config *config, const struct string_list *operands);
int cli_facts(const struct config *config, const struct string_list *operands);
int cli_alerts(const struct config *config, const struct string_list *operands);
int cli_spool(const struct config *config, const struct string_list *operands);
/* `check`: 2 when something would stop the sensor. */
int cli_check(const struct config *config, const struct string_list *operands);
int cli_version(const struct config *config, const struct string_list *operands);

#endif
