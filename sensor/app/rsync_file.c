/* rsync's transfers: the sender names a file by its index, repeats the head of the receiver's block sums, and sends
 * literal bytes and numbers of blocks the receiver has. A file sent whole has no such block. */
#include "rsync.h"

enum { INDEX_DONE = -1, INDEX_LISTS_END = -2, INDEX_DELETED = -3, INDEX_LIST = -101 };
enum {
    ITEM_XATTR = 1 << 8,
    ITEM_BASIS = 1 << 11,
    ITEM_OTHER_NAME = 1 << 12,
    ITEM_LOCAL_CHANGE = 1 << 14,
    ITEM_TRANSFER = 1 << 15,
};
enum { FLAG_END = 0, FLAG_LONG = 0x20, FLAG_LONG_RUN = 0x21, FLAG_CHUNK = 0x40, FLAG_BLOCK = 0x80, FLAG_RUN = 0xc0 };

#define LITERAL_MAX (32u << 10)  /* CHUNK_SIZE */
#define FAREWELL_MAX 4096
#define BLOCK_MAX (512u << 20)   /* of protocols before 30 */

/* ---- the object ---- */

void rsync_file_begin(struct app_session *session, enum side side, const struct rsync_entry *entry)
{
    struct rsync *rsync = app_state(session);
    const struct object_sink *sink = app_objects(session);
    struct text path = {NULL, 0};
    rsync->written = 0;
    rsync->missing = false;
    rsync->size = entry ? entry->size : OBJECT_SIZE_UNKNOWN;
    if (entry)
        path = (struct text){(const char *)rsync->list.names.data + entry->name, entry->name_len};
    if (!app_is_content(session, side))
        return;
    size_t name = path.len;
    while (name && path.data[name - 1] != '/')
        name--;
    rsync->meta = meta_new(app_meta_pool(session));
    meta_set(rsync->meta, META_RSYNC_MODULE, rsync->module, rsync->module_len);
    meta_set(rsync->meta, META_RSYNC_FILENAME, path.data, path.len);
    const struct object_info info = {
        .flow = app_flow(session),
        .sender = side,
        .meta = rsync->meta,
        .name = {path.data ? path.data + name : NULL, path.len - name},
        .expected_size = rsync->size,
        .tx_id = rsync->transfers++,
        .time_ns = app_now(session),
    };
    rsync->object = sink->begin(sink->user, &info);
}

void rsync_file_bytes(struct app_session *session, const uint8_t *data, size_t len)
{
    struct rsync *rsync = app_state(session);
    const struct object_sink *sink = app_objects(session);
    rsync->written += len;
    if (rsync->object)
        sink->data(sink->user, rsync->object, data, len);
}

void rsync_file_gap(struct app_session *session, uint64_t len)
{
    struct rsync *rsync = app_state(session);
    const struct object_sink *sink = app_objects(session);
    rsync->missing = true;
    rsync->written += len;
    if (rsync->object)
        sink->gap(sink->user, rsync->object, len);
}

void rsync_file_end(struct app_session *session, bool whole)
{
    struct rsync *rsync = app_state(session);
    const struct object_sink *sink = app_objects(session);
    whole = whole && !rsync->missing && (rsync->size == OBJECT_SIZE_UNKNOWN || rsync->size == rsync->written);
    if (rsync->object)
        sink->end(sink->user, rsync->object, whole ? OBJECT_CLOSED : OBJECT_TRUNCATED);
    rsync->object = NULL;
    meta_drop(app_meta_pool(session), rsync->meta);
    rsync->meta = NULL;
}

/* ---- which file ---- */

