/* Named lists: plain text files of receivers, senders and digests that rules speak of through facts
 * (list_list.def). One entry a line; `#` starts a comment; blank lines are skipped.
 *
 *      10.1.2.3  10.0.0.0/8  2001:db8::/32   an address or a prefix
 *      www.example.com                       a host name, exactly
 *      .example.com                          that name and every name below it
 *      9f86d081...                           64 hex digits; what follows on the line (sha256sum(1)) is a comment
 *
 * Read by one thread, then read-only; every lookup is a binary search. */
#ifndef DLP_LISTS_H
#define DLP_LISTS_H

#include "facts.h"

enum list_id {
#define LIST(name, kind, fact) LIST_##name,
#include "list_list.def"
#undef LIST
    LIST_COUNT
};

struct lists;
typedef void (*list_say)(void *user, bool error, const char *message);

/* `paths` by enum list_id; NULL or "" is an empty list. NULL when a file has an error: each goes through `say` as
 * `file:line: message`. */
struct lists *lists_read(const char *const paths[LIST_COUNT], list_say say, void *user);
void lists_free(struct lists *lists);
size_t lists_entries(const struct lists *lists); /* of all files together */
/* Sets the lists' facts from the sender_ip, receiver_ip and hostname that stand in `facts`, and from the digest of
 * an object that was seen whole (NULL otherwise). */
void lists_apply(const struct lists *lists, const uint8_t sha256[32], struct fact_set *facts);

#endif
