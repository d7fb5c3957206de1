/* Where in an object a match may lie: a short sorted list of windows, in object offsets. It never forgets a hit:
 * when there are too many windows, they grow together. */
#ifndef DLP_MATCH_HITS_H
#define DLP_MATCH_HITS_H

#include <stdbool.h>
#include <stdint.h>

#define HIT_WINDOWS 32
#define HIT_JOIN 256 /* windows nearer than this become one: a block costs more than these bytes */

struct hit_window {
    uint64_t from, to;
};

struct hits {
    uint32_t count;
    uint32_t total; /* hits noted */
    struct hit_window window[HIT_WINDOWS];
};

void hits_add(struct hits *hits, uint64_t from, uint64_t to);

#endif
