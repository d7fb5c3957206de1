/* See upload.h. Pieces are kept in order; most come in it. */
#include "upload.h"

#include <stdlib.h>
#include <string.h>

#define UPLOADS_MAX 128
#define RANGES_MAX 10000 /* what S3 allows, and the bound of the insertion walk */
#define ALL_BYTES_MAX (256u << 20)
#define LIFE_NS (600 * INT64_C(1000000000))
#define KEY_ROOM 2048

struct uploads {
    struct pool *ranges;
    struct buffer_heap *heap;
    struct hash_key key;
    size_t bytes, bytes_max;
    uint64_t generation;
    struct upload upload[UPLOADS_MAX];
};

struct uploads *uploads_new(struct mem *mem)
{
    struct uploads *uploads = calloc(1, sizeof(*uploads));
    if (!uploads)
        abort(); /* only at start */
    uploads->ranges = pool_new(mem, MEM_REASSEMBLY, sizeof(struct upload_range));
    uploads->heap = buffer_heap_new(mem, MEM_REASSEMBLY);
    hash_key_random(&uploads->key);
    uploads->bytes_max = mem->ceiling && mem->ceiling / 8 < ALL_BYTES_MAX ? mem->ceiling / 8 : ALL_BYTES_MAX;
    return uploads;
}

static void drop_range(struct uploads *uploads, struct upload *upload, struct upload_range *range)
{
    upload->bytes -= range->bytes.len;
    uploads->bytes -= range->bytes.len;
    upload->count--;
    buffer_release(uploads->heap, &range->bytes);
    pool_put(uploads->ranges, range);
}

void upload_forget(struct uploads *uploads, struct upload *upload)
{
    while (upload->ranges) {
        struct upload_range *range = upload->ranges;
        upload->ranges = range->next;
        drop_range(uploads, upload, range);
    }
    upload->latest = NULL;
    upload->used = false;
}

void uploads_free(struct uploads *uploads)
{
    for (unsigned i = 0; i < UPLOADS_MAX; i++)
        upload_forget(uploads, &uploads->upload[i]);
    pool_free(uploads->ranges);
    buffer_heap_free(uploads->heap);
    free(uploads);
}

/* ---- which upload ---- */

struct upload *upload_find(struct uploads *uploads, uint64_t key)
{
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        if (uploads->upload[i].used && uploads->upload[i].key == key)
            return &uploads->upload[i];
    }
    return NULL;
}

struct upload *upload_make(struct uploads *uploads, uint64_t key, int64_t now_ns)
{
    struct upload *oldest = &uploads->upload[0];
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &uploads->upload[i];
        if (upload->used && now_ns - upload->last_ns > LIFE_NS)
            upload_forget(uploads, upload);
        if (!upload->used || (oldest->used && upload->last_ns < oldest->last_ns))
            oldest = upload;
    }
    if (oldest->used)
        upload_forget(uploads, oldest);
    memset(oldest, 0, sizeof(*oldest));
    oldest->used = true;
    oldest->key = key;
    oldest->generation = ++uploads->generation;
    oldest->total = OBJECT_SIZE_UNKNOWN;
    oldest->last_ns = now_ns;
    return oldest;
}

struct upload_ref upload_ref(const struct uploads *uploads, const struct upload *upload)
{
    return (struct upload_ref){true, (uint8_t)(upload - uploads->upload), upload->generation};
}

struct upload *upload_of(struct uploads *uploads, const struct upload_ref *ref)
{
    struct upload *upload = &uploads->upload[ref->slot];
    return ref->active && upload->used && upload->generation == ref->generation ? upload : NULL;
}

static size_t append(char *key, size_t n, struct text text)
{
    size_t take = text.len < KEY_ROOM - n ? text.len : KEY_ROOM - n;
    if (take)
        memcpy(key + n, text.data, take);
    return n + take;
}

uint64_t upload_key(const struct uploads *uploads, const struct flow *flow, enum side side, struct text a,
                    struct text b, struct text c)
{
    char key[KEY_ROOM];
    size_t n = append(key, 0, (struct text){(const char *)flow->addr[side].bytes, sizeof(flow->addr[side].bytes)});
    n = append(key, n, a);
    n = append(key, n, b);
    n = append(key, n, c);
    return hash_bytes(&uploads->key, key, n);
}

