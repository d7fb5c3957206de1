/* ONC RPC messages (RFC 5531), RPCSEC_GSS around them (RFC 2203), and which reply answers which call. A message is read
 * in steps; each has a format, and when its items are there the next step begins. */
#include <string.h>

#include "nfs.h"

enum { CALL = 0, REPLY = 1, RPC_VERSION = 2 };
enum { FLAVOR_GSS = 6, FLAVOR_TLS = 7 };
enum { GSS_DATA = 0, GSS_INTEGRITY = 2, GSS_PRIVACY = 3 };
enum { COMPOUND = 1, MOUNT_MNT = 1 };

#define GUESS_MIN 4096 /* a shorter answer of which nothing is known holds no content worth an object */
#define SEALED_MAX 16 /* messages that cannot be read, in a row: then the flow is opaque */

uint64_t nfs_handle(struct app_session *session, enum side side, const void *handle, size_t len)
{
    const struct nfs *nfs = app_state(session);
    enum side server = nfs->side[side].reply ? side : side_other(side);
    return nfs_names_handle(nfs_shared_of(session)->names, &app_flow(session)->addr[server], handle, len);
}

/* ---- what cannot be read ---- */

void nfs_rest(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    nfs->objects_seen += unread_data(session, &nfs->side[side].unread, side, nfs->objects_seen, data, len);
}

/* ---- calls that wait ---- */

struct nfs_op *nfs_call_op(struct nfs_side *s)
{
    return s->call && s->op_index < s->call->count ? &s->call->op[s->op_index] : NULL;
}

static struct nfs_op *new_op(struct nfs_side *s, uint32_t code)
{
    struct nfs_op *op = s->call && s->call->count < NFS_OPS_MAX ? &s->call->op[s->call->count++] : NULL;
    if (op)
        *op = (struct nfs_op){.code = (uint8_t)code};
    return op;
}

static void keep_name(struct nfs_side *s, unsigned index, uint16_t *at, uint16_t *len)
{
    struct nfs_call *call = s->call;
    size_t n = index < s->xdr.names ? s->xdr.name[index].len : 0;
    *at = call->text_len;
    *len = (uint16_t)(n <= sizeof(call->text) - call->text_len ? n : 0);
    memcpy(call->text + *at, s->xdr.name[index].text, *len);
    call->text_len = (uint16_t)(call->text_len + *len);
}

void nfs_op_names(struct nfs_side *s, struct nfs_op *op)
{
    if (!op)
        return;
    keep_name(s, 0, &op->name_at, &op->name_len);
    if (s->xdr.names > 1)
        keep_name(s, 1, &s->call->second_at, &s->call->second_len);
}

static void expect_reply(struct app_session *session, struct nfs_call *call)
{
    struct nfs *nfs = app_state(session);
    struct nfs_call **slot = &nfs->call[nfs_call_slot(call->xid)];
    pool_put(nfs_shared_of(session)->calls, *slot);
    *slot = call;
}

static struct nfs_call *answered(struct nfs *nfs, uint32_t xid)
{
    struct nfs_call **slot = &nfs->call[nfs_call_slot(xid)], *call = *slot;
    if (!call || call->xid != xid)
        return NULL;
    *slot = NULL;
    nfs->answered[nfs_call_slot(xid)] = (uint64_t)1 << 32 | xid;
    return call;
}

/* ---- the steps ---- */

static void step(struct nfs_side *s, enum nfs_step next, const char *format)
{
    s->step = next;
    nfs_xdr_start(&s->xdr, format);
}

/* An answer to a call that was not seen may be to anything. */
static void strange(struct nfs_side *s)
{
    s->step = s->reply && !s->call && s->fragment_left <= GUESS_MIN ? NFS_REST : NFS_STRANGE;
}

static void sealed(struct app_session *session, struct nfs_side *s)
{
    struct nfs *nfs = app_state(session);
    s->step = NFS_REST;
    if (++nfs->sealed >= SEALED_MAX && !nfs->objects_seen)
        app_set_opaque(session);
}

