/* The compile thread sleeps until it is asked, compiles, and wakes the output thread through an
 * eventfd.
 *
 *      IDLE --start--> COMPILING --installed--> SETTLING --every worker has it, the old set is
 * freed--> IDLE
 *                          `------refused------> IDLE
 */
#include "rule_reload.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"

#define SETTLE_US 10000 /* between looks at the workers */
#define NICE 15

enum reload_state { RELOAD_IDLE, RELOAD_COMPILING, RELOAD_SETTLING };

struct rule_reload {
    const struct config *config;
    struct rule_reload_hooks hooks;
    enum reload_state state;
    bool again;           /* asked for while one was under way */
    struct rule_set *old; /* while settling: some worker may use it yet */
    struct event *compiled, *settle;
    int wake; /* eventfd: the compile thread is ready */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wish;
    /* under `lock` */
    bool wanted, stop;
    struct rule_set *result;
};

/* Leaves the processors to the workers where they are scarce: Linux keeps this value for each
 * thread. */
static void step_back(void)
{
    if (setpriority(PRIO_PROCESS, 0, NICE) != 0)
        log_debug("the compile thread keeps its priority: %m");
}

static void *compile_thread(void *user)
{
    struct rule_reload *r = user;
    step_back();
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->wanted && !r->stop)
            pthread_cond_wait(&r->wish, &r->lock);
        if (r->stop)
            break;
        r->wanted = false;
        pthread_mutex_unlock(&r->lock);
        malloc_trim(0); /* what the set before last held goes back to the system */
        struct rule_set *result = rule_load(r->config, NULL, rule_load_say, NULL);
        pthread_mutex_lock(&r->lock);
        r->result = result;
        uint64_t one = 1;
        ssize_t ignored = write(r->wake, &one, sizeof(one));
        (void)ignored; /* the counter can only be full when a wake is already pending */
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void ask(struct rule_reload *r)
{
    r->state = RELOAD_COMPILING;
    r->again = false;
    pthread_mutex_lock(&r->lock);
    r->wanted = true;
    pthread_cond_signal(&r->wish);
    pthread_mutex_unlock(&r->lock);
}

static void become_idle(struct rule_reload *r)
{
    r->state = RELOAD_IDLE;
    if (r->again)
        ask(r);
}

static void on_settle(evutil_socket_t fd, short what, void *user)
{
    struct rule_reload *r = user;
    (void)fd;
    (void)what;
    if (!r->hooks.settled(r->hooks.user)) {
        event_add(r->settle, &(struct timeval){0, SETTLE_US});
        return;
    }
    rule_set_drop(r->old);
    r->old = NULL;
    become_idle(r);
}

static void on_compiled(evutil_socket_t fd, short what, void *user)
{
    struct rule_reload *r = user;
    uint64_t count;
    (void)what;
    ssize_t ignored = read(fd, &count, sizeof(count));
    (void)ignored;
    pthread_mutex_lock(&r->lock);
    struct rule_set *result = r->result;
    r->result = NULL;
    pthread_mutex_unlock(&r->lock);
    if (!result) {
        r->hooks.refused(r->hooks.user);
        become_idle(r);
        return;
    }
    r->old = r->hooks.install(r->hooks.user, result);
    r->state = RELOAD_SETTLING;
    on_settle(-1, 0, r);
}

static bool start_thread(struct rule_reload *r)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the output thread's */
    int failure = pthread_create(&r->thread, NULL, compile_thread, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        log_error("cannot start the thread that reloads rules: %s", strerror(failure));
    return failure == 0;
}

static void free_events(struct rule_reload *r)
{
    if (r->compiled)
        event_free(r->compiled);
    if (r->settle)
        event_free(r->settle);
    if (r->wake >= 0)
        close(r->wake);
    free(r);
}

struct rule_reload *rule_reload_new(struct event_base *base, const struct config *config,
                                    const struct rule_reload_hooks *hooks)
{
    struct rule_reload *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->config = config;
    r->hooks = *hooks;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wish, NULL);
    r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->compiled =
        r->wake >= 0 ? event_new(base, r->wake, EV_READ | EV_PERSIST, on_compiled, r) : NULL;
    r->settle = event_new(base, -1, 0, on_settle, r);
    if (!r->compiled || !r->settle || event_add(r->compiled, NULL) != 0 || !start_thread(r)) {
        free_events(r);
        return NULL;
    }
    return r;
}

void rule_reload_start(struct rule_reload *r)
{
    if (!r)
        return;
    if (r->state == RELOAD_IDLE)
        ask(r);
    else
        r->again = true;
}

void rule_reload_free(struct rule_reload *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->wish);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    rule_set_drop(r->result);
    rule_set_drop(r->old);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->wish);
    free_events(r);
}
