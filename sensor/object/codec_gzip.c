/* Content coding "gzip" (RFC 1952). */
#include "inflate.h"

static bool gzip_open(void *user, struct codec_memory *memory)
{
    struct inflate_state *state = user;
    state->form = INFLATE_GZIP;
    state->memory = memory;
    return true;
}

const struct codec_ops codec_gzip = {
    .names = "gzip,x-gzip",
    .state_size = sizeof(struct inflate_state),
    .open = gzip_open,
    .feed = inflate_feed,
    .finish = inflate_finish,
};
