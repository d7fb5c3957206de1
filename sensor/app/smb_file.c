/* The files a session has open, the requests that wait for answers, the trees (shares) they are in. All are small fixed
 * tables: when one is full, the entry idle longest goes. */
#include <string.h>
#include <strings.h>

#include "smb.h"
#include "utf8.h"

static struct assembly_memory *memory_of(struct app_session *session)
{
    struct smb_shared *shared = app_shared(session, &app_smb);
    return &shared->memory;
}

static struct object_info info_of(struct app_session *session, enum side side, const struct smb_file *file)
{
    size_t name = file->name_len;
    while (name && file->name[name - 1] != '\\' && file->name[name - 1] != '/')
        name--;
    return (struct object_info){
        .flow = app_flow(session),
        .sender = side,
        .meta = file->meta,
        .name = {file->name + name, file->name_len - name},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = file->number,
        .time_ns = app_now(session),
    };
}

static void end_side(struct app_session *session, struct smb_file *file, enum side side, bool closed)
{
    const struct object_info info = info_of(session, side, file);
    if (side == SIDE_CLIENT)
        assembly_end(session, memory_of(session), &file->sent, &info, closed, file->size);
    else
        assembly_end(session, memory_of(session), &file->given, &info, closed, file->read_size);
}

void smb_file_sent(struct app_session *session, struct smb_file *file)
{
    end_side(session, file, SIDE_CLIENT, true);
}

void smb_file_close(struct app_session *session, struct smb_file *file, bool closed)
{
    struct smb_shared *shared = app_shared(session, &app_smb);
    struct smb *smb = app_state(session);
    end_side(session, file, SIDE_CLIENT, closed);
    end_side(session, file, SIDE_SERVER, closed);
    meta_drop(app_meta_pool(session), file->meta);
    smb->file[smb_file_index(smb, file)] = NULL;
    pool_put(shared->files, file);
}

uint32_t smb_file_index(const struct smb *smb, const struct smb_file *file)
{
    uint32_t i = 0;
    while (i < SMB_FILES_MAX && smb->file[i] != file)
        i++;
    return i;
}

static struct smb_file **free_slot(struct app_session *session)
{
    struct smb *smb = app_state(session);
    struct smb_file **idle = &smb->file[0];
    for (unsigned i = 0; i < SMB_FILES_MAX; i++) {
        if (!smb->file[i])
            return &smb->file[i];
        if (smb->file[i]->used_at < (*idle)->used_at)
            idle = &smb->file[i];
    }
    smb_file_close(session, *idle, false);
    return idle;
}

struct smb_file *smb_file_new(struct app_session *session, uint32_t tree)
{
    struct smb_shared *shared = app_shared(session, &app_smb);
    struct smb *smb = app_state(session);
    struct smb_file **slot = free_slot(session);
    struct smb_file *file = app_take(session, shared->files);
    if (!file)
        return NULL;
    *slot = file;
    file->tree = tree;
    file->size = file->read_size = OBJECT_SIZE_UNKNOWN;
    file->used_at = smb->clock;
    file->number = smb->files_seen++;
    return file;
}

struct smb_file *smb_file_find(struct smb *smb, const uint8_t handle[16])
{
    for (unsigned i = 0; i < SMB_FILES_MAX; i++) {
        struct smb_file *file = smb->file[i];
        if (file && file->known && memcmp(file->handle, handle, 16) == 0) {
            file->used_at = smb->clock;
            return file;
        }
    }
    return NULL;
}

/* A handle whose opening was not seen: the file has no name. */
struct smb_file *smb_file_met(struct app_session *session, const uint8_t handle[16], uint32_t tree)
{
    struct smb *smb = app_state(session);
    struct smb_file *file = smb_file_find(smb, handle);
    if (!file && (file = smb_file_new(session, tree))) {
        memcpy(file->handle, handle, 16);
        file->known = true;
    }
    return file;
}

size_t smb_text(const uint8_t *data, size_t len, bool wide, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 4 <= room;) {
        uint32_t c = data[i++];
        if (wide && i < len)
            c |= (uint32_t)data[i++] << 8;
        if (wide && c >= 0xd800 && c < 0xdc00 && i + 1 < len) {
            uint32_t low = data[i] | (uint32_t)data[i + 1] << 8;
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
                i += 2;
            }
        }
        if (!c)
            break;
        n += utf8_put(out + n, c);
    }
    return n;
}

static int tree_index(const struct smb *smb, uint32_t id)
{
    for (int i = 0; i < SMB_TREES_MAX; i++) {
        if (smb->tree[i].used && smb->tree[i].id == id)
            return i;
    }
    return -1;
}

char *smb_connecting(struct smb *smb, uint64_t message)
{
    unsigned i = (unsigned)(message % SMB_CONNECTING_MAX);
    smb->connecting[i].message = message;
    return memset(smb->connecting[i].share, 0, SMB_SHARE_MAX);
}

