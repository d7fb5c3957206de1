/* The files of a session, and when they are whole. NFS 4 closes what it opened; NFS 3 knows no closing, so a file there
 * is whole when all bytes up to the size that the server tells were seen and, for a written one, the server has
 * said that they are on its disk and the client went on to something else. Such a file waits a little, for more may
 * come, and is ended when it was left alone, when many wait, or with the connection.
 *
 * A file that is written once more after that is a new object. */
#include <string.h>

#include "nfs.h"

#define SETTLED_MAX 16                      /* whole files that wait */
#define SETTLED_NS (5 * INT64_C(1000000000))
#define IDLE_NS (300 * INT64_C(1000000000)) /* the same for others */
#define SWEEP_NS INT64_C(1000000000)
#define PAGE 4096

static struct object_info info_of(struct app_session *session, enum side side, const struct nfs_file *file)
{
    return (struct object_info){
        .flow = app_flow(session),
        .sender = side,
        .meta = file->meta,
        .name = {file->name, file->name_len},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .tx_id = file->number,
        .time_ns = app_now(session),
    };
}

static void set_name(struct app_session *session, struct nfs_file *file)
{
    char path[NFS_PATH_MAX];
    struct text share;
    size_t len = nfs_names_path(nfs_shared_of(session)->names, file->id, path, &share), name = len;
    while (name && path[name - 1] != '/')
        name--;
    file->name_len = (uint16_t)(len - name);
    memcpy(file->name, path + name, file->name_len);
    meta_set(file->meta, META_NFS_FILENAME, path, len);
    meta_set(file->meta, META_NFS_SHARE, share.data, share.len);
}

/* Before the first byte of an object. */
static void set_meta(struct app_session *session, struct nfs_file *file, const struct nfs_side *s)
{
    const char *version = s->version == 3 ? "3" : "4";
    const char *procedure = s->reply ? "READ" : "WRITE";
    if (file->meta)
        return;
    file->meta = meta_new(app_meta_pool(session));
    set_name(session, file);
    meta_set(file->meta, META_NFS_VERSION, version, strlen(version));
    meta_set(file->meta, META_NFS_PROCEDURE, procedure, strlen(procedure));
}

void nfs_file_renamed(struct app_session *session, uint64_t id)
{
    const struct object_sink *sink = app_objects(session);
    struct nfs_file *file = nfs_file_find(session, id);
    if (!file || !file->meta)
        return;
    set_name(session, file);
    if (file->sent.object)
        sink->set_name(sink->user, file->sent.object, file->name, file->name_len);
    if (file->given.object)
        sink->set_name(sink->user, file->given.object, file->name, file->name_len);
}

/* ---- ends ---- */

/* The client will write no more, as far as one can know: it closed the file, or had it committed, or what it had
 * written at once to the disk ends inside a page or was followed by other calls or the end of the connection. */
static bool left_alone(struct app_session *session, const struct nfs_file *file)
{
    const struct nfs *nfs = app_state(session);
    return file->closed || (file->clean && (file->committed || nfs->calls > file->clean_calls || nfs->ended ||
                                            file->sent.next % PAGE));
}

static bool sent_whole(const struct nfs_file *file)
{
    return file->sized && !file->sent.ranges && !file->sent.rewritten && file->sent.next == file->size;
}

static bool given_whole(const struct nfs_file *file)
{
    return file->read_sized && !file->guessed && !file->given.ranges && file->given.next >= file->read_size;
}

/* Everything begun is whole. */
static bool settled(const struct nfs_file *file)
{
    return (file->sent.begun || file->given.begun) && !file->opened &&
           (!file->sent.begun || (file->clean && sent_whole(file))) && (!file->given.begun || given_whole(file));
}

static bool under_way(const struct nfs_file *file)
{
    return file->sent.begun || file->sent.ranges || file->given.begun || file->given.ranges;
}

static void end_meta(struct app_session *session, struct nfs_file *file)
{
    struct nfs *nfs = app_state(session);
    if (under_way(file))
        return;
    meta_drop(app_meta_pool(session), file->meta);
    file->meta = NULL;
    file->number = nfs->objects_seen++;
}

static void end_sent(struct app_session *session, struct nfs_file *file)
{
    const struct object_info info = info_of(session, file->writer, file);
    assembly_end(session, &nfs_shared_of(session)->memory, &file->sent, &info,
                 file->sized && left_alone(session, file), file->size);
    file->sent.repeats = file->clean = file->committed = false;
    end_meta(session, file);
}

static void end_given(struct app_session *session, struct nfs_file *file)
{
    const struct object_info info = info_of(session, side_other(file->writer), file);
    assembly_end(session, &nfs_shared_of(session)->memory, &file->given, &info, file->read_sized && !file->guessed,
                 file->read_size);
    file->guessed = false;
    end_meta(session, file);
}

