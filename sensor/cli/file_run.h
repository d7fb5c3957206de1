/* Plain files through object/, facts/ and match/, each as if it had just been sent out. */
#ifndef DLP_CLI_FILE_RUN_H
#define DLP_CLI_FILE_RUN_H

#include "config.h"
#include "facts.h"
#include "match.h"

struct file_hooks {
    void *user;
    /* An object of the file ended (the file itself last): its facts are final. `object` is NULL for a flow. */
    void (*object)(void *user, const struct object *object, const struct fact_set *facts);
    /* A rule holds for it; called before `object`, once for each rule and object. May be NULL with rules NULL. */
    void (*match)(void *user, const struct object *object, const struct match *match);
    /* Sets facts that only a transfer has, before rules are evaluated. May be NULL. */
    void (*transfer)(void *user, struct fact_set *facts);
};

/* False when the file cannot be read (said in the log). `rules` may be NULL: facts only. */
bool file_run(const struct config *config, struct rule_set *rules, const char *path, const struct file_hooks *hooks);
/* The same for bytes at hand, at least one, as an object called `name`. */
bool file_run_bytes(const struct config *config, struct rule_set *rules, const char *name, const void *data,
                    size_t len, const struct file_hooks *hooks);
/* A flow nobody can read: rules over an empty buffer, with the facts `transfer` sets. */
void file_run_flow(const struct config *config, struct rule_set *rules, const struct file_hooks *hooks);

#endif
