#!/usr/bin/python3
"""One case for each link type and encapsulation: the same JPEG upload, its packets carried as that layer carries them.
A case holds when the upload raises its alert whole, with its SHA-256, and the ledger closes. Then what is not read:
such frames are told by kind and number under `unsupported`.

usage: encapsulations.py SENSOR RULES [WORDS...]    prints a line a case and `n of n`
"""

import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from wire import Conversation, checksum, ipv4, jpeg, tcp, upload, write_pcap  # noqa: E402

PICTURE = jpeg(320, 240)
MESSAGE = upload(PICTURE)
DIGEST = hashlib.sha256(PICTURE).hexdigest()
MACS = bytes.fromhex("020000000002" "020000000001")
CASES = []


def case(name, link_type=1, size=1400):
    def add(wrap):
        CASES.append((name, link_type, size, wrap))
        return wrap
    return add


def packets(size):
    """The upload's IPv4 packets, without a link header."""
    talk = Conversation()
    talk.handshake()
    talk.send(MESSAGE, size)
    talk.answer()
    talk.close()
    return [frame[14:] for frame in talk.frames]


def ethernet(payload, ethertype=0x0800):
    return MACS + struct.pack(">H", ethertype) + payload


def udp(payload, sport, dport):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def outer(payload, proto):
    """Between two routers outside, so that only what is inside decides the direction."""
    return ethernet(ipv4("198.51.100.1", "198.51.100.2", payload, proto=proto))


def outer_udp(payload, dport, sport=49152):
    return outer(udp(payload, sport, dport), 17)


ROUTER6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
ADDRESS6 = {"10.1.2.3": "fd00::1203", "203.0.113.9": "2001:db8:9::9"}


def tcp6(packet):
    """The TCP segment of an IPv4 packet between the same hosts' IPv6 addresses: (source, destination, segment)."""
    src, dst = (socket.inet_pton(socket.AF_INET6, ADDRESS6[socket.inet_ntoa(packet[at:at + 4])]) for at in (12, 16))
    segment = packet[20:36] + b"\0\0" + packet[38:]
    value = checksum(src + dst + struct.pack(">IHBB", len(segment), 0, 0, 6) + segment)
    return src, dst, segment[:16] + struct.pack(">H", value) + segment[18:]


def ipv6(packet, before=b"", next_header=6, payload=None):
    src, dst, segment = tcp6(packet)
    body = before + (segment if payload is None else payload)
    return struct.pack(">IHBB", 6 << 28, len(body), next_header, 64) + src + dst + body


# --- link types ---------------------------------------------------------------------------------------------

@case("Ethernet")
def _(p):
    return ethernet(p)


@case("Ethernet, a frame padded to 60 bytes with a trailer behind")
def _(p):
    return ethernet(p).ljust(60, b"\0") + b"tail"


@case("IEEE 802.3 with LLC and SNAP")
def _(p):
    return MACS + struct.pack(">H", 8 + len(p)) + b"\xaa\xaa\3\0\0\0\x08\0" + p


for number in (12, 14, 101, 228):
    case(f"raw IP, link type {number}", number)(lambda p: p)


@case("raw IPv6, link type 229", 229)
def _(p):
    return ipv6(p)


@case("Linux cooked, version 1", 113)
def _(p):
    return struct.pack(">HHH", 4, 1, 6) + MACS[6:] + b"\0\0" + struct.pack(">H", 0x0800) + p


@case("Linux cooked, version 1, with a VLAN tag", 113)
def _(p):
    return struct.pack(">HHH", 4, 1, 6) + MACS[6:] + b"\0\0" + struct.pack(">HHH", 0x8100, 20, 0x0800) + p


@case("Linux cooked, version 2", 276)
def _(p):
    return struct.pack(">HHIHBB", 0x0800, 0, 3, 1, 4, 6) + MACS[6:] + b"\0\0" + p


@case("BSD null, little-endian", 0)
def _(p):
    return struct.pack("<I", 2) + p


@case("BSD null, big-endian", 0)
def _(p):
    return struct.pack(">I", 2) + p


for family in (24, 28, 30):
    case(f"BSD null, IPv6 as family {family}", 0)(lambda p, family=family: struct.pack("<I", family) + ipv6(p))


