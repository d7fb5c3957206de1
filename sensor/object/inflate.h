/* zlib for the two codings that use it. */
#ifndef DLP_OBJECT_INFLATE_H
#define DLP_OBJECT_INFLATE_H

#include <zlib.h>

#include "codec.h"

enum inflate_form { INFLATE_GZIP, INFLATE_DEFLATE };

struct inflate_state {
    enum inflate_form form;
    z_stream stream;
    bool opened;   /* the form was recognised and the stream initialised */
    bool identity; /* declared but not there: the bytes pass as they are */
    bool ended;    /* the (last) coded stream reached its end */
    uint8_t head[2];
    uint8_t head_len;
};

enum codec_result inflate_feed(struct inflate_state *state, const uint8_t *data, size_t len, codec_out out,
                               void *user);
bool inflate_whole(const void *state);
void inflate_close(void *state);

#endif
