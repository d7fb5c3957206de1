/* NFS: records of a TCP connection (RFC 5531 11: fragments of a length and a mark on the last one), datagrams, gaps.
 * What lies in a message is nfs_rpc.c's; here is only where messages begin and end, and where the next one may begin
 * when that was lost. */
#include "nfs.h"

#include <stdlib.h>
#include <string.h>

#define LOST_MAX (1u << 20)     /* bytes without a record: then they are raw */
#define FRAGMENT_MAX (16u << 20) /* of a record that is believed where none is expected */

enum { NFS_PORT = 2049 };
enum { HEAD = 28 }; /* mark, xid, and what tells a call or a reply */

static void *nfs_shared_new(struct mem *mem)
{
    struct nfs_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort(); /* only at start */
    shared->files = pool_new(mem, MEM_FLOW, sizeof(struct nfs_file));
    shared->calls = pool_new(mem, MEM_FLOW, sizeof(struct nfs_call));
    shared->names = nfs_names_new(mem);
    assembly_memory_open(&shared->memory, mem);
    return shared;
}

static void nfs_shared_free(void *user)
{
    struct nfs_shared *shared = user;
    assembly_memory_close(&shared->memory);
    nfs_names_free(shared->names);
    pool_free(shared->calls);
    pool_free(shared->files);
    free(shared);
}

/* ---- what a message looks like ---- */

static bool is_program(uint32_t program)
{
    return program == RPC_NFS || program == RPC_MOUNT || program == RPC_PORTMAP || program == RPC_NLM ||
           program == RPC_NSM || program == RPC_NFS_ACL;
}

/* From the xid on. */
static enum app_probe looks_like_call(struct cursor c)
{
    size_t len = cursor_left(&c);
    cursor_skip(&c, 4);
    for (unsigned i = 0; i < 4 && cursor_left(&c); i++) {
        if (cursor_u8(&c) != 0)
            return APP_NO;
    }
    uint32_t rpc = cursor_be32(&c), program = cursor_be32(&c), version = cursor_be32(&c), procedure = cursor_be32(&c);
    uint32_t flavor = cursor_be32(&c), credentials = cursor_be32(&c);
    if (c.bad)
        return len < 32 ? APP_MORE : APP_NO;
    return rpc == 2 && is_program(program) && version <= 4 && procedure <= 64 && flavor <= 7 && credentials <= 400
               ? APP_YES : APP_NO;
}

/* RFC 5531 9: accepted, and done. */
static enum app_probe looks_like_reply(struct cursor c)
{
    static const uint8_t accepted[8] = {0, 0, 0, 1, 0, 0, 0, 0};
    if (!cursor_skip(&c, 4))
        return APP_MORE;
    size_t n = cursor_left(&c) < sizeof(accepted) ? cursor_left(&c) : sizeof(accepted);
    if (memcmp(cursor_take(&c, n), accepted, n) != 0)
        return APP_NO;
    uint32_t flavor = cursor_be32(&c), verifier = cursor_be32(&c);
    if (!c.bad && ((flavor != 0 && flavor != 6) || verifier > 400))
        return APP_NO;
    cursor_skip(&c, ((size_t)verifier + 3) & ~(size_t)3);
    uint32_t state = cursor_be32(&c);
    return c.bad ? APP_MORE : state == 0 ? APP_YES : APP_NO;
}

/* A call's head in the middle of other bytes: of NFS, as of no other program so much is sent. */
static bool has_call(const uint8_t *data, size_t len)
{
    static const uint8_t head[15] = {0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0};
    const uint8_t *hit;
    while (len >= HEAD && (hit = memmem(data + 8, len - 8, head, sizeof(head)))) {
        size_t past = (size_t)(hit - data) + sizeof(head);
        if (past < len && (data[past] == 3 || data[past] == 4))
            return true;
        data += past - 8;
        len -= past - 8;
    }
    return false;
}

