/* What the recognisers of coded text share. */
#ifndef FACTS_CODED_H
#define FACTS_CODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODED_HEAD 48 /* decoded bytes that must begin a known item */

/* These bytes are the first of something a typed recogniser knows. */
bool coded_is_known(const uint8_t head[CODED_HEAD]);

#endif
