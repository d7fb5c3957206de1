/* Rules and lists are one set: they are refused together and take their place together. */
#include "rule_load.h"

#include "log.h"

void rule_load_say(void *user, bool error, const char *message)
{
    (void)user;
    log_write(error ? LOG_ERROR : LOG_WARNING, "%s", message);
}

struct lists *rule_load_lists(const struct config *config, rule_say say, void *user)
{
    const char *const paths[LIST_COUNT] = {
#define LIST(name, kind, fact) config->list_##name,
#include "list_list.def"
#undef LIST
    };
    return lists_read(paths, say, user);
}

struct rule_set *rule_load(const struct config *config, const struct string_list *paths,
                           rule_say say, void *user)
{
    const struct string_list *from = paths ? paths : &config->rule_paths;
    if (!from->count) {
        say(user, true, "no rules: give --rules PATH, or set rules.paths");
        return NULL;
    }
    struct rule_set *set = rule_set_compile((const char *const *)from->items, from->count,
                                            config->prefilter, say, user);
    struct lists *lists = rule_load_lists(config, say, user); /* errors of both are told at once */
    if (!set || !lists) {
        rule_set_drop(set);
        lists_free(lists);
        return NULL;
    }
    rule_set_give_lists(set, lists);
    return set;
}
