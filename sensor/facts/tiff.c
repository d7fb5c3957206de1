/* TIFF 6.0 and JPEG XR (T.832 Annex A, the same directories under its own magic). The directory may stand behind the
 * pixels: then the proof comes when it does. */
#include "exif.h"
#include "image.h"

struct tiff {
    struct exif exif;
    bool proved;
};

static bool tiff_sniff(const uint8_t *head, size_t len)
{
    if (len < 8)
        return false;
    if (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "II\xbc\x01", 4) == 0)
        return le32(head + 4) >= 8;
    return memcmp(head, "MM\0*", 4) == 0 && be32(head + 4) >= 8;
}

static enum recogniser_state tiff_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                       uint64_t at)
{
    struct tiff *t = state;
    const struct exif *e = &t->exif;
    bool more = exif_feed(&t->exif, data, len);
    (void)at;
    if (!t->proved && e->valid && e->width && e->height) {
        t->proved = true;
        image_publish(facts, e->is_jpeg_xr ? "jpegxr" : "tiff", e->width, e->height, e->samples ? e->samples : 1);
    }
    if (t->proved) {
        exif_publish(e, facts);
        if (e->sub_directory)
            fact_set_int(facts, FACT_exif_present, 1);
        return RECOGNISE_PROVED;
    }
    return more ? RECOGNISE_MORE : RECOGNISE_NO;
}

static enum recogniser_state tiff_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct tiff *t = state;
    (void)facts;
    (void)at;
    if (!exif_gap(&t->exif, len) && !t->proved)
        return RECOGNISE_NO;
    return t->proved ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static const char *tiff_type_of(const void *state)
{
    return ((const struct tiff *)state)->exif.is_jpeg_xr ? "jxr" : "tiff";
}

const struct recogniser recogniser_tiff = {
    .name = "tiff",
    .type = "tiff",
    .state_size = sizeof(struct tiff),
    .sniff = tiff_sniff,
    .feed = tiff_feed,
    .gap = tiff_gap,
    .type_of = tiff_type_of,
};
