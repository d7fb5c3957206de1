/* The rule files below a path. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"

#define DEPTH_MAX 16

static bool has_rule_suffix(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0);
}

static int is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "tests") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool find(const char *path, unsigned depth, void (*add)(void *user, const char *path), void *user)
{
    struct stat st;
    struct dirent **entries = NULL;
    bool fine = true;

    if (stat(path, &st) != 0)
        return depth > 0 && errno == ENOENT; /* a dangling link in a directory is no rule file */
    if (!S_ISDIR(st.st_mode)) {
        if (depth == 0 || has_rule_suffix(path))
            add(user, path);
        return true;
    }
    if (depth == DEPTH_MAX)
        return true;
    int count = scandir(path, &entries, is_listed, by_bytes);
    if (count < 0)
        return false;
    for (int i = 0; i < count; i++) {
        char *base = malloc(strlen(path) + strlen(entries[i]->d_name) + 2);
        if (!base)
            abort();
        size_t n = strlen(path);
        memcpy(base, path, n);
        if (n && path[n - 1] != '/')
            base[n++] = '/';
        memcpy(base + n, entries[i]->d_name, strlen(entries[i]->d_name) + 1);
        fine = find(base, depth + 1, add, user) && fine;
        free(base);
        free(entries[i]);
    }
    free(entries);
    return fine;
}

bool source_find(const char *path, void (*add)(void *user, const char *path), void *user)
{
    return find(path, 0, add, user);
}
