/* TFTP (RFC 1350, options RFC 2347 to 2349, windows RFC 7440). A request goes to the well-known
 * port; the server answers from another, so the transfer is a flow of its own, expected under the
 * client's address and port. Blocks that come again are dropped, missing ones are gaps; a block
 * shorter than the others is the last. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "cursor.h"
#include "expect.h"

enum { TFTP_READ = 1, TFTP_WRITE = 2, TFTP_DATA = 3, TFTP_ACK = 4, TFTP_ERROR = 5, TFTP_OPTIONS = 6 };

#define BLOCK_DEFAULT 512
#define AHEAD_MAX 4096 /* a block further ahead than this is an old one */

struct tftp {
    struct expect_transfer transfer;
    struct object *object;
    enum side sender;
    bool begun, done, agreed; /* agreed: an OACK named the block size */
    uint16_t last;            /* number of the last block taken */
    uint16_t block_size;
};

static void *tftp_shared_new(struct mem *mem)
{
    return expect_table_new(mem);
}

static void tftp_shared_free(void *shared)
{
    expect_table_free(shared);
}

static struct text zero_text(struct cursor *c)
{
    const uint8_t *begin = c->at;
    const uint8_t *end = c->bad ? NULL : memchr(begin, 0, cursor_left(c));
    if (!end || !cursor_skip(c, (size_t)(end - begin) + 1)) {
        c->bad = true;
        return (struct text){NULL, 0};
    }
    return (struct text){(const char *)begin, (size_t)(end - begin)};
}

static bool text_is(struct text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* The value of option blksize among name and value pairs, 0 when absent. */
static uint16_t block_option(struct cursor *c)
{
    while (cursor_left(c)) {
        struct text name = zero_text(c), value = zero_text(c);
        if (c->bad)
            break;
        unsigned size = 0;
        for (size_t i = 0; i < value.len && value.data[i] >= '0' && value.data[i] <= '9' && size < 65536; i++)
            size = size * 10 + (unsigned)(value.data[i] - '0');
        if (text_is(name, "blksize") && size >= 8 && size <= 65464)
            return (uint16_t)size;
    }
    return 0;
}

static bool read_request(const uint8_t *data, size_t len, struct expect_transfer *transfer)
{
    struct cursor c = cursor_over(data, len);
    uint16_t operation = cursor_be16(&c);
    struct text path = zero_text(&c), mode = zero_text(&c);
    if (c.bad || (operation != TFTP_READ && operation != TFTP_WRITE) || !path.len ||
        !(text_is(mode, "octet") || text_is(mode, "netascii") || text_is(mode, "mail")))
        return false;
    size_t name = path.len;
    while (name && path.data[name - 1] != '/' && path.data[name - 1] != '\\')
        name--;
    memset(transfer, 0, sizeof(*transfer));
    memcpy(transfer->command, operation == TFTP_READ ? "RRQ" : "WRQ", 3);
    transfer->name_len = (uint16_t)(path.len - name < EXPECT_NAME_MAX ? path.len - name : EXPECT_NAME_MAX);
    memcpy(transfer->name, path.data + name, transfer->name_len);
    transfer->block_size = block_option(&c);
    return true;
}

static enum app_probe tftp_probe(const struct app_probe_input *input)
{
    struct expect_table *table = app_shared(input->session, &app_tftp);
    struct expect_transfer transfer;
    for (unsigned side = 0; side < 2; side++) {
        const uint8_t *data = input->data[side];
        size_t len = input->len[side];
        if (len < 4 || data[0] != 0)
            continue;
        if (read_request(data, len, &transfer))
            return APP_YES;
        if (data[1] >= TFTP_DATA && data[1] <= TFTP_OPTIONS && expect_matches(table, input->flow))
            return APP_YES;
    }
    return APP_NO;
}

static bool tftp_open(struct app_session *session)
{
    struct tftp *tftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_tftp);
    tftp->block_size = BLOCK_DEFAULT;
    expect_take(table, app_flow(session), &tftp->transfer);
    return true;
}

static void begin(struct app_session *session, enum side side, size_t first)
{
    struct tftp *tftp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .name = {tftp->transfer.name, tftp->transfer.name_len},
        .expected_size = OBJECT_SIZE_UNKNOWN,
        .time_ns = app_now(session),
    };
    tftp->begun = true;
    tftp->sender = side;
    if (!tftp->agreed && tftp->transfer.block_size == first)
        tftp->block_size = tftp->transfer.block_size; /* the answer that agreed to it was not seen */
    if (app_is_content(session, side))
        tftp->object = sink->begin(sink->user, &info);
}

static void finish(struct app_session *session, enum object_state state)
{
    struct tftp *tftp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    if (tftp->object)
        sink->end(sink->user, tftp->object, state);
    tftp->object = NULL;
}

static void take_block(struct app_session *session, enum side side, uint16_t number, const uint8_t *data, size_t len)
{
    struct tftp *tftp = app_state(session);
    const struct object_sink *sink = app_objects(session);
    if (tftp->done || (tftp->begun && side != tftp->sender))
        return;
    if (!tftp->begun)
        begin(session, side, len + app_datagram_cut(session));
    uint16_t ahead = (uint16_t)(number - tftp->last);
    if (ahead == 0 || ahead > AHEAD_MAX)
        return; /* again */
    if (ahead > 1 && tftp->object)
        sink->gap(sink->user, tftp->object, (uint64_t)(ahead - 1) * tftp->block_size);
    tftp->last = number;
    if (len && tftp->object)
        sink->data(sink->user, tftp->object, data, len);
    uint32_t cut = app_datagram_cut(session);
    if (cut && tftp->object)
        sink->gap(sink->user, tftp->object, cut);
    if (len + cut < tftp->block_size) {
        tftp->done = true;
        finish(session, OBJECT_CLOSED);
    }
}

static void tftp_datagram(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct tftp *tftp = app_state(session);
    struct expect_table *table = app_shared(session, &app_tftp);
    const struct flow *flow = app_flow(session);
    struct expect_transfer transfer;
    if (read_request(data, len, &transfer)) {
        finish(session, OBJECT_TRUNCATED);
        memset(tftp, 0, sizeof(*tftp));
        tftp->block_size = BLOCK_DEFAULT;
        tftp->transfer = transfer; /* some servers stay on the port they were asked on */
        expect_announce(table, &flow->addr[side], flow->port[side], app_now(session));
        expect_describe(table, &flow->addr[side], flow->port[side], &transfer);
        return;
    }
    struct cursor c = cursor_over(data, len);
    switch (cursor_be16(&c)) {
    case TFTP_OPTIONS: {
        uint16_t size = block_option(&c);
        if (size && !tftp->begun) {
            tftp->block_size = size;
            tftp->agreed = true;
        }
        break;
    }
    case TFTP_DATA: {
        uint16_t number = cursor_be16(&c);
        if (!c.bad)
            take_block(session, side, number, c.at, cursor_left(&c));
        break;
    }
    default:
        break;
    }
}

static bool tftp_rest(struct app_session *session)
{
    struct tftp *tftp = app_state(session);
    expect_transfer_rest(&tftp->transfer);
    return true;
}

static void tftp_close(struct app_session *session)
{
    finish(session, OBJECT_TRUNCATED);
}

const struct app_ops app_tftp = {
    .name = "tftp",
    .transports = APP_UDP,
    .state_size = sizeof(struct tftp),
    .probe = tftp_probe,
    .open = tftp_open,
    .datagram = tftp_datagram,
    .rest = tftp_rest,
    .close = tftp_close,
    .shared_new = tftp_shared_new,
    .shared_free = tftp_shared_free,
};
