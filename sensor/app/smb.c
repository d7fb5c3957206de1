/* SMB over TCP: frames of four length bytes and a message; a message is one or more commands; a command is a head, read
 * by smb2.c or smb1.c, and perhaps a payload, which is streamed to its file from where it lies. */
#include "smb.h"

#include <stdlib.h>
#include <string.h>

#define SEALED_MAX 8          /* encrypted messages in a row: then the flow is */
#define LOST_MAX (1u << 20)   /* bytes without a frame: then they are searched raw */

static void *smb_shared_new(struct mem *mem)
{
    struct smb_shared *shared = calloc(1, sizeof(*shared));
    if (!shared)
        abort(); /* only at start */
    shared->files = pool_new(mem, MEM_FLOW, sizeof(struct smb_file));
    assembly_memory_open(&shared->memory, mem);
    return shared;
}

static void smb_shared_free(void *user)
{
    struct smb_shared *shared = user;
    pool_free(shared->files);
    assembly_memory_close(&shared->memory);
    free(shared);
}

static bool is_protocol(const uint8_t *p)
{
    return p[0] >= 0xfc && memcmp(p + 1, "SMB", 3) == 0;
}

static enum app_probe smb_probe(const struct app_probe_input *input)
{
    enum app_probe answer = APP_NO;
    for (unsigned side = 0; side < 2; side++) {
        const uint8_t *data = input->data[side];
        size_t len = input->len[side];
        if (!len)
            continue;
        if (len >= 4 && memcmp(data, "\x81\0\0\x44", 4) == 0)
            return APP_YES; /* RFC 1002 4.3.2: a session request with two names */
        if (len >= 8 && data[0] == 0 && is_protocol(data + 4))
            return APP_YES;
        if (len < 8 && (data[0] == 0 || data[0] == 0x81) && (len < 6 || data[5] == 'S'))
            answer = APP_MORE;
    }
    return answer;
}

static bool smb_open(struct app_session *session)
{
    struct smb *smb = app_state(session);
    smb->related = SMB_FILES_MAX;
    return true;
}

static void begin_command(struct smb_side *s)
{
    s->command_left = s->message_left;
    s->head_len = 0;
    s->head_want = 4;
    s->payload.left = 0;
    s->payload.skip = 0;
}

static void begin_message(struct app_session *session, struct smb_side *s, const uint8_t *frame)
{
    s->message_left = (uint32_t)frame[1] << 16 | (uint32_t)frame[2] << 8 | frame[3];
    unread_end(session, &s->unread);
    s->compressed = false;
    if (frame[0] != 0 && frame[0] != 0x81 && frame[0] != 0x82 && frame[0] != 0x85)
        s->lost = true;
    begin_command(s);
}

/* The head has all the bytes that were asked for. */
static void take_head(struct app_session *session, enum side side)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    enum smb_head result = SMB_TAKEN;
    if (is_protocol(s->head)) {
        smb->sealed = s->head[0] == 0xfd ? smb->sealed + 1 : 0;
        s->compressed = s->head[0] == 0xfc;
        if (s->head[0] == 0xfe)
            result = smb2_head(session, side);
        else if (s->head[0] == 0xff)
            result = smb1_head(session, side);
        if (smb->sealed >= SEALED_MAX)
            app_set_opaque(session);
    }
    if (result == SMB_TAKEN)
        s->head_want = 0; /* what is left is payload, or passed over */
}

static void consume(struct smb_side *s, size_t n)
{
    s->message_left -= (uint32_t)n;
    s->command_left -= (uint32_t)n;
}

