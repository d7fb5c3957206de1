/* One worker's YARA scanner. Facts are written straight into the scanner's external variables, and only those
 * that changed. libyara reads an object through a block iterator in two kinds of pass: the first finds strings,
 * later ones serve conditions (uint16(), filesize, module hashes). A set in which no rule looks for bytes needs
 * no first pass at all: evaluating it costs a few microseconds, whatever the object's size. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ruleset.h"

struct matcher {
    struct counters *counters;
    struct rule_set *set;
    YR_SCANNER *scanner;
    YR_OBJECT *variables[FACT_COUNT];
    unsigned timeout_ms;
};

struct evaluation {
    struct matcher *matcher;
    match_fn fn;
    void *user;
};

struct blocks { /* the iterator's state: one block, the bytes kept of the object */
    YR_MEMORY_BLOCK block;
    YR_MEMORY_BLOCK_ITERATOR iterator;
    const uint8_t *data;
    uint64_t file_size;
    bool skip_first; /* the first pass gets no bytes: nothing looks for any */
};

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
    return ((struct blocks *)block->context)->data;
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct blocks *blocks = iterator->context;
    iterator->last_error = ERROR_SUCCESS;
    if (blocks->skip_first) {
        blocks->skip_first = false;
        return NULL;
    }
    return &blocks->block;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    iterator->last_error = ERROR_SUCCESS;
    return NULL;
}

static uint64_t file_size(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    return ((struct blocks *)iterator->context)->file_size;
}

static void read_strings(YR_SCAN_CONTEXT *context, YR_RULE *rule, struct match *match)
{
    YR_STRING *string;
    YR_MATCH *m;
    yr_rule_strings_foreach(rule, string)
    {
        struct match_string *out = &match->strings[match->string_count];
        if (match->string_count == MATCH_STRINGS_MAX)
            return;
        if (STRING_IS_PRIVATE(string))
            continue;
        out->count = 0;
        yr_string_matches_foreach(context, string, m)
        {
            uint64_t offset = (uint64_t)(m->base + m->offset);
            if (!out->count || offset < out->offset) {
                out->offset = offset;
                out->length = (uint32_t)m->match_length;
            }
            out->count++;
        }
        if (!out->count)
            continue;
        out->identifier = string->identifier;
        match->string_count++;
    }
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    struct evaluation *e = user;
    if (message != CALLBACK_MSG_RULE_MATCHING)
        return CALLBACK_CONTINUE;
    YR_RULE *rule = data;
    const struct rule_set *set = e->matcher->set;
    size_t index = (size_t)(rule - set->yara->rules_table);
    struct match match = {.rule = index < set->yara_count ? set->by_yara[index] : NULL};
    if (!match.rule)
        return CALLBACK_CONTINUE;
    read_strings(context, rule, &match);
    e->fn(e->user, &match);
    return CALLBACK_CONTINUE;
}

static bool open_scanner(struct matcher *m)
{
    if (yr_scanner_create(m->set->yara, &m->scanner) != ERROR_SUCCESS)
        return false;
    yr_scanner_set_flags(m->scanner, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_REPORT_RULES_MATCHING);
    m->scanner->timeout = (uint64_t)m->timeout_ms * 1000000; /* the setter knows whole seconds only */
    for (unsigned i = 0; i < FACT_COUNT; i++)
        m->variables[i] = yr_hash_table_lookup(m->scanner->objects_table, FACT_INFO[i].name, NULL);
    return true;
}

struct matcher *matcher_new(struct mem *mem, struct counters *counters, struct rule_set *set, unsigned timeout_ms)
{
    struct matcher *m = calloc(1, sizeof(*m));
    (void)mem; /* libyara keeps its own arenas, tens of kilobytes a scanner */
    if (!m)
        abort(); /* only at start */
    m->counters = counters;
    m->timeout_ms = timeout_ms;
    m->set = set;
    if (!open_scanner(m))
        abort();
    return m;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    yr_scanner_destroy(m->scanner);
    rule_set_drop(m->set);
    free(m);
}

