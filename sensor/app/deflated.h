/* A deflate stream that a conversation switched to (RFC 4978). */
#ifndef DLP_APP_DEFLATED_H
#define DLP_APP_DEFLATED_H

#include "app.h"

struct deflated; /* one direction's */

/* NULL: memory refused it. */
struct deflated *deflated_open(struct app_session *session);
void deflated_close(struct app_session *session, struct deflated *deflated); /* NULL is allowed */
/* Hands on what the bytes stand for. False: they are no deflate stream, or it is broken for good. */
bool deflated_take(struct deflated *deflated, const uint8_t *data, size_t len,
                   void (*out)(void *user, const uint8_t *data, size_t len), void *user);

#endif
