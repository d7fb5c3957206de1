/* rsync to and from a daemon (rsync://): each file the sender transfers is an object, named by the sender's list.
 * Known by its greeting, on any port. The client's arguments say which side sends; from then on that side's stream
 * is read, out of its frames, and the other side's is not. A file of which the receiver had blocks has gaps. */
#include <stdlib.h>

#include "rsync.h"

#define PROTOCOL_MIN 27        /* of 2004 */
#define LINES_BYTES 8192       /* what one side says before its arguments or flags */
#define ARGUMENTS_BYTES (256u << 10)
#define FRAME_DATA 7 /* MPLEX_BASE; other tags are messages for the user */

static const char greeting[] = "@RSYNCD: ";

static enum app_probe rsync_probe(const struct app_probe_input *input)
{
    for (unsigned side = 0; side < 2; side++) {
        size_t n = input->len[side] < sizeof(greeting) - 1 ? input->len[side] : sizeof(greeting) - 1;
        if (n && memcmp(input->data[side], greeting, n) == 0)
            return n == sizeof(greeting) - 1 ? APP_YES : APP_MORE;
    }
    return APP_NO;
}

static void *rsync_shared_new(struct mem *mem)
{
    struct rsync_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort(); /* only at start */
    shared->heap = buffer_heap_new(mem, MEM_FLOW);
    return shared;
}

static void rsync_shared_free(void *user)
{
    struct rsync_shared *shared = user;
    buffer_heap_free(shared->heap);
    free(shared);
}

static bool rsync_open(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    rsync->previous = -1;
    rsync->previous_negative = 1;
    return true;
}

/* ---- numbers ---- */

/* How many bytes follow the first of a number, by that byte. */
static unsigned more_bytes(uint8_t first)
{
    static const uint8_t from[] = {0x80, 0xc0, 0xe0, 0xf0, 0xf8, 0xfc};
    unsigned more = 0;
    while (more < sizeof(from) && first >= from[more])
        more++;
    return more;
}

/* The first byte's rest is the highest part of the number, whose other bytes follow from the lowest up. */
static uint64_t number(struct cursor *c, unsigned least)
{
    uint8_t first = cursor_u8(c);
    unsigned more = more_bytes(first), low = least - 1 + more;
    const uint8_t *p = low <= 8 ? cursor_take(c, low) : cursor_take(c, SIZE_MAX);
    uint64_t value = more ? first & ((1u << (8 - more)) - 1) : first;
    if (!p)
        return 0;
    value = low < 8 ? value << (8 * low) : 0;
    for (unsigned i = 0; i < low; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

uint32_t rsync_varint(struct cursor *c)
{
    return (uint32_t)number(c, 1);
}

uint64_t rsync_varlong(struct cursor *c, unsigned least)
{
    return number(c, least);
}

uint64_t rsync_long30(const struct rsync *rsync, struct cursor *c, unsigned least)
{
    if (rsync->protocol >= 30 && least)
        return rsync_varlong(c, least);
    uint32_t value = cursor_le32(c);
    return value == UINT32_MAX ? cursor_le64(c) : value;
}

uint32_t rsync_int30(const struct rsync *rsync, struct cursor *c)
{
    return rsync->protocol >= 30 ? rsync_varint(c) : cursor_le32(c);
}

/* ---- before the frames ---- */

static void take_line(struct rsync *rsync, enum side side, struct text line)
{
    struct rsync_side *s = &rsync->side[side];
    if (line.len && line.data[line.len - 1] == '\r')
        line.len--;
    bool said = line.len > 9 && memcmp(line.data, greeting, 9) == 0;
    if (said && !rsync->version[side]) {
        for (size_t i = 9; i < line.len && i < 12 && line.data[i] >= '0' && line.data[i] <= '9'; i++)
            rsync->version[side] = rsync->version[side] * 10 + (unsigned)(line.data[i] - '0');
        unsigned other = rsync->version[!side];
        rsync->protocol = other && other < rsync->version[side] ? other : rsync->version[side];
    } else if (side == SIDE_CLIENT && !rsync->module_len) {
        rsync->module_len = (uint8_t)(line.len < sizeof(rsync->module) ? line.len : sizeof(rsync->module));
        memcpy(rsync->module, line.data, rsync->module_len);
    } else if (side == SIDE_SERVER && said && line.len == 11 && memcmp(line.data + 9, "OK", 2) == 0) {
        rsync->accepted = true;
        s->stage = rsync->protocol >= 30 ? RSYNC_COMPAT : RSYNC_SEED;
    }
}

/* The sender's stream is followed no further: what is left of it is one object, incomplete. */
static void nameless(struct app_session *session, enum side side)
{
    struct rsync *rsync = app_state(session);
    rsync_file_end(session, false);
    rsync->side[side].stage = rsync->side[!side].stage == RSYNC_LOST ? RSYNC_IGNORED : RSYNC_LOST;
    if (rsync->side[side].stage == RSYNC_LOST)
        rsync_file_begin(session, side, NULL);
}

/* It makes no sense, from the record that was not finished on. */
static void lose(struct app_session *session, enum side side)
{
    struct rsync *rsync = app_state(session);
    struct buffer *pending = &rsync->side[side].pending;
    nameless(session, side);
    if (rsync->side[side].stage == RSYNC_LOST && pending->len)
        rsync_file_bytes(session, pending->data, pending->len);
    pending->len = 0;
}

/* This side's part of the opening is over: its frames begin, or, of a sender, what they would hold. */
static void start(struct app_session *session, enum side side)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    const struct rsync_options *options = &rsync->options;
    bool sends = options->server_sends == (side == SIDE_SERVER);
    bool rules = options->prune || (options->delete && (!options->delete_excluded || rsync->protocol >= 29));
    s->muxed = side == SIDE_SERVER || rsync->protocol >= 30;
    s->stage = !sends ? RSYNC_IGNORED : side == SIDE_CLIENT && rules ? RSYNC_FILTER : RSYNC_LIST;
    rsync->coding = rsync_coding_agreed(rsync);
    if (sends && rsync->protocol < PROTOCOL_MIN)
        nameless(session, side);
    else if (s->stage == RSYNC_LIST)
        rsync_list_begin(session);
}

static void take_argument(struct app_session *session, struct text argument)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[SIDE_CLIENT];
    if (argument.len) {
        rsync_options_take(&rsync->options, argument);
    } else if (rsync->options.second_list && !s->strings) {
        s->strings = 1; /* the arguments that are protected from a shell */
    } else {
        s->strings = 0;
        s->stage = RSYNC_STRINGS;
    }
}

