"""Cases of the board in which nobody hides anything: what ordinary networks, cards and taps do to an upload. It comes
out whole, once, and nothing is called a trick."""

import socket
import struct

from script import MESSAGE, PICTURE, begin, case, finish
from wire import ACK, FIN, MD5_OPTION, PSH, RST, SYN, ipv4, tcp


def plain(name, **settings):
    return case(name, whole=True, quiet=True, **settings)


def client_frame(frame):
    return frame[26:30] == socket.inet_aton("10.1.2.3")


@plain("every frame twice, one copy with a VLAN tag, a hop farther")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    out = []
    for frame in c.frames:
        head = bytearray(frame[14:34])
        head[8] -= 1
        head[10:12] = b"\0\0"
        total = sum(struct.unpack(">10H", head))
        total = (total & 0xFFFF) + (total >> 16)
        head[10:12] = struct.pack(">H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF)
        out += [frame, b"\2\0\0\0\0\x0a\2\0\0\0\0\x0b\x81\0\0\x14" + frame[12:14] + head + frame[34:]]
    c.frames = out


@plain("the handshake captured after the first data")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    c.frames = c.frames[3:4] + c.frames[:3] + c.frames[4:]


@plain("acknowledgements captured before what they acknowledge (two taps out of step)")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    for n in range(4, len(c.frames) - 4):
        if not client_frame(c.frames[n]) and client_frame(c.frames[n - 1]):
            c.frames[n - 1], c.frames[n] = c.frames[n], c.frames[n - 1]


@plain("every segment signed (TCP MD5), the handshake too")
def _(c):
    c.options = c.server_options = lambda: MD5_OPTION
    begin(c)
    c.send(MESSAGE)
    finish(c)


@plain("a window of 4 MiB, nothing acknowledged before the end")
def _(c):
    c.segment(flags=SYN, ack=0, options=b"\3\3\7")
    c.seq += 1
    raw = tcp(c.server, c.client, c.sport, c.cport, c.ack, c.seq, SYN | ACK, options=b"\3\3\7")
    c.ether(ipv4(c.server, c.client, raw))
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE, acked=False)
    c.reply()
    finish(c)


@plain("keep-alive probes between, with and without a byte")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 4000):
        c.send(MESSAGE[at:at + 4000])
        c.segment(b"\0", seq=c.seq - 1, flags=ACK)
        c.reply()
        c.segment(seq=c.seq - 1, flags=ACK)
        c.reply()
    finish(c)


@plain("the client resets instead of closing")
def _(c):
    begin(c)
    c.send(MESSAGE)
    c.answer()
    c.segment(flags=RST | ACK)


@plain("a half-closed connection: the client's FIN rides on its last segment, the answer follows")
def _(c):
    begin(c)
    c.send(MESSAGE[:-500])
    c.segment(MESSAGE[-500:], flags=FIN | PSH | ACK)
    c.seq += 501
    c.reply()
    c.answer()
    c.reply(flags=FIN | ACK)
    c.ack += 1
    c.segment(flags=ACK)


@plain("FIN sent three times, late copies of data after it")
def _(c):
    begin(c)
    c.send(MESSAGE)
    c.answer()
    for _ in range(3):
        c.segment(flags=FIN | ACK)
    c.segment(MESSAGE[-900:], seq=c.seq - 900)
    c.seq += 1
    c.reply(flags=FIN | ACK)
    c.ack += 1
    c.segment(flags=ACK)


@plain("checksums left to the card: the pseudo-header's sum alone, from the first SYN on")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    out = []
    for frame in c.frames:
        if client_frame(frame):
            length = len(frame) - 34
            total = sum(struct.unpack(">4H", frame[26:34])) + 6 + length
            total = (total & 0xFFFF) + (total >> 16)
            frame = frame[:50] + struct.pack(">H", (total & 0xFFFF) + (total >> 16)) + frame[52:]
        out.append(frame)
    c.frames = out


@plain("TCP and IP checksums of zero")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    c.frames = [f[:24] + b"\0\0" + f[26:50] + b"\0\0" + f[52:] if client_frame(f) else f for f in c.frames]