@case("BSD loop", 108)
def _(p):
    return struct.pack(">I", 2) + p


@case("PPP in HDLC-like framing", 9)
def _(p):
    return b"\xff\3\0\x21" + p


@case("PPP with protocol, address and control compressed", 9)
def _(p):
    return b"\x21" + p


@case("PPP, IPv6", 9)
def _(p):
    return b"\xff\3\0\x57" + ipv6(p)


@case("Cisco HDLC", 104)
def _(p):
    return b"\x0f\0\x08\0" + p


def pppoe(p):
    return struct.pack(">BBHH", 0x11, 0, 77, len(p) + 2) + b"\0\x21" + p


@case("PPPoE on Ethernet")
def _(p):
    return ethernet(pppoe(p), 0x8864)


@case("PPPoE, link type 51", 51)
def _(p):
    return pppoe(p)


SNAP = b"\xaa\xaa\3\0\0\0\x08\0"


def wifi(p, control=0x0108, qos=b"", addresses=3, body=None, sequence=0x10):
    """A data frame; its network payload behind LLC and SNAP."""
    head = struct.pack("<HH", control, 0) + b"\2\0\0\0\0\x10" + b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2"
    head += struct.pack("<H", sequence)
    head += b"\2\0\0\0\0\3" if addresses == 4 else b""
    return head + qos + (body if body is not None else SNAP + p)


RADIOTAP = struct.pack("<BBHI", 0, 0, 8, 0)


@case("IEEE 802.11", 105)
def _(p):
    return wifi(p)


@case("radiotap", 127)
def _(p):
    return RADIOTAP + wifi(p)


@case("radiotap, a time stamp, a rate and a frame check sequence", 127)
def _(p):
    return struct.pack("<BBHIQBB", 0, 0, 18, 7, 12345, 0x10, 22) + wifi(p) + b"FCS!"


@case("radiotap, two words of presence bits", 127)
def _(p):
    return struct.pack("<BBHIIB3x", 0, 0, 16, 0x80000002, 0, 0) + wifi(p)


@case("radiotap, QoS data", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x0188, qos=b"\0\0")


@case("radiotap, QoS data with padding before the payload", 127)
def _(p):
    return struct.pack("<BBHIB", 0, 0, 9, 2, 0x20) + wifi(p, 0x0188, qos=b"\0\0\0\0")


@case("radiotap, QoS data with a control field for high throughput", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x8188, qos=b"\0\0" + b"\0\0\0\0")


@case("radiotap, four addresses", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x0308, addresses=4)


@case("radiotap, an A-MSDU of one", 127)
def _(p):
    inner = b"\xaa\xaa\3\0\0\0\x08\0" + p
    return RADIOTAP + wifi(p, 0x0188, qos=b"\x80\0", body=MACS + struct.pack(">H", len(inner)) + inner)


def halves(p):
    """The same TCP payload in two packets, where there is enough of it."""
    at = 20 + (p[32] >> 4) * 4
    if len(p) - at < 2:
        return [p]
    cut = at + (len(p) - at) // 2
    sport, dport, seq, ack = struct.unpack(">HHII", p[20:32])
    ends = [socket.inet_ntoa(p[n:n + 4]) for n in (12, 16)]
    return [ipv4(*ends, tcp(*ends, sport, dport, seq + first - at, ack, p[33], p[first:last]))
            for first, last in ((at, cut), (cut, len(p)))]


def aggregate(bodies):
    parts = [MACS + struct.pack(">H", len(body)) + body for body in bodies]
    return b"".join(part + bytes(-len(part) % 4) for part in parts[:-1]) + parts[-1]


ARP = b"\xaa\xaa\3\0\0\0\x08\x06" + struct.pack(">HHBBH20x", 1, 0x0800, 6, 4, 1)


@case("radiotap, an A-MSDU of several", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x0188, qos=b"\x80\0", body=aggregate([ARP] + [SNAP + h for h in halves(p)] + [ARP]))


