/* Reads `.case` files line by line; a case ends where the next begins. */
#include "cli/case_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rules.h"
#include "log.h"

bool case_file_open(struct case_file *cases, const char *path)
{
    *cases = (struct case_file){.file = fopen(path, "r"), .path = path};
    if (!cases->file)
        log_error("%s: %s", path, strerror(errno));
    return cases->file != NULL;
}

/* The next line with something on it, without blanks around it. */
static bool next_line(struct case_file *cases)
{
    if (cases->held) {
        cases->held = false;
        return true;
    }
    ssize_t len;
    while ((len = getline(&cases->text, &cases->text_size, cases->file)) >= 0) {
        char *text = cases->text;
        size_t from = strspn(text, " \t"), end = (size_t)len;
        cases->line++;
        while (end > from && strchr(" \t\r\n", text[end - 1]))
            end--;
        if (end <= from || text[from] == '#')
            continue;
        memmove(text, text + from, end - from);
        text[end - from] = '\0';
        return true;
    }
    return false;
}

static bool bad(const struct case_file *cases, const char *what)
{
    log_error("%s:%u: %s", cases->path, cases->line, what);
    return false;
}

static bool set_name(const struct case_file *cases, char *to, const char *words)
{
    int n = snprintf(to, CASE_NAME_MAX, "%s", words);
    return (n > 0 && n < CASE_NAME_MAX) || bad(cases, "a name of 1 to 127 characters belongs here");
}

static bool add_fact(const struct case_file *cases, struct rule_case *c, const char *setting)
{
    struct fact_set facts;
    char error[512];
    fact_set_clear(&facts);
    if (!rules_set_fact(&facts, setting, error, sizeof(error)))
        return bad(cases, error);
    if (c->fact_count == CASE_FACTS_MAX)
        return bad(cases, "too many facts for one case");
    c->facts[c->fact_count] = strdup(setting);
    return c->facts[c->fact_count++] != NULL;
}

static bool set_expected(const struct case_file *cases, struct rule_case *c, const char *words)
{
    c->expected = strcmp(words, "match") == 0;
    c->expected_said = true;
    return c->expected || strcmp(words, "no match") == 0 || bad(cases, "expect match, or expect no match");
}

static bool add_bytes(const struct case_file *cases, struct rule_case *c, const char *word, const char *rest)
{
    char folder[4096] = ".", error[512];
    const char *slash = strrchr(cases->path, '/');
    if (slash)
        snprintf(folder, sizeof(folder), "%.*s", (int)(slash - cases->path), cases->path);
    return case_body_add(&c->body, folder, word, rest, error, sizeof(error)) || bad(cases, error);
}

/* One line inside a case. */
static bool take(const struct case_file *cases, struct rule_case *c, const char *word, const char *rest)
{
    if (strcmp(word, "expect") == 0)
        return set_expected(cases, c, rest);
    if (strcmp(word, "fact") == 0)
        return add_fact(cases, c, rest);
    return add_bytes(cases, c, word, rest);
}

/* Cuts the line into its first word and the rest. */
static const char *split(char *text)
{
    char *rest = text + strcspn(text, " \t");
    if (*rest)
        *rest++ = '\0';
    return rest + strspn(rest, " \t");
}

/* Up to the line that begins a case. */
static enum case_read find_case(struct case_file *cases, struct rule_case *c)
{
    while (next_line(cases)) {
        const char *rest = split(cases->text);
        if (strcmp(cases->text, "rule") == 0) {
            if (!set_name(cases, cases->rule, rest))
                return CASE_BAD;
            continue;
        }
        if (strcmp(cases->text, "case") != 0) {
            bad(cases, "before this a line `case NAME` begins the case");
            return CASE_BAD;
        }
        c->line = cases->line;
        if (!cases->rule[0]) {
            bad(cases, "before the first case a line `rule NAME` says of which rule");
            return CASE_BAD;
        }
        snprintf(c->rule, sizeof(c->rule), "%s", cases->rule);
        return set_name(cases, c->name, rest) ? CASE_ONE : CASE_BAD;
    }
    return CASE_END;
}

static bool begins_other(const char *text)
{
    size_t len = strcspn(text, " \t");
    return len == 4 && (memcmp(text, "case", 4) == 0 || memcmp(text, "rule", 4) == 0);
}

enum case_read case_file_next(struct case_file *cases, struct rule_case *next)
{
    *next = (struct rule_case){0};
    enum case_read found = find_case(cases, next);
    while (found == CASE_ONE && next_line(cases)) {
        if (begins_other(cases->text)) {
            cases->held = true;
            break;
        }
        const char *rest = split(cases->text);
        if (!take(cases, next, cases->text, rest))
            return CASE_BAD;
    }
    if (found == CASE_ONE && !next->expected_said) {
        log_error("%s:%u: case '%s' expects nothing: expect match, or expect no match", cases->path, next->line,
                  next->name);
        return CASE_BAD;
    }
    return found;
}

void rule_case_free(struct rule_case *c)
{
    for (size_t i = 0; i < c->fact_count; i++)
        free(c->facts[i]);
    c->fact_count = 0;
    case_body_free(&c->body);
}

void case_file_close(struct case_file *cases)
{
    fclose(cases->file);
    free(cases->text);
}
