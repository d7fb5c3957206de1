#!/usr/bin/python3
"""What an idle connection costs: the resident bytes that one more of them adds, whatever has passed through it, when
nothing more comes. At most 400. Those whose decoders must keep a memory of what was said (HPACK, open files) are
measured against what README.md says of them.

usage: idle.py SENSOR RULES [--long]"""

import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from floods import ETHER, crowd, replay  # noqa: E402
from wire import Conversation, ipv4, write_pcap  # noqa: E402

FEW, MANY = 24000, 96000
SECONDS = 400  # less than an idle connection's life; those that are not silent yet are few
AT_MOST = 400
HTTP2_AT_MOST = 4096  # the tables of both directions' header compression
MARK = b"00000000"  # a number of its own in every conversation


def connection(*turns, port=80, count=MANY):
    """A handshake, then what each says in turn, the client first; all of it acknowledged."""
    talk = Conversation(port=1024, isn=0x9A3B4C5D, server_isn=0x7F6E5D4C, with_timestamps=True)
    talk.client = "10.0.0.0"
    talk.sport = port
    talk.handshake()
    for i, words in enumerate(turns):
        if not words:
            continue
        if i % 2:
            talk.reply(words)
            talk.ack += len(words)
            talk.segment(flags=16)
        else:
            talk.send(words)
    return crowd(count, talk, MARK), len(talk.frames)


def hello(name):
    """A ClientHello for that server (RFC 8446 4.1.2)."""
    def extension(number, body):
        return struct.pack(">HH", number, len(body)) + body

    extensions = (extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name) +
                  extension(10, bytes.fromhex("0004001d0017")) + extension(11, b"\1\0") +
                  extension(16, b"\0\x0c\2h2\x08http/1.1") + extension(13, bytes.fromhex("000404030804")) +
                  extension(43, bytes.fromhex("0403040303")))
    ciphers = bytes.fromhex("130113021303c02bc02fc02cc030")
    body = (b"\3\3" + bytes(range(32)) + b"\x20" + bytes(32) + struct.pack(">H", len(ciphers)) + ciphers + b"\1\0" +
            struct.pack(">H", len(extensions)) + extensions)
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


def server_hello():
    extensions = bytes.fromhex("002b000203040033000400 1d0000".replace(" ", ""))
    body = b"\3\3" + bytes(32) + b"\x20" + bytes(32) + b"\x13\x01\0" + struct.pack(">H", len(extensions)) + extensions
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    return (b"\x16\3\3" + struct.pack(">H", len(message)) + message + b"\x14\3\3\0\1\1" + b"\x17\3\3\1\0" +
            bytes(256))


def tls(name):
    return hello(name), server_hello(), b"\x14\3\3\0\1\1\x17\3\3\0\x40" + b"q" * 64


GET = b"GET /index.html HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\r\n"
PUT = b"PUT /a.txt HTTP/1.1\r\nHost: a.example\r\nContent-Length: 300\r\n\r\n" + b"words " * 50
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
UPGRADE = (b"GET /socket/" + MARK + b" HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
           b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
           b"\x81\x85\1\2\3\4" + bytes(c ^ (1 + i % 4) for i, c in enumerate(b"hello")), b"\x81\5world")
SMTP = (b"", b"220 mail.example ESMTP\r\n", b"EHLO host-" + MARK + b".inside.example\r\n", b"250 mail.example\r\n",
        b"MAIL FROM:<a@inside.example>\r\n", b"250 ok\r\n", b"RCPT TO:<b@b.example>\r\n", b"250 ok\r\n", b"DATA\r\n",
        b"354 go\r\n", b"Subject: s\r\n\r\nwords\r\n.\r\n", b"250 taken\r\n")
IMAP = (b"", b"* OK ready\r\n", b"a1 LOGIN a b\r\n", b"a1 OK in\r\n", b"a2 SELECT INBOX\r\n", b"a2 OK there\r\n",
        b"a3 IDLE\r\n", b"+ idling\r\n")
POP3 = (b"", b"+OK ready\r\n", b"USER a\r\n", b"+OK\r\n", b"PASS b\r\n", b"+OK in\r\n", b"STAT\r\n", b"+OK 0 0\r\n")
FTP = (b"", b"220 FTP ready\r\n", b"USER a\r\n", b"331 more\r\n", b"PASS b\r\n", b"230 in\r\n", b"CWD /up\r\n",
       b"250 there\r\n")
MQTT = (b"\x10\x18\0\4MQTT\4\2\0\x3c\0\x0cd" + MARK + b"xyz", b"\x20\2\0\0", b"\x30\x09\0\3a/bdata", b"\xd0\0")


def kexinit():
    """The algorithms one side offers (RFC 4253 7.1), in the packet that carries them."""
    lists = (b"curve25519-sha256,ecdh-sha2-nistp256", b"ssh-ed25519", *[b"chacha20-poly1305@openssh.com,aes128-ctr"] * 2,
             *[b"hmac-sha2-256-etm@openssh.com,hmac-sha2-512"] * 2, *[b"none,zlib@openssh.com"] * 2, b"", b"")
    body = b"\x14" + bytes(16) + b"".join(struct.pack(">I", len(words)) + words for words in lists) + bytes(5)
    return struct.pack(">IB", len(body) + 5, 4) + body + bytes(4)