@plain("super-packets of 20,000 bytes whose IP length is 0")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 20000):
        raw = c.segment(MESSAGE[at:at + 20000])
        c.frames.pop()
        c.ether(ipv4(c.client, c.server, raw, total=0))
        c.seq += len(MESSAGE[at:at + 20000])
        c.reply()
    finish(c)


@plain("one super-packet larger than 64 KiB (BIG TCP)")
def _(c):
    begin(c)
    message = b"POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + bytes(90000) + MESSAGE
    raw = tcp(c.client, c.server, c.cport, c.sport, c.seq, c.ack, ACK | PSH, message[:100000])
    c.ether(ipv4(c.client, c.server, raw, total=0))
    c.seq += 100000
    c.reply()
    c.send(message[100000:])
    finish(c)


@plain("frames padded to 60 bytes, the padding full of junk")
def _(c):
    begin(c)
    c.send(MESSAGE[:100], size=3)
    c.send(MESSAGE[100:])
    finish(c)
    c.frames = [f + b"\xa5" * (60 - len(f)) for f in c.frames]


@plain("IP options on every packet")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        part = MESSAGE[at:at + 1000]
        raw = tcp(c.client, c.server, c.cport, c.sport, c.seq, c.ack, ACK | PSH, part)
        c.ether(ipv4(c.client, c.server, raw, options=b"\x94\4\0\0"))
        c.seq += len(part)
        c.reply()
    finish(c)


@plain("fragments captured twice, once under a VLAN tag")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1400):
        part = MESSAGE[at:at + 1400]
        c.fragments(part, lambda raw: [(o, None, 512, o + 512 < len(raw)) for o in range(0, len(raw), 512)])
        c.seq += len(part)
        c.reply()
    finish(c)
    c.frames = [f for frame in c.frames for f in (frame, frame[:12] + b"\x81\0\0\x14" + frame[12:])]


@plain("segments sent again whole after a loss, merged with new data")
def _(c):
    begin(c)
    base = c.seq
    for at in range(0, len(MESSAGE), 2000):
        c.segment(MESSAGE[at:at + 1000], seq=base + at)
        low = max(0, at - 1500)
        c.segment(MESSAGE[low:at + 2000], seq=base + low)
        c.seq = base + min(len(MESSAGE), at + 2000)
        c.reply()
    finish(c)


@plain("a server inside sends, its side alone is seen")
def _(c):
    c.client, c.server = "198.51.100.7", "10.1.2.3"
    c.handshake()
    c.segment(b"GET /photo.jpg HTTP/1.1\r\nHost: a\r\n\r\n")
    c.seq += 37
    answer = (b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(PICTURE)) + PICTURE
    for at in range(0, len(answer), 1400):
        c.reply(answer[at:at + 1400], flags=ACK | PSH)
        c.ack += len(answer[at:at + 1400])
        c.segment(flags=ACK)
    c.close()
    c.frames = [f for f in c.frames if client_frame(f)]


@plain("acknowledgements with selective blocks, segments lost and sent again")
def _(c):
    begin(c)
    parts = [(at, MESSAGE[at:at + 1000]) for at in range(0, len(MESSAGE), 1000)]
    base = c.seq
    for n in range(0, len(parts), 5):
        group = parts[n:n + 5]
        for at, part in group[1:]:
            c.segment(part, seq=base + at)
            c.reply()
        c.segment(group[0][1], seq=base + group[0][0])
        c.seq = base + group[-1][0] + len(group[-1][1])
        c.reply()
    finish(c)


@plain("a router's other path: half of the segments with 60 hops less to go")
def _(c):
    begin(c)
    for n, at in enumerate(range(0, len(MESSAGE), 1000)):
        c.segment(MESSAGE[at:at + 1000], ttl=64 if n % 2 else 124)
        c.seq += len(MESSAGE[at:at + 1000])
        c.reply()
    finish(c)


@plain("a capture without the receiver's acknowledgements: its answer alone acknowledges a large upload")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        c.segment(MESSAGE[at:at + 1000])
        c.seq += len(MESSAGE[at:at + 1000])
    finish(c)
