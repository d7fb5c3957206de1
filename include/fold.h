/* Structs at rest. What a connection needs between two packets that lie seconds apart is mostly zeros: folded, the
 * zeros are left out, and what remains lies in an item of its own size. Unfolded it is the same, byte by byte, so
 * pointers in it stay good; nothing may point into what is folded away. One worker thread. */
#ifndef DLP_FOLD_H
#define DLP_FOLD_H

#include "mem.h"

struct folds;
struct folds *folds_new(struct mem *mem, enum mem_owner owner);
void folds_free(struct folds *folds); /* every fold must be back */

/* One fold at a time: begin, add, end. */
void fold_begin(struct folds *folds);
void fold_add(struct folds *folds, const void *bytes, size_t len);
void *fold_end(struct folds *folds); /* NULL when it is larger than SIZED_MAX or the budget refuses */
void fold_drop(struct folds *folds, void *fold);

/* Gives back what was added, in the same order and sizes. */
struct unfold {
    const uint8_t *at;
};
struct unfold unfold_begin(const void *fold);
void unfold_take(struct unfold *from, void *bytes, size_t len);

/* A pointer to a fold where a pointer to the struct stands otherwise: told apart by its lowest bit. */
static inline bool fold_is(const void *tagged)
{
    return (uintptr_t)tagged & 1;
}

static inline void *fold_tag(void *fold)
{
    return (char *)fold + 1;
}

static inline void *fold_of(void *tagged)
{
    return (char *)tagged - 1;
}

#endif
