/* NFS 3 and 4 (RFC 1813, 7530, 8881, 7862) over ONC RPC (RFC 5531), internal.
 *
 *      nfs.c       records of a connection, datagrams, gaps; where the next record may begin
 *      nfs_xdr.c   one item after another of a message, as a format says; payloads are streamed from where they lie
 *      nfs_table.c the formats: of each procedure and operation, of its call and of its answer
 *      nfs_rpc.c   heads of calls and replies, RPCSEC_GSS, which reply answers which call
 *      nfs3.c, nfs4.c   what the procedures and operations mean for files and names
 *      nfs_file.c  files that are written or read, and when they are whole
 *      nfs_names.c which name a file handle has
 */
#ifndef DLP_APP_NFS_H
#define DLP_APP_NFS_H

#include "app.h"
#include "assembly.h"
#include "cursor.h"
#include "unread.h"

enum { RPC_PORTMAP = 100000, RPC_NFS = 100003, RPC_MOUNT = 100005, RPC_NLM = 100021, RPC_NSM = 100024,
       RPC_NFS_ACL = 100227, RPC_CALLBACK_FIRST = 0x40000000, RPC_CALLBACK_LAST = 0x5fffffff };

#define NFS_FILES_MAX 128
#define NFS_CALLS_MAX 256  /* that wait for their replies */
#define NFS_OPS_MAX 16     /* of a compound that are remembered for its reply */
#define NFS_NAME_MAX 255
#define NFS_HANDLE_MAX 128 /* NFS4_FHSIZE */
#define NFS_PATH_MAX 1024

/* ---- nfs_names.c: shared by the sessions of a worker, as the handle of a share comes over another connection ---- */

struct nfs_names;
struct nfs_names *nfs_names_new(struct mem *mem);
void nfs_names_free(struct nfs_names *names);
/* A file handle as a number: of this server, under a random key. Never 0. The same for a file's aliases. */
uint64_t nfs_names_handle(const struct nfs_names *names, const struct ip_addr *server, const void *handle, size_t len);
/* The handle that `name` in `directory` has, or when that is not known a number that stands for it. */
uint64_t nfs_names_child(const struct nfs_names *names, uint64_t directory, const char *name, size_t len);
void nfs_names_learn(struct nfs_names *names, uint64_t handle, uint64_t directory, const char *name, size_t len);
/* Another handle for the same file: of a data server (pNFS). */
void nfs_names_alias(struct nfs_names *names, uint64_t handle, uint64_t of);
void nfs_names_rename(struct nfs_names *names, uint64_t from, const char *old, size_t old_len, uint64_t to,
                      const char *name, size_t len);
/* Path below the share, as far as it is known; returns its length. `share` borrows the table's text. */
size_t nfs_names_path(struct nfs_names *names, uint64_t handle, char out[NFS_PATH_MAX], struct text *share);

struct nfs_shared {
    struct pool *files, *calls;
    struct nfs_names *names;
    struct assembly_memory memory;
};

/* ---- nfs_xdr.c ---- */

#define NFS_XDR_DEPTH 4
#define NFS_XDR_CAPTURE 320

struct nfs_xdr { /* the item at hand and what was kept of those before it */
    const char *at;  /* the rest of the format */
    char letter;
    bool done, bad;
    uint8_t need, have; /* bytes of a fixed item */
    uint8_t depth, numbers, handles, names, padding;
    bool has_size, has_version;
    struct {
        const char *at;
        uint32_t left;
    } frame[NFS_XDR_DEPTH];
    uint64_t number[8];
    uint64_t handle[2];
    struct {
        uint8_t len;
        char text[NFS_NAME_MAX];
    } name[2];
    uint32_t bitmap[3];
    uint64_t size, version, fileid;
    uint32_t left; /* bytes of an opaque that have not come */
    uint16_t capture_len;
    uint8_t hold[84];
    uint8_t capture[NFS_XDR_CAPTURE];
};

/* ---- a session ---- */

