/* The other reading of a side whose copies differ goes through the decoders as the first does, in a session of its own.
 * Its bytes were booked with the copies they came in, so nothing is booked here. Where the stream has no other reading
 * to give, the copies make one object, so that what is whole in them is found. */
#include "session.h"

#define LOOSE_MAX (256u * 1024) /* bytes of such copies inspected, each side */
#define LOOSE_TX UINT32_MAX     /* transaction number of their object */

static struct other_reading *reading_of(struct app_session *session, enum side side)
{
    struct apps *apps = session->apps;
    struct other_reading *reading = session->other[side];
    if (!reading && (reading = apps_take(apps, apps->others))) {
        reading->session = (struct app_session){.apps = apps, .flow = session->flow, .main = session, .stopped = true};
        session->other[side] = reading;
    }
    return reading;
}

/* Makes the reading's session the current one; NULL when there is none at work. */
static struct app_session *enter(struct apps *apps, struct flow *flow, enum side side, struct app_session **before)
{
    struct app_session *session = flow->app; /* awake while it has another reading */
    struct other_reading *reading = session && !fold_is(session) ? session->other[side] : NULL;
    if (!reading || reading->session.stopped)
        return NULL;
    *before = apps->current;
    return apps->current = &reading->session;
}

static void close_reading(struct other_reading *reading)
{
    struct apps *apps = reading->session.apps;
    struct app_session *before = apps->current, *main = reading->session.main;
    apps->current = &reading->session;
    session_close(&reading->session);
    apps->current = before;
    reading->session = (struct app_session){.apps = apps, .flow = main->flow, .main = main, .stopped = true};
}

static void on_begin(void *user, struct flow *flow, enum side side)
{
    struct apps *apps = user;
    struct app_session *session = session_of(apps, flow);
    struct other_reading *reading = session && !session->stopped ? reading_of(session, side) : NULL;
    if (!reading)
        return;
    if (!reading->session.stopped)
        close_reading(reading); /* of an earlier message: the stream gave it up */
    reading->session.stopped = false;
}

static void on_data(void *user, struct flow *flow, enum side side, const uint8_t *data, size_t len)
{
    struct apps *apps = user;
    struct app_session *before, *session = enter(apps, flow, side, &before);
    if (!session)
        return;
    session_data(session, side, data, len);
    apps->current = before;
}

static void on_gap(void *user, struct flow *flow, enum side side, uint64_t len)
{
    struct apps *apps = user;
    struct app_session *before, *session = enter(apps, flow, side, &before);
    if (!session)
        return;
    session_gap(session, side, len);
    apps->current = before;
}

static void on_end(void *user, struct flow *flow, enum side side, enum stream_end how)
{
    struct apps *apps = user;
    struct app_session *before, *session = enter(apps, flow, side, &before);
    if (!session)
        return;
    session_end(session, side, how);
    apps->current = before;
}

static void on_conflict(void *user, struct flow *flow, enum side side, uint64_t offset, const uint8_t *data,
                        size_t len)
{
    struct apps *apps = user;
    struct app_session *session = flow->content[side] && !flow->opaque ? session_of(apps, flow) : NULL;
    struct other_reading *reading = session ? reading_of(session, side) : NULL;
    size_t room = reading ? LOOSE_MAX - reading->loose_bytes : 0;
    (void)offset;
    if (len > room && flow->content[side] && !flow->opaque) { /* the caller books all of them as inspected */
        fate_move(apps->counters, FATE_INSPECTED, FATE_DUPLICATE, len - room);
        len = room;
    }
    if (!reading || !len)
        return;
    struct app_session *before = apps->current;
    apps->current = &reading->session;
    if (!reading->loose_bytes) {
        const struct object_info info = {.flow = flow,
                                         .sender = side,
                                         .meta = session->meta,
                                         .expected_size = OBJECT_SIZE_UNKNOWN,
                                         .tx_id = LOOSE_TX,
                                         .time_ns = app_now(session)};
        reading->loose = apps->counting.begin(apps->counting.user, &info);
    }
    reading->loose_bytes += (uint32_t)len;
    apps->counting.data(apps->counting.user, reading->loose, data, len);
    apps->current = before;
}

void other_readings(struct stream_sink *sink)
{
    sink->conflict = on_conflict;
    sink->other_begin = on_begin;
    sink->other_data = on_data;
    sink->other_gap = on_gap;
    sink->other_end = on_end;
}

void other_readings_close(struct app_session *session)
{
    struct apps *apps = session->apps;
    for (unsigned side = 0; side < 2; side++) {
        struct other_reading *reading = session->other[side];
        if (!reading)
            continue;
        close_reading(reading);
        struct app_session *before = apps->current;
        apps->current = &reading->session;
        apps->counting.end(apps->counting.user, reading->loose, OBJECT_TRUNCATED);
        apps->current = before;
        pool_put(apps->others, reading);
        session->other[side] = NULL;
    }
}
