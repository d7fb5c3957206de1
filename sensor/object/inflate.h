/* zlib for the two codings that use it. */
#ifndef DLP_OBJECT_INFLATE_H
#define DLP_OBJECT_INFLATE_H

#include <zlib.h>

#include "codec.h"

enum inflate_form { INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_RAW };

struct inflate_state {
    enum inflate_form form;
    z_stream stream;
    struct codec_memory *memory;
    bool opened;     /* the form was recognised and the stream initialised */
    bool ended;      /* the present member reached its end: another may follow */
    uint8_t head[2]; /* what may be the magic of a (further) member */
    uint8_t head_len;
};

bool inflate_open_raw(struct inflate_state *state, struct codec_memory *memory);
enum codec_result inflate_feed(void *state, const uint8_t *data, size_t len, size_t *used,
                               const struct codec_sink *sink);
bool inflate_finish(void *state, const struct codec_sink *sink);

#endif
