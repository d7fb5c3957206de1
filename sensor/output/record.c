/* Frames of the spool, written and read back. */
#include "record.h"

#include <string.h>

#include "crc32c.h"

size_t record_size(const struct event_doc *event)
{
    return RECORD_HEAD + strlen(event->category) + strlen(event->rule) + event->len;
}

static uint8_t *put(uint8_t *out, const void *data, size_t len)
{
    memcpy(out, data, len);
    return out + len;
}

void record_write(uint8_t *out, const struct event_doc *event, uint64_t number, int64_t stored_ms)
{
    size_t category = strlen(event->category), rule = strlen(event->rule), size = record_size(event);
    uint8_t *p = out + 8;
    _Static_assert(sizeof(event->category) <= 256 && sizeof(event->rule) <= 256, "lengths fit a byte");
    store_u64(p, number);
    store_u64(p + 8, (uint64_t)stored_ms);
    p = put(p + 16, event->id, RECORD_ID_LEN);
    p = put(p, event->incident, RECORD_INCIDENT_LEN);
    *p++ = event->severity;
    *p++ = event->update;
    *p++ = (uint8_t)category;
    *p++ = (uint8_t)rule;
    p = put(p, event->category, category);
    p = put(p, event->rule, rule);
    put(p, event->json, event->len);
    store_u32(out, (uint32_t)(size - 8));
    store_u32(out + 4, crc32c(out + 8, size - 8));
}

static struct bytes take(const uint8_t **p, size_t len)
{
    struct bytes bytes = {(const char *)*p, len};
    *p += len;
    return bytes;
}

enum record_verdict record_read(struct record *record, const uint8_t *data, size_t len)
{
    if (len < 8)
        return RECORD_SHORT;
    uint32_t inner = load_u32(data);
    if (inner < RECORD_HEAD - 8 || inner > RECORD_MAX)
        return RECORD_LOST;
    if (len - 8 < inner)
        return RECORD_SHORT;
    record->frame = 8 + (size_t)inner;
    if (crc32c(data + 8, inner) != load_u32(data + 4))
        return RECORD_BROKEN;
    const uint8_t *p = data + 8, *end = p + inner;
    record->number = load_u64(p);
    if (record->number > RECORD_NUMBER_MAX)
        return RECORD_BROKEN;
    record->stored_ms = (int64_t)load_u64(p + 8);
    p += 16;
    record->id = take(&p, RECORD_ID_LEN);
    record->incident = take(&p, RECORD_INCIDENT_LEN);
    record->severity = *p++;
    record->update = *p++;
    size_t category = *p++, rule = *p++;
    if (category + rule > (size_t)(end - p))
        return RECORD_BROKEN;
    record->category = take(&p, category);
    record->rule = take(&p, rule);
    record->json = take(&p, (size_t)(end - p));
    return RECORD_GOOD;
}
