/* What ISO/IEC 19794-4, -5 and -6 share: a header, then views, each with some fixed blocks, counted lists that are
 * passed over, and a picture of a declared length. A layout says where things stand; the walk is common. All
 * integers big-endian. Embedded in a recogniser's state. */
#ifndef FACTS_IMAGE_RECORD_H
#define FACTS_IMAGE_RECORD_H

#include "biometric.h"
#include "inner.h"
#include "walk.h"

#define IMAGE_RECORD_STAGES 5
#define IMAGE_RECORD_HEAD 46 /* no record is shorter; headers are, and the rest is read again */

struct image_record;

/* A fixed block at this point. `take` reads it, may set walk.skip (a list behind it), and the fields below. */
struct image_stage {
    uint8_t size;
    bool (*take)(struct image_record *record, const uint8_t *block);
};

struct image_layout {
    const char *standard, *kind;
    const char *versions;  /* comma list of version fields, trimmed */
    struct image_stage stages[IMAGE_RECORD_STAGES]; /* the header, then those of a view, the picture behind the last */
};

struct image_record {
    struct walk walk;
    uint8_t buffer[IMAGE_RECORD_HEAD];
    const struct image_layout *layout; /* NULL until the header chose one */
    uint8_t stage;
    bool in_image, landing, ended, proved, sized;
    char version[4];
    unsigned checks;
    /* Set by the layout's stages: */
    uint64_t length;      /* of the record */
    uint32_t views;       /* declared */
    uint32_t images_left; /* of this view, where a view has several (iris 2005); else 1 */
    uint64_t view_at, view_length; /* 0: a view declares none */
    uint64_t image_length;
    uint32_t width, height;
    uint64_t raw_length;  /* bytes of the picture if it is uncompressed; 0: it must show a coding */
    uint32_t landmarks, flag;
    /* Of the walk: */
    uint32_t views_done, images_done;
    uint64_t image_left;
    struct inner inner;
};

/* `layouts` ends with one whose standard is NULL; the first whose versions and header fit is taken. */
enum recogniser_state image_record_feed(struct image_record *record, const struct image_layout *layouts,
                                        struct fact_set *facts, const uint8_t *data, size_t len);
enum recogniser_state image_record_gap(struct image_record *record, uint64_t len);
enum recogniser_state image_record_finish(struct image_record *record, struct fact_set *facts);
/* "FIR\0" and a version field. */
bool image_record_sniff(const uint8_t *head, size_t len, const char magic[4]);

#endif
