"""Packets by hand: a TCP conversation whose every header field a test can bend.

Standard library only. A Conversation keeps both sides' sequence numbers; its methods append frames to a list
that write_pcap() stores. Checksums are right unless a test says otherwise.
"""

import random
import socket
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(src, dst, payload, proto=6, ttl=64, ident=1, frag=0, more=False, options=b"", bad_sum=False,
         total=None, version=4):
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4
    length = words * 4 + len(payload) if total is None else total
    flags = (0x2000 if more else 0) | frag // 8
    head = struct.pack(">BBHHHBBH4s4s", version << 4 | words, 0, length, ident & 0xFFFF, flags, ttl, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst)) + options
    value = checksum(head)
    if bad_sum:
        value ^= 0x5555
    return head[:10] + struct.pack(">H", value) + head[12:] + payload


def tcp(src, dst, sport, dport, seq, ack, flags, payload=b"", window=65535, options=b"", urgent=0,
        bad_sum=False, offset=None):
    options += b"\1" * (-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4, flags,
                       window, 0, urgent) + options
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack(">BBI", 0, 6, len(head) + len(payload))
    value = checksum(pseudo + head + payload)
    if bad_sum:
        value ^= 0x5555
    return head[:16] + struct.pack(">H", value) + head[18:] + payload


def timestamps(value, echo):
    return struct.pack(">BBBBII", 1, 1, 8, 10, value & 0xFFFFFFFF, echo & 0xFFFFFFFF)


MD5_OPTION = bytes([19, 18]) + bytes(16)


class Conversation:
    """Client 10.1.2.3 sends to server 203.0.113.9 port 80."""

    def __init__(self, port=40001, isn=1000, server_isn=5000, with_timestamps=False):
        self.client, self.server = "10.1.2.3", "203.0.113.9"
        self.cport, self.sport = port, 80
        self.seq, self.ack = isn, server_isn
        self.start = isn + 1
        self.frames = []
        self.ident = 1
        self.with_timestamps = with_timestamps
        self.clock = 100000

    def ether(self, packet):
        self.frames.append(bytes.fromhex("02000000000202000000000108 00".replace(" ", "")) + packet)

    def options(self):
        return timestamps(self.clock, 1) if self.with_timestamps else b""

    def server_options(self):
        return timestamps(self.clock, self.clock) if self.with_timestamps else b""

    def segment(self, payload=b"", flags=ACK | PSH, seq=None, ack=None, ttl=64, ip_bad_sum=False,
                options=None, **fields):
        """A segment from the client; does not move the sequence number."""
        self.ident += 1
        self.clock += 1
        raw = tcp(self.client, self.server, self.cport, self.sport, self.seq if seq is None else seq,
                  self.ack if ack is None else ack, flags, payload,
                  options=self.options() if options is None else options, **fields)
        self.ether(ipv4(self.client, self.server, raw, ttl=ttl, ident=self.ident, bad_sum=ip_bad_sum))
        return raw

    def reply(self, payload=b"", flags=ACK, seq=None, ack=None, **fields):
        self.ident += 1
        raw = tcp(self.server, self.client, self.sport, self.cport, self.ack if seq is None else seq,
                  self.seq if ack is None else ack, flags, payload,
                  options=self.server_options(), **fields)
        self.ether(ipv4(self.server, self.client, raw, ident=self.ident))

    def handshake(self):
        self.segment(flags=SYN, ack=0)
        self.seq += 1
        self.reply(flags=SYN | ACK)
        self.ack += 1
        self.segment(flags=ACK)

    def send(self, data, size=1400, acked=True):
        """Ordinary segments, acknowledged."""
        for at in range(0, len(data), size):
            part = data[at:at + size]
            self.segment(part)
            self.seq += len(part)
            if acked:
                self.reply()

    def answer(self):
        body = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.reply(body, flags=ACK | PSH)
        self.ack += len(body)
        self.segment(flags=ACK)

    def close(self):
        self.segment(flags=FIN | ACK)
        self.seq += 1
        self.reply(flags=FIN | ACK)
        self.ack += 1
        self.segment(flags=ACK)

    def fragments(self, payload, pieces, flags=ACK | PSH, seq=None):
        """One segment as IP fragments: `pieces` are (offset, bytes or None for the true ones, length, more)."""
        self.ident += 1
        raw = tcp(self.client, self.server, self.cport, self.sport, self.seq if seq is None else seq, self.ack,
                  flags, payload, options=self.options())
        for offset, data, length, more in pieces(raw):
            part = raw[offset:offset + length] if data is None else data
            self.ether(ipv4(self.client, self.server, part, ident=self.ident, frag=offset, more=more))


def write_pcap(path, frames, link_type=1, step_us=500):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type))
        for n, frame in enumerate(frames):
            at = 1_700_000_000_000_000 + n * step_us
            out.write(struct.pack("<IIII", at // 1_000_000, at % 1_000_000, len(frame), len(frame)) + frame)


# A baseline grey JPEG (ITU-T T.81) with DC coefficients only, under Annex K.3's DC table.

DC_LENGTHS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def dc_codes():
    codes, code, symbol = {}, 0, 0
    for bits, count in enumerate(DC_LENGTHS, 1):
        for _ in range(count):
            codes[symbol] = (code, bits)
            code, symbol = code + 1, symbol + 1
        code <<= 1
    return codes


def jpeg(width=640, height=480, seed=1):
    rng = random.Random(seed)
    codes, bits = dc_codes(), []
    last = 0
    for _ in range((width + 7) // 8 * ((height + 7) // 8)):
        value = max(-60, min(60, last + rng.randint(-12, 12)))
        diff, last = value - last, value
        size = abs(diff).bit_length()
        code, length = codes[size]
        bits.append(format(code, f"0{length}b"))
        if size:
            bits.append(format(diff if diff > 0 else diff + (1 << size) - 1, f"0{size}b"))
        bits.append("1010")  # EOB of the AC table below: its only useful code
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    data = bytes(int(stream[i:i + 8], 2) for i in range(0, len(stream), 8)).replace(b"\xff", b"\xff\0")
    ac_lengths = [0, 0, 0, 11] + [0] * 12  # eleven 4-bit codes; 1010 is the last
    ac_symbols = bytes([1, 2, 3, 4, 0x11, 5, 0x12, 0x21, 0x31, 0x41, 0])
    return b"".join([
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
        b"\xff\xdb\0\x43\0" + bytes([8] * 64),
        b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\0",
        b"\xff\xc4" + struct.pack(">H", 19 + 12) + b"\0" + bytes(DC_LENGTHS) + bytes(range(12)),
        b"\xff\xc4" + struct.pack(">H", 19 + 11) + b"\x10" + bytes(ac_lengths) + ac_symbols,
        b"\xff\xda\0\x08\x01\x01\0\0\x3f\0", data, b"\xff\xd9"])


def upload(picture, name="photo.jpg"):
    return (f"POST /upload/{name} HTTP/1.1\r\nHost: drop.example\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(picture)}\r\n\r\n").encode() + picture
