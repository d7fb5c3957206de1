/* See http_parts.h. An upload is known by who sends it, to which host, under which name; its ranges are kept in
 * order. */
#include "http_parts.h"

#include <stdlib.h>
#include <string.h>

#define UPLOADS_MAX 64
#define RANGES_MAX 10000              /* what S3 allows, and the bound of the insertion walk */
#define UPLOAD_BYTES_MAX (64u << 20)
#define ALL_BYTES_MAX (256u << 20)
#define LIFE_NS (600 * INT64_C(1000000000))
#define KEY_ROOM 2048

struct range {
    struct range *next;
    uint64_t order; /* first byte, or part number */
    bool whole;
    struct buffer bytes;
};

struct upload {
    bool used;
    bool numbered;  /* ordered by part number, complete when somebody says so */
    bool closing;   /* he has */
    uint64_t key, generation;
    uint64_t total; /* OBJECT_SIZE_UNKNOWN until told */
    int64_t last_ns;
    size_t bytes, count;
    struct range *ranges, *latest; /* ascending; `latest` grew last */
    uint16_t name_len, type_len, codings_len;
    char name[HEADER_NAME_ROOM], type[256], codings[HEADER_CODINGS_ROOM];
};

struct http_parts {
    struct pool *ranges;
    struct buffer_heap *heap;
    struct hash_key key;
    size_t bytes, bytes_max;
    uint64_t generation;
    struct upload upload[UPLOADS_MAX];
};

struct http_parts *http_parts_new(struct mem *mem)
{
    struct http_parts *parts = calloc(1, sizeof(*parts));
    if (!parts)
        abort(); /* only at start */
    parts->ranges = pool_new(mem, MEM_REASSEMBLY, sizeof(struct range));
    parts->heap = buffer_heap_new(mem, MEM_REASSEMBLY);
    hash_key_random(&parts->key);
    parts->bytes_max = mem->ceiling && mem->ceiling / 8 < ALL_BYTES_MAX ? mem->ceiling / 8 : ALL_BYTES_MAX;
    return parts;
}

static void drop_range(struct http_parts *parts, struct upload *upload, struct range *range)
{
    upload->bytes -= range->bytes.len;
    parts->bytes -= range->bytes.len;
    upload->count--;
    buffer_release(parts->heap, &range->bytes);
    pool_put(parts->ranges, range);
}

static void forget(struct http_parts *parts, struct upload *upload)
{
    while (upload->ranges) {
        struct range *range = upload->ranges;
        upload->ranges = range->next;
        drop_range(parts, upload, range);
    }
    upload->used = false;
}

void http_parts_free(struct http_parts *parts)
{
    for (unsigned i = 0; i < UPLOADS_MAX; i++)
        forget(parts, &parts->upload[i]);
    pool_free(parts->ranges);
    buffer_heap_free(parts->heap);
    free(parts);
}

/* ---- which upload ---- */

static struct upload *find(struct http_parts *parts, uint64_t key)
{
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        if (parts->upload[i].used && parts->upload[i].key == key)
            return &parts->upload[i];
    }
    return NULL;
}

static struct upload *make(struct http_parts *parts, uint64_t key, int64_t now_ns)
{
    struct upload *oldest = &parts->upload[0];
    for (unsigned i = 0; i < UPLOADS_MAX; i++) {
        struct upload *upload = &parts->upload[i];
        if (upload->used && now_ns - upload->last_ns > LIFE_NS)
            forget(parts, upload);
        if (!upload->used || (oldest->used && upload->last_ns < oldest->last_ns))
            oldest = upload;
    }
    if (oldest->used)
        forget(parts, oldest);
    memset(oldest, 0, sizeof(*oldest));
    oldest->used = true;
    oldest->key = key;
    oldest->generation = ++parts->generation;
    oldest->total = OBJECT_SIZE_UNKNOWN;
    return oldest;
}

static size_t append(char *key, size_t n, struct text text)
{
    size_t take = text.len < KEY_ROOM - n ? text.len : KEY_ROOM - n;
    if (take)
        memcpy(key + n, text.data, take);
    return n + take;
}

static uint64_t key_of(const struct http_parts *parts, const struct flow *flow, enum side side, struct text host,
                       struct text path, struct text id)
{
    char key[KEY_ROOM];
    size_t n = append(key, 0, (struct text){(const char *)flow->addr[side].bytes, sizeof(flow->addr[side].bytes)});
    n = append(key, n, host);
    n = append(key, n, path);
    n = append(key, n, id);
    return hash_bytes(&parts->key, key, n);
}