static void take_compat(struct rsync *rsync, struct cursor *c)
{
    uint32_t flags = rsync_varint(c);
    if (c->bad)
        return;
    rsync->compat_seen = true;
    rsync->incremental = flags & 1;
    rsync->safe_list = flags & 8 || rsync->protocol >= 31;
    rsync->xattr_optional = rsync->protocol >= 31 && !(flags & 16);
    rsync->varint_flags = flags & 128;
    rsync->id0_names = flags & 256;
    rsync->side[SIDE_SERVER].stage = RSYNC_STRINGS;
}

static void take_strings(const struct rsync *rsync, struct rsync_side *s, struct cursor *c)
{
    size_t len = cursor_u8(c);
    if (len & 0x80)
        len = (len & 0x7f) << 8 | cursor_u8(c);
    const uint8_t *names = cursor_take(c, len);
    if (!names)
        return;
    bool sums = !s->strings && !rsync->options.checksum_chosen;
    char *to = sums ? s->checksums : s->compressions;
    size_t room = (sums ? sizeof(s->checksums) : sizeof(s->compressions)) - 1;
    memcpy(to, names, len < room ? len : room);
    s->strings++;
}

/* Asked when the next bytes come: a client says nothing more until it knows the server's flags. */
static void end_strings(struct app_session *session, enum side side)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    if (s->stage != RSYNC_STRINGS || s->strings < rsync_strings_expected(rsync))
        return;
    if (side == SIDE_CLIENT)
        start(session, side);
    else
        s->stage = RSYNC_SEED;
}

static bool take_filter(struct app_session *session, struct rsync_side *s, struct cursor *c)
{
    uint32_t len = cursor_le32(c);
    if (c->bad)
        return true;
    s->stage = len ? RSYNC_SKIP : RSYNC_LIST;
    s->after = RSYNC_FILTER;
    s->left = len;
    if (!len)
        rsync_list_begin(session);
    return len < RSYNC_NAME_MAX + 64;
}

static bool take_text(struct app_session *session, enum side side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    if (s->stage == RSYNC_LINES && side == SIDE_CLIENT && rsync->accepted)
        s->stage = RSYNC_ARGUMENTS;
    uint8_t mark = s->stage == RSYNC_ARGUMENTS && (rsync->protocol >= 30 || s->strings) ? '\0' : '\n';
    const uint8_t *end = memchr(c->at, mark, cursor_left(c));
    if (!end) {
        c->bad = true;
        return true;
    }
    const struct text text = {(const char *)c->at, (size_t)(end - c->at)};
    cursor_skip(c, text.len + 1);
    s->text += (uint32_t)text.len + 1;
    if (s->text > (s->stage == RSYNC_ARGUMENTS ? ARGUMENTS_BYTES : LINES_BYTES))
        return false;
    if (s->stage == RSYNC_ARGUMENTS)
        take_argument(session, text);
    else
        take_line(rsync, side, text);
    return true;
}

/* ---- records ---- */

static bool record(struct app_session *session, enum side side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    switch (s->stage) {
    case RSYNC_LINES:
    case RSYNC_ARGUMENTS:
        return take_text(session, side, c);
    case RSYNC_COMPAT:
        take_compat(rsync, c);
        return true;
    case RSYNC_STRINGS:
        take_strings(rsync, s, c);
        return true;
    case RSYNC_SEED:
        if (cursor_skip(c, 4))
            start(session, side);
        return true;
    case RSYNC_FILTER:
        return take_filter(session, s, c);
    case RSYNC_LIST:
        return rsync_list_record(session, s, c);
    case RSYNC_IDS:
        return rsync_list_ids(session, s, c);
    case RSYNC_IO_ERROR:
        return rsync_list_error(session, s, c);
    default:
        return rsync_file_record(session, side, c);
    }
}

