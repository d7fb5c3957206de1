/* Heads of SMB 1 commands [MS-CIFS 2.2.4, MS-SMB 2.2.4]: opening, reading, writing and closing of
 * files. A handle is the 16-bit FID; requests and answers meet by their multiplex identifier (MID)
 * and process (PID). */
#include <string.h>

#include "smb.h"

enum { SMB1_CLOSE = 0x04, SMB1_READ = 0x2e, SMB1_WRITE = 0x2f, SMB1_TREE_CONNECT = 0x75, SMB1_CREATE = 0xa2 };
enum { HEADER = 32, REPLY = 0x80, UNICODE = 0x8000 };

struct header {
    uint8_t command, flags;
    uint16_t flags2, tree;
    uint32_t status;
    uint64_t message;
};

static struct header read_header(const uint8_t *head)
{
    struct header h;
    struct cursor c = cursor_over(head, HEADER);
    cursor_skip(&c, 4);
    h.command = cursor_u8(&c);
    h.status = cursor_le32(&c);
    h.flags = cursor_u8(&c);
    h.flags2 = cursor_le16(&c);
    cursor_skip(&c, 12);
    h.tree = cursor_le16(&c);
    uint32_t process = cursor_le16(&c);
    cursor_skip(&c, 2);
    h.message = (uint64_t)process << 16 | cursor_le16(&c);
    return h;
}

static void handle_of(uint16_t fid, uint8_t handle[16])
{
    memset(handle, 0, 16);
    handle[0] = (uint8_t)fid;
    handle[1] = (uint8_t)(fid >> 8);
}

static struct smb_file *file_of(struct app_session *session, const struct header *h, uint16_t fid)
{
    uint8_t handle[16];
    handle_of(fid, handle);
    return smb_file_met(session, handle, h->tree);
}

/* The parameter words, from `offset` on. */
static struct cursor words(const struct smb_side *s, size_t offset)
{
    size_t end = HEADER + 1 + (size_t)s->head[HEADER] * 2;
    struct cursor c = cursor_over(s->head, end < s->head_len ? end : s->head_len);
    cursor_skip(&c, HEADER + 1 + offset);
    return c;
}

