/* Digits of codings that many protocols and formats share: what each stands for, -1 for a character that is none. */
#ifndef DLP_DIGITS_H
#define DLP_DIGITS_H

#include <stddef.h>

static inline int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" stands for (or "=XX", with `mark` '='), `left` characters being there; -1: it is none. */
static inline int hex_escape(const char *text, size_t left, char mark)
{
    int high = left > 2 && text[0] == mark ? hex_digit(text[1]) : -1;
    int low = high >= 0 ? hex_digit(text[2]) : -1;
    return low >= 0 ? high << 4 | low : -1;
}

/* RFC 4648 4. */
static inline int base64_digit(int c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Of either alphabet: RFC 4648 5, the one for URLs and file names, has '-' and '_' for the last two. */
static inline int base64_any_digit(int c)
{
    return c == '-' ? 62 : c == '_' ? 63 : base64_digit(c);
}

#endif
