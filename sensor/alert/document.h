/* The parts of an event document that several kinds of event share. */
#ifndef DLP_ALERT_DOCUMENT_H
#define DLP_ALERT_DOCUMENT_H

#include "alert.h"

struct alerter {
    struct alert_params params;
    struct json json;
};

/* timestamp ... community_id: the head of every event of a flow. */
void document_head(struct alerter *a, const char *type, const struct flow *flow, int64_t now_ns);
/* http, tls, ...: one member a section of meta_list.def that has anything to say. */
void document_meta(struct alerter *a, const struct meta *meta, const struct flow *flow);
void document_fileinfo(struct alerter *a, const struct object *object);
/* sensor, incident, direction, sender, object_type, object_path... inside an open "dlp". */
void document_object(struct alerter *a, const struct object *object, const struct flow *flow,
                     const struct fact_set *facts);
void document_facts(struct alerter *a, const struct fact_set *facts);
void document_ndpi(struct alerter *a, const struct flow *flow, const struct meta *meta);
/* The matched bytes, or nothing where they are no longer kept. */
void document_snippet(struct alerter *a, const struct object *object, const struct match_string *string);
/* Closes the document and makes the event of it. */
struct event_doc *document_finish(struct alerter *a, enum event_type type, int64_t now_ns);

/* 16 hex digits over sensor, sender, receiver and category: what one SOC case is about. */
void incident_key(const char *sensor, const struct flow *flow, enum side sender, const char *category,
                  char out[17]);

#endif
