/* Each link type and encapsulation carries the same upload. Were one misread, whatever crosses it
 * would leave unseen; were a length trusted, a hostile frame could read past its end or upset the
 * ledger. */
#include "frame_builder.h"

static const char TEXT[] = "the photographs";
#define TEXT_LEN (sizeof(TEXT) - 1)

struct encapsulation {
    const char *name;
    int link_type;
    void (*build)(struct build *b);
    int vlans, tunnels, version;
};

static void inner_v4(struct build *b)
{
    build_start(b, TEXT, TEXT_LEN);
    build_tcp(b, 4, 1, 2, 40000, 80, TCP_ACK | TCP_PSH);
    build_v4(b, 1, 2, 6);
}

static void inner_v6(struct build *b)
{
    build_start(b, TEXT, TEXT_LEN);
    build_tcp(b, 6, 1, 2, 40000, 80, TCP_ACK | TCP_PSH);
    build_v6(b, 1, 2, 6);
}

static void inner_frame(struct build *b)
{
    inner_v4(b);
    build_ethernet(b, 0x0800);
}

static void ethernet(struct build *b)
{
    inner_frame(b);
}

static void ethernet_v6(struct build *b)
{
    inner_v6(b);
    build_ethernet(b, 0x86dd);
}

static void padded(struct build *b)
{
    inner_frame(b);
    build_append(b, 18);
}

static void qinq(struct build *b)
{
    inner_v4(b);
    build_vlan(b, 20, 0x0800);
    build_vlan(b, 10, 0x8100);
    build_ethernet(b, 0x88a8);
}

static void old_qinq(struct build *b)
{
    inner_v4(b);
    build_vlan(b, 20, 0x0800);
    build_ethernet(b, 0x9100);
}

static void etag(struct build *b)
{
    inner_v4(b);
    build_type(b, 0x0800);
    build_before(b, 6);
    build_ethernet(b, 0x893f);
}

static void snap(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\xaa\xaa\x03\0\0\0\x08\0", 8);
    build_ethernet(b, (uint16_t)build_len(b));
}

static void mpls(struct build *b)
{
    inner_v6(b);
    build_bytes(b, "\0\1\0\x40\0\2\1\x40", 8);
    build_ethernet(b, 0x8847);
}

static void pseudowire(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\0\1\1\x40\0\0\0\0", 8);
    build_ethernet(b, 0x8847);
}

static void pseudowire_bare(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\0\1\1\x40", 4);
    build_ethernet(b, 0x8847);
}

static void pppoe(struct build *b)
{
    inner_v4(b);
    build_type(b, 0x0021);
    size_t len = build_len(b);
    put16(build_before(b, 2), len);
    build_bytes(b, "\x11\0\0\1", 4);
    build_ethernet(b, 0x8864);
}

static void backbone(struct build *b)
{
    inner_frame(b);
    build_before(b, 4);
    build_ethernet(b, 0x88e7);
}

static void fabric_path(struct build *b)
{
    inner_frame(b);
    build_before(b, 2);
    build_ethernet(b, 0x8903);
}

static void signed_only(struct build *b)
{
    inner_v4(b);
    build_type(b, 0x0800);
    build_bytes(b, "\x20\0\0\0\0\1\0\0\0\0\0\0\0\1", 14);
    build_ethernet(b, 0x88e5);
    build_append(b, 16);
}

static void outer_v4(struct build *b, uint8_t protocol)
{
    build_v4(b, 8, 9, protocol);
    build_ethernet(b, 0x0800);
}

static void gre(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\xb0\0\x08\0\0\0\0\0\0\0\0\7\0\0\0\1", 16); /* checksum, key, sequence */
    outer_v4(b, 47);
}

static void nvgre(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\x20\0\x65\x58\0\0\1\0", 8);
    outer_v4(b, 47);
}

