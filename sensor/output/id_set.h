/* The alerts the spool holds, by dlp.id, so that what a second run over the same capture finds again is not
 * kept twice. Holds the newest ID_SET_MAX; older ones count as unknown. Output thread. */
#ifndef DLP_OUTPUT_ID_SET_H
#define DLP_OUTPUT_ID_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_SET_MAX (1u << 20)

struct id_slot {
    uint64_t key[2];
    uint64_t number; /* record; 0 is an empty slot */
};

struct id_set {
    struct id_slot *slots;
    size_t capacity, used; /* capacity is a power of two, used counts stale slots too */
    uint64_t oldest;       /* records below this are no longer in the spool */
};

void id_set_free(struct id_set *set);
/* True when the spool has it already. Otherwise remembers it as record `number`; numbers grow. */
bool id_set_seen(struct id_set *set, const char id[32], bool update, uint64_t number);
bool id_set_has(const struct id_set *set, const char id[32], bool update);
void id_set_forget_below(struct id_set *set, uint64_t number);

#endif
