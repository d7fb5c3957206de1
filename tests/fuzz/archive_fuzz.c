/* Archives of any shape: however the bytes are cut, the same members come out of one that nothing is wrong with; with a
 * gap in it, nothing breaks. */
#include "../unit/object/record.h"

static void run(struct recorder *r, const uint8_t *data, size_t len, size_t piece, size_t gap_at)
{
    struct object *object = begin(r, NULL, NULL);
    assert_non_null(object);
    size_t first = gap_at < len ? gap_at : len;
    feed_all(r, object, data, first, piece);
    if (gap_at < len)
        object_gap(r->env, object, 1 + (uint64_t)data[gap_at] * 8);
    feed_all(r, object, data + first, len - first, piece);
    object_end(r->env, object, OBJECT_CLOSED);
}

static bool any_damaged(const struct recorder *r)
{
    bool damaged = false;
    for (unsigned i = 0; i < r->count; i++)
        damaged |= r->seen[i].damaged;
    return damaged;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 3, 40, 513};
    if (size < 2)
        return 0;
    if (size > 1800)
        size = 1800; /* fewer members than the recorder has places */
    const struct object_limits limits = {64 << 10, 5, 30};
    struct recorder *whole = recorder_new(&limits, 0), *cut = recorder_new(&limits, 0);
    run(whole, data + 1, size - 1, 0, SIZE_MAX);
    run(cut, data + 1, size - 1, pieces[data[0] & 3], SIZE_MAX);
    if (!any_damaged(whole) && !any_damaged(cut)) {
        assert_int_equal(whole->count, cut->count);
        for (unsigned i = 0; i < whole->count; i++) {
            assert_string_equal(whole->seen[i].path, cut->seen[i].path);
            assert_int_equal(whole->seen[i].state, cut->seen[i].state);
            assert_bytes(&cut->seen[i], whole->seen[i].data, whole->seen[i].len);
        }
    }
    recorder_clear(cut);
    run(cut, data + 1, size - 1, pieces[data[0] & 3], (size_t)(data[0] >> 2) * 16);
    recorder_free(whole);
    recorder_free(cut);
    return 0;
}
