/* The facts every image recogniser sets, set the same way, and the one place where a decompression bomb is refused.
 * Nothing here decodes pixels; what does it after us (a viewer, a comparison of pictures) may trust image_valid. No
 * state. */
#ifndef FACTS_IMAGE_H
#define FACTS_IMAGE_H

#include <string.h>

#include "facts.h"

/* A picture of 16384 by 16384 is below it, twice what telephones make; 4:4:4 pixels of more take over 1.5 GiB. */
#define IMAGE_PIXELS_MAX (UINT64_C(1) << 29)

/* The header asks for more than any reader should give: the picture is known, and not valid. */
static inline void image_refuse(struct fact_set *facts)
{
    fact_set_int(facts, FACT_image_bomb, 1);
    fact_set_int(facts, FACT_image_valid, 0);
}

static inline void image_publish_size(struct fact_set *facts, uint32_t width, uint32_t height, unsigned components)
{
    fact_set_int(facts, FACT_image_width, width);
    fact_set_int(facts, FACT_image_height, height);
    fact_set_int(facts, FACT_image_components, components);
    if ((uint64_t)width * height > IMAGE_PIXELS_MAX)
        image_refuse(facts);
    else if (!fact_int(facts, FACT_image_bomb))
        fact_set_int(facts, FACT_image_valid, 1);
}

static inline void image_publish(struct fact_set *facts, const char *coding, uint32_t width, uint32_t height,
                                 unsigned components)
{
    image_publish_size(facts, width, height, components);
    fact_set_int(facts, FACT_image_count, 1);
    fact_set_text(facts, FACT_image_coding, coding, strlen(coding));
}

static inline void image_publish_complete(struct fact_set *facts)
{
    fact_set_int(facts, FACT_image_complete, 1);
}

#endif
