/* Files that travel in parts: byte ranges (RFC 9110 14), resumable uploads, the multipart uploads of object stores,
 * forms that carry a slice each. Each part is an object of its own, never whole; when the last one has come, all of
 * them together are one more, whole object. What a message is to a file is read from its head by the dialects of
 * http_dialect.c; the bytes are kept by upload.c. */
#ifndef DLP_APP_HTTP_PARTS_H
#define DLP_APP_HTTP_PARTS_H

#include "upload.h"

enum http_part_role {
    PART_NONE,
    PART_NAMED,  /* a whole file that an earlier request gave a name */
    PART_PIECE,
    PART_CREATE, /* the request that begins an upload, with or without its first bytes */
    PART_CLOSE,  /* the one that says these were all: in its body, perhaps, in which order */
    PART_FORM,   /* a form that may hold a piece */
    PART_RANGES, /* multipart/byteranges */
    PART_ANSWER  /* the response to PART_CREATE: the name the upload goes by */
};

struct http_part { /* in a message: what its body is for */
    enum http_part_role role;
    bool piece;     /* its bytes are a piece, at `order` */
    bool last;      /* and the last one */
    bool placed;    /* PART_FORM: the head says where its piece belongs */
    uint32_t look;  /* PART_FORM: bytes after which it is looked at; 0: it is one with pieces */
    struct upload_ref upload;
    uint64_t order, size;
    struct buffer note;
};

struct http_part_head { /* what a message's head says */
    struct text method, host, url;
    struct text type;
    struct text (*field)(const void *fields, const char *name);
    const void *fields;
    uint64_t length; /* of the body, OBJECT_SIZE_UNKNOWN when it is not told */
    bool request, body;
    uint16_t status;
};

/* True when the body is a part and so never whole. */
bool http_part_begin(struct app_session *session, struct uploads *uploads, enum side side,
                     const struct http_part_head *head, struct http_part *part);
/* The response to a request that created `upload`. */
void http_part_answer(struct app_session *session, struct uploads *uploads, enum side side,
                      const struct http_part_head *head, const struct upload_ref *upload, struct http_part *part);
void http_part_data(struct uploads *uploads, struct http_part *part, const struct meta *meta, const uint8_t *data,
                    size_t len);
/* Bytes of the body are missing: what follows has lost its place. */
void http_part_gap(struct uploads *uploads, struct http_part *part);
/* The body ended. Hands on the joined object when nothing is missing. */
void http_part_end(struct app_session *session, struct uploads *uploads, enum side side, struct http_part *part,
                   bool whole, struct meta *meta, uint64_t tx_id);

/* ---- dialects ---- */

struct part_place { /* where the bytes of a message belong */
    enum http_part_role role;
    struct text host, path, id; /* the upload's key */
    bool piece, last, numbered, foreign, held;
    bool keyed; /* PART_CREATE: later requests have the same key; else the answer gives another */
    uint64_t order, total, pieces;
    struct text members; /* URLs of the uploads that are to become one */
    struct text block; /* the name that a list calls it by, or {NULL, 0} */
    size_t name_len, type_len;
    char name[HEADER_NAME_ROOM], type[128];
    char words[256]; /* room for an id that had to be decoded */
};

/* False when no dialect knows it. */
bool part_place_of(const struct http_part_head *head, struct part_place *place);
/* The file's name as the header fields that are made for it give it: 0 when none does. */
size_t part_file_name(const struct http_part_head *head, char *out, size_t room);
/* "bytes 0-99/200" or "bytes 0-99" with "/" and "*"; false when it is neither. *last: the last byte's offset. */
bool part_range(struct text text, uint64_t *first, uint64_t *last, uint64_t *total);

#endif
