/* See http_form.h. Names of fields as resumable.js, flow.js, Dropzone, Fine Uploader, plupload, WebUploader,
 * simple-uploader and the many hand-written ones have them. */
#include "http_form.h"

#include <string.h>
#include <strings.h>

#include "body_value.h"

static const char *const number_names[] = {"resumableChunkNumber", "flowChunkNumber", "dzchunkindex", "qqpartindex",
                                           "chunkNumber", "chunk_number", "chunkIndex", "chunk_index", "currentChunk",
                                           "partNumber", "part_number", "chunk", NULL};
static const char *const count_names[] = {"resumableTotalChunks", "flowTotalChunks", "dztotalchunkcount",
                                          "qqtotalparts", "totalChunks", "total_chunks", "chunkCount", "chunk_count",
                                          "totalParts", "total_parts", "chunks", NULL};
static const char *const id_names[] = {"resumableIdentifier", "flowIdentifier", "dzuuid", "qquuid", "identifier",
                                       "uploadId", "upload_id", "fileId", "file_id", "uuid", "fileHash", "hash", "md5",
                                       "id", NULL};
static const char *const name_names[] = {"resumableFilename", "flowFilename", "qqfilename", "filename", "fileName",
                                         "file_name", "name", NULL};

/* ---- items ---- */

/* Offset behind the delimiter's line; `len` when there is none. *begin: where the delimiter begins, with the line end
 * before it. */
static size_t find_delimiter(struct text body, struct text boundary, size_t from, size_t *begin)
{
    *begin = body.len;
    while (from < body.len && boundary.len) {
        const char *hit = memmem(body.data + from, body.len - from, boundary.data, boundary.len);
        if (!hit)
            break;
        size_t at = (size_t)(hit - body.data);
        from = at + boundary.len;
        if (at < 2 || hit[-1] != '-' || hit[-2] != '-' || (at > 2 && hit[-3] != '\n'))
            continue;
        *begin = at - 2 - (at > 2) - (at > 3 && hit[-4] == '\r');
        const char *end = memchr(body.data + from, '\n', body.len - from);
        return end ? (size_t)(end - body.data) + 1 : body.len;
    }
    return body.len;
}

static void take_header(struct form_item *item, struct text line)
{
    const char *colon = memchr(line.data, ':', line.len);
    if (!colon)
        return;
    struct text name = {line.data, (size_t)(colon - line.data)};
    struct text value = {colon + 1, line.len - name.len - 1};
    if (name.len == 19 && strncasecmp(name.data, "content-disposition", 19) == 0) {
        item->field_len = header_parameter(value, "name", item->field, sizeof(item->field));
        item->file_len = header_parameter(value, "filename", item->file, sizeof(item->file));
    } else if (name.len == 13 && strncasecmp(name.data, "content-range", 13) == 0) {
        item->range = value;
    }
}

bool form_next(struct text body, struct text boundary, size_t *at, struct form_item *item)
{
    size_t begin;
    if (!*at) /* the first one; later it is where the last item ended */
        *at = find_delimiter(body, boundary, 0, &begin);
    item->field_len = item->file_len = 0;
    item->range = (struct text){NULL, 0};
    for (size_t line = *at; line < body.len;) {
        const char *end = memchr(body.data + line, '\n', body.len - line);
        if (!end)
            break;
        size_t len = (size_t)(end - body.data) - line;
        bool empty = !len || (len == 1 && body.data[line] == '\r');
        if (!empty) {
            take_header(item, (struct text){body.data + line, len});
            line += len + 1;
            continue;
        }
        size_t data = line + len + 1;
        *at = find_delimiter(body, boundary, data, &begin);
        item->closed = begin < body.len;
        if (begin < data)
            begin = data; /* an empty part: its end is the empty line */
        item->data = (struct text){body.data + data, begin - data};
        return true;
    }
    *at = body.len;
    return false;
}

/* ---- words ---- */

static bool is_one_of(struct text name, const char *const *names)
{
    for (; *names; names++) {
        if (name.len == strlen(*names) && memcmp(name.data, *names, name.len) == 0)
            return true;
    }
    return false;
}

static size_t keep(struct text value, char *out, size_t room)
{
    size_t n = value.len < room ? value.len : room;
    if (n)
        memcpy(out, value.data, n);
    return n;
}

/* The first word of a kind counts. */
static void take_word(struct form_chunk *chunk, struct text name, struct text value)
{
    if (is_one_of(name, number_names) && chunk->number == UINT64_MAX)
        header_number(value, &chunk->number);
    else if (is_one_of(name, count_names) && !chunk->count)
        header_number(value, &chunk->count);
    else if (is_one_of(name, id_names) && !chunk->id_len)
        chunk->id_len = keep(value, chunk->id, sizeof(chunk->id));
    else if (is_one_of(name, name_names) && !chunk->name_len)
        chunk->name_len = keep(value, chunk->name, sizeof(chunk->name));
}

static void take_query(struct form_chunk *chunk, struct text url)
{
    const char *query = url.len ? memchr(url.data, '?', url.len) : NULL;
    size_t at = query ? (size_t)(query - url.data) + 1 : url.len;
    char value[HEADER_NAME_ROOM];
    while (at < url.len) {
        const char *begin = url.data + at;
        const char *end = memchr(begin, '&', url.len - at);
        size_t n = end ? (size_t)(end - begin) : url.len - at;
        const char *equal = memchr(begin, '=', n);
        if (equal) {
            size_t len = url_decode((struct text){equal + 1, n - (size_t)(equal + 1 - begin)}, value, sizeof(value));
            take_word(chunk, (struct text){begin, (size_t)(equal - begin)}, (struct text){value, len});
        }
        at += n + 1;
    }
}

static bool is_piece(const struct form_chunk *chunk)
{
    return chunk->number != UINT64_MAX && chunk->count > 1 && chunk->number <= chunk->count;
}

bool form_chunk(struct form_chunk *chunk, struct text form, struct text boundary, struct text url,
                struct form_item *item)
{
    struct form_item next;
    size_t at = 0;
    bool found = false;
    chunk->number = UINT64_MAX;
    chunk->count = chunk->id_len = chunk->name_len = 0;
    take_query(chunk, url);
    while (form_next(form, boundary, &at, &next)) {
        if (next.file_len && !found) {
            *item = next;
            found = true;
        } else if (!next.file_len && next.closed) {
            take_word(chunk, (struct text){next.field, next.field_len}, next.data);
        }
    }
    if (found && !chunk->name_len)
        chunk->name_len = keep((struct text){item->file, item->file_len}, chunk->name, sizeof(chunk->name));
    return is_piece(chunk) && (found || !form.len);
}

bool form_may_be_chunk(struct text form, struct text boundary, struct text url)
{
    struct form_chunk chunk = {.number = UINT64_MAX};
    struct form_item item;
    size_t at = 0;
    take_query(&chunk, url);
    while (form_next(form, boundary, &at, &item)) {
        if (!item.file_len) {
            take_word(&chunk, (struct text){item.field, item.field_len}, item.data);
            continue;
        }
        /* A Blob that a script cut from a file has this name; its words may follow. */
        return is_piece(&chunk) || (item.file_len == 4 && memcmp(item.file, "blob", 4) == 0);
    }
    return true;
}
