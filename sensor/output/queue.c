/* The queue of include/event.h's documents that wait for Redis. */
#include "queue.h"

#include <stdlib.h>

bool queue_init(struct queue *queue)
{
    *queue = (struct queue){.records = calloc(QUEUE_MAX, sizeof(struct record))};
    return queue->records != NULL;
}

void queue_free(struct queue *queue)
{
    for (uint64_t at = queue->tail; at < queue->head; at++)
        event_doc_free(queue_at(queue, at)->event);
    free(queue->records);
}

struct record *queue_at(struct queue *queue, uint64_t position)
{
    return &queue->records[position % QUEUE_MAX];
}

bool queue_push(struct queue *queue, struct event_doc *event)
{
    if (queue->head - queue->tail == QUEUE_MAX)
        return false;
    *queue_at(queue, queue->head++) = (struct record){.event = event, .state = RECORD_WAITING};
    return true;
}

void queue_done(struct queue *queue, uint64_t position)
{
    struct record *record = queue_at(queue, position);
    event_doc_free(record->event);
    record->event = NULL;
    record->state = RECORD_DONE;
    while (queue->tail < queue->head && queue_at(queue, queue->tail)->state == RECORD_DONE)
        queue->tail++;
}
