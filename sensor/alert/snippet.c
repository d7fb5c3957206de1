/* Matched bytes as an alert shows them. Masked, a snippet tells what kind of thing matched and not what it
 * said: the sensor's own alerts must not become the trove it guards. */
#include <string.h>

#include "document.h"

#define SNIPPET_BYTES 64
#define SHOWN_BYTES 5 /* of a masked snippet, at most a quarter of it */

static char printable(uint8_t c)
{
    return c >= 0x20 && c < 0x7f ? (char)c : '.';
}

void document_snippet(struct alerter *a, const struct object *object, const struct match_string *string)
{
    char text[SNIPPET_BYTES];
    if (a->params.snippet == SNIPPET_NONE || !object || string->offset < object->bytes_at)
        return;
    uint64_t at = string->offset - object->bytes_at;
    if (at >= object->bytes.len)
        return;
    size_t len = object->bytes.len - (size_t)at;
    if (len > string->length)
        len = string->length;
    size_t shown = len / 4 < SHOWN_BYTES ? len / 4 : SHOWN_BYTES;
    if (len > SNIPPET_BYTES)
        len = SNIPPET_BYTES;
    for (size_t i = 0; i < len; i++) {
        text[i] = printable(object->bytes.data[at + i]);
        if (a->params.snippet == SNIPPET_MASKED && i >= shown && text[i] != '.')
            text[i] = '*';
    }
    json_bytes(&a->json, "snippet", text, len);
}