/* One byte is added to the index before; larger steps, and negative numbers, have a mark. */
static int32_t read_index(struct rsync *rsync, struct cursor *c)
{
    int32_t *previous = &rsync->previous;
    uint8_t byte = rsync->protocol < 30 ? 0 : cursor_u8(c);
    if (rsync->protocol < 30)
        return (int32_t)cursor_le32(c);
    if (!byte)
        return INDEX_DONE;
    if (byte == 0xff) {
        previous = &rsync->previous_negative;
        byte = cursor_u8(c);
    }
    uint32_t number = (uint32_t)*previous + byte;
    if (byte == 0xfe) {
        uint32_t high = cursor_u8(c), low = cursor_u8(c);
        number = (uint32_t)*previous + (high << 8 | low);
        if (high & 0x80)
            number = (high & 0x7f) << 24 | (uint32_t)cursor_le16(c) << 8 | low;
    }
    if (c->bad)
        return 0;
    *previous = (int32_t)(number & INT32_MAX);
    return previous == &rsync->previous ? *previous : -*previous;
}

static bool phase_done(struct rsync *rsync, struct rsync_side *side)
{
    uint32_t phases = rsync->protocol >= 29 ? 3 : 2;
    rsync->done++;
    if (rsync->incremental)
        phases += rsync->list.lists - 1; /* each list but the last is let go by itself */
    if (rsync->done < phases || (rsync->incremental && !rsync->list_ended))
        return true;
    side->stage = RSYNC_FAREWELL;
    side->left = FAREWELL_MAX;
    return true;
}

static void skip_name(struct cursor *c)
{
    size_t len = cursor_u8(c);
    if (len & 0x80)
        len = (len & 0x7f) << 8 | cursor_u8(c);
    cursor_skip(c, len);
}

static enum rsync_stage stage_of_transfer(const struct rsync *rsync)
{
    bool transfer = rsync->attributes & ITEM_TRANSFER && !rsync->options.dry_run;
    return transfer ? RSYNC_SUM_HEAD : RSYNC_INDEX;
}

static bool take_index(struct rsync *rsync, struct rsync_side *side, struct cursor *c)
{
    const int32_t previous = rsync->previous, negative = rsync->previous_negative;
    int32_t index = read_index(rsync, c);
    uint16_t attributes = ITEM_TRANSFER;
    if (index == INDEX_DELETED) {
        for (unsigned i = 0; i < 5; i++)
            rsync_varint(c);
    } else if (index >= 0 && rsync->protocol >= 29) {
        attributes = cursor_le16(c);
        if (attributes & ITEM_BASIS)
            cursor_skip(c, 1);
        if (attributes & ITEM_OTHER_NAME)
            skip_name(c);
    }
    if (c->bad) {
        rsync->previous = previous;
        rsync->previous_negative = negative;
        return true;
    }
    if (index == INDEX_DONE)
        return phase_done(rsync, side);
    if (index == INDEX_DELETED)
        return true;
    if (index == INDEX_LISTS_END) {
        rsync->list_ended = true;
        return true;
    }
    if (index < 0) { /* the list of a directory */
        side->stage = RSYNC_LIST;
        return index <= INDEX_LIST && rsync->incremental;
    }
    rsync->index = (uint32_t)index;
    rsync->attributes = attributes;
    bool local = rsync->xattr_optional && attributes & ITEM_OTHER_NAME && attributes & ITEM_LOCAL_CHANGE;
    side->stage = stage_of_transfer(rsync);
    if (rsync->options.xattrs && attributes & ITEM_XATTR && !rsync->options.dry_run && !local)
        side->stage = RSYNC_XATTRS;
    return true;
}

/* Attributes too long for the list: which, how long, and the bytes. */
static void take_xattr(const struct rsync *rsync, struct rsync_side *side, struct cursor *c)
{
    uint32_t number = rsync_varint(c);
    uint32_t len = number ? rsync_varint(c) : 0;
    if (c->bad)
        return;
    side->stage = number ? RSYNC_SKIP : stage_of_transfer(rsync);
    side->after = RSYNC_XATTRS;
    side->left = len;
}

