/* A chain of codecs for one body. */
#ifndef DLP_OBJECT_CODING_H
#define DLP_OBJECT_CODING_H

#include "codec.h"
#include "object.h"

#define CODING_STAGES                                                                              \
    4 /* codings one upon the other; of a longer list the outermost are undone                     \
       */

struct coding;

/* Bytes of a carrier and what was decoded from them, over all codings on the way: archives in
 * archives multiply. */
struct expansion {
    uint64_t in, out;
};

struct coding_sink {
    struct codec_sink decoded;
    /* Bytes that stand behind a coded stream that ended, or (damaged) came after the chain broke.
     */
    void (*behind)(void *user, const uint8_t *data, size_t len, bool damaged);
};

/* A chain for a list such as "gzip, base64" (outermost last). NULL when nothing in the list needs
 * undoing, or memory refuses (*refused). */
struct coding *coding_begin(struct object_env *env, struct text list,
                            const struct coding_sink *sink, struct expansion *expansion,
                            bool *refused);
bool coding_feed(struct coding *coding, const uint8_t *data,
                 size_t len); /* false: damaged, once and for all */
/* Coded bytes are missing. False when that cannot be bridged: what follows is dropped. */
bool coding_gap(struct coding *coding, uint64_t len);
/* No more bytes come; gives out what was held. True when every coding reached its own end
 * undamaged. */
bool coding_finish(struct coding *coding);
/* The outermost coded stream reached its own end. */
bool coding_ended(const struct coding *coding);
/* The outermost coding's first name, for the path of what stands behind it. */
const char *coding_name(const struct coding *coding, size_t *len);
void coding_end(struct object_env *env, struct coding *coding); /* NULL is allowed */
size_t coding_size(void);

#endif
