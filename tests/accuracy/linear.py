#!/usr/bin/python3
"""The recognisers' cost on bytes made to be dear: floods of what begins an item, lists that never end, nesting. Exact
instruction counts (callgrind); from 4 to 16 times the size a byte may cost at most 1.3 times what it did from 1 to 4.

usage: linear.py [--scan PATH] [--size BYTES] [--only WORD]"""

import argparse
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALLOWED = 1.3
FLAT = 12  # instructions a byte: below this, growth is a start that is not over


def flood(piece):
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def random_bytes(size):
    return random.Random(7).randbytes(size)


def nested(open_piece, inner):
    return lambda size: (open_piece * (size // len(open_piece) + 1))[:size - len(inner)] + inner


SHAPES = [
    ("random bytes", random_bytes), ("zeros", flood(b"\0")), ("words", flood(b"the quick brown fox, 17 of them; ")),
    ("JPEG starts", flood(b"\xff\xd8\xff\xe0\x00\x10JFIF\0")), ("JPEG starts with frames", flood(
        b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00")),
    ("JPEG markers", lambda size: b"\xff\xd8" + flood(b"\xff\xfe\x00\x04ab")(size)),
    ("PNG starts", flood(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")), ("TIFF starts", flood(b"II*\0\x08\0\0\0")),
    ("JPEG 2000 starts", flood(b"\0\0\0\x0cjP  \r\n\x87\n")), ("HEIF boxes", flood(b"\0\0\0\x14ftypheic\0\0\0\0mif1")),
    ("WSQ starts", flood(b"\xff\xa0\xff\xa4\x00\x3a\x09\x07\x00\x09\x32\xd3")),
    ("FMR starts", flood(b"FMR\0 20\0\0\0\1\0\0\0\2\0\2\0\0\xc5\0\xc5\1\0")), ("FAC starts", flood(b"FAC\x00010\0\0\0\4\0\0\1")),
    ("nested TLV", flood(b"\x7f\x61\x82\xff\xff\x02\x01\x01\x7f\x60\x82\xff\xf0\xa1\x04\x81\x01\x02\x82")),
    ("NIST records", flood(b"1.001:80\x1d1.002:0400\x1d1.003:1\x1f1\x1e10\x1f00\x1d")),
    ("zone fillers", flood(b"P<UTO" + b"<" * 39 + b"\n")), ("zones", flood(b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n"
                                                                  b"L898902C36UTO7408122F1204159ZE184226B<<<<<10\n")),
    ("passenger messages", flood(b"UNH+1+PAXLST:D:02B:UN:IATA'NAD+FL+++A:B'")),
    ("keywords", flood(b"passport ssn 123-45-6789 passport number C12345678 ")),
    ("plate rows", flood(b"ABC1234,TX,2019-05-01T10:00:00Z,cam-1,31.10000,-74.50000\n")),
    ("plate keys", flood(b'{"plate_number":"ABC1234","timestamp":"2019-05-01T10:00:00Z","camera_id":1}\n')),
    ("SQL", flood(b"INSERT INTO plates VALUES ('ABC1234','2019-05-01T10:00:00Z');\n")),
    ("numbers in brackets", flood(b"[0.0883,-0.0883,")), ("open brackets", flood(b"[")),
    ("coded starts", flood(b'"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8"')),
    ("hex starts", flood(b"ffd8ffe000104a464946")), ("templates", flood(b"NT\0\x10\x40\0\0\0\n\1NFT\x10")),
    ("numpy heads", flood(b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', ")), ("zip heads", flood(b"PK\3\4\x14\0\1\0\x08\0")),
    ("PDF words", flood(b"%PDF-1.7 /Encrypt obj ")), ("XML elements", flood(b"<biom:FaceImage><nc:BinaryBase64Object>/9j/")),
    ("uuencode starts", flood(b"begin 644 a\n#0V%T\n")), ("uuencoded lines", lambda size: b"begin 644 a\n" + flood(
        b"M" + b"_" * 60 + b"\n")(size)), ("begin lines", flood(b"begin 644 a\n")),
    ("yEnc starts", flood(b"=ybegin line=128 size=9 name=a\n*\n")), ("yEnc parts", flood(
        b"=ybegin part=1 total=9 line=128 size=999 name=a\n=ypart begin=1 end=3\n***\n=yend size=3\n\n")),
    ("TNEF attributes", lambda size: b"\x78\x9f\x3e\x22\1\0" + flood(b"\2\x0f\x80\6\0\1\0\0\0aa\0")(size)),
    ("TNEF properties", lambda size: b"\x78\x9f\x3e\x22\1\0\2\5\x90\6\0" + b"\xff\xff\xff\x7f\xff\xff\xff\x7f" + flood(
        b"\x1e\0\0\x10\1\0\0\0\1\0\0\0a\0\0\0")(size)),
    ("octet strings", lambda size: bytes.fromhex(
        "308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480") + flood(b"\4\1a")(size)),
    ("small floats", flood(b"\x00\x00\xb4\x3d\x00\x00\xb4\xbd")),
]


def instructions(scan, data):
    with tempfile.NamedTemporaryFile(prefix="linear-") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", scan, file.name],
                              capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def measure(scan, make, size):
    """(instructions a byte from 1 to 4 times the size, from 4 to 16)"""
    one, four, sixteen = (instructions(scan, make(size * n)) for n in (1, 4, 16))
    return (four - one) / (3 * size), (sixteen - four) / (12 * size)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scan", default=os.path.join(ROOT, "build", "accuracy", "scan"))
    parser.add_argument("--size", type=int, default=24000)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    shapes = [shape for shape in SHAPES if arguments.only in shape[0]]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(measure, arguments.scan, make, arguments.size) for _, make in shapes]
        for number, ((name, _), job) in enumerate(zip(shapes, jobs), 1):
            before, after = job.result()
            good = after <= max(before * ALLOWED, FLAT)
            bad += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {before:.1f}, then {after:.1f} instructions a byte",
                  flush=True)
    print(f"1..{len(shapes)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