@case("radiotap, an A-MSDU of several, four addresses and a frame check sequence", 127)
def _(p):
    return struct.pack("<BBHIB", 0, 0, 9, 2, 0x10) + wifi(p, 0x0388, b"\x80\0", 4, aggregate(
        [SNAP + h for h in halves(p)])) + b"FCS!"


def pieces(p, size=400, control=0x0108, qos=b""):
    """IEEE 802.11 fragments, one of them sent again; the sequence number follows the packet."""
    body = SNAP + p
    sequence = struct.unpack(">H", p[4:6])[0] * 2 + (p[12] == 10)
    cuts = range(0, len(body), size)
    frames = [RADIOTAP + wifi(p, control | (0x0400 if at + size < len(body) else 0), qos, body=body[at:at + size],
                              sequence=(sequence & 0xFFF) << 4 | n) for n, at in enumerate(cuts)]
    return frames[:1] + frames if len(frames) > 1 else frames


case("radiotap, fragments", 127)(pieces)
case("radiotap, fragments of QoS data, lengths no multiple of eight", 127)(
    lambda p: pieces(p, 333, 0x0188, b"\3\0"))


@case("radiotap, a mesh's header before the frame", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x0388, b"\0\1", 4, b"\0\x1f\1\0\0\0" + SNAP + p)


@case("radiotap, a mesh's header with two more addresses", 127)
def _(p):
    return RADIOTAP + wifi(p, 0x0388, b"\0\1", 4, b"\2\x1f\1\0\0\0" + MACS + SNAP + p)


@case("TZSP carrying an 802.11 aggregate")
def _(p):
    return outer_udp(b"\1\0\0\x12\1" + wifi(p, 0x0188, qos=b"\x80\0", body=aggregate(
        [SNAP + h for h in halves(p)])), 37008)


@case("Prism", 119)
def _(p):
    return struct.pack("<II16s", 0x44, 144, b"wlan0") + bytes(120) + wifi(p)


@case("AVS", 163)
def _(p):
    return struct.pack(">II", 0x80211001, 64) + bytes(56) + wifi(p)


@case("PPI over IEEE 802.11", 192)
def _(p):
    return struct.pack("<BBHI", 0, 0, 8, 105) + wifi(p)


@case("PKTAP over Ethernet", 258)
def _(p):
    return struct.pack("<III", 108, 1, 1).ljust(108, b"\0") + ethernet(p)


@case("PKTAP over raw IP", 149)
def _(p):
    return struct.pack("<III", 108, 1, 12).ljust(108, b"\0") + p


@case("NFLOG", 239)
def _(p):
    return b"\2\0\0\7" + struct.pack("<HH", 8, 1) + b"\x08\0\0\0" + struct.pack("<HH", 4 + len(p), 9) + p


@case("Endace ERF", 197)
def _(p):
    frame = ethernet(p)
    return struct.pack("<Q", 1) + struct.pack(">BBHHH", 2, 4, 18 + len(frame), 0, len(frame) + 4) + b"\0\0" + frame


@case("Endace ERF with two extension headers", 197)
def _(p):
    frame = ethernet(p)
    return struct.pack("<Q", 1) + struct.pack(">BBHHH", 0x82, 4, 34 + len(frame), 0, len(frame)) + \
        b"\x83" + bytes(7) + b"\x03" + bytes(7) + b"\0\0" + frame


case("Endace ERF, bare IP", 197)(
    lambda p: struct.pack("<Q", 1) + struct.pack(">BBHHH", 22, 4, 16 + len(p), 0, len(p)) + p)
