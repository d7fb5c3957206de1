/* Alerts on their way to Redis: a bounded queue of records, each with the entry id it was last sent under. */
#ifndef DLP_OUTPUT_QUEUE_H
#define DLP_OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

#define QUEUE_MAX 131072u /* records held while Redis is away; more are dropped, oldest kept, and counted */

enum record_state {
    RECORD_WAITING, /* to be sent */
    RECORD_SENT,    /* no reply yet */
    RECORD_UNSURE,  /* the connection broke before the reply: Redis may have it */
    RECORD_ASKED,   /* Redis was asked whether it has it */
    RECORD_DONE
};

struct record {
    struct event_doc *event;
    uint64_t number; /* the second half of the entry id */
    enum record_state state;
};

struct queue {
    struct record *records; /* QUEUE_MAX slots, indexed by position modulo that */
    uint64_t head, tail;    /* positions: tail <= position < head is in the queue */
};

bool queue_init(struct queue *queue);
void queue_free(struct queue *queue);
bool queue_push(struct queue *queue, struct event_doc *event); /* false when full */
struct record *queue_at(struct queue *queue, uint64_t position);
void queue_done(struct queue *queue, uint64_t position); /* frees the event, moves the tail past finished ones */

#endif
