/* Evaluating rules. libyara asks its block iterator for bytes in two kinds of pass: the first finds strings, later
 * ones serve conditions (uint16(), filesize, module functions). The first pass gets the windows the prefilter let
 * through, later ones the object as it is; so `not $a`, `#a == 0`, offsets and digests need no thought of ours. */
#include "matcher.h"

#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "log.h"

#define TIMEOUTS_MAX 2 /* an object whose scans keep timing out is left alone */

struct evaluation {
    struct matcher *matcher;
    match_fn fn;
    void *user;
    const uint8_t *data;
    uint64_t base, end;   /* object offsets of `data` */
    uint64_t size;        /* the object's */
    bool windows;         /* the first pass sees the windows only */
    bool conditions;      /* the first pass is over */
    uint32_t next;        /* window */
    const struct hits *hits;
    YR_MEMORY_BLOCK block;
    YR_MEMORY_BLOCK_ITERATOR iterator;
};

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
    const struct evaluation *e = block->context;
    return e->data + (block->base - e->base);
}

static YR_MEMORY_BLOCK *give(struct evaluation *e, uint64_t from, uint64_t to)
{
    e->block = (YR_MEMORY_BLOCK){(size_t)(to - from), from, e, fetch};
    if (!e->conditions)
        count_add(e->matcher->counters, COUNT_SCAN_BYTES, to - from);
    return &e->block;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct evaluation *e = iterator->context;
    iterator->last_error = ERROR_SUCCESS;
    while (e->windows && !e->conditions && e->next < e->hits->count) {
        struct hit_window window = e->hits->window[e->next++];
        uint64_t from = window.from > e->base ? window.from : e->base;
        uint64_t to = window.to < e->end ? window.to : e->end;
        if (from < to)
            return give(e, from, to);
    }
    return NULL;
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct evaluation *e = iterator->context;
    iterator->last_error = ERROR_SUCCESS;
    if (e->windows && !e->conditions) {
        e->next = 0;
        return next_block(iterator);
    }
    return give(e, e->base, e->end);
}

/* libyara asks for the size between the two kinds of pass. */
static uint64_t file_size(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct evaluation *e = iterator->context;
    e->conditions = true;
    return e->size;
}

static void read_strings(YR_SCAN_CONTEXT *context, const YR_RULE *rule, struct match *match)
{
    const YR_STRING *string;
    const YR_MATCH *m;
    yr_rule_strings_foreach(rule, string)
    {
        struct match_string *out = &match->strings[match->string_count];
        if (match->string_count == MATCH_STRINGS_MAX)
            return;
        if (STRING_IS_PRIVATE(string))
            continue;
        m = context->matches[string->idx].head; /* in order of offset */
        if (!m)
            continue;
        *out = (struct match_string){string->identifier, (uint64_t)(m->base + m->offset),
                                     (uint32_t)m->match_length,
                                     (uint32_t)context->matches[string->idx].count};
        match->string_count++;
    }
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    struct evaluation *e = user;
    if (message != CALLBACK_MSG_RULE_MATCHING)
        return CALLBACK_CONTINUE; /* too many matches of a string: libyara goes on without more of them */
    const YR_RULE *rule = data;
    const struct rule_set *set = e->matcher->set;
    struct match match;
    match.rule = set->by_yara[rule - set->yara->rules_table];
    match.string_count = 0;
    if (match.rule)
        match.rule = rule_overridden(set, match.rule, context);
    if (!match.rule)
        return CALLBACK_CONTINUE;
    read_strings(context, rule, &match);
    e->fn(e->user, &match);
    return CALLBACK_CONTINUE;
}

