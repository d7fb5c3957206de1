/* Which epoch each record of the spool belongs to. An entry id in Redis is `<epoch>-<record>`; records only grow,
 * and so do epochs, so ids do. A new epoch begins with every run (a run whose disk was full may have sent records
 * that the spool never held: their numbers come again, their ids must not) and wherever somebody else's entry
 * stands above ours in the stream.
 *
 * Kept in the spool's file `state`: a line `sensor NAME`, then a line `epoch FIRST-RECORD EPOCH` each. */
#ifndef DLP_OUTPUT_EPOCHS_H
#define DLP_OUTPUT_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool.h"

struct epoch {
    uint64_t first; /* record */
    uint64_t epoch; /* milliseconds since 1970 when it began, or more */
};

struct epochs {
    char sensor[256];
    struct epoch *items; /* growing in both members */
    size_t count;
};

static inline bool entry_id_above(struct entry_id a, struct entry_id b)
{
    return a.epoch != b.epoch ? a.epoch > b.epoch : a.number > b.number;
}

void epochs_free(struct epochs *epochs);
/* False when there is no file or it is damaged; then there are none. */
bool epochs_load(struct epochs *epochs, int directory);
/* Writes the file anew, whole or not at all, down to the disk. False with errno. */
bool epochs_save(const struct epochs *epochs, int directory);
/* From record `first` on (it and all later ones), an epoch of at least `at_least`. */
void epochs_begin(struct epochs *epochs, uint64_t first, uint64_t at_least);
uint64_t epochs_of(const struct epochs *epochs, uint64_t record);
/* The last record that an entry of ours with this id proves delivered; false when the id is nobody's of ours. */
bool epochs_locate(const struct epochs *epochs, struct entry_id id, uint64_t *record);
/* Epochs that no record from `first` on belongs to are forgotten. */
void epochs_trim(struct epochs *epochs, uint64_t first);

#endif