/* ---- what the message says ---- */

static struct text path_of(struct text url)
{
    const char *query = url.len ? memchr(url.data, '?', url.len) : NULL;
    return (struct text){url.data, query ? (size_t)(query - url.data) : url.len};
}

/* The value of a query parameter; data is NULL when it is absent. */
static struct text parameter(struct text url, const char *name)
{
    size_t len = strlen(name), at = path_of(url).len + 1;
    while (at < url.len) {
        const char *begin = url.data + at;
        const char *end = memchr(begin, '&', url.len - at);
        size_t n = end ? (size_t)(end - begin) : url.len - at;
        if (n >= len && memcmp(begin, name, len) == 0 && (n == len || begin[len] == '='))
            return (struct text){begin + len + (n > len), n - len - (n > len)};
        at += n + 1;
    }
    return (struct text){NULL, 0};
}

/* "bytes 0-99/200" or "bytes 0-99" with "/" and "*"; false when it is something else. */
static bool parse_range(struct text text, uint64_t *first, uint64_t *total)
{
    uint64_t number[3] = {0, 0, 0};
    bool has[3] = {false, false, false};
    unsigned field = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9' && number[field] < UINT64_MAX / 16) {
            number[field] = number[field] * 10 + (uint64_t)(c - '0');
            has[field] = true;
        } else if ((c == '-' && field == 0) || (c == '/' && field == 1)) {
            field++;
        }
    }
    *first = number[0];
    *total = has[2] ? number[2] : OBJECT_SIZE_UNKNOWN;
    return has[0] && has[1] && number[1] >= number[0] && !(number[0] == 0 && number[1] + 1 == *total);
}

struct place {
    struct text path, id;
    uint64_t order, total;
    bool numbered, closing;
};

static bool is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

/* False when the message is not part of anything. */
static bool place_of(const struct http_part_head *head, struct place *place)
{
    struct text upload = parameter(head->url, "uploadId"), number = parameter(head->url, "partNumber");
    struct text action = parameter(head->url, "comp");
    *place = (struct place){.path = head->url, .total = OBJECT_SIZE_UNKNOWN};
    if (upload.len && (!number.data || header_number(number, &place->order))) { /* Amazon S3 and its kin */
        place->path = path_of(head->url);
        place->id = upload;
        place->numbered = true;
        place->closing = !number.data;
        return number.data || is(head->method, "POST");
    }
    if (is(action, "block")) { /* Azure: in the order they come */
        place->path = path_of(head->url);
        place->numbered = true;
        place->order = 0;
        return true;
    }
    if (is(action, "blocklist")) {
        place->path = path_of(head->url);
        place->numbered = place->closing = true;
        return is(head->method, "PUT");
    }
    if (header_number(head->offset, &place->order)) { /* tus.io, and the IETF draft on resumable uploads */
        header_number(head->length, &place->total);
        return place->order || place->total != OBJECT_SIZE_UNKNOWN;
    }
    return parse_range(head->range, &place->order, &place->total);
}

/* ---- ranges ---- */

/* The range that new bytes of this part go to; the same part sent again replaces what was there. */
static bool open_range(struct http_parts *parts, struct upload *upload, uint64_t order)
{
    struct range **link = &upload->ranges;
    if (upload->latest && upload->latest->order < order)
        link = &upload->latest->next;
    while (*link && (*link)->order < order)
        link = &(*link)->next;
    if (*link && (*link)->order == order) {
        struct range *old = *link;
        *link = old->next;
        drop_range(parts, upload, old);
    }
    upload->latest = NULL;
    if (upload->count == RANGES_MAX)
        return false;
    struct range *range = pool_get_zeroed(parts->ranges);
    if (!range)
        return false;
    range->order = order;
    range->next = *link;
    *link = range;
    upload->latest = range;
    upload->count++;
    return true;
}

static void remember(struct upload *upload, const struct http_part_head *head)
{
    upload->type_len = (uint16_t)(head->type.len < sizeof(upload->type) ? head->type.len : sizeof(upload->type));
    if (upload->type_len)
        memcpy(upload->type, head->type.data, upload->type_len);
    upload->codings_len = (uint16_t)header_codings(head->codings, false, upload->codings, 0);
    upload->name_len = (uint16_t)header_parameter(head->disposition, "filename", upload->name, HEADER_NAME_ROOM);
    if (!upload->name_len)
        upload->name_len = (uint16_t)url_file_name(head->url, upload->name, HEADER_NAME_ROOM);
}