/* Bytes that are taken as they come; 0 when the stage wants a record. */
static size_t pass(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    size_t n = len < s->left ? len : s->left;
    switch (s->stage) {
    case RSYNC_IGNORED:
        return len;
    case RSYNC_LOST:
        rsync_file_bytes(session, data, len);
        return len;
    case RSYNC_LITERAL:
        rsync_file_bytes(session, data, n);
        break;
    case RSYNC_CHUNK:
        rsync_coding_chunk(session, data, n);
        break;
    case RSYNC_SKIP:
    case RSYNC_FAREWELL:
        break;
    default:
        return 0;
    }
    s->left -= (uint32_t)n;
    if (!s->left && s->stage == RSYNC_FAREWELL)
        nameless(session, side);
    else if (!s->left)
        s->stage = s->stage == RSYNC_SKIP ? s->after : RSYNC_TOKEN;
    return n;
}

/* One record, whose beginning may wait in `pending`, or what can be passed on. How many bytes were used. */
static size_t take(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    const struct rsync_shared *shared = app_shared(session, &app_rsync);
    size_t had = s->pending.len, n = pass(session, side, data, len);
    if (n)
        return n;
    n = len < RSYNC_RECORD_MAX - had ? len : RSYNC_RECORD_MAX - had;
    if (had && !buffer_append(shared->heap, &s->pending, data, n))
        n = 0;
    struct cursor c = had ? cursor_over(s->pending.data, s->pending.len) : cursor_over(data, n);
    const uint8_t *from = c.at;
    bool good = n && record(session, side, &c);
    if (good && !c.bad) {
        s->pending.len = 0;
        return (size_t)(c.at - from) - had;
    }
    if (good) /* its end is still to come */
        good = had ? s->pending.len < RSYNC_RECORD_MAX
                   : n < RSYNC_RECORD_MAX && buffer_append(shared->heap, &s->pending, data, n);
    if (good)
        return n;
    lose(session, side);
    return had ? n : 0; /* those that do not wait with the rest are passed on as what they are now */
}

/* ---- frames ---- */

static size_t take_frame_head(struct rsync_side *s, const uint8_t *data, size_t len)
{
    size_t n = 0;
    while (n < len && s->head_len < sizeof(s->head))
        s->head[s->head_len++] = data[n++];
    if (s->head_len == sizeof(s->head)) {
        s->frame_left = (uint32_t)s->head[0] | (uint32_t)s->head[1] << 8 | (uint32_t)s->head[2] << 16;
        s->frame_data = s->head[3] == FRAME_DATA;
        s->head_len = 0;
    }
    return n;
}

static void rsync_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    while (len) {
        size_t n = len;
        end_strings(session, side);
        if (s->stage == RSYNC_IGNORED) {
            return;
        } else if (!s->muxed) {
            n = take(session, side, data, len);
        } else if (!s->frame_left) {
            n = take_frame_head(s, data, len);
            if (s->frame_left && s->head[3] < FRAME_DATA) { /* no frame: where the next begins cannot be known */
                app_switch(session, &app_raw, len - n);
                return;
            }
        } else {
            n = len < s->frame_left ? len : s->frame_left;
            if (s->frame_data)
                n = take(session, side, data, n);
            s->frame_left -= (uint32_t)n;
        }
        data += n;
        len -= n;
    }
}

static void rsync_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    bool inside = !s->muxed || (s->frame_left >= len && s->frame_data);
    if (s->stage == RSYNC_IGNORED)
        return;
    if (s->stage < RSYNC_FILTER || (s->muxed && s->frame_left < len)) {
        app_switch(session, &app_raw, 0);
        return;
    }
    if (s->muxed)
        s->frame_left -= (uint32_t)len;
    if (!inside)
        return; /* of a message */
    if (s->stage == RSYNC_LITERAL && len <= s->left) {
        rsync_file_gap(session, len);
        s->left -= (uint32_t)len;
        s->stage = s->left ? RSYNC_LITERAL : RSYNC_TOKEN;
        return;
    }
    if (s->stage != RSYNC_LOST)
        lose(session, side);
    rsync_file_gap(session, len);
}

static void rsync_close(struct app_session *session)
{
    struct rsync *rsync = app_state(session);
    const struct rsync_shared *shared = app_shared(session, &app_rsync);
    rsync_file_end(session, false);
    rsync_coding_close(session);
    rsync_list_close(session);
    buffer_release(shared->heap, &rsync->side[0].pending);
    buffer_release(shared->heap, &rsync->side[1].pending);
}

const struct app_ops app_rsync = {
    .name = "rsync",
    .transports = APP_TCP,
    .state_size = sizeof(struct rsync),
    .probe = rsync_probe,
    .open = rsync_open,
    .data = rsync_data,
    .gap = rsync_gap,
    .rest = app_rest_as_it_is,
    .close = rsync_close,
    .shared_new = rsync_shared_new,
    .shared_free = rsync_shared_free,
};
