/* FTP's data connection: one file, from its first byte to its FIN, named by the command on the control connection. */
#include <string.h>

#include "expect.h"

struct ftp_data {
    struct expect_transfer transfer;
    struct meta *meta;
    struct object *object[2];
    bool begun[2];
};

static enum app_probe ftp_data_probe(const struct app_probe_input *input)
{
    struct expect_table *table = app_shared(input->session, &app_ftp);
    return expect_matches(table, input->flow) ? APP_YES : APP_NO;
}

static bool ftp_data_open(struct app_session *session)
{
    struct ftp_data *ftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_ftp);
    expect_take(table, app_flow(session), &ftp->transfer);
    ftp->meta = meta_new(app_meta_pool(session));
    meta_set(ftp->meta, META_FTP_DATA_COMMAND, ftp->transfer.command, strlen(ftp->transfer.command));
    meta_set(ftp->meta, META_FTP_DATA_FILENAME, ftp->transfer.name, ftp->transfer.name_len);
    return true;
}

static struct object *object_of(struct app_session *session, enum side side)
{
    struct ftp_data *ftp = app_state(session);
    if (ftp->begun[side] || !app_is_content(session, side))
        return ftp->object[side];
    const struct object_sink *sink = app_objects(session);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = ftp->meta,
        .name = {ftp->transfer.name, ftp->transfer.name_len},
        .encoding = {"deflate", ftp->transfer.deflate ? 7 : 0},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .time_ns = app_now(session),
    };
    ftp->begun[side] = true;
    ftp->object[side] = sink->begin(sink->user, &info);
    return ftp->object[side];
}

static void ftp_data_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct object *object = object_of(session, side);
    if (object)
        sink->data(sink->user, object, data, len);
}

static void ftp_data_gap(struct app_session *session, enum side side, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct object *object = object_of(session, side);
    if (object)
        sink->gap(sink->user, object, len);
}

static void finish(struct app_session *session, enum side side, bool whole)
{
    const struct object_sink *sink = app_objects(session);
    struct ftp_data *ftp = app_state(session);
    bool all = whole && !ftp->transfer.partial && !app_flow(session)->midstream;
    if (ftp->object[side])
        sink->end(sink->user, ftp->object[side], all ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    ftp->object[side] = NULL;
}

static void ftp_data_end(struct app_session *session, enum side side, enum stream_end how)
{
    finish(session, side, how == STREAM_FIN);
}

static bool ftp_data_rest(struct app_session *session)
{
    struct ftp_data *ftp = app_state(session);
    expect_transfer_rest(&ftp->transfer);
    return true;
}

static void ftp_data_close(struct app_session *session)
{
    struct ftp_data *ftp = app_state(session);
    finish(session, SIDE_CLIENT, false);
    finish(session, SIDE_SERVER, false);
    meta_drop(app_meta_pool(session), ftp->meta);
}

const struct app_ops app_ftp_data = {
    .name = "ftp-data",
    .transports = APP_TCP,
    .state_size = sizeof(struct ftp_data),
    .probe = ftp_data_probe,
    .open = ftp_data_open,
    .data = ftp_data_data,
    .gap = ftp_data_gap,
    .end = ftp_data_end,
    .rest = ftp_data_rest,
    .close = ftp_data_close,
};
