/* Byte strings that many flows have in common, kept once. One worker thread. */
#ifndef DLP_INTERN_H
#define DLP_INTERN_H

#include "mem.h"

struct interns;
struct interns *interns_new(struct mem *mem, enum mem_owner owner);
void interns_free(struct interns *interns); /* every string must be back */
/* The string, at an address that is its own as long as somebody holds it, aligned as a struct is; NULL when it is
 * larger than INTERN_MAX or the budget refuses. */
#define INTERN_MAX (SIZED_MAX - 64)
const void *interns_hold(struct interns *interns, const void *bytes, size_t len);
void interns_drop(struct interns *interns, const void *string); /* NULL is allowed */
size_t interns_length(const void *string);

#endif
