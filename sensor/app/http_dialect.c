/* How uploads in parts are spoken: each dialect looks at a message's head and says what its body is to the file. They
 * are asked in turn; a server's own words (uploadId, Upload-Offset, Dropbox-API-Arg...) come before the general ones
 * (Content-Range). */
#include <stddef.h>
#include <string.h>

#include "body_value.h"
#include "http_form.h"
#include "http_parts.h"

static bool is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool ends_with(struct text text, const char *word)
{
    size_t len = strlen(word);
    return text.len >= len && memcmp(text.data + text.len - len, word, len) == 0;
}

static struct text field(const struct http_part_head *head, const char *name)
{
    return head->field(head->fields, name);
}

static void set_name(struct part_place *place, struct text name)
{
    place->name_len = name.len < sizeof(place->name) ? name.len : sizeof(place->name);
    if (place->name_len)
        memcpy(place->name, name.data, place->name_len);
}

static void set_path_name(struct part_place *place, struct text path)
{
    place->name_len = url_file_name(path, place->name, sizeof(place->name));
}

bool part_range(struct text text, uint64_t *first, uint64_t *last, uint64_t *total)
{
    uint64_t number[3] = {0, 0, 0};
    bool has[3] = {false, false, false};
    unsigned at = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c >= '0' && c <= '9' && number[at] < UINT64_MAX / 16) {
            number[at] = number[at] * 10 + (uint64_t)(c - '0');
            has[at] = true;
        } else if ((c == '-' && at == 0) || (c == '/' && at == 1)) {
            at++;
        }
    }
    *first = number[0];
    *last = number[1];
    *total = has[2] ? number[2] : OBJECT_SIZE_UNKNOWN;
    return has[0] && has[1] && number[1] >= number[0];
}

/* Amazon S3 and its kin: parts by number. */
static bool s3(const struct http_part_head *head, struct part_place *place)
{
    struct text id = url_parameter(head->url, "uploadId"), number = url_parameter(head->url, "partNumber");
    if (!id.len || (number.data && !header_number(number, &place->order)))
        return false;
    if (!number.data && !is(head->method, "POST"))
        return false;
    place->path = url_path(head->url, &place->host);
    place->id = id;
    place->numbered = true;
    place->foreign = field(head, "x-amz-copy-source").len > 0;
    place->role = number.data ? PART_PIECE : PART_CLOSE;
    place->piece = number.data != NULL;
    place->block = number;
    return true;
}

/* Azure blobs: blocks in the order of a list, pages by offset; Data Lake: appended at an offset. */
static bool azure(const struct http_part_head *head, struct part_place *place)
{
    struct text kind = url_parameter(head->url, "comp"), action = url_parameter(head->url, "action");
    uint64_t last;
    place->path = url_path(head->url, &place->host);
    place->role = PART_PIECE;
    place->piece = true;
    if (is(kind, "block") || is(kind, "appendblock")) { /* nobody says when the last was appended */
        place->numbered = true;
        place->order = UINT64_MAX; /* as they come */
        place->foreign = field(head, "x-ms-copy-source").len > 0;
        place->block = url_parameter(head->url, "blockid");
        return true;
    }
    if (is(kind, "blocklist") && is(head->method, "PUT")) {
        place->role = PART_CLOSE;
        place->piece = false;
        place->numbered = true;
        return true;
    }
    if (is(kind, "page"))
        return part_range(field(head, "x-ms-range"), &place->order, &last, &place->total) ||
               part_range(field(head, "range"), &place->order, &last, &place->total);
    if (is(action, "append"))
        return header_number(url_parameter(head->url, "position"), &place->order);
    if (is(action, "flush") && header_number(url_parameter(head->url, "position"), &place->total)) {
        place->role = PART_CLOSE;
        place->piece = false;
        return true;
    }
    if (field(head, "x-ms-blob-content-length").len && !kind.data) {
        place->role = PART_CREATE;
        place->piece = false;
        place->keyed = true;
        return header_number(field(head, "x-ms-blob-content-length"), &place->total);
    }
    return false;
}

/* "filename d29ybGQ=,filetype dGV4dA==" (tus 1.0, Upload-Metadata) */
static void tus_metadata(struct text words, struct part_place *place)
{
    for (size_t i = 0; i < words.len;) {
        const char *begin = words.data + i;
        const char *comma = memchr(begin, ',', words.len - i);
        size_t n = comma ? (size_t)(comma - begin) : words.len - i;
        i += n + 1;
        while (n && *begin == ' ') {
            begin++;
            n--;
        }
        const char *blank = memchr(begin, ' ', n);
        if (!blank)
            continue;
        struct text key = {begin, (size_t)(blank - begin)}, value = {blank + 1, n - (size_t)(blank + 1 - begin)};
        if (is(key, "filename") || (is(key, "name") && !place->name_len))
            place->name_len = base64_word(value, place->name, sizeof(place->name));
        else if (is(key, "filetype") || is(key, "type") || is(key, "contentType"))
            place->type_len = base64_word(value, place->type, sizeof(place->type));
    }
}

