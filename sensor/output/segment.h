/* The spool's files: `<first record, 20 digits>.spool`, a head of 16 bytes (magic, first record), then frames
 * (record.h) with growing numbers. A run begins a new one; what a crash left half written ends the file for
 * whoever reads it. */
#ifndef DLP_OUTPUT_SEGMENT_H
#define DLP_OUTPUT_SEGMENT_H

#include "record.h"

#define SEGMENT_HEAD 16
#define SEGMENT_NAME_MAX 32

struct segment {
    uint64_t first;    /* record */
    uint64_t bytes;    /* that may be read, head included */
    int64_t newest_ms; /* when the last record was stored */
};

struct segment_list {
    struct segment *items; /* oldest first */
    size_t count;
};

void segment_name(uint64_t first, char name[SEGMENT_NAME_MAX]);
void segment_head(uint64_t first, uint8_t head[SEGMENT_HEAD]);
/* The segments of a directory, by name; files without a segment's head are none. False with errno when it cannot be
 * read. */
bool segment_list_read(struct segment_list *list, int directory);
void segment_list_add(struct segment_list *list, uint64_t first, int64_t now_ms);
void segment_list_drop_oldest(struct segment_list *list);
void segment_list_free(struct segment_list *list);

struct segment_reader {
    int fd;
    uint64_t first;   /* of the segment that is open */
    uint64_t offset;  /* of buffer[0] in the file */
    uint64_t damaged; /* frames whose checksum was wrong, since the reader began */
    size_t at, len, cap;
    uint8_t *buffer;
};

void segment_reader_init(struct segment_reader *reader);
void segment_reader_free(struct segment_reader *reader);
/* False with errno. */
bool segment_open(struct segment_reader *reader, int directory, uint64_t first);
/* The next record among the file's first `limit` bytes; false at their end. It points into the reader's buffer and
 * holds until the next call. */
bool segment_next(struct segment_reader *reader, uint64_t limit, struct record *record);

#endif
