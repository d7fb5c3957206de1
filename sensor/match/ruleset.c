/* Compiling rules. Every file is compiled alone first, so that all errors of all files are told at once (libyara
 * stops at the first bad file); only when each is good are they compiled together into the set the workers
 * share, a namespace for each listed file: files of different people do not clash, and a global rule rules its
 * own file. */
#include "ruleset.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"

struct compiling {
    rule_say say;
    void *user;
    struct rule_set *set;
    size_t units;               /* listed files, the first of set->sources */
    unsigned unit;              /* the one being compiled */
    bool quiet;                 /* the second pass has nothing new to say */
    unsigned errors;
    const char *path, *instead; /* what to read in place of one file; NULL: nothing */
    struct source_list opened;  /* included files of the pass under way */
    struct prefilter_plan *plan;
};

static void initialise(void)
{
    uint32_t none = 0;
    if (yr_initialize() != ERROR_SUCCESS)
        abort(); /* libyara without memory at start */
    yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &none); /* matches are read from the object itself */
}

static void say_error(struct compiling *c, const char *path, const char *what)
{
    char text[4600];
    snprintf(text, sizeof(text), "%s: %s", path, what);
    c->say(c->user, true, text);
    c->errors++;
}

/* The file libyara speaks of: the listed one, or the last included under that name. */
static const struct source *spoken_source(const struct compiling *c, const char *spoken)
{
    for (size_t i = c->opened.count; spoken && i > 0; i--) {
        if (strcmp(c->opened.items[i - 1].spoken, spoken) == 0)
            return &c->opened.items[i - 1];
    }
    return &c->set->sources.items[c->unit];
}

/* `undefined identifier "x"`: names the fact that was probably meant. */
static const char *suggestion(const char *message)
{
    static const char start[] = "undefined identifier \"";
    if (strncmp(message, start, sizeof(start) - 1) != 0)
        return NULL;
    const char *word = message + sizeof(start) - 1;
    const char *end = strchr(word, '"');
    return end ? fact_nearest(word, (size_t)(end - word)) : NULL;
}

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message,
                       void *user)
{
    struct compiling *c = user;
    char text[4600];
    (void)rule;
    bool error = level == YARA_ERROR_LEVEL_ERROR;
    c->errors += error;
    if (c->quiet)
        return;
    const char *near = error ? suggestion(message) : NULL;
    snprintf(text, sizeof(text), "%s:%d: %s%s%s%s%s", spoken_source(c, file)->path, line,
             error ? "" : "warning: ", message, near ? "; did you mean \"" : "", near ? near : "",
             near ? "\"?" : "");
    c->say(c->user, error, text);
}

/* NULL with errno set. The caller frees. */
static char *read_file(const struct compiling *c, const char *path, size_t *len)
{
    if (!c->path || strcmp(c->path, path) != 0)
        return source_read(path, len);
    *len = strlen(c->instead);
    return strdup(c->instead);
}

/* `include`: beside the file that includes, wherever the sensor was started. */
static const char *on_include(const char *name, const char *from, const char *space, void *user)
{
    struct compiling *c = user;
    size_t len = 0;
    (void)space;
    char *path = source_beside(spoken_source(c, from)->path, name);
    char *text = read_file(c, path, &len);
    if (text && strlen(text) != len) {
        free(text);
        text = NULL;
        errno = EILSEQ;
    }
    if (text)
        source_add(&c->opened, path, name, text, len, c->unit);
    else
        say_error(c, path, strerror(errno));
    free(path);
    return text;
}

static void on_include_done(const char *text, void *user)
{
    (void)text; /* kept in the list of sources */
    (void)user;
}

static bool define_facts(YR_COMPILER *compiler)
{
    bool fine = true;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *name = FACT_INFO[i].name;
        switch (FACT_INFO[i].type) {
        case FACT_TYPE_INT:
            fine = fine && yr_compiler_define_integer_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_BOOL:
            fine = fine && yr_compiler_define_boolean_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_REAL:
            fine = fine && yr_compiler_define_float_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_TEXT:
            fine = fine && yr_compiler_define_string_variable(compiler, name, "") == ERROR_SUCCESS;
            break;
        }
    }
    return fine;
}

static YR_COMPILER *new_compiler(struct compiling *c)
{
    YR_COMPILER *compiler;
    if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
        abort(); /* compiling rules, with no memory for a compiler */
    yr_compiler_set_callback(compiler, on_message, c);
    yr_compiler_set_include_callback(compiler, on_include, on_include_done, c);
    if (!define_facts(compiler))
        abort();
    return compiler;
}

/* Through a stream, so that libyara knows the file's name. */
static bool add_unit(YR_COMPILER *compiler, struct compiling *c, unsigned unit)
{
    const struct source *source = &c->set->sources.items[unit];
    unsigned before = c->errors;
    c->unit = unit;
    if (strlen(source->text) != source->len) {
        say_error(c, source->path, "a NUL byte: this is not a text of rules");
        return false;
    }
    FILE *stream = source->len ? fmemopen(source->text, source->len, "r") : NULL;
    int errors = stream ? yr_compiler_add_file(compiler, stream, source->path, source->path) : 0;
    if (stream)
        fclose(stream);
    if (errors && c->errors == before)
        say_error(c, source->path, "cannot be compiled");
    return errors == 0 && c->errors == before;
}

