/* NFS 4 (RFC 7530, 8881, 7862): the operations of a compound work on a current file handle, which the call lets one
 * follow only so far (a name looked up has a handle that only the answer gives), so it is followed once more through
 * the answer. */
#include "nfs.h"

enum {
    CLOSE = 4, COMMIT = 5, CREATE = 6, DELEGRETURN = 8, GETATTR = 9, GETFH = 10, LOOKUP = 15, LOOKUPP = 16, OPEN = 18,
    OPENATTR = 19, PUTFH = 22, PUTPUBFH = 23, PUTROOTFH = 24, READ = 25, READDIR = 26, RENAME = 29, RESTOREFH = 31,
    SAVEFH = 32, SETATTR = 34, WRITE = 38, LAYOUTGET = 50, READ_PLUS = 68
};
enum { OPEN_CREATE = 1, CREATE_GUARDED = 1 };

static void current(struct nfs_side *s, uint64_t handle)
{
    s->current = handle;
    s->named = NULL;
}

static uint64_t child(struct app_session *session, const struct nfs_side *s, const struct nfs_op *op)
{
    struct text name = nfs_op_name(s, op);
    return nfs_names_child(nfs_shared_of(session)->names, s->current, name.data, name.len);
}

static uint64_t root(struct app_session *session, enum side side)
{
    return nfs_handle(session, side, NULL, 0);
}

/* ---- calls ---- */

void nfs4_payload(struct app_session *session, enum side side, uint32_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_op *op = nfs_call_op(s);
    const struct nfs_xdr *x = &s->xdr;
    if (s->reply) {
        bool plus = s->op_code == READ_PLUS;
        uint64_t offset = plus ? x->number[x->numbers - 1] : op ? op->other : 0;
        nfs_read_begin(session, side, op ? s->current : 0, offset, len, x->number[0] != 0 && !plus);
        return;
    }
    nfs_write_begin(session, side, s->current, x->number[0], len);
    const struct nfs_file *file = nfs_file_find(session, s->current);
    if (op) {
        op->handle = s->current;
        op->other = len;
        op->writes = file ? file->writes : 0;
    }
}

static void open_call(struct app_session *session, struct nfs_side *s, struct nfs_op *op)
{
    const struct nfs_xdr *x = &s->xdr;
    bool create = x->number[1] == OPEN_CREATE;
    op->truncates = create && (x->number[2] >= CREATE_GUARDED || (x->has_size && x->size == 0));
    nfs_op_names(s, op);
    if (op->name_len)
        s->current = child(session, s, op);
    struct nfs_file *file = op->truncates ? nfs_file_of(session, s->current) : NULL;
    if (file)
        nfs_file_truncate(session, file, 0);
}

static void take_call(struct app_session *session, enum side side, struct nfs_side *s, struct nfs_op *op)
{
    const struct nfs_xdr *x = &s->xdr;
    struct nfs_file *file;
    op->handle = s->op_code == PUTFH && x->handles ? x->handle[0] : s->current;
    switch (s->op_code) {
    case PUTFH:
        s->current = op->handle;
        break;
    case PUTPUBFH:
    case PUTROOTFH:
        s->current = root(session, side);
        break;
    case SAVEFH:
        s->saved = s->current;
        break;
    case RESTOREFH:
        s->current = s->saved;
        break;
    case LOOKUPP:
    case OPENATTR:
        s->current = 0;
        break;
    case LOOKUP:
    case CREATE:
        nfs_op_names(s, op);
        s->current = child(session, s, op);
        break;
    case OPEN:
        open_call(session, s, op);
        break;
    case READ:
    case READ_PLUS:
        op->other = x->number[0];
        break;
    case COMMIT:
        file = nfs_file_find(session, s->current);
        op->writes = file ? file->writes : 0;
        break;
    case SETATTR:
        if (x->has_size && (file = nfs_file_of(session, s->current)))
            nfs_file_truncate(session, file, x->size);
        break;
    case CLOSE:
        if ((file = nfs_file_find(session, s->current)))
            file->closed = true;
        break;
    case RENAME:
        op->handle = s->saved;
        op->other = s->current;
        nfs_op_names(s, op);
        break;
    default:
        break;
    }
}

/* ---- replies ---- */

