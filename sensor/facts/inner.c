/* The picture inside a biometric record. */
#include "inner.h"

#include <string.h>

static const struct recogniser *const CODINGS[] = {&recogniser_jpeg, &recogniser_jp2, &recogniser_wsq, &recogniser_png};

/* What a picture's recogniser says about the picture itself. */
static const enum fact_id PICTURE_FACTS[] = {
    FACT_image_valid,       FACT_image_width,    FACT_image_height, FACT_image_components, FACT_image_progressive,
    FACT_image_complete,    FACT_image_coding,   FACT_exif_present, FACT_exif_gps,         FACT_exif_make,
    FACT_exif_model,        FACT_exif_serial,    FACT_image_time,   FACT_image_bomb,
};

static void run(struct inner *inner, struct fact_set *facts, const uint8_t *data, size_t len)
{
    struct fact_set said;
    if (!inner->recogniser || len == 0)
        return;
    fact_set_clear(&said);
    enum recogniser_state answer = inner->recogniser->feed(inner->state, &said, data, len, inner->fed);
    inner->fed += len;
    inner->sized |= fact_present(&said, FACT_image_width);
    if (facts)
        fact_copy(facts, &said, PICTURE_FACTS, sizeof(PICTURE_FACTS) / sizeof(PICTURE_FACTS[0]));
    if (answer == RECOGNISE_NO || answer == RECOGNISE_END)
        inner->recogniser = NULL;
}

static const char *coding_of(const struct recogniser *r, const uint8_t *head)
{
    if (r == &recogniser_jp2)
        return head[0] == 0xff ? "j2k" : "jp2";
    if (r == &recogniser_jpeg && head[3] == 0xf7)
        return "jpeg-ls";
    return r->name;
}

void inner_settle(struct inner *inner, struct fact_set *facts)
{
    inner->settled = true;
    inner->coding = "";
    for (unsigned i = 0; i < sizeof(CODINGS) / sizeof(CODINGS[0]); i++) {
        if (!CODINGS[i]->sniff(inner->head, inner->have) || CODINGS[i]->state_size > INNER_STATE)
            continue;
        inner->recogniser = CODINGS[i];
        inner->coding = coding_of(CODINGS[i], inner->head);
        break;
    }
    run(inner, facts, inner->head, inner->have);
}

void inner_feed(struct inner *inner, struct fact_set *facts, const uint8_t *data, size_t len)
{
    if (!inner->settled) {
        size_t n = INNER_HEAD - inner->have < (int)len ? (size_t)(INNER_HEAD - inner->have) : len;
        memcpy(inner->head + inner->have, data, n);
        inner->have = (uint8_t)(inner->have + n);
        data += n;
        len -= n;
        if (inner->have == INNER_HEAD)
            inner_settle(inner, facts);
    }
    run(inner, facts, data, len);
}

bool inner_is_known(const struct inner *inner)
{
    return inner->settled;
}

void inner_reset(struct inner *inner)
{
    memset(inner, 0, sizeof(*inner));
}
