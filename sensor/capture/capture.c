/* Opening a source of frames: the table of sources, and what they share. Which source reads a file
 * is decided by the file's first uncompressed bytes. */
#include "capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "source.h"

#define NAMES_MAX 4096
#define NAME_LENGTH_MAX 64

static const struct magic {
    uint8_t bytes[4];
    const struct source_ops *ops;
} magics[] = {
    {{0xa1, 0xb2, 0xc3, 0xd4}, &source_pcap}, /* microseconds, big-endian writer */
    {{0xd4, 0xc3, 0xb2, 0xa1}, &source_pcap}, /* little-endian writer */
    {{0xa1, 0xb2, 0x3c, 0x4d}, &source_pcap}, /* nanoseconds */
    {{0x4d, 0x3c, 0xb2, 0xa1}, &source_pcap},
    {{0xa1, 0xb2, 0xcd, 0x34}, &source_pcap}, /* Kuznetzov's, longer record headers */
    {{0x34, 0xcd, 0xb2, 0xa1}, &source_pcap},
    {{0x0a, 0x0d, 0x0d, 0x0a}, &source_pcapng}, /* section header block */
};

const struct source_ops *capture_recognise(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; len >= 4 && i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (memcmp(bytes, magics[i].bytes, 4) == 0)
            return magics[i].ops;
    }
    return NULL;
}

const char *capture_keep_name(struct capture *capture, const char *text, size_t len)
{
    struct capture *owner = capture->parent ? capture->parent : capture;
    unsigned count = 0;
    len = strnlen(text, len < NAME_LENGTH_MAX ? len : NAME_LENGTH_MAX);
    if (len == 0)
        return NULL;
    for (struct name *name = owner->names; name; name = name->next, count++) {
        if (strlen(name->text) == len && memcmp(name->text, text, len) == 0)
            return name->text;
    }
    struct name *name = count < NAMES_MAX ? malloc(sizeof(*name) + len + 1) : NULL;
    if (!name)
        return NULL;
    memcpy(name->text, text, len);
    name->text[len] = '\0';
    name->next = owner->names;
    owner->names = name;
    return name->text;
}

enum capture_result capture_damage(struct capture *capture, uint64_t offset, const char *reason)
{
    snprintf(capture->error, sizeof(capture->error), "%s: at byte %llu: %s", capture->label,
             (unsigned long long)offset, reason);
    return CAPTURE_BAD;
}

static struct capture *capture_new(const char *path, const struct capture_params *params)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    if (!capture)
        abort(); /* only at start and between files */
    capture->path = path;
    capture->label = strcmp(path, "-") == 0 ? "standard input" : path;
    capture->params = *params;
    capture->frame.input = path;
    return capture;
}

/* Finds the file's source; false with a sentence in capture->error. */
static bool choose_file_source(struct capture *capture)
{
    const uint8_t *bytes;
    capture->input = input_open(capture->path, capture->error, sizeof(capture->error));
    if (!capture->input)
        return false;
    size_t len = input_peek(capture->input, &bytes);
    capture->ops = capture_recognise(bytes, len);
    if (capture->ops)
        return true;
    if (input_failure(capture->input))
        capture_damage(capture, len, input_failure(capture->input));
    else if (len == 0)
        snprintf(capture->error, sizeof(capture->error),
                 "%s: is empty; a pcap or pcapng capture was expected", capture->label);
    else
        snprintf(capture->error, sizeof(capture->error),
                 "%s: is neither pcap nor pcapng, plain or compressed with gzip or zstd",
                 capture->label);
    return false;
}

static bool start(struct capture *capture)
{
    if (capture->params.filter && capture->ops != &source_live && capture->ops != &source_directory)
        capture->filter = filter_new(capture->params.filter);
    return capture->ops->open(capture);
}

static struct capture *give_up(struct capture *capture, char *error, size_t error_len)
{
    snprintf(error, error_len, "%s", capture->error);
    capture_close(capture);
    return NULL;
}

struct capture *capture_open_file(const char *path, struct capture *parent, char *error,
                                  size_t error_len)
{
    struct capture *capture = capture_new(path, &parent->params);
    capture->parent = parent;
    capture->frame.input = parent->frame.input;
    if (!choose_file_source(capture) || !start(capture))
        return give_up(capture, error, error_len);
    return capture;
}

struct capture *capture_open(const char *source, bool live, const struct capture_params *params,
                             char *error, size_t error_len)
{
    struct stat st;
    struct capture *capture = capture_new(source, params);
    if (live)
        capture->ops = &source_live;
    else if (strcmp(source, "-") != 0 && stat(source, &st) == 0 && S_ISDIR(st.st_mode))
        capture->ops = &source_directory;
    else if (!choose_file_source(capture))
        return give_up(capture, error, error_len);
    if (!start(capture))
        return give_up(capture, error, error_len);
    log_debug("%s: reading as %s", capture->label, capture->ops->name);
    return capture;
}

enum capture_result capture_dispatch(struct capture *capture, int budget, frame_fn fn, void *user)
{
    capture->fn = fn;
    capture->user = user;
    return capture->ops->dispatch(capture, budget);
}

const char *capture_error(const struct capture *capture)
{
    return capture->error;
}

int capture_fd(const struct capture *capture)
{
    return capture->ops->fd ? capture->ops->fd(capture) : -1;
}

void capture_read_stats(struct capture *capture, struct capture_stats *stats)
{
    if (capture->ops->read_stats)
        capture->ops->read_stats(capture);
    *stats = capture->stats;
}

void capture_progress(const struct capture *capture, uint64_t *done, uint64_t *total)
{
    *done = *total = 0;
    if (capture->ops->progress)
        capture->ops->progress(capture, done, total);
    else if (capture->input)
        input_progress(capture->input, done, total);
}

void capture_close(struct capture *capture)
{
    if (!capture)
        return;
    if (capture->ops)
        capture->ops->close(capture);
    input_close(capture->input);
    filter_free(capture->filter);
    while (capture->names) {
        struct name *name = capture->names;
        capture->names = name->next;
        free(name);
    }
    free(capture);
}