uint64_t upload_new_key(const struct uploads *uploads)
{
    return hash_bytes(&uploads->key, &uploads->generation, sizeof(uploads->generation));
}

void upload_set_name(struct upload *upload, const char *name, size_t len)
{
    if (!len)
        return;
    upload->name_len = (uint16_t)(len < sizeof(upload->name) ? len : sizeof(upload->name));
    memcpy(upload->name, name, upload->name_len);
}

/* ---- pieces ---- */

bool upload_open(struct uploads *uploads, struct upload *upload, uint64_t order, uint64_t id)
{
    struct upload_range **link = &upload->ranges;
    if (upload->latest && upload->latest->order < order)
        link = &upload->latest->next;
    while (*link && (*link)->order < order)
        link = &(*link)->next;
    if (*link && (*link)->order == order) {
        struct upload_range *old = *link;
        *link = old->next;
        drop_range(uploads, upload, old);
    }
    upload->latest = NULL;
    if (upload->count == RANGES_MAX)
        return false;
    struct upload_range *range = pool_get_zeroed(uploads->ranges);
    if (!range)
        return false;
    range->order = order;
    range->id = id;
    range->next = *link;
    *link = range;
    upload->latest = range;
    upload->count++;
    return true;
}

static struct upload_range *range_of(struct upload *upload, uint64_t order)
{
    if (upload->latest && upload->latest->order == order)
        return upload->latest;
    struct upload_range *range = upload->ranges;
    while (range && range->order != order)
        range = range->next;
    upload->latest = range;
    return range;
}

static bool has_room(struct uploads *uploads, size_t len)
{
    for (unsigned i = 0; i < UPLOADS_MAX && uploads->bytes + len > uploads->bytes_max; i++) {
        if (uploads->upload[i].used && uploads->upload[i].spare)
            upload_forget(uploads, &uploads->upload[i]);
    }
    return uploads->bytes + len <= uploads->bytes_max;
}

bool upload_data(struct uploads *uploads, struct upload *upload, uint64_t order, const uint8_t *data, size_t len)
{
    struct upload_range *range = range_of(upload, order);
    if (!range)
        return false;
    if (upload->bytes + len > UPLOAD_BYTES_MAX || !has_room(uploads, len) ||
        !buffer_append(uploads->heap, &range->bytes, data, len)) {
        upload_forget(uploads, upload); /* its pieces were objects; together they are too large to keep */
        return false;
    }
    upload->bytes += len;
    uploads->bytes += len;
    return true;
}

void upload_piece_end(struct upload *upload, uint64_t order, bool whole)
{
    struct upload_range *range = range_of(upload, order);
    if (range)
        range->whole = whole;
}

bool upload_note(struct uploads *uploads, struct buffer *note, const uint8_t *data, size_t len, size_t max)
{
    if (note->len + len > max || !has_room(uploads, len) ||
        !buffer_append(uploads->heap, note, data, len))
        return false;
    uploads->bytes += len;
    return true;
}

void upload_note_drop(struct uploads *uploads, struct buffer *note)
{
    uploads->bytes -= note->len;
    buffer_release(uploads->heap, note);
}

/* ---- whole or not ---- */

static bool all_offsets(const struct upload *upload)
{
    uint64_t next = 0;
    if (upload->bytes < upload->total)
        return false;
    for (const struct upload_range *range = upload->ranges; range; range = range->next) {
        if (range->order > next)
            return false;
        if (range->order + range->bytes.len > next)
            next = range->order + range->bytes.len;
    }
    return next == upload->total;
}

/* Numbers follow each other, from 0 or 1; or each is where the one before ends (names of chunks that are offsets). */
static bool all_numbers(const struct upload *upload)
{
    uint64_t first = upload->ranges ? upload->ranges->order : 0, number = first, next = 0;
    bool consecutive = upload->ranges && first <= 1, offsets = upload->ranges != NULL;
    for (const struct upload_range *range = upload->ranges; range; range = range->next) {
        if (!range->whole)
            return false;
        consecutive = consecutive && range->order == number++;
        offsets = offsets && range->order == next;
        next += range->bytes.len;
    }
    if (upload->total != OBJECT_SIZE_UNKNOWN && next != upload->total)
        return false;
    if (upload->pieces)
        return consecutive && upload->count == upload->pieces;
    return upload->closing && (consecutive || offsets || (upload->ranges && upload->total == next));
}

