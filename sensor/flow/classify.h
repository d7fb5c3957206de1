/* nDPI for one worker: one detection module, one state for each undecided flow, and the classes it
 * found. Its verdict names a flow and advises; it decides nothing. */
#ifndef DLP_CLASSIFY_H
#define DLP_CLASSIFY_H

#include "flow.h"

struct classifier;
struct classifier *classifier_new(struct mem *mem,
                                  struct counters *counters); /* NULL when nDPI refuses */
void classifier_free(struct classifier *classifier);
/* Shows nDPI one packet with payload; true when that decided the flow (flow->class is set). */
bool classifier_packet(struct classifier *classifier, struct flow *flow, enum side side,
                       const struct packet *packet);
void classifier_give_up(struct classifier *classifier,
                        struct flow *flow); /* settles for what is known */
void classifier_drop(struct classifier *classifier, struct flow *flow); /* wants no verdict */
void classifier_release(struct classifier *classifier,
                        struct flow *flow); /* lets go of flow->class */

/* The name EVE gives a protocol that nDPI knows by number. */
void classify_eve_name(uint16_t ndpi_id, const char *ndpi_name, char *text, size_t len);

void classifier_forget_said(struct classifier *classifier, struct flow *flow, unsigned said);

/* Classes, kept once for all flows that have the same, and each flow's own words of it (class_set.c). */
struct class_set;
struct class_set *class_set_new(struct mem *mem);
void class_set_free(struct class_set *set);
/* Sets flow->class and, in place of the classifier's state, the words; false when there is no memory. */
bool class_set_hold(struct class_set *set, struct flow *flow, const struct flow_class *class,
                    const char *server_name, const char *ja3);
void class_set_drop(struct class_set *set, struct flow *flow);
void class_set_forget(struct class_set *set, struct flow *flow, unsigned said);

#endif
