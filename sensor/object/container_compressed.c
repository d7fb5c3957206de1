/* Files that are one compressed stream: gzip (RFC 1952) and zstd (RFC 8878). The one member is
 * named as the gzip header names it, or as the file without its last extension. */
#include <string.h>

#include "archive.h"
#include "env.h"

#define HEAD_FIXED 10
#define FLAG_EXTRA 4
#define FLAG_NAME 8

struct compressed {
    struct container container;
    bool begun;
    struct member member;
    struct stray stray;
};

static bool is_gzip(const uint8_t *head)
{
    return head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 && !(head[3] & 0xe0);
}

static bool compressed_sniff(const uint8_t *head, size_t len)
{
    static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    (void)len;
    return is_gzip(head) || memcmp(head, zstd, sizeof(zstd)) == 0;
}

/* The name in a gzip header, when it all came with the first bytes. */
static struct text gzip_name(const uint8_t *data, size_t len)
{
    if (len <= HEAD_FIXED || !is_gzip(data) || !(data[3] & FLAG_NAME) || data[3] & FLAG_EXTRA)
        return (struct text){NULL, 0};
    const uint8_t *end = memchr(data + HEAD_FIXED, '\0', len - HEAD_FIXED);
    return (struct text){(const char *)data + HEAD_FIXED,
                         end ? (size_t)(end - data) - HEAD_FIXED : 0};
}

static struct text own_name(const struct object *archive)
{
    const char *dot = memrchr(archive->name, '.', archive->name_len);
    return (struct text){archive->name, dot ? (size_t)(dot - archive->name) : archive->name_len};
}

static void compressed_data(struct container *container, const uint8_t *data, size_t len)
{
    struct compressed *c = (struct compressed *)container;
    if (!c->begun) {
        bool gzip = is_gzip(data); /* the first call has at least what sniffing took */
        struct text name = gzip_name(data, len);
        if (!name.len)
            name = own_name(container->router);
        member_open(&c->member, container, gzip ? "gzip" : "zstd", name.data, name.len,
                    gzip ? "gzip" : "zstd");
        c->begun = true;
    }
    size_t used = c->member.open ? member_data(&c->member, &c->stray, data, len) : 0;
    if (c->member.open && member_ended(&c->member))
        member_end(&c->member, OBJECT_CLOSED);
    if (!c->member.open)
        stray_data(&c->stray, container, "gzip", data + used, len - used);
}

static void compressed_gap(struct container *container, uint64_t len)
{
    struct compressed *c = (struct compressed *)container;
    if (c->member.open)
        member_gap(&c->member, len);
    else
        stray_gap(&c->stray, len);
}

static void compressed_end(struct container *container, enum object_state state)
{
    struct compressed *c = (struct compressed *)container;
    member_end(&c->member, state);
    stray_end(&c->stray, state);
}

const struct container_ops container_compressed = {
    .sniff = compressed_sniff,
    .head_len = 4,
    .state_size = sizeof(struct compressed),
    .data = compressed_data,
    .gap = compressed_gap,
    .end = compressed_end,
};
