/* Alerts gather in chunks; one chunk at a time goes to the disk; what is there may be read. */
#include "spool_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define COMPLAIN_MS 60000

int64_t spool_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_time(int64_t *last_ms)
{
    int64_t now = spool_now_ms();
    if (now - *last_ms < COMPLAIN_MS)
        return false;
    *last_ms = now;
    return true;
}

void spool_complain(struct spool *spool, const char *what, int failure)
{
    if (is_time(&spool->complained_ms))
        log_error("spool %s: %s: %s; alerts are held in memory", spool->path, what, strerror(failure));
}

void spool_complain_lost(struct spool *spool)
{
    if (is_time(&spool->complained_lost_ms))
        log_error("spool %s: %" PRIu64 " alerts so far left by age or size before Redis took them", spool->path,
                  spool->stats.lost);
}

static void chunk_free(struct spool *spool, struct chunk *chunk)
{
    if (spool->cursor.chunk == chunk) {
        spool->cursor.chunk = NULL;
        spool->cursor.found = false;
    }
    if (chunk->state == CHUNK_WRITTEN)
        spool->written_bytes -= chunk->len;
    else
        spool->unwritten_bytes -= chunk->len;
    free(chunk->data);
    free(chunk);
}

void spool_forget_chunks(struct spool *spool)
{
    while (spool->oldest) {
        struct chunk *chunk = spool->oldest;
        bool delivered = chunk->last <= spool->acknowledged;
        bool written = chunk->state == CHUNK_WRITTEN && (delivered || spool->written_bytes > CACHE_BYTES);
        bool spared = chunk->state == CHUNK_CLOSED && delivered &&
                      (spool->directory < 0 || spool->unwritten_bytes > MEMORY_BYTES / 2);
        if (!written && !spared)
            return;
        spool->oldest = chunk->next;
        if (!spool->oldest)
            spool->newest = NULL;
        chunk_free(spool, chunk);
    }
}

static struct chunk *first_in(const struct spool *spool, enum chunk_state state)
{
    struct chunk *chunk = spool->oldest;
    while (chunk && chunk->state != state)
        chunk = chunk->next;
    return chunk;
}

static void now_readable(struct spool *spool, uint64_t end)
{
    if (end <= spool->readable)
        return;
    spool->readable = end;
    spool->on_readable(spool->user);
}

/* With a disk that fails, alerts are sent from memory: late on disk is better than late in Redis. */
static void make_closed_readable(struct spool *spool)
{
    uint64_t end = spool->readable;
    for (const struct chunk *chunk = spool->oldest; chunk && chunk->state != CHUNK_GATHERING; chunk = chunk->next)
        end = chunk->last + 1;
    now_readable(spool, end);
}

/* Gives the disk its next job, when it has none. `full`: only together with a file that goes. */
static void work(struct spool *spool, bool full)
{
    struct disk_job job = {.directory = spool->directory};
    if (spool->directory < 0) {
        make_closed_readable(spool);
        spool_forget_chunks(spool);
        return;
    }
    if (!disk_idle(spool->disk))
        return;
    bool remove = spool_trim(spool, full, job.remove);
    if (full && !remove)
        return;
    struct chunk *chunk = spool->failing && !full ? NULL : first_in(spool, CHUNK_CLOSED);
    if (chunk) {
        spool_place(spool, chunk, &job);
        job.data = chunk->data;
        job.len = chunk->len;
        chunk->state = CHUNK_WRITING;
    }
    if (remove || chunk)
        disk_submit(spool->disk, &job);
}

static void on_done(void *user, const struct disk_job *job)
{
    struct spool *spool = user;
    struct chunk *chunk = first_in(spool, CHUNK_WRITING);
    bool was_failing = spool->failing;
    spool->failing = job->failure != 0;
    if (job->failure) {
        if (chunk)
            chunk->state = CHUNK_CLOSED;
        spool->stats.errors++;
        spool_complain(spool, job->name[0] ? job->name : job->remove, job->failure);
        make_closed_readable(spool);
        spool_forget_chunks(spool);
        if (job->failure == ENOSPC && !job->remove[0])
            work(spool, true);
        return; /* the timer tries again */
    }
    if (was_failing)
        log_info("spool %s: written again", spool->path);
    if (chunk) {
        struct segment *segment = &spool->segments.items[spool->segments.count - 1];
        segment->bytes = job->offset + (job->offset ? 0 : job->head_len) + job->len;
        segment->newest_ms = spool_now_ms();
        spool->stats.bytes += (job->offset ? 0 : job->head_len) + job->len;
        chunk->state = CHUNK_WRITTEN;
        spool->unwritten_bytes -= chunk->len;
        spool->written_bytes += chunk->len;
        now_readable(spool, chunk->last + 1);
    }
    spool_forget_chunks(spool);
    work(spool, false);
}

