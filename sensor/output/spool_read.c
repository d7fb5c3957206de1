/* Reading the spool in order, from memory where a record is still there and from its file where not; and what
 * Redis has of it. */
#include "spool_private.h"

#include "log.h"

void spool_seek(struct spool *spool, uint64_t number)
{
    struct cursor *cursor = &spool->cursor;
    cursor->number = number > spool->first ? number : spool->first;
    cursor->chunk = NULL;
    cursor->found = false;
    if (spool->reader.fd >= 0) /* from the segment's first record again */
        segment_open(&spool->reader, spool->directory, spool->reader.first);
}

/* The record at the cursor, or the first after it, from a chunk in memory. */
static bool peek_chunk(struct spool *spool)
{
    struct cursor *cursor = &spool->cursor;
    if (!cursor->chunk || cursor->number < cursor->chunk->first || cursor->number > cursor->chunk->last) {
        struct chunk *chunk = spool->oldest;
        while (chunk && chunk->last < cursor->number)
            chunk = chunk->next;
        if (!chunk || chunk->first > cursor->number)
            return false;
        cursor->chunk = chunk;
        cursor->at = 0;
    }
    while (record_read(&cursor->record, cursor->chunk->data + cursor->at, cursor->chunk->len - cursor->at) ==
           RECORD_GOOD) {
        if (cursor->record.number == cursor->number)
            return true;
        cursor->at += cursor->record.frame;
    }
    return false;
}

/* The segment that holds `number`, or the first one after it. */
static const struct segment *segment_of(const struct spool *spool, uint64_t number)
{
    const struct segment *found = NULL;
    for (size_t i = 0; i < spool->segments.count; i++) {
        if (!found || spool->segments.items[i].first <= number)
            found = &spool->segments.items[i];
    }
    return found;
}

/* The same from a file. A segment that ends before the record (cut by a crash, or damaged) gives way to the next. */
static bool peek_file(struct spool *spool)
{
    struct cursor *cursor = &spool->cursor;
    const struct segment *segment = segment_of(spool, cursor->number);
    const struct segment *end = spool->segments.items + spool->segments.count;
    cursor->chunk = NULL;
    for (; segment && segment < end; segment++) {
        if ((spool->reader.fd < 0 || spool->reader.first != segment->first) &&
            !segment_open(&spool->reader, spool->directory, segment->first))
            continue;
        while (segment_next(&spool->reader, segment->bytes, &cursor->record)) {
            if (cursor->record.number >= cursor->number)
                return cursor->record.number < spool->readable;
        }
    }
    return false;
}

/* Where memory goes on after a hole in the files. */
static bool skip_to_memory(struct spool *spool)
{
    const struct chunk *chunk = spool->oldest;
    while (chunk && chunk->last < spool->cursor.number)
        chunk = chunk->next;
    if (!chunk || chunk->first >= spool->readable)
        return false;
    spool->cursor.number = chunk->first > spool->cursor.number ? chunk->first : spool->cursor.number;
    return true;
}

bool spool_peek(struct spool *spool, struct record *record)
{
    struct cursor *cursor = &spool->cursor;
    if (cursor->number < spool->first)
        spool_seek(spool, spool->first);
    if (cursor->number >= spool->readable)
        return false;
    if (!cursor->found)
        cursor->found = peek_chunk(spool) || peek_file(spool) || (skip_to_memory(spool) && peek_chunk(spool));
    if (!cursor->found) { /* nothing more can be read */
        cursor->number = spool->readable;
        return false;
    }
    cursor->number = cursor->record.number;
    *record = cursor->record;
    return true;
}

void spool_step(struct spool *spool)
{
    struct cursor *cursor = &spool->cursor;
    if (cursor->found && cursor->chunk)
        cursor->at += cursor->record.frame;
    cursor->number++;
    cursor->found = false;
}

uint64_t spool_first(const struct spool *spool)
{
    return spool->first;
}

uint64_t spool_end(const struct spool *spool)
{
    return spool->readable;
}

uint64_t spool_acknowledged(const struct spool *spool)
{
    return spool->acknowledged;
}

void spool_acknowledge(struct spool *spool, uint64_t number)
{
    if (number >= spool->next)
        number = spool->next - 1;
    spool->acknowledged_unsaved = spool->acknowledged_unsaved || number != spool->acknowledged;
    spool->acknowledged = number;
    spool_forget_chunks(spool);
}

struct entry_id spool_entry_id(const struct spool *spool, uint64_t number)
{
    return (struct entry_id){epochs_of(&spool->epochs, number), number};
}

bool spool_locate(const struct spool *spool, struct entry_id id, uint64_t *number)
{
    if (!epochs_locate(&spool->epochs, id, number))
        return false;
    if (*number >= spool->next)
        *number = spool->next - 1;
    return true;
}

uint64_t spool_below(const struct spool *spool, struct entry_id id)
{
    uint64_t low = spool->first, high = spool->next; /* the first record not below is in [low, high] */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (entry_id_above(id, spool_entry_id(spool, middle)))
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

void spool_begin_epoch(struct spool *spool, uint64_t number, struct entry_id id)
{
    uint64_t now = (uint64_t)spool_now_ms();
    epochs_begin(&spool->epochs, number, id.epoch >= now ? id.epoch + 1 : now);
    if (spool->directory >= 0 && !epochs_save(&spool->epochs, spool->directory))
        spool->epochs_unsaved = true;
    log_warning("redis: the stream holds an entry of somebody else's above ours; entry ids go on above it");
}
