/* Machine-readable zones (ICAO Doc 9303 parts 3 to 7), already reduced to the alphabet A-Z 0-9 '<'. No state. */
#ifndef FACTS_MRZ_CHECK_H
#define FACTS_MRZ_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum mrz_kind { MRZ_NONE, MRZ_TD3, MRZ_TD2, MRZ_TD1, MRZ_VISA_A, MRZ_VISA_B };

/* The kind of document, when every check digit holds and the fields are plausible. `text` is all lines, one
 * behind the other: 88 characters (TD3, MRV-A), 72 (TD2, MRV-B) or 90 (TD1). */
enum mrz_kind mrz_check(const char *text, size_t len);

#endif
