/* Small tests on bytes that may be text. No state. */
#ifndef FACTS_TEXT_H
#define FACTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads as ASCII, UTF-8 or Latin text: no control characters but white space, and high bytes only as UTF-8
 * (a sequence cut at the end is allowed). */
bool text_is_plain(const uint8_t *data, size_t len);

#endif
