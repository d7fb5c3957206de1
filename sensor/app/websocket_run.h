/* A file that a script sends slice by slice, each a WebSocket message of its own: binary messages that follow each
 * other are one object more, path "messages", whatever texts stand between them. The first is held until the second
 * shows that there is a run. One that begins like the first begins another run (a picture each, a packet each); a text
 * behind one that is shorter than the first ends it. */
#ifndef DLP_APP_WEBSOCKET_RUN_H
#define DLP_APP_WEBSOCKET_RUN_H

#include "upload.h"

struct websocket_run { /* of one side */
    struct buffer held;    /* the first message */
    struct object *object; /* the run, once there is one */
    bool message;          /* one is coming in that belongs to it, or may */
    uint8_t first[2], start[2]; /* bytes of the run's first message, of this one */
    uint64_t size, message_size, first_size;
};

void websocket_run_begin(struct websocket_run *run, bool binary); /* a message */
void websocket_run_data(struct app_session *session, enum side side, struct websocket_run *run, const uint8_t *data,
                        size_t len);
void websocket_run_message_end(struct app_session *session, struct websocket_run *run, bool whole);
void websocket_run_end(struct app_session *session, struct websocket_run *run, bool whole);

#endif
