/* Coded bodies: byte 0 picks the list of codings, byte 1 how the rest is cut. However it is cut,
 * the same bytes come out of a body that is whole, and all memory comes back. */
#include "../unit/object/record.h"

#define PIECES 4

static const char *const encodings[] = {
    "gzip",       "deflate",          "br",         "zstd",         "base64",
    "uuencode",   "quoted-printable", "gzip, br",   "gzip, base64", "base64, quoted-printable",
    "zstd, gzip", "deflate,deflate",  "br, base64", "uuencode,gzip", "aws-chunked",
    "gzip, aws-chunked", "yenc"};

static void run(struct recorder *r, const char *encoding, const uint8_t *data, size_t len,
                size_t piece, size_t gap_at)
{
    struct object *object = begin(r, NULL, encoding);
    if (!object)
        return;
    size_t first = gap_at < len ? gap_at : len;
    feed_all(r, object, data, first, piece);
    if (gap_at < len)
        object_gap(r->env, object, 1 + (uint64_t)data[gap_at] * data[gap_at]);
    feed_all(r, object, data + first, len - first, piece);
    object_end(r->env, object, OBJECT_CLOSED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[PIECES] = {1, 3, 100, 1460};
    if (size < 2)
        return 0;
    const char *encoding = encodings[data[0] % (sizeof(encodings) / sizeof(encodings[0]))];
    const struct object_limits limits = {64 << 10, 4, 50};
    struct recorder *whole = recorder_new(&limits, data[1] & 128 ? 700 << 10 : 0);
    struct recorder *cut = recorder_new(&limits, 0);
    run(whole, encoding, data + 2, size - 2, 0, SIZE_MAX);
    run(cut, encoding, data + 2, size - 2, pieces[data[1] % PIECES],
        data[1] & 64 ? size / 2 : SIZE_MAX);
    if (whole->count == 1 && cut->count == 1 && whole->seen[0].state == OBJECT_CLOSED &&
        cut->seen[0].state == OBJECT_CLOSED)
        assert_bytes(&cut->seen[0], whole->seen[0].data, whole->seen[0].len);
    recorder_free(whole);
    recorder_free(cut);
    return 0;
}
