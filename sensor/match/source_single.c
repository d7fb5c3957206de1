/* A directory often holds both a file and the files it includes: each rule of it is wanted once. */
#include <stdlib.h>
#include <string.h>

#include "source.h"

struct looking { /* for an include of `wanted` */
    const struct source *from;
    const char *wanted; /* its real path */
    bool found;
};

static void on_word(void *user, enum source_word kind, const char *word, size_t len, unsigned line)
{
    struct looking *l = user;
    (void)line;
    if (kind != WORD_INCLUDE || l->found)
        return;
    char *name = strndup(word, len);
    char *path = name ? source_beside(l->from->path, name) : NULL;
    char *real = path ? realpath(path, NULL) : NULL;
    l->found = real && strcmp(real, l->wanted) == 0;
    free(real);
    free(path);
    free(name);
}

static bool includes(const struct source *from, const char *wanted)
{
    struct looking l = {from, wanted, false};
    if (wanted && strstr(from->text, "include"))
        source_words(from->text, from->len, on_word, &l);
    return l.found;
}

static bool is_spare(const struct source_list *list, char *const *real, size_t i)
{
    for (size_t j = 0; j < list->count; j++) {
        if (j < i && real[i] && real[j] && strcmp(real[i], real[j]) == 0)
            return true;
        if (j != i && includes(&list->items[j], real[i]) && !includes(&list->items[i], real[j]))
            return true; /* two that include each other are both kept: the compiler tells */
    }
    return false;
}

void source_list_single(struct source_list *list)
{
    char **real = calloc(list->count + 1, sizeof(*real));
    bool *spare = calloc(list->count + 1, sizeof(*spare));
    size_t kept = 0;
    if (!real || !spare)
        abort(); /* compiling rules, with no memory left for their names */
    for (size_t i = 0; i < list->count; i++)
        real[i] = realpath(list->items[i].path, NULL);
    for (size_t i = 0; i < list->count; i++)
        spare[i] = is_spare(list, real, i);
    for (size_t i = 0; i < list->count; i++) {
        struct source *source = &list->items[i];
        free(real[i]);
        if (spare[i]) {
            free(source->path);
            free(source->spoken);
            free(source->text);
            continue;
        }
        source->unit = (unsigned)kept;
        list->items[kept++] = *source;
    }
    list->count = kept;
    free(spare);
    free(real);
}