static void pptp(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\xff\x03\x21", 3); /* protocol compressed to one byte */
    size_t len = build_len(b);
    uint8_t *h = build_before(b, 16);
    memcpy(h, "\x30\x81\x88\x0b", 4);
    put16(h + 4, len);
    outer_v4(b, 47);
}

static void erspan1(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\0\0\x88\xbe", 4);
    outer_v4(b, 47);
}

static void erspan2(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\x10\x01\x00\x01\0\0\0\0", 8);
    build_bytes(b, "\x10\0\x88\xbe\0\0\0\1", 8);
    outer_v4(b, 47);
}

static void erspan3(struct build *b)
{
    inner_frame(b);
    build_before(b, 8);
    build_bytes(b, "\x20\x01\0\1\0\0\0\0\0\0\0\1", 12);
    build_bytes(b, "\x10\0\x22\xeb\0\0\0\1", 8);
    outer_v4(b, 47);
}

static void etherip(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\x30\0", 2);
    outer_v4(b, 97);
}

static void ip_in_ip(struct build *b)
{
    inner_v4(b);
    outer_v4(b, 4);
}

static void six_in_four(struct build *b)
{
    inner_v6(b);
    outer_v4(b, 41);
}

static void four_in_six(struct build *b)
{
    inner_v4(b);
    build_v6(b, 8, 9, 4);
    build_ethernet(b, 0x86dd);
}

static void outer_udp(struct build *b, uint16_t port)
{
    build_udp(b, 4, 8, 9, 50000, port);
    outer_v4(b, 17);
}

static void vxlan(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\x08\0\0\0\0\0\x2a\0", 8);
    outer_udp(b, 4789);
}

static void vxlan_linux(struct build *b)
{
    ethernet_v6(b);
    build_bytes(b, "\x08\0\0\0\0\0\x2a\0", 8);
    outer_udp(b, 8472);
}

static void vxlan_gpe(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\x0c\0\0\1\0\0\x2a\0", 8);
    outer_udp(b, 4790);
}

static void geneve(struct build *b)
{
    inner_frame(b);
    build_bytes(b, "\2\0\x65\x58\0\0\x2a\0\1\2\3\1\0\0\0\0", 16);
    outer_udp(b, 6081);
}

static void teredo(struct build *b)
{
    inner_v6(b);
    build_bytes(b, "\0\0\1\2\3\4\5\6", 8);
    build_bytes(b, "\0\1\0\0\1\2\3\4\5\6\7\x8\0", 13);
    outer_udp(b, 3544);
}

static void gtp(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\0\0\0\x85\1\x10\1\0", 8); /* sequence, then one extension header */
    size_t len = build_len(b);
    uint8_t *h = build_before(b, 8);
    h[0] = 0x34;
    h[1] = 255;
    put16(h + 2, len);
    outer_udp(b, 2152);
}

static void l2tp(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\xff\x03\0\x21", 4);
    size_t len = build_len(b) + 8;
    uint8_t *h = build_before(b, 8);
    h[0] = 0x40;
    h[1] = 2;
    put16(h + 2, len);
    outer_udp(b, 1701);
}

static void everything(struct build *b) /* VLAN, MPLS, GRE, VXLAN, IP in IP */
{
    inner_v4(b);
    build_v4(b, 3, 4, 4);
    build_ethernet(b, 0x0800);
    build_bytes(b, "\x08\0\0\0\0\0\x2a\0", 8);
    build_udp(b, 4, 5, 6, 50000, 4789);
    build_v4(b, 5, 6, 17);
    build_bytes(b, "\0\0\x08\0", 4);
    build_v4(b, 8, 9, 47);
    build_bytes(b, "\0\1\1\x40", 4);
    build_vlan(b, 7, 0x8847);
    build_ethernet(b, 0x8100);
}