struct nfs_file {
    uint64_t id;      /* of its handle */
    uint64_t number;  /* nth object of the session */
    uint64_t used_at; /* for giving up the one that was idle longest */
    int64_t used_ns;
    uint64_t size;      /* as written so far; valid with `sized` */
    uint64_t read_size; /* what a reader will get; valid with `read_sized` */
    uint64_t read_version;
    uint64_t writes;    /* WRITE calls seen */
    uint64_t clean_calls; /* calls of the session when the last WRITE was answered as stable */
    bool sized, read_sized;
    bool opened;        /* NFS 4: its CLOSE will come */
    bool closed;        /* and did */
    bool clean;         /* nothing was written since the server said that all is stable */
    bool committed;     /* by a COMMIT */
    enum side writer;
    bool guessed;       /* what was read came in answers to calls that were not seen */
    uint16_t name_len;
    char name[NFS_NAME_MAX];
    struct meta *meta;
    struct assembly sent, given; /* by WRITE, by answers to READ */
};

struct nfs_op {
    uint8_t code;
    uint16_t name_at, name_len; /* in the call's text */
    uint64_t handle;            /* the one it names, or the directory of the name */
    uint64_t other;             /* RENAME: the other directory. WRITE: the length. READ: the offset */
    uint64_t writes;            /* of the file, at the time of the call */
    bool truncates;             /* OPEN, CREATE: the file is empty when it succeeds */
};

struct nfs_call { /* waits for its reply */
    uint32_t xid;
    uint32_t program, version, procedure;
    uint8_t service; /* RPCSEC_GSS */
    uint8_t count;
    bool tls;        /* TLS is asked for */
    uint16_t text_len;
    uint16_t second_at, second_len; /* RENAME: the new name */
    struct nfs_op op[NFS_OPS_MAX];
    char text[2 * NFS_NAME_MAX + 2];
};

enum nfs_step {
    NFS_MESSAGE,   /* xid, call or reply */
    NFS_CALL,      /* the rest of a call's head */
    NFS_REPLY,
    NFS_GUESS,     /* the first words of results whose call was not seen */
    NFS_SEALED,    /* length and sequence number before integrity-protected arguments or results */
    NFS_PROCEDURE, /* of NFS 3 or MOUNT */
    NFS_COMPOUND,  /* tag and count */
    NFS_CODE,      /* of the next operation */
    NFS_OPERATION,
    NFS_REST,      /* nothing in the rest of the message is wanted */
    NFS_STRANGE    /* the rest of the message cannot be read: it is searched raw */
};

struct nfs_payload {
    bool active;
    bool dropped;    /* seen before */
    uint32_t skip;   /* bytes at its beginning that were */
    uint64_t file;   /* its id, 0 for none: then it is searched raw */
    uint64_t offset;
};

struct nfs_side {
    uint8_t mark[4];       /* before each fragment of a record */
    uint8_t mark_len;
    bool in_record, last;  /* the fragment at hand is the record's last */
    uint32_t fragment_left;
    bool lost;             /* after a gap: waits for a record that looks right */
    uint64_t lost_bytes;
    uint8_t tail_len;
    uint8_t tail[128];     /* LOST: the bytes before */
    struct unread unread;      /* of what cannot be read */

    enum nfs_step step;
    bool reply;
    uint32_t xid, program, version, procedure;
    uint8_t service;       /* RPCSEC_GSS: 0 none of it */
    uint32_t ops_left;
    uint8_t op_index, op_code;
    uint64_t current, saved; /* file handles of a compound, 0 unknown */
    struct nfs_op *named;    /* reply: the operation that came to the present one by name */
    uint64_t directory;      /* of that name */
    uint64_t closing;        /* file that is closed when the message ends */
    struct nfs_call *call;   /* being read, or being answered */
    struct nfs_payload payload;
    struct nfs_xdr xdr;
};

struct nfs {
    struct nfs_side side[2];
    uint64_t clock; /* counts messages */
    uint64_t calls; /* of NFS */
    uint64_t objects_seen;
    unsigned sealed; /* messages in a row that cannot be read */
    uint8_t service; /* of RPCSEC_GSS, as the last call said */
    bool ended;      /* a side is done */
    int64_t swept_ns;
    uint64_t answered[NFS_CALLS_MAX]; /* 1 << 32 | xid */
    uint64_t written[NFS_CALLS_MAX];  /* by xid: which WRITE it was */
    struct nfs_call *call[NFS_CALLS_MAX];
    uint64_t file_id[NFS_FILES_MAX];
    struct nfs_file *file[NFS_FILES_MAX];
};

