/* A directory: every capture below it, in name order, as one input. Files that are no captures are
 * passed over by their content; a damaged capture is read up to its damage and remembered. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"

struct entry {
    char *path;
    uint64_t size;
};

struct directory {
    struct entry *entries;
    size_t count, room;
    size_t next;                /* the entry to open when `file` is NULL */
    struct capture *file;       /* the capture that is read now */
    uint64_t done, total;       /* bytes of entries left behind, and of all */
    struct capture_stats stats; /* of files left behind */
    unsigned damaged;
};

static bool is_capture(const char *path)
{
    char error[1024];
    const uint8_t *bytes;
    struct input *input = input_open(path, error, sizeof(error));
    if (!input)
        return false;
    size_t len = input_peek(input, &bytes);
    bool yes = capture_recognise(bytes, len) != NULL;
    input_close(input);
    return yes;
}

static void add(struct directory *directory, const char *path, uint64_t size)
{
    if (directory->count == directory->room) {
        size_t room = directory->room ? directory->room * 2 : 64;
        struct entry *entries = realloc(directory->entries, room * sizeof(*entries));
        if (!entries)
            abort(); /* only at start */
        directory->entries = entries;
        directory->room = room;
    }
    char *copy = strdup(path);
    if (!copy)
        abort(); /* only at start */
    struct entry *entry = &directory->entries[directory->count++];
    entry->path = copy;
    entry->size = size;
    directory->total += size;
}

static void note_damage(struct capture *capture, const char *message)
{
    struct directory *directory = capture->state;
    if (directory->damaged++ == 0)
        snprintf(capture->error, sizeof(capture->error), "%s", message);
}

static void note_unreadable(struct capture *capture, const char *path, int reason)
{
    char message[1024];
    snprintf(message, sizeof(message), "%s: %s", path, strerror(reason));
    note_damage(capture, message);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void walk(struct capture *capture, FTS *tree)
{
    FTSENT *entry;
    while ((entry = fts_read(tree))) {
        struct stat st;
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            note_unreadable(capture, entry->fts_path, entry->fts_errno);
        /* A link to a file counts as the file; a link to a directory is not followed, so no loop.
         */
        if (entry->fts_info != FTS_F && entry->fts_info != FTS_SL)
            continue;
        if (stat(entry->fts_accpath, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
            continue;
        if (is_capture(entry->fts_accpath))
            add(capture->state, entry->fts_path, (uint64_t)st.st_size);
    }
}

static bool directory_open(struct capture *capture)
{
    struct directory *directory = calloc(1, sizeof(*directory));
    char *roots[] = {(char *)(uintptr_t)capture->path, NULL}; /* fts_open writes to neither */
    if (!directory)
        abort(); /* only at start */
    capture->state = directory;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!tree) {
        snprintf(capture->error, sizeof(capture->error), "%s: %s", capture->path, strerror(errno));
        return false;
    }
    walk(capture, tree);
    fts_close(tree);
    if (directory->count == 0 && directory->damaged == 0)
        snprintf(capture->error, sizeof(capture->error), "%s: no pcap or pcapng capture below it",
                 capture->path);
    return directory->count > 0;
}

static void leave_file(struct directory *directory)
{
    struct capture_stats stats;
    capture_read_stats(directory->file, &stats);
    directory->stats.filtered_packets += stats.filtered_packets;
    directory->stats.filtered_bytes += stats.filtered_bytes;
    directory->done += directory->entries[directory->next++].size;
    capture_close(directory->file);
    directory->file = NULL;
}

static enum capture_result finish(struct capture *capture)
{
    struct directory *directory = capture->state;
    if (!directory->damaged)
        return CAPTURE_END;
    size_t used = strlen(capture->error);
    if (directory->damaged > 1)
        snprintf(capture->error + used, sizeof(capture->error) - used,
                 " (and %u more files below %s could not be read to their end)",
                 directory->damaged - 1, capture->path);
    directory->damaged = 1; /* said once */
    return CAPTURE_BAD;
}

static enum capture_result directory_dispatch(struct capture *capture, int budget)
{
    struct directory *directory = capture->state;
    char error[1024];
    while (!directory->file) {
        if (directory->next == directory->count)
            return finish(capture);
        const struct entry *entry = &directory->entries[directory->next];
        directory->file = capture_open_file(entry->path, capture, error, sizeof(error));
        if (!directory->file) {
            note_damage(capture, error);
            directory->done += entry->size;
            directory->next++;
        }
    }
    enum capture_result result =
        capture_dispatch(directory->file, budget, capture->fn, capture->user);
    if (result == CAPTURE_BAD)
        note_damage(capture, capture_error(directory->file));
    if (result != CAPTURE_MORE)
        leave_file(directory);
    return CAPTURE_MORE;
}

static void directory_read_stats(struct capture *capture)
{
    struct directory *directory = capture->state;
    capture->stats = directory->stats;
    if (directory->file) {
        capture->stats.filtered_packets += directory->file->stats.filtered_packets;
        capture->stats.filtered_bytes += directory->file->stats.filtered_bytes;
    }
}

static void directory_progress(const struct capture *capture, uint64_t *done, uint64_t *total)
{
    const struct directory *directory = capture->state;
    uint64_t file_done = 0, file_total;
    if (directory->file)
        capture_progress(directory->file, &file_done, &file_total);
    *done = directory->done + file_done;
    *total = directory->total;
}

static void directory_close(struct capture *capture)
{
    struct directory *directory = capture->state;
    if (!directory)
        return;
    capture_close(directory->file);
    for (size_t i = 0; i < directory->count; i++)
        free(directory->entries[i].path);
    free(directory->entries);
    free(directory);
}

const struct source_ops source_directory = {
    .name = "directory",
    .open = directory_open,
    .dispatch = directory_dispatch,
    .read_stats = directory_read_stats,
    .progress = directory_progress,
    .close = directory_close,
};
