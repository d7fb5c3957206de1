/* Bytes that a decoder cannot read. See unread.h. */
#include "unread.h"

bool unread_data(struct app_session *session, struct unread *unread, enum side side, uint64_t tx, const uint8_t *data,
               size_t len)
{
    const struct object_sink *sink = app_objects(session);
    bool begins = len && !unread->asked && app_is_content(session, side);
    if (begins) {
        const struct object_info info = {
            .flow = app_flow(session),
            .sender = side,
            .expected_size = OBJECT_SIZE_UNKNOWN,
            .tx_id = tx,
            .time_ns = app_now(session),
        };
        unread->asked = true;
        unread->object = sink->begin(sink->user, &info);
    }
    if (unread->object)
        sink->data(sink->user, unread->object, data, len);
    return begins;
}

void unread_gap(struct app_session *session, struct unread *unread, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (unread->object)
        sink->gap(sink->user, unread->object, len);
}

void unread_end(struct app_session *session, struct unread *unread)
{
    const struct object_sink *sink = app_objects(session);
    if (unread->object)
        sink->end(sink->user, unread->object, OBJECT_TRUNCATED);
    *unread = (struct unread){NULL, false};
}
