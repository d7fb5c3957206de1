/* inotify on the directories that hold rules: an editor that writes a new file and renames it over the old one
 * is seen as well as one that writes in place. Changes within half a second are one. */
#include "rule_watch.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)

struct rule_watch {
    int fd;
    struct event *readable, *settled;
    void (*changed)(void *user);
    void *user;
};

static void on_settled(evutil_socket_t fd, short what, void *user)
{
    struct rule_watch *watch = user;
    (void)fd;
    (void)what;
    watch->changed(watch->user);
}

/* Editors' own files (.swp, ~, 4913) are not rules. */
static bool is_rule_file(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct rule_watch *watch = user;
    char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool rules = false;
    ssize_t n;
    (void)what;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)(buffer + at);
            rules = rules || (e->len && is_rule_file(e->name));
            at += (ssize_t)(sizeof(*e) + e->len);
        }
    }
    if (rules)
        event_add(watch->settled, &(struct timeval){0, 500000});
}

static void add_path(struct rule_watch *watch, const char *path)
{
    struct stat st;
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof(copy) || stat(path, &st) != 0)
        return;
    memcpy(copy, path, strlen(path) + 1);
    if (inotify_add_watch(watch->fd, S_ISDIR(st.st_mode) ? copy : dirname(copy), CHANGES) < 0)
        log_warning("cannot watch %s for changes (%m): it reloads on SIGHUP only", path);
}

struct rule_watch *rule_watch_new(struct event_base *base, const struct string_list *paths,
                                  void (*changed)(void *user), void *user)
{
    struct rule_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    watch->changed = changed;
    watch->user = user;
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0) {
        log_warning("cannot watch rules for changes (%m): they reload on SIGHUP only");
        free(watch);
        return NULL;
    }
    for (size_t i = 0; i < paths->count; i++)
        add_path(watch, paths->items[i]);
    watch->readable = event_new(base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
    watch->settled = event_new(base, -1, 0, on_settled, watch);
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
