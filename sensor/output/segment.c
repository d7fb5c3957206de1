/* Segment files: names, listing, reading in order. */
#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "DLPSPL01"
#define BLOCK_BYTES (256u * 1024)

void segment_name(uint64_t first, char name[SEGMENT_NAME_MAX])
{
    snprintf(name, SEGMENT_NAME_MAX, "%020" PRIu64 ".spool", first);
}

void segment_head(uint64_t first, uint8_t head[SEGMENT_HEAD])
{
    memcpy(head, MAGIC, 8);
    store_u64(head + 8, first);
}

static int by_first(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void append(struct segment_list *list, struct segment segment)
{
    struct segment *items = realloc(list->items, (list->count + 1) * sizeof(*items));
    if (!items)
        abort(); /* some bytes */
    list->items = items;
    list->items[list->count++] = segment;
}

void segment_list_add(struct segment_list *list, uint64_t first, int64_t now_ms)
{
    append(list, (struct segment){first, 0, now_ms});
}

void segment_list_drop_oldest(struct segment_list *list)
{
    memmove(list->items, list->items + 1, (list->count - 1) * sizeof(*list->items));
    list->count--;
}

void segment_list_free(struct segment_list *list)
{
    free(list->items);
    *list = (struct segment_list){0};
}

static bool has_head(int directory, uint64_t first)
{
    struct segment_reader reader;
    segment_reader_init(&reader);
    bool good = segment_open(&reader, directory, first);
    segment_reader_free(&reader);
    return good;
}

bool segment_list_read(struct segment_list *list, int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    segment_list_free(list);
    if (!dir)
        return false;
    while ((entry = readdir(dir))) {
        struct stat st;
        char name[SEGMENT_NAME_MAX];
        uint64_t first = strtoull(entry->d_name, NULL, 10);
        segment_name(first, name);
        if (strcmp(entry->d_name, name) != 0 || first == 0 || first > RECORD_NUMBER_MAX ||
            !has_head(directory, first) || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        append(list, (struct segment){first, (uint64_t)st.st_size,
                                      st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000});
    }
    closedir(dir);
    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), by_first);
    return true;
}

void segment_reader_init(struct segment_reader *reader)
{
    *reader = (struct segment_reader){.fd = -1};
}

void segment_reader_free(struct segment_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->buffer);
    segment_reader_init(reader);
}

bool segment_open(struct segment_reader *reader, int directory, uint64_t first)
{
    char name[SEGMENT_NAME_MAX];
    uint8_t head[SEGMENT_HEAD], expected[SEGMENT_HEAD];
    segment_name(first, name);
    segment_head(first, expected);
    if (reader->fd >= 0)
        close(reader->fd);
    reader->at = reader->len = 0;
    reader->offset = SEGMENT_HEAD;
    reader->first = first;
    reader->fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (reader->fd < 0)
        return false;
    ssize_t n = pread(reader->fd, head, sizeof(head), 0);
    if (n == SEGMENT_HEAD && memcmp(head, expected, sizeof(head)) == 0)
        return true;
    if (n >= 0)
        errno = EBADMSG;
    close(reader->fd);
    reader->fd = -1;
    return false;
}

/* More bytes behind those at hand, moved to the buffer's beginning; false at the end. */
static bool refill(struct segment_reader *reader, uint64_t limit)
{
    if (reader->at)
        memmove(reader->buffer, reader->buffer + reader->at, reader->len - reader->at);
    reader->offset += reader->at;
    reader->len -= reader->at;
    reader->at = 0;
    if (reader->cap - reader->len < BLOCK_BYTES) {
        uint8_t *buffer = realloc(reader->buffer, reader->len + BLOCK_BYTES);
        if (!buffer)
            return false;
        reader->buffer = buffer;
        reader->cap = reader->len + BLOCK_BYTES;
    }
    uint64_t from = reader->offset + reader->len;
    size_t want = reader->cap - reader->len;
    if (from >= limit)
        return false;
    if (want > limit - from)
        want = (size_t)(limit - from);
    ssize_t n = pread(reader->fd, reader->buffer + reader->len, want, (off_t)from);
    if (n <= 0)
        return false;
    reader->len += (size_t)n;
    return true;
}

bool segment_next(struct segment_reader *reader, uint64_t limit, struct record *record)
{
    while (reader->fd >= 0) {
        switch (record_read(record, reader->buffer ? reader->buffer + reader->at : NULL, reader->len - reader->at)) {
        case RECORD_GOOD:
            reader->at += record->frame;
            return true;
        case RECORD_BROKEN:
            reader->damaged++;
            reader->at += record->frame;
            break;
        case RECORD_SHORT:
            if (!refill(reader, limit))
                return false;
            break;
        case RECORD_LOST:
            return false;
        }
    }
    return false;
}
