/* A search is bounded: each rule's scan by twice the time limit it is about, and all of them by
 * SEARCH_LIMITS of it. */
#include "slow.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"

#define SEARCH_LIMITS 10
#define NICE 15

struct slow_search {
    pthread_t thread;
    atomic_bool done;
    struct rule_set *set; /* held */
    struct fact_set facts;
    unsigned timeout_ms;
    size_t len;
    uint8_t data[];
};

static void scan_bytes(void *user, YR_SCANNER *scanner)
{
    const struct slow_search *s = user;
    yr_scanner_scan_mem(scanner, s->data, s->len);
}

static void tell(const struct slow_search *s, uint32_t rule, uint64_t ns)
{
    const struct rule_place *place = &s->set->places[rule];
    log_warning("the scan that was stopped: rule \"%s\" (%s:%u) took %llu ms of it%s",
                s->set->yara->rules_table[rule].identifier,
                place->source ? place->source->path : "rules", place->line,
                (unsigned long long)(ns / 1000000),
                ns / 1000000 >= s->timeout_ms ? ", the whole limit" : "");
}

static void *search_thread(void *user)
{
    struct slow_search *s = user;
    uint64_t worst = 0, spent = 0, limit = (uint64_t)s->timeout_ms * 1000000;
    uint32_t worst_rule = 0;
    setpriority(PRIO_PROCESS, 0,
                NICE); /* Linux keeps it for each thread; it only helps when it works */
    struct isolation *isolation = isolation_new(s->set, s->timeout_ms * 2);
    for (uint32_t i = 0; isolation && i < s->set->yara_count; i++) {
        if (!isolation_measures(s->set, i))
            continue;
        uint64_t took = isolation_time(isolation, i, &s->facts, scan_bytes, s);
        spent += took;
        if (took > worst) {
            worst = took;
            worst_rule = i;
        }
        if (worst > limit || spent > limit * SEARCH_LIMITS)
            break;
    }
    if (worst)
        tell(s, worst_rule, worst);
    isolation_free(isolation);
    rule_set_drop(s->set);
    atomic_store(&s->done, true);
    return NULL;
}

bool slow_search_begin(struct slow_search **search, struct rule_set *set, const uint8_t *data,
                       size_t len, const struct fact_set *facts, unsigned timeout_ms)
{
    sigset_t all, before;
    if (*search && !atomic_load(&(*search)->done))
        return false;
    slow_search_free(*search);
    len = len < SLOW_BYTES_MAX ? len : SLOW_BYTES_MAX;
    struct slow_search *s = *search = calloc(1, sizeof(*s) + len);
    if (!s)
        return false;
    memcpy(s->data, data, len);
    s->len = len;
    s->facts = *facts;
    s->timeout_ms = timeout_ms;
    s->set = rule_set_hold(set);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the output thread's */
    int failure = pthread_create(&s->thread, NULL, search_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failure)
        return true;
    rule_set_drop(s->set);
    free(s);
    *search = NULL;
    return false;
}

void slow_search_free(struct slow_search *s)
{
    if (!s)
        return;
    pthread_join(s->thread, NULL);
    free(s);
}
