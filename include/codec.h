/* A content coding that is undone as bytes arrive. One file in object/, one line in codec_list.def. A codec never
 * sees an object: it takes coded bytes and calls a sink with decoded ones. Worker thread only. */
#ifndef DLP_CODEC_H
#define DLP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum codec_result {
    CODEC_MORE,  /* all was used */
    CODEC_DONE,  /* the coded stream ended; what was not used stands behind it */
    CODEC_BAD,   /* damaged here, or the sink said stop */
    CODEC_OTHER, /* the bytes are not in this coding at all; nothing was decoded from them */
};

struct codec_sink { /* where decoded bytes go; false: stop (a limit) */
    bool (*data)(void *user, const uint8_t *data, size_t len);
    bool (*gap)(void *user, uint64_t len); /* `len` decoded bytes never came */
    void *user;
};

/* Memory of one chain of codecs, charged to the budget of objects. */
struct codec_memory;
void *codec_alloc(struct codec_memory *memory, size_t size); /* NULL when the budget refuses */
void codec_free(struct codec_memory *memory, void *block);   /* NULL is allowed */
/* For a library that allocates by itself: it holds `size` bytes now. False when that passes the budget. */
bool codec_charge(struct codec_memory *memory, size_t *held, size_t size);

struct codec_ops {
    const char *names; /* comma list of the tokens that name it, lower case: "gzip,x-gzip" */
    size_t state_size; /* zeroed before open */
    /* The coding has no magic bytes: when its first bytes fail it is taken to be absent, as by CODEC_OTHER. */
    bool unmarked;
    bool (*open)(void *state, struct codec_memory *memory); /* false: no memory; close is not called */
    /* `*used` is all of `len` unless it says otherwise; it counts at CODEC_DONE only. */
    enum codec_result (*feed)(void *state, const uint8_t *data, size_t len, size_t *used,
                              const struct codec_sink *sink);
    /* `len` coded bytes are missing. False: what follows cannot be decoded. NULL: it never can. */
    bool (*gap)(void *state, uint64_t len, const struct codec_sink *sink);
    /* No more bytes come: gives out what was held back. True when the coded stream was whole. */
    bool (*finish)(void *state, const struct codec_sink *sink);
    void (*close)(void *state); /* NULL when codec memory is all it holds */
};

#define CODEC(name) extern const struct codec_ops codec_##name;
#include "codec_list.def"
#undef CODEC

/* The codec for one token, or NULL ("identity" and unknown ones). */
const struct codec_ops *codec_find(const char *token, size_t len);

#endif
