/* Heads of SMB 2 and 3 commands [MS-SMB2 2.2]. Offsets in the constants are from the command's header. */
#include <string.h>

#include "smb.h"

enum {
    SMB2_TREE_CONNECT = 3,
    SMB2_CREATE = 5,
    SMB2_CLOSE = 6,
    SMB2_READ = 8,
    SMB2_WRITE = 9,
    SMB2_SET_INFO = 17
};
enum { FLAG_RESPONSE = 1, FLAG_RELATED = 4 };
enum { HEADER = 64 };
enum { STATUS_PENDING = 0x103, STATUS_BUFFER_OVERFLOW = 0x80000005u };
enum { INFO_RENAME = 10, INFO_END_OF_FILE = 20 };

struct header {
    uint32_t status, flags, next, tree;
    uint16_t command;
    uint64_t message;
};

static struct header read_header(const uint8_t *head)
{
    struct header h;
    struct cursor c = cursor_over(head, HEADER);
    cursor_skip(&c, 8);
    h.status = cursor_le32(&c);
    h.command = cursor_le16(&c);
    cursor_skip(&c, 2);
    h.flags = cursor_le32(&c);
    h.next = cursor_le32(&c);
    h.message = cursor_le64(&c);
    cursor_skip(&c, 4);
    h.tree = cursor_le32(&c);
    return h;
}

static struct cursor body_of(const struct smb_side *s, size_t offset)
{
    struct cursor c = cursor_over(s->head, s->head_len);
    cursor_skip(&c, HEADER + offset);
    return c;
}

/* Bytes of the command that a field points to; bad when they are not all in the head. */
static const uint8_t *pointed(const struct smb_side *s, size_t at, size_t len)
{
    struct cursor c = cursor_over(s->head, s->head_len);
    cursor_skip(&c, at);
    return cursor_take(&c, len);
}

