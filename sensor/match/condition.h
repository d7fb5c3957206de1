/* A rule's condition as a tree of its parts: what `and`, `or` and `not` join. What stands between
 * them is a leaf, be it
 * `$a at 0` or a whole `for` loop: libyara alone knows what that means. */
#ifndef DLP_MATCH_CONDITION_H
#define DLP_MATCH_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum condition_kind { CONDITION_AND, CONDITION_OR, CONDITION_NOT, CONDITION_LEAF };

struct condition_text {
    const char *start;
    size_t len;
};

#define CONDITION_NONE UINT32_MAX

struct condition_part {
    enum condition_kind kind;
    struct condition_text text; /* in the rule's file, parentheses around it left out */
    unsigned line;
    uint32_t first, next; /* its first child, the next one of its parent; CONDITION_NONE */
    uint32_t parent;
    struct condition_text left, operator,
        right; /* a leaf `left operator right`, such as `filesize > 10KB`; else empty */
};

struct condition {
    struct condition_part *parts;
    uint32_t count, root;
};

/* Reads from `start` to `end`. False, and nothing to free, when it is not understood: libyara's
 * business then. */
bool condition_read(struct condition *condition, const char *start, const char *end, unsigned line);
void condition_free(struct condition *condition);

#endif
