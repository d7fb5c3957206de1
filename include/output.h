/* output/: events to the outside: JSON lines, Redis (and later the spool and evidence). All of it runs on the
 * output thread's libevent loop; workers only push to their rings. */
#ifndef DLP_OUTPUT_H
#define DLP_OUTPUT_H

#include <event2/event.h>

#include "config.h"
#include "event.h"
#include "ring.h"

struct output_stats {
    uint64_t written[EVENT_TYPE_COUNT]; /* to every sink that wanted it */
    uint64_t json_errors;
    uint64_t redis_sent, redis_acknowledged, redis_retried, redis_dropped, redis_reconnects;
    uint64_t redis_waiting; /* gauge: in memory, not acknowledged */
    bool redis_connected;
    char redis_reason[128]; /* why not, in the server's or system's words */
};

struct output;
/* Opens every configured sink. NULL with a sentence in `error` when one cannot be (a file that cannot be
 * created; a Redis that is away is not an error). `replay` shortens the final flush's patience. */
struct output *output_new(struct event_base *base, const struct config *config, bool replay, char *error,
                          size_t error_len);
/* Takes ownership of `event`. Output thread. */
void output_event(struct output *output, struct event_doc *event);
/* Whether the sinks can take more now; a replay's loop waits while false. */
bool output_ready(const struct output *output);
/* Sensor state and stats in Redis (hash dlp:sensor:<name>, stream dlp:stats:<name>), now and then. */
void output_state(struct output *output, const char *rules_digest, const struct event_doc *stats);
void output_read_stats(const struct output *output, struct output_stats *stats);
/* Runs the loop until everything was acknowledged or the patience is over; false when events remain. */
bool output_flush(struct output *output, int timeout_ms);
void output_free(struct output *output);

#endif
