#!/usr/bin/python3
"""Synthetic content for captures and tests: photographs nobody took, fingers nobody has. Every picture, record
and name here is made from a seed; the formats are written from their standards, independently of the sensor's
readers, so that the two can prove each other.

usage: make_records.py DIR    writes one of each into DIR"""

import os
import random
import struct
import subprocess
import sys
import zlib


# --- pictures ------------------------------------------------------------------------------------------------

def face_ppm(seed, width=480, height=600):
    """A head-and-shoulders shape before a lit wall: enough structure to compress as a portrait does."""
    source = random.Random(seed)
    wall = [source.randint(120, 200) for _ in range(3)]
    skin = (source.randint(150, 230), source.randint(110, 180), source.randint(90, 150))
    shirt = [source.randint(20, 160) for _ in range(3)]
    middle, eyes = width / 2 + source.randint(-10, 10), height * 0.38
    grain = bytes(source.getrandbits(8) for _ in range(8192))
    rows = bytearray()
    for y in range(height):
        for x in range(width):
            noise = grain[(x * 131 + y * 197) & 8191] % 13 - 6
            light = 20 * x // width
            face = ((x - middle) / (width * 0.24)) ** 2 + ((y - height * 0.42) / (height * 0.26)) ** 2
            if face < 1:
                shade = int(30 * face)
                colour = [c - shade for c in skin]
                for eye in (middle - width * 0.09, middle + width * 0.09):
                    if (x - eye) ** 2 / 160 + (y - eyes) ** 2 / 50 < 1:
                        colour = [40, 30, 30]
                if abs(x - middle) < width * 0.08 and abs(y - height * 0.56) < 4:
                    colour = [150, 60, 60]
            elif y > height * 0.72 and abs(x - middle) < (y - height * 0.6) * 1.3:
                colour = shirt
            else:
                colour = [c + light for c in wall]
            rows += bytes(max(0, min(255, c + noise)) for c in colour)
    return b"P6\n%d %d\n255\n" % (width, height) + bytes(rows)


FONT = {"A": "75757", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "K": "55655", "X": "55255",
        "7": "71244", "4": "55711", "2": "71747", "9": "75717", "-": "00700"}


def plate_ppm(text, width=640, height=360):
    """The back of a car at dusk with a plate that reads `text`."""
    source = random.Random(text)
    grain = bytes(source.getrandbits(8) for _ in range(8192))
    left, top, cell = width // 2 - 18 * len(text), height // 2, 8
    rows = bytearray()
    for y in range(height):
        for x in range(width):
            noise = grain[(x * 71 + y * 151) & 8191] % 17 - 8
            shade = 40 + 60 * y // height
            inside = left - 12 <= x < left + 36 * len(text) + 4 and top - 12 <= y < top + 5 * cell + 12
            if inside:
                shade = 220
                column, row = (x - left) // 9, (y - top) // cell
                letter, bit = column // 4, column % 4
                if 0 <= letter < len(text) and 0 <= row < 5 and bit < 3 and x >= left and y >= top:
                    if int(FONT.get(text[letter], "77777")[row]) >> (2 - bit) & 1:
                        shade = 30
            rows += bytes(max(0, min(255, shade + noise + c)) for c in (0, 2, 8))
    return b"P6\n%d %d\n255\n" % (width, height) + bytes(rows)


def jpeg(ppm, quality=85, *options):
    """libjpeg's coding of a PPM."""
    return subprocess.run(["cjpeg", "-quality", str(quality), *options], input=ppm, capture_output=True,
                          check=True).stdout


def exif(make, model, serial, when, latitude=None, longitude=None):
    """An APP1 Exif segment, little-endian TIFF: IFD0, Exif IFD, and a GPS IFD when a position is given."""
    heap = bytearray()

    def entry(tag, kind, count, value):
        return tag, kind, count, value

    def text(tag, value):
        raw = value.encode() + b"\0"
        return entry(tag, 2, len(raw), raw)

    def rationals(tag, *values):
        raw = b"".join(struct.pack("<II", int(value * 10000), 10000) for value in values)
        return entry(tag, 5, len(values), raw)

    def degrees(value):
        value = abs(value)
        minutes = (value - int(value)) * 60
        return int(value), int(minutes), (minutes - int(minutes)) * 60

    blocks = [[text(0x010F, make), text(0x0110, model), text(0x0132, when), entry(0x8769, 4, 1, None)],
              [text(0x9003, when), text(0xA431, serial)]]
    if latitude is not None:
        blocks[0].append(entry(0x8825, 4, 1, None))
        blocks.append([text(0x0001, "N" if latitude >= 0 else "S"), rationals(0x0002, *degrees(latitude)),
                       text(0x0003, "E" if longitude >= 0 else "W"), rationals(0x0004, *degrees(longitude))])
    starts, at = [], 8
    for block in blocks:
        starts.append(at)
        at += 2 + 12 * len(block) + 4
    directory = bytearray()
    for block in blocks:
        directory += struct.pack("<H", len(block))
        for tag, kind, count, value in block:
            if value is None:
                field = struct.pack("<I", starts[1] if tag == 0x8769 else starts[2])
            elif len(value) <= 4:
                field = value.ljust(4, b"\0")
            else:
                field = struct.pack("<I", at + len(heap))
                heap += value + (b"\0" if len(value) % 2 else b"")
            directory += struct.pack("<HHI", tag, kind, count) + field
        directory += b"\0\0\0\0"
    body = b"Exif\0\0II*\0\x08\0\0\0" + bytes(directory) + bytes(heap)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def with_exif(picture, segment):
    return picture[:2] + segment + picture[2:]


