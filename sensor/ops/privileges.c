/* What the process gives up before it reads a byte an attacker chose. */
#include "privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"

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