static enum app_probe nfs_probe(const struct app_probe_input *input)
{
    enum app_probe answer = APP_NO;
    bool udp = input->flow->protocol == 17;
    for (unsigned side = 0; side < 2; side++) {
        struct cursor c = cursor_over(input->data[side], input->len[side]);
        if (!input->len[side])
            continue;
        if (!udp && input->flow->midstream && has_call(input->data[side], input->len[side]))
            return APP_YES;
        uint32_t mark = udp ? 0 : cursor_be32(&c);
        uint32_t length = mark & 0x7fffffff;
        if (!udp && !c.bad && (length < 24 || length > FRAGMENT_MAX))
            continue;
        enum app_probe call = c.bad ? APP_MORE : looks_like_call(c);
        if (call == APP_YES)
            return APP_YES;
        /* A datagram's head says little: where the calls were not seen, the port has to agree. */
        bool may_answer = udp ? input->flow->port[side] == NFS_PORT : !c.bad && mark >> 31;
        enum app_probe reply = may_answer ? looks_like_reply(c) : APP_NO;
        if (reply == APP_YES)
            return APP_YES;
        if (call == APP_MORE || reply == APP_MORE)
            answer = APP_MORE;
    }
    return answer;
}

static bool nfs_open(struct app_session *session)
{
    const struct flow *flow = app_flow(session);
    struct nfs *nfs = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        nfs->side[side].lost = flow->midstream;
        nfs_message_begin(session, (enum side)side);
    }
    return true;
}

/* ---- lost ---- */

/* Whether a record may begin here. The side that answers has no literal of its own, but it answers calls that were
 * seen. */
static bool may_begin(const struct nfs *nfs, const uint8_t *data, size_t len)
{
    struct cursor c = cursor_over(data, len);
    uint32_t mark = cursor_be32(&c), length = mark & 0x7fffffff;
    if (length < 24 || length > FRAGMENT_MAX)
        return false;
    if (looks_like_call(c) == APP_YES)
        return true;
    if (!(mark >> 31) || looks_like_reply(c) != APP_YES)
        return false;
    uint32_t xid = cursor_be32(&c);
    const struct nfs_call *call = nfs->call[nfs_call_slot(xid)];
    return call ? call->xid == xid : nfs->calls == 0;
}

/* Offset of the next record, or of the bytes that may be the beginning of one; `len` when there is none. */
static size_t find_record(const struct nfs *nfs, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at + HEAD <= len;) {
        const uint8_t *hit = memmem(data + at + 8, len - at - 8, "\0\0\0", 3); /* of the type of either */
        if (!hit)
            break;
        size_t found = (size_t)(hit - data) - 8;
        if (may_begin(nfs, data + found, len - found))
            return found;
        at = found + 1;
    }
    return len;
}

static void found(struct app_session *session, enum side side)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    s->lost = false;
    s->lost_bytes = 0;
    s->mark_len = 0;
    s->fragment_left = 0;
    s->in_record = false;
    nfs_message_end(session, side);
}

static void nfs_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);

/* Bytes while the place is lost. The last ones are kept, as a head may be cut by the end of a segment. Returns how many
 * are dealt with. */
static size_t take_lost(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    uint8_t window[2 * sizeof(s->tail)];
    if (s->tail_len) {
        size_t add = sizeof(window) - s->tail_len < len ? sizeof(window) - s->tail_len : len;
        memcpy(window, s->tail, s->tail_len);
        memcpy(window + s->tail_len, data, add);
        size_t all = s->tail_len + add, at = find_record(nfs, window, all);
        if (at < s->tail_len) {
            size_t kept = s->tail_len - at;
            uint8_t again[sizeof(s->tail)];
            memcpy(again, s->tail + at, kept);
            nfs_rest(session, side, s->tail, at);
            s->tail_len = 0;
            found(session, side);
            nfs_data(session, side, again, kept);
            return 0;
        }
        if (all < sizeof(window)) { /* all of `data` is in it */
            size_t gone = all > sizeof(s->tail) ? all - sizeof(s->tail) : 0;
            nfs_rest(session, side, window, gone);
            s->tail_len = (uint8_t)(all - gone);
            memcpy(s->tail, window + gone, s->tail_len);
            return len;
        }
        nfs_rest(session, side, s->tail, s->tail_len);
        s->tail_len = 0;
    }
    size_t at = find_record(nfs, data, len);
    if (at < len) {
        nfs_rest(session, side, data, at);
        found(session, side);
        return at;
    }
    size_t gone = len > sizeof(s->tail) ? len - sizeof(s->tail) : 0;
    nfs_rest(session, side, data, gone);
    s->tail_len = (uint8_t)(len - gone);
    memcpy(s->tail, data + gone, s->tail_len);
    return len;
}

