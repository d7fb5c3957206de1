/* Makes the captures of `make bench`: the same bytes every time, no two uploads alike.
 *
 *   jpeg-post    photographs of about 250 KB posted over HTTP, all outbound
 *   mixed        TLS both ways (three quarters of the bytes), HTTP downloads, some photographs posted
 *   mail-files   photographs mailed (SMTP, IMAP drafts), written to a share (SMB2), uploaded (FTP)
 *   small-flows  short HTTP exchanges of eight packets, half of them answered by an inside server
 *
 * A flow is a list of messages; flows take turns in short bursts, so that packets interleave as on a link.
 *
 * usage: generate KIND MEGABYTES FILE */
#include "generate.h"

#include <string.h>

uint64_t next(struct maker *m)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return m->random * UINT64_C(2685821657736338717);
}

unsigned below(struct maker *m, unsigned limit)
{
    return (unsigned)((next(m) >> 32) * limit >> 32);
}

void *make(size_t size)
{
    void *p = malloc(size);
    if (!p)
        abort();
    return p;
}

/* --- packets --- */

static uint32_t sum(const uint8_t *p, size_t len, uint32_t total)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        total += (uint32_t)p[i] << 8 | p[i + 1];
    return len & 1 ? total + ((uint32_t)p[len - 1] << 8) : total;
}

static uint16_t fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

void put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

void put32(uint8_t *p, uint32_t value)
{
    put16(p, (uint16_t)(value >> 16));
    put16(p + 2, (uint16_t)value);
}

static void send_packet(struct maker *m, struct flow *f, int side, uint8_t flags, const uint8_t *data, size_t len)
{
    uint8_t packet[HEADERS + MSS] = {2, 0, 0, 0, 0, (uint8_t)side, 2, 0, 0, 0, 0, (uint8_t)!side, 8, 0};
    uint8_t *ip = packet + 14, *tcp = packet + 34;

    ip[0] = 0x45;
    put16(ip + 2, (uint16_t)(40 + len));
    put16(ip + 4, f->ip_id++);
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = 6;
    put32(ip + 12, f->address[side]);
    put32(ip + 16, f->address[!side]);
    put16(ip + 10, fold(sum(ip, 20, 0)));
    put16(tcp, f->port[side]);
    put16(tcp + 2, f->port[!side]);
    put32(tcp + 4, f->sequence[side]);
    put32(tcp + 8, flags & ACK ? f->sequence[!side] : 0);
    tcp[12] = 0x50;
    tcp[13] = flags;
    put16(tcp + 14, 65000);
    if (len)
        memcpy(packet + HEADERS, data, len);
    put16(tcp + 16, fold(sum(tcp, 20 + len, sum(ip + 12, 8, (uint32_t)(6 + 20 + len)))));
    f->sequence[side] += (uint32_t)len + (flags & (SYN | FIN) ? 1 : 0);

    uint32_t size = (uint32_t)(HEADERS + len);
    m->time_us += 1 + size / 125; /* about a gigabit */
    uint32_t record[4] = {START_SECONDS + (uint32_t)(m->time_us / 1000000), (uint32_t)(m->time_us % 1000000), size, size};
    fwrite(record, sizeof(record), 1, m->out);
    fwrite(packet, size, 1, m->out);
    m->bytes += sizeof(record) + size;
    m->packets++;
}

/* One more packet of the flow; false when it is over. */
static bool step(struct maker *m, struct flow *f)
{
    static const struct { int side; uint8_t flags; } ceremony[] = {
        {CLIENT, SYN}, {SERVER, SYN | ACK}, {CLIENT, ACK}, {0, 0},
        {CLIENT, FIN | ACK}, {SERVER, FIN | ACK}, {CLIENT, ACK}};
    if (f->behind && f->step == 0) {
        const struct flow *first = f->behind;
        if (first->number == f->behind_number && first->current < f->behind_messages && first->step < 4)
            return true; /* its turn is not yet */
    }
    if (f->step != 3) {
        send_packet(m, f, ceremony[f->step].side, ceremony[f->step].flags, NULL, 0);
        return ++f->step < 7;
    }
    const struct message *message = &f->messages[f->current];
    if (f->unacknowledged == 2) {
        f->unacknowledged = 0;
        send_packet(m, f, !message->side, ACK, NULL, 0);
        return true;
    }
    size_t left = message->len - f->sent, len = left < MSS ? left : MSS;
    send_packet(m, f, message->side, len == left ? PSH | ACK : ACK, message->bytes + f->sent, len);
    f->unacknowledged++;
    f->sent += len;
    if (f->sent == message->len) {
        f->sent = 0;
        f->unacknowledged = 0; /* the answer or the FIN acknowledges */
        if (++f->current == f->count)
            f->step = 4;
    }
    return true;
}

/* --- content --- */

void add(struct flow *f, int side, uint8_t *bytes, size_t len)
{
    f->messages[f->count++] = (struct message){side, bytes, len};
}

void noise(struct maker *m, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t value = next(m);
        memcpy(out + i, &value, len - i < 8 ? len - i : 8);
    }
}

