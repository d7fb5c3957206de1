"""Pictures that are legal and seldom seen: JPEGs as cameras, editors and old coders write them, multi-picture files, HEIF
with its items, JPEG XL bit by bit, and EXIF wherever a format keeps it. See images.py for what a maker yields."""

import struct
import zlib

from images import be16, be32, box, cjpeg, codestream, entropy_coded, handmade_jpeg, le16, le32, picture, png_chunk, segment

CAMERA = {"exif_present": True, "exif_make": "NIKON CORPORATION", "exif_model": "NIKON D850", "exif_serial": "3012345",
          "exif_gps": True, "image_time": "2019:05:21 10:11:12"}


def tiff_exif(order, thumbnail=b""):
    """IFD0, the EXIF directory, the GPS directory and, with a thumbnail, IFD1, each behind the other."""
    e = ">" if order == b"MM" else "<"

    def entry(tag, kind, count, value):
        return struct.pack(e + "HHI", tag, kind, count) + (value if isinstance(value, bytes) else
                                                           struct.pack(e + "I", value)).ljust(4, b"\0")

    def directory(entries, after=0):
        return struct.pack(e + "H", len(entries)) + b"".join(entries) + struct.pack(e + "I", after)

    def texts(at, known):
        entries, blob = [], b""
        for tag, text in known:
            text = text.encode() + b"\0"
            entries.append(entry(tag, 2, len(text), at + len(blob) if len(text) > 4 else text))
            blob += text + b"\0" * (len(text) % 2) if len(text) > 4 else b""
        return entries, blob

    first, blob = texts(8 + 2 + 5 * 12 + 4, [(0x10f, CAMERA["exif_make"]), (0x110, CAMERA["exif_model"]),
                                             (0x132, "2020:01:01 00:00:00")])
    at = 8 + 2 + 5 * 12 + 4 + len(blob)
    second, more = texts(at + 2 + 2 * 12 + 4, [(0x9003, CAMERA["image_time"]), (0xa431, CAMERA["exif_serial"])])
    sub = directory(second) + more
    gps_at = at + len(sub)
    gps = directory([entry(1, 2, 2, b"N\0"), entry(2, 5, 3, gps_at + 2 + 2 * 12 + 4)]) + struct.pack(e + "6I", 38, 1, 53, 1, 0, 1)
    last_at = gps_at + len(gps)
    last = directory([entry(0x103, 3, 1, struct.pack(e + "H", 6)), entry(0x201, 4, 1, last_at + 2 + 3 * 12 + 4),
                      entry(0x202, 4, 1, len(thumbnail))]) + thumbnail
    head = order + struct.pack(e + "HI", 42, 8)
    first += [entry(0x8769, 4, 1, at), entry(0x8825, 4, 1, gps_at)]
    return head + directory(first, last_at if thumbnail else 0) + blob + sub + gps + (last if thumbnail else b"")


def segments(jpeg):
    """The marker segments before the scan, and the rest."""
    parts, at = [], 2
    while jpeg[at + 1] != 0xda:
        size = 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
        parts.append(jpeg[at:at + size])
        at += size
    return parts, jpeg[at:]


def multi_picture(first, *others):
    entries = struct.pack("<HHI4s", 0xb000, 7, 4, b"0100") + struct.pack("<HHII", 0xb001, 4, 1, 1 + len(others)) + \
        struct.pack("<HHII", 0xb002, 7, 16 * (1 + len(others)), 50)
    index = b"MPF\0II*\0\x08\0\0\0" + le16(3) + entries + bytes(4) + bytes(16 * (1 + len(others)))
    return first[:20] + segment(0xe2, index) + first[20:] + b"".join(others)


