#!/usr/bin/python3
"""What hostile traffic may cost. Memory: under each flood the sensor's resident set stays below its ceiling plus 64 MiB
and the ledger closes. Work: the instructions a hostile capture costs at 16 times its size are at most 1.3 times 16
times those at its size, counted exactly by callgrind, the program's start taken off.

usage: floods.py SENSOR RULES [--long]"""

import array
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402
from wire import ACK, PSH, SYN, Conversation, ipv4, tcp, write_pcap  # noqa: E402

CEILING_MIB = 64
SLACK_MIB = 64
ETHER = bytes.fromhex("0200000000020200000000010800")


def fast_checksum(data):
    """wire.checksum in C loops: these captures have hundreds of thousands of packets."""
    if len(data) % 2:
        data += b"\0"
    total = sum(array.array("H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    total = ~total & 0xFFFF
    return (total & 0xFF) << 8 | total >> 8


wire.checksum = fast_checksum


def inside(source):
    return f"10.{source.randrange(256)}.{source.randrange(256)}.{source.randrange(256)}"


def syn_flood(count):
    source = random.Random(1)
    for _ in range(count):
        host = inside(source)
        yield ETHER + ipv4(host, "203.0.113.9", tcp(host, "203.0.113.9", source.randrange(65536), 80,
                                                    source.randrange(2**32), 0, SYN))


def datagram_flood(count):
    """Each a flow of its own that nobody answers."""
    source = random.Random(2)
    for _ in range(count):
        host = inside(source)
        payload = struct.pack(">HHHH", source.randrange(65536), 4000, 40, 0) + bytes(32)
        yield ETHER + ipv4(host, "203.0.113.9", payload, proto=17)


def fragment_flood(count):
    source = random.Random(3)
    for i in range(count):
        yield ETHER + ipv4(inside(source), "203.0.113.9", b"x" * 512, frag=8 * source.randrange(1000), more=True,
                           ident=i & 0xFFFF)


def early_flood(count):
    """Segments behind a gap that never closes, in random order."""
    source = random.Random(4)
    for flow in range(max(1, count // 700)):
        talk = Conversation(port=2000 + flow, isn=flow * 1000)
        talk.handshake()
        base = talk.seq
        for _ in range(700):
            talk.segment(b"y" * 1400, seq=base + 1400 * (1 + source.randrange(40)))
        yield from talk.frames


def backward_bytes(count):
    """One-byte segments from the last to the first."""
    for flow in range(max(1, count // 4000)):
        talk = Conversation(port=2000 + flow, isn=flow * 1000)
        talk.handshake()
        base = talk.seq
        for i in range(4000, 0, -1):
            talk.segment(b"z", seq=base + i)
        yield from talk.frames


def slow_uploads(count):
    """Many uploads open at once, each a little further."""
    for flow in range(max(1, count // 4)):
        talk = Conversation(port=1000 + flow % 60000, isn=flow * 1000)
        talk.client = f"10.9.{flow // 250 % 250}.{flow % 250}"
        talk.handshake()
        talk.segment(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"z" * 900, flags=ACK | PSH)
        yield from talk.frames


def concurrent_uploads(count):
    """More pictures under way at once than there is memory for, each a segment further in turn."""
    body = wire.jpeg() + bytes(random.Random(5).randbytes(45000))
    head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body)
    talks = []
    for flow in range(max(1, count // 48)):
        talk = Conversation(port=1000 + flow % 60000, isn=flow * 1000)
        talk.client = f"10.9.{flow // 250 % 250}.{flow % 250}"
        talk.handshake()
        talks.append(talk)
    for at in range(-1400, len(body), 1400):
        for talk in talks:
            data = head if at < 0 else body[at:at + 1400]
            talk.segment(data, flags=ACK | PSH)
            talk.seq += len(data)
            yield from talk.frames
            talk.frames.clear()


def crowd(count, talk, mark=None):
    """The frames of one conversation, again from `count` clients of their own: addresses, ports and checksums changed
    in place, so that a million conversations are soon written. `mark`: eight digits in the payload, each gets its own."""
    def words(data, at):
        return 256 * sum(data[at & 1::2]) + sum(data[1 - (at & 1)::2])

    frames = []
    for frame in talk.frames:
        sums = [struct.unpack(">H", frame[at:at + 2])[0] ^ 0xFFFF for at in (24, 50)]
        marked = [at for at in range(54, len(frame)) if frame.startswith(mark, at)] if mark else []
        frames.append((bytearray(frame), frame[26:30] == b"\x0a\0\0\0", sums, marked))
    for i in range(count):
        high, low, port = i >> 22 & 0xFF, i >> 6 & 0xFFFF, i & 63
        digits = b"%08d" % i
        for frame, is_client, sums, marked in frames:
            struct.pack_into(">BH", frame, 27 if is_client else 31, high, low)
            struct.pack_into(">H", frame, 34 if is_client else 36, 1024 + port)
            moved = high + low + port
            for at in marked:
                frame[at:at + 8] = digits
                moved += words(digits, at) - words(mark, at)
            for at, value in zip((24, 50), (sums[0] + high + low, sums[1] + moved)):
                struct.pack_into(">H", frame, at, ~(value % 0xFFFF) & 0xFFFF)
            yield bytes(frame)


def open_connections(count):
    talk = Conversation(port=1024)
    talk.client = "10.0.0.0"
    talk.handshake()
    return crowd(count, talk)


def quiet_connections(count):
    """Each has asked for something and been answered, and waits."""
    talk = Conversation(port=1024)
    talk.client = "10.0.0.0"
    talk.handshake()
    talk.send(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
    talk.answer()
    return crowd(count, talk)


def crowd_that_says(count, words):
    talk = Conversation(port=1024)
    talk.client = "10.0.0.0"
    talk.handshake()
    talk.send(words)
    return crowd(count, talk)


def unfinished_heads(count):
    return crowd_that_says(count, b"POST /u HTTP/1.1\r\nHost: a\r\n" +
                           b"".join(b"X-%d: %s\r\n" % (i, b"y" * 60) for i in range(15)))


def unfinished_parts(count):
    return crowd_that_says(count, b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n"
                           b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
                           b'Content-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n\xff\xd8\xff\xe0' +
                           b"z" * 300)


def unfinished_archives(count):
    return crowd_that_says(count, b"PUT /a.zip HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"
                           b"PK\3\4\x14\0\0\0\x08\0" +
                           bytes(8) + b"\xff\xff\0\0\xff\xff\0\0\5\0\0\0a.jpg" + b"\x4b" * 300)


def tiny_fragments(count):
    """Datagrams in pieces of eight bytes that are never whole."""
    source = random.Random(6)
    for ident in range(max(1, count // 200)):
        host = inside(source)
        for piece in range(200):
            yield ETHER + ipv4(host, "203.0.113.9", b"x" * 8, frag=16 * piece + 8, more=True, ident=ident)


def fragment_conflicts(count):
    """One datagram's pieces over and over, each time with other bytes."""
    for i in range(count):
        yield ETHER + ipv4("10.1.1.1", "203.0.113.9", bytes([i & 0xFF]) * 1024, frag=512 * (i % 32) + 8, more=True,
                           ident=7)


def tunnels_in_tunnels(count):
    packet = ipv4("10.1.2.3", "203.0.113.9", struct.pack(">HHHH", 4000, 4000, 16, 0) + bytes(8), proto=17)
    for _ in range(40):
        packet = ipv4("198.51.100.1", "198.51.100.2", packet, proto=4)
    for _ in range(count):
        yield ETHER + packet


def overlap_conflicts(count):
    """Every segment again with other bytes, before it is acknowledged."""
    talk = Conversation(port=2000)
    talk.sport = 9000
    talk.handshake()
    for i in range(count):
        for fill in b"abcd":
            talk.segment(bytes([fill]) * 700, seq=talk.seq - (350 if i else 0))
        talk.seq += 350
    yield from talk.frames


def alternating_holes(count):
    """Every second byte, and never those between."""
    for flow in range(max(1, count // 2000)):
        talk = Conversation(port=2000 + flow, isn=flow * 1000)
        talk.handshake()
        base = talk.seq
        for i in range(2000):
            talk.segment(b"h", seq=base + 1 + 2 * i)
        yield from talk.frames


def one_byte_segments(count):
    talk = Conversation(port=2000)
    talk.handshake()
    talk.send(b"POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n" + b"b" * count, 1, acked=False)
    yield from talk.frames


def doubtful_segments(count):
    """Payload nobody can believe, all in the window."""
    talk = Conversation(port=2000)
    talk.handshake()
    for i in range(count):
        talk.segment(b"d" * 700, seq=talk.seq + 100 * (i % 50), bad_sum=True)
    yield from talk.frames


def reopened(count):
    """The same addresses and ports, opened again and again without an end."""
    for i in range(count):
        talk = Conversation(port=2000, isn=i * 1000003, server_isn=i * 2000003)
        talk.handshake()
        talk.segment(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        yield from talk.frames


def small_requests(count):
    talk = Conversation(port=2000)
    talk.handshake()
    for _ in range(count):
        talk.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", acked=False)
        talk.reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        talk.ack += 38
    yield from talk.frames


def announced_connections(count):
    """An FTP server that announces data connections nobody opens."""
    talk = Conversation(port=2000)
    talk.sport = 21
    talk.handshake()
    talk.reply(b"220 ready\r\n")
    talk.ack += 11
    for i in range(count):
        talk.send(b"EPSV\r\n", acked=False)
        answer = b"229 go (|||%d|)\r\n" % (1024 + i % 60000)
        talk.reply(answer)
        talk.ack += len(answer)
    yield from talk.frames


def soi_flood(count):
    """A raw stream full of beginnings of pictures that are none."""
    talk = Conversation(port=2000)
    talk.sport = 9000
    talk.handshake()
    talk.send(b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" * (100 * count), 1400, acked=False)
    yield from talk.frames


def header_flood(count):
    """An HTTP request of endless header lines."""
    talk = Conversation(port=2000)
    talk.handshake()
    talk.send(b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * (200 * count), 1400, acked=False)
    yield from talk.frames


def boundary_flood(count):
    """A multipart body full of almost-delimiters."""
    body = b"\r\n--boundarX" * (120 * count)
    talk = Conversation(port=2000)
    talk.handshake()
    talk.send(b"POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=boundary\r\nContent-Length: %d\r\n\r\n"
              % len(body) + body, 1400, acked=False)
    yield from talk.frames


def overlapping_fragments(count):
    """Datagrams whose pieces all overlap the next and the one before, and never end."""
    for ident in range(max(1, count // 200)):
        for piece in range(200):
            yield ETHER + ipv4("10.1.1.1", "203.0.113.9", b"x" * 64, frag=8 * piece + 8, more=True, ident=ident)


def overlaps_again(count):
    """One window of early bytes, written over and over by segments of many sizes."""
    talk = Conversation(port=2000)
    talk.handshake()
    for i in range(count):
        talk.segment(b"o" * (100 + i % 1300), seq=talk.seq + 1 + i * 7919 % 40000)
    yield from talk.frames


def selective_holes(count):
    """Every second segment, as when a path loses every other one and the receiver says so (SACK)."""
    talk = Conversation(port=2000)
    talk.handshake()
    base = talk.seq
    for i in range(count):
        talk.segment(b"s" * 700, seq=base + 1400 * (i % 30) + 700)
        talk.reply()
        if i % 30 == 29:
            base += 1400 * 30
            talk.seq = base
            talk.reply()
    yield from talk.frames


def small_gaps(count):
    """An upload that lacks a byte in every sixty, all of it acknowledged."""
    talk = Conversation(port=2000)
    talk.handshake()
    talk.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", acked=True)
    for _ in range(count):
        talk.segment(b"g" * 59, seq=talk.seq + 1)
        talk.seq += 60
        talk.reply()
    yield from talk.frames


def upload(data, head=b"POST / HTTP/1.1\r\nHost: a\r\n", port=80, size=1400):
    talk = Conversation(port=2000)
    talk.sport = port
    talk.handshake()
    talk.send(head + b"Content-Length: %d\r\n\r\n" % len(data) + data, size, acked=False)
    return talk.frames


def frame2(kind, flags, stream, body=b""):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def speak(data, port=80, size=1400):
    talk = Conversation(port=2000)
    talk.sport = port
    talk.handshake()
    talk.send(data, size, acked=False)
    return talk.frames


PREFACE2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame2(4, 0, 0)


def continuations(count):
    """A header block that never ends (CVE-2024-27316 and its kin)."""
    return speak(PREFACE2 + frame2(1, 0, 1, b"\x83\x86\x84") +
                 b"".join(frame2(9, 0, 1, b"\0\3x-%d\5words" % (i % 10)) for i in range(100 * count)))


def resets(count):
    """Streams that are opened and reset at once (CVE-2023-44487)."""
    return speak(PREFACE2 + b"".join(frame2(1, 4, 2 * i + 1, b"\x83\x86\x84") + frame2(3, 0, 2 * i + 1, bytes(4))
                                     for i in range(30 * count)))


def many_streams(count):
    """As many streams open at once as anyone may, each a little further in turn."""
    opened = b"".join(frame2(1, 4, 2 * i + 1, b"\x83\x86\x84") for i in range(250))
    return speak(PREFACE2 + opened + b"".join(frame2(0, 0, 2 * (i % 250) + 1, b"z" * 20) for i in range(30 * count)))


def tiny_frames(count):
    """WebSocket frames of one byte, in one message and between pings."""
    talk = Conversation(port=2000)
    talk.handshake()
    talk.send(b"GET /s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    talk.reply(answer)
    talk.ack += len(answer)
    talk.send(b"\2\x80\0\0\0\0" + b"\0\x81\0\0\0\0z\x89\x80\0\0\0\0" * (60 * count), acked=False)
    return talk.frames


def smb_write(number, handle, data, follows=True):
    body = (b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 1, 0, 9, 1, 0, 0, number, 0, 1, 1) + bytes(16) +
            struct.pack("<HHIQ", 49, 112, len(data), 0) + struct.pack("<QQ", handle, handle) + bytes(16) + data)
    body += bytes(-len(body) % 8)
    return body[:20] + struct.pack("<I", len(body)) + body[24:] if follows else body


def compounds(count):
    """SMB messages of many commands, each to a file of its own."""
    messages = []
    for i in range(count):
        body = b"".join(smb_write(20 * i + n, (20 * i + n) % 5000, b"w" * 8, n < 19) for n in range(20))
        messages.append(struct.pack(">I", len(body)) + body)
    return speak(b"".join(messages), 445)


def nested_parts(count):
    """Mail in mail in mail, each level with a boundary of its own."""
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(20 * count))
    return speak(b"EHLO a\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n" + opened + b"words\r\n" * 20, 25)


def many_parts(count):
    body = b"--b\r\n" + b"\r\n--b\r\n".join(
        b'Content-Disposition: form-data; name="f%d"\r\n\r\nwords' % i for i in range(20 * count)) + b"\r\n--b--\r\n"
    return upload(body, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n")


def part_headers(count):
    body = b"--b\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(100 * count)) + b"\r\nwords\r\n--b--\r\n"
    return upload(body, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n")


def endless_streams(count):
    """HTTP/2 connections, each with a hundred requests that never end."""
    return crowd_that_says(count, PREFACE2 + b"".join(frame2(1, 4, 2 * i + 1, b"\x83\x86\x84") +
                                                      frame2(0, 0, 2 * i + 1, b"z") for i in range(60)))


def open_files(count):
    """SMB connections that write a little to many files and close none."""
    body = b"".join(smb_write(n, n, b"w", n < 9) for n in range(10))
    return crowd_that_says(count, struct.pack(">I", len(body)) + body)


def undecided(count):
    """Connections of which nDPI cannot say what they are."""
    return crowd_that_says(count, bytes(range(40)))


def tiny_objects(count):
    for flow in range(max(1, count // 20)):
        talk = Conversation(port=1000 + flow % 60000, isn=flow * 1000)
        talk.client = f"10.9.{flow // 250 % 250}.{flow % 250}"
        talk.handshake()
        talk.send(b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" * 20, acked=False)
        yield from talk.frames


MEMORY = [("a SYN flood", syn_flood, 150000), ("a flood of unanswered datagrams", datagram_flood, 150000),
          ("a fragment flood", fragment_flood, 120000), ("an out-of-order flood", early_flood, 120000),
          ("uploads that never end", slow_uploads, 120000), ("tiny fragments", tiny_fragments, 100000),
          ("alternating holes", alternating_holes, 100000),
          ("request heads that never end", unfinished_heads, 40000),
          ("form parts that never end", unfinished_parts, 40000),
          ("archives that never end", unfinished_archives, 40000),
          ("HTTP/2 streams that never end", endless_streams, 6000), ("files that stay open", open_files, 15000),
          ("connections nobody can name", undecided, 40000), ("tiny objects", tiny_objects, 100000),
          ("open connections", open_connections, 100000), ("quiet connections", quiet_connections, 60000),
          ("more uploads at once than memory holds", concurrent_uploads, 96000)]
MUST_SHED = (concurrent_uploads, 16)  # one mebibyte a worker
WORK = [("a SYN flood", syn_flood, 400), ("a fragment flood", fragment_flood, 400),
        ("early segments in random order", early_flood, 700), ("one-byte segments backwards", backward_bytes, 4000),
        ("tiny fragments", tiny_fragments, 600), ("fragments that conflict", fragment_conflicts, 300),
        ("tunnels in tunnels", tunnels_in_tunnels, 300), ("segments that conflict", overlap_conflicts, 150),
        ("alternating holes", alternating_holes, 2000), ("one-byte segments", one_byte_segments, 1500),
        ("segments nobody believes", doubtful_segments, 400), ("the same ports opened again", reopened, 150),
        ("small requests in one connection", small_requests, 200),
        ("announced connections", announced_connections, 200), ("almost-pictures", soi_flood, 30),
        ("endless header lines", header_flood, 30),
        ("almost-delimiters", boundary_flood, 30), ("overlapping fragments", overlapping_fragments, 400),
        ("early bytes written again", overlaps_again, 400), ("holes that are acknowledged one by one", selective_holes, 300),
        ("many small gaps", small_gaps, 400), ("a header block without end", continuations, 20),
        ("streams reset at once", resets, 20), ("many streams in turn", many_streams, 40),
        ("WebSocket frames of one byte", tiny_frames, 20), ("SMB compounds", compounds, 60),
        ("mail in mail", nested_parts, 20), ("many form parts", many_parts, 20),
        ("headers of a form part", part_headers, 20)]


PICTURE = wire.jpeg()


def amid(flood):
    """The flood, and from its beginning to its end one upload."""
    def make(count):
        talk = Conversation(port=3333)
        talk.client = "10.255.255.1"
        talk.handshake()
        talk.send(wire.upload(PICTURE), 1000)
        own = iter(talk.frames)
        every = count // len(talk.frames)
        for n, frame in enumerate(flood(count)):
            if n % every == 0:
                yield from itertools.islice(own, 1)
            yield frame
        yield from own
    return make


# Floods of flows that carry nothing: the upload must outlive them all, whole.
IDLE_FLOODS = [("a SYN flood", syn_flood, 150000), ("open connections", open_connections, 120000),
               ("quiet connections", quiet_connections, 120000)]


def make_capture(path, make, count):
    """In a process of its own: a child's peak memory begins with what its parent held."""
    child = os.fork()
    if child == 0:
        write_pcap(path, make(count), step_us=3)
        os._exit(0)
    os.waitpid(child, 0)


def replay(sensor, rules, path, extra=(), ceiling=CEILING_MIB, events="/dev/null"):
    stats = path + ".stats"
    process = subprocess.Popen([sensor, "replay", "-q", "--rules", rules, "--memory", str(ceiling), "--stats",
                                stats, "--json", events, *extra, path], stderr=subprocess.PIPE)
    err = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(stats, encoding="utf-8") as file:
        document = json.load(file)["stats"]
    return process.returncode, usage.ru_maxrss / 1024, document, err


def instructions(sensor, rules, path):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sensor, "replay", "-q",
                           "--rules", rules, "--json", "/dev/null", path], capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found[1]) if found and done.returncode == 0 else None


def main():
    sensor, rules = sys.argv[1:3]
    scale = 8 if "--long" in sys.argv else 1
    number = bad = 0

    def verdict(good, name, detail):
        nonlocal number, bad
        number += 1
        bad += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}: {detail}", flush=True)

    with tempfile.TemporaryDirectory(prefix="floods-") as folder:
        path = os.path.join(folder, "flood.pcap")
        for name, make, count in MEMORY:
            make_capture(path, make, count * scale)
            for workers in (1, 4, 16):
                code, mib, stats, err = replay(sensor, rules, path, ("--workers", str(workers)))
                closes = sum(stats["fate_bytes"].values()) == stats["capture"]["bytes"]
                shed = stats["fate_bytes"]["shed_memory"]
                good = code == 0 and closes and mib < CEILING_MIB + SLACK_MIB and (shed or (make, workers) != MUST_SHED)
                verdict(good, f"memory under {name}, {workers} workers",
                        f"{mib:.0f} MiB resident, ceiling {CEILING_MIB}, {shed} bytes shed"
                        + ("" if closes else ", the ledger does not close")
                        + (f", exit {code}: {err[-300:]}" if code else ""))
        for name, flood, count in IDLE_FLOODS:
            make_capture(path, amid(flood), count * scale)
            seen = path + ".json"
            if os.path.exists(seen):
                os.unlink(seen)
            _, _, stats, _ = replay(sensor, rules, path, ("--events", "object"), events=seen)
            with open(seen, encoding="utf-8") as file:
                found = [json.loads(line)["fileinfo"] for line in file]
            whole = [f for f in found if f.get("sha256") == hashlib.sha256(PICTURE).hexdigest() and f["state"] == "CLOSED"]
            evicted = stats["flow"]["ended_memory"]
            verdict(evicted and len(whole) == 1, f"an upload amid {name}",
                    f"{len(whole)} whole, {evicted} flows given up")
        if not shutil.which("valgrind"):
            print("# valgrind is not installed: no work counted")
            return bad > 0
        write_pcap(path, [])
        start = instructions(sensor, rules, path)
        for name, make, count in WORK:
            cost = []
            for times in (1, 16):
                make_capture(path, make, count * times * scale)
                cost.append(instructions(sensor, rules, path))
            if start is None or None in cost:
                verdict(False, f"work under {name}", "callgrind counted nothing")
                continue
            ratio = (cost[1] - start) / (16 * (cost[0] - start))
            verdict(ratio <= 1.3, f"work under {name}",
                    f"{ratio:.2f} times the instructions a byte at 16 times the size")
        print(f"1..{number}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