static void extensions(struct build *b)
{
    build_start(b, TEXT, TEXT_LEN);
    build_tcp(b, 6, 1, 2, 40000, 80, TCP_ACK);
    build_bytes(b, "\6\0\0\0\0\0\0\7", 8);   /* atomic fragment */
    build_bytes(b, "\x2c\4\0\0\0\0\0\0", 8); /* AH: 24 bytes */
    uint8_t *h = build_before(b, 16);
    memcpy(b->at, b->at + 16, 8);
    memset(h + 8, 0, 16);
    build_bytes(b, "\x33\0\1\4\0\0\0\0", 8); /* destination options */
    build_bytes(b, "\x3c\0\5\2\0\0\1\0", 8); /* hop by hop */
    build_v6(b, 1, 2, 0);
    build_ethernet(b, 0x86dd);
}

static void cooked(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\0\4\0\1\0\6\2\0\0\0\0\1\0\0\x08\0", 16);
}

static void cooked2(struct build *b)
{
    inner_v6(b);
    build_bytes(b, "\x86\xdd\0\0\0\0\0\2\0\1\4\6\2\0\0\0\0\1\0\0", 20);
}

static void loop_null(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\2\0\0\0", 4);
}

static void loop_null_swapped(struct build *b)
{
    inner_v6(b);
    build_bytes(b, "\0\0\0\x1e", 4);
}

static void ppp(struct build *b)
{
    inner_v6(b);
    build_bytes(b, "\xff\x03\0\x57", 4);
}

static void hdlc(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\x0f\0\x08\0", 4);
}

static void wifi(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\xaa\xaa\x03\0\0\0\x08\0", 8);
    uint8_t *h = build_before(b, 26);
    h[0] = 0x88; /* QoS data */
    h[1] = 0x01; /* to the access point */
}

static void radiotap(struct build *b)
{
    wifi(b);
    build_append(b, 4);
    build_bytes(b, "\0\0\x11\0\3\0\0\0\0\0\0\0\0\0\0\0\x10",
                17); /* time stamp, flags: check sequence */
}

static void ppi(struct build *b)
{
    wifi(b);
    build_bytes(b, "\0\0\x08\0\x69\0\0\0", 8);
}

static void prism(struct build *b)
{
    wifi(b);
    uint8_t *h = build_before(b, 144);
    h[0] = 0x44;
    h[4] = 144;
}

static void nflog(struct build *b)
{
    inner_v4(b);
    size_t len = build_len(b) + 4;
    uint8_t *h = build_before(b, 4);
    h[0] = (uint8_t)len;
    h[1] = (uint8_t)(len >> 8);
    h[2] = 9;
    build_bytes(b, "\x05\0\1\0\0\0\0\0", 8); /* another attribute, padded */
    build_bytes(b, "\2\0\0\0", 4);
}

static void pktap(struct build *b)
{
    inner_frame(b);
    uint8_t *h = build_before(b, 108);
    h[0] = 108;
    h[4] = 1;
    h[8] = 1;
}

static void frame_relay(struct build *b)
{
    inner_v4(b);
    build_bytes(b, "\x18\x41\x03\xcc", 4);
}

