/* zip (PKWARE APPNOTE 6.3) read from front to back: local headers, never the directory at the end,
 * so members come out while the archive is still being sent. Stored, deflated and zstandard members
 * are opened; a member that is encrypted or packed another way is an object of its coded bytes,
 * never called whole.
 *
 * A member without a declared size (flag bit 3) ends where its deflate stream does, or, stored, at
 * a data descriptor whose size agrees. Between records every signature is looked for, so a gap or
 * junk costs what it covers. Names, extra fields and directory entries are passed over up to
 * VARIABLE_MAX bytes; what is longer is content. */
#include <string.h>

#include "archive.h"
#include "cursor.h"
#include "env.h"

#define LOCAL_FIXED 30
#define CENTRAL_FIXED 46
#define END_FIXED 22
#define DESCRIPTOR_FIXED 16
#define VARIABLE_MAX 1024
#define FLAG_ENCRYPTED 1
#define FLAG_DESCRIPTOR 8
#define SIZE_IN_EXTRA 0xffffffffu

enum state { SEARCH, RECORD, LOCAL_REST, MEMBER, SKIP };

struct zip {
    struct container container;
    enum state state;
    uint64_t left;            /* MEMBER: bytes of the member; SKIP: bytes to pass over */
    bool endless;             /* MEMBER in SEARCH: its size was not declared */
    uint16_t want, fixed_len; /* RECORD: bytes of the record's fixed part, and those that came */
    uint16_t name_len, extra_len; /* LOCAL_REST: as declared */
    uint32_t rest_len;            /* bytes of both that came */
    uint8_t fixed[CENTRAL_FIXED]; /* signature first */
    char name[OBJECT_NAME_MAX];
    uint8_t extra[VARIABLE_MAX];
    struct member member;
    struct stray stray;
};

static bool zip_sniff(const uint8_t *head, size_t len)
{
    (void)len;
    return memcmp(head, "PK\3\4", 4) == 0;
}

/* The fixed part's length of the record that a signature begins; 0: it is none. */
static uint16_t record_length(const uint8_t *signature)
{
    static const struct {
        uint8_t type[2];
        uint16_t len;
    } records[] = {{{3, 4}, LOCAL_FIXED}, {{1, 2}, CENTRAL_FIXED},
                   {{5, 6}, END_FIXED},   {{7, 8}, DESCRIPTOR_FIXED},
                   {{6, 6}, 12},          {{6, 7}, 20}};
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        if (memcmp(signature + 2, records[i].type, 2) == 0)
            return records[i].len;
    }
    return 0;
}

/* Bytes between records: of the member whose end is being looked for, or of nobody. */
static void pass(struct zip *z, const uint8_t *data, size_t len)
{
    if (!len)
        return;
    if (z->member.open)
        member_data(&z->member, &z->stray, data, len);
    else
        stray_data(&z->stray, &z->container, "zip", data, len);
}

/* Looks for "PK" and a known record; its first bytes gather in `fixed`. */
static size_t search(struct zip *z, const uint8_t *data, size_t len)
{
    if (z->fixed_len) { /* began in the call before */
        z->fixed[z->fixed_len++] = data[0];
        bool fits = z->fixed_len == 2 ? data[0] == 'K' : true;
        if (fits && z->fixed_len < 4)
            return 1;
        if (fits && (z->want = record_length(z->fixed))) {
            z->state = RECORD;
            return 1;
        }
        size_t held = z->fixed_len - 1u; /* the last byte may begin another */
        z->fixed_len = 0;
        pass(z, z->fixed, held);
        return 0;
    }
    const uint8_t *p = memchr(data, 'P', len);
    size_t before = p ? (size_t)(p - data) : len;
    pass(z, data, before);
    if (!p)
        return len;
    z->fixed[0] = 'P';
    z->fixed_len = 1;
    return before + 1;
}

static void skip(struct zip *z, uint64_t len)
{
    z->left = len <= VARIABLE_MAX ? len : 0; /* longer: content, and found to be between records */
    z->state = z->left ? SKIP : SEARCH;
}

