#!/usr/bin/python3
"""Seeds for the fuzz targets: synthetic records, the packets and the conversations of pcaps/. `any` is given to all
targets, `NAME` to NAME_fuzz.

usage: seeds.py DIR"""

import binascii
import hashlib
import os
import random
import re
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
sys.path.insert(0, os.path.join(HERE, "..", "accuracy"))
import make_records  # noqa: E402
import sets  # noqa: E402
import pcap  # noqa: E402
import tnef  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
HTTP = [
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99\r\n\r\n"
    b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\n\r\nxyz\r\n--b--\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
]


# RFC 9001 appendix A: what its first two packets hold.
QUIC_HELLO = (
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b65"
    "78616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370"
    "b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d"
    "00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806"
    "048000ffff")
QUIC_ANSWER = (
    "020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c940d89690b"
    "84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304")
RSYNC = [
    b"\x21\0\0\7" b"\x80\x80\2b1\0\x09\0\xa4\x81\0\0" b"\x80\x82\2a1\0\x05\0" b"\x80\xa2\1\1c\0\x05\0" b"\0\0" b"\1\0\x80",
    b"\x10\0\0\7" + bytes(16), b"\x1d\0\0\7" b"\5\0\0\0hello" b"\0\0\0\0" + bytes(16), b"\3\0\0\7\0\0\0",
]


def conversation(messages, side):
    """As tests/fuzz/conversation.h takes it: side, length, bytes."""
    return b"".join(bytes([side, len(message)]) + message for message in messages)


def put(folder, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(content).hexdigest()[:16]), "wb") as out:
        out.write(content)


# The generated sets, and whose food each is.
RECOGNISERS = {
    "JPEG": ["jpeg"], "JPEG 2000": ["jp2"], "WSQ": ["wsq"], "PNG": ["png"], "JPEG-LS": ["jpeg"],
    "unusual pictures, JPEG XL": ["jpeg", "jxl", "heif", "png", "webp", "jp2"],
    "decompression bombs": ["jpeg", "gif", "bmp", "tiff", "webp", "heif", "jxl", "jp2", "png"],
    "GIF, BMP, TIFF, WebP, HEIF": ["gif", "bmp", "tiff", "webp", "heif"], "JPEG without its head": ["fragment"],
    "finger minutiae (FMR)": ["fmr"], "finger images (FIR)": ["fir"], "faces (FAC)": ["fac"], "irises (IIR)": ["iir"],
    "ICAO data groups, 39794": ["icao", "iso39794"], "chip files, CBEFF, PIV": ["icao", "iso39794", "piv"],
    "encrypted containers": ["encrypted", "rar", "sevenzip"],
    "coded inside text": ["coded_base64", "coded_hex", "coded_spaced", "uuencoded"], "ANSI/NIST-ITL": ["an2k", "biometric_xml"],
    "vendor templates": ["template"], "MRZ": ["mrz"], "PAXLST, PNRGOV": ["edifact"],
    "SSN, passport numbers": ["identifiers"], "licence plates": ["plate_rows", "plate_keys", "plate_sql"],
    "embeddings": ["npy", "vector_text", "vector_raw"],
}


def recogniser_names():
    with open(os.path.join(ROOT, "include", "recogniser_list.def"), encoding="utf-8") as table:
        return re.findall(r"^RECOGNISER\((\w+)\)", table.read(), re.M)


def put_records(target):
    """One record of each kind of each set; the target's first byte picks the recogniser, the second the cutting."""
    names = recogniser_names()
    for family, make, _ in sets.FAMILIES:
        seen = set()
        for label, content, _ in make(random.Random(family)):
            if label in seen:
                continue
            seen.add(label)
            for name in RECOGNISERS[family]:
                put(os.path.join(target, "recogniser"), bytes([names.index(name), 7]) + content[:40000])


def unescape(text):
    """The bytes of a transcript's line (tests/unit/app/transcript_test.c)."""
    def one(found):
        word = found[1]
        if word[0] == "x":
            return chr(int(word[1:], 16))
        if word[0] == "*":
            times, body = word[1:-1].split("{", 1)
            return int(times) * unescape(body).decode("latin-1")
        return {"r": "\r", "n": "\n", "t": "\t", "0": "\0"}.get(word, word)
    return re.sub(r"\\(x[0-9a-fA-F]{2}|\*\d+\{(?:[^\\}]|\\.)*\}|.)", one, text).encode("latin-1")


def put_transcripts(target):
    """Each conversation in the form of conversation.h, for the target of its protocol. Short ones over UDP share one."""
    folder = os.path.join(ROOT, "tests", "unit", "app")
    for file in sorted(os.listdir(folder)):
        name, kind = os.path.splitext(file)
        fuzzer = "datagram" if name in ("wireguard", "ike", "esp", "openvpn") else name
        if kind != ".transcript" or not os.path.exists(os.path.join(HERE, fuzzer + "_fuzz.c")):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            conversations = text.read().split("\n--- ")[1:]
        for conversation in conversations:
            seed = b"\x05" if fuzzer == "datagram" else b"" # the port
            for line in conversation.splitlines():
                side = int(line[:1] == "<")
                if line[:3] in (">>!", "<<!"):
                    seed += bytes([side | 4, min(round(int(line[4:]) ** (1 / 3)), 255)])
                elif line[:3] in (">>>", "<<<"):
                    data = unescape(line[4:])
                    for at in range(0, len(data), 255):
                        seed += bytes([side, len(data[at:at + 255])]) + data[at:at + 255]
            put(os.path.join(target, fuzzer), seed)


