/* IEEE 802.11 fragments to MSDUs (IEEE 802.11-2020 10.5). A station sends the pieces of one MSDU in order and of
 * no other meanwhile, so each pair of addresses and traffic class has one MSDU at work, and a piece that does not
 * follow the one before is lost. In buffers under MEM_REASSEMBLY, at most MSDUS_MAX of them. */
#ifndef DLP_PACKET_MSDU_H
#define DLP_PACKET_MSDU_H

#include "fragment.h"

struct msdus;
struct msdus *msdus_new(struct mem *mem);
void msdus_free(struct msdus *msdus);

struct msdu_piece {
    uint8_t addresses[12]; /* receiver and transmitter */
    uint8_t tid, number;
    uint16_t sequence;
    bool more;
    uint32_t len;
    const uint8_t *data;
    int64_t time_ns;
};

struct msdu_view { /* borrowed until the next call; as struct datagram_view */
    const uint8_t *data;
    uint32_t len;
    uint32_t held_bytes, held_frames;
};

/* FRAGMENT_HELD also tells of a piece that will not be used: it is lost. */
enum fragment_result msdus_add(struct msdus *msdus, const struct msdu_piece *piece,
                               struct msdu_view *view);

#endif
