/* A TIFF structure (TIFF 6.0) read forwards only, for the few tags that facts need: EXIF in a JPEG (CIPA DC-008)
 * and TIFF files themselves. The first bytes are kept, so that what stands there is found from a directory behind
 * them; other offsets that point back are not followed. Embedded in a recogniser's state. */
#ifndef FACTS_EXIF_H
#define FACTS_EXIF_H

#include "facts.h"
#include "walk.h"

#define EXIF_TEXT 63
#define EXIF_TARGETS 12
#define EXIF_EARLY 512

enum exif_target_kind {
    EXIF_DIRECTORY, EXIF_SUB_DIRECTORY, EXIF_MAKE, EXIF_MODEL, EXIF_TAKEN, EXIF_CHANGED, EXIF_SERIAL,
    EXIF_TEXT_KINDS
};

struct exif_target {
    uint32_t at;
    uint16_t len;
    uint8_t kind;
};

struct exif {
    struct walk walk;
    uint8_t buffer[64];
    uint8_t early[EXIF_EARLY]; /* the first bytes, up to a gap */
    uint16_t early_len;
    uint8_t looks_back;        /* directories read from there */
    uint8_t state;
    bool big_endian, is_jpeg_xr, gap_seen;
    bool valid;             /* a directory was read to its end */
    bool gps, sub_directory;
    uint16_t entries_left;
    uint8_t directory;      /* which kind is being read */
    uint8_t target_count;
    struct exif_target target[EXIF_TARGETS];
    struct exif_target now; /* being read */
    uint32_t width, height; /* of the first directory with both; 0 unknown */
    uint16_t samples, compression;
    char text[EXIF_TEXT_KINDS][EXIF_TEXT + 1]; /* by kind; "" absent */
};

/* The TIFF bytes, from "II" or "MM" on. False: not TIFF, or nothing more to be learnt from later bytes. */
bool exif_feed(struct exif *exif, const uint8_t *data, size_t len);
/* False: bytes that were to be read are gone. */
bool exif_gap(struct exif *exif, uint64_t len);
/* The same as an item of HEIF, JPEG XL, JPEG 2000, PNG and WebP has it: behind an offset of four bytes, behind
 * "Exif\0\0", or as it is. */
struct exif_item {
    struct exif exif;
    uint8_t head[4];
    uint8_t have;
    uint8_t skip;
    bool bad;
};
void exif_item_feed(struct exif_item *item, const uint8_t *data, size_t len);
/* exif_make, exif_model, exif_serial, image_time, exif_gps. */
void exif_publish(const struct exif *exif, struct fact_set *facts);

#endif
