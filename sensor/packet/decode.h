/* One frame on its way through the layers. A layer is a function that reads its header at decode->c
 * and calls the next one. Layers nest no deeper than LAYERS_MAX, tunnels no deeper than
 * TUNNELS_MAX.
 *
 *      frame  |--- read by layers so far ---|c.at ... c.end|--- trailer ---|
 *
 * `cut` counts the bytes past c.end that were on the wire and that the snap length left out.
 *
 * Bytes are booked once, by packet_decode() when the answer is known: `fate_len` of them under
 * `fate` (or left to the caller as payload), everything else that `rest` still counts as overhead.
 */
#ifndef DLP_PACKET_DECODE_H
#define DLP_PACKET_DECODE_H

#include "cursor.h"
#include "fragment.h"
#include "msdu.h"
#include "offload.h"
#include "packet.h"

#define LAYERS_MAX 24
#define TUNNELS_MAX 8

struct packet_decoder {
    struct counters *counters;
    struct fragments *fragments;
    struct offload *offload;
    int link_type; /* of the last frame, and its layer */
    const struct link *link;
    struct msdus *msdus;
    struct cursor more; /* of the last frame: packets behind the one returned; empty when there are none */
    uint32_t more_cut;
};

enum verdict {
    VERDICT_SEGMENT, /* decode->packet holds a TCP segment, a datagram of UDP, or an ESP packet */
    VERDICT_END      /* the frame ends here */
};

struct decode {
    struct packet_decoder *decoder;
    struct packet *packet;
    struct cursor c;
    uint32_t cut;  /* bytes of this layer on the wire past c.end, left out of the capture */
    uint32_t rest; /* captured bytes not booked yet */
    uint8_t layers;
    bool unverified; /* the checksum's addresses are not those of the header (source routing) */
    enum fate fate;  /* of VERDICT_END */
    uint32_t fate_len;
    const char *kind; /* what was unsupported, or NULL */
    uint32_t number;
    uint32_t joined; /* datagrams put together from fragments inside this frame */
    bool wrong_checksum;
    struct cursor more; /* what packet_decode_more() goes on with; not in `rest` any more */
    uint32_t more_cut;
};

typedef enum verdict (*layer_fn)(struct decode *d);

/* A link type: one line of link_list.def. */
struct link {
    int link_type;
    layer_fn decode;
    const char *name;
};
const struct link *link_find(int link_type);

/* The ways a frame ends. */
static inline enum verdict decode_end(struct decode *d, enum fate fate, size_t len)
{
    d->fate = fate;
    d->fate_len = (uint32_t)len;
    return VERDICT_END;
}

/* Nothing here but headers and the network's talk to itself. */
static inline enum verdict decode_chatter(struct decode *d)
{
    return decode_end(d, FATE_OVERHEAD, 0);
}

static inline enum verdict decode_malformed(struct decode *d)
{
    return decode_end(d, FATE_MALFORMED, d->rest);
}

static inline enum verdict decode_unsupported(struct decode *d, const char *kind, uint32_t number)
{
    d->kind = kind;
    d->number = number;
    return decode_end(d, FATE_UNSUPPORTED, cursor_left(&d->c));
}

/* A header does not fit: the snap length cut it (then all that is here is headers), or it is
 * malformed. */
static inline enum verdict decode_short(struct decode *d)
{
    return d->cut ? decode_chatter(d) : decode_malformed(d);
}

/* Bytes of this layer on the wire from here on. */
static inline uint32_t decode_wire_left(const struct decode *d)
{
    return (uint32_t)cursor_left(&d->c) + d->cut;
}

/* Ends the layer `wire` bytes from here; what lies behind is a trailer. False when that is past its
 * end. */
static inline bool decode_trim(struct decode *d, uint32_t wire)
{
    size_t left = cursor_left(&d->c);
    if (wire > left + d->cut)
        return false;
    if (wire <= left) {
        d->c.end = d->c.at + wire;
        d->cut = 0;
    } else {
        d->cut = (uint32_t)(wire - left);
    }
    return true;
}

/* Counts one more layer; false when that is one too many. */
static inline bool decode_enter(struct decode *d)
{
    return ++d->layers <= LAYERS_MAX;
}

static inline enum verdict decode_too_deep(struct decode *d)
{
    return decode_unsupported(d, "layers deeper than", LAYERS_MAX);
}

/* link_list.def's that stand elsewhere than link.c: link_card.c. */
enum verdict link_erf(struct decode *d);
enum verdict link_pflog(struct decode *d);
enum verdict link_juniper(struct decode *d);
enum verdict link_juniper_ppp(struct decode *d);
enum verdict link_juniper_hdlc(struct decode *d);
enum verdict link_fibre_channel(struct decode *d);
enum verdict link_infiniband(struct decode *d);
enum verdict link_sun_atm(struct decode *d);

/* The next layer is carried by another network: goes through with it unless it is one too many. */
enum verdict decode_tunnel(struct decode *d, layer_fn inner);

/* link.c, link_card.c, wifi.c: what link types begin with. */
enum verdict link_ethernet(struct decode *d);
enum verdict link_ppp(struct decode *d);
enum verdict link_wifi(struct decode *d);
enum verdict link_radiotap(struct decode *d);
enum verdict link_prism(struct decode *d);
enum verdict link_avs(struct decode *d);
enum verdict wifi_aggregate(struct decode *d); /* of MSDUs, from the one at hand on */
enum verdict link_ppi(struct decode *d);
enum verdict link_cisco_hdlc(struct decode *d);
/* An address family, as the systems that write it number it. */
enum verdict link_by_family(struct decode *d, uint32_t family);
enum verdict link_by_type(struct decode *d, uint32_t link_type);

/* ether.c: what an ethertype names, and what 802.2 carries. */
enum verdict ether_payload(struct decode *d, uint16_t ethertype);
enum verdict ether_llc(struct decode *d);
enum verdict ether_snap(struct decode *d);
enum verdict ether_mpls(struct decode *d);
enum verdict ether_nsh(struct decode *d);
layer_fn ether_next_protocol(uint8_t number); /* in NSH and VXLAN-GPE; NULL: no network of its own */
enum verdict ether_pppoe(struct decode *d);

/* ip.c */
enum verdict ip_v4(struct decode *d);
enum verdict ip_v6(struct decode *d);
enum verdict ip_any(struct decode *d); /* by the version nibble */
/* Whether an IP header with lengths that fit stands here. */
bool ip_plausible(const struct decode *d);

/* tunnel.c: carried by IP. tunnel_udp.c: carried by UDP. */
enum verdict tunnel_gre(struct decode *d);
enum verdict tunnel_etherip(struct decode *d);
enum verdict tunnel_l2tp3(struct decode *d); /* from the session on */
enum verdict tunnel_tzsp(struct decode *d);
/* The reader of what this port may carry, or NULL. */
layer_fn tunnel_of_port(uint16_t src_port, uint16_t dst_port);

/* transport.c */
enum verdict transport_tcp(struct decode *d);
enum verdict transport_udp(struct decode *d);

#endif
