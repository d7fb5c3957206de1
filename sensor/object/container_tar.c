/* tar (POSIX.1-1988 ustar, pax interchange, GNU): a header block of 512 bytes, then the member's
 * bytes filled up to the next block. A header is believed when its check sum is right, so after a
 * gap, or behind the end, every block is tried and the way is found again. */
#include <string.h>

#include "archive.h"
#include "cursor.h"
#include "env.h"

#define BLOCK 512
#define NOTE_MAX 1024 /* of a long name or a pax header; a longer one is content like any other */

struct tar {
    struct container container;
    uint64_t at;    /* offset in the archive */
    uint64_t left;  /* bytes of the present member or note */
    bool note;      /* they are a name for the next member */
    char note_kind; /* 'L' or 'x' */
    uint16_t block_len, note_len;
    uint16_t name_len; /* of the name such a note gave; 0: none */
    uint8_t block[BLOCK];
    char note_text[NOTE_MAX];
    char name[OBJECT_NAME_MAX];
    struct member member;
    struct stray stray;
};

/* Octal digits, or base 256 when the first bit is set (GNU). */
static uint64_t number(const uint8_t *field, size_t len)
{
    uint64_t value = 0;
    if (field[0] & 0x80) {
        for (size_t i = len - 7; i < len; i++)
            value = value << 8 | field[i];
        return value;
    }
    size_t i = 0;
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0');
    return value;
}

static bool is_header(const uint8_t *block)
{
    uint32_t sum = 8 * ' ';
    if (memcmp(block + 257, "ustar", 5) != 0)
        return false;
    for (unsigned i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? 0u : block[i];
    return number(block + 148, 8) == sum;
}

static bool tar_sniff(const uint8_t *head, size_t len)
{
    (void)len;
    return is_header(head);
}

/* The header's own name: prefix "/" name, each up to its NUL. */
static size_t header_name(const uint8_t *block, char *out)
{
    size_t prefix = strnlen((const char *)block + 345, 155),
           name = strnlen((const char *)block, 100);
    bool ustar = block[262] == '\0'; /* GNU puts other things where the prefix is */
    size_t n = 0;
    if (ustar && prefix) {
        memcpy(out, block + 345, prefix);
        n = prefix;
        out[n++] = '/';
    }
    if (name > OBJECT_NAME_MAX - n)
        name = OBJECT_NAME_MAX - n;
    memcpy(out + n, block, name);
    return n + name;
}

/* pax: records "LENGTH key=value" LF; the path is what counts. */
static void read_note(struct tar *t)
{
    const char *from = t->note_text, *value = from;
    size_t len = t->note_len;
    if (t->note_kind == 'x') {
        const char *key = memmem(from, len, " path=", 6);
        if (!key)
            return;
        value = key + 6;
        len -= (size_t)(value - from);
        const char *end = memchr(value, '\n', len);
        if (end)
            len = (size_t)(end - value);
    } else {
        len = strnlen(value, len);
    }
    t->name_len = (uint16_t)(len < sizeof(t->name) ? len : sizeof(t->name));
    memcpy(t->name, value, t->name_len);
}

static void take_header(struct tar *t)
{
    char own[OBJECT_NAME_MAX];
    char type = (char)t->block[156];
    t->left = number(t->block + 124, 12);
    if ((type == 'L' || type == 'x') && t->left <= NOTE_MAX) {
        t->note = true;
        t->note_kind = type;
        t->note_len = 0;
        return;
    }
    if (type >= '1' && type <= '6') {
        t->left = 0; /* links, devices, directories have no bytes, whatever the header says */
    } else {
        size_t len = header_name(t->block, own);
        member_open(&t->member, &t->container, "tar", t->name_len ? t->name : own,
                    t->name_len ? t->name_len : len, NULL);
        t->member.expected_size = t->left;
    }
    t->name_len = 0;
}

/* Bytes of the present member or note. */
static void take_content(struct tar *t, const uint8_t *data, size_t len)
{
    if (t->note) {
        memcpy(t->note_text + t->note_len, data, len);
        t->note_len = (uint16_t)(t->note_len + len);
    } else {
        member_data(&t->member, &t->stray, data, len);
    }
}

static void end_content(struct tar *t)
{
    if (t->left)
        return;
    if (t->note)
        read_note(t);
    t->note = false;
    member_end(&t->member, OBJECT_CLOSED);
}

static size_t take_block(struct tar *t, const uint8_t *data, size_t len)
{
    size_t n = len < BLOCK - (size_t)t->block_len ? len : BLOCK - (size_t)t->block_len;
    memcpy(t->block + t->block_len, data, n);
    t->block_len = (uint16_t)(t->block_len + n);
    if (t->block_len < BLOCK)
        return n;
    t->block_len = 0;
    if (is_header(t->block)) {
        stray_end(&t->stray, OBJECT_CLOSED);
        take_header(t);
        end_content(t);
    } else {
        stray_data(&t->stray, &t->container, "tar", t->block, BLOCK);
    }
    return n;
}

static void tar_data(struct container *container, const uint8_t *data, size_t len)
{
    struct tar *t = (struct tar *)container;
    while (len) {
        size_t n = len, into = (size_t)(t->at % BLOCK);
        if (t->left) {
            n = t->left < n ? (size_t)t->left : n;
            take_content(t, data, n);
            t->left -= n;
            end_content(t);
        } else if (into !=
                   t->block_len) { /* filling behind a member, or the rest of a broken block */
            n = BLOCK - into < n ? BLOCK - into : n;
            stray_data(&t->stray, container, "tar", data, n);
        } else {
            n = take_block(t, data, n);
        }
        t->at += n;
        data += n;
        len -= n;
    }
}

static void tar_gap(struct container *container, uint64_t len)
{
    struct tar *t = (struct tar *)container;
    uint64_t inside = len < t->left ? len : t->left;
    if (t->block_len)
        stray_data(&t->stray, container, "tar", t->block, t->block_len);
    t->block_len = 0;
    t->at += len;
    if (t->member.open)
        member_gap(&t->member, inside);
    t->left -= inside;
    if (inside)
        end_content(t);
    if (len > inside)
        stray_gap(&t->stray, len - inside);
}

static void tar_end(struct container *container, enum object_state state)
{
    struct tar *t = (struct tar *)container;
    member_end(&t->member, OBJECT_TRUNCATED);
    if (t->block_len)
        stray_data(&t->stray, container, "tar", t->block, t->block_len);
    stray_end(&t->stray, state);
}

const struct container_ops container_tar = {
    .sniff = tar_sniff,
    .head_len = BLOCK,
    .state_size = sizeof(struct tar),
    .data = tar_data,
    .gap = tar_gap,
    .end = tar_end,
};
