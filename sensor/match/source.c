/* The words of a rule file, one pass, no memory; and files read whole. */
#include "source.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCE_BYTES_MAX (64u << 20)

struct reader {
    const char *at, *end;
    unsigned line;
};

/* Moves past a quoted string or a regular expression; `quote` ends it, a newline too. Returns its content's end. */
static const char *skip_quoted(struct reader *r, char quote)
{
    r->at++;
    while (r->at < r->end && *r->at != quote && *r->at != '\n') {
        if (*r->at == '\\' && r->at + 1 < r->end && r->at[1] != '\n')
            r->at++;
        r->at++;
    }
    const char *content_end = r->at;
    if (r->at < r->end && *r->at == quote)
        r->at++;
    return content_end;
}

static void skip_comment(struct reader *r)
{
    if (r->at[1] == '/') {
        while (r->at < r->end && *r->at != '\n')
            r->at++;
        return;
    }
    for (r->at += 2; r->at < r->end; r->at++) {
        if (*r->at == '\n')
            r->line++;
        if (*r->at == '*' && r->at + 1 < r->end && r->at[1] == '/') {
            r->at += 2;
            return;
        }
    }
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool word_is(const char *word, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(word, text, len) == 0;
}

void source_words(const char *text, size_t len, source_word_fn fn, void *user)
{
    struct reader r = {text, text + len, 1};
    enum source_word next = WORD_PLAIN;

    while (r.at < r.end) {
        const char *start = r.at;
        if (*r.at == '\n') {
            r.line++;
            r.at++;
        } else if (*r.at == '/' && r.at + 1 < r.end && (r.at[1] == '/' || r.at[1] == '*')) {
            skip_comment(&r);
        } else if (*r.at == '"' || *r.at == '/') {
            const char *content_end = skip_quoted(&r, *start);
            if (next == WORD_INCLUDE && *start == '"')
                fn(user, WORD_INCLUDE, start + 1, (size_t)(content_end - start - 1), r.line);
            next = WORD_PLAIN;
        } else if (is_word(*r.at)) {
            while (r.at < r.end && is_word(*r.at))
                r.at++;
            size_t n = (size_t)(r.at - start);
            fn(user, next == WORD_RULE ? WORD_RULE : WORD_PLAIN, start, n, r.line);
            next = word_is(start, n, "rule")      ? WORD_RULE
                   : word_is(start, n, "include") ? WORD_INCLUDE
                                                  : WORD_PLAIN;
        } else {
            if (!isspace((unsigned char)*r.at))
                next = WORD_PLAIN;
            r.at++;
        }
    }
}

char *source_read(const char *path, size_t *len)
{
    struct stat st;
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(file);
        errno = EISDIR;
        return NULL;
    }
    char *text = NULL;
    size_t cap = 0, have = 0, n;
    do {
        if (cap - have < 4096) {
            cap = cap ? cap * 2 : 16384;
            char *more = cap > SOURCE_BYTES_MAX * 2 ? NULL : realloc(text, cap);
            if (!more) {
                free(text);
                fclose(file);
                errno = EFBIG;
                return NULL;
            }
            text = more;
        }
        n = fread(text + have, 1, cap - have - 1, file);
        have += n;
    } while (n);
    bool failed = ferror(file);
    fclose(file);
    if (failed) {
        free(text);
        errno = EIO;
        return NULL;
    }
    text[have] = '\0';
    *len = have;
    return text;
}

static void *need(void *memory)
{
    if (!memory)
        abort(); /* compiling rules, with no memory left for a few names */
    return memory;
}

const struct source *source_add(struct source_list *list, const char *path, const char *spoken, char *text,
                                size_t len, unsigned unit)
{
    if ((list->count & (list->count - 1)) == 0)
        list->items =
            need(realloc(list->items, (list->count ? list->count * 2 : 1) * sizeof(list->items[0])));
    struct source *source = &list->items[list->count++];
    *source = (struct source){need(strdup(path)), need(strdup(spoken)), text, len, unit};
    return source;
}

void source_list_free(struct source_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].spoken);
        free(list->items[i].text);
    }
    free(list->items);
    *list = (struct source_list){NULL, 0};
}

char *source_beside(const char *from, const char *name)
{
    const char *slash = strrchr(from, '/');
    if (name[0] == '/' || !slash)
        return need(strdup(name));
    size_t directory = (size_t)(slash - from) + 1, n = strlen(name) + 1;
    char *path = need(malloc(directory + n));
    memcpy(path, from, directory);
    memcpy(path + directory, name, n);
    return path;
}
