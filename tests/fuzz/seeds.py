#!/usr/bin/python3
"""Seeds for the fuzz targets: synthetic records, the packets and the conversations of pcaps/. `any` is given to all
targets, `NAME` to NAME_fuzz.

usage: seeds.py DIR"""

import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import make_records  # noqa: E402
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


def put(folder, content):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(content).hexdigest()[:16]), "wb") as out:
        out.write(content)


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
