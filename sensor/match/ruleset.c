/* Compiling rules. Every file is compiled alone first, so that all errors of all files are told at once (libyara
 * stops at the first bad file); only when each is good are they compiled together, a namespace a file, into the
 * set the workers share. */
#include "ruleset.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compiling {
    rule_say say;
    void *user;
    bool quiet; /* the second pass has nothing new to say */
    unsigned errors;
};

static void initialise(void)
{
    if (yr_initialize() != ERROR_SUCCESS)
        abort(); /* libyara without memory at start */
}

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message,
                       void *user)
{
    struct compiling *c = user;
    char text[4600];
    (void)rule;
    if (level == YARA_ERROR_LEVEL_ERROR)
        c->errors++;
    if (c->quiet)
        return;
    snprintf(text, sizeof(text), "%s:%d: %s", file ? file : "rules", line, message);
    c->say(c->user, level == YARA_ERROR_LEVEL_ERROR, text);
}

static bool define_facts(YR_COMPILER *compiler)
{
    bool ok = true;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *name = FACT_INFO[i].name;
        switch (FACT_INFO[i].type) {
        case FACT_TYPE_INT:
            ok = ok && yr_compiler_define_integer_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_BOOL:
            ok = ok && yr_compiler_define_boolean_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_REAL:
            ok = ok && yr_compiler_define_float_variable(compiler, name, 0) == ERROR_SUCCESS;
            break;
        case FACT_TYPE_TEXT:
            ok = ok && yr_compiler_define_string_variable(compiler, name, "") == ERROR_SUCCESS;
            break;
        }
    }
    return ok;
}

static YR_COMPILER *new_compiler(struct compiling *c)
{
    YR_COMPILER *compiler;
    if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
        return NULL;
    yr_compiler_set_callback(compiler, on_message, c);
    if (!define_facts(compiler)) {
        yr_compiler_destroy(compiler);
        return NULL;
    }
    return compiler;
}

/* Through a stream, so that libyara knows the file's name for messages and for `include`. */
static bool add_file(YR_COMPILER *compiler, const struct rule_file *file, struct compiling *c)
{
    FILE *stream = fmemopen(file->text, file->len ? file->len : 1, "r");
    if (!stream)
        return false;
    int errors = file->len ? yr_compiler_add_file(compiler, stream, file->path, file->path) : 0;
    fclose(stream);
    if (errors && !c->errors)
        on_message(YARA_ERROR_LEVEL_ERROR, file->path, 1, NULL, "cannot be compiled", c);
    return errors == 0;
}

static bool check_alone(const struct rule_file *file, struct compiling *c)
{
    YR_COMPILER *compiler = new_compiler(c);
    bool ok = compiler && add_file(compiler, file, c);
    if (compiler)
        yr_compiler_destroy(compiler);
    return ok;
}

static YR_RULES *compile_together(struct rule_set *set, struct compiling *c)
{
    YR_RULES *rules = NULL;
    YR_COMPILER *compiler = new_compiler(c);
    bool ok = compiler != NULL;
    for (size_t i = 0; ok && i < set->file_count; i++)
        ok = add_file(compiler, &set->files[i], c);
    if (ok && yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
        rules = NULL;
    if (compiler)
        yr_compiler_destroy(compiler);
    return rules;
}

static uint8_t severity_of(const char *word)
{
    static const char *const words[] = {"critical", "high", "medium", "low"};
    for (uint8_t i = 0; i < 4; i++) {
        if (strcmp(word, words[i]) == 0)
            return (uint8_t)(i + 1);
    }
    return 3;
}

static void read_metadata(struct rule *rule, const YR_RULE *yara)
{
    const YR_META *meta;
    rule->category = "uncategorised";
    rule->description = "";
    rule->severity = 3;
    yr_rule_metas_foreach(yara, meta)
    {
        if (meta->type != META_TYPE_STRING)
            continue;
        const char *key = meta->identifier, *value = meta->string;
        if (strcmp(key, "severity") == 0)
            rule->severity = severity_of(value);
        else if (strcmp(key, "category") == 0)
            rule->category = value;
        else if (strcmp(key, "description") == 0)
            rule->description = value;
        else if (strcmp(key, "reference") == 0)
            rule->reference = value;
        else if (strcmp(key, "confidence") == 0)
            rule->confidence = value;
        else if (strcmp(key, "evidence") == 0)
            rule->evidence = value;
    }
}

static const struct rule_file *file_of(const struct rule_set *set, const char *path)
{
    for (size_t i = 0; i < set->file_count; i++) {
        if (strcmp(set->files[i].path, path) == 0)
            return &set->files[i];
    }
    return NULL;
}

static void read_rules(struct rule_set *set)
{
    const YR_RULE *yara;
    set->yara_count = 0;
    yr_rules_foreach(set->yara, yara) set->yara_count++;
    set->rules = calloc(set->yara_count + 1, sizeof(*set->rules));
    set->by_yara = calloc(set->yara_count + 1, sizeof(*set->by_yara));
    if (!set->rules || !set->by_yara)
        abort(); /* only at start and reload */
    uint32_t at = 0;
    yr_rules_foreach(set->yara, yara)
    {
        uint32_t index = at++;
        set->has_strings = set->has_strings || yara->strings;
        if (RULE_IS_PRIVATE(yara))
            continue;
        struct rule *rule = &set->rules[set->count];
        const struct rule_file *file = file_of(set, yara->ns->name);
        const char *slash = file ? strrchr(file->path, '/') : NULL;
        rule->name = yara->identifier;
        rule->path = file ? file->path : "";
        rule->file = slash ? slash + 1 : rule->path;
        rule->line = file ? rule_line(file->text, rule->name) : 0;
        rule->index = set->count++;
        read_metadata(rule, yara);
        set->by_yara[index] = rule;
    }
}

static void read_digest(struct rule_set *set)
{
    uint8_t digest[32];
    unsigned len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
        abort();
    for (size_t i = 0; i < set->file_count; i++) {
        const char *slash = strrchr(set->files[i].path, '/');
        const char *name = slash ? slash + 1 : set->files[i].path;
        EVP_DigestUpdate(ctx, name, strlen(name) + 1);
        EVP_DigestUpdate(ctx, set->files[i].text, set->files[i].len);
    }
    EVP_DigestFinal_ex(ctx, digest, &len);
    EVP_MD_CTX_free(ctx);
    for (unsigned i = 0; i < 32; i++)
        snprintf(set->digest + (size_t)i * 2, 3, "%02x", digest[i]);
}

static void destroy(struct rule_set *set)
{
    if (set->yara)
        yr_rules_destroy(set->yara);
    for (size_t i = 0; i < set->file_count; i++) {
        free(set->files[i].path);
        free(set->files[i].text);
    }
    free(set->files);
    free(set->rules);
    free(set->by_yara);
    free(set);
}

struct rule_set *rule_set_compile(const char *const *paths, size_t count, bool prefilter, rule_say say, void *user)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct compiling c = {say, user, false, 0};
    pthread_once(&once, initialise);
    struct rule_set *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    atomic_init(&set->references, 1);
    set->prefilter = prefilter;
    bool ok = rule_files_read(set, paths, count, say, user);
    for (size_t i = 0; i < set->file_count; i++)
        ok = check_alone(&set->files[i], &c) && ok;
    c.quiet = true;
    if (ok)
        set->yara = compile_together(set, &c);
    if (!set->yara) {
        destroy(set);
        return NULL;
    }
    read_rules(set);
    read_digest(set);
    return set;
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
