/* See http_parts.h: from what a message is to a file, to its bytes in the table of uploads. */
#include "http_parts.h"

#include <string.h>

#include "body_value.h"
#include "http_form.h"

#define WORDS_MAX 8192            /* of a request that begins an upload, and of the answer */
#define LIST_MAX (2u << 20)       /* of the one that ends it: 10,000 parts with their digests */
#define FORM_MAX (32u << 20)      /* a slice with its form around it */
#define FORM_FIRST_LOOK 512
#define FORM_LOOK_MAX 16384
#define PATH_ROOM 2048
#define BOUNDARY_ROOM 256

static const struct text nothing = {NULL, 0};

static uint64_t block_id(const struct uploads *uploads, const struct flow *flow, enum side side, struct text block)
{
    char decoded[256];
    size_t n = url_decode(block, decoded, sizeof(decoded));
    return upload_key(uploads, flow, side, (struct text){decoded, n}, nothing, nothing);
}

static void remember(struct upload *upload, const struct http_part_head *head, const struct part_place *place)
{
    char name[HEADER_NAME_ROOM];
    struct text type = place->type_len ? (struct text){place->type, place->type_len} : head->type;
    if (text_contains(type, "multipart/"))
        type = nothing;
    if (place->role == PART_CREATE && !place->piece && !place->type_len)
        type = head->field(head->fields, "x-upload-content-type"); /* its own type is that of its words */
    upload->type_len = (uint16_t)(type.len < sizeof(upload->type) ? type.len : sizeof(upload->type));
    if (upload->type_len)
        memcpy(upload->type, type.data, upload->type_len);
    upload->codings_len =
        (uint16_t)header_codings(head->field(head->fields, "content-encoding"), false, upload->codings, 0);
    if (text_contains(head->field(head->fields, "x-amz-content-sha256"), "streaming-"))
        upload->codings_len = (uint16_t)header_coding_add(upload->codings, upload->codings_len, "aws-chunked");
    upload_set_name(upload, name,
                    header_parameter(head->field(head->fields, "content-disposition"), "filename", name, sizeof(name)));
    if (!upload->name_len)
        upload_set_name(upload, name, part_file_name(head, name, sizeof(name)));
    if (!upload->name_len)
        upload_set_name(upload, name, url_file_name(head->url, name, sizeof(name)));
}

/* The upload this message belongs to; made when it may be the first one seen of it. */
static struct upload *upload_for(struct app_session *session, struct uploads *uploads, enum side side,
                                 const struct http_part_head *head, const struct part_place *place)
{
    bool nameless = place->role == PART_CREATE && !place->keyed; /* one of many begun under this URL */
    uint64_t key = nameless ? upload_new_key(uploads)
                            : upload_key(uploads, app_flow(session), side, place->host, place->path, place->id);
    struct upload *upload = upload_find(uploads, key);
    if (place->role == PART_CREATE && upload)
        upload_forget(uploads, upload); /* this one begins anew */
    if (place->role == PART_CREATE || (!upload && place->role == PART_PIECE)) {
        upload = upload_make(uploads, key, app_now(session));
        upload->numbered = place->numbered;
        upload->held = place->held;
        remember(upload, head, place);
    }
    if (!upload)
        return NULL;
    upload->last_ns = app_now(session);
    upload->foreign |= place->foreign;
    if (place->total != OBJECT_SIZE_UNKNOWN)
        upload->total = place->total;
    if (place->pieces)
        upload->pieces = place->pieces;
    upload_set_name(upload, place->name, place->name_len);
    return upload;
}

