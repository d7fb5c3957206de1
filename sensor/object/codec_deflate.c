/* Content coding "deflate" (RFC 1950, and raw RFC 1951 as many servers send it). */
#include "inflate.h"

static bool deflate_open(void *user)
{
    struct inflate_state *state = user;
    state->form = INFLATE_DEFLATE;
    return true;
}

static enum codec_result deflate_feed(void *state, const uint8_t *data, size_t len, codec_out out, void *user)
{
    return inflate_feed(state, data, len, out, user);
}

const struct codec_ops codec_deflate = {
    .names = "deflate",
    .state_size = sizeof(struct inflate_state),
    .open = deflate_open,
    .feed = deflate_feed,
    .whole = inflate_whole,
    .close = inflate_close,
};
