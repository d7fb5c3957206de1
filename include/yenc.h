/* The keyword lines of yEnc (yenc.org, version 1.3): "=ybegin part=1 total=2 line=128 size=123456 name=photo.jpg",
 * "=ypart begin=1 end=61728", "=yend size=61728 part=1 pcrc32=...". No state. */
#ifndef DLP_YENC_H
#define DLP_YENC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meta.h"

enum yenc_keyword { YENC_NONE, YENC_BEGIN, YENC_PART, YENC_END };

/* Which keyword a line (without its end) begins with. */
enum yenc_keyword yenc_keyword(const char *line, size_t len);
/* A number given by such a line: "size", "part", "begin"... `base` is 10 or 16. False: it is not there. */
bool yenc_number(const char *line, size_t len, const char *key, unsigned base, uint64_t *value);
/* Everything behind "name=", which is always last. */
struct text yenc_name(const char *line, size_t len);

#endif