/* Uploads that were sent apart become one: the first takes in the others. NULL when none of them was seen. */
static struct upload *combine(struct app_session *session, struct uploads *uploads, enum side side,
                              const struct http_part_head *head, struct text urls)
{
    struct upload *first = NULL;
    bool good = true;
    for (size_t at = 0; at < urls.len;) {
        const char *begin = urls.data + at;
        const char *blank = memchr(begin, ' ', urls.len - at);
        struct text url = {begin, blank ? (size_t)(blank - begin) : urls.len - at}, host = head->host;
        at += url.len + 1;
        if (!url.len)
            continue;
        struct text target = url_target(url, &host);
        struct upload *next = upload_find(uploads, upload_key(uploads, app_flow(session), side, host, target, nothing));
        if (!first)
            first = next;
        else if (!next || !upload_append(uploads, first, next))
            good = false;
        good = good && next;
    }
    if (first) {
        first->held = false;
        first->foreign |= !good;
    }
    return first;
}

/* A whole file under a URL that an earlier request made for it. */
static void look_for_name(struct app_session *session, struct uploads *uploads, enum side side,
                          const struct http_part_head *head, struct http_part *part)
{
    struct text host = head->host, target = url_target(head->url, &host);
    struct upload *upload = upload_find(uploads, upload_key(uploads, app_flow(session), side, host, target, nothing));
    if (!upload || upload->count)
        return;
    part->role = PART_NAMED;
    part->upload = upload_ref(uploads, upload);
}

static bool is_form(const struct http_part_head *head)
{
    return head->request && head->body && text_contains(head->type, "multipart/form-data");
}

/* A PATCH with all bytes there are: nothing to put together. */
static bool is_all(const struct upload *upload, const struct http_part_head *head, const struct part_place *place)
{
    return !upload->numbered && !upload->count && !place->order && !upload->held && head->length == upload->total;
}

static void clear(struct uploads *uploads, struct http_part *part)
{
    upload_note_drop(uploads, &part->note);
    memset(part, 0, sizeof(*part));
}

bool http_part_begin(struct app_session *session, struct uploads *uploads, enum side side,
                     const struct http_part_head *head, struct http_part *part)
{
    struct part_place place;
    bool found = part_place_of(head, &place), content = app_is_content(session, side);
    clear(uploads, part);
    if (app_is_other_reading(session))
        return false; /* joins nothing of the first's: an object by itself */
    if (!found && !head->request && head->status == 206 && content && text_contains(head->type, "multipart/byteranges"))
        part->role = PART_RANGES;
    if (is_form(head) && content && (!found || place.role == PART_PIECE)) {
        part->role = PART_FORM;
        part->look = FORM_FIRST_LOOK;
        part->placed = found;
        if (!found)
            return false;
        part->look = 0;
    }
    if (!found) {
        if (head->request && head->body && content && part->role == PART_NONE)
            look_for_name(session, uploads, side, head, part);
        return false;
    }
    if (!content)
        return place.piece;
    struct upload *upload = place.members.len ? combine(session, uploads, side, head, place.members)
                                              : upload_for(session, uploads, side, head, &place);
    if (upload && place.members.len)
        upload_set_name(upload, place.name, place.name_len);
    if (!upload)
        return place.piece;
    if (part->role == PART_NONE)
        part->role = place.role;
    part->upload = upload_ref(uploads, upload);
    part->last = place.last;
    part->order = place.order;
    if (place.order == UINT64_MAX && place.numbered) /* in the order they come */
        part->order = upload->latest ? upload->latest->order + 1 : upload->count + 1;
    if (part->role == PART_PIECE && is_all(upload, head, &place)) {
        part->role = PART_NAMED;
        return false;
    }
    if (place.piece)
        part->piece = upload_open(uploads, upload, part->order,
                                  place.block.data ? block_id(uploads, app_flow(session), side, place.block) : 0);
    return place.piece && part->role != PART_FORM;
}

/* ---- the name an upload goes by ---- */

static void rename_to(struct app_session *session, struct uploads *uploads, enum side side, struct upload *upload,
                      struct text host, struct text url, struct text id)
{
    struct text target = url_target(url, &host);
    uint64_t key = upload_key(uploads, app_flow(session), side, host, target, id);
    struct upload *other = upload_find(uploads, key);
    if (other && other != upload)
        upload_forget(uploads, other);
    upload->key = key;
}

