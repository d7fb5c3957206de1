#!/usr/bin/python3
"""The recognisers' cost on bytes made to be dear: floods of what begins an item, lists that never end, nesting. Exact
instruction counts (callgrind); from 4 to 16 times the size a byte may cost at most 1.3 times what it did from 1 to 4, and
the files of source that a shape is meant for must do a part of the work, or it never reached them.

usage: linear.py [--scan PATH] [--size BYTES] [--only WORD]"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ALLOWED = 1.3
WORK = 0.5  # instructions a byte that show that a file is at work
FLAT = 12  # instructions a byte: below this, growth is a start that is not over


def flood(piece):
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def random_bytes(size):
    return random.Random(7).randbytes(size)


def nested(open_piece, inner):
    return lambda size: (open_piece * (size // len(open_piece) + 1))[:size - len(inner)] + inner


def plate_table(size):
    rng = random.Random(9)
    rows = (f"{rng.choice('ABCDEFGH')}{rng.choice('KLMN')}C{rng.randrange(10 ** 4):04d},TX,2019-05-01T10:00:00Z,cam-1,31.10000,"
            "-74.50000\n" for _ in range(size // 40))
    return "".join(rows).encode()[:size]


def directories(size):
    """A TIFF of directories, each full of places to go to, all of them ahead."""
    out, at = b"II*\0" + struct.pack("<I", 8), 8
    while len(out) < size:
        after = at + 2 + 200 * 12 + 4
        entries = b"".join(struct.pack("<HHII", (0x8769, 0x10f, 0x110, 0x132)[i % 4], 4 if i % 4 == 0 else 2, 1 if i % 4 == 0 else 60,
                                       after if i % 4 == 0 else after + 9000 + i) for i in range(200))
        out += struct.pack("<H", 200) + entries + bytes(4)
        at = after
    return out[:size]


def floats(squares):
    """Numbers of one size and any sign: `squares` is what 128 of them add up to."""
    def make(size):
        rng, x = random.Random(3), (squares / 128) ** 0.5
        return struct.pack(f"<{size // 4}f", *(rng.choice((x, -x)) for _ in range(size // 4)))
    return make


# Name, what makes the bytes, and the source files that must be at work on them.
SHAPES = [
    ("random bytes", random_bytes, []), ("zeros", flood(b"\0"), []),
    ("words", flood(b"the quick brown fox, 17 of them; "), []),
    ("JPEG starts", flood(b"\xff\xd8\xff\xe0\x00\x10JFIF\0"), ["jpeg.c", "carve.c"]),
    ("JPEG starts with frames", flood(b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x40\x00\x40\x01\x01\x11\x00"), ["jpeg.c"]),
    ("JPEG markers", lambda size: b"\xff\xd8" + flood(b"\xff\xfe\x00\x04ab")(size), ["jpeg.c"]),
    ("PNG starts", flood(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ["png.c"]),
    ("TIFF directories", directories, ["exif.c"]),
    ("JPEG 2000 starts", flood(b"\0\0\0\x0cjP  \r\n\x87\n"), ["jp2.c"]),
    ("HEIF boxes", flood(b"\0\0\0\x14ftypheic\0\0\0\0mif1"), ["heif.c"]),
    ("HEIF items", lambda size: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + struct.pack(">I", size) + b"meta\0\0\0\0" +
     flood(b"\0\0\0\x15infe\2\0\0\0\0\1\0\0Exif\0" + b"\0\0\0\x1eiloc\0\0\0\0\x44\0\0\1\0\1\0\0\0\1\0\0\1\0\0\0\1\0")
     (size), ["heif.c"]),
    ("WSQ starts", flood(b"\xff\xa0\xff\xa4\x00\x3a\x09\x07\x00\x09\x32\xd3"), ["wsq.c"]),
    ("FMR starts", flood(b"FMR\0 20\0\0\0\1\0\0\0\2\0\2\0\0\xc5\0\xc5\1\0"), ["fmr.c"]),
    ("FAC starts", flood(b"FAC\x00010\0\0\0\4\0\0\1"), ["carve.c"]),
    ("nested TLV", flood(b"\x7f\x61\x82\xff\xff\x02\x01\x01\x7f\x60\x82\xff\xf0\xa1\x04\x81\x01\x02\x82"), ["icao.c"]),
    ("NIST records", flood(b"1.001:80\x1d1.002:0400\x1d1.003:1\x1f1\x1e10\x1f00\x1d"), ["an2k.c"]),
    ("zone fillers", flood(b"P<UTO" + b"<" * 39 + b"\n"), ["mrz.c"]),
    ("zones", flood(b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10\n"), ["mrz.c"]),
    ("zones as markup", flood(b"P&lt;UTOERIKSSON&lt;&lt;ANNA&lt;br"), ["mrz.c"]),
    ("passenger messages", flood(b"UNH+1+PAXLST:D:02B:UN:IATA'NAD+FL+++A:B'"), ["edifact.c"]),
    ("keywords", flood(b"passport ssn 123-45-6789 passport number C12345678 "), ["identifiers.c"]),
    ("groups of digits", flood(b"ssn 123 45 123 45 678 (values (create table ssn "), ["identifiers.c"]),
    ("plate rows", plate_table, ["plate_rows.c"]),
    ("plate keys", flood(b'{"plate_number":"ABC1234","timestamp":"2019-05-01T10:00:00Z","camera_id":1}\n'), ["plate_keys.c"]),
    ("SQL", flood(b"INSERT INTO plates VALUES ('ABC1234','2019-05-01T10:00:00Z');\n"), ["plate_sql.c"]),
    ("numbers in brackets", flood(b"[0.0883,-0.0883,"), ["vector_text.c"]),
    ("open brackets", flood(b"[0.0,0.0"), ["vector_text.c"]),
    ("coded starts", flood(b'"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8"'), ["coded.c"]),
    ("hex starts", flood(b"ffd8ffe000104a464946"), ["coded.c"]),
    ("templates", flood(b"NT\0\x10\x40\0\0\0\n\1NFT\x10"), ["carve.c"]),
    ("numpy heads", flood(b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', "), ["npy.c"]),
    ("zip heads", flood(b"PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0aabcd"), ["container_zip.c"]),
    ("RAR headers", lambda size: b"Rar!\x1a\7\1\0" + flood(b"abcd\x09\2\2\0\0\0\0\0\0\0")(size), ["rar.c"]),
    ("PDF words", lambda size: b"%PDF-1.7\n" + flood(b"/Encryp obj ")(size), ["encrypted.c"]),
    ("XML elements", lambda size: b'<x xmlns:biom="http://release.niem.gov/niem/domains/biometrics/5.2/">' +
     flood(b"<biom:FaceImage><nc:BinaryBase64Object>/9j/")(size), ["biometric_xml.c"]),
    ("small floats", floats(0.97), ["vector_raw.c"]), ("unit floats", floats(1), ["vector_raw.c"]),
    ("uuencode starts", flood(b"begin 644 a\n#0V%T\n"), ["uuencoded.c"]),
    ("uuencoded lines", lambda size: b"begin 644 a\n" + flood(b"M" + b"_" * 60 + b"\n")(size), ["uuencoded.c"]),
    ("begin lines", flood(b"begin 644 a\n"), ["uuencoded.c"]),
    ("yEnc starts", flood(b"=ybegin line=128 size=9 name=a\n*\n"), ["yencoded.c"]),
    ("yEnc parts", flood(b"=ybegin part=1 total=9 line=128 size=999 name=a\n=ypart begin=1 end=3\n***\n=yend size=3\n\n"),
     ["yencoded.c"]),
    ("TNEF attributes", lambda size: b"\x78\x9f\x3e\x22\1\0" + flood(b"\2\x0f\x80\6\0\1\0\0\0aa\0")(size),
     ["container_tnef.c"]),
    ("TNEF properties", lambda size: b"\x78\x9f\x3e\x22\1\0\2\5\x90\6\0" + b"\xff\xff\xff\x7f\xff\xff\xff\x7f" + flood(
        b"\x1e\0\0\x10\1\0\0\0\1\0\0\0a\0\0\0")(size), ["mapi.c"]),
    ("octet strings", lambda size: bytes.fromhex(
        "308006092a864886f70d010702a08030800201013100308006092a864886f70d010701a0802480") + flood(b"\4\1a")(size),
     ["container_cms.c"]),
]


def profile(path):
    """Instructions by source file, with those of what it calls elsewhere, from callgrind's own format."""
    names, costs, file, call = {}, collections.Counter(), "", False
    callee = ""  # of the call that is read; none is named when it is in the caller's file
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            place = re.match(r"f[lie]=(\(\d+\))(?: (.*))?$", line)
            if place:
                if place[2]:
                    names[place[1]] = os.path.basename(place[2].strip())
                file = callee = names[place[1]]
            elif line.startswith("calls="):
                call = True  # the next line is what the callee cost, with all it called
            elif line[:1] in "+-*0123456789":
                if not call or callee != file:
                    costs[file] += int(line.split()[1])
                call, callee = False, file
            else:
                place = re.match(r"cf[il]=(\(\d+\))(?: (.*))?$", line)
                if place:
                    if place[2]:
                        names[place[1]] = os.path.basename(place[2].strip())
                    callee = names[place[1]]
    return costs