/* tus.io 1.0, and the IETF's draft on resumable uploads. */
static bool tus(const struct http_part_head *head, struct part_place *place)
{
    struct text offset = field(head, "upload-offset"), length = field(head, "upload-length");
    struct text concat = field(head, "upload-concat"), complete = field(head, "upload-complete");
    place->path = url_target(head->url, &place->host);
    header_number(length, &place->total);
    place->last = is(complete, "?1");
    if (header_number(offset, &place->order)) {
        place->role = PART_PIECE;
        place->piece = true;
        return true;
    }
    if (!length.len && !field(head, "upload-defer-length").len && !concat.len && !complete.len)
        return false;
    if (concat.len >= 6 && memcmp(concat.data, "final;", 6) == 0) {
        place->role = PART_CLOSE;
        place->members = (struct text){concat.data + 6, concat.len - 6};
    } else {
        place->role = PART_CREATE;
        place->held = is(concat, "partial");
        place->piece = head->body && !place->last;
    }
    tus_metadata(field(head, "upload-metadata"), place);
    return !place->last;
}

/* Google's X-Goog-Upload protocol (Photos, Gemini, Firebase). */
static bool goog(const struct http_part_head *head, struct part_place *place)
{
    struct text command = field(head, "x-goog-upload-command");
    bool data = text_contains(command, "upload");
    place->path = url_target(head->url, &place->host);
    place->last = text_contains(command, "finalize");
    set_name(place, field(head, "x-goog-upload-file-name"));
    header_number(field(head, "x-goog-upload-offset"), &place->order);
    if (text_contains(command, "start")) {
        place->role = data && place->last ? PART_NONE : PART_CREATE;
        place->piece = data;
        if (!header_number(field(head, "x-goog-upload-header-content-length"), &place->total))
            header_number(field(head, "x-goog-upload-raw-size"), &place->total);
        return place->role != PART_NONE;
    }
    place->role = PART_PIECE;
    place->piece = true;
    return data || place->last;
}

/* Dropbox: its words are JSON in a header field. */
static bool dropbox(const struct http_part_head *head, struct part_place *place)
{
    struct text words = field(head, "dropbox-api-arg"), host = {NULL, 0};
    struct text path = url_path(head->url, &host);
    char number[24];
    place->path = (struct text){"dropbox", 7};
    if (!words.len)
        return false;
    if (ends_with(path, "/upload_session/start")) {
        place->role = PART_CREATE;
        place->piece = true;
        return true;
    }
    size_t n = json_value(words, "session_id", place->words, sizeof(place->words));
    place->id = (struct text){place->words, n};
    if (!n || !header_number((struct text){number, json_value(words, "offset", number, sizeof(number))}, &place->order))
        return false;
    place->role = PART_PIECE;
    place->piece = true;
    place->last = ends_with(path, "/finish");
    place->name_len = part_file_name(head, place->name, sizeof(place->name));
    return true;
}

/* Nextcloud and ownCloud: chunks are files of a folder that a MOVE puts together; or, before that, all in the name. */
static bool nextcloud(const struct http_part_head *head, struct part_place *place)
{
    struct text path = url_path(head->url, &place->host);
    const char *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;
    const char *mark = path.len ? memmem(path.data, path.len, "-chunking-", 10) : NULL;
    uint64_t numbers[3] = {0, 0, 0};
    unsigned count = 0;
    if (mark && slash && mark > slash && is(head->method, "PUT")) { /* NAME-chunking-ID-COUNT-INDEX */
        for (const char *p = mark + 10; p < path.data + path.len && count < 3; p++) {
            if (*p >= '0' && *p <= '9' && numbers[count] < UINT64_MAX / 16)
                numbers[count] = numbers[count] * 10 + (uint64_t)(*p - '0');
            else if (*p == '-')
                count++;
        }
        place->path = (struct text){path.data, (size_t)(mark - path.data)};
        place->role = PART_PIECE;
        place->piece = place->numbered = true;
        place->pieces = numbers[1];
        place->order = numbers[2];
        set_path_name(place, place->path);
        return count == 2 && numbers[1] > 1;
    }
    if (!slash || !memmem(path.data, path.len, "/dav/uploads/", 13))
        return false;
    struct text last = {slash + 1, path.len - (size_t)(slash + 1 - path.data)};
    place->path = (struct text){path.data, path.len - last.len};
    place->numbered = true;
    header_number(field(head, "oc-total-length"), &place->total);
    set_path_name(place, field(head, "destination"));
    if (is(head->method, "MOVE") && last.len && last.data[0] == '.') {
        place->role = PART_CLOSE;
        return true;
    }
    size_t digits = 0;
    while (digits < last.len && last.data[digits] >= '0' && last.data[digits] <= '9')
        digits++;
    place->role = PART_PIECE;
    place->piece = true;
    return is(head->method, "PUT") && header_number((struct text){last.data, digits}, &place->order);
}

