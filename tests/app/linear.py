#!/usr/bin/python3
"""The decoders' cost, by exact instruction counts (callgrind): what each protocol carries, and shapes made to be dear to
its decoder. From 4 to 16 times the size a byte may cost at most 1.3 times what it did from 1 to 4. Every decoder of
include/app_list.def has shapes here, and must have claimed them.

usage: linear.py [--talk PATH] [--size BYTES] [--only WORD]"""

import argparse
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALLOWED = 1.3
FLAT = 3  # instructions a byte: below this, growth is a start that is not over
C, S = 0, 1
NOISE = random.Random(11).randbytes(1 << 16)
RSYNC_HELLO = [(C, b"@RSYNCD: 31.0 md5\n"), (S, b"@RSYNCD: 31.0 md5\n"), (C, b"m\n"), (S, b"@RSYNCD: OK\n"),
               (C, b"--server\0-tre.v\0.\0m/\0\0"), (S, b"\x81\xfe\x03md5SEED"), (C, b"\x03md5")]
SMB_NEGOTIATE = [(C, b"\0\0\0\x66\xfeSMB\x40" + bytes(7) + bytes(52) + b"\x24\0\x01\0" + bytes(32) + b"\x10\x02")]
H2 = [(C, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), (S, b"\0\0\0\4\0\0\0\0\0")]
WS = [(C, b"GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
      (S, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")]
SMTP = [(S, b"220 a ESMTP\r\n"), (C, b"EHLO b\r\n"), (S, b"250 a\r\n"), (C, b"MAIL FROM:<a@b>\r\n"), (S, b"250 ok\r\n"),
        (C, b"RCPT TO:<c@d>\r\n"), (S, b"250 ok\r\n"), (C, b"DATA\r\n"), (S, b"354 go\r\n")]
IMAP = [(S, b"* OK IMAP4rev1\r\n"), (C, b"a LOGIN u p\r\n"), (S, b"a OK\r\n")]
POP3 = [(S, b"+OK POP3\r\n"), (C, b"USER a\r\n"), (S, b"+OK\r\n")]
FTP = [(S, b"220 FTP\r\n"), (C, b"USER a\r\n"), (S, b"331 word\r\n"), (C, b"PASS b\r\n"), (S, b"230 in\r\n")]
MQTT = [(C, b"\x10\x0e\0\4MQTT\4\2\0<\0\2id"), (S, b"\x20\2\0\0")]
DICOM = [(C, b"\1\0\0\0\0\x44\0\1\0\0" + b"STORE           MODALITY        " + bytes(32))]
TLS = [(C, b"\x16\3\1\0\x2f\1\0\0\x2b\3\3" + bytes(32) + b"\0\0\4\x13\1\x13\2\1\0\0\0")]
SSH = [(C, b"SSH-2.0-a\r\n"), (S, b"SSH-2.0-b\r\n")]
RCP = [(S, b"\0")]
NNTP = [(S, b"200 news\r\n"), (C, b"MODE READER\r\n"), (S, b"200 ok\r\n")]


def pieces(data, size=1):
    return [(C, data[at:at + size]) for at in range(0, len(data), size)]


def frame(kind, flags, stream, body):
    return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body


def mux(body):
    return struct.pack("<I", len(body) | 7 << 24) + body


def entry(name):
    return b"\x80\x82" + bytes([len(name)]) + name + b"\0\5\0"


def rsync_list(size):
    """Names that differ at their end, sent in the order that is farthest from sorted."""
    count = size // 24
    names = [b"a/b/c/d/e/%08d" % (count - i) for i in range(count)]
    first = b"\x80\x80\1a\0\5\0\xa4\x81\0\0"
    return RSYNC_HELLO + [(C, mux(first + b"".join(map(entry, names)) + b"\0\0"))]


def rsync_bytes(size):
    """One file in literals of 32 KiB, in frames that cut them anywhere."""
    tokens = b"".join(struct.pack("<i", 8000) + NOISE[:8000] for _ in range(size // 8004)) + bytes(20)
    stream = b"\x80\x80\1a\0\5\0\xa4\x81\0\0" b"\0\0" b"\1\0\x80" + bytes(16) + tokens
    return RSYNC_HELLO + [(C, mux(stream[at:at + 4093])) for at in range(0, len(stream), 4093)]


def again(opening, *unit):
    """The unit, again and again."""
    length = sum(len(data) if data is not None else 0 for _, data in unit) or 1
    return lambda size: opening + list(unit) * (size // length + 1)


def long(opening, head, piece, tail=()):
    """One message that goes on and on."""
    return lambda size: opening + [(C, head + (piece * (size // len(piece) + 1))[:size])] + list(tail)


def one_byte(opening, piece):
    return lambda size: opening + pieces((piece * (size // len(piece) + 1))[:size])


def client(data):
    return (C, data)


def server(data):
    return (S, data)


def opaque(value):
    """An XDR item of any length (RFC 4506 4.10)."""
    return struct.pack(">I", len(value)) + value + bytes(-len(value) % 4)


def record(body, last=True):
    return struct.pack(">I", len(body) | (1 << 31 if last else 0)) + body


def call(xid, procedure, body):
    """A call of NFS 3 without credentials (RFC 5531 9)."""
    return struct.pack(">IIIIII", xid, 0, 2, 100003, 3, procedure) + bytes(16) + body


def nfs_writes(size):
    """A file written in pieces of 1000 bytes, one after another."""
    return [(C, record(call(i, 7, opaque(b"handle") + struct.pack(">QII", i * 1000, 1000, 0) + opaque(NOISE[:1000]))))
            for i in range(size // 1100 + 1)]


def nfs_names(size):
    """Names looked up and never answered."""
    return [(C, record(call(i, 3, opaque(b"handle") + opaque(b"name%d" % i)))) for i in range(size // 70 + 1)]


def nfs_fragments(size):
    """One call in fragments of a byte."""
    whole = call(1, 7, opaque(b"handle") + struct.pack(">QII", 0, size // 5, 0) + struct.pack(">I", size // 5) + bytes(size // 5))
    return [(C, record(whole[:60], False))] + [(C, record(whole[i:i + 1], False)) for i in range(60, len(whole))]


def dtls_hello(size):
    """A ClientHello in fragments of eight bytes, the same ones again and again."""
    def fragment(i):
        body = b"\1\0\x20\0\0\0" + struct.pack(">I", i * 8)[1:] + b"\0\0\x08" + NOISE[:8]
        return b"\x16\xfe\xfd" + bytes(8) + struct.pack(">H", len(body)) + body

    first = b"\1\0\x20\0\0\0\0\0\0\0\0\x08\xfe\xfd" + NOISE[:6]
    return [(C, b"\x16\xfe\xff" + bytes(8) + struct.pack(">H", len(first)) + first)] + [
        (C, fragment(1 + i % 1000)) for i in range(size // 33)]


TCP, UDP = 6, 17
PUT = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
# decoder, what is said, transport, server's port, messages of about a size
SHAPES = [
    ("http", "uploads over one connection", TCP, 80, again([], client(PUT), server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))),
    ("http", "pipelined requests without answers", TCP, 80, again([], client(PUT))),
    ("http", "one large body", TCP, 80, long([], b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", NOISE)),
    ("http", "chunks of one byte", TCP, 80, long([], b"PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")),
    ("http", "header lines without end", TCP, 80, long([], b"PUT /a HTTP/1.1\r\nHost: h\r\n", b"A: b\r\n")),
    ("http", "a header line without end", TCP, 80, long([], b"PUT /a HTTP/1.1\r\nHost: ", b"h")),
    ("http", "byte by byte", TCP, 80, one_byte([], PUT)),
    ("http2", "empty data frames", TCP, 80, again(H2 + [client(frame(1, 4, 1, b"\x83\x86\x84\x41\1h"))], client(frame(0, 0, 1, b"")))),
    ("http2", "one large body", TCP, 80, again(H2 + [client(frame(1, 4, 1, b"\x83\x86\x84\x41\1h"))], client(frame(0, 0, 1, NOISE[:8000])))),
    ("http2", "pings and settings", TCP, 80, again(H2, client(frame(6, 0, 0, bytes(8))), client(frame(4, 0, 0, b"")))),
    ("http2", "header blocks that go on", TCP, 80, again(H2 + [client(frame(1, 0, 1, b"\x83\x86\x84"))], client(frame(9, 0, 1, b"\x40\1a\1b")))),
    ("websocket", "small messages", TCP, 80, again(WS, client(b"\x82\x85abcd" + bytes(5)))),
    ("websocket", "fragments of nothing", TCP, 80, again(WS + [client(b"\2\x81abcdx")], client(b"\0\x80abcd"))),
    ("websocket", "one large message", TCP, 80, again(WS + [client(b"\x82\xff" + struct.pack(">Q", 1 << 30) + b"abcd")], client(NOISE[:8000]))),
    ("tls", "handshake records", TCP, 443, again(TLS, server(b"\x16\3\3\0\x08\x0b\0\0\4abcd"))),
    ("tls", "application data", TCP, 443, again(TLS, client(b"\x17\3\3\0\x10" + bytes(16)))),
    ("tls", "a hello in records of one byte", TCP, 443, again([client(b"\x16\3\1\0\4\1\0\x3f\xff")], client(b"\x16\3\1\0\1\0"))),
    ("ssh", "packets", TCP, 22, again(SSH, client(b"\0\0\0\x1c\x0a" + bytes(27)))),
    ("smtp", "one long message", TCP, 25, long(SMTP, b"Subject: a\r\n\r\n", b"line\r\n")),
    ("smtp", "lines of dots", TCP, 25, long(SMTP, b"Subject: a\r\n\r\n", b"..\r\n.x\r\n\r\r\n")),
    ("smtp", "commands", TCP, 25, again(SMTP[:3], client(b"NOOP\r\n"), server(b"250 ok\r\n"))),
    ("smtp", "recipients", TCP, 25, again(SMTP[:5], client(b"RCPT TO:<aaaaaaaaaa@b>\r\n"), server(b"250 ok\r\n"))),
    ("smtp", "a line without end", TCP, 25, long(SMTP[:3], b"MAIL FROM:<", b"a")),
    ("pop3", "messages", TCP, 110, again(POP3, client(b"RETR 1\r\n"), server(b"+OK\r\nS: a\r\n\r\nx\r\n.\r\n"))),
    ("pop3", "commands without answers", TCP, 110, again(POP3, client(b"NOOP\r\n"))),
    ("imap", "drafts", TCP, 143, again(IMAP, client(b"a APPEND x {9+}\r\nS: a\r\n\r\nx\r\n"), server(b"a OK\r\n"))),
    ("imap", "literals inside a line", TCP, 143, long(IMAP, b"a SEARCH ", b"{1+}\r\nx ")),
    ("imap", "parentheses", TCP, 143, long(IMAP, b"a SEARCH ", b"(")),
    ("ftp", "commands", TCP, 21, again(FTP, client(b"NOOP\r\n"), server(b"200 ok\r\n"))),
    ("ftp", "transfers that never come", TCP, 21, again(FTP, client(b"PASV\r\n"), server(b"227 (192,0,2,1,9,9)\r\n"), client(b"STOR a\r\n"), server(b"150 go\r\n226 ok\r\n"))),
    ("smb", "requests of no known kind", TCP, 445, again(SMB_NEGOTIATE, client(b"\0\0\0\x40\xfeSMB\x40" + bytes(59)))),
    ("smb", "files opened and not closed", TCP, 445, again(SMB_NEGOTIATE, client(
        b"\0\0\0\x7c\xfeSMB\x40" + bytes(7) + b"\5\0" + bytes(50) + b"\x39\0" + bytes(42) + b"\x78\0\4\0" + bytes(8) + b"a\0b\0"))),
    ("mqtt", "publishes", TCP, 1883, again(MQTT, client(b"0\x0c\0\5cam/1hello"))),
    ("mqtt", "pings", TCP, 1883, again(MQTT, client(b"\xc0\0"))),
    ("mqtt", "a topic in pieces", TCP, 1883, one_byte(MQTT, b"0\x0c\0\5cam/1hello")),
    ("dicom", "fragments", TCP, 104, again(DICOM, client(b"\4\0\0\0\0\7\0\0\0\3\1\0x"))),
    ("dicom", "commands", TCP, 104, again(DICOM, client(b"\4\0\0\0\0\x10\0\0\0\x0c\1\3" + b"\0\0\0\1\2\0\0\0\1\0"))),
    ("rsync", "a list in the worst order", TCP, 873, rsync_list),
    ("rsync", "one large file", TCP, 873, rsync_bytes),
    ("rsync", "frames of one byte", TCP, 873, lambda size: RSYNC_HELLO + [(C, mux((b"\x80\x82\1a\0\5\0")[i % 7:i % 7 + 1])) for i in range(size // 5)]),
    ("rsync", "lines before it begins", TCP, 873, again(RSYNC_HELLO[:3], server(b"welcome\n"))),
    ("rcp", "small files", TCP, 514, again(RCP, client(b"C0644 5 name\n"), client(b"hello\0"))),
    ("rcp", "a line without end", TCP, 514, long(RCP, b"C0644 5 a\nhello\0D0755 0 ", b"a")),
    ("tftp", "blocks", UDP, 69, lambda size: [(C, b"\0\2a\0octet\0"), (S, b"\0\4\0\0")] + [
        (C, b"\0\3" + struct.pack(">H", i + 1) + NOISE[:512]) for i in range(size // 516)]),
    ("tftp", "one block, again and again", UDP, 69, again([(C, b"\0\2a\0octet\0")], client(b"\0\3\0\1" + NOISE[:512]))),
    ("quic", "packets", UDP, 443, again([], client(b"\xc3\0\0\0\1\x08abcdefgh\0\0\x44\xb0" + NOISE[:1200]))),
    ("chatter", "names", UDP, 53, again([], client(b"\0\1\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"))),
    ("nfs", "a file in pieces", TCP, 2049, nfs_writes),
    ("nfs", "names without answers", TCP, 2049, nfs_names),
    ("nfs", "fragments of one byte", TCP, 2049, nfs_fragments),
    ("nntp", "articles", TCP, 119, again(NNTP, client(b"POST\r\n"), server(b"340 go\r\n"), client(b"Subject: a\r\n\r\nx\r\n.\r\n"), server(b"240 ok\r\n"))),
    ("nntp", "commands", TCP, 119, again(NNTP, client(b"GROUP a\r\n"), server(b"211 1 1 1 a\r\n"))),
    ("dtls", "a hello in pieces", UDP, 443, dtls_hello),
    ("esp", "packets", UDP, 4500, again([], client(b"\xc0\xff\xee\1\0\0\0\7" + NOISE[:160]))),
    ("ike", "exchanges", UDP, 500, again([], client(NOISE[:8] + bytes(8) + b"\x21\x20\x22\x08\0\0\0\0\0\0\0\x58" + b"\0\0\0\x3c" + NOISE[:56]))),
    ("openvpn", "resets", UDP, 1194, again([], client(b"\x38" + NOISE[:8] + bytes(5)))),
    ("wireguard", "handshakes", UDP, 51820, again([], client(b"\1\0\0\0" + NOISE[:144]))),
    ("raw", "one stream", TCP, 9, again([], client(NOISE[:8000]))),
    ("raw", "holes", TCP, 9, lambda size: [(C, NOISE[:2000])] + [(C, NOISE[:8]), (2, 7)] * (size // 8)),
    ("raw", "datagrams", UDP, 9, again([], client(NOISE[:400]))),
]
# These have no name of their own in app_proto.
UNNAMED = {"raw", "chatter", "ftp_data"}


def write(path, transport, port, messages):
    with open(path, "wb") as file:
        file.write(bytes([transport]) + struct.pack(">H", port))
        for side, data in messages:
            size = data if isinstance(data, int) else len(data)
            file.write(bytes([side]) + struct.pack(">I", size) + (b"" if isinstance(data, int) else data))


def count(talk, paths, folder):
    """{path: (instructions, who claimed it)}"""
    out = os.path.join(folder, "out")
    done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", talk, *paths], check=True,
                          capture_output=True, text=True)
    claimed = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    found = {}
    for name in os.listdir(folder):
        if name.startswith("out."):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text = file.read()
            trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
            if trigger:
                found[trigger[1]] = int(re.search(r"^(?:summary|totals): (\d+)", text, re.M)[1])
    return {path: (found[path], claimed[path]) for path in paths}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--talk", default=os.path.join(ROOT, "build", "app", "talk"))
    parser.add_argument("--size", type=int, default=10000)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    shapes = [shape for shape in SHAPES if arguments.only in shape[0]]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="linear-") as folder:
        paths = []
        for i, (_, _, transport, port, make) in enumerate(shapes):
            for times in (1, 4, 16):
                paths.append(os.path.join(folder, f"{i}-{times}"))
                write(paths[-1], transport, port, make(arguments.size * times))
        rows = count(arguments.talk, paths, folder)
    for i, (decoder, what, _, _, _) in enumerate(shapes):
        one, four, sixteen = (rows[path][0] for path in paths[3 * i:3 * i + 3])
        claimed = rows[paths[3 * i]][1]
        before, after = (four - one) / (3 * arguments.size), (sixteen - four) / (12 * arguments.size)
        mine = claimed == decoder or decoder in UNNAMED and claimed == "-"
        good = after <= max(before * ALLOWED, FLAT) and mine
        bad += not good
        print(f"{'ok' if good else 'not ok'} {i + 1} - {decoder}, {what}: {before:.1f}, then {after:.1f} instructions a byte"
              + ("" if mine else f"; claimed by {claimed}"))
    with open(os.path.join(ROOT, "include", "app_list.def"), encoding="utf-8") as table:
        missing = set(re.findall(r"^APP\((\w+)\)", table.read(), re.M)) - {shape[0] for shape in SHAPES}
    # ftp_data's connections are those that ftp expects, proxy hands on after one header.
    good = not missing - {"ftp_data", "proxy"} or bool(arguments.only)
    print(f"{'ok' if good else 'not ok'} {len(shapes) + 1} - every decoder has a shape: {sorted(missing)}")
    print(f"1..{len(shapes) + 1}")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
