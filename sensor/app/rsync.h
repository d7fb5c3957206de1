/* What the files of the rsync decoder share. rsync.c follows the daemon's greeting, the client's arguments and the
 * frames; rsync_list.c reads the file list; rsync_file.c the transfers; rsync_coding.c undoes their compression;
 * rsync_options.c reads the arguments. The format is what rsync 3.x speaks as protocols 27 to 32 (its io.c,
 * compat.c, flist.c, sender.c, token.c). */
#ifndef DLP_APP_RSYNC_H
#define DLP_APP_RSYNC_H

#include "app.h"
#include "cursor.h"

#define RSYNC_NAME_MAX 4096          /* MAXPATHLEN */
#define RSYNC_RECORD_MAX (16u << 10) /* one entry, one argument, one head: no real one is longer */
#define RSYNC_LIST_BYTES (4u << 20)  /* of names and entries kept for one session */

enum rsync_stage {
    RSYNC_LINES,     /* greeting, module, authentication */
    RSYNC_ARGUMENTS, /* the client's */
    RSYNC_COMPAT,    /* the server's flags */
    RSYNC_STRINGS,   /* names of checksums and compressions, to choose from */
    RSYNC_SEED,
    RSYNC_FILTER,    /* a sending client's rules */
    RSYNC_LIST,
    RSYNC_IDS,       /* users, then groups */
    RSYNC_IO_ERROR,
    RSYNC_INDEX,     /* which file comes, or another list, or the end of a phase */
    RSYNC_XATTRS,
    RSYNC_SUM_HEAD,
    RSYNC_TOKEN,
    RSYNC_LITERAL,   /* `left` bytes of the file */
    RSYNC_CHUNK,     /* `left` compressed bytes of it */
    RSYNC_SKIP,      /* `left` bytes of no interest; then `after` */
    RSYNC_FAREWELL,  /* at most `left` bytes of statistics */
    RSYNC_LOST,      /* the sender's stream is followed no more: it is one object without a name */
    RSYNC_IGNORED,   /* nothing that follows on this side is content */
};

enum rsync_coding { RSYNC_PLAIN, RSYNC_ZLIB, RSYNC_ZLIBX, RSYNC_ZSTD, RSYNC_UNKNOWN };

struct rsync_side {
    enum rsync_stage stage, after;
    bool muxed;
    uint8_t head[4], head_len;
    uint32_t frame_left;
    bool frame_data; /* not a message */
    uint32_t left;
    uint32_t strings; /* of the names to choose from, how many were read */
    uint32_t text;    /* bytes of lines and arguments */
    struct buffer pending; /* the beginning of a record */
    char checksums[128], compressions[64];
};

struct rsync_options { /* of the client's arguments: what changes the format */
    bool server_sends, user, group, numeric, devices, specials, links, hard_links, checksum;
    bool atimes, crtimes, acls, xattrs, dry_run, prune, delete, delete_excluded, compress, second_list, strings;
    bool checksum_chosen, compress_chosen, over;
    char checksum_choice[32], compress_choice[16];
};

struct rsync_entry {
    uint64_t size;
    uint32_t name; /* in names, from names_base */
    uint32_t arrival;
    uint16_t name_len;
    uint16_t mode;
};

struct rsync_segment { /* one list: the first, or of one directory */
    uint32_t first;    /* index of its first entry, as the protocol counts */
    uint32_t at, count; /* in entries */
};

struct rsync_list {
    struct buffer names, entries, segments; /* of struct rsync_entry, struct rsync_segment */
    uint32_t next;    /* index of the next list's first entry */
    uint32_t count;   /* entries of the present one */
    uint32_t lists;
    bool open;        /* it is kept; else it is only read */
    uint16_t mode;    /* of the entry before, which the next may share */
    uint16_t last_len;
    char last[RSYNC_NAME_MAX];
};

struct rsync {
    struct rsync_side side[2];
    struct rsync_options options;
    unsigned version[2]; /* as greeted; 0 before */
    unsigned protocol;
    bool accepted;       /* "@RSYNCD: OK" was said */
    bool compat_seen, incremental, varint_flags, safe_list, xattr_optional, id0_names;
    bool groups;         /* RSYNC_IDS: users are through */
    uint32_t id;
    char module[128];
    uint8_t module_len;
    struct rsync_list list;
    /* transfers */
    int32_t previous, previous_negative;
    uint32_t done;       /* phases, and lists, that the sender ended */
    bool list_ended;
    uint32_t index, blocks, block_len, last_len;
    uint16_t attributes;
    uint64_t size, written;
    bool missing;        /* bytes of the file were not sent, because the receiver had them, or could not be decoded */
    enum rsync_coding coding;
    bool run;            /* of compressed chunks, which ends with the next token */
    uint32_t block;      /* tokens count from here */
    unsigned sum_len;
    struct rsync_coder *coder;
    struct object *object;
    struct meta *meta;
    uint64_t transfers;
};

struct rsync_shared {
    struct buffer_heap *heap;
};

/* Numbers of the protocol. After a short read the cursor is bad. */
uint32_t rsync_varint(struct cursor *c);
uint64_t rsync_varlong(struct cursor *c, unsigned least);
uint64_t rsync_long30(const struct rsync *rsync, struct cursor *c, unsigned least); /* either form, by protocol */
uint32_t rsync_int30(const struct rsync *rsync, struct cursor *c);

/* Each reads one record at the cursor and sets the stage that follows. False: the format is not what it should be.
 * When the cursor is bad after it, the record is not whole yet and nothing was changed. */
bool rsync_list_record(struct app_session *session, struct rsync_side *side, struct cursor *c);
bool rsync_list_ids(struct app_session *session, struct rsync_side *side, struct cursor *c);
bool rsync_list_error(struct app_session *session, struct rsync_side *side, struct cursor *c);
void rsync_list_close(struct app_session *session);
/* The entry of an index, NULL when it was not kept. */
const struct rsync_entry *rsync_list_find(struct rsync *rsync, uint32_t index);

void rsync_options_take(struct rsync_options *options, struct text argument);
unsigned rsync_strings_expected(const struct rsync *rsync); /* lists of names each side offers */
unsigned rsync_sum_length(const struct rsync *rsync, bool of_list); /* of whole files, as both sides agreed */
enum rsync_coding rsync_coding_agreed(const struct rsync *rsync);

void rsync_list_begin(struct app_session *session);

bool rsync_file_record(struct app_session *session, enum side side, struct cursor *c);
void rsync_file_bytes(struct app_session *session, const uint8_t *data, size_t len);
void rsync_file_gap(struct app_session *session, uint64_t len);
void rsync_file_begin(struct app_session *session, enum side side, const struct rsync_entry *entry);
void rsync_file_end(struct app_session *session, bool whole);

/* The chunk's bytes go to the file; what cannot be decoded is missing from it. */
void rsync_coding_chunk(struct app_session *session, const uint8_t *data, size_t len);
void rsync_coding_flush(struct app_session *session); /* a run of chunks ended */
void rsync_coding_next_file(struct app_session *session);
void rsync_coding_close(struct app_session *session);

#endif
