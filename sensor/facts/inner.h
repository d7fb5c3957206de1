/* The picture inside a biometric record: its coding by its first bytes, its true size by the recogniser for that
 * coding, run on the record's image bytes. Embedded in a recogniser's state. */
#ifndef FACTS_INNER_H
#define FACTS_INNER_H

#include "facts.h"

#define INNER_HEAD 16
#define INNER_STATE 2048

struct inner {
    const struct recogniser *recogniser; /* NULL: raw, or a coding nobody here reads */
    const char *coding;                  /* "jpeg", "jp2", "j2k", "wsq", "png", "jpeg-ls" or "" */
    bool settled, sized;                 /* `sized`: the picture itself said how large it is */
    uint8_t have;
    uint8_t head[INNER_HEAD];
    uint64_t fed;
    _Alignas(16) uint8_t state[INNER_STATE];
};

/* Image bytes in order. The image_* facts of the picture reach `facts`, nothing else of what its recogniser says;
 * NULL: its facts are not wanted. */
void inner_feed(struct inner *inner, struct fact_set *facts, const uint8_t *data, size_t len);
/* The first INNER_HEAD bytes are known, or the picture ended before: `coding` is settled. */
bool inner_is_known(const struct inner *inner);
/* Settles with what is there: the picture is shorter than INNER_HEAD. */
void inner_settle(struct inner *inner, struct fact_set *facts);
void inner_reset(struct inner *inner);

#endif
