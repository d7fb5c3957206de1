/* Trimming the stream by age (redis.max_age_hours). Entry ids do not say when an alert was made, so what the next id
 * was is marked now and then: entries below a mark are at least as old as it is. */
#ifndef DLP_OUTPUT_REDIS_TRIM_H
#define DLP_OUTPUT_REDIS_TRIM_H

#include "spool.h"

#define TRIM_MARKS 25 /* of the age at which entries go, so that they go at most a twenty-fourth of it late */

struct redis_trim {
    int64_t max_age_ms;
    struct { /* oldest first */
        int64_t ms; /* wall clock */
        struct entry_id id;
    } mark[TRIM_MARKS];
    unsigned marks;
};

/* Marks `next`, the id of the entry to be added next, when it is time. True when there is something to trim: every
 * entry below *below. */
bool redis_trim_due(struct redis_trim *trim, struct entry_id next, int64_t now_ms, struct entry_id *below);

#endif