/* The bytes after the words. */
static struct cursor bytes(const struct smb_side *s)
{
    struct cursor c = cursor_over(s->head, s->head_len);
    cursor_skip(&c, HEADER + 1 + (size_t)s->head[HEADER] * 2 + 2);
    return c;
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

static void create_request(struct app_session *session, const struct smb_side *s, const struct header *h)
{
    struct cursor c = words(s, 5), name = bytes(s);
    uint16_t len = cursor_le16(&c);
    bool wide = h->flags2 & UNICODE;
    if (wide && (s->head_len - cursor_left(&name)) % 2)
        cursor_skip(&name, 1);
    struct smb_file *file = smb_file_new(session, h->tree);
    const uint8_t *p = cursor_take(&name, len);
    if (!file)
        return;
    if (p)
        smb_name(session, file, p, len, wide);
    ask(app_state(session), h, file, 0);
}

static void tree_request(struct smb *smb, const struct smb_side *s, const struct header *h)
{
    struct cursor c = words(s, 6), path = bytes(s);
    bool wide = h->flags2 & UNICODE;
    cursor_skip(&path, cursor_le16(&c)); /* the password */
    if (wide && (s->head_len - cursor_left(&path)) % 2)
        cursor_skip(&path, 1);
    char *share = smb_connecting(smb, h->message);
    smb_expect(smb, h->command, h->message);
    if (!path.bad)
        smb_text(path.at, cursor_left(&path), wide, share, SMB_SHARE_MAX - 1);
}

static void write_request(struct app_session *session, struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct cursor c = words(s, 4);
    uint16_t fid = cursor_le16(&c);
    uint64_t offset = cursor_le32(&c);
    cursor_skip(&c, 8);
    uint32_t len = (uint32_t)cursor_le16(&c) << 16;
    len |= cursor_le16(&c);
    uint16_t at = cursor_le16(&c);
    if (c.bad || at < s->head_len)
        return;
    if (s->head[HEADER] >= 14)
        offset |= (uint64_t)cursor_le32(&c) << 32;
    struct smb_file *file = file_of(session, h, fid);
    if (!file || !smb_is_pipe(smb, file))
        smb_write_begin(smb, &s->payload, file, at - s->head_len, offset, len);
}

static void take_request(struct app_session *session, struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct cursor c = words(s, 0);
    switch (h->command) {
    case SMB1_TREE_CONNECT:
        tree_request(smb, s, h);
        break;
    case SMB1_CREATE:
        create_request(session, s, h);
        break;
    case SMB1_CLOSE: {
        uint16_t fid = cursor_le16(&c);
        struct smb_file *file = c.bad ? NULL : file_of(session, h, fid);
        if (file) {
            smb_file_sent(session, file);
            ask(smb, h, file, 0);
        }
        break;
    }
    case SMB1_READ: {
        cursor_skip(&c, 4);
        uint16_t fid = cursor_le16(&c);
        uint64_t offset = cursor_le32(&c);
        cursor_skip(&c, 10);
        if (c.bad)
            break;
        if (s->head[HEADER] >= 12)
            offset |= (uint64_t)cursor_le32(&c) << 32;
        ask(smb, h, file_of(session, h, fid), offset);
        break;
    }
    case SMB1_WRITE:
        write_request(session, s, h);
        break;
    default:
        break;
    }
}

static void create_response(struct app_session *session, const struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct smb_request request;
    struct cursor c = words(s, 5);
    uint16_t fid = cursor_le16(&c);
    cursor_skip(&c, 48);
    uint64_t size = cursor_le64(&c);
    struct smb_file *file = smb_answer(smb, h->command, h->message, &request) ? smb_request_file(smb, &request) : NULL;
    if (!file)
        return;
    if (h->status || c.bad) {
        smb_file_close(session, file, false);
        return;
    }
    uint8_t handle[16];
    handle_of(fid, handle);
    struct smb_file *old = smb_file_find(smb, handle);
    if (old && old != file)
        smb_file_close(session, old, false);
    memcpy(file->handle, handle, 16);
    file->known = true;
    file->size = file->read_size = size;
}

static void take_response(struct app_session *session, struct smb_side *s, const struct header *h)
{
    struct smb *smb = app_state(session);
    struct smb_request request;
    struct smb_file *file;
    switch (h->command) {
    case SMB1_TREE_CONNECT:
        if (smb_answer(smb, h->command, h->message, &request) && !h->status)
            smb_tree(smb, h->tree, h->message);
        break;
    case SMB1_CREATE:
        create_response(session, s, h);
        break;
    case SMB1_CLOSE:
        if (smb_answer(smb, h->command, h->message, &request) && (file = smb_request_file(smb, &request)))
            smb_file_close(session, file, true);
        break;
    case SMB1_READ: {
        struct cursor c = words(s, 10);
        uint32_t len = cursor_le16(&c);
        uint16_t at = cursor_le16(&c);
        len |= (uint32_t)cursor_le16(&c) << 16;
        if (!smb_answer(smb, h->command, h->message, &request) || c.bad || at < s->head_len)
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

enum smb_head smb1_head(struct app_session *session, enum side side)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    size_t all = s->command_left + s->head_len, want = HEADER + 3;
    if (s->head_len >= HEADER + 1) {
        struct header h = read_header(s->head);
        want = HEADER + 1 + (size_t)s->head[HEADER] * 2; /* of a read or write only the words, then the payload */
        if (h.command == SMB1_CREATE || h.command == SMB1_TREE_CONNECT)
            want = SMB_HEAD_MAX;
    }
    if (want > all)
        want = all;
    if (want > SMB_HEAD_MAX)
        want = SMB_HEAD_MAX;
    if (want > s->head_len) {
        s->head_want = want;
        return SMB_MORE;
    }
    if (s->head_len <= HEADER)
        return SMB_TAKEN; /* too short to be anything */
    struct header h = read_header(s->head);
    smb->clock++;
    if (h.flags & REPLY)
        take_response(session, s, &h);
    else
        take_request(session, s, &h);
    return SMB_TAKEN;
}