void smb_tree(struct smb *smb, uint32_t id, uint64_t message)
{
    unsigned from = (unsigned)(message % SMB_CONNECTING_MAX);
    int i = tree_index(smb, id);
    if (i < 0)
        i = (int)(id % SMB_TREES_MAX);
    memset(&smb->tree[i], 0, sizeof(smb->tree[i]));
    smb->tree[i].used = true;
    smb->tree[i].id = id;
    if (smb->connecting[from].message != message)
        return; /* another request took its room: the share has no name */
    const char *share = smb->connecting[from].share;
    size_t len = strlen(share);
    smb->tree[i].pipe = len >= 4 && strcasecmp(share + len - 4, "IPC$") == 0;
    memcpy(smb->tree[i].share, share, len);
    memset(smb->connecting[from].share, 0, SMB_SHARE_MAX);
}

bool smb_is_pipe(const struct smb *smb, const struct smb_file *file)
{
    int i = tree_index(smb, file->tree);
    return i >= 0 && smb->tree[i].pipe;
}

void smb_name(struct app_session *session, struct smb_file *file, const uint8_t *name, size_t len, bool wide)
{
    struct smb *smb = app_state(session);
    const struct object_sink *sink = app_objects(session);
    file->name_len = (uint16_t)smb_text(name, len, wide, file->name, SMB_NAME_MAX);
    if (!file->meta)
        file->meta = meta_new(app_meta_pool(session));
    meta_set(file->meta, META_SMB_FILENAME, file->name, file->name_len);
    int tree = tree_index(smb, file->tree);
    if (tree >= 0)
        meta_set(file->meta, META_SMB_SHARE, smb->tree[tree].share, strlen(smb->tree[tree].share));
    const struct object_info info = info_of(session, SIDE_CLIENT, file);
    if (file->sent.object) /* renamed while open */
        sink->set_name(sink->user, file->sent.object, info.name.data, info.name.len);
}

/* ---- payloads ---- */

static struct smb_file *payload_file(const struct smb *smb, const struct smb_payload *payload)
{
    struct smb_file *file = payload->index < SMB_FILES_MAX ? smb->file[payload->index] : NULL;
    return file && file->number == payload->number ? file : NULL;
}

static void set_payload(const struct smb *smb, struct smb_payload *payload, const struct smb_file *file, size_t skip,
                        uint64_t offset, uint64_t len)
{
    payload->index = file ? smb_file_index(smb, file) : SMB_FILES_MAX;
    payload->number = file ? file->number : 0;
    payload->skip = skip;
    payload->offset = offset;
    payload->left = len;
}

void smb_write_begin(struct smb *smb, struct smb_payload *payload, struct smb_file *file, size_t skip, uint64_t offset,
                     uint32_t len)
{
    if (!file) { /* counted as shed */
        set_payload(smb, payload, NULL, skip, offset, len);
        return;
    }
    if (offset == UINT64_MAX) /* at the end of the file [MS-FSA 2.1.5.4] */
        offset = file->size != OBJECT_SIZE_UNKNOWN ? file->size : file->sent.end;
    uint32_t again = assembly_page_again(&file->sent, offset, len);
    if (file->size != OBJECT_SIZE_UNKNOWN && offset <= UINT64_MAX - len && offset + len > file->size)
        file->size = offset + len;
    set_payload(smb, payload, file, skip + again, offset + again, len - again);
}

void smb_read_begin(struct smb *smb, struct smb_payload *payload, struct smb_file *file, size_t skip, uint64_t offset,
                    uint32_t len)
{
    if (file)
        file->given.repeats = true;
    set_payload(smb, payload, file, skip, offset, len);
}

void smb_file_data(struct app_session *session, enum side side, struct smb_payload *payload, const uint8_t *data,
                   size_t len)
{
    struct smb_file *file = payload_file(app_state(session), payload);
    if (file) {
        const struct object_info info = info_of(session, side, file);
        assembly_write(session, memory_of(session), side == SIDE_CLIENT ? &file->sent : &file->given, &info,
                       payload->offset, data, len);
    } else {
        app_shed(session, side, len); /* no room for the file, or it was given up for others */
    }
    payload->offset += len;
    payload->left -= len;
}

void smb_file_gap(struct app_session *session, enum side side, struct smb_payload *payload, uint64_t len)
{
    struct smb_file *file = payload_file(app_state(session), payload);
    if (file) {
        const struct object_info info = info_of(session, side, file);
        assembly_gap(session, memory_of(session), side == SIDE_CLIENT ? &file->sent : &file->given, &info,
                     payload->offset, len);
    }
    payload->offset += len;
    payload->left -= len;
}

/* ---- requests ---- */

struct smb_request *smb_expect(struct smb *smb, uint16_t command, uint64_t message)
{
    struct smb_request *request = &smb->pending[message % SMB_PENDING_MAX];
    memset(request, 0, sizeof(*request));
    request->used = true;
    request->command = command;
    request->message = message;
    request->index = SMB_FILES_MAX;
    return request;
}

bool smb_answer(struct smb *smb, uint16_t command, uint64_t message, struct smb_request *request)
{
    struct smb_request *pending = &smb->pending[message % SMB_PENDING_MAX];
    if (!pending->used || pending->message != message || pending->command != command)
        return false;
    *request = *pending;
    memset(pending, 0, sizeof(*pending));
    return true;
}

struct smb_file *smb_request_file(const struct smb *smb, const struct smb_request *request)
{
    struct smb_file *file = request->index < SMB_FILES_MAX ? smb->file[request->index] : NULL;
    return file && file->number == request->file_number ? file : NULL;
}