/* The sizes of a member, from a zip64 extra field (4.5.3) where the header says so. */
static void read_sizes(const struct zip *z, uint64_t *size, uint64_t *packed)
{
    struct cursor fixed = cursor_over(z->fixed + 18, 8);
    *packed = cursor_le32(&fixed);
    *size = cursor_le32(&fixed);
    struct cursor extra =
        cursor_over(z->extra, z->extra_len < VARIABLE_MAX ? z->extra_len : VARIABLE_MAX);
    while (cursor_left(&extra) >= 4) {
        uint16_t id = cursor_le16(&extra), len = cursor_le16(&extra);
        const uint8_t *field = cursor_take(&extra, len);
        if (!field || id != 1)
            continue;
        struct cursor sizes = cursor_over(field, len);
        if (*size == SIZE_IN_EXTRA)
            *size = cursor_le64(&sizes);
        if (*packed == SIZE_IN_EXTRA)
            *packed = cursor_le64(&sizes);
    }
}

static void begin_member(struct zip *z)
{
    struct cursor fixed = cursor_over(z->fixed + 6, 4);
    uint16_t flags = cursor_le16(&fixed), method = cursor_le16(&fixed);
    uint64_t size, packed;
    read_sizes(z, &size, &packed);
    bool encrypted = flags & FLAG_ENCRYPTED;
    const char *encoding = encrypted || !method ? NULL
                           : method == 8        ? "deflate-raw"
                           : method == 93       ? "zstd"
                                                : NULL;
    bool undeclared = flags & FLAG_DESCRIPTOR && !packed;
    member_open(&z->member, &z->container, "zip", z->name,
                z->name_len < sizeof(z->name) ? z->name_len : sizeof(z->name), encoding);
    z->member.damaged |= encrypted || (method && !encoding);
    if (!undeclared && !encrypted && (encoding || !method))
        z->member.expected_size = size;
    if (encrypted)
        z->container.router->encrypted = true;
    z->left = undeclared ? UINT64_MAX : packed;
    z->endless = undeclared && !encoding;
    z->state = z->endless ? SEARCH : MEMBER;
    if (!z->left) {
        member_end(&z->member, OBJECT_CLOSED);
        z->state = SEARCH;
    }
}

/* A stored member of unknown size ended here, unless the descriptor disagrees: then it was content.
 */
static bool ends_endless(struct zip *z)
{
    struct cursor sizes = cursor_over(z->fixed + 8, 4);
    return cursor_le32(&sizes) == (uint32_t)z->member.bytes;
}

