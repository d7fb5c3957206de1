/* tcpdump's filter language over frames read from files. One program for each link type met, since
 * an offset in Ethernet is another in 802.11. */
#ifndef DLP_CAPTURE_FILTER_H
#define DLP_CAPTURE_FILTER_H

#include "capture.h"

struct filter;
struct filter *filter_new(const char *text); /* `text` is borrowed */
void filter_free(struct filter *filter);     /* NULL is allowed */

/* Compiles for a link type ahead of its first frame; false with libpcap's reason in `error`. */
bool filter_prepare(struct filter *filter, int link_type, char *error, size_t error_len);
/* Whether the frame passes. A filter that says nothing about a link type passes none of its frames.
 */
bool filter_match(struct filter *filter, const struct frame *frame);

#endif
