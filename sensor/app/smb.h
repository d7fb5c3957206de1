/* SMB 2 and 3 [MS-SMB2] and SMB 1 [MS-CIFS, MS-SMB] over TCP, internal. smb.c cuts the stream into commands and streams
 * their payloads; smb2.c and smb1.c read the heads; smb_file.c keeps the open files. */
#ifndef DLP_APP_SMB_H
#define DLP_APP_SMB_H

#include "app.h"
#include "assembly.h"
#include "cursor.h"
#include "unread.h"

#define SMB_HEAD_MAX 1100 /* of one command: its fixed part and a path */
#define SMB_FILES_MAX 128
#define SMB_PENDING_MAX 256
#define SMB_TREES_MAX 16
#define SMB_CONNECTING_MAX 8 /* to trees, at once */
#define SMB_NAME_MAX 512
#define SMB_SHARE_MAX 80

struct smb_file {
    bool known;              /* the server's answer gave its handle */
    uint8_t handle[16];      /* FileId; SMB 1: FID in the first two bytes */
    uint64_t used_at;        /* for giving up the one that was idle longest */
    uint64_t size;           /* EndOfFile as either side said, or OBJECT_SIZE_UNKNOWN */
    uint64_t read_size;      /* EndOfFile when it was opened: what a reader will get */
    uint16_t name_len;
    char name[SMB_NAME_MAX]; /* UTF-8 path */
    uint32_t tree;
    struct meta *meta;
    uint64_t number;         /* nth file of the session */
    struct assembly sent, given; /* by the client (WRITE), by the server (READ) */
};

struct smb_request { /* waits for its response */
    bool used;
    uint16_t command;
    uint64_t message;
    uint64_t offset;
    uint32_t index;       /* of the file, SMB_FILES_MAX for none */
    uint64_t file_number; /* so that a slot used again is noticed */
};

struct smb_payload { /* what follows the head of a WRITE request or a READ response */
    uint32_t index; /* of the file, SMB_FILES_MAX for none */
    uint64_t number;
    uint64_t offset;
    size_t skip;    /* bytes before it */
    uint64_t left;
};

struct smb_side {
    uint8_t frame[4];  /* the length before each message */
    uint8_t frame_len;
    uint32_t message_left;
    uint32_t command_left; /* of the present command, head included; 0: a new one begins */
    size_t head_len, head_want;
    bool lost;         /* after a gap: waits for a frame that looks right */
    uint64_t lost_bytes;
    struct smb_payload payload;
    bool compressed;   /* [MS-SMB2 2.2.42]: the message at hand is searched as it is */
    struct unread unread;
    uint8_t head[SMB_HEAD_MAX];
};

struct smb {
    struct smb_side side[2];
    uint64_t clock; /* counts commands */
    uint64_t files_seen;
    unsigned sealed; /* encrypted messages in a row */
    uint32_t related; /* index of the file a compound speaks of */
    struct {
        bool used, pipe;
        uint32_t id;
        char share[SMB_SHARE_MAX];
    } tree[SMB_TREES_MAX];
    struct {
        uint64_t message;
        char share[SMB_SHARE_MAX];
    } connecting[SMB_CONNECTING_MAX]; /* by the request's number */
    struct smb_request pending[SMB_PENDING_MAX];
    struct smb_file *file[SMB_FILES_MAX];
};

struct smb_shared {
    struct pool *files;
    struct assembly_memory memory;
};

enum smb_head { SMB_MORE, SMB_TAKEN }; /* MORE: head_want was raised */

/* Reads the command whose first head_len bytes are in side->head; may set side->payload. */
enum smb_head smb2_head(struct app_session *session, enum side side);
enum smb_head smb1_head(struct app_session *session, enum side side);

/* smb_file.c */
struct smb_file *smb_file_new(struct app_session *session, uint32_t tree);
struct smb_file *smb_file_find(struct smb *smb, const uint8_t handle[16]);
struct smb_file *smb_file_met(struct app_session *session, const uint8_t handle[16], uint32_t tree);
void smb_file_sent(struct app_session *session, struct smb_file *file); /* the client will write no more */
void smb_file_close(struct app_session *session, struct smb_file *file, bool closed);
uint32_t smb_file_index(const struct smb *smb, const struct smb_file *file);
void smb_name(struct app_session *session, struct smb_file *file, const uint8_t *name, size_t len, bool wide);
/* UTF-16LE or single bytes to UTF-8, up to a terminator; returns the bytes written. */
size_t smb_text(const uint8_t *data, size_t len, bool wide, char *out, size_t room);
char *smb_connecting(struct smb *smb, uint64_t message); /* room for the share that is asked for */
void smb_tree(struct smb *smb, uint32_t id, uint64_t message); /* what that request asked for has this number */
bool smb_is_pipe(const struct smb *smb, const struct smb_file *file); /* of a share that holds no files */

/* What follows the head: `skip` bytes, then content of a WRITE or of an answer to READ. */
void smb_write_begin(struct smb *smb, struct smb_payload *payload, struct smb_file *file, size_t skip, uint64_t offset,
                     uint32_t len);
void smb_read_begin(struct smb *smb, struct smb_payload *payload, struct smb_file *file, size_t skip, uint64_t offset,
                    uint32_t len);
void smb_file_data(struct app_session *session, enum side side, struct smb_payload *payload, const uint8_t *data,
                   size_t len);
void smb_file_gap(struct app_session *session, enum side side, struct smb_payload *payload, uint64_t len);

struct smb_request *smb_expect(struct smb *smb, uint16_t command, uint64_t message);
/* Takes the request that this answers off the list; false when it was not seen. */
bool smb_answer(struct smb *smb, uint16_t command, uint64_t message, struct smb_request *request);
struct smb_file *smb_request_file(const struct smb *smb, const struct smb_request *request);

#endif