void spool_hurry(struct spool *spool)
{
    struct chunk *chunk = spool->newest;
    if (!chunk || chunk->state != CHUNK_GATHERING)
        return;
    chunk->state = CHUNK_CLOSED;
    event_del(spool->commit);
    if (spool->failing || spool->directory < 0)
        make_closed_readable(spool);
    work(spool, false);
}

static void on_commit(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    spool_hurry(user);
}

static void on_second(evutil_socket_t fd, short what, void *user)
{
    struct spool *spool = user;
    (void)fd;
    (void)what;
    spool->failing = false; /* try again */
    if (spool->directory >= 0) {
        spool_save_acknowledged(spool);
        if (spool->epochs_unsaved)
            spool->epochs_unsaved = !epochs_save(&spool->epochs, spool->directory);
    }
    work(spool, false);
}

struct spool *spool_open(struct event_base *base, const struct config *config, void (*readable)(void *user),
                         void *user, char *error, size_t error_len)
{
    struct spool *spool = calloc(1, sizeof(*spool));
    if (!spool)
        abort(); /* only at start */
    spool->base = base;
    spool->on_readable = readable;
    spool->user = user;
    spool->directory = spool->lock = -1;
    segment_reader_init(&spool->reader);
    if (!spool_open_directory(spool, config, error, error_len)) {
        free(spool->path);
        free(spool);
        return NULL;
    }
    spool_recover(spool, config->sensor_name);
    spool->disk = disk_new(base, !spool->temporary, on_done, spool);
    spool->commit = event_new(base, -1, 0, on_commit, spool);
    spool->second = event_new(base, -1, EV_PERSIST, on_second, spool);
    event_add(spool->second, &(struct timeval){1, 0});
    return spool;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    spool_hurry(spool);
    for (int turn = 0; turn < 1000 && !spool_settled(spool) && !spool->failing && spool->directory >= 0; turn++)
        event_base_loop(spool->base, EVLOOP_ONCE); /* the second timer bounds each turn */
    disk_free(spool->disk);
    event_free(spool->commit);
    event_free(spool->second);
    spool_close_directory(spool);
    while (spool->oldest) {
        struct chunk *chunk = spool->oldest;
        spool->oldest = chunk->next;
        chunk_free(spool, chunk);
    }
    segment_reader_free(&spool->reader);
    segment_list_free(&spool->segments);
    id_set_free(&spool->ids);
    epochs_free(&spool->epochs);
    free(spool->path);
    free(spool);
}

/* The chunk that gathers, with room for `size` bytes; NULL when memory is out. */
static struct chunk *gathering(struct spool *spool, size_t size)
{
    struct chunk *chunk = spool->newest;
    if (!chunk || chunk->state != CHUNK_GATHERING) {
        chunk = calloc(1, sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->first = spool->next;
        chunk->last = spool->next - 1;
        if (spool->newest)
            spool->newest->next = chunk;
        else
            spool->oldest = chunk;
        spool->newest = chunk;
        event_add(spool->commit, &(struct timeval){0, COMMIT_MS * 1000});
    }
    if (chunk->cap - chunk->len < size) {
        size_t cap = chunk->cap * 2 > chunk->len + size ? chunk->cap * 2 : chunk->len + size;
        uint8_t *data = realloc(chunk->data, cap);
        if (!data)
            return NULL;
        chunk->data = data;
        chunk->cap = cap;
    }
    return chunk;
}

void spool_append(struct spool *spool, const struct event_doc *event)
{
    size_t size = record_size(event);
    if (size > RECORD_MAX || spool->unwritten_bytes + size > MEMORY_BYTES) {
        spool->stats.dropped++;
        spool_complain(spool, "memory is full as well; alerts are lost", ENOBUFS);
        return;
    }
    if (id_set_seen(&spool->ids, event->id, event->update, spool->next)) {
        spool->stats.duplicates++;
        return;
    }
    struct chunk *chunk = gathering(spool, size);
    if (!chunk) {
        spool->stats.dropped++;
        return;
    }
    record_write(chunk->data + chunk->len, event, spool->next, spool_now_ms());
    chunk->len += size;
    chunk->last = spool->next++;
    spool->unwritten_bytes += size;
    spool->stats.appended++;
    if (chunk->last - chunk->first + 1 >= COMMIT_RECORDS || chunk->len >= COMMIT_BYTES)
        spool_hurry(spool);
}

bool spool_ready(const struct spool *spool)
{
    return spool->failing || spool->directory < 0 || spool->unwritten_bytes < MEMORY_BYTES / 2;
}

bool spool_settled(const struct spool *spool)
{
    return spool->readable == spool->next && (spool->unwritten_bytes == 0 || spool->failing || spool->directory < 0);
}

void spool_read_stats(const struct spool *spool, struct spool_stats *stats)
{
    *stats = spool->stats;
    stats->waiting = spool->next - 1 - spool->acknowledged;
    stats->damaged += spool->reader.damaged;
}
