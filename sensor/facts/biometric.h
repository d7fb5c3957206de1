/* The facts every biometric recogniser sets, set the same way. No state. */
#ifndef FACTS_BIOMETRIC_H
#define FACTS_BIOMETRIC_H

#include "facts.h"

enum biometric_check {
    CHECK_HEADER = 1, /* magic, version and every field of the header */
    CHECK_VIEWS = 2,  /* each view or representation was walked */
    CHECK_LENGTH = 4, /* the walk ends where the record's length says, within 16 bytes */
    CHECK_IMAGE = 8,  /* the picture begins where the header says */
    CHECK_CHAIN = 16, /* records chain to the end (AN2K), or nested lengths agree (TLV) */
    CHECK_DIGITS = 32 /* check digits hold */
};

struct biometric {
    const char *kind;     /* "face" */
    const char *standard; /* "ISO/IEC 19794-5:2005" */
    const char *version;  /* "010"; "" when there is none */
    const char *image;    /* "jpeg"; "" when there is none */
    uint32_t records;
    unsigned checks;      /* bits of enum biometric_check */
};

/* Sets biometric_valid and its siblings. Called again when more is known. */
void biometric_publish(struct fact_set *facts, const struct biometric *biometric);
/* The version field of an ISO/INCITS record, trimmed, into text[4]. */
void biometric_version(const uint8_t field[4], char text[4]);
/* Is it a plausible version field: space or digit, two digits, NUL? */
bool biometric_is_version(const uint8_t field[4]);

#endif
