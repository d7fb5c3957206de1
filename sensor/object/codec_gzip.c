/* Content coding "gzip" (RFC 1952). */
#include "inflate.h"

static bool gzip_open(void *user)
{
    struct inflate_state *state = user;
    state->form = INFLATE_GZIP;
    return true;
}

static enum codec_result gzip_feed(void *state, const uint8_t *data, size_t len, codec_out out, void *user)
{
    return inflate_feed(state, data, len, out, user);
}

const struct codec_ops codec_gzip = {
    .names = "gzip,x-gzip",
    .state_size = sizeof(struct inflate_state),
    .open = gzip_open,
    .feed = gzip_feed,
    .whole = inflate_whole,
    .close = inflate_close,
};
