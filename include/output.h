/* output/: events to the outside: JSON lines, and alerts through the spool to Redis. All of it runs on the
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
    uint64_t redis_sent, redis_acknowledged, redis_retried, redis_reconnects;
    uint64_t redis_known;       /* alerts the stream held already under another entry id */
    uint64_t redis_trimmed;     /* entries that left the stream by age */
    uint64_t redis_beside_lost; /* state, stats and mirrored events that Redis refused */
    uint64_t redis_entries;     /* gauge: in the stream, when last asked */
    bool redis_connected;
    char redis_reason[128]; /* why not, in the server's or system's words */
};

enum output_purpose { OUTPUT_CAPTURE, OUTPUT_REPLAY /* JSON files begin anew */, OUTPUT_RESEND /* of a spool */ };

struct output;
struct spool_stats;
/* Opens every configured sink. NULL with a sentence in `error` when one cannot be (a file that cannot be
 * created; a Redis that is away is not an error). */
struct output *output_new(struct event_base *base, const struct config *config, enum output_purpose purpose,
                          char *error, size_t error_len);
/* Takes ownership of `event`. Output thread. */
void output_event(struct output *output, struct event_doc *event);
/* Whether the sinks can take more now; a replay's loop waits while false. */
bool output_ready(const struct output *output);
/* Sensor state and stats in Redis (hash dlp:sensor:<name>, stream dlp:stats:<name>), now and then. */
void output_state(struct output *output, const char *rules_digest, const struct event_doc *stats);
/* `spool` is all zero when there is none. */
void output_read_stats(const struct output *output, struct output_stats *stats, struct spool_stats *spool);
/* Runs the loop until everything was acknowledged, or nothing was for so long; false when events remain. */
bool output_flush(struct output *output, int timeout_ms);
void output_free(struct output *output);

#endif
