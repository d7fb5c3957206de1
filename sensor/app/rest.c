/* Bytes that a decoder cannot read. See rest.h. */
#include "rest.h"

bool rest_data(struct app_session *session, struct rest *rest, enum side side, uint64_t tx, const uint8_t *data,
               size_t len)
{
    const struct object_sink *sink = app_objects(session);
    bool begins = len && !rest->asked && app_is_content(session, side);
    if (begins) {
        const struct object_info info = {
            .flow = app_flow(session),
            .sender = side,
            .expected_size = OBJECT_SIZE_UNKNOWN,
            .tx_id = tx,
            .time_ns = app_now(session),
        };
        rest->asked = true;
        rest->object = sink->begin(sink->user, &info);
    }
    if (rest->object)
        sink->data(sink->user, rest->object, data, len);
    return begins;
}

void rest_gap(struct app_session *session, struct rest *rest, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    if (rest->object)
        sink->gap(sink->user, rest->object, len);
}

void rest_end(struct app_session *session, struct rest *rest)
{
    const struct object_sink *sink = app_objects(session);
    if (rest->object)
        sink->end(sink->user, rest->object, OBJECT_TRUNCATED);
    *rest = (struct rest){NULL, false};
}
