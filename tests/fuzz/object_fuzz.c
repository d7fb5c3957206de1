/* A script of begins, bytes, gaps, names and ends over a few handles, under small limits and a
 * ceiling that moves. Every observer call is checked by the recorder; in the end all memory is
 * back. */
#include "../unit/object/record.h"

#define HANDLES 6

struct handle {
    struct object *object;
    unsigned parent; /* HANDLES: none */
};

static void end_with_children(struct recorder *r, struct handle *handles, unsigned i)
{
    for (unsigned k = 0; k < HANDLES; k++) {
        if (handles[k].object && handles[k].parent == i && k != i) {
            handles[i].parent = HANDLES; /* no way back up */
            end_with_children(r, handles, k);
        }
    }
    object_end(r->env, handles[i].object, OBJECT_CLOSED);
    handles[i].object = NULL;
}

static void begin_one(struct recorder *r, struct handle *handles, unsigned i, uint8_t how)
{
    static const char *const types[] = {"", "multipart/mixed; boundary=b", "image/jpeg",
                                        "message/rfc822"};
    static const char *const encodings[] = {"", "gzip", "base64", "deflate, quoted-printable"};
    static const uint64_t sizes[] = {OBJECT_SIZE_UNKNOWN, 100, UINT64_MAX - 1, 0};
    unsigned parent = (how >> 6) + 1u;
    bool has_parent =
        how & 32 && parent != i && handles[parent].object && handles[parent].parent == HANDLES;
    const char *type = types[how & 3], *encoding = encodings[how >> 2 & 3];
    const struct object_info info = {.declared_type = {type, strlen(type)},
                                     .encoding = {encoding, strlen(encoding)},
                                     .parent = has_parent ? handles[parent].object : NULL,
                                     .path = how & 16 ? "step" : NULL,
                                     .expected_size = sizes[how >> 3 & 3]};
    handles[i].object = object_begin(r->env, &info);
    handles[i].parent = has_parent ? parent : HANDLES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct handle handles[HANDLES] = {0};
    const struct object_limits limits = {8 << 10, 3, 20};
    struct recorder *r = recorder_new(&limits, 0);
    for (size_t at = 0; at + 3 <= size && r->count < SEEN_MAX - 10;) {
        uint8_t what = data[at], a = data[at + 1], b = data[at + 2];
        unsigned i = what % HANDLES;
        struct object *object = handles[i].object;
        at += 3;
        if (!object) {
            begin_one(r, handles, i, a);
            continue;
        }
        size_t n = (size_t)(a & 15) << (b & 7);
        switch (what >> 5) {
        case 0:
            object_gap(r->env, object, (uint64_t)a << (b & 47));
            break;
        case 1:
            end_with_children(r, handles, i);
            break;
        case 2:
            r->mem.ceiling = b & 1 ? r->mem.total + (size_t)a * 64 : 0;
            break;
        case 3:
            object_set_name(object, (const char *)data, size < 300 ? size : 300);
            break;
        default:
            n = n < size - at ? n : size - at;
            feed(r, object, data + at, n);
            at += what & 32 ? n : 0;
        }
    }
    r->mem.ceiling = 0;
    for (unsigned i = 0; i < HANDLES; i++) {
        if (handles[i].object)
            end_with_children(r, handles, i);
    }
    recorder_free(r);
    return 0;
}
