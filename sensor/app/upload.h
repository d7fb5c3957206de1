/* Files that travel in pieces, put together: what a piece is, and how many there must be, the protocol knows; here are
 * the pieces. They may come over several connections, in any order and more than once, so their bytes are kept, within
 * bounds and for a while, in a table that all flows of a worker share. */
#ifndef DLP_APP_UPLOAD_H
#define DLP_APP_UPLOAD_H

#include "app.h"
#include "header_value.h"

#define UPLOAD_BYTES_MAX (64u << 20) /* of one upload */

struct upload_range {
    struct upload_range *next;
    uint64_t order; /* first byte, or number */
    uint64_t id;    /* a name by which a list may call it, hashed; 0: none */
    bool whole;
    struct buffer bytes;
};

struct upload {
    bool used;
    bool numbered;  /* ordered by numbers, not by offsets */
    bool closing;   /* the sender has said that these were all */
    bool foreign;   /* some of its bytes never passed here: it cannot become whole */
    bool spare;     /* was whole as it was, and kept in case there is more: goes first when room is needed */
    bool held;      /* complete or not, it waits to become part of another one */
    uint64_t key, generation;
    uint64_t total;  /* bytes, OBJECT_SIZE_UNKNOWN until told */
    uint64_t pieces; /* how many, 0 until told */
    int64_t last_ns;
    size_t bytes, count;
    struct upload_range *ranges, *latest; /* ascending; `latest` grew last */
    uint16_t name_len, type_len, codings_len;
    char name[HEADER_NAME_ROOM], type[256], codings[HEADER_CODINGS_ROOM];
};

struct upload_ref { /* to a slot that may have been used again */
    bool active;
    uint8_t slot;
    uint64_t generation;
};

struct uploads;
struct uploads *uploads_new(struct mem *mem);
void uploads_free(struct uploads *uploads);

/* Keys: who sends, and the words that name the upload. */
uint64_t upload_key(const struct uploads *uploads, const struct flow *flow, enum side side, struct text a,
                    struct text b, struct text c);
uint64_t upload_new_key(const struct uploads *uploads); /* of one whose name is not known yet */
struct upload *upload_find(struct uploads *uploads, uint64_t key);
struct upload *upload_make(struct uploads *uploads, uint64_t key, int64_t now_ns);
struct upload_ref upload_ref(const struct uploads *uploads, const struct upload *upload);
struct upload *upload_of(struct uploads *uploads, const struct upload_ref *ref); /* NULL when it is gone */
void upload_set_name(struct upload *upload, const char *name, size_t len);
void upload_forget(struct uploads *uploads, struct upload *upload);

/* A piece begins; the same one sent again replaces what was there. */
bool upload_open(struct uploads *uploads, struct upload *upload, uint64_t order, uint64_t id);
/* False when there is no room: the upload is forgotten. */
bool upload_data(struct uploads *uploads, struct upload *upload, uint64_t order, const uint8_t *data, size_t len);
void upload_piece_end(struct upload *upload, uint64_t order, bool whole);
/* All pieces of `from` follow those of `to`; `from` is forgotten. Both by offsets, both complete, or false. */
bool upload_append(struct uploads *uploads, struct upload *to, struct upload *from);
/* Orders the pieces as a list of `count` ids says, those it does not name are dropped; false when one is missing. */
bool upload_arrange(struct uploads *uploads, struct upload *upload, const uint64_t *ids, size_t count);
bool upload_is_complete(const struct upload *upload);
/* Makes one object of it and forgets it. */
void upload_join(struct app_session *session, struct uploads *uploads, enum side side, struct upload *upload,
                 struct meta *meta, uint64_t tx_id);

/* Bytes of a message that may turn out to be a piece, kept apart until it is known: counted like the pieces. */
bool upload_note(struct uploads *uploads, struct buffer *note, const uint8_t *data, size_t len, size_t max);
void upload_note_drop(struct uploads *uploads, struct buffer *note);

#endif
