/* Raw deflate over a whole connection, flushed after each command or message. What comes of it is bounded, as of
 * every coding. */
#define ZLIB_CONST
#include "deflated.h"

#include <stdlib.h>
#include <zlib.h>

#define WINDOW_BYTES 48000 /* what an inflater takes from the heap, about */
#define OUT_BYTES 16384
#define EXPANSION_MAX 200         /* a message that grows more than this is cut */
#define EXPANSION_FREE (1u << 20) /* once it is longer than this */

struct deflated {
    z_stream z;
    uint64_t in, out;
};

struct deflated *deflated_open(struct app_session *session)
{
    if (!mem_charge(app_mem(session), MEM_FLOW, WINDOW_BYTES))
        return NULL;
    struct deflated *deflated = calloc(1, sizeof(*deflated));
    if (deflated && inflateInit2(&deflated->z, -15) == Z_OK)
        return deflated;
    free(deflated);
    mem_release(app_mem(session), MEM_FLOW, WINDOW_BYTES);
    return NULL;
}

void deflated_close(struct app_session *session, struct deflated *deflated)
{
    if (!deflated)
        return;
    inflateEnd(&deflated->z);
    free(deflated);
    mem_release(app_mem(session), MEM_FLOW, WINDOW_BYTES);
}

void deflated_message(struct deflated *deflated)
{
    deflated->in = deflated->out = 0;
}

bool deflated_take(struct deflated *deflated, const uint8_t *data, size_t len,
                   void (*out)(void *user, const uint8_t *data, size_t len), void *user)
{
    uint8_t plain[OUT_BYTES];
    z_stream *z = &deflated->z;
    z->next_in = data;
    z->avail_in = (uInt)len;
    deflated->in += len;
    do {
        z->next_out = plain;
        z->avail_out = sizeof(plain);
        int result = inflate(z, Z_SYNC_FLUSH);
        size_t n = sizeof(plain) - z->avail_out;
        deflated->out += n;
        if (n)
            out(user, plain, n);
        if (result == Z_STREAM_END) /* a sender may begin afresh */
            result = inflateReset(z);
        if (result == Z_BUF_ERROR)
            break;
        if (result != Z_OK || (deflated->out > EXPANSION_FREE && deflated->out > deflated->in * EXPANSION_MAX))
            return false;
    } while (z->avail_in || !z->avail_out);
    return true;
}
