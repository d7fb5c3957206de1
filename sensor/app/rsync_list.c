/* rsync's file list: names and sizes of what may be transferred. Transfers name a file by its index in the list as
 * both sides sort it, so it is sorted here as well. With incremental recursion every directory has a list of its own,
 * and indexes go on from one to the next; of very many, those that were passed are forgotten. */
#include <sys/stat.h>

#include "rsync.h"

enum {
    SAME_MODE = 1 << 1,
    SAME_DEVICE_27 = 1 << 2,
    EXTENDED = 1 << 2,
    SAME_USER = 1 << 3,
    SAME_GROUP = 1 << 4,
    SAME_NAME = 1 << 5,
    LONG_NAME = 1 << 6,
    SAME_TIME = 1 << 7,
    SAME_MAJOR = 1 << 8,
    HARD_LINK = 1 << 9,
    SAME_DEVICE = 1 << 10, /* before 30 */
    USER_NAME = 1 << 10,
    MINOR_8 = 1 << 11, /* before 30 */
    GROUP_NAME = 1 << 11,
    HARD_LINK_FIRST = 1 << 12,
    END_WITH_ERROR = 1 << 12,
    NANOSECONDS = 1 << 13,
    SAME_ATIME = 1 << 14,
    BIRTH_IS_MTIME = 1 << 17,
};
enum { ACL_USER = 1, ACL_GROUP = 2, ACL_MASK = 4, ACL_OTHER = 8, ACL_NAMES = 16 };

#define XATTR_FULL 32   /* longer values are abbreviated to a digest */
#define XATTR_DIGEST 16
#define ITEMS_MAX 4096  /* of one list inside an entry */

static struct buffer_heap *heap_of(struct app_session *session)
{
    struct rsync_shared *shared = app_shared(session, &app_rsync);
    return shared->heap;
}

/* ---- what was read ---- */

static struct rsync_entry *entries(const struct rsync_list *list)
{
    return (struct rsync_entry *)(void *)list->entries.data;
}

static struct rsync_segment *segments(const struct rsync_list *list)
{
    return (struct rsync_segment *)(void *)list->segments.data;
}

static uint32_t entry_count(const struct rsync_list *list)
{
    return (uint32_t)(list->entries.len / sizeof(struct rsync_entry));
}

static uint32_t segment_count(const struct rsync_list *list)
{
    return (uint32_t)(list->segments.len / sizeof(struct rsync_segment));
}

