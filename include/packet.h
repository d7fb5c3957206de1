/* packet/: a frame to a TCP or UDP packet. Link layers and encapsulations are one line each in
 * packet/link_list.def; IP fragments are put together under the MEM_REASSEMBLY budget. */
#ifndef DLP_PACKET_H
#define DLP_PACKET_H

#include "capture.h"
#include "counters.h"
#include "ip.h"
#include "mem.h"

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_URG = 0x20 };

struct packet_tcp {
    uint32_t seq, ack;
    uint16_t window;
    uint16_t urgent;
    uint8_t flags;
    int8_t window_scale;   /* -1 when absent (RFC 7323 2) */
    uint16_t mss;          /* 0 when absent */
    bool has_timestamp;    /* RFC 7323 3 */
    bool has_md5;          /* RFC 2385 option 19, or RFC 5925 option 29 */
    bool bad_options;
    uint32_t timestamp, timestamp_echo;
};

struct packet {
    const struct frame *frame; /* the frame that completed it */
    int64_t time_ns;
    struct ip_addr src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol;   /* IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ESP, whose ports are 0 */
    uint8_t ttl;
    uint8_t vlan_count; /* at most 2 are kept, outermost first */
    uint16_t vlan[2];
    bool bad_checksum;  /* transport checksum verified and wrong */
    bool continued;     /* not the first of its frame, which is counted already */
    bool was_fragmented;
    bool fragment_conflict; /* fragments overlapped with different bytes */
    uint8_t tunnel_depth;
    struct packet_tcp tcp;
    const uint8_t *payload; /* transport payload, borrowed as the frame is */
    uint32_t payload_len;   /* captured bytes of it */
    uint32_t payload_cut;   /* bytes of it on the wire that the snap length left out */
    const uint8_t *network; /* the IP header nearest the payload, for nDPI */
    uint32_t network_len;   /* header to last captured byte of this IP packet */
};

/* Bytes on the wire: of the frame, and of what else one frame carried only what it brings. */
static inline uint32_t packet_wire_bytes(const struct packet *packet)
{
    return packet->frame && !packet->continued ? packet->frame->length : packet->payload_len;
}

struct packet_decoder;
struct packet_decoder *packet_decoder_new(struct mem *mem, struct counters *counters);
void packet_decoder_free(struct packet_decoder *decoder);

/* True when `packet` carries a TCP or UDP segment: then the decoder has booked every captured byte of the
 * frame but packet->payload_len, which the caller books. (A reassembled datagram's payload was captured in
 * several frames; its payload_len bytes are likewise for the caller to book.) False when the frame ends here:
 * the decoder has booked all of it. Either way capture.packets and capture.bytes are counted here, and
 * fate_packets when the answer is false. */
bool packet_decode(struct packet_decoder *decoder, const struct frame *frame, struct packet *packet);
/* A frame may carry several packets (an IEEE 802.11 aggregate): called after packet_decode, again and again, until it
 * is false. Else `*segment` is what packet_decode returned, of the next one. */
bool packet_decode_more(struct packet_decoder *decoder, const struct frame *frame, struct packet *packet,
                        bool *segment);

/* Symmetric hash of the address pair, the same in every worker and every run: what shards a replay.
 * Both directions, all ports and all fragments of a pair of hosts meet in one worker. */
uint32_t packet_shard(const struct packet *packet);

/* Drops fragments that have waited longer than 30 s of packet time. Called now and then by the worker. */
void packet_expire(struct packet_decoder *decoder, int64_t now_ns);

#endif