def instructions(scan, data):
    """All of them, and those of each source file."""
    with tempfile.TemporaryDirectory(prefix="linear-") as folder:
        path, out = os.path.join(folder, "data"), os.path.join(folder, "profile")
        with open(path, "wb") as file:
            file.write(data)
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", scan, path],
                              capture_output=True, text=True, check=True)
        return int(re.search(r"Collected : (\d+)", done.stderr)[1]), profile(out)


def measure(scan, make, size, at_work):
    """(instructions a byte from 1 to 4 times the size, from 4 to 16; of the files that must be at work, those that are not)"""
    (one, _), (four, before), (sixteen, after) = (instructions(scan, make(size * n)) for n in (1, 4, 16))
    idle = [file for file in at_work if (after[file] - before[file]) / (12 * size) < WORK]
    return (four - one) / (3 * size), (sixteen - four) / (12 * size), idle


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scan", default=os.path.join(ROOT, "build", "accuracy", "scan"))
    parser.add_argument("--size", type=int, default=24000)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    shapes = [shape for shape in SHAPES if arguments.only in shape[0]]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(measure, arguments.scan, make, arguments.size, at_work) for _, make, at_work in shapes]
        for number, ((name, *_), job) in enumerate(zip(shapes, jobs), 1):
            before, after, idle = job.result()
            good = after <= max(before * ALLOWED, FLAT) and not idle
            bad += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {before:.1f}, then {after:.1f} instructions a byte" +
                  (f", and nothing of it in {', '.join(idle)}" if idle else ""), flush=True)
    print(f"1..{len(shapes)}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
