/* The prefilter: which parts of an object can hold a match of any string of the rules. It is a Hyperscan
 * database of expressions made from the compiled rules. Each expression accepts at least what its string
 * accepts, so where nothing hits, nothing matches; a hit names a window of bytes around it that holds every
 * match it can stand for. What cannot be expressed makes the prefilter `blind`: every byte is then let through.
 *
 *      string              expression                               window
 *      text, plain hex     its bytes, each xor key, wide or not     the string's length around the hit
 *      regex, hex, base64  its syntax tree, anchors left out,       its greatest length around the hit
 *                          optional ends cut off
 *      hex with long jumps its syntax tree                          the whole object (libyara chains such
 *                                                                   pieces within one block only)
 */
#ifndef DLP_MATCH_PREFILTER_H
#define DLP_MATCH_PREFILTER_H

#include <hs/hs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yara.h>

/* libyara follows a regular expression at most this far on either side of its atom (YR_RE_SCAN_LIMIT). */
#define PREFILTER_REACH (2 * 4096 + 64)
#define PREFILTER_EDGE 8 /* bytes a match may look at beyond itself: word boundaries, also of wide text */

struct prefilter_span { /* where a match may lie, from the end of a hit; indexed by expression */
    uint32_t before, after;
    bool whole; /* anywhere */
};

struct prefilter {
    hs_database_t *database; /* NULL when blind, or when no rule has a string */
    struct prefilter_span *spans;
    uint32_t count;
    size_t stream_size;
    bool blind;
    char *reason; /* why blind, a sentence; NULL otherwise */
    uint32_t blind_rule; /* index of the YR_RULE that caused it */
};

/* What is gathered while rules compile. libyara hands over each syntax tree just before it stores the string. */
struct prefilter_plan;
struct prefilter_plan *prefilter_plan_new(void);
void prefilter_plan_compiler(struct prefilter_plan *plan, const YR_COMPILER *compiler);
void prefilter_plan_tree(struct prefilter_plan *plan, const RE_AST *tree);
void prefilter_plan_free(struct prefilter_plan *plan);
struct prefilter *prefilter_build(struct prefilter_plan *plan, const YR_RULES *rules);
void prefilter_free(struct prefilter *prefilter);

#endif
