/* The epoch table of a spool and its file. */
#include "epochs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record.h"

#define STATE_FILE "state"
#define STATE_FRESH "state.new"

void epochs_free(struct epochs *epochs)
{
    free(epochs->items);
    epochs->items = NULL;
    epochs->count = 0;
}

static void append(struct epochs *epochs, uint64_t first, uint64_t epoch)
{
    struct epoch *items = realloc(epochs->items, (epochs->count + 1) * sizeof(*items));
    if (!items)
        abort(); /* some bytes, at start */
    epochs->items = items;
    epochs->items[epochs->count++] = (struct epoch){first, epoch};
}

bool epochs_load(struct epochs *epochs, int directory)
{
    int fd = openat(directory, STATE_FILE, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    char line[320];
    bool good = file != NULL;
    epochs_free(epochs);
    while (good && fgets(line, sizeof(line), file)) {
        uint64_t first, epoch;
        const struct epoch *last = epochs->count ? &epochs->items[epochs->count - 1] : NULL;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "sensor ", 7) == 0)
            snprintf(epochs->sensor, sizeof(epochs->sensor), "%.255s", line + 7);
        else if (sscanf(line, "epoch %" SCNu64 " %" SCNu64, &first, &epoch) == 2 &&
                 first <= RECORD_NUMBER_MAX && epoch <= RECORD_NUMBER_MAX &&
                 (!last || (first > last->first && epoch > last->epoch)))
            append(epochs, first, epoch);
        else
            good = false;
    }
    if (file)
        fclose(file);
    if (!good)
        epochs_free(epochs);
    return good;
}

bool epochs_save(const struct epochs *epochs, int directory)
{
    int fd = openat(directory, STATE_FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        return false;
    fprintf(file, "sensor %s\n", epochs->sensor);
    for (size_t i = 0; i < epochs->count; i++)
        fprintf(file, "epoch %" PRIu64 " %" PRIu64 "\n", epochs->items[i].first, epochs->items[i].epoch);
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
    good = fclose(file) == 0 && good;
    return good && renameat(directory, STATE_FRESH, directory, STATE_FILE) == 0 && fsync(directory) == 0;
}

void epochs_begin(struct epochs *epochs, uint64_t first, uint64_t at_least)
{
    uint64_t above = epochs->count ? epochs->items[epochs->count - 1].epoch + 1 : 0;
    while (epochs->count && epochs->items[epochs->count - 1].first >= first)
        epochs->count--;
    append(epochs, first, at_least > above ? at_least : above);
}

uint64_t epochs_of(const struct epochs *epochs, uint64_t record)
{
    for (size_t i = epochs->count; i > 0; i--) {
        if (epochs->items[i - 1].first <= record)
            return epochs->items[i - 1].epoch;
    }
    return 0;
}

bool epochs_locate(const struct epochs *epochs, struct entry_id id, uint64_t *record)
{
    for (size_t i = 0; i < epochs->count; i++) {
        if (epochs->items[i].epoch != id.epoch)
            continue;
        uint64_t last = i + 1 < epochs->count ? epochs->items[i + 1].first - 1 : UINT64_MAX;
        *record = id.number < last ? id.number : last;
        return true;
    }
    return false;
}

void epochs_trim(struct epochs *epochs, uint64_t first)
{
    size_t gone = 0;
    while (gone + 1 < epochs->count && epochs->items[gone + 1].first <= first)
        gone++;
    if (gone) {
        memmove(epochs->items, epochs->items + gone, (epochs->count - gone) * sizeof(*epochs->items));
        epochs->count -= gone;
    }
}