static const struct encapsulation encapsulations[] = {
    {"Ethernet", 1, ethernet, 0, 0, 4},
    {"Ethernet, IPv6", 1, ethernet_v6, 0, 0, 6},
    {"Ethernet, padded", 1, padded, 0, 0, 4},
    {"QinQ", 1, qinq, 2, 0, 4},
    {"QinQ, 0x9100", 1, old_qinq, 1, 0, 4},
    {"E-TAG", 1, etag, 0, 0, 4},
    {"802.2 SNAP", 1, snap, 0, 0, 4},
    {"MPLS, two labels", 1, mpls, 0, 1, 6},
    {"MPLS pseudowire", 1, pseudowire, 0, 1, 4},
    {"MPLS pseudowire without control word", 1, pseudowire_bare, 0, 1, 4},
    {"PPPoE", 1, pppoe, 0, 0, 4},
    {"802.1ah", 1, backbone, 0, 1, 4},
    {"FabricPath", 1, fabric_path, 0, 1, 4},
    {"MACsec, signed only", 1, signed_only, 0, 0, 4},
    {"GRE", 1, gre, 0, 1, 4},
    {"NVGRE", 1, nvgre, 0, 1, 4},
    {"PPTP", 1, pptp, 0, 2, 4},
    {"ERSPAN I", 1, erspan1, 0, 2, 4},
    {"ERSPAN II", 1, erspan2, 0, 2, 4},
    {"ERSPAN III", 1, erspan3, 0, 2, 4},
    {"EtherIP", 1, etherip, 0, 1, 4},
    {"IP in IP", 1, ip_in_ip, 0, 1, 4},
    {"6in4", 1, six_in_four, 0, 1, 6},
    {"4in6", 1, four_in_six, 0, 1, 4},
    {"VXLAN", 1, vxlan, 0, 1, 4},
    {"VXLAN on 8472", 1, vxlan_linux, 0, 1, 6},
    {"VXLAN-GPE", 1, vxlan_gpe, 0, 1, 4},
    {"GENEVE", 1, geneve, 0, 1, 4},
    {"Teredo", 1, teredo, 0, 1, 6},
    {"GTP-U", 1, gtp, 0, 1, 4},
    {"L2TP", 1, l2tp, 0, 1, 4},
    {"VLAN, MPLS, GRE, VXLAN, IP in IP", 1, everything, 1, 4, 4},
    {"IPv6 extension headers", 1, extensions, 0, 0, 6},
    {"raw IP", 12, inner_v4, 0, 0, 4},
    {"raw IP, file's number", 101, inner_v6, 0, 0, 6},
    {"raw IPv6", 229, inner_v6, 0, 0, 6},
    {"Linux cooked", 113, cooked, 0, 0, 4},
    {"Linux cooked v2", 276, cooked2, 0, 0, 6},
    {"BSD null", 0, loop_null, 0, 0, 4},
    {"BSD null, other order", 0, loop_null_swapped, 0, 0, 6},
    {"BSD loop", 108, loop_null_swapped, 0, 0, 6},
    {"PPP", 9, ppp, 0, 0, 6},
    {"PPP serial", 50, ppp, 0, 0, 6},
    {"Cisco HDLC under PPP serial", 50, hdlc, 0, 0, 4},
    {"Cisco HDLC", 104, hdlc, 0, 0, 4},
    {"802.11", 105, wifi, 0, 0, 4},
    {"radiotap", 127, radiotap, 0, 0, 4},
    {"PPI", 192, ppi, 0, 0, 4},
    {"Prism", 119, prism, 0, 0, 4},
    {"NFLOG", 239, nflog, 0, 0, 4},
    {"PKTAP", 258, pktap, 0, 0, 4},
    {"frame relay", 107, frame_relay, 0, 0, 4},
};
#define ENCAPSULATIONS (sizeof(encapsulations) / sizeof(encapsulations[0]))

static void test_every_encapsulation_is_opened(void **state)
{
    (void)state;
    static struct build b;
    for (size_t i = 0; i < ENCAPSULATIONS; i++) {
        const struct encapsulation *e = &encapsulations[i];
        struct bench bench;
        struct ip_addr src, dst;
        bench_open(&bench);
        e->build(&b);
        if (!bench_build(&bench, e->link_type, &b))
            fail_msg("%s: no segment came out", e->name);
        const struct packet *p = &bench.packet;
        assert_int_equal(p->payload_len, TEXT_LEN);
        assert_memory_equal(p->payload, TEXT, TEXT_LEN);
        assert_true(ip_parse(e->version == 4 ? "10.0.0.1" : "fd00::1", &src));
        assert_true(ip_parse(e->version == 4 ? "10.0.0.2" : "fd00::2", &dst));
        assert_true(ip_equal(&p->src, &src) && ip_equal(&p->dst, &dst));
        assert_int_equal(p->src_port, 40000);
        assert_int_equal(p->dst_port, 80);
        assert_int_equal(p->vlan_count, e->vlans);
        assert_int_equal(p->tunnel_depth, e->tunnels);
        assert_int_equal(p->network[0] >> 4, e->version);
        assert_ptr_equal(p->network + p->network_len, p->payload + p->payload_len);
        assert_false(p->bad_checksum);
        assert_int_equal(p->payload_cut, 0);
        assert_int_equal(bench.counters.value[COUNT_PACKET_BAD_CHECKSUM], 0);
        bench_close(&bench);
    }
}