/* In a compound the handle of all ones is the file of the command before [MS-SMB2 3.3.5.2.7.2]. */
static struct smb_file *file_of(struct app_session *session, const struct header *h, const uint8_t handle[16])
{
    static const uint8_t ones[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct smb *smb = app_state(session);
    if (memcmp(handle, ones, 16) == 0)
        return h->flags & FLAG_RELATED && smb->related < SMB_FILES_MAX ? smb->file[smb->related] : NULL;
    struct smb_file *file = smb_file_met(session, handle, h->tree);
    smb->related = file ? smb_file_index(smb, file) : SMB_FILES_MAX;
    return file;
}

static void ask(struct smb *smb, const struct header *h, const struct smb_file *file, uint64_t offset)
{
    struct smb_request *request = smb_expect(smb, h->command, h->message);
    request->offset = offset;
    if (file) {
        request->index = smb_file_index(smb, file);
        request->file_number = file->number;
    }
}

/* ---- requests ---- */

static void create_request(struct app_session *session, const struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct cursor c = body_of(s, 44);
    uint16_t at = cursor_le16(&c), len = cursor_le16(&c);
    struct smb_file *file = smb_file_new(session, h->tree);
    smb->related = file ? smb_file_index(smb, file) : SMB_FILES_MAX;
    if (!file)
        return;
    const uint8_t *name = pointed(s, at, len);
    if (name)
        smb_name(session, file, name, len, true);
    ask(smb, h, file, 0);
}

static void tree_request(struct smb *smb, const struct smb_side *s, const struct header *h)
{
    struct cursor c = body_of(s, 4);
    uint16_t at = cursor_le16(&c), len = cursor_le16(&c);
    const uint8_t *path = pointed(s, at, len);
    char *share = smb_connecting(smb, h->message);
    smb_expect(smb, h->command, h->message);
    if (path)
        smb_text(path, len, true, share, SMB_SHARE_MAX - 1);
}

static void set_info_request(struct app_session *session, const struct smb_side *s, const struct header *h)
{
    struct cursor c = body_of(s, 2);
    uint8_t type = cursor_u8(&c), class = cursor_u8(&c);
    cursor_skip(&c, 4);
    uint16_t at = cursor_le16(&c);
    cursor_skip(&c, 6);
    const uint8_t *handle = cursor_take(&c, 16);
    struct smb_file *file = handle ? file_of(session, h, handle) : NULL;
    struct cursor info = cursor_over(s->head, s->head_len);
    cursor_skip(&info, at);
    if (!file || type != 1)
        return;
    if (class == INFO_END_OF_FILE) {
        uint64_t size = cursor_le64(&info);
        if (!info.bad)
            file->size = size;
    } else if (class == INFO_RENAME) {
        cursor_skip(&info, 16);
        uint32_t len = cursor_le32(&info);
        const uint8_t *name = cursor_take(&info, len);
        if (name)
            smb_name(session, file, name, len, true);
    }
}

static void take_request(struct app_session *session, struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct cursor c = body_of(s, 0);
    struct smb_file *file;
    const uint8_t *handle;
    if (!(h->flags & FLAG_RELATED))
        smb->related = SMB_FILES_MAX;
    switch (h->command) {
    case SMB2_TREE_CONNECT:
        tree_request(smb, s, h);
        break;
    case SMB2_CREATE:
        create_request(session, s, h);
        break;
    case SMB2_CLOSE:
        cursor_skip(&c, 8);
        if ((handle = cursor_take(&c, 16)) && (file = file_of(session, h, handle))) {
            smb_file_sent(session, file);
            ask(smb, h, file, 0);
        }
        break;
    case SMB2_READ: {
        cursor_skip(&c, 8);
        uint64_t offset = cursor_le64(&c);
        if ((handle = cursor_take(&c, 16)))
            ask(smb, h, file_of(session, h, handle), offset);
        break;
    }
    case SMB2_WRITE: {
        cursor_skip(&c, 2);
        uint16_t at = cursor_le16(&c);
        uint32_t len = cursor_le32(&c);
        uint64_t offset = cursor_le64(&c);
        if (!(handle = cursor_take(&c, 16)) || at < s->head_len)
            break;
        file = file_of(session, h, handle);
        if (!file || !smb_is_pipe(smb, file))
            smb_write_begin(smb, &s->payload, file, at - s->head_len, offset, len);
        break;
    }
    case SMB2_SET_INFO:
        set_info_request(session, s, h);
        break;
    default:
        break;
    }
}

/* ---- responses ---- */

static void create_response(struct app_session *session, const struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct smb_request request;
    struct cursor c = body_of(s, 48);
    uint64_t size = cursor_le64(&c);
    cursor_skip(&c, 8);
    const uint8_t *handle = cursor_take(&c, 16);
    struct smb_file *file = smb_answer(smb, h->command, h->message, &request) ? smb_request_file(smb, &request) : NULL;
    if (!file)
        return;
    if (h->status != 0 || !handle) {
        smb_file_close(session, file, false);
        return;
    }
    struct smb_file *old = smb_file_find(smb, handle);
    if (old && old != file)
        smb_file_close(session, old, false); /* the server uses the handle again: its closing was not seen */
    memcpy(file->handle, handle, 16);
    file->known = true;
    file->size = file->read_size = size;
}

static void take_response(struct app_session *session, struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct smb_request request;
    struct smb_file *file;
    if (h->status == STATUS_PENDING)
        return; /* the real answer comes later under the same number */
    switch (h->command) {
    case SMB2_TREE_CONNECT:
        if (smb_answer(smb, h->command, h->message, &request) && h->status == 0)
            smb_tree(smb, h->tree, h->message);
        break;
    case SMB2_CREATE:
        create_response(session, s, h);
        break;
    case SMB2_CLOSE:
        if (smb_answer(smb, h->command, h->message, &request) && (file = smb_request_file(smb, &request)))
            smb_file_close(session, file, true);
        break;
    case SMB2_READ: {
        struct cursor c = body_of(s, 2);
        uint8_t at = cursor_u8(&c);
        cursor_skip(&c, 1);
        uint32_t len = cursor_le32(&c);
        if (!smb_answer(smb, h->command, h->message, &request) || c.bad || at < s->head_len ||
            (h->status != 0 && h->status != STATUS_BUFFER_OVERFLOW))
            break;
        file = smb_request_file(smb, &request);
        if (!file || !smb_is_pipe(smb, file))
            smb_read_begin(smb, &s->payload, file, at - s->head_len, request.offset, len);
        break;
    }
    default:
        break;
    }
}

/* How much of a command's head is read before its payload is streamed. */
static size_t wanted(const struct header *h)
{
    bool response = h->flags & FLAG_RESPONSE;
    if (h->command == SMB2_WRITE)
        return response ? HEADER : HEADER + 48;
    if (h->command == SMB2_READ)
        return response ? HEADER + 16 : HEADER + 48;
    if (h->command == SMB2_TREE_CONNECT || h->command == SMB2_CREATE || h->command == SMB2_CLOSE ||
        h->command == SMB2_SET_INFO)
        return SMB_HEAD_MAX;
    return HEADER;
}

enum smb_head smb2_head(struct app_session *session, enum side side)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    size_t all = s->command_left + s->head_len;
    if (s->head_len < HEADER) {
        s->head_want = HEADER;
        return all < HEADER ? SMB_TAKEN : SMB_MORE;
    }
    struct header h = read_header(s->head);
    if (s->head_len == HEADER) {
        if (h.next >= HEADER && h.next < all)
            s->command_left = h.next - HEADER;
        all = s->command_left + s->head_len;
        size_t want = wanted(&h);
        if (want > all)
            want = all;
        if (want > s->head_len) {
            s->head_want = want;
            return SMB_MORE;
        }
    }
    smb->clock++;
    if (h.flags & FLAG_RESPONSE)
        take_response(session, s, &h);
    else
        take_request(session, s, &h);
    return SMB_TAKEN;
}
