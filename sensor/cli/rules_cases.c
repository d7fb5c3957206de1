/* `dlp-sensor rules test DIR|FILE.case...`: the cases that say of each rule what it should and should not hold for.
 * A case is a line of TAP (testanything.org), readable and countable; a failed one shows the facts it was judged by. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/case_file.h"
#include "cli/file_run.h"
#include "cli/rules.h"
#include "cli/show_facts.h"
#include "log.h"

struct run {
    const struct config *config;
    struct rule_set *set;
    unsigned passed, failed;
    bool broken; /* a file could not be read or understood */
};

struct judging { /* one case */
    const struct rule_case *c;
    bool held;
    struct json facts; /* of the object it held for, else of the last */
};

static bool is_case_file(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".case") == 0;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool rules_are_cases(const struct string_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (!is_case_file(paths->items[i]) && !is_directory(paths->items[i]))
            return false;
    }
    return paths->count > 0;
}

static void on_transfer(void *user, struct fact_set *facts)
{
    const struct judging *j = user;
    char error[512];
    for (size_t i = 0; i < j->c->fact_count; i++)
        rules_set_fact(facts, j->c->facts[i], error, sizeof(error)); /* it was checked when it was read */
}

static void on_match(void *user, const struct object *object, const struct match *match)
{
    struct judging *j = user;
    (void)object;
    if (strcmp(match->rule->name, j->c->rule) == 0)
        j->held = true;
}

static void on_object(void *user, const struct object *object, const struct fact_set *facts)
{
    struct judging *j = user;
    (void)object;
    json_reset(&j->facts);
    json_open_object(&j->facts, NULL);
    show_facts(&j->facts, facts, false);
    json_close_object(&j->facts);
}

static const struct rule *find_rule(const struct rule_set *set, const char *name)
{
    for (uint32_t i = 0; i < rule_set_count(set); i++) {
        if (strcmp(rule_set_at(set, i)->name, name) == 0)
            return rule_set_at(set, i);
    }
    return NULL;
}

static const char *words(bool holds)
{
    return holds ? "match" : "no match";
}

static void say(struct run *run, const char *path, const struct rule_case *c, bool ok, const char *why,
                const struct json *facts)
{
    *(ok ? &run->passed : &run->failed) += 1;
    unsigned number = run->passed + run->failed;
    if (run->config->json_lines) {
        struct json json;
        json_init(&json);
        json_open_object(&json, NULL);
        json_text(&json, "rule", c->rule);
        json_bytes(&json, "case", c->name, strlen(c->name));
        json_bytes(&json, "file", path, strlen(path));
        json_uint(&json, "line", c->line);
        json_text(&json, "expect", words(c->expected));
        json_bool(&json, "ok", ok);
        json_close_object(&json);
        printf("%.*s\n", (int)json.len, json.data);
        json_free(&json);
        return;
    }
    printf("%sok %u - %s: %s (%s)\n", ok ? "" : "not ", number, c->rule, c->name, words(c->expected));
    if (!ok) {
        printf("# %s:%u: %s\n", path, c->line, why);
        if (facts->len)
            printf("# facts: %.*s\n", (int)facts->len, facts->data);
    }
}

static void judge(struct run *run, const char *path, const struct rule_case *c)
{
    struct judging j = {.c = c};
    const struct file_hooks hooks = {&j, on_object, on_match, on_transfer};
    const struct rule *rule = find_rule(run->set, c->rule);
    char why[256];
    json_init(&j.facts);
    if (rule && c->body.len)
        file_run_bytes(run->config, run->set, "", c->body.data, c->body.len, &hooks);
    else if (rule)
        file_run_flow(run->config, run->set, &hooks);
    if (rule)
        snprintf(why, sizeof(why), "expected %s; the rule %s", words(c->expected), j.held ? "holds" : "does not hold");
    else
        snprintf(why, sizeof(why), "no rule of this name is loaded (--rules PATH says which are)");
    say(run, path, c, rule && j.held == c->expected, why, &j.facts);
    json_free(&j.facts);
}

static void run_file(struct run *run, const char *path)
{
    struct case_file cases;
    struct rule_case c;
    enum case_read found;
    if (!case_file_open(&cases, path)) {
        run->broken = true;
        return;
    }
    while ((found = case_file_next(&cases, &c)) == CASE_ONE) {
        judge(run, path, &c);
        rule_case_free(&c);
    }
    rule_case_free(&c);
    run->broken |= found == CASE_BAD;
    case_file_close(&cases);
}

static int only_cases(const struct dirent *entry)
{
    return is_case_file(entry->d_name);
}

/* In name order. */
static void run_directory(struct run *run, const char *folder)
{
    struct dirent **entries;
    char path[4600];
    size_t len = strlen(folder);
    int count = scandir(folder, &entries, only_cases, alphasort);
    if (count < 0) {
        log_error("%s: %m", folder);
        run->broken = true;
        return;
    }
    if (count == 0)
        log_warning("%s: no .case file there", folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%.4000s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/",
                 entries[i]->d_name);
        run_file(run, path);
        free(entries[i]);
    }
    free(entries);
}

int rules_cases(const struct config *config, const struct string_list *paths)
{
    const struct string_list configured = {NULL, 0};
    struct run run = {.config = config, .set = rules_compile(config, &configured)};
    if (!run.set)
        return 2;
    for (size_t i = 0; i < paths->count; i++) {
        if (is_directory(paths->items[i]))
            run_directory(&run, paths->items[i]);
        else
            run_file(&run, paths->items[i]);
    }
    rule_set_drop(run.set);
    if (!config->json_lines)
        printf("1..%u\n# %u passed, %u failed\n", run.passed + run.failed, run.passed, run.failed);
    if (run.broken)
        return 2;
    return run.failed ? 1 : 0;
}