/* A record's fixed part is here. */
static void take_record(struct zip *z)
{
    uint8_t kind = z->fixed[2];
    struct cursor at28 = cursor_over(z->fixed + 28, 6), at26 = cursor_over(z->fixed + 26, 4);
    struct cursor at20 = cursor_over(z->fixed + 20, 2), at4 = cursor_over(z->fixed + 4, 8);
    uint16_t len = z->fixed_len;
    z->fixed_len = 0;
    z->state = SEARCH;
    if (z->member.open && kind == 7 && !ends_endless(z)) {
        pass(z, z->fixed, len);
        return;
    }
    member_end(&z->member, kind == 7 ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    stray_end(&z->stray, OBJECT_CLOSED);
    switch (kind) {
    case 3:
        z->name_len = cursor_le16(&at26);
        z->extra_len = cursor_le16(&at26);
        z->rest_len = 0;
        z->state = LOCAL_REST;
        break;
    case 1:
        skip(z, (uint64_t)cursor_le16(&at28) + cursor_le16(&at28) + cursor_le16(&at28));
        break;
    case 5:
        skip(z, cursor_le16(&at20));
        break;
    case 6:
        if (z->want == 12)
            skip(z, cursor_le64(&at4));
        break;
    default: /* a descriptor with sizes of 8 bytes has 8 more, which are filling */
        break;
    }
}

static size_t fixed_bytes(struct zip *z, const uint8_t *data, size_t len)
{
    size_t left = (size_t)z->want - z->fixed_len, n = left < len ? left : len;
    memcpy(z->fixed + z->fixed_len, data, n);
    z->fixed_len = (uint16_t)(z->fixed_len + n);
    if (n == left)
        take_record(z);
    return n;
}

/* Name and extra field, each kept as far as there is room; what is longer is content. */
static size_t rest_bytes(struct zip *z, const uint8_t *data, size_t len)
{
    bool in_name = z->rest_len < z->name_len;
    uint32_t at = in_name ? z->rest_len : z->rest_len - z->name_len;
    uint32_t end = in_name ? z->name_len : z->extra_len,
             room = in_name ? sizeof(z->name) : VARIABLE_MAX;
    size_t n = end - at < len ? end - at : len;
    size_t kept = at >= room ? 0 : n < room - at ? n : room - at;
    if (kept)
        memcpy(in_name ? (uint8_t *)z->name + at : z->extra + at, data, kept);
    stray_data(&z->stray, &z->container, "zip", data + kept, n - kept);
    z->rest_len += (uint32_t)n;
    if (z->rest_len == (uint32_t)z->name_len + z->extra_len)
        begin_member(z);
    return n;
}

static size_t member_bytes(struct zip *z, const uint8_t *data, size_t len)
{
    size_t n = z->left < len ? (size_t)z->left : len;
    size_t used = member_data(&z->member, &z->stray, data, n);
    bool declared = z->left != UINT64_MAX;
    if (declared && used < n) /* the coded stream is shorter than the member */
        stray_data(&z->stray, &z->container, "zip", data + used, n - used);
    if (!declared && (used < n || member_ended(&z->member))) {
        member_end(&z->member, OBJECT_CLOSED);
        z->state = SEARCH;
        return used;
    }
    if (declared)
        z->left -= n;
    if (!z->left) {
        member_end(&z->member, OBJECT_CLOSED);
        z->state = SEARCH;
    }
    return n;
}

static void zip_data(struct container *container, const uint8_t *data, size_t len)
{
    struct zip *z = (struct zip *)container;
    while (len) {
        size_t n = 0;
        switch (z->state) {
        case SEARCH:
            n = search(z, data, len);
            break;
        case RECORD:
            n = fixed_bytes(z, data, len);
            break;
        case LOCAL_REST:
            n = rest_bytes(z, data, len);
            break;
        case MEMBER:
            n = member_bytes(z, data, len);
            break;
        case SKIP:
            n = z->left < len ? (size_t)z->left : len;
            z->left -= n;
            if (!z->left)
                z->state = SEARCH;
            break;
        }
        data += n;
        len -= n;
    }
}

/* Inside a member of known size the way is known; anywhere else the next signature is. */
static void zip_gap(struct container *container, uint64_t len)
{
    struct zip *z = (struct zip *)container;
    if (z->state == MEMBER && z->left != UINT64_MAX) {
        uint64_t inside = len < z->left ? len : z->left;
        member_gap(&z->member, inside);
        z->left -= inside;
        len -= inside;
        if (z->left)
            return;
        member_end(&z->member, OBJECT_CLOSED);
    }
    if (z->state == SEARCH)
        pass(z, z->fixed, z->fixed_len);
    if (z->state == SEARCH && z->member.open) {
        member_gap(&z->member, len);
    } else {
        member_end(&z->member, OBJECT_TRUNCATED);
        if (len)
            stray_gap(&z->stray, len);
    }
    z->fixed_len = 0;
    z->state = SEARCH;
}

static void zip_end(struct container *container, enum object_state state)
{
    struct zip *z = (struct zip *)container;
    if (z->state == SEARCH)
        pass(z, z->fixed, z->fixed_len);
    member_end(&z->member, OBJECT_TRUNCATED);
    stray_end(&z->stray, state);
}

const struct container_ops container_zip = {
    .sniff = zip_sniff,
    .head_len = 4,
    .state_size = sizeof(struct zip),
    .data = zip_data,
    .gap = zip_gap,
    .end = zip_end,
};
