/* The spool's directory: taking it, finding what an earlier run left, trimming. */
#include "spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static void make_directories(const char *path)
{
    char *copy = strdup(path);
    for (char *slash = copy ? strchr(copy + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(copy, 0755);
        *slash = '/';
    }
    if (copy)
        mkdir(copy, 0700);
    free(copy);
}

static bool make_temporary(struct spool *spool)
{
    const char *parent = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof(path), "%s/dlp-spool-XXXXXX", parent && *parent ? parent : "/tmp");
    spool->temporary = true;
    bool made = mkdtemp(path) != NULL;
    spool->path = strdup(path);
    return made;
}

bool spool_open_directory(struct spool *spool, const struct config *config, char *error, size_t error_len)
{
    bool made = true;
    spool->max_bytes = (uint64_t)config->spool_max_mib << 20;
    spool->max_age_ms = config->spool_max_age_hours * 3600000;
    spool->segment_bytes = spool->max_bytes / 16;
    if (spool->segment_bytes > SEGMENT_BYTES_MAX)
        spool->segment_bytes = SEGMENT_BYTES_MAX;
    if (spool->segment_bytes < SEGMENT_BYTES_MIN)
        spool->segment_bytes = SEGMENT_BYTES_MIN;
    if (!config->spool_dir[0]) {
        made = make_temporary(spool);
    } else {
        spool->path = strdup(config->spool_dir);
        make_directories(config->spool_dir);
    }
    if (!spool->path)
        abort(); /* only at start */
    spool->directory = made ? open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    spool->lock = spool->directory < 0
                      ? -1
                      : openat(spool->directory, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (spool->lock < 0) {
        spool_complain(spool, "cannot be used", errno);
        spool->stats.errors++;
        if (spool->directory >= 0)
            close(spool->directory);
        spool->directory = -1;
        return true;
    }
    if (flock(spool->lock, LOCK_EX | LOCK_NB) != 0) {
        snprintf(error, error_len, "spool.dir %s: another dlp-sensor is using it", spool->path);
        close(spool->lock);
        close(spool->directory);
        return false;
    }
    return true;
}

uint64_t spool_load_acknowledged(int directory)
{
    char text[32] = "";
    int fd = openat(directory, ACKNOWLEDGED_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    uint64_t number = n > 0 ? strtoull(text, NULL, 10) : 0;
    return number < RECORD_NUMBER_MAX ? number : 0;
}

void spool_save_acknowledged(struct spool *spool)
{
    char text[32];
    if (!spool->acknowledged_unsaved)
        return;
    int fd = openat(spool->directory, ACKNOWLEDGED_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int n = snprintf(text, sizeof(text), "%020" PRIu64 "\n", spool->acknowledged);
    if (fd >= 0 && pwrite(fd, text, (size_t)n, 0) == n)
        spool->acknowledged_unsaved = false;
    if (fd >= 0)
        close(fd);
}

/* Reads the newest segments back until the id set is full; learns the last record's number. */
static void read_back(struct spool *spool)
{
    struct segment_reader reader;
    struct record record;
    const struct segment_list *list = &spool->segments;
    size_t from = list->count;
    while (from > 0 && (from == list->count || spool->next == 1 ||
                        list->items[list->count - 1].first - list->items[from - 1].first < ID_SET_MAX))
        from--;
    segment_reader_init(&reader);
    for (size_t i = from; i < list->count; i++) {
        if (!segment_open(&reader, spool->directory, list->items[i].first))
            continue;
        if (list->items[i].first > spool->next)
            spool->next = list->items[i].first;
        while (segment_next(&reader, UINT64_MAX, &record)) {
            if (record.number < spool->next)
                continue; /* numbers grow; anything else is damage */
            id_set_seen(&spool->ids, record.id.data, record.update, record.number);
            spool->next = record.number + 1;
        }
    }
    spool->stats.damaged = reader.damaged;
    segment_reader_free(&reader);
    if (list->count && list->items[list->count - 1].first == spool->next) { /* a crash left it without a record */
        char name[SEGMENT_NAME_MAX];
        segment_name(spool->next, name);
        unlinkat(spool->directory, name, 0);
        spool->segments.count--;
    }
}

void spool_recover(struct spool *spool, const char *sensor)
{
    spool->next = 1;
    if (spool->directory >= 0) {
        epochs_load(&spool->epochs, spool->directory);
        segment_list_read(&spool->segments, spool->directory);
        spool->acknowledged = spool_load_acknowledged(spool->directory);
        read_back(spool);
    }
    /* Numbers go on although every record may be gone. */
    if (spool->epochs.count && spool->next < spool->epochs.items[spool->epochs.count - 1].first)
        spool->next = spool->epochs.items[spool->epochs.count - 1].first;
    if (spool->next <= spool->acknowledged)
        spool->next = spool->acknowledged + 1;
    spool->readable = spool->next;
    spool->first = spool->segments.count ? spool->segments.items[0].first : spool->next;
    for (size_t i = 0; i < spool->segments.count; i++)
        spool->stats.bytes += spool->segments.items[i].bytes;
    if (spool->acknowledged + 1 < spool->first)
        spool->acknowledged = spool->first - 1;
    epochs_trim(&spool->epochs, spool->first);
    epochs_begin(&spool->epochs, spool->next, (uint64_t)spool_now_ms());
    snprintf(spool->epochs.sensor, sizeof(spool->epochs.sensor), "%.255s", sensor);
    if (spool->directory >= 0 && !epochs_save(&spool->epochs, spool->directory)) {
        spool_complain(spool, "state", errno);
        spool->epochs_unsaved = true;
    }
    spool_seek(spool, spool->first);
}

/* A temporary spool goes when nothing in it waits; else it stays, and its name is said. */
static void close_temporary(struct spool *spool)
{
    char name[SEGMENT_NAME_MAX];
    uint64_t waiting = spool->next - 1 - spool->acknowledged;
    if (waiting) {
        log_warning("%" PRIu64 " alerts wait in %s: `dlp-sensor spool resend --spool %s` sends them", waiting,
                    spool->path, spool->path);
        return;
    }
    for (size_t i = 0; i < spool->segments.count; i++) {
        segment_name(spool->segments.items[i].first, name);
        unlinkat(spool->directory, name, 0);
    }
    unlinkat(spool->directory, ACKNOWLEDGED_FILE, 0);
    unlinkat(spool->directory, "state", 0);
    unlinkat(spool->directory, LOCK_FILE, 0);
    rmdir(spool->path);
}

void spool_close_directory(struct spool *spool)
{
    if (spool->directory < 0)
        return;
    spool_save_acknowledged(spool);
    if (spool->temporary)
        close_temporary(spool);
    close(spool->lock);
    close(spool->directory);
}

bool spool_trim(struct spool *spool, bool full, char name[SEGMENT_NAME_MAX])
{
    const struct segment *oldest = spool->segments.items;
    bool only = spool->segments.count == 1;
    if (spool->segments.count == 0 || (only && spool->unwritten_bytes))
        return false;
    uint64_t end = only ? spool->next : oldest[1].first;
    bool delivered = end <= spool->acknowledged + 1;
    bool old = oldest->newest_ms < spool_now_ms() - spool->max_age_ms;
    bool large = !only && (spool->stats.bytes > spool->max_bytes || (full && delivered));
    if (!old && !large)
        return false;
    segment_name(oldest->first, name);
    spool->stats.trimmed += end - oldest->first;
    if (!delivered) {
        uint64_t kept = spool->acknowledged + 1 > oldest->first ? spool->acknowledged + 1 : oldest->first;
        spool->stats.lost += end - kept;
        spool->acknowledged = end - 1;
        spool->acknowledged_unsaved = true;
        spool_complain_lost(spool);
    }
    spool->stats.bytes -= oldest->bytes;
    segment_list_drop_oldest(&spool->segments);
    spool->segment_ours = spool->segment_ours && !only;
    spool->first = end;
    id_set_forget_below(&spool->ids, end);
    if (spool->epochs.count > 1 && spool->epochs.items[1].first <= end) {
        epochs_trim(&spool->epochs, end);
        spool->epochs_unsaved = true;
    }
    return true;
}

void spool_place(struct spool *spool, const struct chunk *chunk, struct disk_job *job)
{
    int64_t now = spool_now_ms();
    struct segment_list *list = &spool->segments;
    const struct segment *newest = list->count ? &list->items[list->count - 1] : NULL;
    if (!spool->segment_ours || !newest || newest->bytes >= spool->segment_bytes ||
        (newest->bytes && now - spool->segment_begun_ms > spool->max_age_ms / 24)) {
        segment_list_add(list, chunk->first, now);
        newest = &list->items[list->count - 1];
        spool->segment_begun_ms = now;
        spool->segment_ours = true;
    }
    segment_head(newest->first, job->head);
    segment_name(newest->first, job->name);
    job->offset = newest->bytes;
    job->head_len = SEGMENT_HEAD;
}