def put_quic(target):
    """What QUIC's packets hold: quic_fuzz seals it."""
    hello = bytes.fromhex(QUIC_HELLO)
    crypto = [b"\x06" + struct.pack(">HH", 0x4000 | at, 0x4000 | len(hello[at:at + 60])) + hello[at:at + 60]
              for at in range(0, len(hello), 60)]
    answer = b"\x02\0\0\0\0" + b"\x06\0\x40\x5a" + bytes.fromhex(QUIC_ANSWER)
    for order, version in ((crypto, 0), (crypto[::-1], 8), (crypto[1:] + [b"\1" + bytes(20)] + crypto[:1], 16)):
        frames = b"".join(order)
        put(os.path.join(target, "quic"), bytes([version]) + struct.pack(">H", len(frames)) + frames +
            bytes([version | 5]) + struct.pack(">H", len(answer)) + answer)


def put_mail(target):
    """Files inside texts, and the envelopes of mail programs. The codings' numbers are codec_fuzz's."""
    data = bytes(range(256))
    coded = b"begin 644 a.bin\r\n" + b"".join(binascii.b2a_uu(data[at:at + 45]) for at in range(0, 256, 45)) + b"`\nend\n"
    in_base64 = b"begin-base64 644 a.bin\n" + binascii.b2a_base64(data[:57]) + b"====\n"
    escaped = b"".join(bytes([(c + 42) & 255]) if (c + 42) & 255 not in (0, 10, 13, 61) else bytes([61, (c + 106) & 255]) for c in data)
    part = b"=ybegin part=1 total=2 line=999 size=512 name=a.bin\r\n=ypart begin=1 end=256\r\n" + escaped + \
        b"\r\n=yend size=256 part=1 pcrc32=%08x\r\n" % zlib.crc32(data)
    whole = b"=ybegin line=999 size=256 name=a.bin\r\n" + escaped + b"\r\n=yend size=256 crc32=%08x\r\n" % zlib.crc32(data)
    names = recogniser_names()
    for name, content in (("uuencoded", coded), ("uuencoded", in_base64), ("yencoded", part), ("yencoded", whole)):
        put(os.path.join(target, "recogniser"), bytes([names.index(name), 7]) + content + b"and text\r\n")
    for number, content in ((5, coded), (5, in_base64), (16, part), (16, whole)):
        put(os.path.join(target, "codec"), bytes([number, 1]) + content)
    inner = tnef.message(tnef.attachment(b"inner", "a.txt", "b.txt"), text=b"", html=b"")
    for content in (tnef.message(tnef.attachment(data, "a.bin", "b.bin")), tnef.message(tnef.in_properties(inner, "x", True))):
        put(os.path.join(target, "archive"), b"\1" + content.replace(bytes(1000), bytes(300)))
    head = bytes.fromhex("06092a864886f70d010702a080308002010131 0f300d06096086480165030402010500".replace(" ", ""))
    info = bytes.fromhex("308006092a864886f70d010701a080")
    put(os.path.join(target, "archive"), b"\1\x30\x80" + head + info + b"\x24\x80\x04\x03abc\x04\x81\x80" + data[:128] + bytes(6) + data)
    put(os.path.join(target, "archive"), b"\1\x30\x80" + head + info + b"\x04\x81\x80" + data[:128] + data)


def main():
    target = sys.argv[1]
    if os.path.isdir(os.path.join(target, "any")):
        return
    general = os.path.join(target, "any")
    small = make_records.with_exif(make_records.jpeg(make_records.face_ppm(1, 48, 60)),
                                   make_records.exif("A", "B", "C", "2026:01:01 00:00:00", 1.5, 2.5))
    for content in [small, make_records.fmr(1, 1), make_records.wsq(1, 64, 64), make_records.png(8, 8),
                    make_records.passport(1).encode(), *HTTP]:
        put(general, content)
    put_records(target)
    put_transcripts(target)
    put_mail(target)
    for name in ("form", "biometrics", "tls", "ipv6"):
        packets, _ = pcap.read(os.path.join(ROOT, "pcaps", name + ".pcap"))
        for _, data in packets[:12]:
            put(os.path.join(target, "packet"), data)
            put(os.path.join(target, "decode"), data)
    put_quic(target)
    for way in range(3):  # a list of two files, and the second of them
        put(os.path.join(target, "rsync"), bytes([way]) + conversation(RSYNC, 0 if way != 1 else 1))
    put(os.path.join(target, "rcp"), conversation([b"abc\0", b"T1 0 1 0\nD0755 0 d\nC0600 0 e\n\0E\n"], 0))
    rules = os.path.join(ROOT, "rules")
    for name in sorted(os.listdir(rules)):
        if name.endswith(".yar"):
            with open(os.path.join(rules, name), "rb") as file:
                put(os.path.join(target, "rule_text"), b"\0" + file.read())
    put(os.path.join(target, "rule_text"), b'\1object_type == "jpeg" and (image_width > 3 or not #a < 4KB)')
    put(os.path.join(target, "rule_text"), b"\x02 10.0.0.0/8\nwww.example.com # x\n2001:db8::/32\n.example.org\n")


if __name__ == "__main__":
    main()
