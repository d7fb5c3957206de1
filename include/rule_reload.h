/* Live reload: rules and lists are compiled on a thread of their own, at low priority, so that neither packets nor
 * alerts wait for them; a set with an error is refused and the old one stays. At most two generations are alive: the
 * next compile starts when every worker has taken the last set and the one before it is gone. Output thread. */
#ifndef DLP_RULE_RELOAD_H
#define DLP_RULE_RELOAD_H

#include <event2/event.h>

#include "rule_load.h"

struct rule_reload_hooks {
    void *user;
    /* Takes the new set and offers it to the workers; gives back the one it replaces. */
    struct rule_set *(*install)(void *user, struct rule_set *rules);
    bool (*settled)(void *user); /* every worker uses what was installed last */
    void (*refused)(void *user);
};

struct rule_reload;
/* NULL when the system gives no thread or event (said in the log): rules then stay as they are. */
struct rule_reload *rule_reload_new(struct event_base *base, const struct config *config,
                                    const struct rule_reload_hooks *hooks);
/* Asks for a reload. Wishes that come while one is under way are one more. NULL is allowed. */
void rule_reload_start(struct rule_reload *reload);
void rule_reload_free(struct rule_reload *reload); /* waits for a compile under way */

#endif
