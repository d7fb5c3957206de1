/* A spool's directory as the command line sees it: nothing is taken, nothing is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "spool_private.h"

static bool is_locked(int directory)
{
    int fd = openat(directory, LOCK_FILE, O_RDONLY | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return locked;
}

static void look_at(struct spool_view *view, struct segment_reader *reader,
                    void (*each)(void *user, const struct record *record), void *user)
{
    struct record record;
    while (segment_next(reader, UINT64_MAX, &record)) {
        if (view->last < view->first) {
            view->first = record.number;
            view->oldest_ms = record.stored_ms;
        }
        view->last = record.number;
        view->newest_ms = record.stored_ms;
        if (each)
            each(user, &record);
    }
}

bool spool_look(const char *path, struct spool_view *view, void (*each)(void *user, const struct record *record),
                void *user, char *error, size_t error_len)
{
    struct epochs epochs = {.items = NULL};
    struct segment_list list = {.items = NULL};
    struct segment_reader reader;
    *view = (struct spool_view){.first = 1};
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || !segment_list_read(&list, directory)) {
        snprintf(error, error_len, "%s: %m", path);
        if (directory >= 0)
            close(directory);
        return false;
    }
    if (epochs_load(&epochs, directory))
        snprintf(view->sensor, sizeof(view->sensor), "%s", epochs.sensor);
    view->in_use = is_locked(directory);
    view->acknowledged = spool_load_acknowledged(directory);
    view->segments = list.count;
    segment_reader_init(&reader);
    for (size_t i = 0; i < list.count; i++) {
        view->bytes += list.items[i].bytes;
        if (segment_open(&reader, directory, list.items[i].first))
            look_at(view, &reader, each, user);
    }
    view->damaged = reader.damaged;
    segment_reader_free(&reader);
    segment_list_free(&list);
    epochs_free(&epochs);
    close(directory);
    return true;
}
