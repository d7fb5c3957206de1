/* A fold is its length, then runs: a byte that says how many zeros (its high half) and how many other bytes (its low
 * half) follow, then the other bytes. A half that is full says that a count follows. */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

#define FULL 15
#define ZEROS_MAX (FULL + UINT16_MAX)
#define BYTES_MAX (FULL + UINT8_MAX)

struct folds {
    struct sized_pools *pools;
    size_t len; /* of the fold in the making; more than SIZED_MAX: too much was added */
    uint8_t bytes[SIZED_MAX];
};

struct folds *folds_new(struct mem *mem, enum mem_owner owner)
{
    struct folds *folds = calloc(1, sizeof(*folds));
    if (!folds)
        abort(); /* only at start */
    folds->pools = sized_pools_new(mem, owner);
    return folds;
}

void folds_free(struct folds *folds)
{
    if (!folds)
        return;
    sized_pools_free(folds->pools);
    free(folds);
}

void fold_begin(struct folds *folds)
{
    folds->len = sizeof(uint16_t);
}

static void put(struct folds *folds, const void *bytes, size_t len)
{
    if (folds->len + len <= SIZED_MAX)
        memcpy(folds->bytes + folds->len, bytes, len);
    folds->len += len;
}

static void put_run(struct folds *folds, size_t zeros, const uint8_t *bytes, size_t len)
{
    uint8_t head = (uint8_t)((zeros < FULL ? zeros : FULL) << 4 | (len < FULL ? len : FULL));
    uint16_t more_zeros = (uint16_t)(zeros - FULL);
    uint8_t more_bytes = (uint8_t)(len - FULL);
    put(folds, &head, 1);
    if (zeros >= FULL)
        put(folds, &more_zeros, sizeof(more_zeros));
    if (len >= FULL)
        put(folds, &more_bytes, 1);
    put(folds, bytes, len);
}

void fold_add(struct folds *folds, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    for (size_t at = 0; at < len && folds->len <= SIZED_MAX;) {
        size_t begin = at;
        while (at < len && !p[at] && at - begin < ZEROS_MAX)
            at++;
        size_t zeros = at - begin;
        begin = at;
        while (at < len && at - begin < BYTES_MAX && (p[at] || (at + 1 < len && p[at + 1]))) /* one zero alone stays */
            at++;
        put_run(folds, zeros, p + begin, at - begin);
    }
}

void *fold_end(struct folds *folds)
{
    uint16_t len = (uint16_t)folds->len;
    void *fold = sized_get(folds->pools, folds->len);
    if (!fold)
        return NULL;
    memcpy(folds->bytes, &len, sizeof(len));
    return memcpy(fold, folds->bytes, len);
}

void fold_drop(struct folds *folds, void *fold)
{
    uint16_t len;
    if (!fold)
        return;
    memcpy(&len, fold, sizeof(len));
    sized_put(folds->pools, fold, len);
}

struct unfold unfold_begin(const void *fold)
{
    return (struct unfold){(const uint8_t *)fold + sizeof(uint16_t)};
}

void unfold_take(struct unfold *from, void *bytes, size_t len)
{
    uint8_t *p = bytes;
    while (len) {
        uint8_t head = *from->at++;
        size_t zeros = head >> 4, n = head & FULL;
        if (zeros == FULL) {
            uint16_t more;
            memcpy(&more, from->at, sizeof(more));
            from->at += sizeof(more);
            zeros += more;
        }
        if (n == FULL)
            n += *from->at++;
        memset(p, 0, zeros);
        memcpy(p + zeros, from->at, n);
        from->at += n;
        p += zeros + n;
        len -= zeros + n;
    }
}
