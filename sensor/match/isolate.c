/* The copy goes through libyara's own saved form, in memory: quick, and apart from the set the
 * workers share, whose flags nobody may touch. */
#include "isolate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct isolation {
    YR_RULES *rules;
    YR_SCANNER *scanner;
    struct variables variables;
};

struct saved {
    uint8_t *data;
    size_t len, room, at;
};

static size_t save(const void *data, size_t size, size_t count, void *user)
{
    struct saved *s = user;
    size_t n = size * count;
    if (s->room - s->len < n) {
        size_t room = (s->room + n) * 2;
        uint8_t *more = realloc(s->data, room);
        if (!more)
            return 0;
        s->data = more;
        s->room = room;
    }
    memcpy(s->data + s->len, data, n);
    s->len += n;
    return count;
}

static size_t load(void *data, size_t size, size_t count, void *user)
{
    struct saved *s = user;
    size_t whole = size ? (s->len - s->at) / size : 0;
    if (whole > count)
        whole = count;
    memcpy(data, s->data + s->at, whole * size);
    s->at += whole * size;
    return whole;
}

static YR_RULES *copy_rules(YR_RULES *rules)
{
    struct saved saved = {NULL, 0, 0, 0};
    YR_RULES *copy = NULL;
    YR_STREAM to = {.user_data = &saved, .write = save};
    YR_STREAM from = {.user_data = &saved, .read = load};
    if (yr_rules_save_stream(rules, &to) != ERROR_SUCCESS ||
        yr_rules_load_stream(&from, &copy) != ERROR_SUCCESS)
        copy = NULL;
    free(saved.data);
    return copy;
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    (void)context;
    (void)message;
    (void)data;
    (void)user;
    return CALLBACK_CONTINUE;
}

static bool is_shared(const YR_RULE *rule)
{
    return RULE_IS_PRIVATE(rule) || RULE_IS_GLOBAL(rule);
}

bool isolation_measures(const struct rule_set *set, uint32_t index)
{
    return !is_shared(&set->yara->rules_table[index]);
}

struct isolation *isolation_new(const struct rule_set *set, unsigned timeout_ms)
{
    struct isolation *i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->rules = copy_rules(set->yara);
    if (!i->rules || yr_scanner_create(i->rules, &i->scanner) != ERROR_SUCCESS)
        i->scanner = NULL;
    if (!i->scanner || !variables_open(&i->variables, i->scanner, set)) {
        isolation_free(i);
        return NULL;
    }
    yr_scanner_set_callback(i->scanner, on_message, NULL);
    yr_scanner_set_flags(i->scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    i->scanner->timeout = (uint64_t)timeout_ms * 1000000;
    YR_RULE *rule;
    yr_rules_foreach(i->rules, rule)
    {
        if (!is_shared(rule))
            yr_rule_disable(rule);
    }
    return i;
}

void isolation_free(struct isolation *i)
{
    if (!i)
        return;
    variables_close(&i->variables);
    if (i->scanner)
        yr_scanner_destroy(i->scanner);
    if (i->rules)
        yr_rules_destroy(i->rules);
    free(i);
}

static uint64_t processor_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t isolation_time(struct isolation *i, uint32_t index, const struct fact_set *facts,
                        void (*scan)(void *user, YR_SCANNER *scanner), void *user)
{
    YR_RULE *rule = index == ISOLATE_SHARED ? NULL : &i->rules->rules_table[index];
    if (rule)
        yr_rule_enable(rule);
    variables_write(&i->variables, facts);
    i->scanner->entry_point = 0;
    i->scanner->last_error_string = NULL;
    uint64_t begun = processor_ns();
    scan(user, i->scanner);
    uint64_t took = processor_ns() - begun;
    if (rule)
        yr_rule_disable(rule);
    return took;
}
