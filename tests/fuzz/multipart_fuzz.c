/* Framed bodies: byte 0 picks the type, byte 1 how the rest is cut. However a body is cut, the same
 * parts come out of it, unless a coding inside is damaged: where a decoder notices depends on the
 * cut. With a byte range lost nothing breaks; of a body with no part every byte is in the one
 * object. */
#include "../unit/object/record.h"

static const char *const types[] = {"multipart/form-data; boundary=b",
                                    "multipart/mixed; boundary=\"b b\"",
                                    "multipart/mixed",
                                    "message/rfc822",
                                    "multipart/digest; boundary=b",
                                    "multipart/related; boundary=b2",
                                    "application/x-www-form-urlencoded",
                                    "application/grpc"};

static void run(struct recorder *r, const char *type, const uint8_t *data, size_t len, size_t piece,
                size_t gap_at, uint64_t gap)
{
    struct object *object = begin(r, type, NULL);
    assert_non_null(object);
    size_t first = gap_at < len ? gap_at : len;
    feed_all(r, object, data, first, piece);
    if (gap_at < len)
        object_gap(r->env, object, gap);
    feed_all(r, object, data + first, len - first, piece);
    object_end(r->env, object, OBJECT_CLOSED);
}

static bool any_damaged(const struct recorder *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (r->seen[i].damaged)
            return true;
    }
    return false;
}

static void compare(const struct recorder *whole, const struct recorder *cut)
{
    if (any_damaged(whole) || any_damaged(cut))
        return;
    assert_int_equal(whole->count, cut->count);
    for (unsigned i = 0; i < whole->count; i++) {
        const struct seen *a = &whole->seen[i], *b = &cut->seen[i];
        assert_int_equal(a->state, b->state);
        assert_string_equal(a->path, b->path);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->type, b->type);
        assert_bytes(b, a->data, a->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 2, 5, 97};
    if (size < 3)
        return 0;
    const char *type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
    const struct object_limits limits = {16 << 10, 4, 50};
    struct recorder *whole = recorder_new(&limits, 0), *cut = recorder_new(&limits, 0);
    if (size > 600)
        size = 600; /* fewer parts than the recorder has places */
    run(whole, type, data + 2, size - 2, 0, SIZE_MAX, 0);
    run(cut, type, data + 2, size - 2, pieces[data[1] & 3], SIZE_MAX, 0);
    compare(whole, cut);
    recorder_clear(cut);
    run(cut, type, data + 2, size - 2, pieces[data[1] & 3], data[1] >> 2,
        1 + (uint64_t)data[1] * 100);
    recorder_free(whole);
    recorder_free(cut);
    return 0;
}
