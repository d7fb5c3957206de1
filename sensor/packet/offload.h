/* Telling a bad checksum from one the network card would have filled in later.
 *
 * A capture made on a sending host, or below receive offload, shows packets whose checksum field
 * was never computed: it holds the pseudo-header's sum (Linux's CHECKSUM_PARTIAL), zero, or what
 * was there before. The receiver got them whole. A packet forged to fool a sensor has a wrong
 * checksum beside many right ones. */
#ifndef DLP_PACKET_OFFLOAD_H
#define DLP_PACKET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "ip.h"

struct offload;
struct offload *offload_new(void);
void offload_free(struct offload *offload);

enum checksum_state {
    CHECKSUM_RIGHT,
    CHECKSUM_PARTIAL, /* the pseudo-header's sum */
    CHECKSUM_WRONG
};

/* Takes one verified TCP or UDP packet of `sender` into account; true when a receiver would have
 * taken it: it is right, or not yet computed. */
bool offload_accept(struct offload *offload, const struct ip_addr *sender,
                    enum checksum_state state, bool has_payload);
/* The same for an IPv4 header whose checksum is wrong. */
bool offload_accept_header(struct offload *offload, const struct ip_addr *sender, bool zero);

#endif