def jpegs(rng):
    width, height = rng.randrange(60, 200), rng.randrange(60, 200)
    plain, small = cjpeg(picture(rng, width, height)), cjpeg(picture(rng, 40, 30))
    parts, scan = segments(plain)
    jfif, rest = parts[0], b"".join(parts[1:])
    soi, frame = b"\xff\xd8", next(part for part in parts if part[1] == 0xc0)
    want = {"object_type": "jpeg", "image_valid": True, "image_width": width, "image_height": height, "image_components": 3,
            "image_count": 1, "image_complete": True}
    xmp = segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>" + b" " * 2000)
    extended = segment(0xe1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + be32(5000, 0) + b"x" * 5000)
    for order in (b"II", b"MM"):
        exif = segment(0xe1, b"Exif\0\0" + tiff_exif(order, small))
        known = dict(want, **CAMERA)
        yield "EXIF with a thumbnail", soi + exif + rest + scan, known
        yield "JFIF and EXIF", soi + jfif + exif + rest + scan, known
        yield "EXIF behind XMP", soi + jfif + xmp + extended + exif + rest + scan, known
        yield "EXIF behind the frame", soi + jfif + rest + exif + scan, known
        resources = b"Photoshop 3.0\x008BIM\x04\x0c\0\0" + be32(28 + len(small), 1, 40, 30, 120, 3600, len(small)) + be16(24, 1) + small
        yield "IPTC, ICC, JUMBF", soi + exif + segment(0xed, resources) + \
            segment(0xe2, b"ICC_PROFILE\0\1\2" + rng.randbytes(60000)) + segment(0xe2, b"ICC_PROFILE\0\2\2" + rng.randbytes(3000)) + \
            segment(0xeb, b"JP" + be16(1) + be32(1, 600) + b"jumb" + rng.randbytes(592)) + rest + scan, known
    yield "fill before every marker", soi + b"".join(b"\xff" * rng.randrange(1, 9) + part for part in parts) + b"\xff\xff" + scan, want
    yield "fill before the end", plain[:-2] + b"\xff\xff\xff\xd9", want
    yield "height in DNL", (soi + jfif + rest).replace(frame, frame[:5] + b"\0\0" + frame[7:]) + scan[:-2] + \
        b"\xff\xdc\0\4" + be16(height) + b"\xff\xd9", want
    yield "JFIF extension's thumbnail", soi + jfif + segment(0xe0, b"JFXX\0\x10" + small) + rest + scan, want
    spiff = segment(0xe8, b"SPIFF\0" + bytes([1, 2, 0, 3]) + be32(height, width) + bytes([3, 8, 5, 0]) + be32(1, 1))
    yield "SPIFF", soi + spiff + segment(0xe8, be32(1)) + rest + scan, want
    yield "frame first", soi + segment(0xfe, b"c") + frame + rest.replace(frame, b"") + scan, want
    yield "restart interval first", soi + b"\xff\xdd\0\4\0\0" + rest + scan, want
    yield "several ends", plain + b"\xff\xd9\xff\xd9", want
    yield "a film behind it", plain + box(b"ftyp", b"mp42\0\0\0\0mp42isom") + box(b"mdat", rng.randbytes(20000)), want
    yield "multi-picture", multi_picture(plain, plain), dict(want, image_count=2)
    yield "multi-picture, padded", multi_picture(plain, bytes(500) + small, small), dict(want, image_count=3)
    yield "five frames of a film", small * 5, {"image_count": 5, "image_width": 40, "image_valid": True}
    for sof in (0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf):
        yield f"SOF{sof - 0xc0}", handmade_jpeg(rng, sof, 3, width, height), {"image_valid": True, "image_width": width}
    yield "tables alone", soi + b"".join(part for part in parts if part[1] in (0xdb, 0xc4)) + b"\xff\xd9", None


class Bits:
    """Bits as 18181-1 9.2 writes them: the lowest of a byte first."""

    def __init__(self):
        self.bits = []

    def put(self, value, count):
        self.bits += [value >> i & 1 for i in range(count)]
        return self

    def bytes(self):
        out = bytearray((len(self.bits) + 7) // 8)
        for i, bit in enumerate(self.bits):
            out[i // 8] |= bit << i % 8
        return bytes(out)


def jxl_head(width, height, grey=False, alpha=False, deep=False, plain=True):
    bits = Bits().put(0, 1)
    for first, side in ((True, height), (False, width)):
        selector, count = next((i, n) for i, n in enumerate((9, 13, 18, 30)) if side - 1 < 1 << n)
        bits.put(selector, 2).put(side - 1, count)
        if first:
            bits.put(0, 3)  # the width is no ratio of it
    if plain and not (grey or alpha or deep):
        bits.put(1, 1)
    else:
        bits.put(0, 1).put(0, 1)           # not all as usual, no extra fields
        bits.put(0, 1).put(*((3, 2) if deep else (0, 2)))
        if deep:
            bits.put(15, 6)                # 16 bits
        bits.put(1, 1)                     # 16-bit buffers do
        bits.put(*((1, 2) if alpha else (0, 2)))
        if alpha:
            bits.put(1, 1)                 # 8 bits of transparency
        bits.put(0, 1)                     # not XYB
        if grey:
            bits.put(0, 1).put(0, 1).put(1, 2).put(1, 2).put(0, 1).put(2, 2).put(11, 4).put(0, 2)  # grey, D65, sRGB curve
        else:
            bits.put(1, 1)
        bits.put(0, 2)                     # no extensions
    return b"\xff\x0a" + bits.put(1, 1).bytes() + b"\x08" + b"\x10"  # usual transforms; a frame


def jxl_boxes(*boxes):
    return b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(boxes)


def jpeg_xl(rng):
    for _ in range(4):
        width, height = rng.randrange(1, 9000), rng.randrange(9001, 20000)
        for grey, alpha, deep in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 1)):
            head = jxl_head(width, height, grey, alpha, deep)
            stream = head + rng.randbytes(3000)
            want = {"object_type": "jxl", "image_valid": True, "image_width": width, "image_height": height,
                    "image_components": (1 if grey else 3) + alpha}
            yield "JPEG XL codestream", stream, want
            yield "JPEG XL container", jxl_boxes(box(b"jxlc", stream)), want
            cut = rng.randrange(2, 6)
            parts = box(b"jxlp", be32(0) + stream[:cut]), box(b"jbrd", rng.randbytes(400)), \
                box(b"jxlp", be32(0x80000001) + stream[cut:])
            yield "JPEG XL in parts", jxl_boxes(*parts), want
            yield "JPEG XL with EXIF", jxl_boxes(box(b"jxlc", stream), box(b"Exif", be32(0) + tiff_exif(b"MM"))), dict(want, **CAMERA)
        yield "magic alone", b"\xff\x0a" + bytes([0xfe]) * 900, None
        yield "container of something else", jxl_boxes(box(b"jxlc", rng.randbytes(900))), None