case("OpenBSD pflog", 117)(lambda p: bytes([61, 2]) + bytes(62) + p)
case("OpenBSD enc", 109)(lambda p: struct.pack(">III", 2, 0, 0) + p)
case("Juniper, Ethernet", 178)(lambda p: b"MGC\0" + ethernet(p))
case("Juniper, Ethernet behind extensions", 178)(lambda p: b"MGC\x80\0\6" + bytes(6) + ethernet(p))
case("Juniper, the link header left out", 178)(lambda p: b"MGC\2" + bytes(4) + p)
case("Juniper, PPP", 179)(lambda p: b"MGC\1\xff\3\0\x21" + p)
case("Juniper, Cisco HDLC", 181)(lambda p: b"MGC\1\x0f\0\x08\0" + p)
case("IP over Fibre Channel", 122)(lambda p: bytes(16) + SNAP + p)
case("IP over InfiniBand", 242)(lambda p: bytes(40) + b"\x08\0\0\0" + p)
case("SunATM", 123)(lambda p: b"\x02\1\0\x20" + SNAP + p)
case("SunATM, an emulated LAN", 123)(lambda p: b"\x01\1\0\x20\0\1" + ethernet(p))
case("TZSP as a link type", 128)(lambda p: b"\1\0\0\1\1" + ethernet(p))
case("PPP of pppd with a direction", 166)(lambda p: b"\1\3\0\x21" + p)
case("PPP after a direction byte", 204)(lambda p: b"\1\xff\3\0\x21" + p)
case("Cisco HDLC after a direction byte", 205)(lambda p: b"\1\x0f\0\x08\0" + p)
case("PPP, HDLC or not, link type 50", 50)(lambda p: b"\xff\3\0\x21" + p)
case("netANALYZER", 240)(lambda p: bytes(4) + ethernet(p))
case("netANALYZER with preamble", 241)(lambda p: bytes(4) + b"U" * 7 + b"\xd5" + ethernet(p))
case("Windows null, IPv6 as family 23", 0)(lambda p: struct.pack("<I", 23) + ipv6(p))
case("IP over IEEE 1394", 138)(lambda p: bytes(16) + b"\x08\0" + p)
case("FDDI", 10)(lambda p: b"\x50" + MACS + SNAP + p)
case("token ring, source-routed", 6)(lambda p: b"\x10\x40" + MACS[:6] + b"\x82" + MACS[7:] + b"\x06\0" + bytes(4) + SNAP + p)
case("frame relay", 107)(lambda p: b"\x18\x41\3\xcc" + p)
case("Solaris ipnet", 226)(lambda p: bytes(24) + p)
case("Cisco ISL")(lambda p: b"\1\0\x0c\0\0\0" + MACS[6:] + struct.pack(">H", 26 + len(p)) + b"\xaa\xaa\3\0\0\x0c" +
                  b"\0\x28\0\0\0\0" + ethernet(p) + b"FCS1FCS2")


# --- tags and labels ----------------------------------------------------------------------------------------

def tags(p, *types):
    out = p
    inner = 0x0800
    for ethertype in reversed(types):
        out = struct.pack(">HH", 20, inner) + out
        inner = ethertype
    return ethernet(out, inner)


case("VLAN")(lambda p: tags(p, 0x8100))
case("QinQ")(lambda p: tags(p, 0x88A8, 0x8100))
case("QinQ, both 0x8100")(lambda p: tags(p, 0x8100, 0x8100))
case("QinQ, 0x9100")(lambda p: tags(p, 0x9100, 0x8100))
case("three tags")(lambda p: tags(p, 0x88A8, 0x8100, 0x8100))


def label(value, last):
    return struct.pack(">I", value << 12 | last << 8 | 64)


case("MPLS")(lambda p: ethernet(label(16, 1) + p, 0x8847))
case("MPLS, three labels")(lambda p: ethernet(label(16, 0) + label(17, 0) + label(18, 1) + p, 0x8847))
case("MPLS, upstream-assigned")(lambda p: ethernet(label(16, 1) + p, 0x8848))
case("MPLS, an Ethernet pseudowire with a control word")(
    lambda p: ethernet(label(16, 0) + label(17, 1) + bytes(4) + ethernet(p), 0x8847))
case("MPLS, an Ethernet pseudowire without one")(
    lambda p: ethernet(label(16, 0) + label(17, 1) + ethernet(p), 0x8847))
case("MPLS under VLAN")(lambda p: ethernet(struct.pack(">HH", 20, 0x8847) + label(16, 1) + p, 0x8100))
case("MPLS, IPv6")(lambda p: ethernet(label(16, 1) + ipv6(p), 0x8847))
case("MACs in MACs (IEEE 802.1ah)")(lambda p: ethernet(struct.pack(">I", 0x1234) + ethernet(p), 0x88E7))

