/* The compression of rsync -z: of a file's literal bytes only. zlib begins afresh with each file and loses, at the
 * end of each run, the four bytes that mark it; once the receiver copied a block, "zlib" refers to that block's
 * bytes too, which nobody sent, and only "zlibx" goes on. zstd is one stream for the whole session. (lz4 is not
 * undone.) */
#define ZLIB_CONST
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "rsync.h"

#define OUT_BYTES 16384
#define WINDOW_LOG_MAX 23       /* 8 MiB: what rsync's levels up to 19 use */
#define ZLIB_BYTES 48000        /* what an inflater takes from the heap, about */
#define EXPANSION_FREE (1u << 20)
#define EXPANSION_MAX 1100      /* of zlib; what says more than that says nothing */

struct rsync_coder {
    ZSTD_DStream *zstd;
    z_stream zlib;
    bool inflating, failed; /* what follows makes no sense: of zlib in this file, of zstd at all */
    size_t charged;
    uint64_t in, out;
};

static bool charge(struct app_session *session, struct rsync_coder *coder, size_t size)
{
    if (size > coder->charged && !mem_charge(app_mem(session), MEM_FLOW, size - coder->charged))
        return false;
    if (size < coder->charged)
        mem_release(app_mem(session), MEM_FLOW, coder->charged - size);
    coder->charged = size;
    return true;
}

void rsync_coding_close(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    struct rsync_coder *coder = rsync->coder;
    if (!coder)
        return;
    ZSTD_freeDStream(coder->zstd);
    if (coder->inflating)
        inflateEnd(&coder->zlib);
    charge(session, coder, 0);
    free(coder);
    rsync->coder = NULL;
}

static bool open_coder(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    if (rsync->coder)
        return true;
    struct rsync_coder *coder = rsync->coder = calloc(1, sizeof(*coder));
    if (!coder)
        return false;
    if (rsync->coding == RSYNC_ZSTD) {
        coder->zstd = ZSTD_createDStream();
        return coder->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(coder->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
    }
    coder->inflating = charge(session, coder, ZLIB_BYTES) && inflateInit2(&coder->zlib, -15) == Z_OK;
    return coder->inflating;
}

static bool give(struct app_session *session, struct rsync_coder *coder, const uint8_t *data, size_t len)
{
    coder->out += len;
    if (coder->out > EXPANSION_FREE && coder->out > coder->in * EXPANSION_MAX)
        return false;
    if (len)
        rsync_file_bytes(session, data, len);
    return true;
}

static bool unzstd(struct app_session *session, struct rsync_coder *coder, const uint8_t *data, size_t len)
{
    uint8_t out[OUT_BYTES];
    ZSTD_inBuffer in = {data, len, 0};
    for (;;) {
        ZSTD_outBuffer into = {out, sizeof(out), 0};
        size_t result = ZSTD_decompressStream(coder->zstd, &into, &in);
        if (ZSTD_isError(result) || !charge(session, coder, ZSTD_sizeof_DStream(coder->zstd)) ||
            !give(session, coder, out, into.pos))
            return false;
        if (in.pos == in.size && into.pos < sizeof(out))
            return true;
    }
}

static bool unzlib(struct app_session *session, struct rsync_coder *coder, const uint8_t *data, size_t len)
{
    uint8_t out[OUT_BYTES];
    z_stream *z = &coder->zlib;
    z->next_in = data;
    z->avail_in = (uInt)len;
    for (;;) {
        z->next_out = out;
        z->avail_out = sizeof(out);
        int result = inflate(z, Z_SYNC_FLUSH);
        if ((result != Z_OK && result != Z_BUF_ERROR) || !give(session, coder, out, sizeof(out) - z->avail_out))
            return false;
        if (result == Z_BUF_ERROR || z->avail_out)
            return !z->avail_in;
    }
}

void rsync_coding_chunk(struct app_session *session, const uint8_t *data, size_t len)
{
    struct rsync *rsync = app_state(session);
    bool known = rsync->coding != RSYNC_UNKNOWN && !(rsync->coding == RSYNC_ZLIB && rsync->missing);
    if (!known || !open_coder(session) || rsync->coder->failed) {
        rsync->missing = true;
        return;
    }
    struct rsync_coder *coder = rsync->coder;
    coder->in += len;
    coder->failed = coder->zstd ? !unzstd(session, coder, data, len) : !unzlib(session, coder, data, len);
    rsync->missing |= coder->failed;
}

void rsync_coding_flush(struct app_session *session)
{
    static const uint8_t mark[4] = {0, 0, 0xff, 0xff};
    const struct rsync *rsync = app_state(session);
    if (rsync->coding == RSYNC_ZLIB || rsync->coding == RSYNC_ZLIBX)
        rsync_coding_chunk(session, mark, sizeof(mark));
}

void rsync_coding_next_file(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    if (!rsync->coder || !rsync->coder->inflating)
        return;
    inflateReset(&rsync->coder->zlib);
    rsync->coder->failed = false;
}
