#!/usr/bin/python3
"""Makes the files of rules/tests/bodies/, which the cases name: small, and of nobody (tests/tools/make_records.py).

usage: make_bodies.py [DIR]        needs cjpeg"""

import os
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import make_records  # noqa: E402


def grey_png(ppm, width, height):
    """A photograph as PNG keeps it: every row filtered by Sub, and still most of a byte a pixel."""
    pixels = ppm[-3 * width * height:][::3]
    rows = b""
    for y in range(height):
        row = pixels[y * width:(y + 1) * width]
        rows += b"\1" + row[:1] + bytes((b - a) & 255 for a, b in zip(row, row[1:]))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "rules", "tests", "bodies")
    os.makedirs(folder, exist_ok=True)
    camera = ("Contoso Imaging", "BorderCam 4", "BC4-000001", "2026:11:20 08:15:01")
    portrait = make_records.jpeg(make_records.face_ppm(1, 413, 531), 40)
    made = {
        "portrait.jpg": make_records.with_exif(portrait, make_records.exif(*camera)),
        "portrait-with-position.jpg": make_records.with_exif(
            make_records.jpeg(make_records.face_ppm(1, 240, 320), 30), make_records.exif(*camera, 31.7619, -106.4850)),
        "crop.jpg": make_records.with_exif(make_records.jpeg(make_records.plate_ppm("7X4-K92", 320, 140), 60),
                                           make_records.exif(*camera)),
        "face.png": grey_png(make_records.face_ppm(2, 240, 320), 240, 320),
        "drawing.png": make_records.png(320, 240),
        "finger.fmr": make_records.fmr(3),
        "finger.wsq": make_records.wsq(4, 64, 80),
    }
    for name, content in made.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content)


if __name__ == "__main__":
    main()
