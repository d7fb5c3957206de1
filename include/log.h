/* The log: one line an event on standard error, never on standard output. Any thread. Text from the network
 * is passed through log_clean() by whoever logs it. */
#ifndef DLP_LOG_H
#define DLP_LOG_H

#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_level(void);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* Copies `len` bytes into `out` as printable ASCII (others as \xNN), truncating with "..."; returns `out`. */
char *log_clean(const void *data, size_t len, char *out, size_t out_len);

#endif
