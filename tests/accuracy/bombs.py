"""Pictures whose headers ask for more than any reader should give: known, and refused from the header; and the largest that
are still pictures. See images.py for what a maker yields."""

import struct
import zlib

from biometrics import fac_2005
from images import be16, be32, box, handmade_jpeg, le16, le32, png_chunk, segment
from unusual import full_box, jxl_boxes, jxl_head


def tiff(order, width, height):
    e = ">" if order == b"MM" else "<"
    tags = [(0x100, 4, 1, width), (0x101, 4, 1, height), (0x103, 3, 1, 8 << (16 if e == ">" else 0)), (0x111, 4, 1, 100)]
    return order + struct.pack(e + "HI", 42, 8) + struct.pack(e + "H", len(tags)) + \
        b"".join(struct.pack(e + "HHII", *tag) for tag in tags) + bytes(500)


def siz(width, height, tile_width, tile_height):
    body = be16(0) + be32(width, height, 0, 0, tile_width, tile_height, 0, 0) + be16(1) + bytes([7, 1, 1])
    return b"\xff\x4f\xff\x51" + be16(len(body) + 2) + body + bytes(300)


def jp2(width, height, stream):
    return box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + \
        box(b"jp2h", box(b"ihdr", be32(height, width) + be16(1) + bytes([7, 7, 0, 0]))) + box(b"jp2c", stream)


def webp(width, height):
    body = b"WEBPVP8X" + le32(10) + bytes(4) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3] + bytes(200)
    return b"RIFF" + le32(len(body)) + body


def gif(screen, frame):
    return b"GIF89a" + le16(*screen) + bytes([0, 0, 0]) + b"," + le16(0, 0, *frame) + b"\0\x08\xff" + bytes(255) + b"\0;"


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", be32(width, height) + bytes([1, 0, 0, 0, 0])) + \
        png_chunk(b"IDAT", zlib.compress(bytes(60000))) + png_chunk(b"IEND", b"")


def bmp(width, height):
    """Run lengths: 500 bytes may stand for any number of pixels."""
    return b"BM" + le32(554, 0, 54, 40, width, height) + le16(1, 8) + le32(1, 500, 0, 0, 0, 0) + bytes(500)


def heif(brand, width, height):
    properties = full_box(b"ispe", be32(64, 64)) + full_box(b"ispe", be32(width, height))
    meta = full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)) + box(b"iprp", box(b"ipco", properties))
    return box(b"ftyp", brand + bytes(4) + b"mif1" + brand) + full_box(b"meta", meta) + box(b"mdat", bytes(400))


def bombs(rng):
    refused = {"image_bomb": True, "image_valid": False}
    for width, height in ((65535, 65535), (65500, 65500), (40000, 30000), (30000, 40000)):
        known = dict(refused, image_width=width, image_height=height)
        for sof in (0xc0, 0xc2, 0xc3, 0xc9):
            yield f"JPEG SOF{sof - 0xc0}", handmade_jpeg(rng, sof, 3, width, height), dict(known, object_type="jpeg")
        late = handmade_jpeg(rng, 0xc0, 1, width, 0)
        yield "JPEG, height in DNL", late[:-2] + b"\xff\xdc\0\4" + be16(height) + b"\xff\xd9", known
        yield "JPEG-LS", b"\xff\xd8" + segment(0xf7, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0") + bytes(500), known
        yield "PNG", png(width, height), dict(known, object_type="png")
        yield "GIF", gif((width, height), (64, 64)), dict(known, object_type="gif")
        yield "GIF, in a frame", gif((64, 64), (width, height)), dict(refused, object_type="gif")
        yield "BMP", bmp(width, height), dict(known, object_type="bmp")
        yield "WebP", webp(width, height), dict(known, object_type="webp")
        yield "face record", fac_2005(rng, 1, picture=handmade_jpeg(rng, 0xc0, 3, width, height))[0], \
            dict(refused, biometric_valid=True, object_type="fac")
        for order in (b"II", b"MM"):
            yield "TIFF", tiff(order, width, height), dict(known, object_type="tiff")
        yield "JP2", jp2(width, height, siz(width, height, width, height)), dict(known, object_type="jp2")
        yield "JP2 whose boxes say otherwise", jp2(64, 64, siz(width, height, width, height)), refused
        yield "JPEG 2000 codestream", siz(width, height, width, height), dict(known, object_type="j2k")
        yield "JPEG 2000 of too many tiles", siz(width, 9000, 32, 32), refused
        yield "JPEG XL", jxl_boxes(box(b"jxlc", jxl_head(width, height) + bytes(300))), dict(known, object_type="jxl")
        yield "JPEG XL codestream", jxl_head(width * 9, height * 9) + bytes(300), dict(refused, object_type="jxl")
        for brand in (b"heic", b"avif"):
            yield brand.decode(), heif(brand, width, height), dict(known, object_type=brand.decode())
    largest = {"image_bomb": False, "image_valid": True, "image_width": 16384, "image_height": 16383}
    for name, data in (("JPEG", handmade_jpeg(rng, 0xc0, 3, 16384, 16383)), ("PNG", png(16384, 16383)), ("BMP", bmp(16384, 16383)),
                       ("GIF", gif((16384, 16383), (16384, 16383))), ("WebP", webp(16384, 16383)),
                       ("TIFF", tiff(b"II", 16384, 16383)), ("JP2", jp2(16384, 16383, siz(16384, 16383, 1024, 1024))),
                       ("JPEG XL", jxl_head(16384, 16383) + bytes(300)), ("HEIC", heif(b"heic", 16384, 16383))):
        yield "a large " + name, data, largest
    yield "a large picture", png(16384, 16383), None