void http_part_answer(struct app_session *session, struct uploads *uploads, enum side side,
                      const struct http_part_head *head, const struct upload_ref *ref, struct http_part *part)
{
    struct upload *upload = upload_of(uploads, ref);
    struct text place = head->field(head->fields, "location");
    char path[PATH_ROOM];
    clear(uploads, part);
    if (!upload)
        return;
    if (!place.len)
        place = head->field(head->fields, "x-goog-upload-url");
    if (!place.len) {
        part->role = PART_ANSWER;
        part->upload = *ref;
        return;
    }
    if (place.data[0] != '/' && !memmem(place.data, place.len, "://", 3)) { /* beside the URL that was asked */
        struct text host = head->host, asked = url_path(head->url, &host);
        while (asked.len && asked.data[asked.len - 1] != '/')
            asked.len--;
        size_t n = asked.len + place.len < sizeof(path) ? asked.len : 0;
        memcpy(path, asked.data ? asked.data : "", n);
        size_t rest = place.len < sizeof(path) - n ? place.len : sizeof(path) - n;
        memcpy(path + n, place.data, rest);
        place = (struct text){path, n + rest};
    }
    rename_to(session, uploads, side_other(side), upload, head->host, place, nothing);
}

static void read_answer(struct app_session *session, struct uploads *uploads, enum side side, struct upload *upload,
                        const struct meta *meta, struct text words)
{
    char value[PATH_ROOM];
    struct text host = meta_get(meta, META_HTTP_HOSTNAME);
    size_t n = json_value(words, "uploadUrl", value, sizeof(value));
    if (n) {
        rename_to(session, uploads, side_other(side), upload, host, (struct text){value, n}, nothing);
        return;
    }
    n = json_value(words, "session_id", value, sizeof(value));
    if (n)
        rename_to(session, uploads, side_other(side), upload, host, (struct text){"dropbox", 7},
                  (struct text){value, n});
}

/* ---- bodies ---- */

static struct text boundary_of(const struct meta *meta, char *room, size_t len)
{
    return (struct text){room, header_parameter(meta_get(meta, META_HTTP_CONTENT_TYPE), "boundary", room, len)};
}

static struct text note_of(const struct http_part *part)
{
    return (struct text){(const char *)part->note.data, part->note.len};
}

static void take_form(struct uploads *uploads, struct http_part *part, const struct meta *meta, const uint8_t *data,
                      size_t len)
{
    char room[BOUNDARY_ROOM];
    bool keep = upload_note(uploads, &part->note, data, len, FORM_MAX);
    if (keep && part->look && part->note.len >= part->look) {
        keep = part->look <= FORM_LOOK_MAX &&
               form_may_be_chunk(note_of(part), boundary_of(meta, room, sizeof(room)), meta_get(meta, META_HTTP_URL));
        part->look *= 2;
    }
    if (!keep)
        clear(uploads, part);
}

static void take_words(struct uploads *uploads, struct http_part *part, const uint8_t *data, size_t len)
{
    size_t room = WORDS_MAX - part->note.len;
    upload_note(uploads, &part->note, data, len < room ? len : room, WORDS_MAX);
}

void http_part_data(struct uploads *uploads, struct http_part *part, const struct meta *meta, const uint8_t *data,
                    size_t len)
{
    struct upload *upload = upload_of(uploads, &part->upload);
    part->size += len;
    switch (part->role) {
    case PART_PIECE:
    case PART_CREATE:
        if (part->piece)
            part->piece = upload && upload_data(uploads, upload, part->order, data, len);
        else if (part->role == PART_CREATE)
            take_words(uploads, part, data, len);
        break;
    case PART_ANSWER:
        take_words(uploads, part, data, len);
        break;
    case PART_CLOSE:
        if (upload && !upload_note(uploads, &part->note, data, len, LIST_MAX))
            upload->foreign = true; /* its order is not known */
        break;
    case PART_FORM:
        take_form(uploads, part, meta, data, len);
        break;
    case PART_RANGES:
        if (!upload_note(uploads, &part->note, data, len, UPLOAD_BYTES_MAX))
            clear(uploads, part);
        break;
    case PART_NONE:
    case PART_NAMED:
        break;
    }
}

