/* Watches rule files, their directories and the files of named lists with inotify(7), and says once, half a second
 * after the last change, that something changed. Output thread. */
#ifndef DLP_RULE_WATCH_H
#define DLP_RULE_WATCH_H

#include <event2/event.h>

#include "config.h"

struct rule_watch;
/* NULL when the system refuses (said in the log): rules then reload on SIGHUP only. `config` is borrowed. */
struct rule_watch *rule_watch_new(struct event_base *base, const struct config *config,
                                  void (*changed)(void *user), void *user);
void rule_watch_free(struct rule_watch *watch);

#endif