SSH = (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", kexinit(), kexinit())
SMB_NEGOTIATE = (b"\0\0\0\x6c\xfeSMB\x40\0" + bytes(58) + b"\x24\0\2\0" + bytes(32) + b"\x02\x02\x10\x02",)
DICOM = (b"\1\0\0\0\0\xcd\0\1\0\0" + b"ANY-SCP         " + b"MODALITY        " + bytes(32) + b"\x10\0\0\x85" + b"1" * 133,)


H2_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
H2_HEADERS = bytes.fromhex("828684410f") + b"www.example.com"  # RFC 7541 C.4.1, its name not Huffman-coded
HTTP2 = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + H2_SETTINGS + b"\0\0" + bytes([len(H2_HEADERS)]) + b"\1\5\0\0\0\1" +
         H2_HEADERS, H2_SETTINGS + b"\0\0\1\1\5\0\0\0\1\x88")


def uploaded(name):
    """An upload over TLS, large enough for rules over flows to look at it."""
    record = b"\x17\3\3\x40\0" + bytes(range(256)) * 64
    return (*tls(name)[:2], tls(name)[2] + record * 5)


def datagrams(count, *turns, port):
    """A UDP flow for each client."""
    for i in range(count):
        host = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
        for n, words in enumerate(turns):
            ends = ("203.0.113.9", host) if n % 2 else (host, "203.0.113.9")
            ports = (port, 5000) if n % 2 else (5000, port)
            yield ETHER + ipv4(*ends, struct.pack(">HHHH", *ports, 8 + len(words), 0) + words, proto=17)


QUERY = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"


class Lookups:
    few, many = FEW, MANY

    def __call__(self, count):
        return datagrams(count, QUERY, QUERY[:2] + b"\x81\x80" + QUERY[4:], port=53), 2


class Tcp:
    """A kind of connection, and how many of them are compared with how many."""

    def __init__(self, *turns, port=80, few=FEW, many=MANY):
        self.turns, self.port, self.few, self.many = turns, port, few, many

    def __call__(self, count):
        return connection(*self.turns, port=self.port, count=count)


# (what, capture, bytes allowed, seconds of packet time)
KINDS = [
    ("open", Tcp(), AT_MOST, SECONDS),
    ("HTTP, between exchanges", Tcp(GET % b"a.example", OK, PUT, OK), AT_MOST, SECONDS),
    ("HTTP, each to a server of its own", Tcp(GET % (MARK + b".example"), OK), AT_MOST, SECONDS),
    ("TLS", Tcp(*tls(b"www.example.com"), port=443), AT_MOST, SECONDS),
    ("TLS, each to a server of its own", Tcp(*tls(MARK + b".cdn.example.com"), port=443), AT_MOST, SECONDS),
    ("SSH", Tcp(*SSH, port=22), AT_MOST, SECONDS),
    ("SMTP, after a message", Tcp(*SMTP, port=25), AT_MOST, SECONDS),
    ("SMTP, greeted and not answered", Tcp(*SMTP[:2], port=25), AT_MOST, SECONDS),
    ("IMAP", Tcp(*IMAP, port=143), AT_MOST, SECONDS),
    ("POP3", Tcp(*POP3, port=110), AT_MOST, SECONDS),
    ("FTP", Tcp(*FTP, port=21), AT_MOST, SECONDS),
    ("MQTT", Tcp(*MQTT, port=1883), AT_MOST, SECONDS),
    ("WebSocket", Tcp(*UPGRADE), AT_MOST, SECONDS),
    ("SMB", Tcp(*SMB_NEGOTIATE, port=445), AT_MOST, SECONDS),
    ("DICOM", Tcp(*DICOM, port=104), AT_MOST, SECONDS),
    ("TLS, after an upload", Tcp(*uploaded(b"www.example.com"), port=443, few=3000, many=18000), AT_MOST, SECONDS),
    ("DNS", Lookups(), AT_MOST, 40),
    ("HTTP/2", Tcp(*HTTP2, few=1500, many=7500), HTTP2_AT_MOST, SECONDS),
]


def resident(sensor, rules, path, make, count, step_us):
    child = os.fork()  # a child's peak memory begins with what its parent held
    if child == 0:
        frames, each = make(count)
        write_pcap(path, frames, step_us=step_us // each)
        os._exit(0)
    os.waitpid(child, 0)
    code, mib, stats, err = replay(sensor, rules, path, ceiling=1024)
    if code or stats["flow"]["ended_memory"] or stats["flow"]["ended_shutdown"] != count:
        raise SystemExit(f"not {count} connections at the end: {code} {stats['flow']} {err}")
    return mib * 1048576


def cost(sensor, rules, path, kind, scale):
    """Bytes of one more, by the smallest of what was resident: pages that need not be there only ever add to it."""
    name, make, allowed, seconds = kind
    step = seconds * 1000000 // (make.many * scale)
    few = many = float("inf")
    for _ in range(3):
        few = min(few, resident(sensor, rules, path, make, make.few * scale, step))
        many = min(many, resident(sensor, rules, path, make, make.many * scale, step))
        each = (many - few) / ((make.many - make.few) * scale)
        if each <= allowed:
            break
    return each


def main():
    sensor, rules = sys.argv[1:3]
    scale = 8 if "--long" in sys.argv else 1
    bad = number = 0
    with tempfile.TemporaryDirectory(prefix="idle-") as folder:
        path = os.path.join(folder, "idle.pcap")
        for kind in KINDS:
            name, _, allowed, _ = kind
            each = cost(sensor, rules, path, kind, scale)
            number += 1
            bad += each > allowed
            print(f"{'ok' if each <= allowed else 'not ok'} {number} - an idle connection, {name}: {each:.0f} bytes, "
                  f"at most {allowed}", flush=True)
    print(f"1..{number}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
