/* FTP's data connection: one file, from its first byte to its FIN, named by the command on the control connection.
 * One that goes on where an earlier one broke off (REST) is not whole; with what the earlier ones had, one object more
 * is. */
#include <string.h>

#include "expect.h"
#include "http.h"

#define SPARE_MAX (16u << 20) /* of a file that ended well, kept as it may not have been all of it */

struct ftp_data {
    struct expect_transfer transfer;
    struct upload_ref upload;
    uint64_t size;
    struct meta *meta;
    struct object *object[2];
    bool begun[2];
    bool late; /* bytes were lost before it was known what this is */
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
    ftp->late = app_flow(session)->gaps;
    ftp->meta = meta_new(app_meta_pool(session));
    meta_set(ftp->meta, META_FTP_DATA_COMMAND, ftp->transfer.command, strlen(ftp->transfer.command));
    meta_set(ftp->meta, META_FTP_DATA_FILENAME, ftp->transfer.name, ftp->transfer.name_len);
    return true;
}

/* ---- files that come in several connections ---- */

static struct uploads *uploads_of(struct app_session *session)
{
    return ((struct http_shared *)app_shared(session, &app_http))->uploads;
}

static void begin_piece(struct app_session *session, enum side side)
{
    struct ftp_data *ftp = app_state(session);
    struct uploads *uploads = uploads_of(session);
    const struct expect_transfer *transfer = &ftp->transfer;
    const struct ip_addr *peer = &app_flow(session)->addr[side_other(side)];
    if (!transfer->name_len || transfer->deflate || transfer->offset == UINT64_MAX)
        return;
    uint64_t key = upload_key(uploads, app_flow(session), side, (struct text){"ftp", 3},
                              (struct text){(const char *)peer->bytes, sizeof(peer->bytes)},
                              (struct text){transfer->name, transfer->name_len});
    struct upload *upload = upload_find(uploads, key);
    if (upload && !transfer->offset)
        upload_forget(uploads, upload);
    if (!transfer->offset)
        upload = upload_make(uploads, key, app_now(session));
    if (!upload)
        return;
    upload->spare = false;
    upload->last_ns = app_now(session);
    upload_set_name(upload, transfer->name, transfer->name_len);
    if (upload_open(uploads, upload, transfer->offset, 0))
        ftp->upload = upload_ref(uploads, upload);
}

static void end_piece(struct app_session *session, enum side side, bool whole)
{
    struct ftp_data *ftp = app_state(session);
    struct upload *upload = upload_of(uploads_of(session), &ftp->upload);
    ftp->upload.active = false;
    if (!upload || !whole)
        return;
    upload->total = ftp->transfer.offset + ftp->size;
    upload->spare = true;
    if (ftp->transfer.offset && upload_is_complete(upload))
        upload_join(session, uploads_of(session), side, upload, ftp->meta, 0);
    else if (upload->bytes > SPARE_MAX)
        upload_forget(uploads_of(session), upload);
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
    begin_piece(session, side);
    return ftp->object[side];
}

static void ftp_data_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct object *object = object_of(session, side);
    if (object)
        sink->data(sink->user, object, data, len);
    struct ftp_data *ftp = app_state(session);
    struct upload *upload = upload_of(uploads_of(session), &ftp->upload);
    ftp->size += len;
    if (upload)
        ftp->upload.active = upload_data(uploads_of(session), upload, ftp->transfer.offset, data, len);
}

static void ftp_data_gap(struct app_session *session, enum side side, uint64_t len)
{
    const struct object_sink *sink = app_objects(session);
    struct object *object = object_of(session, side);
    ((struct ftp_data *)app_state(session))->upload.active = false; /* what follows has lost its place */
    if (object)
        sink->gap(sink->user, object, len);
}

static void finish(struct app_session *session, enum side side, bool whole)
{
    const struct object_sink *sink = app_objects(session);
    struct ftp_data *ftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_ftp);
    whole = whole && !ftp->late && !app_flow(session)->midstream && !expect_failed(table, app_flow(session));
    bool all = whole && !ftp->transfer.offset;
    if (ftp->object[side])
        sink->end(sink->user, ftp->object[side], all ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    if (ftp->begun[side])
        end_piece(session, side, whole);
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