def full_box(kind, body, version=0, flags=0):
    return box(kind, bytes([version]) + be32(flags)[1:] + body)


def heif(rng, brand, width, height, channels, alpha, exif, items_first):
    """A picture of four tiles, a thumbnail, transparency and EXIF, as phones and libheif order their boxes."""
    properties = full_box(b"ispe", be32(64, 48)) + full_box(b"ispe", be32(width, height)) + \
        full_box(b"pixi", bytes([channels]) + b"\x08" * channels)
    if alpha:
        properties += full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0") + full_box(b"pixi", b"\x01\x08")
    kinds = [b"hvc1"] * 4 + [b"grid"] + ([b"Exif"] if exif else []) + ([b"mime"] if exif else [])
    infe = b"".join(full_box(b"infe", be16(i + 1, 0) + kind + b"\0" + (b"application/rdf+xml\0" if kind == b"mime" else b""), 2)
                    for i, kind in enumerate(kinds))
    iinf = full_box(b"iinf", be16(len(kinds)) + infe)
    block = be32(6) + b"Exif\0\0" + tiff_exif(b"MM")

    def meta(mdat_at):
        version = rng_version
        places = []
        for i, kind in enumerate(kinds):
            at, size = mdat_at + 300 * i, 300
            if kind == b"Exif":
                at, size = mdat_at + 300 * len(kinds), len(block)
            places.append(be16(i + 1) + (be16(0) if version else b"") + be16(0, 1) + be32(at, size))
        iloc = full_box(b"iloc", be16(0x4400, len(kinds)) + b"".join(places), version)
        lists = [iinf, full_box(b"iref", b""), box(b"iprp", box(b"ipco", properties) + full_box(b"ipma", be32(0)))]
        order = lists + [iloc] if items_first else [iloc] + lists
        return full_box(b"meta", full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)) + full_box(b"pitm", be16(5)) + b"".join(order))

    rng_version = rng.randrange(2)
    ftyp = box(b"ftyp", brand + bytes(4) + (b"avifmif1miaf" if brand == b"avif" else b"mif1heic"))
    data = rng.randbytes(300 * len(kinds)) + block + rng.randbytes(100)
    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box(b"mdat", data)


def heifs(rng):
    for _ in range(3):
        for brand in (b"heic", b"mif1", b"avif"):
            for items_first in (False, True):
                width, height = rng.randrange(80, 9000), rng.randrange(80, 9000)
                channels, alpha = rng.choice((1, 3)), rng.randrange(2)
                want = {"object_type": "avif" if brand == b"avif" else "heic", "image_valid": True, "image_width": width,
                        "image_height": height, "image_components": channels + alpha}
                yield "HEIF", heif(rng, brand, width, height, channels, alpha, False, items_first), dict(want, exif_present=False)
                yield "HEIF with EXIF", heif(rng, brand, width, height, channels, alpha, True, items_first), dict(want, **CAMERA)


def exif_elsewhere(rng):
    for order in (b"II", b"MM"):
        exif = tiff_exif(order)
        header = be32(40, 30) + bytes([8, 2, 0, 0, 0])
        start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
        yield "PNG with EXIF", start + png_chunk(b"eXIf", exif) + png_chunk(b"IDAT", zlib.compress(bytes(91 * 30))) + \
            png_chunk(b"IEND", b""), dict(CAMERA, object_type="png", image_complete=True)
        head = bytes([0x1c, 0, 0, 0]) + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
        vp8 = b"\x10\0\0\x9d\x01\x2a" + le16(40, 30) + rng.randbytes(200)
        for before in (b"", b"Exif\0\0"):
            chunks = b"WEBPVP8X" + le32(10) + head + b"VP8 " + le32(len(vp8)) + vp8 + b"EXIF" + le32(len(before + exif)) + before + exif
            chunks += b"\0" * (len(chunks) % 2)
            yield "WebP with EXIF", b"RIFF" + le32(len(chunks)) + chunks, dict(CAMERA, object_type="webp", image_width=40)
        stream = codestream(rng, 40, 30, 3)
        uuid = box(b"uuid", b"JpgTiffExif->JP2" + exif)
        signature = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
        header = box(b"jp2h", box(b"ihdr", be32(30, 40) + be16(3) + bytes([7, 7, 0, 0])))
        yield "JP2 with EXIF before", signature + header + uuid + box(b"jp2c", stream), dict(CAMERA, object_type="jp2")
        yield "JP2 with EXIF behind", signature + header + box(b"jp2c", stream) + uuid, dict(CAMERA, object_type="jp2")


def unusual(rng):
    yield from jpegs(rng)
    yield from jpeg_xl(rng)
    yield from heifs(rng)
    yield from exif_elsewhere(rng)
    yield "entropy data alone", entropy_coded(rng, 3000), None
