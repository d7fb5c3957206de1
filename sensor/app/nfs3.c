/* NFS 3 (RFC 1813) and MOUNT (its appendix I): names from the answers that pair them with handles, content from WRITE
 * and READ, and what the answers say of a file's size. */
#include <string.h>

#include "nfs.h"

enum {
    SETATTR = 2, LOOKUP = 3, READ = 6, WRITE = 7, CREATE = 8, MKNOD = 11, RENAME = 14,
    COMMIT = 21
};
enum { UNCHECKED = 0 }; /* CREATE: of a file that may be there already */

static uint64_t handle_of(const struct nfs_side *s, unsigned i)
{
    return i < s->xdr.handles ? s->xdr.handle[i] : 0;
}

void nfs3_payload(struct app_session *session, enum side side, uint32_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_op *op = nfs_call_op(s);
    if (s->reply) {
        bool eof = s->xdr.number[s->xdr.numbers - 1] != 0;
        if (op)
            nfs_read_begin(session, side, op->handle, op->other, len, eof);
        else
            nfs_read_guess(session, side, len, eof);
        return;
    }
    nfs_write_begin(session, side, handle_of(s, 0), s->xdr.number[0], len);
    struct nfs_file *file = nfs_file_find(session, handle_of(s, 0));
    if (op) {
        op->handle = handle_of(s, 0);
        op->other = len;
        op->writes = file ? file->writes : 0;
    }
}

void nfs3_call(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_op *op = nfs_call_op(s);
    struct nfs_file *file;
    if (s->procedure == SETATTR && s->xdr.has_size && (file = nfs_file_of(session, handle_of(s, 0))))
        nfs_file_truncate(session, file, s->xdr.size);
    if (!op || s->procedure == WRITE)
        return;
    op->handle = handle_of(s, 0);
    nfs_op_names(s, op);
    if (s->procedure == READ) {
        op->other = s->xdr.number[0];
    } else if (s->procedure == CREATE) {
        op->truncates = s->xdr.number[0] != UNCHECKED || (s->xdr.has_size && s->xdr.size == 0);
    } else if (s->procedure == COMMIT) {
        file = nfs_file_find(session, op->handle);
        op->writes = file ? file->writes : 0;
    } else if (s->procedure == RENAME) {
        op->other = handle_of(s, 1);
    }
}

void nfs3_reply(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_names *names = nfs_shared_of(session)->names;
    struct nfs_op *op = nfs_call_op(s);
    const struct nfs_xdr *x = &s->xdr;
    if (!op)
        return;
    bool good = x->number[0] == 0;
    struct text name = nfs_op_name(s, op);
    uint64_t handle = op->handle;
    if (s->procedure == LOOKUP || (s->procedure >= CREATE && s->procedure <= MKNOD)) {
        handle = good ? handle_of(s, 0) : 0;
        nfs_names_learn(names, handle, op->handle, name.data, name.len);
    }
    struct nfs_file *file = (s->procedure == CREATE ? nfs_file_of : nfs_file_find)(session, handle);
    if (file && op->truncates)
        nfs_file_truncate(session, file, 0);
    if (file)
        nfs_file_attributes(file, x);
    if (s->procedure == WRITE && file) {
        file->sent.repeats |= !good || x->number[1] < op->other;
        if (good && x->number[2])
            nfs_file_stable(session, file, op->writes, false);
    } else if (s->procedure == COMMIT && file && good) {
        nfs_file_stable(session, file, op->writes, true);
    } else if (s->procedure == RENAME && good) {
        struct text to = (struct text){s->call->text + s->call->second_at, s->call->second_len};
        nfs_names_rename(names, op->handle, name.data, name.len, op->other, to.data, to.len);
        nfs_file_renamed(session, nfs_names_child(names, op->other, to.data, to.len));
    }
}

void nfs3_entry(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    const struct nfs_op *op = nfs_call_op(s);
    if (op && s->xdr.names)
        nfs_names_learn(nfs_shared_of(session)->names, handle_of(s, 0), op->handle, s->xdr.name[0].text,
                        s->xdr.name[0].len);
}

/* ---- MOUNT: the root of a share ---- */

void nfs_mount_call(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    nfs_op_names(s, nfs_call_op(s));
}

void nfs_mount_reply(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    const struct nfs_op *op = nfs_call_op(s);
    char share[1 + NFS_NAME_MAX] = "/"; /* names in directories have none, so this tells them apart */
    if (!op)
        return;
    struct text path = nfs_op_name(s, op);
    size_t skip = path.len && path.data[0] == '/', len = path.len - skip;
    memcpy(share + 1, path.data + skip, len);
    nfs_names_learn(nfs_shared_of(session)->names, handle_of(s, 0), 0, share, len + 1);
}
