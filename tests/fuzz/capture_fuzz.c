/* A capture file of hostile bytes: pcap, pcapng, gzip or zstd, as its first bytes say. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(void *user, const struct frame *frame)
{
    volatile uint8_t *sum = user; /* reads every byte handed over */
    for (uint32_t i = 0; i < frame->captured; i++)
        *sum ^= frame->data[i];
    for (const char *p = frame->interface; p && *p; p++)
        *sum ^= (uint8_t)*p;
    if (frame->length < frame->captured)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct capture_params params = {.filter = size % 2 ? "tcp" : NULL};
    char path[64], error[1024];
    uint8_t sum = 0;
    log_set_level(LOG_ERROR);
    int fd = memfd_create("capture", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct capture *capture = capture_open(path, false, &params, error, sizeof(error));
    while (capture && capture_dispatch(capture, 16, on_frame, &sum) == CAPTURE_MORE)
        continue;
    capture_close(capture);
    close(fd);
    return 0;
}