/* ---- the app's callbacks ---- */

static void take_mark(struct app_session *session, enum side side, uint8_t byte)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    s->mark[s->mark_len++] = byte;
    if (s->mark_len < sizeof(s->mark))
        return;
    struct cursor c = cursor_over(s->mark, sizeof(s->mark));
    uint32_t mark = cursor_be32(&c);
    s->mark_len = 0;
    s->last = mark >> 31;
    s->fragment_left = mark & 0x7fffffff;
    s->in_record = !(s->last && !s->fragment_left);
    if (!s->in_record)
        nfs_message_end(session, side);
}

static void consume(struct app_session *session, enum side side, uint32_t n)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    s->fragment_left -= n;
    if (!s->fragment_left && s->last) {
        s->in_record = false;
        nfs_message_end(session, side);
    }
}

static void nfs_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    while (len) {
        size_t n;
        if (s->lost) {
            n = take_lost(session, side, data, len);
            s->lost_bytes += n;
            if (s->lost && s->lost_bytes > LOST_MAX) {
                app_switch(session, &app_raw, len - n);
                return;
            }
        } else if (s->fragment_left) {
            n = len < s->fragment_left ? len : s->fragment_left;
            nfs_message_data(session, side, data, n);
            consume(session, side, (uint32_t)n);
        } else {
            n = 1;
            take_mark(session, side, data[0]);
        }
        data += n;
        len -= n;
    }
}

static void nfs_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    nfs_message_end(session, side);
    nfs_message_data(session, side, data, len);
    nfs_message_end(session, side);
}

static void nfs_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct nfs *nfs = app_state(session);
    struct nfs_side *s = &nfs->side[side];
    if (s->lost) {
        s->tail_len = 0;
        return;
    }
    uint64_t inside = len < s->fragment_left ? len : s->fragment_left;
    if (inside)
        nfs_message_gap(session, side, inside);
    if (len <= s->fragment_left && inside) {
        consume(session, side, (uint32_t)len);
        return;
    }
    s->lost = true;
    s->tail_len = 0;
}

static void nfs_end(struct app_session *session, enum side side, enum stream_end how)
{
    struct nfs *nfs = app_state(session);
    (void)side;
    nfs->ended |= how != STREAM_CUT;
}

static void nfs_close(struct app_session *session)
{
    struct nfs *nfs = app_state(session);
    struct nfs_shared *shared = nfs_shared_of(session);
    for (unsigned side = 0; side < 2; side++) {
        nfs_rest(session, (enum side)side, nfs->side[side].tail, nfs->side[side].tail_len);
        nfs_message_end(session, (enum side)side);
    }
    nfs_files_free(session);
    for (unsigned i = 0; i < NFS_CALLS_MAX; i++)
        pool_put(shared->calls, nfs->call[i]);
}

const struct app_ops app_nfs = {
    .name = "nfs",
    .transports = APP_TCP | APP_UDP,
    .state_size = sizeof(struct nfs),
    .probe = nfs_probe,
    .open = nfs_open,
    .data = nfs_data,
    .datagram = nfs_datagram,
    .gap = nfs_gap,
    .rest = app_rest_as_it_is,
    .end = nfs_end,
    .close = nfs_close,
    .shared_new = nfs_shared_new,
    .shared_free = nfs_shared_free,
};
