#!/usr/bin/python3
"""Seeds for the fuzz targets: synthetic records, the packets and the conversations of pcaps/. `any` is given to all
targets, `NAME` to NAME_fuzz.

usage: seeds.py DIR"""

import binascii
import hashlib
import os
import random
import re
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


def put(folder, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(content).hexdigest()[:16]), "wb") as out:
        out.write(content)


# The generated sets, and whose food each is.
RECOGNISERS = {
    "JPEG": ["jpeg"], "JPEG 2000": ["jp2"], "WSQ": ["wsq"], "PNG": ["png"], "JPEG-LS": ["jpeg"],
    "GIF, BMP, TIFF, WebP, HEIF": ["gif", "bmp", "tiff", "webp", "heif"], "JPEG without its head": ["fragment"],
    "finger minutiae (FMR)": ["fmr"], "finger images (FIR)": ["fir"], "faces (FAC)": ["fac"], "irises (IIR)": ["iir"],
    "ICAO data groups, 39794": ["icao", "iso39794"], "encrypted containers": ["encrypted"],
    "coded inside text": ["coded_base64", "coded_hex"], "ANSI/NIST-ITL": ["an2k", "biometric_xml"],
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
    for number, content in ((5, coded), (5, in_base64), (14, part), (14, whole)):
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
    put_mail(target)
    for name in ("form", "biometrics", "tls", "ipv6"):
        packets, _ = pcap.read(os.path.join(ROOT, "pcaps", name + ".pcap"))
        for _, data in packets[:12]:
            put(os.path.join(target, "packet"), data)
            put(os.path.join(target, "decode"), data)
    rules = os.path.join(ROOT, "rules")
    for name in sorted(os.listdir(rules)):
        if name.endswith(".yar"):
            with open(os.path.join(rules, name), "rb") as file:
                put(os.path.join(target, "rule_text"), b"\0" + file.read())
    put(os.path.join(target, "rule_text"), b'\1object_type == "jpeg" and (image_width > 3 or not #a < 4KB)')
    put(os.path.join(target, "rule_text"), b"\x02 10.0.0.0/8\nwww.example.com # x\n2001:db8::/32\n.example.org\n")


if __name__ == "__main__":
    main()
