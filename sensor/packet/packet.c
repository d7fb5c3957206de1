/* Decoding one frame: find its link type, go through its layers, and book every captured byte.
 *
 * The ledger of a frame. `rest` starts as the captured bytes. When fragments come together, what
 * was booked for the earlier ones is taken back and joins `rest`. At the end all of `rest` is
 * booked at once: as payload for the caller, or under the fate the layers found, and what neither
 * covers is overhead. A frame counts once in fate_packets: held fragments under lost_gap until
 * their datagram is complete, then under overhead, because the datagram itself is counted with the
 * frame that completed it. */
#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "hash.h"

#define CUT_MAX (1u << 24) /* a wire length beyond that is a lie, and sums must not overflow */

struct packet_decoder *packet_decoder_new(struct mem *mem, struct counters *counters)
{
    struct packet_decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder)
        abort(); /* only at start */
    decoder->counters = counters;
    decoder->fragments = fragments_new(mem, counters);
    decoder->msdus = msdus_new(mem);
    decoder->offload = offload_new();
    decoder->link_type = -1;
    return decoder;
}

void packet_decoder_free(struct packet_decoder *decoder)
{
    if (!decoder)
        return;
    fragments_free(decoder->fragments);
    msdus_free(decoder->msdus);
    offload_free(decoder->offload);
    free(decoder);
}

/* Bytes on the wire that the snap length left out. */
static uint32_t cut_of(const struct frame *frame)
{
    uint32_t cut = frame->length > frame->captured ? frame->length - frame->captured : 0;
    return cut < CUT_MAX ? cut : CUT_MAX;
}

static void count_frame(struct counters *counters, const struct frame *frame)
{
    count_add(counters, COUNT_CAPTURE_PACKETS, 1);
    count_add(counters, COUNT_CAPTURE_BYTES, frame->captured);
    count_add(counters, COUNT_CAPTURE_CUT_BYTES, cut_of(frame));
}

static enum verdict first_layer(struct packet_decoder *decoder, const struct frame *frame,
                                struct decode *d)
{
    if (frame->link_type != decoder->link_type) {
        decoder->link_type = frame->link_type;
        decoder->link = link_find(frame->link_type);
    }
    if (!decoder->link)
        return decode_unsupported(d, "link type", (uint32_t)frame->link_type);
    return decoder->link->decode(d);
}

static bool book_segment(struct counters *counters, const struct decode *d)
{
    fate_add(counters, FATE_OVERHEAD, d->rest - d->packet->payload_len);
    if (d->packet->tunnel_depth)
        count_add(counters, COUNT_PACKET_TUNNELLED, 1);
    return true;
}

static bool book_end(struct counters *counters, const struct decode *d)
{
    fate_add(counters, d->fate, d->fate_len);
    fate_add(counters, FATE_OVERHEAD, d->rest - d->fate_len);
    counters->fate_packets[d->fate] += !d->packet->continued;
    if (d->kind)
        counters_unsupported(counters, d->kind, d->number);
    return false;
}

static bool book(struct packet_decoder *decoder, const struct decode *d, enum verdict verdict)
{
    decoder->more = d->more;
    decoder->more_cut = d->more_cut;
    if (d->wrong_checksum)
        count_add(decoder->counters, COUNT_PACKET_BAD_CHECKSUM, 1);
    return verdict == VERDICT_SEGMENT ? book_segment(decoder->counters, d)
                                      : book_end(decoder->counters, d);
}

static void begin(struct packet *packet, const struct frame *frame)
{
    memset(packet, 0, sizeof(*packet));
    packet->frame = frame;
    packet->time_ns = frame->time_ns;
}

bool packet_decode_more(struct packet_decoder *decoder, const struct frame *frame,
                        struct packet *packet, bool *segment)
{
    struct decode d = {.decoder = decoder,
                       .packet = packet,
                       .c = decoder->more,
                       .cut = decoder->more_cut,
                       .rest = (uint32_t)cursor_left(&decoder->more)};
    if (!d.rest)
        return false;
    begin(packet, frame);
    packet->continued = true;
    *segment = book(decoder, &d, wifi_aggregate(&d));
    return true;
}

bool packet_decode(struct packet_decoder *decoder, const struct frame *frame, struct packet *packet)
{
    struct decode d = {.decoder = decoder,
                       .packet = packet,
                       .c = cursor_over(frame->data, frame->captured),
                       .cut = cut_of(frame),
                       .rest = frame->captured};
    begin(packet, frame);
    count_frame(decoder->counters, frame);
    fragments_next_frame(decoder->fragments);
    return book(decoder, &d, first_layer(decoder, frame, &d));
}

uint32_t packet_shard(const struct packet *packet)
{
    struct ip_addr pair[2];
    bool ordered = ip_compare(&packet->src, &packet->dst) < 0;
    pair[!ordered] = packet->src;
    pair[ordered] = packet->dst;
    uint64_t hash = hash_bytes(&HASH_KEY_FIXED, pair, sizeof(pair));
    return (uint32_t)(hash ^ hash >> 32);
}

void packet_expire(struct packet_decoder *decoder, int64_t now_ns)
{
    fragments_expire(decoder->fragments, now_ns);
}
