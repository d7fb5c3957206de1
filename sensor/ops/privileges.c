/* What the process gives up before it reads a byte an attacker chose. */
#include "privileges.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

static int open_directory(const char *path, const struct passwd *user)
{
    char part[4096];
    for (size_t i = 1; path[i - 1] && i < sizeof(part); i++) {
        if (path[i] != '/' && path[i])
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, path[i] ? 0755 : 0700) == 0 && !path[i] && chown(part, user->pw_uid, user->pw_gid) != 0)
            log_warning("%s: %m", part);
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void privileges_give_directory(const char *path, const char *account)
{
    const struct passwd *user = geteuid() == 0 && account[0] && path[0] ? getpwnam(account) : NULL;
    int fd = user ? open_directory(path, user) : -1;
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (listing && (entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, "..") != 0 &&
            fchownat(fd, entry->d_name, user->pw_uid, user->pw_gid, AT_SYMLINK_NOFOLLOW) != 0)
            log_warning("%s/%s: %m", path, entry->d_name);
    }
    if (user && !listing)
        log_warning("%s: %m", path);
    if (listing)
        closedir(listing);
}

bool privileges_drop(const char *account)
{
    /* Objects in memory must not become a core file, nor be read by another process of the account. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() != 0 || !account[0])
        return true;
    const struct passwd *user = getpwnam(account);
    if (!user) {
        log_warning("account '%s' does not exist: the sensor stays root (sensor.user)", account);
        return true;
    }
    if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
        log_error("cannot become account '%s': %m", account);
        return false;
    }
    return true;
}