def photo(seed, **position):
    """A portrait as a camera hands it over."""
    block = exif("Contoso Imaging", "BorderCam 4", f"BC4-{seed:06d}", "2026:11:20 08:15:%02d" % (seed % 60),
                 **position)
    return with_exif(jpeg(face_ppm(seed)), block)


def png(width=64, height=64):
    """A small drawing: an image, and no photograph."""
    rows = b"".join(b"\0" + bytes((x * 4 ^ y * 4) & 255 for x in range(width)) for y in range(height))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


# --- biometric records ---------------------------------------------------------------------------------------

def fmr(seed, views=2):
    """ISO/IEC 19794-2:2005 clause 7: a 24-byte header, then finger views of 6-byte minutiae."""
    source = random.Random(seed)
    width, height = 512, 512
    body = b""
    for view in range(views):
        count = source.randint(22, 48)
        body += struct.pack(">BBBB", 1 + view % 10, 0, source.randint(60, 95), count)
        for _ in range(count):
            kind = source.choice((1, 2))
            body += struct.pack(">HHBB", kind << 14 | source.randrange(width), source.randrange(height),
                                source.randrange(256), source.randint(40, 100))
        body += struct.pack(">H", 0)
    header = struct.pack(">4s4sIHHHHHBB", b"FMR\0", b" 20\0", 24 + len(body), 0x0001, width, height, 197, 197,
                         views, 0)
    return header + body


def wsq(seed, width=320, height=400):
    """IAFIS-IC-0110(V3.1): every segment as the standard lengths want it, three blocks of stuffed entropy data.
    The structure is whole; the picture the entropy data would decode to is noise."""
    source = random.Random(seed)
    comment = (f"NIST_COM 9\nPIX_WIDTH {width}\nPIX_HEIGHT {height}\nPIX_DEPTH 8\nPPI 500\nLOSSY 1\n"
               f"COLORSPACE GRAY\nCOMPRESSION WSQ\nWSQ_BITRATE 0.75").encode()

    def segment(code, payload):
        return bytes((0xFF, code)) + struct.pack(">H", len(payload) + 2) + payload

    filters = bytes.fromhex("0907000932d3") + bytes(source.getrandbits(8) for _ in range(50))
    quantisation = b"\x02\x00\x2c" + bytes(source.randint(1, 250) for _ in range(384))
    counts = [0, 0, 1, 3, 4, 8, 12, 16, 20, 20, 16, 12, 8, 4, 2, 2]
    out = b"\xff\xa0" + segment(0xA8, comment) + segment(0xA4, filters) + segment(0xA5, quantisation)
    out += segment(0xA2, struct.pack(">BBHHBHBHBH", 255, 0, height, width, 2, 12800, 2, 8738, 2, 0x0101))
    for table in (0, 1):
        values = list(range(1, 1 + sum(counts)))
        out += segment(0xA6, bytes((table, *counts)) + bytes(values))
    for table in (0, 1, 1):
        entropy = bytes(source.getrandbits(8) for _ in range(width * height // 32))
        out += segment(0xA3, bytes((table,))) + entropy.replace(b"\xff", b"\xff\0")
    return out + b"\xff\xa1"


# --- travel documents ----------------------------------------------------------------------------------------

def check_digit(field):
    values = {"<": 0, **{str(d): d for d in range(10)}, **{chr(65 + i): 10 + i for i in range(26)}}
    return str(sum(values[c] * (7, 3, 1)[i % 3] for i, c in enumerate(field)) % 10)


def passport(seed):
    """Doc 9303 part 4: the two lines of a TD3 of ICAO's own specimen country."""
    source = random.Random(seed)
    surname = source.choice(("ERIKSSON", "LINDQVIST", "MARTENSSON", "OKONJO", "PEREIRA"))
    given = source.choice(("ANNA<MARIA", "JONAS", "ADA", "LUIS<ANGEL", "MIRA"))
    number = "L" + "".join(str(source.randrange(10)) for _ in range(8))
    born, expires = f"{source.randint(50, 99)}{source.randint(1, 12):02d}{source.randint(1, 28):02d}", "320415"
    optional = "<" * 14
    first = f"P<UTO{surname}<<{given}".ljust(44, "<")
    second = number + check_digit(number) + "UTO" + born + check_digit(born) + source.choice("MF") + \
        expires + check_digit(expires) + optional + check_digit(optional)
    second += check_digit(second[0:10] + second[13:20] + second[21:43])
    return f"{first}\n{second}\n"


def write_all(folder):
    os.makedirs(folder, exist_ok=True)
    made = {
        "portrait.jpg": photo(1, latitude=31.7619, longitude=-106.4850),
        "plate.jpg": jpeg(plate_ppm("7X4-K92"), 80),
        "progressive.jpg": jpeg(face_ppm(2), 85, "-progressive"),
        "drawing.png": png(),
        "finger.fmr": fmr(3),
        "finger.wsq": wsq(4),
        "passports.txt": "".join(passport(seed) for seed in range(5)).encode(),
    }
    for name, content in made.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(content)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    write_all(sys.argv[1])
