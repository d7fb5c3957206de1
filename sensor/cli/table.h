/* A table on a terminal or in a pipe: columns as wide as they need, text from anywhere made safe to print. */
#ifndef DLP_CLI_TABLE_H
#define DLP_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 8

struct table {
    size_t columns, rows;
    char **cells; /* rows of `columns`, the header first */
};

/* `header` may be NULL. */
void table_begin(struct table *table, size_t columns, const char *const *header);
/* `cells` are copied; control characters and invalid UTF-8 become '?'. */
void table_row(struct table *table, const char *const *cells);
/* Prints and frees. On a terminal the last column is cut to its width. */
void table_print(struct table *table, FILE *out);
void table_free(struct table *table); /* unprinted */

#endif
