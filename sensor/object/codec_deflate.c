/* Content coding "deflate" (RFC 1950, and raw RFC 1951 as many servers send it). */
#include "inflate.h"

static bool deflate_open(void *user, struct codec_memory *memory)
{
    struct inflate_state *state = user;
    state->form = INFLATE_DEFLATE;
    state->memory = memory;
    return true;
}

const struct codec_ops codec_deflate = {
    .names = "deflate,x-deflate",
    .state_size = sizeof(struct inflate_state),
    .unmarked = true,
    .open = deflate_open,
    .feed = inflate_feed,
    .finish = inflate_finish,
};
