/* Asks the Sentinels who the master is, one after another. */
#ifndef DLP_OUTPUT_REDIS_FIND_H
#define DLP_OUTPUT_REDIS_FIND_H

#include "redis_link.h"

struct redis_finder {
    struct redis_access *access;
    struct redis_link *link;
    unsigned asked, next; /* Sentinels, by index in the URL: `next` answered last */
    char reason[192];
    /* From the loop: the master, or NULL with a reason in `reason` when no Sentinel knows. */
    void (*found)(void *user, const struct redis_endpoint *master);
    void *user;
};

void redis_find_begin(struct redis_finder *finder);
void redis_find_stop(struct redis_finder *finder);

#endif