/* A snap length may fall anywhere, and so may the end of a damaged frame. The ledger is checked
 * inside. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static struct build b;
    for (size_t i = 0; i < ENCAPSULATIONS; i++) {
        struct bench bench;
        bench_open(&bench);
        encapsulations[i].build(&b);
        for (size_t n = 0; n <= build_len(&b); n++) {
            if (bench_frame(&bench, encapsulations[i].link_type, b.at, n, build_len(&b)) &&
                bench.packet.protocol == 6 && bench.packet.payload_len < TEXT_LEN)
                assert_int_equal(bench.packet.payload_len + bench.packet.payload_cut, TEXT_LEN);
            bench_frame(&bench, encapsulations[i].link_type, b.at, n, n);
        }
        bench_close(&bench);
    }
}

/* Every byte of every header changed, one at a time: nothing may be read out of bounds or booked
 * twice. */
static void test_any_byte_changed(void **state)
{
    (void)state;
    static struct build b;
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < ENCAPSULATIONS; i++) {
        struct bench bench;
        bench_open(&bench);
        encapsulations[i].build(&b);
        for (size_t n = 0; n < build_len(&b); n++) {
            for (size_t c = 0; c < sizeof(changes); c++) {
                b.at[n] ^= changes[c];
                bench_build(&bench, encapsulations[i].link_type, &b);
                b.at[n] ^= changes[c];
            }
        }
        bench_close(&bench);
    }
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    static struct build b;
    struct bench bench;
    bench_open(&bench);
    inner_v4(&b);
    for (int i = 0; i < 8; i++)
        build_v4(&b, 8, 9, 4);
    assert_true(bench_build(&bench, 12, &b));
    assert_int_equal(bench.packet.tunnel_depth, 8);
    build_v4(&b, 8, 9, 4);
    assert_false(bench_build(&bench, 12, &b));
    assert_string_equal(bench.counters.unsupported[0].name, "tunnels deeper than 8");

    inner_v4(&b);
    build_vlan(&b, 1, 0x0800);
    for (int i = 0; i < 1000; i++)
        build_vlan(&b, 1, 0x8100);
    build_ethernet(&b, 0x8100);
    assert_false(bench_build(&bench, 1, &b));
    bench_close(&bench);
}

static void test_unknown_types_are_named(void **state)
{
    (void)state;
    static struct build b;
    struct bench bench;
    bench_open(&bench);
    build_start(&b, TEXT, TEXT_LEN);
    assert_false(bench_build(&bench, 147, &b));
    build_ethernet(&b, 0x1234);
    assert_false(bench_build(&bench, 1, &b));
    build_start(&b, TEXT, TEXT_LEN);
    build_v4(&b, 1, 2, 132);
    assert_false(bench_build(&bench, 12, &b));
    assert_string_equal(bench.counters.unsupported[0].name, "link type 147");
    assert_string_equal(bench.counters.unsupported[1].name, "ethertype 0x1234");
    assert_string_equal(bench.counters.unsupported[2].name, "ip protocol 132");
    assert_int_equal(bench.counters.fate_packets[FATE_UNSUPPORTED], 3);
    assert_int_equal(bench.counters.fate_bytes[FATE_UNSUPPORTED], 3 * TEXT_LEN);
    bench_close(&bench);
}

