/* An event on its way out: made by a worker (alert/), carried by a ring, written by the output thread
 * (output/), which frees it. (libevent owns the name `struct event`.) */
#ifndef DLP_EVENT_H
#define DLP_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_type { EVENT_ALERT, EVENT_OBJECT, EVENT_FLOW, EVENT_STATS, EVENT_TYPE_COUNT };

struct event_doc {
    enum event_type type;
    bool update;          /* alert: the final state of one raised in flight */
    uint8_t severity;     /* alert: 1..4 */
    char id[33];          /* alert: dlp.id */
    char incident[17];    /* alert: dlp.incident */
    char category[64];
    char rule[128];
    int64_t time_ns;
    size_t len;
    char json[];          /* one line without its newline, NUL-terminated */
};

void event_doc_free(struct event_doc *event);

#endif
