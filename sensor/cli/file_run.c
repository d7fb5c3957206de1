/* The worker's wiring in small: one file is one object, evaluated once, at its end. */
#include "cli/file_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "object.h"

#define READ_BYTES (64 * 1024)

struct file_runner {
    const struct file_hooks *hooks;
    struct facts_engine *facts;
    struct matcher *matcher;
    const struct object *object; /* whose rules are evaluated now */
};

struct file_object {
    struct object_facts *facts;
    struct match_state *match;
};

static void on_begin(void *user, struct object *object)
{
    struct file_runner *r = user;
    struct file_object *state = calloc(1, sizeof(*state));
    if (state)
        state->facts = facts_begin(r->facts, object);
    if (state && !state->facts) {
        free(state);
        state = NULL;
    }
    if (state && r->matcher)
        state->match = match_begin(r->matcher);
    object->observer_state = state;
}

static void on_data(void *user, struct object *object, const uint8_t *data, size_t len)
{
    struct file_runner *r = user;
    struct file_object *state = object->observer_state;
    if (!state)
        return;
    facts_data(r->facts, state->facts, object, data, len);
    if (r->matcher)
        match_data(r->matcher, state->match, data, len, object->size - len);
}

static void on_gap(void *user, struct object *object, uint64_t len)
{
    struct file_runner *r = user;
    struct file_object *state = object->observer_state;
    if (state)
        facts_gap(r->facts, state->facts, object, len);
}

static void on_match(void *user, const struct match *match)
{
    struct file_runner *r = user;
    r->hooks->match(r->hooks->user, r->object, match);
}

/* What the caller says goes before what the lists say, and they speak of what the caller says. */
static void set_transfer(struct file_runner *r, const struct object *object, struct fact_set *facts)
{
    if (r->hooks->transfer)
        r->hooks->transfer(r->hooks->user, facts);
    if (r->matcher)
        match_lists(r->matcher, object, facts);
    if (r->hooks->transfer)
        r->hooks->transfer(r->hooks->user, facts);
}

static void on_end(void *user, struct object *object)
{
    struct file_runner *r = user;
    struct file_object *state = object->observer_state;
    if (!state)
        return;
    struct object_facts *of = state->facts;
    facts_end(r->facts, of, object);
    struct fact_set *facts = facts_of(of);
    facts_transfer(facts, object);
    set_transfer(r, object, facts);
    r->object = object;
    if (r->matcher)
        match_evaluate(r->matcher, state->match, object, facts, on_match, r);
    r->hooks->object(r->hooks->user, object, facts);
    if (r->matcher)
        match_end(r->matcher, state->match);
    facts_drop(r->facts, of);
    free(state);
}

static bool feed(struct object_env *env, const char *path, FILE *file)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const struct object_info info = {.name = {name, strlen(name)}, .expected_size = OBJECT_SIZE_UNKNOWN};
    uint8_t buffer[READ_BYTES];
    size_t n;
    struct object *object = object_begin(env, &info);
    while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        object_data(env, object, buffer, n);
    bool ok = !ferror(file);
    object_end(env, object, ok ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    return ok;
}

/* `path` names the object and what goes wrong. */
static bool run(const struct config *config, struct rule_set *rules, const char *path, FILE *file,
                const struct file_hooks *hooks)
{
    struct mem mem = {0};
    struct counters counters;
    struct file_runner runner = {.hooks = hooks};
    memset(&counters, 0, sizeof(counters));
    const struct object_limits limits = {(size_t)config->object_mib << 20, (unsigned)config->nesting,
                                         (unsigned)config->expansion_ratio};
    const struct object_observer observer = {&runner, on_begin, on_data, on_gap, on_end};
    struct object_env *env = object_env_new(&mem, &counters, &limits, &observer);
    runner.facts = facts_engine_new(&mem, &counters, env, NULL);
    if (rules)
        runner.matcher = matcher_new(&mem, &counters, rule_set_hold(rules), (unsigned)config->scan_ms);
    bool ok = feed(env, path, file);
    if (!ok)
        log_error("%s: %m", path);
    matcher_free(runner.matcher);
    facts_engine_free(runner.facts);
    object_env_free(env);
    return ok;
}

bool file_run(const struct config *config, struct rule_set *rules, const char *path, const struct file_hooks *hooks)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        log_error("%s: %m", path);
        return false;
    }
    bool ok = run(config, rules, path, file, hooks);
    fclose(file);
    return ok;
}

bool file_run_bytes(const struct config *config, struct rule_set *rules, const char *name, const void *data,
                    size_t len, const struct file_hooks *hooks)
{
    FILE *file = fmemopen((void *)(uintptr_t)data, len, "rb");
    if (!file)
        return false;
    bool ok = run(config, rules, name, file, hooks);
    fclose(file);
    return ok;
}

void file_run_flow(const struct config *config, struct rule_set *rules, const struct file_hooks *hooks)
{
    struct mem mem = {0};
    struct fact_set facts;
    struct file_runner runner = {.hooks = hooks};
    struct counters *counters = calloc(1, sizeof(*counters));
    if (!counters)
        abort(); /* a command that has just begun */
    fact_set_clear(&facts);
    fact_set_text(&facts, FACT_direction, "outbound", strlen("outbound"));
    runner.matcher = matcher_new(&mem, counters, rule_set_hold(rules), (unsigned)config->scan_ms);
    set_transfer(&runner, NULL, &facts);
    match_evaluate(runner.matcher, NULL, NULL, &facts, on_match, &runner);
    hooks->object(hooks->user, NULL, &facts);
    matcher_free(runner.matcher);
    free(counters);
}