bool upload_is_complete(const struct upload *upload)
{
    if (upload->foreign)
        return false;
    return upload->numbered ? all_numbers(upload) : all_offsets(upload);
}

bool upload_append(struct uploads *uploads, struct upload *to, struct upload *from)
{
    struct upload_range **link = &to->ranges;
    if (to == from || to->numbered || from->numbered || !upload_is_complete(to) || !upload_is_complete(from) ||
        to->bytes + from->bytes > UPLOAD_BYTES_MAX || to->count + from->count > RANGES_MAX)
        return false;
    while (*link)
        link = &(*link)->next;
    *link = from->ranges;
    for (struct upload_range *range = from->ranges; range; range = range->next)
        range->order += to->total;
    to->total += from->total;
    to->bytes += from->bytes;
    to->count += from->count;
    from->ranges = NULL;
    from->bytes = from->count = 0;
    upload_forget(uploads, from);
    return true;
}

static int by_id(const void *left, const void *right)
{
    const struct upload_range *a = *(struct upload_range *const *)left, *b = *(struct upload_range *const *)right;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order; /* the one that came later is the one that counts */
}

static int by_order(const void *left, const void *right)
{
    const struct upload_range *a = *(struct upload_range *const *)left, *b = *(struct upload_range *const *)right;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* The last of those with this id, NULL when there is none. */
static struct upload_range *find_id(struct upload_range *const *sorted, size_t count, uint64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle]->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low && sorted[low - 1]->id == id ? sorted[low - 1] : NULL;
}

/* Gives the pieces the numbers of the list, from 1; 0 to those it does not name. */
static bool number_by_list(struct upload_range **sorted, size_t have, const uint64_t *ids, size_t count)
{
    qsort(sorted, have, sizeof(sorted[0]), by_id);
    for (size_t i = 0; i < have; i++)
        sorted[i]->order = 0;
    for (size_t i = 0; i < count; i++) {
        struct upload_range *range = find_id(sorted, have, ids[i]);
        if (!range || range->order)
            return false;
        range->order = i + 1;
    }
    return true;
}

bool upload_arrange(struct uploads *uploads, struct upload *upload, const uint64_t *ids, size_t count)
{
    struct buffer room = {NULL, 0, 0};
    size_t have = 0;
    if (!upload->count || !buffer_reserve(uploads->heap, &room, upload->count * sizeof(struct upload_range *)))
        return false;
    struct upload_range **sorted = (struct upload_range **)(void *)room.data;
    for (struct upload_range *range = upload->ranges; range; range = range->next)
        sorted[have++] = range;
    bool good = number_by_list(sorted, have, ids, count);
    qsort(sorted, have, sizeof(sorted[0]), by_order);
    struct upload_range **link = &upload->ranges;
    upload->latest = NULL;
    for (size_t i = 0; i < have; i++) {
        if (!sorted[i]->order) {
            drop_range(uploads, upload, sorted[i]);
            continue;
        }
        *link = sorted[i];
        link = &sorted[i]->next;
    }
    *link = NULL;
    buffer_release(uploads->heap, &room);
    return good && count;
}

void upload_join(struct app_session *session, struct uploads *uploads, enum side side, struct upload *upload,
                 struct meta *meta, uint64_t tx_id)
{
    /* Making room for the object may end other flows that wrote to this upload: they must not find it. */
    struct upload whole = *upload;
    upload->used = false;
    upload->ranges = upload->latest = NULL;
    const struct object_sink *sink = app_objects(session);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = meta,
        .path = "parts",
        .name = {whole.name, whole.name_len},
        .declared_type = {whole.type, whole.type_len},
        .encoding = {whole.codings, whole.codings_len},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = tx_id,
        .time_ns = app_now(session),
    };
    struct object *object = sink->begin(sink->user, &info);
    uint64_t next = 0;
    for (const struct upload_range *range = whole.ranges; object && range; range = range->next) {
        uint64_t known = whole.numbered || range->order >= next ? 0 : next - range->order;
        if (known >= range->bytes.len)
            continue;
        sink->data(sink->user, object, range->bytes.data + known, range->bytes.len - (size_t)known);
        next = range->order + range->bytes.len;
    }
    if (object)
        sink->end(sink->user, object, OBJECT_CLOSED);
    upload_forget(uploads, &whole);
}