static void finish(struct app_session *session, struct nfs_file *file)
{
    end_sent(session, file);
    end_given(session, file);
    file->opened = file->closed = false;
}

static void forget(struct app_session *session, unsigned slot)
{
    struct nfs *nfs = app_state(session);
    finish(session, nfs->file[slot]);
    pool_put(nfs_shared_of(session)->files, nfs->file[slot]);
    nfs->file[slot] = NULL;
    nfs->file_id[slot] = 0;
}

void nfs_file_close(struct app_session *session, struct nfs_file *file)
{
    if (!file)
        return;
    file->closed = true;
    finish(session, file);
}

void nfs_files_free(struct app_session *session)
{
    const struct nfs *nfs = app_state(session);
    for (unsigned i = 0; i < NFS_FILES_MAX; i++) {
        if (nfs->file[i])
            forget(session, i);
    }
}

void nfs_files_sweep(struct app_session *session)
{
    struct nfs *nfs = app_state(session);
    int64_t now = app_now(session);
    if (now - nfs->swept_ns < SWEEP_NS && now >= nfs->swept_ns)
        return;
    nfs->swept_ns = now;
    for (unsigned i = 0; i < NFS_FILES_MAX; i++) {
        struct nfs_file *file = nfs->file[i];
        if (file && under_way(file) && !file->opened &&
            now - file->used_ns >= (settled(file) ? SETTLED_NS : IDLE_NS))
            finish(session, file);
    }
}

/* ---- the table ---- */

static unsigned slot_of(const struct nfs *nfs, uint64_t id)
{
    unsigned i = 0;
    while (i < NFS_FILES_MAX && nfs->file_id[i] != id)
        i++;
    return i;
}

struct nfs_file *nfs_file_find(struct app_session *session, uint64_t id)
{
    const struct nfs *nfs = app_state(session);
    unsigned slot = id ? slot_of(nfs, id) : NFS_FILES_MAX;
    return slot < NFS_FILES_MAX ? nfs->file[slot] : NULL;
}

/* A place for one more. Those that carry nothing go first, then the whole ones, the idle before the busy. */
static unsigned free_slot(struct app_session *session)
{
    const struct nfs *nfs = app_state(session);
    unsigned best = NFS_FILES_MAX, oldest_settled = NFS_FILES_MAX, empty = NFS_FILES_MAX, waiting = 0;
    unsigned best_rank = 0;
    for (unsigned i = 0; i < NFS_FILES_MAX; i++) {
        const struct nfs_file *file = nfs->file[i];
        if (!file) {
            empty = i;
            continue;
        }
        unsigned rank = !under_way(file) && !file->opened ? 3 : settled(file) ? 2 : 1;
        if (rank == 2) {
            waiting++;
            if (oldest_settled == NFS_FILES_MAX || file->used_at < nfs->file[oldest_settled]->used_at)
                oldest_settled = i;
        }
        if (rank > best_rank || (rank == best_rank && file->used_at < nfs->file[best]->used_at)) {
            best = i;
            best_rank = rank;
        }
    }
    if (waiting > SETTLED_MAX)
        finish(session, nfs->file[oldest_settled]);
    if (empty < NFS_FILES_MAX)
        return empty;
    forget(session, best);
    return best;
}

struct nfs_file *nfs_file_of(struct app_session *session, uint64_t id)
{
    struct nfs *nfs = app_state(session);
    struct nfs_file *file = nfs_file_find(session, id);
    if (!file && id) {
        unsigned slot = free_slot(session);
        if (!(file = pool_get_zeroed(nfs_shared_of(session)->files)))
            return NULL;
        file->id = id;
        file->number = nfs->objects_seen++;
        nfs->file[slot] = file;
        nfs->file_id[slot] = id;
    }
    if (file) {
        file->used_at = nfs->clock;
        file->used_ns = app_now(session);
    }
    return file;
}

void nfs_file_rekey(struct app_session *session, uint64_t from, uint64_t to)
{
    struct nfs *nfs = app_state(session);
    struct nfs_file *file = from != to && to ? nfs_file_find(session, from) : NULL;
    if (!file)
        return;
    struct nfs_file *known = nfs_file_find(session, to);
    if (known) { /* opened once more */
        known->opened |= file->opened;
        if (file->sized && !under_way(file))
            nfs_file_truncate(session, known, file->size);
        forget(session, slot_of(nfs, from));
        return;
    }
    nfs->file_id[slot_of(nfs, from)] = to;
    file->id = to;
}

/* ---- what both sides say of a file ---- */

void nfs_file_truncate(struct app_session *session, struct nfs_file *file, uint64_t size)
{
    if (under_way(file) && size < file->sent.next)
        end_sent(session, file);
    file->sized = true;
    file->size = size;
}