static bool take_sum_head(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    uint32_t blocks = cursor_le32(c), block = cursor_le32(c), sum = cursor_le32(c), last = cursor_le32(c);
    if (c->bad)
        return true;
    if (blocks > INT32_MAX || block > BLOCK_MAX || sum > 64 || last > block)
        return false;
    rsync->blocks = blocks;
    rsync->block_len = block;
    rsync->last_len = last;
    rsync->sum_len = rsync_sum_length(rsync, false);
    rsync_coding_next_file(session);
    rsync_file_begin(session, side == &rsync->side[SIDE_CLIENT] ? SIDE_CLIENT : SIDE_SERVER,
                     rsync_list_find(rsync, rsync->index));
    side->stage = RSYNC_TOKEN;
    side->after = RSYNC_TOKEN;
    rsync->run = false;
    rsync->block = 0;
    return true;
}

/* ---- its bytes ---- */

static bool take_end(struct app_session *session, struct rsync_side *side)
{
    struct rsync *rsync = app_state(session);
    rsync_file_end(session, true);
    side->stage = RSYNC_SKIP;
    side->after = RSYNC_INDEX;
    side->left = rsync->sum_len;
    return true;
}

/* Blocks from `number` on, which the receiver copies from the file it has. */
static bool take_blocks(struct app_session *session, uint32_t number, uint32_t count)
{
    struct rsync *rsync = app_state(session);
    if (number >= rsync->blocks || count > rsync->blocks - number)
        return false;
    uint64_t len = (uint64_t)count * rsync->block_len;
    if (rsync->last_len && number + count == rsync->blocks)
        len -= rsync->block_len - rsync->last_len;
    rsync_file_gap(session, len);
    return true;
}

static bool take_token(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    uint32_t token = cursor_le32(c);
    if (c->bad)
        return true;
    if (!token)
        return take_end(session, side);
    if (token & 0x80000000u)
        return take_blocks(session, ~token, 1);
    side->left = token;
    side->stage = RSYNC_LITERAL;
    return token <= LITERAL_MAX;
}

static bool take_coded_token(struct app_session *session, struct rsync_side *side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    uint8_t flag = cursor_u8(c);
    uint32_t block = rsync->block, more = 0;
    if ((flag & 0xc0) == FLAG_CHUNK) {
        uint32_t len = (uint32_t)(flag & 0x3f) << 8 | cursor_u8(c);
        if (c->bad)
            return true;
        side->left = len;
        side->stage = len ? RSYNC_CHUNK : RSYNC_TOKEN;
        rsync->run = true;
        return true;
    }
    if (flag & FLAG_BLOCK)
        block += flag & 0x3f;
    else if (flag == FLAG_LONG || flag == FLAG_LONG_RUN)
        block = cursor_le32(c);
    if ((flag & 0xc0) == FLAG_RUN || flag == FLAG_LONG_RUN)
        more = cursor_le16(c);
    if (c->bad)
        return true;
    if (rsync->run)
        rsync_coding_flush(session);
    rsync->run = false;
    if (flag == FLAG_END)
        return take_end(session, side);
    rsync->block = block + more;
    return flag >= FLAG_LONG && take_blocks(session, block, more + 1);
}

bool rsync_file_record(struct app_session *session, enum side side, struct cursor *c)
{
    struct rsync *rsync = app_state(session);
    struct rsync_side *s = &rsync->side[side];
    switch (s->stage) {
    case RSYNC_INDEX:
        if (!take_index(rsync, s, c))
            return false;
        if (s->stage == RSYNC_LIST)
            rsync_list_begin(session);
        return true;
    case RSYNC_XATTRS:
        take_xattr(rsync, s, c);
        return true;
    case RSYNC_SUM_HEAD:
        return take_sum_head(session, s, c);
    default:
        return rsync->coding == RSYNC_PLAIN ? take_token(session, s, c) : take_coded_token(session, s, c);
    }
}