void http_part_gap(struct uploads *uploads, struct http_part *part)
{
    upload_note_drop(uploads, &part->note);
    if (part->role != PART_PIECE && part->role != PART_NAMED)
        part->role = PART_NONE;
    part->piece = false;
}

/* ---- ends ---- */

/* Ids between "<tag>" and "</": as S3 and Azure write their lists. */
static bool arrange(struct app_session *session, struct uploads *uploads, enum side side, struct upload *upload,
                    struct text list)
{
    static const char *const tags[] = {"<PartNumber>", "<Latest>", "<Uncommitted>", "<Committed>"};
    struct buffer ids = {NULL, 0, 0};
    bool good = true;
    for (size_t at = 0; at < list.len && good;) {
        const char *open = memchr(list.data + at, '<', list.len - at);
        if (!open)
            break;
        at = (size_t)(open - list.data);
        size_t tag = 0;
        for (unsigned i = 0; i < sizeof(tags) / sizeof(tags[0]) && !tag; i++) {
            size_t len = strlen(tags[i]);
            tag = list.len - at >= len && memcmp(open, tags[i], len) == 0 ? len : 0;
        }
        at += tag ? tag : 1;
        const char *close = tag ? memchr(list.data + at, '<', list.len - at) : NULL;
        if (!close)
            continue;
        uint64_t id = block_id(uploads, app_flow(session), side,
                               (struct text){list.data + at, (size_t)(close - list.data) - at});
        good = upload_note(uploads, &ids, (const uint8_t *)&id, sizeof(id), LIST_MAX);
    }
    if (good && ids.len)
        good = upload_arrange(uploads, upload, (const uint64_t *)(const void *)ids.data, ids.len / sizeof(uint64_t));
    upload_note_drop(uploads, &ids);
    return good;
}

struct part_end { /* of a message */
    struct app_session *session;
    struct uploads *uploads;
    enum side side;
    bool whole;
    struct meta *meta;
    uint64_t tx_id;
};

static void settle(const struct part_end *end, struct upload *upload)
{
    if (!upload->held && upload_is_complete(upload))
        upload_join(end->session, end->uploads, end->side, upload, end->meta, end->tx_id);
    else if (upload->closing)
        upload_forget(end->uploads, upload);
}

static void end_piece(const struct part_end *end, struct http_part *part, struct upload *upload)
{
    if (part->piece)
        upload_piece_end(upload, part->order, end->whole);
    if (part->last && end->whole)
        upload->total = part->order + part->size;
    if (part->role != PART_CREATE)
        settle(end, upload);
}

static void end_create(const struct part_end *end, const struct http_part *part, struct upload *upload)
{
    char name[HEADER_NAME_ROOM];
    size_t n = json_value(note_of(part), "name", name, sizeof(name));
    if (!n)
        n = json_value(note_of(part), "title", name, sizeof(name));
    upload_set_name(upload, name, n);
    (void)end;
}

static void end_close(const struct part_end *end, const struct http_part *part, struct upload *upload)
{
    upload->closing = true;
    if (!end->whole || (upload->numbered && !arrange(end->session, end->uploads, end->side, upload, note_of(part))))
        upload->foreign = true;
    settle(end, upload);
}