void nfs_file_attributes(struct nfs_file *file, const struct nfs_xdr *x)
{
    if (!x->has_size)
        return;
    file->sized = file->read_sized = true;
    file->size = x->size > file->sent.end ? x->size : file->sent.end; /* of WRITEs that the server has not seen yet */
    file->read_size = x->size;
}

void nfs_file_stable(struct app_session *session, struct nfs_file *file, uint64_t writes, bool commit)
{
    const struct nfs *nfs = app_state(session);
    if (writes != file->writes)
        return;
    file->clean = true;
    file->committed = commit;
    file->clean_calls = nfs->calls;
}

/* ---- content ---- */

/* The same call again, as over UDP when the answer was lost. */
static bool seen_before(struct nfs *nfs, const struct nfs_side *s, uint64_t id, uint64_t offset, uint32_t len)
{
    uint64_t *last = &nfs->written[nfs_call_slot(s->xid)];
    uint64_t key[4] = {s->xid, id, offset, len}, now = hash_bytes(&HASH_KEY_FIXED, key, sizeof(key));
    bool same = *last == now;
    *last = now;
    return same;
}

static void begin(struct nfs_side *s, const struct nfs_file *file, uint64_t offset, uint32_t len)
{
    s->payload = (struct nfs_payload){.active = len != 0, .file = file ? file->id : 0, .offset = offset};
}

void nfs_write_begin(struct app_session *session, enum side side, uint64_t id, uint64_t offset, uint32_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_file *file = app_is_content(session, side) ? nfs_file_of(session, id) : NULL;
    begin(s, file, offset, len);
    if (!file || !len || offset > UINT64_MAX - len)
        return;
    if (seen_before(nfs, s, id, offset, len)) {
        s->payload.dropped = true;
        s->payload.file = 0;
        return;
    }
    if (file->sent.begun && offset == 0 && file->clean && sent_whole(file))
        end_sent(session, file); /* the next version */
    s->payload.skip = assembly_page_again(&file->sent, offset, len);
    file->writes++;
    file->clean = false;
    file->writer = side;
    if (file->sized && offset + len > file->size)
        file->size = offset + len;
    set_meta(session, file, s);
}

void nfs_read_begin(struct app_session *session, enum side side, uint64_t id, uint64_t offset, uint32_t len, bool eof)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    const struct nfs_xdr *x = &s->xdr;
    struct nfs_file *file = app_is_content(session, side) ? nfs_file_of(session, id) : NULL;
    begin(s, file, offset, len);
    if (!file || offset > UINT64_MAX - len)
        return;
    if (x->has_version && file->given.begun && !file->sent.begun && x->version != file->read_version)
        end_given(session, file); /* it is another one now */
    if (x->has_version)
        file->read_version = x->version;
    if (x->has_size)
        nfs_file_attributes(file, x);
    if (eof && (len || offset == file->given.next)) {
        file->read_sized = true;
        file->read_size = offset + len;
    }
    file->writer = side_other(side);
    file->given.repeats = true;
    set_meta(session, file, s);
}

void nfs_read_guess(struct app_session *session, enum side side, uint32_t len, bool eof)
{
    struct nfs *nfs = app_state(session);
    const struct nfs_xdr *x = &nfs->side[side].xdr;
    uint64_t id = nfs_handle(session, side, &x->fileid, sizeof(x->fileid));
    if (!len || x->number[0] != len) { /* no READ's */
        begin(&nfs->side[side], NULL, 0, len);
        return;
    }
    const struct nfs_file *known = nfs_file_find(session, id);
    bool alone = eof && x->has_size && x->size == len; /* nothing can be before it */
    nfs_read_begin(session, side, id, known && !alone ? known->given.next : 0, len, eof);
    struct nfs_file *file = nfs_file_find(session, id);
    if (file)
        file->guessed |= !alone;
}

/* Both of these move on; whose bytes they are is looked up each time, as the file may have gone. */
void nfs_payload_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_file *file = nfs_file_find(session, s->payload.file);
    size_t skip = len < s->payload.skip ? len : s->payload.skip;
    s->payload.skip -= (uint32_t)skip;
    s->payload.offset += skip;
    data += skip;
    len -= skip;
    if (file) {
        const struct object_info info = info_of(session, side, file);
        assembly_write(session, &nfs_shared_of(session)->memory, s->reply ? &file->given : &file->sent, &info,
                       s->payload.offset, data, len);
    } else if (!s->payload.dropped) {
        nfs_rest(session, side, data, len);
    }
    s->payload.offset += len;
}

void nfs_payload_gap(struct app_session *session, enum side side, uint32_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_file *file = nfs_file_find(session, s->payload.file);
    if (file) {
        const struct object_info info = info_of(session, side, file);
        assembly_gap(session, &nfs_shared_of(session)->memory, s->reply ? &file->given : &file->sent, &info,
                     s->payload.offset, len);
    }
    s->payload.offset += len;
}
