/* Tokens, and the parts of a rule. */
#include "lexer.h"

#include <ctype.h>
#include <string.h>

bool is_word_character(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool token_is(const struct token *token, const char *word)
{
    return token->kind != TOKEN_END && strlen(word) == token->len &&
           memcmp(token->start, word, token->len) == 0;
}

/* Moves past a quoted text or a regular expression; `quote` ends it, a newline too. */
static void skip_quoted(struct lexer *l, char quote)
{
    l->at++;
    while (l->at < l->end && *l->at != quote && *l->at != '\n') {
        if (*l->at == '\\' && l->at + 1 < l->end && l->at[1] != '\n')
            l->at++;
        l->at++;
    }
    if (l->at < l->end && *l->at == quote)
        l->at++;
}

static void skip_comment(struct lexer *l)
{
    if (l->at[1] == '/') {
        while (l->at < l->end && *l->at != '\n')
            l->at++;
        return;
    }
    for (l->at += 2; l->at < l->end; l->at++) {
        if (*l->at == '\n')
            l->line++;
        if (*l->at == '*' && l->at + 1 < l->end && l->at[1] == '/') {
            l->at += 2;
            return;
        }
    }
}

static bool begins_comment(const struct lexer *l)
{
    return *l->at == '/' && l->at + 1 < l->end && (l->at[1] == '/' || l->at[1] == '*');
}

static void skip_blank(struct lexer *l)
{
    while (l->at < l->end) {
        if (*l->at == '\n')
            l->line++;
        if (begins_comment(l))
            skip_comment(l);
        else if (isspace((unsigned char)*l->at))
            l->at++;
        else
            return;
    }
}

static void skip_sign(struct lexer *l)
{
    static const char *const pairs[] = {"==", "!=", "<=", ">=", "<<", ">>", ".."};
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (l->end - l->at >= 2 && memcmp(l->at, pairs[i], 2) == 0) {
            l->at += 2;
            return;
        }
    }
    l->at++;
}

struct token lexer_next(struct lexer *l)
{
    skip_blank(l);
    struct token token = {TOKEN_END, l->at, 0, l->line};
    if (l->at >= l->end)
        return token;
    if (is_word_character(*l->at)) {
        token.kind = TOKEN_WORD;
        while (l->at < l->end && is_word_character(*l->at))
            l->at++;
    } else if (*l->at == '"') {
        token.kind = TOKEN_TEXT;
        skip_quoted(l, '"');
    } else if (*l->at == '/') {
        token.kind = TOKEN_REGEX;
        skip_quoted(l, '/');
        while (l->at < l->end && (*l->at == 'i' || *l->at == 's'))
            l->at++;
    } else {
        token.kind = TOKEN_SIGN;
        skip_sign(l);
    }
    token.len = (size_t)(l->at - token.start);
    return token;
}

/* Where the rule of that name begins: at its modifiers, if it has any. */
static bool find_begin(const char *text, size_t len, const char *name, struct rule_text *rule,
                       struct lexer *lexer)
{
    struct lexer l = {text, text + len, 1};
    const char *begin = NULL;
    for (struct token t = lexer_next(&l); t.kind != TOKEN_END && t.start <= name;
         t = lexer_next(&l)) {
        if (t.start == name) {
            rule->name = t.start;
            rule->name_len = t.len;
            rule->line = t.line;
            rule->begin = begin ? begin : t.start;
            *lexer = l;
            return true;
        }
        bool head = token_is(&t, "private") || token_is(&t, "global") || token_is(&t, "rule");
        begin = !head ? NULL : begin ? begin : t.start;
    }
    return false;
}

bool rule_text_read(const char *text, size_t len, const char *name, struct rule_text *rule)
{
    struct lexer l;
    struct token before = {0};
    bool in_strings = false;
    memset(rule, 0, sizeof(*rule));
    if (!find_begin(text, len, name, rule, &l))
        return false;
    struct token t = lexer_next(&l);
    while (t.kind != TOKEN_END && !token_is(&t, "{")) /* tags */
        t = lexer_next(&l);
    for (t = lexer_next(&l); t.kind != TOKEN_END; before = t, t = lexer_next(&l)) {
        if (token_is(&t, ":") && token_is(&before, "strings") && !rule->condition) {
            rule->strings = t.start + 1;
            in_strings = true;
        } else if (token_is(&t, ":") && token_is(&before, "condition") && !rule->condition) {
            if (in_strings)
                rule->strings_end = before.start;
            in_strings = false;
            rule->condition = t.start + 1;
            rule->condition_line = t.line;
        } else if (in_strings && token_is(&t, "{")) { /* a hex string */
            while (t.kind != TOKEN_END && !token_is(&t, "}"))
                t = lexer_next(&l);
        } else if (token_is(&t, "}")) {
            rule->condition_end = t.start;
            rule->end = t.start + 1;
            return rule->condition != NULL;
        }
    }
    return false;
}
