/* alert/: a match to an event document. Builds EVE-compatible JSON for alerts, objects, flows and stats,
 * with deterministic identities and masked snippets. One worker thread; no I/O. */
#ifndef DLP_ALERT_H
#define DLP_ALERT_H

#include "counters.h"
#include "event.h"
#include "facts.h"
#include "json.h"
#include "match.h"

enum snippet_mode { SNIPPET_MASKED, SNIPPET_NONE, SNIPPET_FULL };

struct alert_params {
    const char *sensor;      /* sensor.name */
    enum snippet_mode snippet;
    bool show_input;         /* --each: dlp.input */
};

struct alerter; /* one worker's document builder */
struct alerter *alerter_new(const struct alert_params *params);
void alerter_free(struct alerter *alerter);

/* `object` is NULL for a rule that held for a flow. `in_flight`: the object has not ended. `update`: the
 * object's end, after an in-flight alert. NULL when memory is out (the caller counts it). */
struct event_doc *alert_event(struct alerter *a, const struct match *match, const struct object *object,
                          const struct flow *flow, const struct meta *meta, const struct fact_set *facts,
                          bool in_flight, bool update, int64_t now_ns);
/* One for each finished object; `facts` shows type and validity. */
struct event_doc *object_event(struct alerter *a, const struct object *object, const struct fact_set *facts,
                           uint32_t alerts, int64_t now_ns);
/* `facts` of a flow that could not be read, else NULL. */
struct event_doc *flow_event(struct alerter *a, const struct flow *flow, const struct meta *meta,
                             const struct fact_set *facts, const char *reason);
/* CONTRACT section 6: one EVE stats document from merged counters. Also used for --stats and state in Redis.
 * `extra` may add members to "stats" (rules digest, output state) or be NULL. */
struct event_doc *stats_event(const char *sensor, const struct counters *c, int64_t now_ns,
                          void (*extra)(void *user, struct json *json), void *user);

/* Community ID v1 (corelight/community-id-spec), seed 0, into 31 bytes. */
#define COMMUNITY_ID_MAX 31
void community_id(const struct flow *flow, char out[COMMUNITY_ID_MAX]);
/* dlp.id: 32 hex digits from flow id, side, transaction, object ordinal and path, and rule name. */
void alert_identity(const struct object *object, const struct flow *flow, const char *rule, char id[33]);

#endif
