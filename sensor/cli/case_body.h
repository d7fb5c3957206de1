/* The bytes of a case, piece after piece:
 *
 *     file NAME            a file, beside the case's own
 *     text WORDS           the words and a line feed
 *     hex 4A 46 49 46      bytes
 *     base64 SkZJRg==      bytes
 *     zeros N, noise N     N bytes; the noise is the same every time
 *     scan N               N bytes as they stand in a JPEG behind its headers
 *     jpeg WxH [BYTES]     a JPEG of that many pixels and about that many bytes
 */
#ifndef DLP_CLI_CASE_BODY_H
#define DLP_CLI_CASE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASE_BODY_MAX (64u << 20)

struct case_body {
    uint8_t *data;
    size_t len, room;
};

/* False, with a sentence in `error`, when `word` is no maker of bytes or cannot do what `rest` says. */
bool case_body_add(struct case_body *body, const char *folder, const char *word, const char *rest, char *error,
                   size_t error_len);
void case_body_free(struct case_body *body);

#endif
