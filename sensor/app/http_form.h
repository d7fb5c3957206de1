/* multipart bodies in memory, for those whose parts are pieces of a file: which piece, the other fields say. */
#ifndef DLP_APP_HTTP_FORM_H
#define DLP_APP_HTTP_FORM_H

#include "header_value.h"

#define FORM_FIELD_ROOM 64

struct form_item {
    char field[FORM_FIELD_ROOM], file[HEADER_NAME_ROOM];
    size_t field_len, file_len;
    struct text range; /* its Content-Range */
    struct text data;
    bool closed;       /* the delimiter behind it was seen */
};

/* The item at *at, which moves behind it. False when there is none, or its headers are not all there. */
bool form_next(struct text body, struct text boundary, size_t *at, struct form_item *item);

struct form_chunk { /* where a piece stands in its file */
    uint64_t number, count;
    char id[256], name[HEADER_NAME_ROOM];
    size_t id_len, name_len;
};

/* What `form` (NULL: nothing) and the query of `url` say of it, in the words of the upload libraries. *item becomes
 * the piece, when `form` holds one. False when this is no piece of a file, or all of it. */
bool form_chunk(struct form_chunk *chunk, struct text form, struct text boundary, struct text url,
                struct form_item *item);
/* Whether a form that begins like this may be one with pieces; false also when its first file has come and no word said
 * so. */
bool form_may_be_chunk(struct text form, struct text boundary, struct text url);

#endif
