/* What the spool's files share. */
#ifndef DLP_OUTPUT_SPOOL_PRIVATE_H
#define DLP_OUTPUT_SPOOL_PRIVATE_H

#include "disk.h"
#include "epochs.h"
#include "id_set.h"
#include "segment.h"
#include "spool.h"

#define COMMIT_RECORDS 256
#define COMMIT_BYTES (256u * 1024)
#define COMMIT_MS 5
#define CACHE_BYTES (8u << 20)       /* of written records that stay in memory for the sender */
#define MEMORY_BYTES (64u << 20)     /* of records no disk took yet */
#define SEGMENT_BYTES_MAX (64u << 20)
#define SEGMENT_BYTES_MIN (1u << 20)
#define LOCK_FILE "lock"
#define ACKNOWLEDGED_FILE "acknowledged"

enum chunk_state { CHUNK_GATHERING, CHUNK_CLOSED, CHUNK_WRITING, CHUNK_WRITTEN };

struct chunk { /* records that go to the disk together */
    struct chunk *next;
    enum chunk_state state;
    uint64_t first, last; /* records; last < first when it is empty */
    size_t len, cap;
    uint8_t *data;
};

struct cursor {
    uint64_t number;        /* the record to be read next */
    struct chunk *chunk;    /* where it is, when it is in memory: frame at chunk->data + at */
    size_t at;
    bool found;             /* `record` is the one at the cursor */
    struct record record;
};

struct spool {
    struct event_base *base;
    char *path;
    bool temporary;
    int directory, lock;      /* -1 when there is none */
    uint64_t max_bytes, segment_bytes;
    int64_t max_age_ms;
    struct spool_stats stats;
    struct epochs epochs;
    bool epochs_unsaved;
    struct id_set ids;
    struct segment_list segments;
    int64_t segment_begun_ms; /* of the newest segment */
    bool segment_ours;        /* it was begun by this run */
    struct chunk *oldest, *newest;
    size_t unwritten_bytes, written_bytes; /* in memory */
    uint64_t next;            /* number of the next alert */
    uint64_t readable;        /* records below may be read */
    uint64_t first;           /* the oldest record it may hold */
    uint64_t acknowledged;
    bool acknowledged_unsaved;
    struct cursor cursor;
    struct segment_reader reader;
    struct disk *disk;
    bool failing;
    int64_t complained_ms, complained_lost_ms;
    struct event *commit, *second; /* timers */
    void (*on_readable)(void *user);
    void *user;
};

int64_t spool_now_ms(void); /* wall clock: ages are for people */
/* Says what a disk did, once a minute. */
void spool_complain(struct spool *spool, const char *what, int failure);
void spool_complain_lost(struct spool *spool);

/* Chunks leave memory: written ones when they are acknowledged or too many, others only when Redis has them and
 * memory is short. */
void spool_forget_chunks(struct spool *spool);

/* spool_files.c */
bool spool_open_directory(struct spool *spool, const struct config *config, char *error, size_t error_len);
void spool_recover(struct spool *spool, const char *sensor);
void spool_close_directory(struct spool *spool);
uint64_t spool_load_acknowledged(int directory);
void spool_save_acknowledged(struct spool *spool);
/* The file that must go now, by age or size, or (`full`) because the disk has no room; false when none. */
bool spool_trim(struct spool *spool, bool full, char name[SEGMENT_NAME_MAX]);
/* Fills in where a chunk goes: the newest segment, or a new one. */
void spool_place(struct spool *spool, const struct chunk *chunk, struct disk_job *job);

#endif