/* Arguments or results begin. */
static void body(struct app_session *session, struct nfs_side *s)
{
    struct nfs *nfs = app_state(session);
    const char *format = NULL;
    nfs->sealed = 0;
    s->step = NFS_REST;
    switch (s->program) {
    case RPC_NFS:
        if (s->version == 4 && s->procedure == COMPOUND) {
            s->current = s->saved = 0;
            s->op_index = 0;
            step(s, NFS_COMPOUND, s->reply ? "ioI" : "oiI");
        } else if (s->version == 3 && (format = nfs3_format(s->procedure, s->reply))) {
            if (!s->reply)
                new_op(s, s->procedure);
            s->op_index = 0;
            step(s, NFS_PROCEDURE, format);
        } else if (s->procedure != 0) {
            strange(s);
        }
        break;
    case RPC_MOUNT:
        if (s->procedure == MOUNT_MNT) {
            if (!s->reply)
                new_op(s, s->procedure);
            s->op_index = 0;
            step(s, NFS_PROCEDURE, s->reply ? "Y" : "n");
        }
        break;
    case RPC_PORTMAP:
    case RPC_NLM:
    case RPC_NSM:
    case RPC_NFS_ACL:
        break; /* small talk */
    default:
        if (s->program < RPC_CALLBACK_FIRST || s->program > RPC_CALLBACK_LAST)
            strange(s);
    }
}

/* RFC 2203 5: what the credentials say of the arguments. */
static bool read_gss(struct nfs_side *s, bool *data)
{
    struct cursor c = cursor_over(s->xdr.name[0].text, s->xdr.names ? s->xdr.name[0].len : 0);
    uint32_t version = cursor_be32(&c), procedure = cursor_be32(&c);
    cursor_skip(&c, 4);
    uint32_t service = cursor_be32(&c);
    s->service = (uint8_t)service;
    *data = procedure == GSS_DATA;
    return !c.bad && version == 1 && service <= GSS_PRIVACY;
}

static void take_call(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    const uint64_t *n = s->xdr.number;
    bool data = true;
    uint32_t flavor = (uint32_t)n[4];
    s->program = (uint32_t)n[1];
    s->version = (uint32_t)n[2];
    s->procedure = (uint32_t)n[3];
    s->service = 0;
    if (n[0] != RPC_VERSION || (flavor == FLAVOR_GSS && !read_gss(s, &data))) {
        strange(s);
        return;
    }
    nfs->calls += s->program == RPC_NFS;
    nfs->service = s->service;
    s->call = pool_get_zeroed(nfs_shared_of(session)->calls);
    if (s->call) {
        s->call->xid = s->xid;
        s->call->program = data ? s->program : 0;
        s->call->version = s->version;
        s->call->procedure = s->procedure;
        s->call->service = s->service;
        s->call->tls = flavor == FLAVOR_TLS;
    }
    nfs_files_sweep(session);
    if (!data)
        s->step = NFS_REST; /* a context is negotiated */
    else if (s->service == GSS_PRIVACY)
        sealed(session, s);
    else if (s->service == GSS_INTEGRITY)
        step(s, NFS_SEALED, "ii");
    else
        body(session, s);
}

static void take_reply(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    s->call = answered(nfs, s->xid);
    s->step = NFS_REST;
    if (s->xdr.numbers < 2 || s->xdr.number[1] != 0)
        return; /* denied, or not done */
    if (s->call) {
        s->program = s->call->program;
        s->version = s->call->version;
        s->procedure = s->call->procedure;
        s->service = s->call->service;
        if (!s->program)
            return;
        if (s->call->tls)
            app_switch(session, NULL, 0); /* RFC 9289 4.1: TLS follows */
    } else if (nfs->answered[nfs_call_slot(s->xid)] == ((uint64_t)1 << 32 | s->xid)) {
        return; /* again */
    } else {
        s->program = s->version = 0;
        s->service = nfs->service;
    }
    if (s->service == GSS_PRIVACY)
        sealed(session, s);
    else if (s->service == GSS_INTEGRITY)
        step(s, NFS_SEALED, "ii");
    else if (s->program)
        body(session, s);
    else
        step(s, NFS_GUESS, "III");
}

/* A reply whose call was not seen. The first words of a READ's results (a good status, attributes, of a regular file),
 * or of a compound's (status, an empty tag or a short one, a count)? */
static void guess(struct nfs_side *s)
{
    const uint64_t *n = s->xdr.number;
    s->program = RPC_NFS;
    s->current = s->saved = 0;
    s->op_index = 0;
    if (n[0] == 0 && n[1] == 1 && n[2] == 1) {
        s->version = 3;
        s->procedure = 6;
        step(s, NFS_PROCEDURE, "QIID");
    } else if (n[1] == 0 && n[2] && n[2] <= 64) {
        s->version = 4;
        s->ops_left = (uint32_t)n[2];
        step(s, NFS_CODE, "II");
    } else if (n[1] && n[1] <= 64) {
        s->version = 4;
        step(s, NFS_COMPOUND, "oI");
        nfs_xdr_inside_opaque(&s->xdr, (((uint32_t)n[1] + 3) & ~3u) - 4);
    } else {
        strange(s);
    }
}