/* The pass that finds every error. */
static void check_units(struct compiling *c)
{
    for (unsigned unit = 0; unit < c->units; unit++) {
        YR_COMPILER *compiler = new_compiler(c);
        add_unit(compiler, c, unit);
        yr_compiler_destroy(compiler);
        source_list_free(&c->opened);
    }
}

static void on_syntax_tree(const YR_RULE *rule, const char *identifier, const RE_AST *tree, void *user)
{
    struct compiling *c = user;
    (void)rule;
    (void)identifier;
    prefilter_plan_tree(c->plan, tree);
}

/* The pass that makes the set. */
static void compile_units(struct compiling *c)
{
    struct rule_set *set = c->set;
    YR_COMPILER *compiler = new_compiler(c);
    c->quiet = true;
    if (c->plan) {
        prefilter_plan_compiler(c->plan, compiler);
        yr_compiler_set_re_ast_callback(compiler, on_syntax_tree, c);
    }
    bool fine = true;
    for (unsigned unit = 0; fine && unit < c->units; unit++)
        fine = add_unit(compiler, c, unit);
    if (fine && yr_compiler_get_rules(compiler, &set->yara) != ERROR_SUCCESS)
        set->yara = NULL;
    if (!set->yara && !c->errors)
        say_error(c, "rules", "together they are too many for libyara");
    yr_compiler_destroy(compiler);
    for (size_t i = 0; i < c->opened.count; i++) {
        struct source *source = &c->opened.items[i];
        source_add(&set->sources, source->path, source->spoken, source->text, source->len, source->unit);
        source->text = NULL;
    }
    source_list_free(&c->opened);
}

static void destroy(struct rule_set *set)
{
    if (set->yara)
        yr_rules_destroy(set->yara);
    prefilter_free(set->prefilter);
    gate_free(set->gate);
    source_list_free(&set->sources);
    lists_free(set->lists);
    rule_book_drop(set->book);
    free(set->by_yara);
    free(set->places);
    free(set->overrides);
    free(set->overrides_from);
    free(set);
}

static void list_unit(void *user, const char *path)
{
    struct compiling *c = user;
    size_t len;
    char *text = read_file(c, path, &len);
    if (!text)
        say_error(c, path, strerror(errno));
    else
        source_add(&c->set->sources, path, path, text, len, (unsigned)c->set->sources.count);
}

static struct rule_set *compile_paths(struct compiling *compiling, const char *const *paths, size_t count,
                                      bool prefilter)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct compiling c = *compiling;
    pthread_once(&once, initialise);
    c.set = calloc(1, sizeof(*c.set));
    if (!c.set)
        return NULL;
    atomic_init(&c.set->references, 1);
    for (size_t i = 0; i < count; i++) {
        if (!source_find(paths[i], list_unit, &c))
            say_error(&c, paths[i], strerror(errno));
    }
    source_list_single(&c.set->sources);
    c.units = c.set->sources.count;
    check_units(&c);
    if (!c.errors) {
        c.plan = prefilter ? prefilter_plan_new() : NULL;
        compile_units(&c);
    }
    if (!c.set->yara) {
        prefilter_plan_free(c.plan);
        destroy(c.set);
        return NULL;
    }
    rule_set_read(c.set, c.units);
    rule_set_tell_twins(c.set, c.say, c.user);
    rule_set_read_overrides(c.set, c.say, c.user);
    if (c.plan)
        c.set->prefilter = prefilter_build(c.plan, c.set->yara);
    if (c.plan)
        c.set->gate = gate_build(c.set);
    prefilter_plan_free(c.plan);
    return c.set;
}

struct rule_set *rule_set_compile(const char *const *paths, size_t count, bool prefilter, rule_say say, void *user)
{
    return compile_paths(&(struct compiling){.say = say, .user = user}, paths, count, prefilter);
}

struct rule_set *rule_set_compile_with(const char *const *paths, size_t count, const char *path, const char *text,
                                       rule_say say, void *user)
{
    return compile_paths(&(struct compiling){.say = say, .user = user, .path = path, .instead = text}, paths, count,
                         false);
}

void rule_set_give_lists(struct rule_set *set, struct lists *lists)
{
    lists_free(set->lists);
    set->lists = lists;
}

struct rule_set *rule_set_hold(struct rule_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

void rule_set_drop(struct rule_set *set)
{
    if (set && atomic_fetch_sub(&set->references, 1) == 1)
        destroy(set);
}

uint32_t rule_set_count(const struct rule_set *set)
{
    return set->count;
}

const struct rule *rule_set_at(const struct rule_set *set, uint32_t index)
{
    return &set->rules[index];
}

const char *rule_set_digest(const struct rule_set *set)
{
    return set->digest;
}
