/* The lines of a uuencoded file (POSIX uuencode), of its base64 form ("begin-base64") and of xxencode,
 * which is the same with another alphabet. No state: who reads lines asks about each. */
#ifndef DLP_UUENCODE_H
#define DLP_UUENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meta.h"

#define UU_DECODED_MAX 96 /* bytes one line holds at most */

enum uu_form {
    UU_UNDECIDED, /* uuencode or xxencode: the first coded line tells */
    UU_CLASSIC,
    UU_XX,
    UU_BASE64,
};

/* "begin 644 name" or "begin-base64 644 name": *form is UU_UNDECIDED or UU_BASE64. Lines come without their ends. */
bool uu_begin(const char *line, size_t len, enum uu_form *form, struct text *name);
bool uu_end(enum uu_form form, const char *line, size_t len);
/* Which of the two forms a first coded line has; UU_UNDECIDED: it is none, or as empty as the line before the end. */
enum uu_form uu_form_of(const char *line, size_t len);
/* Could this be a coded line? Trailing spaces, which mean zeros, are lost on the way through mail. */
bool uu_is_coded(enum uu_form form, const char *line, size_t len);
/* Decodes such a line; returns the bytes put to `out`. */
size_t uu_decode(enum uu_form form, const char *line, size_t len, uint8_t out[UU_DECODED_MAX]);

#endif
