/* Rule files as text: which to load, what they include, where each rule stands and which words they use.
 * libyara keeps no line of a rule and does not say what it includes, so the text is read here once more. */
#ifndef DLP_MATCH_SOURCE_H
#define DLP_MATCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

enum source_word {
    WORD_PLAIN,   /* an identifier or keyword outside strings and comments */
    WORD_RULE,    /* the name after `rule` */
    WORD_INCLUDE  /* the text between the quotes after `include` */
};
typedef void (*source_word_fn)(void *user, enum source_word kind, const char *word, size_t len, unsigned line);
void source_words(const char *text, size_t len, source_word_fn fn, void *user);

struct source {
    char *path;    /* where it was read */
    char *spoken;  /* as the compiler knows it: the path, or the word after `include` */
    char *text;    /* NUL-terminated */
    size_t len;
    unsigned unit; /* the listed file it was loaded for */
};

struct source_list {
    struct source *items;
    size_t count;
};
/* Reads a file of at most 64 MiB. NULL with errno set. The caller frees. */
char *source_read(const char *path, size_t *len);
/* Adds a source; takes `text`, copies the names. */
const struct source *source_add(struct source_list *list, const char *path, const char *spoken, char *text,
                                size_t len, unsigned unit);
void source_list_free(struct source_list *list);
/* Leaves one of what is listed twice, and none of what another listed file includes: its rules are there already. */
void source_list_single(struct source_list *list);
/* `name` beside the file `from`; absolute names stay. The caller frees. */
char *source_beside(const char *from, const char *name);

/* The files to compile for `path`: itself, or every .yar and .yara file below it in name order, `tests` and
 * hidden ones aside. Calls `add` for each; false when `path` cannot be read, with errno set. */
bool source_find(const char *path, void (*add)(void *user, const char *path), void *user);

#endif
