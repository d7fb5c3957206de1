/* Small values inside messages: parameters of a query, strings of a JSON text, base64 words. Read from attacker's bytes
 * into the room of the caller; each function returns a length, 0 when there is nothing. */
#ifndef DLP_APP_BODY_VALUE_H
#define DLP_APP_BODY_VALUE_H

#include "meta.h"

/* The path of a URL, without scheme, authority and query; *host becomes the authority when there is one. */
struct text url_path(struct text url, struct text *host);
/* Path and query. */
struct text url_target(struct text url, struct text *host);
/* A query parameter as it stands there; data is NULL when it is absent. */
struct text url_parameter(struct text url, const char *name);
/* Percent-encoding and '+' undone. */
size_t url_decode(struct text text, char *out, size_t room);
/* The string or number of the first member called `name`, at whatever depth. */
size_t json_value(struct text json, const char *name, char *out, size_t room);
size_t base64_word(struct text text, char *out, size_t room);

#endif
