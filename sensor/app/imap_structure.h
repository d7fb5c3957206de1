/* BODYSTRUCTURE (RFC 9051 7.5.2): what an IMAP server says of the parts of a message. A client that fetches one part
 * alone gets its coded text and nothing else; its name, type and coding were said here. */
#ifndef DLP_APP_IMAP_STRUCTURE_H
#define DLP_APP_IMAP_STRUCTURE_H

#include "mail.h"

#define STRUCTURE_PARTS 12
#define STRUCTURE_DEPTH 24
#define SECTION_ROOM 24 /* "1.2.3" */

struct imap_list { /* an open parenthesis */
    uint8_t body;     /* a body, not any other list */
    uint8_t embedded; /* the body of a message/rfc822 part */
    uint8_t index;    /* items so far */
    uint8_t children; /* bodies among them */
    int8_t part;      /* of a body: place in `parts`, or -1 */
    char section[SECTION_ROOM];
};

struct imap_structure {
    uint32_t message; /* its sequence number */
    uint8_t matched;  /* of the word that begins it */
    bool inside, quoted, escaped;
    uint8_t depth, over; /* over: parentheses deeper than the room */
    struct imap_list lists[STRUCTURE_DEPTH];
    uint16_t word_len;
    char word[128];
    bool has_word;
    char key[16]; /* of a parameter, lower case; "" when a key comes next */
    uint8_t count;
    struct {
        char section[SECTION_ROOM];
        struct mail_part part;
    } parts[STRUCTURE_PARTS];
};

/* Bytes of a server's lines, their ends included, in any pieces. `message` is the number the line begins with. */
void imap_structure_take(struct imap_structure *s, uint32_t message, const uint8_t *data, size_t len);
/* The line ended; with a literal the structure may go on behind it. */
void imap_structure_line(struct imap_structure *s, bool literal);
/* Bytes of a literal, which stands for a string; the last ones of it, or not. */
void imap_structure_literal(struct imap_structure *s, const uint8_t *data, size_t len, bool last);
/* For app_ops.rest: zeroes what will not be read again. */
void imap_structure_rest(struct imap_structure *s);
/* What is known of a part, or NULL. */
const struct mail_part *imap_structure_find(const struct imap_structure *s, uint32_t message, struct text section);

#endif