case("HSR")(lambda p: ethernet(struct.pack(">HHH", len(p) + 6, 7, 0x0800) + p, 0x892F))
case("PRP's trailer")(lambda p: ethernet(p).ljust(60, b"\0") + struct.pack(">HHH", 7, 0xA000 | len(p) + 6, 0x88FB))
case("TRILL")(lambda p: ethernet(struct.pack(">HHH", 0x003F, 2, 1) + ethernet(p), 0x22F3))
case("TRILL with options")(lambda p: ethernet(struct.pack(">HHH", 0x00BF, 2, 1) + bytes(8) + ethernet(p), 0x22F3))
case("NSH")(lambda p: ethernet(struct.pack(">BBBBI16x", 0x0F, 0xC6, 1, 3, 0x1FF) + ethernet(p), 0x894F))
case("MACsec, signed and not encrypted")(
    lambda p: ethernet(struct.pack(">BBIQ", 0x20, 0, 1, 9) + b"\x08\0" + p + bytes(16), 0x88E5))


# --- tunnels over IP ----------------------------------------------------------------------------------------

case("GRE")(lambda p: outer(struct.pack(">HH", 0, 0x0800) + p, 47))
case("GRE with checksum, key and sequence number")(
    lambda p: outer(struct.pack(">HHHHII", 0xB000, 0x0800, 0, 0, 7, 9) + p, 47))
case("GRE carrying Ethernet")(lambda p: outer(struct.pack(">HH", 0, 0x6558) + ethernet(p), 47))
case("NVGRE")(lambda p: outer(struct.pack(">HHI", 0x2000, 0x6558, 5001 << 8) + ethernet(p), 47))
case("GRE, enhanced, carrying PPP (PPTP)")(
    lambda p: outer(struct.pack(">HHHHII", 0x3081, 0x880B, len(p) + 4, 1, 5, 4) + b"\xff\3\0\x21" + p, 47))
case("GRE over IPv6 carrying IPv4")(
    lambda p: ethernet(struct.pack(">IHBB", 6 << 28, 4 + len(p), 47, 64) + ROUTER6 + ROUTER6 +
                       struct.pack(">HH", 0, 0x0800) + p, 0x86DD))
case("ERSPAN I")(lambda p: outer(struct.pack(">HH", 0, 0x88BE) + ethernet(p), 47))
case("ERSPAN II")(
    lambda p: outer(struct.pack(">HHIHHI", 0x1000, 0x88BE, 1, 0x1000 | 20, 100, 1) + ethernet(p), 47))
case("ERSPAN III")(
    lambda p: outer(struct.pack(">HHIHHIHH", 0x1000, 0x22EB, 1, 0x2000 | 20, 100, 99, 0, 0) + ethernet(p), 47))
case("ERSPAN III with a platform subheader")(
    lambda p: outer(struct.pack(">HHIHHIHH8s", 0x1000, 0x22EB, 1, 0x2000 | 20, 100, 99, 0, 1, bytes(8)) +
                    ethernet(p), 47))
case("IP in IP")(lambda p: outer(p, 4))
case("6in4")(lambda p: outer(ipv6(p), 41))
case("IPv4 in IPv6")(lambda p: ethernet(ipv6(p, next_header=4, payload=p), 0x86DD))
case("IPv6 in IPv6")(lambda p: ethernet(ipv6(p, next_header=41, payload=ipv6(p)), 0x86DD))
case("EtherIP")(lambda p: outer(b"\x30\0" + ethernet(p), 97))
case("EoIP of MikroTik")(lambda p: outer(struct.pack(">HHH", 0x2001, 0x6400, len(p) + 14) + b"\7\0" + ethernet(p), 47))
case("minimal encapsulation (Mobile IP)")(
    lambda p: ethernet(ipv4(*(("10.1.2.3", "198.51.100.2") if p[12] == 10 else ("203.0.113.9", "198.51.100.1")),
                            struct.pack(">BBH", 6, 0, 0) + p[16:20] + p[20:], proto=55)))
case("L2TP, version 3, over IP")(lambda p: outer(struct.pack(">I", 77) + ethernet(p), 115))
case("L2TP, version 3, over IP, a cookie and a sublayer")(
    lambda p: outer(struct.pack(">I", 77) + b"COOKIE!!" + bytes(4) + ethernet(p), 115))
