/* The spool's slow calls on a thread of their own: writing, syncing, deleting. A disk that hangs holds up this
 * thread and nobody else. One job at a time; the loop is woken when it is done. */
#ifndef DLP_OUTPUT_DISK_H
#define DLP_OUTPUT_DISK_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_NAME_MAX 32

struct disk_job {
    int directory;
    char name[DISK_NAME_MAX];   /* the file written to, made when it is not there; "" for none */
    uint64_t offset;
    uint8_t head[16];           /* written first when offset is 0 */
    size_t head_len;
    const uint8_t *data;        /* borrowed until the job is done */
    size_t len;
    char remove[DISK_NAME_MAX]; /* a file deleted first; "" for none */
    int failure;                /* the answer: 0 or errno; what was half written is cut off again */
};

struct disk;
/* `sync`: data is on the medium when a job is done. `done` is called on the loop. */
struct disk *disk_new(struct event_base *base, bool sync, void (*done)(void *user, const struct disk_job *job),
                      void *user);
void disk_free(struct disk *disk); /* finishes the job it is at; `done` is not called */
bool disk_idle(const struct disk *disk);
void disk_submit(struct disk *disk, const struct disk_job *job); /* only when idle */

#endif
