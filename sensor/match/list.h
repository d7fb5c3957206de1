/* The inside of the named lists: lists.c looks up, lists_read.c reads files. */
#ifndef DLP_MATCH_LIST_H
#define DLP_MATCH_LIST_H

#include "ip.h"
#include "lists.h"

#define LIST_HOST_MAX 253 /* RFC 1035 2.3.4, without the last dot */

struct range { /* first and last address; sorted, apart from one another */
    struct ip_addr from, to;
};

struct digest {
    uint8_t bytes[32];
};

struct list {
    struct range *ranges;
    struct digest *digests;
    char **hosts; /* lower case, sorted; a leading dot means every name below too */
    size_t range_count, digest_count, host_count, entries;
    bool configured;
};

struct lists {
    struct list list[LIST_COUNT];
};

/* Reads one file into an empty list and sorts it; false when any line is wrong. */
bool list_read(struct list *list, const char *path, bool hosts, bool digests, list_say say, void *user);

#endif