/* Clients count their calls in the xid's last byte or, where they are little-endian, in its first. */
static inline unsigned nfs_call_slot(uint32_t xid)
{
    return (xid ^ xid >> 8 ^ xid >> 16 ^ xid >> 24) % NFS_CALLS_MAX;
}

static inline struct nfs_shared *nfs_shared_of(struct app_session *session)
{
    return app_shared(session, &app_nfs);
}

static inline struct text nfs_op_name(const struct nfs_side *s, const struct nfs_op *op)
{
    return (struct text){s->call->text + op->name_at, op->name_len};
}

/* nfs_xdr.c: reads items until the format is done, is bad, or a payload begins (then the payload's bytes are not
 * taken); returns the bytes taken. */
void nfs_xdr_start(struct nfs_xdr *x, const char *format);
size_t nfs_xdr_feed(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void nfs_xdr_payload_done(struct nfs_xdr *x);
void nfs_xdr_inside_opaque(struct nfs_xdr *x, uint32_t left); /* the format's first item is one, and has begun */

/* nfs_table.c: NULL when it is not known. */
const char *nfs3_format(uint32_t procedure, bool reply);
const char *nfs4_format(uint32_t operation, bool reply);
const char *nfs_branch(char letter, uint32_t value); /* how a union goes on */

/* nfs_rpc.c */
void nfs_message_begin(struct app_session *session, enum side side);
void nfs_message_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void nfs_message_end(struct app_session *session, enum side side);
void nfs_message_gap(struct app_session *session, enum side side, uint64_t len); /* inside the message */
void nfs_rest(struct app_session *session, enum side side, const uint8_t *data, size_t len);
struct nfs_op *nfs_call_op(struct nfs_side *s); /* a place for the operation at hand, NULL when there is none */
/* Keeps the first name of the operation, and a second one, for the reply. */
void nfs_op_names(struct nfs_side *s, struct nfs_op *op);
/* A handle that stands in a message of `side`. */
uint64_t nfs_handle(struct app_session *session, enum side side, const void *handle, size_t len);

/* nfs3.c, nfs4.c: the items of the procedure or operation are in side->xdr. */
void nfs3_call(struct app_session *session, enum side side);
void nfs3_reply(struct app_session *session, enum side side);
void nfs3_entry(struct app_session *session, enum side side); /* of a directory */
void nfs3_payload(struct app_session *session, enum side side, uint32_t len);
void nfs_mount_call(struct app_session *session, enum side side);
void nfs_mount_reply(struct app_session *session, enum side side);
void nfs4_operation(struct app_session *session, enum side side);
void nfs4_refused(struct app_session *session, enum side side);
void nfs4_entry(struct app_session *session, enum side side);
void nfs4_payload(struct app_session *session, enum side side, uint32_t len);

/* nfs_file.c */
struct nfs_file *nfs_file_find(struct app_session *session, uint64_t id); /* NULL when it is not known */
struct nfs_file *nfs_file_of(struct app_session *session, uint64_t id);   /* makes it; NULL when memory refuses */
void nfs_file_rekey(struct app_session *session, uint64_t from, uint64_t to);
void nfs_file_renamed(struct app_session *session, uint64_t id);
void nfs_file_truncate(struct app_session *session, struct nfs_file *file, uint64_t size); /* by its client */
void nfs_file_attributes(struct nfs_file *file, const struct nfs_xdr *x);
/* The server said that the first `writes` WRITEs are on its disk. */
void nfs_file_stable(struct app_session *session, struct nfs_file *file, uint64_t writes, bool commit);
void nfs_file_close(struct app_session *session, struct nfs_file *file); /* by NFS 4 */
void nfs_files_sweep(struct app_session *session);
void nfs_files_free(struct app_session *session);
/* The content that follows, of a call of `side` or an answer of it. */
void nfs_write_begin(struct app_session *session, enum side side, uint64_t id, uint64_t offset, uint32_t len);
void nfs_read_begin(struct app_session *session, enum side side, uint64_t id, uint64_t offset, uint32_t len, bool eof);
void nfs_read_guess(struct app_session *session, enum side side, uint32_t len, bool eof); /* its call was not seen */
void nfs_payload_data(struct app_session *session, enum side side, const uint8_t *data, size_t len);
void nfs_payload_gap(struct app_session *session, enum side side, uint32_t len);

#endif
