/* IP fragments to datagrams. Datagrams wait in buffers under MEM_REASSEMBLY, at most DATAGRAMS_MAX
 * of them and for 30 s of packet time. Of bytes that came twice the first copy is kept; where copies
 * differ, a second reading in which the last copy counts is made beside it. Cost is linear in the
 * bytes given. */
#ifndef DLP_PACKET_FRAGMENT_H
#define DLP_PACKET_FRAGMENT_H

#include "counters.h"
#include "ip.h"
#include "mem.h"

#define DATAGRAM_MAX 65535 /* an IP payload is no longer */

struct fragments;
struct fragments *fragments_new(struct mem *mem, struct counters *counters);
void fragments_free(struct fragments *fragments);

struct fragment {
    struct ip_addr src, dst;
    uint32_t id;
    uint32_t path;    /* the VLANs it came through: other VLANs may use the same addresses */
    uint8_t version;  /* 4 or 6 */
    uint8_t protocol; /* the IPv4 protocol, or the IPv6 fragment header's next header */
    uint8_t ttl;
    bool more;       /* not the last; then `len` is a multiple of 8 */
    uint32_t offset; /* a multiple of 8 */
    uint32_t len;    /* more than 0; offset + len is at most DATAGRAM_MAX */
    const uint8_t *data;
    int64_t time_ns;
};

enum fragment_result {
    FRAGMENT_HELD,      /* `fresh` bytes wait; they are the caller's to book as FATE_LOST_GAP */
    FRAGMENT_COMPLETE,  /* the datagram is here */
    FRAGMENT_DUPLICATE, /* every byte was there before */
    FRAGMENT_SHED       /* memory refused it */
};

/* Of the fragment's bytes `fresh` were taken and `same` were there before. When the datagram is
 * complete, `held_bytes` of it were booked as FATE_LOST_GAP with `held_frames` frames: the caller
 * books them anew. */
struct datagram_view {
    uint32_t fresh, same;
    uint32_t held_bytes, held_frames;
    const uint8_t
        *header; /* an IP header as if it had never been fragmented; the payload follows it */
    uint32_t header_len, payload_len;
    const uint8_t *other; /* the other reading of the payload, behind the same header, or NULL */
    uint8_t protocol;
    bool conflict; /* copies of the same bytes differed, or its end was told in two ways */
};

/* What is returned is borrowed until the next fragments_next_frame(). */
enum fragment_result fragments_add(struct fragments *fragments, const struct fragment *fragment,
                                   struct datagram_view *view);
void fragments_next_frame(struct fragments *fragments);
void fragments_expire(struct fragments *fragments, int64_t now_ns);

#endif
