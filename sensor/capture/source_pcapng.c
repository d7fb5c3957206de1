/* A pcapng file (draft-ietf-opsawg-pcapng). libpcap refuses a file whose interfaces differ in link
 * type or snap length, and names no interface; so these blocks are walked here, and every frame
 * carries the link type and the name of its own interface. Blocks that hold no frame are passed
 * over. */
#include <pcap/dlt.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "source.h"

#define CHUNK (128u << 10)
#define PAGE 4096u
#define BLOCK_MAX (16u << 20) /* as libpcap: no block that is read whole is larger */
#define INTERFACES_MAX 65536
#define NS_PER_SECOND INT64_C(1000000000)

enum { /* block types, section 11.1 */
       BLOCK_SECTION = 0x0a0d0d0a,
       BLOCK_INTERFACE = 1,
       BLOCK_PACKET = 2, /* obsolete, appendix A */
       BLOCK_SIMPLE = 3,
       BLOCK_ENHANCED = 6
};
enum { OPTION_END = 0, OPTION_NAME = 2, OPTION_RESOLUTION = 9, OPTION_OFFSET = 14 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define BLOCK_FRAMING 12 /* type, length, and the length again at the end */

struct interface {
    int link_type;
    uint32_t snaplen;
    const char *name;
    uint8_t resolution; /* if_tsresol: units of 10^-n seconds, or with the high bit 2^-n */
    int64_t offset_seconds;
};

struct pcapng_file {
    uint8_t *buffer; /* bytes [at, end) are read and not used */
    size_t room, at, end;
    uint64_t base; /* offset in the stream of buffer[0] */
    bool big_endian;
    struct interface *interfaces;
    uint32_t interface_count, interface_room;
    int64_t last_ns; /* a simple packet block carries no time: it gets the frame's before it */
};

enum step { STEP_FRAME, STEP_OTHER, STEP_END, STEP_BAD };

static uint16_t read16(const struct pcapng_file *file, struct cursor *c)
{
    return file->big_endian ? cursor_be16(c) : cursor_le16(c);
}

static uint32_t read32(const struct pcapng_file *file, struct cursor *c)
{
    return file->big_endian ? cursor_be32(c) : cursor_le32(c);
}

static size_t round_up(size_t n)
{
    return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* Moves what is left down, so that it ends where a page begins: the kernel copies whole pages to
 * whole pages. False when memory is out. */
static bool make_room(struct pcapng_file *file, size_t n)
{
    size_t left = file->end - file->at, end = round_up(left);
    if (end - left + n > file->room) {
        size_t room = round_up(end + n);
        uint8_t *buffer = aligned_alloc(PAGE, room);
        if (!buffer)
            return false;
        memcpy(buffer + end - left, file->buffer + file->at, left);
        free(file->buffer);
        file->buffer = buffer;
        file->room = room;
    } else {
        memmove(file->buffer + end - left, file->buffer + file->at, left);
    }
    file->base += file->at - (end - left); /* wraps for a moment at the start, and back */
    file->at = end - left;
    file->end = end;
    return true;
}

/* Makes `n` bytes contiguous at buffer[at]; false when the input ends before. */
static bool need(struct capture *capture, struct pcapng_file *file, size_t n)
{
    if (file->end - file->at >= n)
        return true;
    if (!make_room(file, n))
        return false;
    while (file->end - file->at < n) {
        size_t got = input_read(capture->input, file->buffer + file->end, file->room - file->end);
        if (got == 0)
            return false;
        file->end += got;
    }
    return true;
}

static enum step damage(struct capture *capture, struct pcapng_file *file, const char *reason)
{
    const char *failure = input_failure(capture->input);
    capture_damage(capture, file->base + file->at, failure ? failure : reason);
    return STEP_BAD;
}

/* Nanoseconds of a count of the interface's units, without overflow on any of them. */
static int64_t to_ns(const struct interface *interface, uint64_t units)
{
    unsigned exponent = interface->resolution & 0x7f;
    __int128 ns = (__int128)units * NS_PER_SECOND;
    if (interface->resolution & 0x80) {
        ns = exponent < 64 ? ns >> exponent : 0;
    } else {
        for (; exponent > 0 && ns > 0; exponent--)
            ns /= 10;
    }
    ns += (__int128)interface->offset_seconds * NS_PER_SECOND;
    const __int128 limit =
        INT64_MAX / 2; /* a clock that far off is damage, but no reason to stop */
    return (int64_t)(ns < 0 ? 0 : ns > limit ? limit : ns);
}

static void read_interface_options(struct capture *capture, struct pcapng_file *file,
                                   struct interface *interface, struct cursor c)
{
    while (cursor_left(&c) >= 4) {
        uint16_t code = read16(file, &c), len = read16(file, &c);
        const uint8_t *value = cursor_take(&c, len);
        if (!value || code == OPTION_END)
            return;
        struct cursor v = cursor_over(value, len);
        if (code == OPTION_NAME) {
            interface->name = capture_keep_name(capture, (const char *)value, len);
        } else if (code == OPTION_RESOLUTION && len == 1) {
            interface->resolution = value[0];
        } else if (code == OPTION_OFFSET && len == 8) {
            interface->offset_seconds =
                (int64_t)(file->big_endian ? cursor_be64(&v) : cursor_le64(&v));
        }
        cursor_skip(&c, -(unsigned)len % 4); /* padded to 32 bits */
    }
}

/* Link types have the same number in files and in libpcap, but for a few old ones
 * (pcap-linktype(7)). */
static int link_type_of(uint16_t number)
{
    switch (number) {
    case 100:
        return DLT_ATM_RFC1483;
    case 101:
        return DLT_RAW;
    default:
        return number;
    }
}

static enum step add_interface(struct capture *capture, struct pcapng_file *file, struct cursor c)
{
    struct interface interface = {.resolution = 6};
    interface.link_type = link_type_of(read16(file, &c));
    cursor_skip(&c, 2);
    interface.snaplen = read32(file, &c);
    if (c.bad)
        return damage(capture, file, "an interface block too short for its fields");
    read_interface_options(capture, file, &interface, c);
    if (file->interface_count == file->interface_room) {
        uint32_t room = file->interface_room ? file->interface_room * 2 : 8;
        struct interface *interfaces =
            room <= INTERFACES_MAX ? realloc(file->interfaces, room * sizeof(*interfaces)) : NULL;
        if (!interfaces)
            return damage(capture, file, "more interfaces than any capture has");
        file->interfaces = interfaces;
        file->interface_room = room;
    }
    file->interfaces[file->interface_count++] = interface;
    return STEP_OTHER;
}

/* Fills capture->frame from a block of one of the three kinds that hold a frame. */
static enum step read_frame(struct capture *capture, struct pcapng_file *file, uint32_t type,
                            struct cursor c)
{
    struct frame *frame = &capture->frame;
    uint32_t index = 0;
    uint64_t units = 0;
    if (type == BLOCK_ENHANCED) {
        index = read32(file, &c);
    } else if (type == BLOCK_PACKET) {
        index = read16(file, &c);
        cursor_skip(&c, 2); /* drop count */
    }
    if (index >= file->interface_count)
        return damage(capture, file, "a packet of an interface that was never described");
    const struct interface *interface = &file->interfaces[index];
    if (type != BLOCK_SIMPLE) {
        units = (uint64_t)read32(file, &c) << 32;
        units |= read32(file, &c);
        frame->captured = read32(file, &c);
        frame->length = read32(file, &c);
        file->last_ns = to_ns(interface, units);
    } else {
        frame->length = frame->captured = read32(file, &c);
        if (interface->snaplen && frame->captured > interface->snaplen)
            frame->captured = interface->snaplen;
    }
    frame->data = cursor_take(&c, frame->captured);
    if (c.bad)
        return damage(capture, file, "a packet longer than its block");
    if (frame->length < frame->captured)
        frame->length = frame->captured;
    frame->time_ns = file->last_ns;
    frame->link_type = interface->link_type;
    frame->interface = interface->name;
    return STEP_FRAME;
}

/* A section may be written in the other byte order than the one before, and describes its own
 * interfaces. */
static enum step begin_section(struct capture *capture, struct pcapng_file *file)
{
    if (!need(capture, file, 12))
        return damage(capture, file, "the file ends inside a section header");
    struct cursor c = cursor_over(file->buffer + file->at + 8, 4);
    uint32_t magic = cursor_be32(&c);
    if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return damage(capture, file, "a section header without its byte-order magic");
    file->big_endian = magic == BYTE_ORDER_MAGIC;
    file->interface_count = 0;
    return STEP_OTHER;
}

/* Passes over a block that is too large to be held. */
static enum step skip_block(struct capture *capture, struct pcapng_file *file, uint64_t length)
{
    uint64_t end = file->base + file->at + length;
    while (file->base + file->end < end) {
        file->base += file->end;
        file->at = file->end = 0;
        if (!need(capture, file, 1))
            return damage(capture, file, "the file ends inside a block");
    }
    file->at = (size_t)(end - file->base);
    return STEP_OTHER;
}

static enum step read_block(struct capture *capture, struct pcapng_file *file)
{
    if (!need(capture, file, 8)) {
        if (file->end == file->at && !input_failure(capture->input))
            return STEP_END;
        return damage(capture, file, "the file ends inside a block header");
    }
    struct cursor c = cursor_over(file->buffer + file->at, 8);
    uint32_t type = read32(file, &c);
    if (type == BLOCK_SECTION && begin_section(capture, file) == STEP_BAD)
        return STEP_BAD;
    c = cursor_over(file->buffer + file->at + 4, 4);
    uint32_t length = read32(file, &c);
    if (length < BLOCK_FRAMING || length % 4)
        return damage(capture, file, "a block whose length is impossible");
    if (length > BLOCK_MAX) {
        if (type == BLOCK_INTERFACE || type == BLOCK_PACKET || type == BLOCK_SIMPLE ||
            type == BLOCK_ENHANCED)
            return damage(capture, file, "a block larger than 16 MiB");
        return skip_block(capture, file, length);
    }
    if (!need(capture, file, length))
        return damage(capture, file, "the file ends inside a block");
    const uint8_t *block = file->buffer + file->at;
    c = cursor_over(block + length - 4, 4);
    if (read32(file, &c) != length)
        return damage(capture, file, "a block whose two lengths differ");
    c = cursor_over(block + 8, length - BLOCK_FRAMING);
    enum step step = STEP_OTHER;
    if (type == BLOCK_INTERFACE)
        step = add_interface(capture, file, c);
    else if (type == BLOCK_ENHANCED || type == BLOCK_PACKET || type == BLOCK_SIMPLE)
        step = read_frame(capture, file, type, c);
    if (step != STEP_BAD)
        file->at += length;
    return step;
}

/* Reads up to the first interface, so that a filter that does not compile is refused before
 * anything is read. */
static bool pcapng_open(struct capture *capture)
{
    char reason[512];
    struct pcapng_file *file = calloc(1, sizeof(*file));
    if (!file)
        abort(); /* only between files */
    capture->state = file;
    file->room = CHUNK;
    file->buffer = aligned_alloc(PAGE, CHUNK);
    if (!file->buffer)
        abort(); /* only between files */
    if (read_block(capture, file) == STEP_BAD)
        return false;
    if (!capture->filter)
        return true;
    while (file->interface_count == 0) {
        if (!need(capture, file, 8))
            return true; /* an end, or damage that is told when it is met */
        struct cursor c = cursor_over(file->buffer + file->at, 4);
        if (read32(file, &c) != BLOCK_INTERFACE)
            return true;
        if (read_block(capture, file) == STEP_BAD)
            return false;
    }
    if (filter_prepare(capture->filter, file->interfaces[0].link_type, reason, sizeof(reason)))
        return true;
    snprintf(capture->error, sizeof(capture->error), "%s: filter '%s': %s", capture->label,
             capture->params.filter, reason);
    return false;
}

static enum capture_result pcapng_dispatch(struct capture *capture, int budget)
{
    for (int blocks = 0; blocks < budget; blocks++) {
        switch (read_block(capture, capture->state)) {
        case STEP_FRAME:
            capture_deliver(capture);
            break;
        case STEP_OTHER:
            break;
        case STEP_END:
            return CAPTURE_END;
        case STEP_BAD:
            return CAPTURE_BAD;
        }
    }
    return CAPTURE_MORE;
}

static void pcapng_close(struct capture *capture)
{
    struct pcapng_file *file = capture->state;
    if (!file)
        return;
    free(file->interfaces);
    free(file->buffer);
    free(file);
}

const struct source_ops source_pcapng = {
    .name = "pcapng",
    .open = pcapng_open,
    .dispatch = pcapng_dispatch,
    .close = pcapng_close,
};