case("Ethernet in IPv6 (RFC 8986)")(
    lambda p: ethernet(struct.pack(">IHBB", 6 << 28, 14 + len(p), 143, 64) + ROUTER6 + ROUTER6 + ethernet(p), 0x86DD))
case("MPLS in IP")(lambda p: outer(label(16, 1) + p, 137))
case("an authentication header")(
    lambda p: ethernet(ipv4("10.1.2.3" if p[12] == 10 else "203.0.113.9", "203.0.113.9" if p[12] == 10 else "10.1.2.3",
                            struct.pack(">BBHII12s", 6, 4, 0, 1, 1, bytes(12)) + p[20:], proto=51)))


# --- tunnels over UDP ---------------------------------------------------------------------------------------

VXLAN = struct.pack(">BBHI", 8, 0, 0, 42 << 8)

case("VXLAN")(lambda p: outer_udp(VXLAN + ethernet(p), 4789))
case("VXLAN on the port Linux had first")(lambda p: outer_udp(VXLAN + ethernet(p), 8472))
case("VXLAN-GPE")(lambda p: outer_udp(struct.pack(">BBBBI", 0x0C, 0, 0, 1, 42 << 8) + p, 4790))
case("VXLAN with a VLAN tag inside")(lambda p: outer_udp(VXLAN + tags(p, 0x8100), 4789))
case("GENEVE")(lambda p: outer_udp(struct.pack(">BBHI", 0, 0, 0x6558, 42 << 8) + ethernet(p), 6081))
case("GENEVE with options")(
    lambda p: outer_udp(struct.pack(">BBHI", 3, 0, 0x6558, 42 << 8) + b"\1\2\3\2" + bytes(8) + ethernet(p), 6081))
case("GENEVE carrying IP")(lambda p: outer_udp(struct.pack(">BBHI", 0, 0, 0x0800, 42 << 8) + p, 6081))
case("Teredo")(lambda p: outer_udp(ipv6(p), 3544))
case("Teredo with authentication and origin")(
    lambda p: outer_udp(b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + ipv6(p), 3544))
case("GTP-U")(lambda p: outer_udp(struct.pack(">BBHI", 0x30, 255, len(p), 7) + p, 2152))
case("GTP-U with a sequence number")(
    lambda p: outer_udp(struct.pack(">BBHIHBB", 0x32, 255, len(p) + 4, 7, 1, 0, 0) + p, 2152))
case("GTP-U with two extension headers")(
    lambda p: outer_udp(struct.pack(">BBHIHBB", 0x34, 255, len(p) + 12, 7, 0, 0, 0x85) +
                        b"\1\0\0\xc0" + b"\1\0\0\0" + p, 2152))
case("GTP-U carrying IPv6")(lambda p: outer_udp(struct.pack(">BBHI", 0x30, 255, len(ipv6(p)), 7) + ipv6(p), 2152))
case("VXLAN-GPE carrying NSH")(
    lambda p: outer_udp(struct.pack(">BBBBI", 0x0C, 0, 0, 4, 42 << 8) +
                        struct.pack(">BBBBI16x", 0x0F, 0xC6, 1, 3, 0x1FF) + ethernet(p), 4790))
case("LISP")(lambda p: outer_udp(bytes(8) + p, 4341))
case("GUE")(lambda p: outer_udp(b"\0\4\0\0" + p, 6080))
case("GUE, a bare packet")(lambda p: outer_udp(p, 6080))
case("CAPWAP data, as Ethernet")(lambda p: outer_udp(b"\0\x10\2\0" + bytes(4) + ethernet(p), 5247))
case("CAPWAP data, as in the air")(lambda p: outer_udp(b"\0\x10\3\0" + bytes(4) + wifi(p), 5247))
case("L2TP, version 3, over UDP")(lambda p: outer_udp(struct.pack(">HHI", 3, 0, 77) + bytes(4) + ethernet(p), 1701, 1701))
case("MPLS in UDP")(lambda p: outer_udp(label(16, 1) + p, 6635))
case("GRE in UDP")(lambda p: outer_udp(struct.pack(">HH", 0, 0x0800) + p, 4754))
case("TZSP")(lambda p: outer_udp(b"\1\0\0\1" + b"\x0a\1\xc8" + b"\0\1" + ethernet(p), 37008))
case("L2TP")(lambda p: outer_udp(struct.pack(">HHH", 0x0002, 1, 2) + b"\xff\3\0\x21" + p, 1701, 1701))