/* Part of a command; returns the bytes taken. */
static size_t take_part(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    size_t n = len < s->command_left ? len : s->command_left;
    if (s->head_want) {
        if (n > s->head_want - s->head_len)
            n = s->head_want - s->head_len;
        memcpy(s->head + s->head_len, data, n);
        s->head_len += n;
        consume(s, n);
        if (s->head_len == s->head_want)
            take_head(session, side);
        return n;
    }
    if (s->payload.skip) {
        n = n < s->payload.skip ? n : s->payload.skip;
        s->payload.skip -= n;
    } else if (s->payload.left) {
        n = n < s->payload.left ? n : (size_t)s->payload.left;
        smb_file_data(session, side, &s->payload, data, n);
    } else if (s->compressed) {
        smb->files_seen += unread_data(session, &s->unread, side, smb->files_seen, data, n);
    }
    consume(s, n);
    return n;
}

/* Where the next frame may begin, after a gap. */
static size_t find_frame(const uint8_t *data, size_t len)
{
    for (size_t from = 0; from < len;) {
        const uint8_t *hit = memmem(data + from, len - from, "SMB", 3);
        if (!hit)
            break;
        size_t at = (size_t)(hit - data);
        if (at >= 5 && is_protocol(hit - 1) && data[at - 5] == 0 && data[at - 4] < 2)
            return at - 5;
        from = at + 3;
    }
    return len;
}

static void smb_data(struct app_session *session, enum side side, const uint8_t *data, size_t len)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    while (len) {
        size_t n;
        if (s->lost) {
            n = find_frame(data, len);
            s->lost_bytes += n;
            s->lost = n == len;
            s->frame_len = 0;
            s->message_left = 0;
            if (s->lost_bytes > LOST_MAX) {
                app_switch(session, &app_raw, len - n);
                return;
            }
        } else if (s->message_left && s->command_left) {
            n = take_part(session, side, data, len);
        } else if (s->message_left) {
            begin_command(s);
            n = 0;
        } else {
            n = 1;
            s->frame[s->frame_len++] = data[0];
            if (s->frame_len == sizeof(s->frame)) {
                s->frame_len = 0;
                begin_message(session, s, s->frame);
            }
        }
        data += n;
        len -= n;
    }
}

static void smb_gap(struct app_session *session, enum side side, uint64_t len)
{
    struct smb *smb = app_state(session);
    struct smb_side *s = &smb->side[side];
    uint64_t inside = len < s->command_left ? len : s->command_left;
    bool in_head = s->head_want != 0;
    unread_gap(session, &s->unread, s->message_left ? inside : 0);
    if (s->message_left && !in_head && !s->payload.skip && s->payload.left)
        smb_file_gap(session, side, &s->payload, inside < s->payload.left ? inside : s->payload.left);
    if (len > s->message_left || !s->message_left) {
        s->lost = true;
        return;
    }
    if (in_head || len > s->command_left) { /* the next command's place is lost, the next message's is not */
        s->message_left -= (uint32_t)len;
        s->command_left = s->message_left;
        s->head_want = 0;
        s->payload.left = s->payload.skip = 0;
        return;
    }
    if (s->payload.skip)
        s->payload.skip = s->payload.left = 0;
    consume(s, (size_t)len);
}

static bool smb_rest(struct app_session *session)
{
    struct smb *smb = app_state(session);
    for (unsigned side = 0; side < 2; side++) {
        struct smb_side *s = &smb->side[side];
        size_t kept = s->head_want ? s->head_len : 0;
        memset(s->head + kept, 0, sizeof(s->head) - kept);
    }
    return true;
}

static void smb_close(struct app_session *session)
{
    struct smb *smb = app_state(session);
    for (unsigned side = 0; side < 2; side++)
        unread_end(session, &smb->side[side].unread);
    for (unsigned i = 0; i < SMB_FILES_MAX; i++) {
        if (smb->file[i])
            smb_file_close(session, smb->file[i], false);
    }
}

const struct app_ops app_smb = {
    .name = "smb",
    .transports = APP_TCP,
    .state_size = sizeof(struct smb),
    .probe = smb_probe,
    .open = smb_open,
    .data = smb_data,
    .gap = smb_gap,
    .rest = smb_rest,
    .close = smb_close,
    .shared_new = smb_shared_new,
    .shared_free = smb_shared_free,
};
