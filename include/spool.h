/* The spool: every alert on disk before it is sent, and for its age (spool.max_age_hours) after Redis has it, so
 * that a Redis that lost what it had is filled again. Records are numbered; the sender reads them in order from
 * any point. Output thread; the slow calls are made by a thread inside.
 *
 *      append --> gathering --> writing --> on disk .......... trimmed by age or size
 *                 at most 5 ms or 256       readable from here on
 *
 * A disk that cannot be written is said once a minute and counted; alerts then are readable from memory, bounded,
 * and are written when it can be again. */
#ifndef DLP_SPOOL_H
#define DLP_SPOOL_H

#include <event2/event.h>

#include "config.h"
#include "event.h"

struct spool_stats {
    uint64_t waiting;    /* gauge: records Redis has not acknowledged */
    uint64_t bytes;      /* gauge: on disk */
    uint64_t appended;   /* records taken */
    uint64_t duplicates; /* alerts it held already: a second run over the same capture */
    uint64_t errors;     /* writes that failed */
    uint64_t dropped;    /* alerts not kept: the disk failed and memory was full */
    uint64_t trimmed;    /* records that left by age or size */
    uint64_t lost;       /* of them, not acknowledged */
    uint64_t damaged;    /* records whose checksum is wrong */
};

struct bytes { /* borrowed */
    const char *data;
    size_t len;
};

struct record { /* one alert as it was kept */
    uint64_t number;   /* grows by one for each alert of the spool's life */
    int64_t stored_ms; /* wall clock */
    bool update;
    uint8_t severity;
    struct bytes id, incident, category, rule, json;
    size_t frame; /* bytes it takes in the spool */
};

struct entry_id { /* of an entry in a Redis stream: `<epoch>-<number>` */
    uint64_t epoch, number;
};

struct spool;
/* `config->spool_dir` "" is a temporary spool: not synced, deleted when all was acknowledged. `readable` is called
 * on the loop when there is more to read. NULL with a sentence in `error` only when another process uses the
 * directory; a directory that cannot be written is said in the log. */
struct spool *spool_open(struct event_base *base, const struct config *config, void (*readable)(void *user),
                         void *user, char *error, size_t error_len);
/* Writes what is gathered. A temporary spool with unacknowledged records stays and is named in the log. */
void spool_close(struct spool *spool);

void spool_append(struct spool *spool, const struct event_doc *event);
bool spool_ready(const struct spool *spool);   /* takes more without dropping */
bool spool_settled(const struct spool *spool); /* nothing waits to be written */
void spool_hurry(struct spool *spool);         /* writes what is gathered without waiting for more */

/* Reading: `spool_peek` gives the record at the cursor, `spool_step` moves past it. */
void spool_seek(struct spool *spool, uint64_t number);
bool spool_peek(struct spool *spool, struct record *record);
void spool_step(struct spool *spool);

uint64_t spool_first(const struct spool *spool); /* the oldest record it may hold */
uint64_t spool_end(const struct spool *spool);   /* one past the newest readable one */
uint64_t spool_acknowledged(const struct spool *spool);
/* Redis holds everything up to `number` and nothing after: may go back, when Redis lost something. */
void spool_acknowledge(struct spool *spool, uint64_t number);

/* Entry ids grow with the records. */
struct entry_id spool_entry_id(const struct spool *spool, uint64_t number);
/* The last record proved delivered by a stream whose last entry is `id`; false when that entry is not ours. */
bool spool_locate(const struct spool *spool, struct entry_id id, uint64_t *number);
/* The newest record whose entry id is below `id`; one before the first when there is none. */
uint64_t spool_below(const struct spool *spool, struct entry_id id);
/* From record `number` on, entry ids above `id`. */
void spool_begin_epoch(struct spool *spool, uint64_t number, struct entry_id id);

void spool_read_stats(const struct spool *spool, struct spool_stats *stats);

/* The command line's view of a directory, which a running sensor may be writing. */
struct spool_view {
    char sensor[256];
    bool in_use;            /* a sensor runs on it */
    size_t segments;
    uint64_t bytes, first, last; /* records; last < first when it is empty */
    uint64_t acknowledged;
    uint64_t damaged;
    int64_t oldest_ms, newest_ms;
};
/* Reads every record in order through `each` (NULL for none). False with a sentence in `error`. */
bool spool_look(const char *path, struct spool_view *view, void (*each)(void *user, const struct record *record),
                void *user, char *error, size_t error_len);

#endif