# --- IPv6 and its headers -----------------------------------------------------------------------------------

def options_header(following):
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


case("IPv6")(lambda p: ethernet(ipv6(p), 0x86DD))
case("IPv6, hop-by-hop options")(lambda p: ethernet(ipv6(p, options_header(6), 0), 0x86DD))
case("IPv6, destination options")(lambda p: ethernet(ipv6(p, options_header(6), 60), 0x86DD))
case("IPv6, a routing header that is used up")(
    lambda p: ethernet(ipv6(p, bytes([6, 2, 0, 0]) + bytes(20), 43), 0x86DD))
case("IPv6, hop-by-hop, destination, routing and destination headers")(
    lambda p: ethernet(ipv6(p, options_header(60) + options_header(43) + bytes([60, 0, 4, 0]) + bytes(4) +
                            options_header(6), 0), 0x86DD))
case("IPv6, an authentication header")(
    lambda p: ethernet(ipv6(p, struct.pack(">BBHII12s", 6, 4, 0, 1, 1, bytes(12)), 51), 0x86DD))
case("IPv6, an atomic fragment")(lambda p: ethernet(ipv6(p, struct.pack(">BBHI", 6, 0, 0, 77), 44), 0x86DD))


@case("IPv6 fragments")
def _(p):
    src, dst, segment = tcp6(p)
    ident = struct.unpack(">I", segment[4:8])[0] ^ len(segment) << 16
    return [ethernet(struct.pack(">IHBB", 6 << 28, 8 + len(segment[at:at + 512]), 44, 64) + src + dst +
            struct.pack(">BBHI", 6, 0, at | (at + 512 < len(segment)), ident) + segment[at:at + 512], 0x86DD)
            for at in range(0, len(segment), 512)]


@case("IPv6 fragments behind a hop-by-hop header")
def _(p):
    src, dst, segment = tcp6(p)
    ident = struct.unpack(">I", segment[4:8])[0] ^ len(segment) << 16
    return [ethernet(struct.pack(">IHBB", 6 << 28, 16 + len(segment[at:at + 512]), 0, 64) + src + dst +
            options_header(44) + struct.pack(">BBHI", 6, 0, at | (at + 512 < len(segment)), ident) +
            segment[at:at + 512], 0x86DD)
            for at in range(0, len(segment), 512)]


# --- large frames, and layers upon layers -------------------------------------------------------------------

case("jumbo frames of 9,000 bytes", size=8960)(ethernet)
case("what receive offload merged: 64 KiB", size=65000)(ethernet)
case("VXLAN in GENEVE in GRE under MPLS and QinQ")(
    lambda p: tags(b"", 0x88A8, 0x8100)[:20] + struct.pack(">H", 0x8847) + label(16, 1) +
    outer(struct.pack(">HH", 0, 0x6558) + outer_udp(struct.pack(">BBHI", 0, 0, 0x6558, 0) +
          outer_udp(VXLAN + ethernet(p), 4789), 6081), 47)[14:])


@case("eight tunnels, one in another: the bound")
def _(p):
    for _ in range(7):
        p = ipv4("198.51.100.1", "198.51.100.2", p, proto=4)
    return outer(p, 4)


@case("VXLAN whose outer packets are fragments")
def _(p):
    whole = udp(VXLAN + ethernet(p), 49152, 4789)
    ident = struct.unpack(">H", p[4:6])[0] * 2 + (p[12] == 10)
    return [ethernet(ipv4("198.51.100.1", "198.51.100.2", whole[at:at + 488], proto=17, ident=ident, frag=at,
                          more=at + 488 < len(whole))) for at in range(0, len(whole), 488)]