/* Sessions that begin with a request of their own (Google, Microsoft Graph): the answer says where the bytes go. */
static bool session_begins(const struct http_part_head *head, struct part_place *place)
{
    struct text path = url_path(head->url, &place->host);
    place->path = url_target(head->url, &place->host);
    place->role = PART_CREATE;
    if (ends_with(path, "createUploadSession")) {
        const char *end = memrchr(path.data, ':', path.len);
        const char *slash = end ? memrchr(path.data, '/', (size_t)(end - path.data)) : NULL;
        if (slash)
            place->name_len = url_decode((struct text){slash + 1, (size_t)(end - slash - 1)}, place->name,
                                         sizeof(place->name));
        return true;
    }
    if (!is(url_parameter(head->url, "uploadType"), "resumable") || url_parameter(head->url, "upload_id").len ||
        field(head, "content-range").len)
        return false;
    header_number(field(head, "x-upload-content-length"), &place->total);
    place->name_len = url_decode(url_parameter(head->url, "name"), place->name, sizeof(place->name));
    return true;
}

/* Slices whose words are in the query and whose bytes are the body. */
static bool query_chunk(const struct http_part_head *head, struct part_place *place)
{
    struct form_chunk chunk;
    static const struct text none = {NULL, 0};
    if (text_contains(head->type, "multipart/") || !form_chunk(&chunk, none, none, head->url, NULL))
        return false;
    place->path = url_path(head->url, &place->host);
    place->role = PART_PIECE;
    place->piece = place->numbered = true;
    place->order = chunk.number;
    place->pieces = chunk.count;
    set_name(place, (struct text){chunk.name, chunk.name_len});
    memcpy(place->words, chunk.id, chunk.id_len);
    place->id = chunk.id_len ? (struct text){place->words, chunk.id_len} : (struct text){place->name, place->name_len};
    return true;
}

static bool content_range(const struct http_part_head *head, struct part_place *place)
{
    uint64_t last;
    if (!part_range(field(head, "content-range"), &place->order, &last, &place->total))
        return false;
    place->path = url_target(head->url, &place->host);
    place->role = PART_PIECE;
    place->piece = true;
    return !(place->order == 0 && last + 1 == place->total);
}

/* "/upload?filename=a.jpg": when the path names a script rather than a file. */
static size_t query_file_name(struct text url, char *out, size_t room)
{
    static const char *const names[] = {"filename", "fileName", "file_name", "qqfile", "name"};
    char value[HEADER_NAME_ROOM];
    size_t n = url_file_name(url, value, sizeof(value));
    if (n && memchr(value, '.', n))
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n = url_decode(url_parameter(url, names[i]), value, sizeof(value));
        if (n && memchr(value, '.', n))
            return url_file_name((struct text){value, n}, out, room);
    }
    return 0;
}

size_t part_file_name(const struct http_part_head *head, char *out, size_t room)
{
    static const char *const names[] = {"x-file-name", "x-filename", "x-goog-upload-file-name", "slug"};
    struct text words = field(head, "dropbox-api-arg");
    char path[HEADER_NAME_ROOM];
    if (words.len) {
        size_t n = json_value(words, "path", path, sizeof(path));
        if (n)
            return url_file_name((struct text){path, n}, out, room);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct text value = field(head, names[i]);
        if (value.len)
            return url_decode(value, out, room);
    }
    return query_file_name(head->url, out, room);
}

bool part_place_of(const struct http_part_head *head, struct part_place *place)
{
    static bool (*const dialects[])(const struct http_part_head *, struct part_place *) = {
        s3, azure, tus, goog, dropbox, nextcloud, session_begins, query_chunk, content_range};
    bool writes = is(head->method, "PUT") || is(head->method, "POST") || is(head->method, "PATCH") ||
                  is(head->method, "MOVE");
    size_t count = sizeof(dialects) / sizeof(dialects[0]);
    if (head->request && !writes)
        return false;
    for (size_t i = head->request ? 0 : count - 1; i < count; i++) {
        memset(place, 0, offsetof(struct part_place, name));
        place->host = head->host;
        place->total = OBJECT_SIZE_UNKNOWN;
        if (dialects[i](head, place))
            return head->body || !place->piece || place->last;
    }
    return false;
}
