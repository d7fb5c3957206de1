/* Deflate without any head or trailer (RFC 1951), as zip members are: no sender's header names it.
 */
#include "inflate.h"

static bool rawdeflate_open(void *user, struct codec_memory *memory)
{
    return inflate_open_raw(user, memory);
}

const struct codec_ops codec_rawdeflate = {
    .names = "deflate-raw",
    .state_size = sizeof(struct inflate_state),
    .open = rawdeflate_open,
    .feed = inflate_feed,
    .finish = inflate_finish,
};
