/* What a decoder meets in its own protocol and cannot read (another program's calls, compressed messages, bytes between
 * two records after a loss): searched raw, an object without a name, never called whole. */
#ifndef DLP_APP_UNREAD_H
#define DLP_APP_UNREAD_H

#include "app.h"

struct unread {
    struct object *object;
    bool asked;
};

/* `tx` numbers the object when these bytes begin one; true when they do. */
bool unread_data(struct app_session *session, struct unread *unread, enum side side, uint64_t tx, const uint8_t *data,
               size_t len);
void unread_gap(struct app_session *session, struct unread *unread, uint64_t len);
void unread_end(struct app_session *session, struct unread *unread);

#endif
