/* The words of a rule file, and files read whole. */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lexer.h"

#define SOURCE_BYTES_MAX (64u << 20)

void source_words(const char *text, size_t len, source_word_fn fn, void *user)
{
    struct lexer lexer = {text, text + len, 1};
    struct token before = {0};
    for (struct token t = lexer_next(&lexer); t.kind != TOKEN_END; before = t, t = lexer_next(&lexer)) {
        if (t.kind == TOKEN_WORD) {
            fn(user, token_is(&before, "rule") ? WORD_RULE : WORD_PLAIN, t.start, t.len, t.line);
        } else if (t.kind == TOKEN_TEXT && token_is(&before, "include")) {
            bool closed = t.len > 1 && t.start[t.len - 1] == '"';
            fn(user, WORD_INCLUDE, t.start + 1, t.len - 1 - closed, t.line);
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
