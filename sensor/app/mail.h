/* One mail message on its way to the object sink, for SMTP, POP3, IMAP and NNTP. */
#ifndef DLP_APP_MAIL_H
#define DLP_APP_MAIL_H

#include "app.h"
#include "dot.h"
#include "line.h"

struct mail_part { /* a part that travels alone, without its header */
    char type[64], encoding[24]; /* "": not known */
    uint16_t name_len;
    char name[160];
};

struct mail {
    struct object *object;
    struct meta *meta; /* held by the caller until mail_end */
    enum side side;
    uint64_t tx_id, expected_size;
    const struct mail_part *part; /* NULL: a whole message. The caller's, until the first byte */
    bool begun; /* between mail_begin and mail_end */
    bool asked; /* the object was asked for: with the first byte, so a refused message makes none */
    bool head_done;
    size_t head_bytes;
    enum meta_id field;  /* of the header line before, for folded ones; META_COUNT when none */
    struct line line;
    uint16_t value_len;
    char value[META_FIELD_MAX];
};

/* The head's words (email.*) go to the meta as they pass. */
void mail_begin(struct app_session *session, struct mail *mail, enum side side, struct meta *meta, uint64_t tx_id,
                uint64_t expected_size);
void mail_data(struct app_session *session, struct mail *mail, const uint8_t *data, size_t len);
/* Text up to a line of one dot (dot.h), which is passed over where no mail is begun. */
size_t mail_text(struct app_session *session, struct mail *mail, struct dot_text *dot, const uint8_t *data, size_t len,
                 bool *done);
void mail_gap(struct app_session *session, struct mail *mail, uint64_t len);
/* Ends the object and drops the meta. */
void mail_end(struct app_session *session, struct mail *mail, bool whole);
/* For app_ops.rest: zeroes what will not be read again. False: it holds on to the caller's part. */
bool mail_rest(struct mail *mail);

#endif
