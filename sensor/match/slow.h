/* Names the rule a scan's time limit stopped. libyara does not say which it was, so the bytes are copied and a thread
 * of low priority scans them once for each rule, while the worker goes on. One at a time. */
#ifndef DLP_MATCH_SLOW_H
#define DLP_MATCH_SLOW_H

#include "isolate.h"

#define SLOW_BYTES_MAX (16u << 20) /* of an object; of a longer one its beginning */

struct slow_search;
/* Begins a search unless the last one still runs (false). `*search` is NULL at first. */
bool slow_search_begin(struct slow_search **search, struct rule_set *set, const uint8_t *data, size_t len,
                       const struct fact_set *facts, unsigned timeout_ms);
void slow_search_free(struct slow_search *search); /* waits for one that runs */

#endif