/* One piece that stands inside a form. */
static void end_form(const struct part_end *end, struct http_part *part)
{
    char room[BOUNDARY_ROOM], name[HEADER_NAME_ROOM];
    struct text boundary = boundary_of(end->meta, room, sizeof(room)), url = meta_get(end->meta, META_HTTP_URL);
    struct text host = meta_get(end->meta, META_HTTP_HOSTNAME);
    struct upload *upload = upload_of(end->uploads, &part->upload);
    struct form_chunk chunk;
    struct form_item item = {.file_len = 0};
    bool is_chunk = form_chunk(&chunk, note_of(part), boundary, url, &item);
    if (part->placed ? !upload || !item.file_len : !is_chunk || !item.closed)
        return;
    if (!part->placed) {
        struct text path = url_path(url, &host), id = {chunk.id, chunk.id_len};
        uint64_t key = upload_key(end->uploads, app_flow(end->session), end->side, host, path,
                                  id.len ? id : (struct text){chunk.name, chunk.name_len});
        upload = upload_find(end->uploads, key);
        if (!upload)
            upload = upload_make(end->uploads, key, app_now(end->session));
        upload->numbered = true;
        upload->pieces = chunk.count;
        upload->last_ns = app_now(end->session);
        part->order = chunk.number;
        part->piece = upload_open(end->uploads, upload, part->order, 0);
    }
    size_t n = url_file_name((struct text){chunk.name, chunk.name_len}, name, sizeof(name));
    upload_set_name(upload, name, n);
    if (part->piece && upload_data(end->uploads, upload, part->order, (const uint8_t *)item.data.data, item.data.len))
        end_piece(end, part, upload);
}

/* multipart/byteranges: each part says where it belongs. */
static void end_ranges(const struct part_end *end, const struct http_part *part)
{
    char room[BOUNDARY_ROOM], name[HEADER_NAME_ROOM];
    struct text boundary = boundary_of(end->meta, room, sizeof(room)), host = meta_get(end->meta, META_HTTP_HOSTNAME);
    struct text url = meta_get(end->meta, META_HTTP_URL), target = url_target(url, &host);
    uint64_t key = upload_key(end->uploads, app_flow(end->session), end->side, host, target, nothing);
    struct form_item item;
    size_t at = 0;
    struct upload *upload = upload_find(end->uploads, key);
    while (form_next(note_of(part), boundary, &at, &item)) {
        uint64_t first, last, total;
        if (!part_range(item.range, &first, &last, &total) || last - first + 1 != item.data.len)
            continue;
        if (!upload) {
            upload = upload_make(end->uploads, key, app_now(end->session));
            upload_set_name(upload, name, url_file_name(url, name, sizeof(name)));
        }
        if (total != OBJECT_SIZE_UNKNOWN)
            upload->total = total;
        if (!upload_open(end->uploads, upload, first, 0) ||
            !upload_data(end->uploads, upload, first, (const uint8_t *)item.data.data, item.data.len))
            return;
    }
    if (upload)
        settle(end, upload);
}

void http_part_end(struct app_session *session, struct uploads *uploads, enum side side, struct http_part *part,
                   bool whole, struct meta *meta, uint64_t tx_id)
{
    const struct part_end end = {session, uploads, side, whole, meta, tx_id};
    struct upload *upload = upload_of(uploads, &part->upload);
    switch (part->role) {
    case PART_PIECE:
        if (upload)
            end_piece(&end, part, upload);
        break;
    case PART_CREATE:
        if (upload && part->piece)
            end_piece(&end, part, upload);
        else if (upload)
            end_create(&end, part, upload);
        break;
    case PART_CLOSE:
        if (upload)
            end_close(&end, part, upload);
        break;
    case PART_FORM:
        if (whole)
            end_form(&end, part);
        break;
    case PART_RANGES:
        end_ranges(&end, part);
        break;
    case PART_ANSWER:
        if (upload)
            read_answer(session, uploads, side, upload, meta, note_of(part));
        break;
    case PART_NAMED:
        if (upload && whole)
            upload_forget(uploads, upload);
        break;
    case PART_NONE:
        break;
    }
    clear(uploads, part);
}