void matcher_swap(struct matcher *m, struct rule_set *set)
{
    struct rule_set *old_set = m->set;
    YR_SCANNER *old_scanner = m->scanner;
    m->set = rule_set_hold(set);
    if (open_scanner(m)) {
        yr_scanner_destroy(old_scanner);
        rule_set_drop(old_set);
        return;
    }
    log_error("no memory for a scanner of the new rules: the old ones stay in force");
    rule_set_drop(set);
    m->set = old_set;
    m->scanner = old_scanner;
}

struct rule_set *matcher_rules(const struct matcher *m)
{
    return m->set;
}

struct match_state *match_begin(struct matcher *m)
{
    (void)m;
    return NULL; /* an object needs no state of its own: its bytes are kept */
}

void match_data(struct matcher *m, struct match_state *state, const uint8_t *data, size_t len, uint64_t at)
{
    (void)m;
    (void)state;
    (void)data;
    (void)len;
    (void)at;
}

void match_end(struct matcher *m, struct match_state *state)
{
    (void)m;
    (void)state;
}

static void set_text(struct matcher *m, unsigned id, const char *text)
{
    const SIZED_STRING *now = m->variables[id]->value.ss;
    size_t len = strlen(text);
    if ((now && now->length == len && memcmp(now->c_string, text, len) == 0) || (!now && !len))
        return;
    yr_scanner_define_string_variable(m->scanner, FACT_INFO[id].name, text);
}

static void set_facts(struct matcher *m, const struct fact_set *facts)
{
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        enum fact_id id = (enum fact_id)i;
        if (!m->variables[i])
            continue;
        switch (FACT_INFO[i].type) {
        case FACT_TYPE_INT:
        case FACT_TYPE_BOOL:
            m->variables[i]->value.i = fact_int(facts, id);
            break;
        case FACT_TYPE_REAL:
            m->variables[i]->value.d = fact_real(facts, id);
            break;
        case FACT_TYPE_TEXT:
            set_text(m, i, fact_text(facts, id));
            break;
        }
    }
}

static bool scanned(struct matcher *m, int result)
{
    if (result == ERROR_SUCCESS)
        return true;
    const YR_RULE *rule = yr_scanner_last_error_rule(m->scanner);
    if (result == ERROR_SCAN_TIMEOUT) {
        count_add(m->counters, COUNT_SCAN_TIMEOUTS, 1);
        log_warning("a scan took longer than %u ms and was stopped%s%s", m->timeout_ms, rule ? " in rule " : "",
                    rule ? rule->identifier : "");
    } else {
        count_add(m->counters, COUNT_SCAN_ERRORS, 1);
        log_warning("libyara refused a scan (error %d)%s%s", result, rule ? " in rule " : "",
                    rule ? rule->identifier : "");
    }
    return false;
}

bool match_evaluate(struct matcher *m, struct match_state *state, const struct object *object,
                    const struct fact_set *facts, match_fn fn, void *user)
{
    static const uint8_t nothing[1] = {0};
    struct evaluation e = {m, fn, user};
    struct blocks blocks = {.data = nothing};
    (void)state;
    if (object && object->bytes.len) {
        blocks.data = object->bytes.data;
        blocks.block.size = object->bytes.len;
        blocks.block.base = object->bytes_at;
    }
    blocks.file_size = object ? object->size : 0;
    blocks.skip_first = m->set->prefilter && !m->set->has_strings;
    blocks.block.context = &blocks;
    blocks.block.fetch_data = fetch;
    blocks.iterator.context = &blocks;
    blocks.iterator.first = first_block;
    blocks.iterator.next = next_block;
    blocks.iterator.file_size = file_size;
    if (!blocks.skip_first)
        count_add(m->counters, COUNT_SCAN_BYTES, blocks.block.size);
    count_add(m->counters, COUNT_SCAN_EVALUATIONS, 1);
    set_facts(m, facts);
    yr_scanner_set_callback(m->scanner, on_message, &e);
    return scanned(m, yr_scanner_scan_mem_blocks(m->scanner, &blocks.iterator));
}
