/* What memory refuses in the middle of a conversation is counted as shed, byte for byte, and nothing of which a part
 * went unread is called whole. Were it not so, an upload nobody looked at would stand in the ledger as inspected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "fake_worker.h"

struct talk {
    struct fake_worker fake;
    struct flow *flow;
    uint64_t sent; /* by the client */
};

static struct talk *begin(uint16_t port)
{
    struct talk *t = calloc(1, sizeof(*t));
    fake_open(&t->fake, true);
    t->flow = fake_flow(&t->fake, IPPROTO_TCP, "10.0.0.1", 40000, "192.0.2.1", port);
    t->flow->midstream = false;
    t->flow->content[SIDE_CLIENT] = true;
    t->flow->content[SIDE_SERVER] = false;
    return t;
}

/* As stream/ does it: booked, then handed on. */
static void say(struct talk *t, enum side side, const void *data, size_t len)
{
    struct counters *c = &t->fake.counters;
    fate_add(c, t->flow->content[side] ? FATE_INSPECTED : FATE_INBOUND, len);
    if (side == SIDE_CLIENT)
        t->sent += len;
    t->fake.sink.data(t->fake.sink.user, t->flow, side, data, len);
    assert_int_equal(c->fate_bytes[FATE_INSPECTED] + c->fate_bytes[FATE_SHED_MEMORY], t->sent);
}

/* From here on no pool grows. */
static void use_up_memory(struct talk *t)
{
    pools_trim(&t->fake.mem);
    t->fake.mem.ceiling = t->fake.mem.total;
}

static uint64_t shed(const struct talk *t)
{
    return t->fake.counters.fate_bytes[FATE_SHED_MEMORY];
}

static uint64_t end(struct talk *t, unsigned *whole)
{
    uint64_t read = 0;
    t->fake.mem.ceiling = 0;
    fake_finish(&t->fake);
    *whole = 0;
    for (size_t i = 0; i < t->fake.count; i++) {
        read += t->fake.objects[i].bytes;
        *whole += t->fake.objects[i].state == OBJECT_CLOSED;
    }
    fake_close(&t->fake);
    free(t);
    return read;
}

#define BODY 5000

static void h2_frame(struct talk *t, uint8_t type, uint8_t flags, uint32_t stream, const void *data, uint32_t len)
{
    const uint8_t head[9] = {(uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,          type,           flags,
                             (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};
    say(t, SIDE_CLIENT, head, sizeof(head));
    if (len)
        say(t, SIDE_CLIENT, data, len);
}

static void http2_streams_without_memory(void **state)
{
    (void)state;
    static const uint8_t headers[] = {0x83, 0x86, 0x84}; /* POST, http, / */
    static uint8_t body[BODY];
    enum { STREAMS = 200 };
    struct talk *t = begin(80);
    unsigned whole;
    say(t, SIDE_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    h2_frame(t, 4, 0, 0, NULL, 0);
    for (uint32_t i = 0; i < STREAMS; i++) { /* all open at once */
        if (i == 1)
            use_up_memory(t);
        h2_frame(t, 1, 4, 2 * i + 1, headers, sizeof(headers));
    }
    for (uint32_t i = 0; i < STREAMS; i++)
        h2_frame(t, 0, 1, 2 * i + 1, body, BODY);
    uint64_t gone = shed(t);
    assert_true(gone > 0 && gone % BODY == 0);
    uint64_t read = end(t, &whole);
    assert_int_equal(read + gone, (uint64_t)STREAMS * BODY);
    assert_int_equal(whole, read / BODY);
}

/* A stream that was refused and finds room in the middle of its body is not whole. */
static void http2_stream_found_in_the_middle(void **state)
{
    (void)state;
    static const uint8_t headers[] = {0x83, 0x86, 0x84};
    static uint8_t body[BODY];
    enum { STREAMS = 200 };
    struct talk *t = begin(80);
    unsigned whole;
    say(t, SIDE_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    h2_frame(t, 4, 0, 0, NULL, 0);
    for (uint32_t i = 0; i < STREAMS; i++) {
        if (i == 1)
            use_up_memory(t);
        h2_frame(t, 1, 4, 2 * i + 1, headers, sizeof(headers));
    }
    h2_frame(t, 0, 0, 2 * STREAMS - 1, body, BODY);
    assert_int_equal(shed(t), BODY);
    t->fake.mem.ceiling = 0;
    h2_frame(t, 0, 1, 2 * STREAMS - 1, body, BODY);
    assert_int_equal(shed(t), BODY);
    assert_int_equal(end(t, &whole), BODY);
    assert_int_equal(whole, 0);
}

/* ---- SMB ---- */

static void smb_message(struct talk *t, enum side side, const uint8_t *body, uint32_t len, uint32_t more)
{
    const uint8_t frame[4] = {0, (uint8_t)((len + more) >> 16), (uint8_t)((len + more) >> 8), (uint8_t)(len + more)};
    say(t, side, frame, sizeof(frame));
    say(t, side, body, len);
}

static void smb_head(uint8_t *p, uint8_t command, uint64_t message)
{
    memset(p, 0, 64);
    memcpy(p, "\xfeSMB", 4);
    p[4] = 64;
    p[12] = command;
    memcpy(p + 24, &message, 8);
}

static void smb_files_without_memory(void **state)
{
    (void)state;
    static uint8_t body[BODY];
    enum { FILES = 100 };
    struct talk *t = begin(445);
    unsigned whole;
    for (uint64_t i = 0; i < FILES; i++) {
        uint8_t p[112] = {0};
        smb_head(p, 9, i + 1); /* WRITE [MS-SMB2 2.2.21] to a file whose opening was not seen */
        p[64] = 49;
        p[66] = 112;
        p[68] = (uint8_t)BODY;
        p[69] = (uint8_t)(BODY >> 8);
        memcpy(p + 80, &(uint64_t){i + 1}, 8);
        smb_message(t, SIDE_CLIENT, p, sizeof(p), BODY);
        say(t, SIDE_CLIENT, body, BODY);
        if (i == 0)
            use_up_memory(t);
    }
    uint64_t gone = shed(t);
    assert_true(gone > 0 && gone % BODY == 0);
    assert_int_equal(end(t, &whole) + gone, (uint64_t)FILES * BODY);
}

/* ---- WebSocket ---- */

static void websocket_inflater_without_memory(void **state)
{
    (void)state;
    static const char request[] = "GET /s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    static const uint8_t message[] = {0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}; /* RFC 7692 7.2.3.1 */
    struct talk *t = begin(80);
    unsigned whole;
    say(t, SIDE_CLIENT, request, sizeof(request) - 1);
    say(t, SIDE_SERVER, answer, sizeof(answer) - 1);
    say(t, SIDE_CLIENT, "\x81\x80\0\0\0\0", 6); /* an empty message: the decoder has its state */
    use_up_memory(t);
    for (unsigned i = 1; i < 4; i++) {
        say(t, SIDE_CLIENT, message, sizeof(message));
        assert_int_equal(shed(t), i * 7);
    }
    assert_int_equal(end(t, &whole), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http2_streams_without_memory),
        cmocka_unit_test(http2_stream_found_in_the_middle),
        cmocka_unit_test(smb_files_without_memory),
        cmocka_unit_test(websocket_inflater_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
