/* A network interface through libpcap on TPACKET_V3: blocks of frames in a ring shared with the
 * kernel. Not immediate mode, which costs a wake-up a frame. Non-blocking: in blocking mode an idle
 * link would hold pcap_dispatch() for ever, so the worker polls capture_fd() instead. */
#include <errno.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "source.h"

#define BLOCK_TIMEOUT_MS                                                                           \
    20 /* the kernel hands a block over after this long even when it is not full */

struct live {
    pcap_t *pcap;
    int64_t unit_ns;                        /* of the time stamps' fraction */
    uint32_t kernel_drops, interface_drops; /* libpcap's 32-bit totals as last read */
};

static bool refuse(struct capture *capture, const char *what, const char *reason)
{
    snprintf(capture->error, sizeof(capture->error), "%s: %s: %s", capture->path, what, reason);
    return false;
}

static void configure(pcap_t *pcap, const struct capture_params *params)
{
    pcap_set_snaplen(pcap, params->snaplen > 0 ? params->snaplen : 262144);
    pcap_set_promisc(pcap, params->promiscuous);
    pcap_set_timeout(pcap, BLOCK_TIMEOUT_MS);
    pcap_set_immediate_mode(pcap, 0);
    pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    if (params->buffer_mib > 0)
        pcap_set_buffer_size(pcap,
                             params->buffer_mib < 2047 ? params->buffer_mib << 20 : 2047 << 20);
}

static bool activate(struct capture *capture, pcap_t *pcap)
{
    char reason[PCAP_ERRBUF_SIZE + 64];
    int result = pcap_activate(pcap);
    const char *status = pcap_statustostr(result), *detail = pcap_geterr(pcap);
    bool more = detail[0] && strcmp(detail, status) != 0;
    snprintf(reason, sizeof(reason), "%s%s%s", status, more ? ": " : "", more ? detail : "");
    if (result < 0)
        return refuse(capture, "cannot capture", reason);
    if (result > 0)
        log_warning("%s: %s", capture->path, reason);
    return true;
}

static bool set_filter(struct capture *capture, pcap_t *pcap)
{
    struct bpf_program program;
    if (!capture->params.filter)
        return true;
    if (pcap_compile(pcap, &program, capture->params.filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return refuse(capture, "filter", pcap_geterr(pcap));
    bool set = pcap_setfilter(pcap, &program) == 0;
    pcap_freecode(&program);
    return set || refuse(capture, "filter", pcap_geterr(pcap));
}

/* Workers of one group share the interface's frames by a symmetric flow hash, fragments put
 * together first. */
static bool join_fanout(struct capture *capture, pcap_t *pcap)
{
    if (!capture->params.fanout_group)
        return true;
    unsigned how = (unsigned)capture->params.fanout_group & 0xffff;
    how |= (unsigned)(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG) << 16;
    if (setsockopt(pcap_fileno(pcap), SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) == 0)
        return true;
    return refuse(capture, "cannot share the interface between workers", strerror(errno));
}

static bool live_open(struct capture *capture)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    struct live *live = calloc(1, sizeof(*live));
    if (!live)
        abort(); /* only at start */
    capture->state = live;
    live->pcap = pcap_create(capture->path, reason);
    if (!live->pcap)
        return refuse(capture, "cannot capture", reason);
    configure(live->pcap, &capture->params);
    if (!activate(capture, live->pcap) || !set_filter(capture, live->pcap) ||
        !join_fanout(capture, live->pcap))
        return false;
    if (pcap_setnonblock(live->pcap, 1, reason) != 0)
        return refuse(capture, "cannot read without blocking", reason);
    live->unit_ns = pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    capture->frame.link_type = pcap_datalink(live->pcap);
    capture->frame.interface = capture->path;
    return true;
}

static void on_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct capture *capture = (struct capture *)user;
    const struct live *live = capture->state;
    struct frame *frame = &capture->frame;
    frame->data = data;
    frame->captured = header->caplen;
    frame->length = header->len < header->caplen ? header->caplen : header->len;
    frame->time_ns = (int64_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec * live->unit_ns;
    capture_deliver(capture);
}

static enum capture_result live_dispatch(struct capture *capture, int budget)
{
    struct live *live = capture->state;
    int n = pcap_dispatch(live->pcap, budget, on_frame, (u_char *)capture);
    if (n > 0)
        return CAPTURE_MORE;
    if (n == 0)
        return CAPTURE_IDLE;
    refuse(capture, "capture stopped", pcap_geterr(live->pcap));
    return CAPTURE_BAD;
}

static int live_fd(const struct capture *capture)
{
    const struct live *live = capture->state;
    return pcap_get_selectable_fd(live->pcap);
}

static void live_read_stats(struct capture *capture)
{
    struct live *live = capture->state;
    struct pcap_stat now;
    if (pcap_stats(live->pcap, &now) != 0)
        return;
    /* Differences of 32-bit values survive their wrap. */
    capture->stats.kernel_drops += (uint32_t)(now.ps_drop - live->kernel_drops);
    capture->stats.interface_drops += (uint32_t)(now.ps_ifdrop - live->interface_drops);
    live->kernel_drops = now.ps_drop;
    live->interface_drops = now.ps_ifdrop;
}

static void live_close(struct capture *capture)
{
    struct live *live = capture->state;
    if (live && live->pcap)
        pcap_close(live->pcap);
    free(live);
}

const struct source_ops source_live = {
    .name = "live",
    .open = live_open,
    .dispatch = live_dispatch,
    .fd = live_fd,
    .read_stats = live_read_stats,
    .close = live_close,
};
