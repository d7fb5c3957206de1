/* A content coding that is undone as bytes arrive. One file in object/, one line in codec_list.def. */
#ifndef DLP_CODEC_H
#define DLP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec_result { CODEC_MORE, CODEC_DONE, CODEC_BAD };
typedef bool (*codec_out)(void *user, const uint8_t *data, size_t len); /* false: stop (a limit) */

struct codec_ops {
    const char *names; /* comma list of the tokens that name it, lower case: "gzip,x-gzip" */
    size_t state_size; /* zeroed before open */
    bool (*open)(void *state);
    enum codec_result (*feed)(void *state, const uint8_t *data, size_t len, codec_out out, void *user);
    bool (*whole)(const void *state); /* the coded stream reached its own end */
    void (*close)(void *state);
};

#define CODEC(name) extern const struct codec_ops codec_##name;
#include "codec_list.def"
#undef CODEC

/* The codec for one token, or NULL ("identity" and unknown ones). */
const struct codec_ops *codec_find(const char *token, size_t len);

#endif
