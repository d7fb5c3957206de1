/* capture/: wire or file to frames. One const ops struct per source, one table (capture.c). A source is
 * used by one worker thread; several workers open several sources. */
#ifndef DLP_CAPTURE_H
#define DLP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    const uint8_t *data; /* borrowed until the frame function returns */
    uint32_t captured;   /* bytes at data */
    uint32_t length;     /* bytes on the wire, >= captured */
    int64_t time_ns;     /* nanoseconds since the epoch, the packet clock */
    int link_type;       /* DLT_*, pcap-linktype(7) */
    const char *interface; /* name or NULL for files */
    const char *input;   /* the INPUT this came from, as events show it in dlp.input */
};

typedef void (*frame_fn)(void *user, const struct frame *frame);

enum capture_result {
    CAPTURE_MORE, /* frames may follow */
    CAPTURE_IDLE, /* live only: nothing now */
    CAPTURE_END,  /* the input ended as it should */
    CAPTURE_BAD   /* damage: everything before it was delivered; capture_error() names file, offset, reason */
};

struct capture_params {
    const char *filter; /* tcpdump's language, or NULL */
    int snaplen;
    int buffer_mib;    /* live: kernel ring */
    bool promiscuous;
    int fanout_group;  /* live: 0 for one worker alone, else the group every worker joins */
};

struct capture_stats {
    uint64_t kernel_drops, interface_drops;
    uint64_t filtered_packets, filtered_bytes; /* files: frames read and set aside by the filter */
};

struct capture;
/* `source` is a file, a directory (all captures below it in name order), "-", or with `live` an interface.
 * NULL on failure, with a whole sentence in `error`. `source` is borrowed: frames carry it as their input, and
 * flows keep it. Interface names that files hold live until capture_close(). */
struct capture *capture_open(const char *source, bool live, const struct capture_params *params,
                             char *error, size_t error_len);
/* Delivers at most `budget` frames. */
enum capture_result capture_dispatch(struct capture *capture, int budget, frame_fn fn, void *user);
const char *capture_error(const struct capture *capture);
int capture_fd(const struct capture *capture); /* live: poll(2) for reading; -1 for files */
void capture_read_stats(struct capture *capture, struct capture_stats *stats); /* totals since open */
/* Bytes of the (compressed) input read so far and in all, 0 when unknown: for the progress bar. */
void capture_progress(const struct capture *capture, uint64_t *done, uint64_t *total);
void capture_close(struct capture *capture);
/* Whether a filter can be compiled at all, before any input is opened; false with the reason in `error`. */
bool capture_check_filter(const char *filter, char *error, size_t error_len);

#endif
