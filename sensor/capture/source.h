/* What the sources of frames share inside capture/. A source is one const struct source_ops in one
 * file, and one row of the table in capture.c. */
#ifndef DLP_CAPTURE_SOURCE_H
#define DLP_CAPTURE_SOURCE_H

#include "capture.h"
#include "filter.h"
#include "input.h"

struct source_ops {
    const char *name;
    /* Sets capture->state, or writes a sentence to capture->error and returns false. */
    bool (*open)(struct capture *capture);
    enum capture_result (*dispatch)(struct capture *capture, int budget);
    int (*fd)(const struct capture *capture);
    void (*read_stats)(struct capture *capture);
    void (*progress)(const struct capture *capture, uint64_t *done, uint64_t *total);
    void (*close)(struct capture *capture); /* capture->state may be NULL */
};

struct name {
    struct name *next;
    char text[];
};

struct capture {
    const struct source_ops *ops;
    void *state;            /* the source's own */
    struct capture *parent; /* the directory this file is read for, or NULL */
    const char *path;       /* what is open: a file, an interface, "-" */
    const char *label;      /* the same as messages name it */
    struct input *input;    /* files: handed to the source, closed by it */
    struct capture_params params;
    struct capture_stats stats;
    struct frame frame; /* the frame on its way; sources set what changes */
    frame_fn fn;        /* for the dispatch that runs */
    void *user;
    struct filter *filter; /* NULL for none; the kernel's when live */
    struct name *names;    /* interface names, kept until close */
    char error[1024];
};

extern const struct source_ops source_pcap, source_pcapng, source_directory, source_live;

/* Opens one file of a directory. NULL with a sentence in `error`. */
struct capture *capture_open_file(const char *path, struct capture *parent, char *error,
                                  size_t error_len);
/* The source that reads files which begin so, or NULL. */
const struct source_ops *capture_recognise(const uint8_t *bytes, size_t len);
/* A copy of `text` that lives as long as the capture the user opened; NULL when there are too many.
 */
const char *capture_keep_name(struct capture *capture, const char *text, size_t len);
/* capture->error becomes "FILE: at byte OFFSET: reason"; returns CAPTURE_BAD. */
enum capture_result capture_damage(struct capture *capture, uint64_t offset, const char *reason);

/* Gives capture->frame to the user, unless the filter sets it aside. */
static inline void capture_deliver(struct capture *capture)
{
    struct frame *frame = &capture->frame;
    if (capture->filter && !filter_match(capture->filter, frame)) {
        capture->stats.filtered_packets++;
        capture->stats.filtered_bytes += frame->captured;
        return;
    }
    capture->fn(capture->user, frame);
}

#endif
