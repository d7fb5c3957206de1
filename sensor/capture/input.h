/* The bytes of a capture file as they were before compression: a path or standard input, plain,
 * gzip or zstd, told apart by their first bytes and never by a name. One reader, one thread. */
#ifndef DLP_CAPTURE_INPUT_H
#define DLP_CAPTURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define INPUT_PEEK 64

struct input;

/* `path` is a file or "-". NULL on failure, with a whole sentence in `error`. */
struct input *input_open(const char *path, char *error, size_t error_len);
void input_close(struct input *input); /* NULL is allowed */

/* Up to INPUT_PEEK first bytes, without taking them; the count is lower only where the input ends.
 */
size_t input_peek(struct input *input, const uint8_t **bytes);

/* Takes up to `room` bytes; 0 at the end, and after damage, which input_failure() then names. */
size_t input_read(struct input *input, uint8_t *out, size_t room);
const char *input_failure(const struct input *input); /* NULL while all is well */
uint64_t input_offset(const struct input *input);     /* uncompressed bytes taken so far */

/* Bytes of the file itself: read so far, and in all (0 when unknown). */
void input_progress(const struct input *input, uint64_t *done, uint64_t *total);

/* The input as a stdio stream, for libpcap. Closing the stream leaves the input open. */
FILE *input_stdio(struct input *input);

#endif
