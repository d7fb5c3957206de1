/* A pcap file, read by libpcap through the input's stdio stream. libpcap says what is wrong with a
 * file but not where, so the record's offset is kept beside it. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

#define FILE_HEADER 24
#define RECORD_HEADER 16
#define RECORD_HEADER_KUZNETZOV 24

struct pcap_file {
    pcap_t *pcap;
    FILE *stdio;
    uint64_t offset; /* where the next record begins */
    bool cut;        /* libpcap cut a record to the file's snap length, so `offset` is behind */
    uint32_t record_header;
    uint32_t snapshot;
};

static bool pcap_file_open(struct capture *capture)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    const uint8_t *magic;
    struct pcap_file *file = calloc(1, sizeof(*file));
    if (!file)
        abort(); /* only between files */
    capture->state = file;
    input_peek(capture->input, &magic);
    bool kuznetzov = magic[0] == 0x34 || magic[3] == 0x34;
    file->record_header = kuznetzov ? RECORD_HEADER_KUZNETZOV : RECORD_HEADER;
    file->offset = FILE_HEADER;
    file->stdio = input_stdio(capture->input);
    if (!file->stdio) {
        snprintf(capture->error, sizeof(capture->error), "%s: not enough memory", capture->label);
        return false;
    }
    __fsetlocking(file->stdio, FSETLOCKING_BYCALLER); /* one thread reads it */
    file->pcap =
        pcap_fopen_offline_with_tstamp_precision(file->stdio, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (!file->pcap) {
        const char *failure = input_failure(capture->input);
        uint64_t read = input_offset(capture->input);
        capture_damage(capture, read < FILE_HEADER ? read : 0, failure ? failure : reason);
        return false;
    }
    file->snapshot = (uint32_t)pcap_snapshot(file->pcap);
    capture->frame.link_type = pcap_datalink(file->pcap);
    if (capture->filter &&
        !filter_prepare(capture->filter, capture->frame.link_type, reason, sizeof(reason))) {
        snprintf(capture->error, sizeof(capture->error), "%s: filter '%s': %s", capture->label,
                 capture->params.filter, reason);
        return false;
    }
    return true;
}

static void on_record(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct capture *capture = (struct capture *)user;
    struct pcap_file *file = capture->state;
    struct frame *frame = &capture->frame;
    file->offset += file->record_header + header->caplen;
    file->cut |= header->caplen == file->snapshot;
    frame->data = data;
    frame->captured = header->caplen;
    frame->length = header->len < header->caplen ? header->caplen : header->len;
    /* The field has 32 bits without a sign; libpcap reads it with one. tv_usec holds nanoseconds
     * here. */
    frame->time_ns = (int64_t)(uint32_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec;
    capture_deliver(capture);
}

static enum capture_result pcap_file_dispatch(struct capture *capture, int budget)
{
    struct pcap_file *file = capture->state;
    int n = pcap_dispatch(file->pcap, budget, on_record, (u_char *)capture);
    const char *failure = input_failure(capture->input);
    if (n > 0)
        return CAPTURE_MORE;
    if (n == 0 && !failure)
        return CAPTURE_END;
    uint64_t offset = file->offset;
    if (file->cut) {
        off_t at = ftello(file->stdio);
        offset = at >= 0 ? (uint64_t)at : offset;
    }
    return capture_damage(capture, offset, failure ? failure : pcap_geterr(file->pcap));
}

static void pcap_file_close(struct capture *capture)
{
    struct pcap_file *file = capture->state;
    if (!file)
        return;
    if (file->pcap)
        pcap_close(file->pcap); /* closes the stream */
    else if (file->stdio)
        fclose(file->stdio);
    free(file);
}

const struct source_ops source_pcap = {
    .name = "pcap",
    .open = pcap_file_open,
    .dispatch = pcap_file_dispatch,
    .close = pcap_file_close,
};
