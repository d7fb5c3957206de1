/* The tokens of a rule file, by YARA's own lexical rules: comments, texts, and regular expressions
 * (a slash never divides in YARA). It needs no memory and takes any bytes. */
#ifndef DLP_MATCH_LEXER_H
#define DLP_MATCH_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,  /* identifier, keyword or number */
    TOKEN_TEXT,  /* quotes included; it ends at a newline when its quote is missing, and so does */
    TOKEN_REGEX, /* slashes and flags included */
    TOKEN_SIGN   /* one character, or one of == != <= >= << >> .. */
};

struct token {
    enum token_kind kind;
    const char *start;
    size_t len;
    unsigned line;
};

struct lexer {
    const char *at, *end;
    unsigned line; /* starts at 1 */
};

struct token lexer_next(struct lexer *lexer);
bool token_is(const struct token *token, const char *word);
bool is_word_character(char c);

/* The parts of one rule, as pointers into its file. */
struct rule_text {
    const char *name;
    size_t name_len;
    unsigned line;
    const char *begin, *end;               /* from its modifiers to past its closing brace */
    const char *strings, *strings_end;     /* what stands after `strings:`, NULL without */
    const char *condition, *condition_end; /* what stands after `condition:` */
    unsigned condition_line;
};

/* Reads the rule whose name stands at `name` in `text`. False when it has no condition. */
bool rule_text_read(const char *text, size_t len, const char *name, struct rule_text *rule);

#endif
