/* Small tests on bytes that may be text. No state. */
#ifndef FACTS_TEXT_H
#define FACTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads as ASCII, UTF-8 or Latin text: no control characters but white space, and high bytes only as UTF-8
 * (a sequence cut at the end is allowed). */
bool text_is_plain(const uint8_t *data, size_t len);

/* ASCII letters and digits, without a call. */
static inline bool text_is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

static inline bool text_is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') < 10;
}

/* Recognisers of records in text are attached by short literals, which binary data holds by chance. The guard looks
 * at the bytes in blocks and says when a block is binary, so that such a recogniser gives up soon; at the same
 * borders it gives up when it has long met nothing of its own. A later literal attaches it again. */
#define TEXT_BLOCK 1024
#define TEXT_BINARY_MAX 64 /* control characters of a block, NUL aside; random bytes have twice as many */

struct text_guard {
    uint16_t seen, binary; /* of this block */
};

/* How many of `len` bytes belong to this block; counts the binary ones among them. */
size_t text_guard_take(struct text_guard *guard, const uint8_t *data, size_t len);
/* A block is full: was it binary? Begins the next one. */
bool text_guard_is_binary(struct text_guard *guard);
static inline bool text_guard_is_full(const struct text_guard *guard)
{
    return guard->seen == TEXT_BLOCK;
}

#endif
