/* The facts every image recogniser sets, set the same way. No state. */
#ifndef FACTS_IMAGE_H
#define FACTS_IMAGE_H

#include <string.h>

#include "facts.h"

static inline void image_publish(struct fact_set *facts, const char *coding, uint32_t width, uint32_t height,
                                 unsigned components)
{
    fact_set_int(facts, FACT_image_valid, 1);
    fact_set_int(facts, FACT_image_width, width);
    fact_set_int(facts, FACT_image_height, height);
    fact_set_int(facts, FACT_image_components, components);
    fact_set_int(facts, FACT_image_count, 1);
    fact_set_text(facts, FACT_image_coding, coding, strlen(coding));
}

static inline void image_publish_complete(struct fact_set *facts)
{
    fact_set_int(facts, FACT_image_complete, 1);
}

#endif