static void learn(struct app_session *session, const struct nfs_side *s, uint64_t handle)
{
    struct text name = nfs_op_name(s, s->named);
    nfs_names_learn(nfs_shared_of(session)->names, handle, s->directory, name.data, name.len);
}

static void named(struct app_session *session, struct nfs_side *s, struct nfs_op *op)
{
    uint64_t directory = s->current;
    if (s->named) /* a path in one compound: the directory's own handle stays unknown */
        learn(session, s, directory);
    current(s, child(session, s, op));
    s->named = op;
    s->directory = directory;
}

static void open_reply(struct app_session *session, struct nfs_side *s, struct nfs_op *op)
{
    if (op->name_len)
        named(session, s, op);
    struct nfs_file *file = s->current ? nfs_file_of(session, s->current) : NULL;
    if (!file)
        return;
    file->opened = true;
    if (op->truncates && !file->sized)
        nfs_file_truncate(session, file, file->sent.end);
    if (s->named && file->writes) { /* by the same compound: the name is late */
        learn(session, s, s->current);
        nfs_file_renamed(session, s->current);
    }
}

static void handle_reply(struct app_session *session, struct nfs_side *s)
{
    uint64_t handle = s->xdr.handles ? s->xdr.handle[0] : 0;
    if (s->named)
        learn(session, s, handle);
    nfs_file_rekey(session, s->current, handle);
    if (s->closing == s->current)
        s->closing = handle;
    current(s, handle);
}

static void rename_reply(struct app_session *session, const struct nfs_side *s, const struct nfs_op *op)
{
    struct nfs_names *names = nfs_shared_of(session)->names;
    struct text from = nfs_op_name(s, op);
    struct text to = {s->call->text + s->call->second_at, s->call->second_len};
    nfs_names_rename(names, op->handle, from.data, from.len, op->other, to.data, to.len);
    nfs_file_renamed(session, nfs_names_child(names, op->other, to.data, to.len));
}

static void take_reply(struct app_session *session, enum side side, struct nfs_side *s, struct nfs_op *op)
{
    const struct nfs_xdr *x = &s->xdr;
    struct nfs_file *file = nfs_file_find(session, s->current);
    switch (s->op_code) {
    case PUTFH:
        current(s, op->handle);
        break;
    case PUTPUBFH:
    case PUTROOTFH:
        current(s, root(session, side));
        break;
    case SAVEFH:
        s->saved = s->current;
        break;
    case RESTOREFH:
        current(s, s->saved);
        break;
    case LOOKUPP:
    case OPENATTR:
        current(s, 0);
        break;
    case LOOKUP:
    case CREATE:
        named(session, s, op);
        break;
    case OPEN:
        open_reply(session, s, op);
        break;
    case GETFH:
        handle_reply(session, s);
        break;
    case GETATTR:
        if (file)
            nfs_file_attributes(file, x);
        break;
    case WRITE:
        if (file) {
            file->sent.repeats |= x->number[0] < op->other;
            if (x->number[1])
                nfs_file_stable(session, file, op->writes, false);
        }
        break;
    case COMMIT:
        if (file)
            nfs_file_stable(session, file, op->writes, true);
        break;
    case CLOSE:
        s->closing = s->current;
        break;
    case DELEGRETURN:
        s->closing = file && !file->opened ? s->current : 0;
        break;
    case LAYOUTGET:
        if (x->handles)
            nfs_names_alias(nfs_shared_of(session)->names, x->handle[0], s->current);
        break;
    case RENAME:
        rename_reply(session, s, op);
        break;
    default:
        break;
    }
}

void nfs4_operation(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_op none = {.code = s->op_code}, *op = nfs_call_op(s);
    if (s->reply && op && op->code == s->op_code)
        take_reply(session, side, s, op);
    else if (!s->reply && s->call)
        take_call(session, side, s, op ? op : &none);
}

void nfs4_refused(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    struct nfs_file *file = s->op_code == WRITE ? nfs_file_find(session, s->current) : NULL;
    if (file)
        file->sent.repeats = true;
}

void nfs4_entry(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    if (s->xdr.handles && s->xdr.names)
        nfs_names_learn(nfs_shared_of(session)->names, s->xdr.handle[0], s->current, s->xdr.name[0].text,
                        s->xdr.name[0].len);
}
