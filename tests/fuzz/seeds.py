#!/usr/bin/python3
"""Seeds for the fuzz targets: synthetic records, the packets and the conversations of pcaps/. `any` is given to all
targets, `NAME` to NAME_fuzz.

usage: seeds.py DIR"""

import hashlib
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
sys.path.insert(0, os.path.join(HERE, "..", "accuracy"))
import make_records  # noqa: E402
import sets  # noqa: E402
import pcap  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
HTTP = [
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /u HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /u HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99\r\n\r\n"
    b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\n\r\nxyz\r\n--b--\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
]


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
    "GIF, BMP, TIFF, WebP, HEIF": ["gif", "bmp", "tiff", "webp", "heif"], "JPEG without its head": ["fragment"],
    "finger minutiae (FMR)": ["fmr"], "finger images (FIR)": ["fir"], "faces (FAC)": ["fac"], "irises (IIR)": ["iir"],
    "ICAO data groups, 39794": ["icao", "iso39794"], "encrypted containers": ["encrypted"],
    "coded inside text": ["coded_base64", "coded_hex"], "ANSI/NIST-ITL": ["an2k", "biometric_xml"],
    "vendor templates": ["template"], "MRZ": ["mrz"], "PAXLST, PNRGOV": ["edifact"],
    "SSN, passport numbers": ["identifiers"], "licence plates": ["plate_rows", "plate_keys", "plate_sql"],
    "embeddings": ["npy", "vector_text", "vector_raw"],
}


def put_records(target):
    """One record of each kind of each set; the target's first byte picks the recogniser, the second the cutting."""
    with open(os.path.join(ROOT, "include", "recogniser_list.def"), encoding="utf-8") as table:
        names = re.findall(r"^RECOGNISER\((\w+)\)", table.read(), re.M)
    for family, make, _ in sets.FAMILIES:
        seen = set()
        for label, content, _ in make(random.Random(family)):
            if label in seen:
                continue
            seen.add(label)
            for name in RECOGNISERS[family]:
                put(os.path.join(target, "recogniser"), bytes([names.index(name), 7]) + content[:40000])


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
    for name in ("form", "biometrics", "tls", "ipv6"):
        packets, _ = pcap.read(os.path.join(ROOT, "pcaps", name + ".pcap"))
        for _, data in packets[:12]:
            put(os.path.join(target, "packet"), data)
            put(os.path.join(target, "decode"), data)
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
