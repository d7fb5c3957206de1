/* Conversations through the decoders, each counted by itself under callgrind: tests/app/linear.py writes them and reads
 * the counts. A file is the protocol (6 or 17), the server's port in two bytes, then messages: side (bit 0; bit 1: a
 * gap), four bytes of length, the bytes (of a gap, none). Prints a line for each file: who claimed it, objects, bytes.
 *
 * usage: talk FILE... */
#include <netinet/in.h>
#include <valgrind/callgrind.h>

#define FAKE_OBJECTS 8192
#include "../unit/app/fake_worker.h"
#include "cursor.h"

#define FILE_MAX (4u << 20)
#define SEGMENT 1460

static void say(struct fake_worker *fake, struct flow *flow, uint8_t kind, const uint8_t *data, uint32_t len)
{
    enum side side = kind & 1;
    if (kind & 2) {
        fake->sink.gap(fake->sink.user, flow, side, len);
        return;
    }
    for (size_t n; len; data += n, len -= (uint32_t)n) {
        n = len < SEGMENT ? len : SEGMENT;
        if (flow->protocol == IPPROTO_UDP)
            fake->sink.datagram(fake->sink.user, flow, side, data, n, 0);
        else
            fake->sink.data(fake->sink.user, flow, side, data, n);
    }
}

static void talk(struct fake_worker *fake, const char *path, const uint8_t *bytes, size_t size)
{
    struct cursor c = cursor_over(bytes, size);
    uint64_t total = 0;
    fake_open(fake, false);
    CALLGRIND_ZERO_STATS;
    uint8_t protocol = cursor_u8(&c);
    struct flow *flow = fake_flow(fake, protocol, "10.0.0.1", 40000, "192.0.2.1", cursor_be16(&c));
    while (cursor_left(&c)) {
        uint8_t kind = cursor_u8(&c);
        uint32_t len = cursor_be32(&c);
        const uint8_t *data = kind & 2 ? bytes : cursor_take(&c, len);
        if (data)
            say(fake, flow, kind, data, len);
    }
    const char *claimed = flow->app_proto;
    fake_finish(fake);
    CALLGRIND_DUMP_STATS_AT(path);
    for (size_t i = 0; i < fake->count; i++)
        total += fake->objects[i].bytes;
    printf("%s %s %zu %llu\n", path, claimed ? claimed : "-", fake->count, (unsigned long long)total);
    fake_close(fake);
}

int main(int argc, char **argv)
{
    static struct fake_worker fake;
    static uint8_t bytes[FILE_MAX];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            return 1;
        size_t size = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        talk(&fake, argv[i], bytes, size);
    }
    return 0;
}
