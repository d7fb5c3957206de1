/* A file whose pieces come with their offsets (SMB, NFS, HTTP ranges): put in order for the object sink. Bytes at the
 * place that is waited for pass on from where they lie; pieces ahead of it are held, within a bound, until the hole
 * is filled or the file ends, when what is missing becomes a gap.
 *
 * Bytes that come for a place that was passed on already are the same once more where the file is read. Where it is
 * written they are others: they make an object of their own, and the first one is not what the file is in the end. When
 * they replace all of it, they are the file. */
#ifndef DLP_APP_ASSEMBLY_H
#define DLP_APP_ASSEMBLY_H

#include "app.h"

#define ASSEMBLY_HELD_MAX (4u << 20) /* bytes ahead, for one file */
#define ASSEMBLY_RANGES_MAX 128

struct assembly_range {
    struct assembly_range *next;
    uint64_t at;
    struct buffer bytes;
};

struct assembly_memory { /* of all sessions of a worker */
    struct pool *ranges;
    struct buffer_heap *bytes;
};

struct assembly {
    struct object *object;
    bool begun;    /* the object was asked for */
    bool late;     /* it began at an offset other than 0 */
    bool missing;  /* a gap was passed on */
    uint64_t next; /* offset waited for */
    uint64_t end;  /* highest offset seen */
    struct assembly_range *ranges; /* ascending, none touching `next` */
    size_t held, count;
    bool repeats;        /* the caller's: what comes again is the same */
    struct object *again;
    bool rewritten, again_begun;
    uint64_t again_at, again_next;
};

void assembly_memory_open(struct assembly_memory *memory, struct mem *mem);
void assembly_memory_close(struct assembly_memory *memory);

/* How many bytes at the beginning of a write are the last page's once more, which caches send whole when it grew. */
uint32_t assembly_page_again(const struct assembly *file, uint64_t at, uint64_t len);
/* `info` begins the object when its first byte can be passed on. */
void assembly_write(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                    const struct object_info *info, uint64_t at, const uint8_t *data, size_t len);
/* These bytes were sent and not seen. */
void assembly_gap(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                  const struct object_info *info, uint64_t at, uint64_t len);
/* Passes on what is held and ends the object: whole when it was closed by its protocol, began at 0, misses nothing, and
 * reaches `size` (OBJECT_SIZE_UNKNOWN: any). The assembly is as new after it. */
void assembly_end(struct app_session *session, struct assembly_memory *memory, struct assembly *file,
                  const struct object_info *info, bool closed, uint64_t size);

#endif