static void next_operation(struct nfs_side *s)
{
    if (s->ops_left)
        step(s, NFS_CODE, s->reply ? "II" : "I");
    else
        s->step = NFS_REST;
}

static void take_code(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    uint32_t code = (uint32_t)s->xdr.number[0];
    const char *format = nfs4_format(code, s->reply);
    s->op_code = (uint8_t)code;
    if (s->reply && s->xdr.number[1] != 0) {
        nfs4_refused(session, side);
        s->step = NFS_REST; /* what failed is the last */
    } else if (!format) {
        strange(s);
    } else {
        if (!s->reply)
            new_op(s, code);
        step(s, NFS_OPERATION, format);
    }
}

/* The items of a step are there. */
static void take_step(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    switch (s->step) {
    case NFS_MESSAGE:
        s->xid = (uint32_t)s->xdr.number[0];
        s->reply = s->xdr.number[1] == REPLY;
        nfs->clock++;
        if (s->xdr.number[1] > REPLY)
            strange(s);
        else if (s->reply)
            step(s, NFS_REPLY, "B");
        else
            step(s, NFS_CALL, "IIIIInio");
        break;
    case NFS_CALL:
        take_call(session, side);
        break;
    case NFS_REPLY:
        take_reply(session, side);
        break;
    case NFS_SEALED:
        if (s->program)
            body(session, s);
        else
            step(s, NFS_GUESS, "III");
        break;
    case NFS_GUESS:
        guess(s);
        break;
    case NFS_PROCEDURE:
        s->step = NFS_REST;
        if (s->program == RPC_MOUNT)
            (s->reply ? nfs_mount_reply : nfs_mount_call)(session, side);
        else
            (s->reply ? nfs3_reply : nfs3_call)(session, side);
        break;
    case NFS_COMPOUND:
        s->ops_left = (uint32_t)s->xdr.number[s->xdr.numbers - 1];
        next_operation(s);
        break;
    case NFS_CODE:
        take_code(session, side);
        break;
    case NFS_OPERATION:
        nfs4_operation(session, side);
        s->op_index = s->op_index < NFS_OPS_MAX ? (uint8_t)(s->op_index + 1) : s->op_index;
        s->ops_left--;
        next_operation(s);
        break;
    case NFS_REST:
    case NFS_STRANGE:
        break;
    }
}

/* ---- a message's bytes ---- */

void nfs_message_begin(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    step(&nfs->side[side], NFS_MESSAGE, "II");
}

void nfs_message_end(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    if (s->call && s->reply)
        pool_put(nfs_shared_of(session)->calls, s->call);
    else if (s->call)
        expect_reply(session, s->call);
    s->call = NULL;
    s->named = NULL;
    s->payload.active = false;
    if (s->closing)
        nfs_file_close(session, nfs_file_find(session, s->closing));
    s->closing = 0;
    unread_end(session, &s->unread);
    nfs_message_begin(session, side);
}

static void end_payload(struct nfs_side *s)
{
    s->payload.active = false;
    nfs_xdr_payload_done(&s->xdr);
}

static size_t take_payload(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    size_t n = len < s->xdr.left ? len : s->xdr.left;
    nfs_payload_data(session, side, data, n);
    s->xdr.left -= (uint32_t)n;
    if (!s->xdr.left)
        end_payload(s);
    return n;
}

void nfs_message_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    while (len && s->step != NFS_REST) {
        size_t n;
        if (s->step == NFS_STRANGE) {
            nfs_rest(session, side, data, len);
            return;
        }
        if (s->payload.active) {
            n = take_payload(session, side, data, len);
        } else {
            n = nfs_xdr_feed(session, side, data, len);
            if (s->xdr.bad)
                strange(s);
        }
        while (s->xdr.done && s->step != NFS_REST && s->step != NFS_STRANGE) {
            s->xdr.done = false;
            take_step(session, side);
        }
        data += n;
        len -= n;
    }
}

void nfs_message_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    if (s->step == NFS_STRANGE) {
        unread_gap(session, &s->unread, len);
    } else if (s->payload.active) {
        uint32_t n = len < s->xdr.left ? (uint32_t)len : s->xdr.left;
        nfs_payload_gap(session, side, n);
        s->xdr.left -= n;
        if (!s->xdr.left)
            end_payload(s);
        if (n < len)
            s->step = NFS_REST;
    } else {
        s->step = NFS_REST;
    }
}
