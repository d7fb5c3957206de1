/* inotify on the directories that hold rules, and those below them: an editor that writes a new
 * file and renames it over the old one is seen as well as one that writes in place. Changes within
 * half a second are one. After each change every directory is asked for anew, so new ones are
 * watched too; one that went away is looked for until it is back. */
#include "rule_watch.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lists.h"
#include "log.h"

#define CHANGES                                                                                    \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF |       \
     IN_MOVE_SELF)
#define DEPTH_MAX 16
#define SETTLE_US 500000
#define LOOK_SECONDS 2 /* for what went away */

struct rule_watch {
    int fd;
    struct event *readable, *settled;
    const struct string_list *paths;
    const char *lists[LIST_COUNT];
    bool missing; /* a directory is not there */
    bool refused; /* said in the log */
    bool changes; /* seen since the last word to the owner */
    void (*changed)(void *user);
    void *user;
};

/* Editors' own files (.swp, ~, 4913) are not rules. */
static bool is_rule_file(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0);
}

static bool is_list_file(const struct rule_watch *watch, const char *name)
{
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        const char *slash = strrchr(watch->lists[i], '/');
        if (strcmp(slash ? slash + 1 : watch->lists[i], name) == 0)
            return true;
    }
    return false;
}

static void watch_directory(struct rule_watch *watch, const char *path, unsigned depth)
{
    char below[PATH_MAX];
    if (inotify_add_watch(watch->fd, path, CHANGES | IN_ONLYDIR) < 0) {
        watch->missing = watch->missing || errno == ENOENT;
        if (errno != ENOENT && !watch->refused) {
            log_warning("cannot watch %s for changes (%m): it reloads on SIGHUP only", path);
            watch->refused = true;
        }
        return;
    }
    DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
    const struct dirent *entry;
    struct stat st;
    while (directory && (entry = readdir(directory))) {
        int n = snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(below) &&
            stat(below, &st) == 0 && S_ISDIR(st.st_mode))
            watch_directory(watch, below, depth + 1);
    }
    if (directory)
        closedir(directory);
}

/* A file is watched through its directory, which stays when the file is replaced. */
static void watch_path(struct rule_watch *watch, const char *path)
{
    struct stat st;
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof(copy))
        return;
    memcpy(copy, path, strlen(path) + 1);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        watch_directory(watch, path, 0);
    else
        watch_directory(watch, dirname(copy), DEPTH_MAX);
}

/* True when something that went away is back. */
static bool watch_all(struct rule_watch *watch)
{
    bool before = watch->missing;
    watch->missing = false;
    for (size_t i = 0; i < watch->paths->count; i++)
        watch_path(watch, watch->paths->items[i]);
    for (unsigned i = 0; i < LIST_COUNT; i++) {
        if (watch->lists[i][0])
            watch_path(watch, watch->lists[i]);
    }
    return before && !watch->missing;
}

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct rule_watch *watch = user;
    (void)fd;
    (void)what;
    bool changes = watch_all(watch) || watch->changes;
    watch->changes = false;
    if (watch->missing)
        event_add(watch->settled, &(struct timeval){LOOK_SECONDS, 0});
    if (changes)
        watch->changed(watch->user);
}

static bool is_change(const struct rule_watch *watch, const struct inotify_event *e)
{
    if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF))
        return true;
    if (e->mask & IN_ISDIR)
        return e->len && e->name[0] != '.';
    return e->len && (is_rule_file(e->name) || is_list_file(watch, e->name));
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct rule_watch *watch = user;
    char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool changes = false;
    ssize_t n;
    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e =
                (const struct inotify_event *)(const void *)(buffer + at);
            changes = changes || is_change(watch, e);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
    }
    if (!changes)
        return;
    watch->changes = true;
    event_add(watch->settled, &(struct timeval){0, SETTLE_US});
}

struct rule_watch *rule_watch_new(struct event_base *base, const struct config *config,
                                  void (*changed)(void *user), void *user)
{
    struct rule_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    watch->changed = changed;
    watch->user = user;
    watch->paths = &config->rule_paths;
#define LIST(name, kind, fact) watch->lists[LIST_##name] = config->list_##name;
#include "list_list.def"
#undef LIST
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        log_warning("cannot watch rules for changes (%m): they reload on SIGHUP only");
        free(watch);
        return NULL;
    }
    watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
    watch->settled = event_new(base, -1, 0, on_settled, watch);
    watch_all(watch);
    event_add(watch->readable, NULL);
    return watch;
}

void rule_watch_free(struct rule_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->readable);
    event_free(watch->settled);
    close(watch->fd);
    free(watch);
}