uint8_t *put(uint8_t *out, const void *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

/* A baseline JPEG by its structure: tables as Annex K shapes them, one scan of stuffed noise. */
size_t jpeg(struct maker *m, uint8_t *out, size_t size)
{
    static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0,
                                   0xff, 0xdb, 0, 67, 0};
    static const uint8_t frame[] = {0xff, 0xc0, 0, 17, 8, 4, 0xb0, 6, 0x40, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0};
    static const uint8_t dc[] = {0xff, 0xc4, 0, 31, 0, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,
                                 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const uint8_t ac[] = {0xff, 0xc4, 0, 181, 0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d};
    static const uint8_t scan[] = {0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0};
    uint8_t *p = put(out, head, sizeof(head));
    for (int i = 0; i < 64; i++)
        *p++ = (uint8_t)(3 + i);
    p = put(p, frame, sizeof(frame));
    p = put(p, dc, sizeof(dc));
    p = put(p, ac, sizeof(ac));
    *p++ = 0x00;
    *p++ = 0xf0;
    for (int run = 0; run < 16; run++) {
        for (int bits = 1; bits <= 10; bits++)
            *p++ = (uint8_t)(run << 4 | bits);
    }
    p = put(p, scan, sizeof(scan));
    uint8_t *end = out + size - 2;
    noise(m, p, (size_t)(end - p));
    for (uint8_t *q = p; (q = memchr(q, 0xff, (size_t)(end - q))) != NULL; q += 2) {
        if (q + 1 == end)
            *q = 0;
        else
            q[1] = 0;
        if (q + 2 >= end)
            break;
    }
    put(end, "\xff\xd9", 2);
    return size;
}

static void upload(struct maker *m, struct flow *f)
{
    size_t size = 180000 + below(m, 140000);
    uint8_t *request = make(size + 512);
    int head = snprintf((char *)request, 512,
                        "POST /upload/IMG_%06llu.JPG HTTP/1.1\r\nHost: photos.example\r\nUser-Agent: camera-sync/2.1\r\n"
                        "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n\r\n",
                        (unsigned long long)m->flow_number, size);
    jpeg(m, request + head, size);
    add(f, CLIENT, request, (size_t)head + size);
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nok\n";
    add(f, SERVER, memcpy(make(sizeof(answer)), answer, sizeof(answer)), sizeof(answer) - 1);
}

static void get(struct maker *m, struct flow *f, size_t size, const char *type, bool picture)
{
    uint8_t *request = make(512), *answer = make(size + 512);
    int head = snprintf((char *)request, 512,
                        "GET /files/%06llu?session=%08x HTTP/1.1\r\nHost: www.example.org\r\n"
                        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0\r\n"
                        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                        "Accept-Language: en-US,en;q=0.5\r\nConnection: keep-alive\r\n\r\n",
                        (unsigned long long)m->flow_number, (unsigned)next(m));
    add(f, CLIENT, request, (size_t)head);
    head = snprintf((char *)answer, 512,
                    "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, size);
    if (picture)
        jpeg(m, answer + head, size);
    else {
        static const char words[] = "<p>The quick brown fox jumps over the lazy dog and looks at lane number ";
        for (size_t i = 0; i < size; i++)
            answer[(size_t)head + i] = (uint8_t)words[i % (sizeof(words) - 1)];
        uint64_t mark = next(m);
        memcpy(answer + head, &mark, size < 8 ? size : 8);
    }
    add(f, SERVER, answer, (size_t)head + size);
}

/* Records of application data after a handshake that names its server. */
static size_t tls_records(struct maker *m, uint8_t *out, size_t size)
{
    size_t at = 0;
    noise(m, out, size);
    while (at < size) {
        size_t len = size - at < 16389 ? size - at : 16389;
        if (len < 32)
            return at;
        put(out + at, (uint8_t[]){0x17, 3, 3, (uint8_t)((len - 5) >> 8), (uint8_t)(len - 5)}, 5);
        at += len;
    }
    return at;
}

static void tls(struct maker *m, struct flow *f, size_t up, size_t down)
{
    char name[40];
    int name_len = snprintf(name, sizeof(name), "host%u.cloud.example", below(m, 5000));
    uint8_t *hello = make(512), *p = hello + 9;
    p = put(p, "\x03\x03", 2);
    noise(m, p, 32);
    p += 32;
    p = put(p, "\x00\x00\x06\x13\x01\x13\x02\xc0\x2f\x01\x00", 11);
    uint8_t *extensions = p;
    p += 2;
    p = put(p, (uint8_t[]){0, 0, 0, (uint8_t)(name_len + 5), 0, (uint8_t)(name_len + 3), 0, 0, (uint8_t)name_len}, 9);
    p = put(p, name, (size_t)name_len);
    p = put(p, "\x00\x0a\x00\x04\x00\x02\x00\x1d\x00\x0b\x00\x02\x01\x00\x00\x2b\x00\x03\x02\x03\x04", 21);
    put16(extensions, (uint16_t)(p - extensions - 2));
    size_t len = (size_t)(p - hello);
    put(hello, (uint8_t[]){0x16, 3, 1, (uint8_t)((len - 5) >> 8), (uint8_t)(len - 5), 1, 0, (uint8_t)((len - 9) >> 8),
                           (uint8_t)(len - 9)}, 9);
    add(f, CLIENT, hello, len);

    uint8_t *answer = make(4096);
    static const uint8_t server_hello[] = {0x16, 3, 3, 0, 50, 2, 0, 0, 46, 3, 3};
    p = put(answer, server_hello, sizeof(server_hello));
    noise(m, p, 32);
    p = put(p + 32, "\x00\x13\x01\x00\x00\x06\x00\x2b\x00\x02\x03\x04", 12);
    p = put(p, "\x14\x03\x03\x00\x01\x01", 6);
    p += tls_records(m, p, 2500);
    add(f, SERVER, answer, (size_t)(p - answer));

    uint8_t *request = make(up + 64), *body = make(down + 64);
    p = put(request, "\x14\x03\x03\x00\x01\x01", 6);
    add(f, CLIENT, request, 6 + tls_records(m, p, up));
    add(f, SERVER, body, tls_records(m, body, down));
}

void address(struct maker *m, struct flow *f, uint16_t port, bool inside_server)
{
    uint32_t inside = 0x0a000000u | (below(m, 200) << 16) | (below(m, 250) << 8) | (1 + below(m, 250));
    uint32_t outside = 0xcb007100u | (1 + below(m, 250));
    f->address[CLIENT] = inside_server ? outside : inside;
    f->address[SERVER] = inside_server ? inside : outside;
    f->port[CLIENT] = (uint16_t)(20000 + m->flow_number % 40000);
    f->port[SERVER] = port;
    f->sequence[CLIENT] = (uint32_t)next(m);
    f->sequence[SERVER] = (uint32_t)next(m);
}

static void fill_jpeg_post(struct maker *m, struct flow *f)
{
    address(m, f, 80, false);
    upload(m, f);
}

static void fill_mixed(struct maker *m, struct flow *f)
{
    unsigned kind = below(m, 100);
    address(m, f, kind < 70 ? 443 : 80, false);
    if (kind < 55)
        tls(m, f, 600 + below(m, 3000), 40000 + below(m, 400000));
    else if (kind < 70)
        tls(m, f, 40000 + below(m, 300000), 600 + below(m, 2000));
    else if (kind < 85)
        get(m, f, 20000 + below(m, 300000), "text/html", false);
    else if (kind < 92)
        get(m, f, 50000 + below(m, 200000), "image/jpeg", true);
    else
        upload(m, f);
}

static void fill_small(struct maker *m, struct flow *f)
{
    address(m, f, 80, below(m, 2) == 1);
    get(m, f, 700 + below(m, 500), "text/html", false);
}

static void begin(struct maker *m, struct flow *f)
{
    for (unsigned i = 0; i < f->count; i++)
        free(f->messages[i].bytes);
    memset(f, 0, sizeof(*f));
    f->number = ++m->flow_number;
    m->fill(m, f);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; unsigned active; void (*fill)(struct maker *, struct flow *); } kinds[] = {
        {"jpeg-post", 64, fill_jpeg_post}, {"mixed", 256, fill_mixed}, {"small-flows", 512, fill_small},
        {"mail-files", 64, fill_mail_files}};
    static const uint32_t header[] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1};
    struct maker m = {.random = UINT64_C(88172645463325252)};
    unsigned active = 0;

    for (size_t i = 0; argc == 4 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0) {
            m.fill = kinds[i].fill;
            active = kinds[i].active;
        }
    }
    if (!m.fill || !(m.out = fopen(argv[3], "wb"))) {
        fprintf(stderr, "usage: generate jpeg-post|mixed|small-flows|mail-files MEGABYTES FILE\n");
        return 2;
    }
    setvbuf(m.out, NULL, _IOFBF, 1 << 20);
    fwrite(header, sizeof(header), 1, m.out);
    struct flow *flows = calloc(active, sizeof(*flows));
    if (!flows)
        abort();
    for (unsigned i = 0; i < active; i++)
        begin(&m, &flows[i]);
    uint64_t wanted = strtoull(argv[2], NULL, 10) * 1000000;
    for (unsigned left = active; left > 0;) {
        unsigned i = below(&m, active);
        if (flows[i].step > 6)
            continue;
        for (unsigned burst = 1 + below(&m, 8); burst > 0; burst--) {
            if (step(&m, &flows[i]))
                continue;
            if (m.bytes < wanted)
                begin(&m, &flows[i]);
            else
                left--;
            break;
        }
    }
    for (unsigned i = 0; i < active; i++) {
        for (unsigned k = 0; k < flows[i].count; k++)
            free(flows[i].messages[k].bytes);
    }
    free(flows);
    printf("%s: %llu packets, %llu bytes, %llu flows, %llu files\n", argv[1], (unsigned long long)m.packets,
           (unsigned long long)m.bytes, (unsigned long long)m.flow_number, (unsigned long long)m.pictures);
    return fclose(m.out) == 0 ? 0 : 1;
}