/* Which segment holds the index; the last one that begins at or before it. */
static uint32_t segment_of(const struct rsync_list *list, uint32_t index)
{
    uint32_t low = 0, high = segment_count(list);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (segments(list)[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const struct rsync_entry *rsync_list_find(struct rsync *rsync, uint32_t index)
{
    const struct rsync_list *list = &rsync->list;
    if (!segment_count(list))
        return NULL;
    const struct rsync_segment *segment = &segments(list)[segment_of(list, index)];
    if (index < segment->first || index - segment->first >= segment->count)
        return NULL;
    return &entries(list)[segment->at + index - segment->first];
}

/* Lists before the one whose files are being sent, when they are more than half of what is kept. */
static void forget_passed(struct rsync *rsync)
{
    struct rsync_list *list = &rsync->list;
    uint32_t keep = segment_count(list) ? segment_of(list, rsync->index) : 0;
    uint32_t drop = keep ? segments(list)[keep].at : 0;
    if (drop < entry_count(list) / 2 || !drop)
        return;
    uint32_t left = entry_count(list) - drop;
    uint32_t names = left ? UINT32_MAX : (uint32_t)list->names.len;
    memmove(entries(list), entries(list) + drop, left * sizeof(struct rsync_entry));
    list->entries.len = left * sizeof(struct rsync_entry);
    for (uint32_t i = 0; i < left; i++)
        names = entries(list)[i].name < names ? entries(list)[i].name : names;
    for (uint32_t i = 0; i < left; i++)
        entries(list)[i].name -= names;
    memmove(list->names.data, list->names.data + names, list->names.len - names);
    list->names.len -= names;
    uint32_t rest = segment_count(list) - keep;
    memmove(segments(list), segments(list) + keep, rest * sizeof(struct rsync_segment));
    list->segments.len = rest * sizeof(struct rsync_segment);
    for (uint32_t i = 0; i < rest; i++)
        segments(list)[i].at -= drop;
}

static bool is_full(const struct rsync_list *list)
{
    return list->names.len + list->entries.len + list->segments.len > RSYNC_LIST_BYTES;
}

void rsync_list_begin(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    struct rsync_list *list = &rsync->list;
    if (!list->lists++)
        list->next = rsync->incremental ? 1 : 0;
    if (list->names.len + list->entries.len > RSYNC_LIST_BYTES / 2)
        forget_passed(rsync);
    list->count = 0;
    const struct rsync_segment segment = {list->next, entry_count(list), 0};
    list->open = !is_full(list) && buffer_append(heap_of(session), &list->segments, &segment, sizeof(segment));
}

static void keep(struct app_session *session, uint64_t size)
{
    struct rsync *rsync = app_state(session);
    struct rsync_list *list = &rsync->list;
    const struct rsync_entry entry = {size, (uint32_t)list->names.len, list->count++, list->last_len, list->mode};
    if (!list->open)
        return;
    struct rsync_segment *segment = &segments(list)[segment_count(list) - 1];
    list->open = !is_full(list) && buffer_append(heap_of(session), &list->names, list->last, list->last_len) &&
                 buffer_append(heap_of(session), &list->entries, &entry, sizeof(entry));
    segment->count = list->open ? segment->count + 1 : 0; /* the order of a part is not the order of all */
}

void rsync_list_close(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    buffer_release(heap_of(session), &rsync->list.names);
    buffer_release(heap_of(session), &rsync->list.entries);
    buffer_release(heap_of(session), &rsync->list.segments);
}

/* ---- the order both sides sort by ---- */

struct place {
    const uint8_t *at, *end;
    bool directory;
};

struct step { /* one component of a path; a directory's, or one on the way, ends with a slash */
    const uint8_t *at;
    size_t len;
    bool path;
};

static bool next_step(struct place *place, struct step *step)
{
    if (!place->at)
        return false;
    size_t left = (size_t)(place->end - place->at);
    const uint8_t *slash = left ? memchr(place->at, '/', left) : NULL;
    step->at = place->at;
    step->len = slash ? (size_t)(slash - place->at) : left;
    step->path = slash || place->directory;
    place->at = slash ? slash + 1 : NULL;
    if (!slash && step->path && step->len == 1 && step->at[0] == '.')
        *step = (struct step){step->at, 0, false}; /* "." itself comes before what is in it */
    return true;
}

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t n = a_len < b_len ? a_len : b_len;
    int order = n ? memcmp(a, b, n) : 0;
    return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* Since protocol 29 the files of a directory stand before its directories. */
static int compare(const struct rsync *rsync, const struct rsync_entry *one, const struct rsync_entry *other)
{
    const uint8_t *names = rsync->list.names.data;
    struct place a = {names + one->name, names + one->name + one->name_len, S_ISDIR(one->mode)};
    struct place b = {names + other->name, names + other->name + other->name_len, S_ISDIR(other->mode)};
    struct step x, y;
    if (rsync->protocol < 29) {
        int order = compare_bytes(a.at, one->name_len, b.at, other->name_len);
        return order ? order : one->arrival < other->arrival ? -1 : 1;
    }
    for (;;) {
        bool more_a = next_step(&a, &x), more_b = next_step(&b, &y);
        if (!more_a || !more_b)
            return more_a ? 1 : more_b ? -1 : one->arrival < other->arrival ? -1 : 1;
        if (x.path != y.path)
            return x.path ? 1 : -1;
        size_t n = x.len < y.len ? x.len : y.len;
        int order = n ? memcmp(x.at, y.at, n) : 0;
        if (order)
            return order;
        if (x.len != y.len) { /* the shorter one is followed by its slash, or by nothing */
            int end = x.path ? '/' : 0;
            return x.len < y.len ? (end < y.at[n] ? -1 : 1) : (x.at[n] < end ? -1 : 1);
        }
    }
}

static void sift(const struct rsync *rsync, struct rsync_entry *heap, uint32_t from, uint32_t count)
{
    struct rsync_entry item = heap[from];
    for (uint32_t child; (child = 2 * from + 1) < count; from = child) {
        if (child + 1 < count && compare(rsync, &heap[child], &heap[child + 1]) < 0)
            child++;
        if (compare(rsync, &item, &heap[child]) >= 0)
            break;
        heap[from] = heap[child];
    }
    heap[from] = item;
}

/* By a heap: in place, and never worse than n log n whatever the sender chose. */
static void sort_list(struct rsync *rsync)
{
    const struct rsync_list *list = &rsync->list;
    const struct rsync_segment *segment = &segments(list)[segment_count(list) - 1];
    if (!segment->count)
        return;
    struct rsync_entry *heap = entries(list) + segment->at;
    for (uint32_t i = segment->count / 2; i-- > 0;)
        sift(rsync, heap, i, segment->count);
    for (uint32_t left = segment->count; left > 1; left--) {
        struct rsync_entry largest = heap[0];
        heap[0] = heap[left - 1];
        heap[left - 1] = largest;
        sift(rsync, heap, 0, left - 1);
    }
}

static void end_list(struct rsync *rsync, struct rsync_side *side)
{
    struct rsync_list *list = &rsync->list;
    const struct rsync_options *options = &rsync->options;
    if (list->open)
        sort_list(rsync);
    list->open = false;
    list->next += list->count + 1;
    rsync->groups = !(options->user || options->acls);
    bool ids = !rsync->incremental && !options->numeric && (!rsync->groups || options->group);
    side->stage = ids ? RSYNC_IDS : rsync->protocol < 30 ? RSYNC_IO_ERROR : RSYNC_INDEX;
}

/* ---- the format ---- */

static void skip_acl(struct cursor *c)
{
    if (rsync_varint(c)) /* one that was sent before */
        return;
    uint8_t flags = cursor_u8(c);
    for (unsigned bit = ACL_USER; bit <= ACL_OTHER; bit <<= 1) {
        if (flags & bit)
            rsync_varint(c);
    }
    uint32_t count = flags & ACL_NAMES ? rsync_varint(c) : 0;
    for (uint32_t i = 0; i < count && i < ITEMS_MAX && !c->bad; i++) {
        rsync_varint(c);
        if (rsync_varint(c) & 1)
            cursor_skip(c, cursor_u8(c));
    }
}

static void skip_xattrs(struct cursor *c)
{
    if (rsync_varint(c))
        return;
    uint32_t count = rsync_varint(c);
    for (uint32_t i = 0; i < count && i < ITEMS_MAX && !c->bad; i++) {
        uint32_t name = rsync_varint(c), value = rsync_varint(c);
        cursor_skip(c, name);
        cursor_skip(c, value > XATTR_FULL ? XATTR_DIGEST : value);
    }
}

static void skip_device(const struct rsync *rsync, uint32_t flags, struct cursor *c)
{
    if (rsync->protocol < 28) {
        cursor_skip(c, flags & SAME_DEVICE_27 ? 0 : 4);
        return;
    }
    if (!(flags & SAME_MAJOR))
        rsync_int30(rsync, c);
    if (rsync->protocol >= 30)
        rsync_varint(c);
    else
        cursor_skip(c, flags & MINOR_8 ? 1 : 4);
}

static void skip_owner(const struct rsync *rsync, bool sent, bool named, struct cursor *c)
{
    if (!sent)
        return;
    if (rsync->protocol < 30) {
        cursor_skip(c, 4);
        return;
    }
    rsync_varint(c);
    if (named)
        cursor_skip(c, cursor_u8(c));
}

static bool is_device(unsigned mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

/* What stands behind the name of an entry that is no repeated hard link. */
static uint64_t read_rest(const struct rsync *rsync, uint32_t flags, uint16_t *mode, struct cursor *c)
{
    const struct rsync_options *options = &rsync->options;
    bool new = rsync->protocol >= 30;
    uint64_t size = rsync_long30(rsync, c, 3);
    if (!(flags & SAME_TIME) && new)
        rsync_varlong(c, 4);
    else if (!(flags & SAME_TIME))
        cursor_skip(c, 4);
    if (flags & NANOSECONDS && rsync->protocol >= 31)
        rsync_varint(c);
    if (options->crtimes && !(flags & BIRTH_IS_MTIME))
        rsync_varlong(c, 4);
    if (!(flags & SAME_MODE))
        *mode = (uint16_t)cursor_le32(c);
    if (options->atimes && !S_ISDIR(*mode) && !(flags & SAME_ATIME))
        rsync_varlong(c, 4);
    skip_owner(rsync, options->user && !(flags & SAME_USER), flags & USER_NAME, c);
    skip_owner(rsync, options->group && !(flags & SAME_GROUP), flags & GROUP_NAME, c);
    bool special = S_ISFIFO(*mode) || S_ISSOCK(*mode);
    if ((options->devices && is_device(*mode)) || (options->specials && special && rsync->protocol < 31))
        skip_device(rsync, flags, c);
    if (options->links && S_ISLNK(*mode))
        cursor_skip(c, rsync_int30(rsync, c));
    if (options->hard_links && !new && (flags & HARD_LINK || (rsync->protocol < 28 && S_ISREG(*mode)))) {
        if (rsync->protocol < 28 || !(flags & SAME_DEVICE))
            rsync_long30(rsync, c, 0);
        rsync_long30(rsync, c, 0);
    }
    if (options->checksum && (S_ISREG(*mode) || rsync->protocol < 28))
        cursor_skip(c, rsync_sum_length(rsync, true));
    return size;
}

static bool read_entry(struct app_session *session, uint32_t flags, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    struct rsync_list *list = &rsync->list;
    size_t same = flags & SAME_NAME ? cursor_u8(c) : 0;
    size_t len = flags & LONG_NAME ? rsync_int30(rsync, c) : cursor_u8(c);
    if (!c->bad && (same > list->last_len || len >= RSYNC_NAME_MAX - same || same + len == 0))
        return false;
    const uint8_t *name = cursor_take(c, len);
    uint16_t mode = list->mode;
    uint64_t size = 0;
    uint32_t first = UINT32_MAX;
    if (rsync->options.hard_links && rsync->protocol >= 30 && flags & HARD_LINK && !(flags & HARD_LINK_FIRST))
        first = rsync_varint(c);
    if (first != UINT32_MAX && first >= list->next) {
        /* As the first of its links, which stands in this list, not sorted yet. */
        const struct rsync_entry *link = rsync_list_find(rsync, first);
        size = link ? link->size : OBJECT_SIZE_UNKNOWN;
        mode = link ? link->mode : mode;
    } else {
        size = read_rest(rsync, flags, &mode, c);
    }
    if (rsync->options.acls && !S_ISLNK(mode))
        skip_acl(c);
    if (rsync->options.acls && S_ISDIR(mode))
        skip_acl(c);
    if (rsync->options.xattrs)
        skip_xattrs(c);
    if (c->bad || !name)
        return true;
    memcpy(list->last + same, name, len);
    list->last_len = (uint16_t)(same + len);
    list->mode = mode;
    keep(session, size);
    return true;
}

bool rsync_list_record(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    uint32_t flags;
    if (rsync->varint_flags) {
        flags = rsync_varint(c);
        if (!flags)
            rsync_varint(c); /* errors met */
    } else {
        flags = cursor_u8(c);
        if (flags & EXTENDED && rsync->protocol >= 28)
            flags |= (uint32_t)cursor_u8(c) << 8;
        if (flags == (EXTENDED | END_WITH_ERROR) && rsync->safe_list) {
            rsync_varint(c);
            flags = 0;
        }
    }
    if (c->bad)
        return true;
    if (flags)
        return read_entry(session, flags, c);
    end_list(rsync, side);
    return true;
}

/* Numbers and names of users, then of groups, each list ended by 0. */
bool rsync_list_ids(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    uint32_t id = rsync_int30(rsync, c);
    if (id || rsync->id0_names)
        cursor_skip(c, cursor_u8(c));
    if (c->bad || id)
        return true;
    bool more = !rsync->groups && (rsync->options.group || rsync->options.acls);
    rsync->groups = true;
    if (!more)
        side->stage = rsync->protocol < 30 ? RSYNC_IO_ERROR : RSYNC_INDEX;
    return true;
}

bool rsync_list_error(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    (void)session;
    cursor_skip(c, 4);
    if (!c->bad)
        side->stage = RSYNC_INDEX;
    return true;
}
