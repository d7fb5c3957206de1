/* Hyperscan expressions from YARA strings. */
#ifndef DLP_MATCH_EXPRESSION_H
#define DLP_MATCH_EXPRESSION_H

#include "prefilter.h"

struct expression {
    char *text;            /* NULL: cannot be expressed; the caller frees */
    uint32_t before, after; /* see struct prefilter_span */
};

/* From a syntax tree; `wide`: each character followed by a zero byte. */
struct expression expression_of_tree(const RE_AST *tree, bool wide);
/* The bytes themselves, every byte xored with `key`; `wide` as above (the zero bytes are xored too). */
struct expression expression_of_bytes(const uint8_t *bytes, size_t len, bool wide, uint8_t key);

#endif