enum http_part_kind http_part_begin(struct app_session *session, struct http_parts *parts, enum side side,
                                    const struct http_part_head *head, struct http_part *part)
{
    struct place place;
    part->active = false;
    if (!place_of(head, &place))
        return HTTP_NO_PART;
    if (!app_is_content(session, side) || app_is_other_reading(session))
        return place.closing ? HTTP_NO_PART : HTTP_PART;
    uint64_t key = key_of(parts, app_flow(session), side, head->host, place.path, place.id);
    struct upload *upload = find(parts, key);
    if (place.closing && !upload)
        return HTTP_NO_PART;
    if (!upload) {
        upload = make(parts, key, app_now(session));
        upload->numbered = place.numbered;
        remember(upload, head);
    }
    upload->last_ns = app_now(session);
    if (place.total != OBJECT_SIZE_UNKNOWN)
        upload->total = place.total;
    part->slot = (uint8_t)(upload - parts->upload);
    part->generation = upload->generation;
    part->order = place.order ? place.order : place.numbered ? upload->count + 1 : 0;
    if (place.closing) {
        upload->closing = true;
        part->active = true;
        return HTTP_LAST_PART;
    }
    part->active = open_range(parts, upload, part->order);
    return HTTP_PART;
}

static struct upload *upload_of(struct http_parts *parts, const struct http_part *part)
{
    struct upload *upload = &parts->upload[part->slot];
    return part->active && upload->used && upload->generation == part->generation ? upload : NULL;
}

static struct range *range_of(struct upload *upload, uint64_t order)
{
    if (upload->latest && upload->latest->order == order)
        return upload->latest;
    struct range *range = upload->ranges;
    while (range && range->order != order)
        range = range->next;
    upload->latest = range;
    return range;
}

void http_part_data(struct http_parts *parts, struct http_part *part, const uint8_t *data, size_t len)
{
    struct upload *upload = upload_of(parts, part);
    struct range *range = upload && !upload->closing ? range_of(upload, part->order) : NULL;
    if (!range)
        return;
    if (upload->bytes + len > UPLOAD_BYTES_MAX || parts->bytes + len > parts->bytes_max ||
        !buffer_append(parts->heap, &range->bytes, data, len)) {
        forget(parts, upload); /* its parts were objects; together they are too large to keep */
        part->active = false;
        return;
    }
    upload->bytes += len;
    parts->bytes += len;
}

/* Whether every byte is there, and how many. */
static bool is_complete(const struct upload *upload)
{
    uint64_t next = 0, number = 1;
    if (upload->numbered ? !upload->closing : upload->bytes < upload->total)
        return false;
    for (const struct range *range = upload->ranges; range; range = range->next) {
        if (upload->numbered) {
            if (!range->whole || range->order != number++)
                return false;
        } else {
            if (range->order > next)
                return false;
            if (range->order + range->bytes.len > next)
                next = range->order + range->bytes.len;
        }
    }
    return upload->numbered ? number > 1 : next == upload->total;
}

static void join(struct app_session *session, struct http_parts *parts, enum side side, struct upload *upload,
                 struct meta *meta, uint64_t tx_id)
{
    /* Making room for the object may end other flows that wrote to this upload: they must not find it. */
    struct upload whole = *upload;
    upload->used = false;
    upload->ranges = NULL;
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
    for (const struct range *range = whole.ranges; object && range; range = range->next) {
        uint64_t known = whole.numbered || range->order >= next ? 0 : next - range->order;
        if (known >= range->bytes.len)
            continue;
        sink->data(sink->user, object, range->bytes.data + known, range->bytes.len - (size_t)known);
        next = range->order + range->bytes.len;
    }
    if (object)
        sink->end(sink->user, object, OBJECT_CLOSED);
    forget(parts, &whole);
}

void http_part_end(struct app_session *session, struct http_parts *parts, enum side side, struct http_part *part,
                   bool whole, struct meta *meta, uint64_t tx_id)
{
    struct upload *upload = upload_of(parts, part);
    part->active = false;
    if (!upload)
        return;
    struct range *range = upload->closing ? NULL : range_of(upload, part->order);
    if (range)
        range->whole = whole;
    if (is_complete(upload))
        join(session, parts, side, upload, meta, tx_id);
    else if (upload->closing)
        forget(parts, upload);
}