static void test_chatter_is_overhead(void **state)
{
    (void)state;
    static struct build b;
    static const uint16_t types[] = {0x0806, 0x88cc, 0x888e, 0x8809};
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        build_start(&b, TEXT, TEXT_LEN);
        build_ethernet(&b, types[i]);
        assert_false(bench_build(&bench, 1, &b));
    }
    assert_int_equal(bench.counters.fate_packets[FATE_OVERHEAD], 4);
    assert_int_equal(bench.counters.fate_bytes[FATE_UNSUPPORTED], 0);
    bench_close(&bench);
}

/* Ordinary UDP on a tunnel's port, and forged tunnels that carry nothing, stay UDP and are
 * inspected. */
static void test_lookalikes_stay_udp(void **state)
{
    (void)state;
    static struct build b;
    static const uint16_t ports[] = {4789, 8472, 4790, 6081, 3544, 2152, 1701, 6635};
    static const char dressed[] = "\x08\0\0\0\0\0\x2a\0"
                                  "\2\0\0\0\0\1\2\0\0\0\0\2\x08\x06"
                                  "no ARP at all";
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        build_start(&b, TEXT, TEXT_LEN);
        outer_udp(&b, ports[i]);
        assert_true(bench_build(&bench, 1, &b));
        assert_int_equal(bench.packet.protocol, 17);
        assert_int_equal(bench.packet.dst_port, ports[i]);
        assert_int_equal(bench.packet.payload_len, TEXT_LEN);
    }
    build_start(&b, dressed, sizeof(dressed) - 1);
    outer_udp(&b, 4789);
    assert_true(bench_build(&bench, 1, &b));
    assert_int_equal(bench.packet.payload_len, sizeof(dressed) - 1);
    assert_int_equal(bench.packet.tunnel_depth, 0);
    bench_close(&bench);
}

static void test_tcp_options(void **state)
{
    (void)state;
    static struct build b;
    static const uint8_t options[] = {2,  4,  5, 0xb4, 1, 3, 3, 7, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2,
                                      19, 18, 0, 0,    0, 0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0};
    struct bench bench;
    bench_open(&bench);
    build_start(&b, options, sizeof(options));
    build_tcp(&b, 4, 1, 2, 1, 2, TCP_SYN);
    b.at[12] = (uint8_t)((20 + sizeof(options)) / 4 << 4);
    put16(b.at + 16, 0);
    build_transport_sum(&b, 4, 6, 16, 1, 2);
    build_v4(&b, 1, 2, 6);
    assert_true(bench_build(&bench, 12, &b));
    const struct packet_tcp *tcp = &bench.packet.tcp;
    assert_int_equal(tcp->mss, 1460);
    assert_int_equal(tcp->window_scale, 7);
    assert_true(tcp->has_timestamp && tcp->timestamp == 1 && tcp->timestamp_echo == 2);
    assert_true(tcp->has_md5);
    assert_false(tcp->bad_options);
    assert_false(bench.packet.bad_checksum);
    b.at[20 + 20 + 1] = 0; /* an option of length zero */
    assert_true(bench_build(&bench, 12, &b));
    assert_true(bench.packet.tcp.bad_options);
    bench_close(&bench);
}

static void test_shard_is_symmetric(void **state)
{
    (void)state;
    struct packet a = {0}, b = {0};
    assert_true(ip_parse("10.0.0.1", &a.src) && ip_parse("203.0.113.9", &a.dst));
    b.src = a.dst;
    b.dst = a.src;
    a.src_port = 1;
    b.dst_port = 2;
    assert_int_equal(packet_shard(&a), packet_shard(&b));
    b.dst.bytes[15]++;
    assert_int_not_equal(packet_shard(&a), packet_shard(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_encapsulation_is_opened),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_any_byte_changed),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_unknown_types_are_named),
        cmocka_unit_test(test_chatter_is_overhead),
        cmocka_unit_test(test_lookalikes_stay_udp),
        cmocka_unit_test(test_tcp_options),
        cmocka_unit_test(test_shard_is_symmetric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
