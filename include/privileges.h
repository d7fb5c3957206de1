/* Becomes an ordinary account once sockets are open. Main thread, before any other thread starts. */
#ifndef DLP_PRIVILEGES_H
#define DLP_PRIVILEGES_H

#include <stdbool.h>

/* Makes the directory, where it is missing, and gives it and the files in it to the account that the process will
 * become. Does nothing when it will become none, or `path` is ""; what fails is said in the log. */
void privileges_give_directory(const char *path, const char *account);

/* Not root: nothing to drop, true. No such account: said in the log, and the process goes on as it is, with
 * no new privileges and no core dumps all the same. False when dropping failed half way. */
bool privileges_drop(const char *account);

#endif
