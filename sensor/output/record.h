/* One alert in the spool: framed, checked, self-contained. The same bytes stand in memory and on disk.
 *
 *      length u32 | crc32c u32 | number u64 | stored ms i64 | id 32 | incident 16 | severity u8 | update u8 |
 *      category length u8 | rule length u8 | category | rule | JSON
 *
 * Integers are little-endian; `length` counts what follows the checksum, and the checksum covers just that. */
#ifndef DLP_OUTPUT_RECORD_H
#define DLP_OUTPUT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "spool.h"

#define RECORD_ID_LEN 32
#define RECORD_INCIDENT_LEN 16
#define RECORD_HEAD (8 + 8 + 8 + RECORD_ID_LEN + RECORD_INCIDENT_LEN + 4)
#define RECORD_MAX (16u << 20)         /* a longer frame is damage */
#define RECORD_NUMBER_MAX (1ull << 62) /* and so is a larger number */

enum record_verdict {
    RECORD_GOOD,
    RECORD_SHORT,  /* the frame goes on beyond `len` */
    RECORD_BROKEN, /* its length is right, its checksum is not: the next frame can be read */
    RECORD_LOST    /* not a frame: nothing after it can be trusted */
};

size_t record_size(const struct event_doc *event);
/* Writes the frame to `out`, which has record_size() bytes. */
void record_write(uint8_t *out, const struct event_doc *event, uint64_t number, int64_t stored_ms);
/* `record->frame` is set for GOOD and BROKEN; the rest points into `data` and is set for GOOD only. */
enum record_verdict record_read(struct record *record, const uint8_t *data, size_t len);

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static inline uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void store_u64(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static inline void store_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

#endif