/* What belongs to the rule set in force. */
static bool open_set(struct matcher *m)
{
    const struct prefilter *prefilter = m->set->prefilter;
    if (yr_scanner_create(m->set->yara, &m->scanner) != ERROR_SUCCESS)
        return false;
    if (!variables_open(&m->variables, m->scanner, m->set) ||
        (prefilter && prefilter->database && hs_alloc_scratch(prefilter->database, &m->scratch) != HS_SUCCESS)) {
        variables_close(&m->variables);
        yr_scanner_destroy(m->scanner);
        return false;
    }
    yr_scanner_set_flags(m->scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    m->scanner->timeout = (uint64_t)m->timeout_ms * 1000000; /* the setter knows whole seconds only */
    return true;
}

struct matcher *matcher_new(struct mem *mem, struct counters *counters, struct rule_set *set, unsigned timeout_ms)
{
    struct matcher *m = calloc(1, sizeof(*m));
    if (!m)
        abort(); /* only at start */
    m->mem = mem;
    m->counters = counters;
    m->set = set;
    m->timeout_ms = timeout_ms;
    m->states = pool_new(mem, MEM_SCAN, sizeof(struct match_state));
    if (!open_set(m))
        abort(); /* only at start */
    return m;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    slow_search_free(m->search);
    match_costs_free(m->costs);
    sieve_drop_idle(m);
    variables_close(&m->variables);
    yr_scanner_destroy(m->scanner);
    hs_free_scratch(m->scratch);
    pool_free(m->states);
    rule_set_drop(m->set);
    free(m);
}

void matcher_swap(struct matcher *m, struct rule_set *set)
{
    struct matcher before = *m;
    m->set = set;
    if (!open_set(m)) {
        m->set = before.set;
        m->scanner = before.scanner;
        m->variables = before.variables;
        log_error("no memory for a scanner of the new rules: the old ones stay in force");
        return;
    }
    sieve_drop_idle(&before);
    variables_close(&before.variables);
    yr_scanner_destroy(before.scanner);
    rule_set_drop(before.set);
    rule_set_hold(set);
    m->idle_count = 0;
    m->generation++;
}

struct rule_set *matcher_rules(const struct matcher *m)
{
    return m->set;
}

struct match_state *match_begin(struct matcher *m)
{
    struct match_state *state = pool_get(m->states);
    if (!state)
        return NULL;
    state->stream = NULL;
    state->generation = m->generation;
    state->whole = false;
    state->timeouts = 0;
    state->next = 0;
    state->hits.count = state->hits.total = 0;
    return state;
}

void match_data(struct matcher *m, struct match_state *state, const uint8_t *data, size_t len, uint64_t at)
{
    if (state && !state->whole)
        sieve_feed(m, state, data, len, at);
}

void match_end(struct matcher *m, struct match_state *state)
{
    if (!state)
        return;
    sieve_close(m, state);
    pool_put(m->states, state);
}

/* The 1st, 2nd, 4th, 8th...: whoever sends what is slow to scan shall not fill the log. */
static bool is_worth_a_line(uint64_t count)
{
    return (count & (count - 1)) == 0;
}

static void tell_failure(const struct evaluation *e, const struct fact_set *facts, int result)
{
    struct matcher *m = e->matcher;
    unsigned long long bytes = e->end - e->base;
    if (result == ERROR_SCAN_TIMEOUT) {
        log_warning("a scan of %llu bytes took longer than %u ms and was stopped (scan.timeouts counts them)", bytes,
                    m->timeout_ms);
        slow_search_begin(&m->search, m->set, e->data, (size_t)bytes, facts, m->timeout_ms);
        return;
    }
    const YR_RULE *rule = yr_scanner_last_error_rule(m->scanner);
    log_warning("%s: libyara refused a scan of %llu bytes, error %d (scan.errors counts them)",
                rule ? rule->identifier : "one of the rules", bytes, result);
}

static bool scan(struct evaluation *e, struct match_state *state, const struct fact_set *facts)
{
    struct matcher *m = e->matcher;
    YR_SCANNER *scanner = m->scanner;
    /* libyara never forgets an entry point by itself; one that is given keeps it from looking for one. */
    scanner->entry_point = m->set->uses_entrypoint ? (uint64_t)YR_UNDEFINED : 0;
    scanner->last_error_string = NULL;
    yr_scanner_set_callback(scanner, on_message, e);
    int result = yr_scanner_scan_mem_blocks(scanner, &e->iterator);
    if (result == ERROR_SUCCESS)
        return true;
    enum counter counter = result == ERROR_SCAN_TIMEOUT ? COUNT_SCAN_TIMEOUTS : COUNT_SCAN_ERRORS;
    count_add(m->counters, counter, 1);
    if (state && result == ERROR_SCAN_TIMEOUT)
        state->timeouts++;
    if (is_worth_a_line(m->counters->value[counter]))
        tell_failure(e, facts, result);
    return false;
}

/* The same evaluation once more, by a scanner of its own that reports to nobody. */
static void scan_again(void *user, YR_SCANNER *scanner)
{
    struct evaluation *e = user;
    e->conditions = false;
    yr_scanner_scan_mem_blocks(scanner, &e->iterator);
}

bool matcher_measure(struct matcher *m)
{
    match_costs_free(m->costs);
    m->costs = match_costs_new(m->set, m->timeout_ms);
    return m->costs != NULL;
}

uint32_t matcher_costs(const struct matcher *m, const struct rule_cost **costs, uint64_t *bytes,
                       uint64_t *evaluations)
{
    return m->costs ? match_costs_read(m->costs, costs, bytes, evaluations) : 0;
}

void match_lists(const struct matcher *m, const struct object *object, struct fact_set *facts)
{
    if (m->set->lists)
        lists_apply(m->set->lists, object && object->has_sha256 ? object->sha256 : NULL, facts);
}

bool match_evaluate(struct matcher *m, struct match_state *state, const struct object *object,
                    const struct fact_set *facts, match_fn fn, void *user)
{
    static const uint8_t nothing[1];
    struct evaluation e = {.matcher = m, .fn = fn, .user = user, .data = nothing};
    if (state && state->timeouts == TIMEOUTS_MAX)
        return false;
    if (object) {
        e.size = object->size;
        e.base = object->bytes_at;
        e.end = object->bytes_at + object->bytes.len;
        if (object->bytes.len)
            e.data = object->bytes.data;
    }
    if (state && object) {
        sieve_gap(m, state, object->size);
        e.windows = !state->whole && !m->set->uses_entrypoint;
        e.hits = &state->hits;
    }
    e.iterator = (YR_MEMORY_BLOCK_ITERATOR){&e, first_block, next_block, file_size, ERROR_SUCCESS};
    count_add(m->counters, COUNT_SCAN_EVALUATIONS, 1);
    if (m->set->gate && !gate_may_match(m->set->gate, facts)) {
        count_add(m->counters, COUNT_SCAN_GATED, 1);
        return true;
    }
    variables_write(&m->variables, facts);
    bool fine = scan(&e, state, facts);
    if (m->costs)
        match_costs_add(m->costs, e.end - e.base, facts, scan_again, &e);
    return fine;
}