@case("fragments inside VXLAN")
def _(p):
    body = p[20:]
    ends = [socket.inet_ntoa(p[at:at + 4]) for at in (12, 16)]
    return [outer_udp(VXLAN + ethernet(ipv4(*ends, body[at:at + 488], ident=struct.unpack(">H", p[4:6])[0], frag=at,
                                            more=at + 488 < len(body))), 4789) for at in range(0, len(body), 488)]


# --- what is not read, and is told --------------------------------------------------------------------------

NINE_DEEP = ipv4("10.1.2.3", "203.0.113.9", bytes(40), proto=17)
for _ in range(9):
    NINE_DEEP = ipv4("198.51.100.1", "198.51.100.2", NINE_DEEP, proto=4)

UNREAD = [
    ("link type 147", 147, bytes(60)),
    ("ethertype 0x88b5", 1, ethernet(bytes(60), 0x88B5)),
    ("macsec encrypted 0", 1, ethernet(b"\x2c" + bytes(59), 0x88E5)),
    ("ip protocol 132", 1, ethernet(ipv4("10.1.2.3", "203.0.113.9", bytes(40), proto=132))),
    ("ip protocol 132", 1, ethernet(ipv4("10.1.2.3", "203.0.113.9", bytes(40), proto=132))),
    ("address family 99", 0, struct.pack("<I", 99) + bytes(40)),
    ("ethertype 0x1234", 1, outer(struct.pack(">HH", 0, 0x1234) + bytes(40), 47)),
    ("ppp protocol 0x003d", 9, b"\xff\3\0\x3d" + bytes(40)),
    ("tunnels deeper than 8", 12, NINE_DEEP),
    ("802.11 encrypted 0", 127, RADIOTAP + wifi(b"", 0x4108, body=bytes(40))),
]


def replay(sensor, rules, path):
    stats = path + ".stats"
    done = subprocess.run([sensor, "replay", "-q", "--rules", rules, "--stats", stats, path],
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return f"exit {done.returncode}: {done.stderr.strip()[-300:]}", None, None
    with open(stats, encoding="utf-8") as file:
        document = json.load(file)["stats"]
    if sum(document["fate_bytes"].values()) != document["capture"]["bytes"]:
        return "the byte ledger does not close", None, None
    return None, [json.loads(line) for line in done.stdout.splitlines()], document


def run(sensor, rules, path, link_type, size, wrap):
    frames = []
    for packet in packets(size):
        out = wrap(packet)
        frames += out if isinstance(out, list) else [out]
    write_pcap(path, frames, link_type)
    trouble, alerts, document = replay(sensor, rules, path)
    if trouble:
        return trouble
    if not any(a.get("fileinfo", {}).get("sha256") == DIGEST and a["dlp"]["object_type"] == "jpeg" for a in alerts):
        return f"no alert of the picture; {len(alerts)} alerts; fates {document['fate_packets']}; " \
               f"unsupported {document.get('unsupported')}"
    wrong = [a["alert"]["signature"] for a in alerts if a["alert"]["category"] == "evasion"]
    return f"an alert of evasion: {wrong}" if wrong else None


def main():
    sensor, rules = sys.argv[1:3]
    words = sys.argv[3:]
    good = total = 0
    with tempfile.TemporaryDirectory(prefix="encapsulations-") as folder:
        path = os.path.join(folder, "case.pcap")

        def verdict(name, trouble):
            nonlocal good, total
            total += 1
            good += trouble is None
            print(f"{'ok' if trouble is None else 'not ok'} - {name}" + (f": {trouble}" if trouble else ""), flush=True)

        for name, link_type, size, wrap in CASES:
            if not words or any(word in name for word in words):
                verdict(name, run(sensor, rules, path, link_type, size, wrap))
        for name, link_type, frame in UNREAD:
            if words and not any(word in name for word in words):
                continue
            write_pcap(path, [frame] * 3, link_type)
            trouble, _, document = replay(sensor, rules, path)
            seen = (document or {}).get("unsupported") or {}
            if not trouble and seen.get(name) != 3:
                trouble = f"not told: {seen}"
            verdict(f"not read, and told as {name}", trouble)
    print(f"{good} of {total}")
    return good != total


if __name__ == "__main__":
    sys.exit(main())
