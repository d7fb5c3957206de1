/* A deflate stream of a whole connection: one that the conversation switched to (RFC 4978), or of messages each of
 * which may refer to those before (RFC 7692). */
#ifndef DLP_APP_DEFLATED_H
#define DLP_APP_DEFLATED_H

#include "app.h"

struct deflated; /* one direction's */

/* NULL: memory refused it. */
struct deflated *deflated_open(struct app_session *session);
void deflated_close(struct app_session *session, struct deflated *deflated); /* NULL is allowed */
/* A message begins: how much it grows is counted afresh. */
void deflated_message(struct deflated *deflated);
/* Hands on what the bytes stand for. False: they are no deflate stream, or it is broken for good. */
bool deflated_take(struct deflated *deflated, const uint8_t *data, size_t len,
                   void (*out)(void *user, const uint8_t *data, size_t len), void *user);

#endif
