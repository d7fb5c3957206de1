/* What a cell of a plate reader's export looks like. A plate shape alone is worth nothing: almost every short word of
 * capitals and digits is a plate somewhere. No state. */
#ifndef FACTS_PLATE_SHAPE_H
#define FACTS_PLATE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

/* 4 to 8 of A-Z 0-9, spaces and hyphens between them aside, with a digit. `mixed`: letters and digits both. */
bool plate_is_shape(const char *cell, size_t len, bool *mixed);
/* ISO 8601, MM/DD/YYYY hh:mm, DD.MM.YYYY hh:mm, or epoch seconds or milliseconds of the years 2011 to 2036. */
bool plate_is_time(const char *cell, size_t len);
/* Decimal degrees with four places at least, |x| <= 180. */
bool plate_is_degrees(const char *cell, size_t len);
/* Two capitals that are a state or province of the USA, Mexico or Canada. */
bool plate_is_state(const char *cell, size_t len);

enum plate_word { PLATE_WORD_NONE, PLATE_WORD_PLATE, PLATE_WORD_TIME, PLATE_WORD_PLACE, PLATE_WORD_READ };
/* What a column's head or a key says the values are: the plate, when, where, or how well it was read. Letters of
 * either case; '_', '-', '.' and spaces aside. */
enum plate_word plate_word(const char *word, size_t len);

#endif
