"""Still images, made from the formats' own rules: what each recogniser must know, and look-alikes it must not take.
Each maker yields (label, bytes, wanted facts or None for a look-alike), for one random source."""

import struct
import subprocess
import zlib


def be16(*values):
    return struct.pack(f">{len(values)}H", *values)


def be32(*values):
    return struct.pack(f">{len(values)}I", *values)


def le16(*values):
    return struct.pack(f"<{len(values)}H", *values)


def le32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def segment(code, body):
    return bytes([0xff, code]) + be16(len(body) + 2) + body


def entropy_coded(rng, size):
    """As a Huffman coder leaves it: FF is followed by 00."""
    return rng.randbytes(size).replace(b"\xff", b"\xff\x00")


def picture(rng, width, height, grey=False):
    """A portable pixmap with soft shapes, so that coders have something to do."""
    seed = [rng.randrange(1, 7) for _ in range(6)]
    rows = bytearray()
    for y in range(height):
        for x in range(width):
            v = (x * seed[0] + y * seed[1] + (x * y) // (seed[2] * 40)) & 255
            rows += bytes([v]) if grey else bytes([v, (v * seed[3] + y) & 255, (x * seed[4]) & 255])
    return f"P{5 if grey else 6} {width} {height} 255\n".encode() + bytes(rows)


def cjpeg(pixmap, *options):
    return subprocess.run(["cjpeg", *options], input=pixmap, stdout=subprocess.PIPE, check=True).stdout


def exif(rng, order, make, model, gps, backwards=False):
    """A TIFF structure: IFD0 with texts, a GPS directory. `backwards`: the texts stand before the directory."""
    e = ">" if order == b"MM" else "<"
    texts = make.encode() + b"\0" + model.encode() + b"\0"
    entries = 2 + gps
    directory = 8 + len(texts) + len(texts) % 2 if backwards else 8
    place = 8 if backwards else directory + 2 + 12 * entries + 4
    after = directory + 2 + 12 * entries + 4 + (0 if backwards else len(texts) + len(texts) % 2)
    ifd = struct.pack(e + "H", entries)
    ifd += struct.pack(e + "HHII", 0x010f, 2, len(make) + 1, place)
    ifd += struct.pack(e + "HHII", 0x0110, 2, len(model) + 1, place + len(make) + 1)
    if gps:
        ifd += struct.pack(e + "HHII", 0x8825, 4, 1, after)
    ifd += struct.pack(e + "I", 0)
    texts += b"\0" * (len(texts) % 2)
    body = order + struct.pack(e + "HI", 42, directory) + (texts + ifd if backwards else ifd + texts)
    if gps:
        body += struct.pack(e + "H", 1) + struct.pack(e + "HHI", 0x0001, 2, 2) + b"N\0\0\0" + struct.pack(e + "I", 0)
    return segment(0xe1, b"Exif\0\0" + body)


def handmade_jpeg(rng, sof, components, width, height, precision=8, tail=b"\xff\xd9"):
    frame = struct.pack(">BHHB", precision, height, width, components)
    frame += b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    scan = bytes([components]) + b"".join(bytes([i + 1, 0]) for i in range(components))
    scan += b"\x01\x00\x00" if sof == 0xc3 else b"\x00\x3f\x00"
    tables = segment(0xdb, b"\0" + bytes(range(1, 65)))
    return (b"\xff\xd8" + tables + segment(sof, frame) + segment(0xda, scan) +
            entropy_coded(rng, rng.randrange(3000, 9000)) + tail)


def jpeg(rng):
    for options in ((), ("-progressive",), ("-grayscale",), ("-arithmetic",), ("-optimize",), ("-restart", "1"),
                    ("-arithmetic", "-progressive"), ("-quality", "12")):
        width, height = rng.randrange(40, 200), rng.randrange(40, 160)
        plain = cjpeg(picture(rng, width, height), *options)
        want = {"object_type": "jpeg", "image_valid": True, "image_width": width, "image_height": height,
                "image_components": 1 if "-grayscale" in options else 3, "image_complete": True, "image_count": 1}
        yield "jpeg " + " ".join(options), plain, want
        yield "jpeg with a comment first", plain[:2] + segment(0xfe, rng.randbytes(rng.randrange(900))) + plain[2:], want
        yield "jpeg with fill bytes", plain[:2] + b"\xff" * rng.randrange(1, 9) + plain[2:], want
        make, model = rng.choice([("Canon", "EOS R5"), ("NIKON CORPORATION", "Z 6 II"), ("Acme", "Reader 9")])
        gps = bool(rng.getrandbits(1))
        for backwards in (False, True):
            known = dict(want, exif_present=True, exif_make=make, exif_model=model, exif_gps=gps)
            yield "jpeg with exif", plain[:2] + exif(rng, rng.choice((b"II", b"MM")), make, model, gps, backwards) + \
                plain[2:], known
        yield "two jpegs, one after another", plain + plain, dict(want, image_count=2)
        yield "jpeg cut short", plain[:-rng.randrange(4, len(plain) // 4)], dict(want, image_complete=False,
                                                                              image_count=1)
        yield "jpeg with bytes behind", plain + rng.randbytes(100), want
        # Look-alikes
        at = plain.index(b"\xff\xda")
        frame = next(i for i in range(2, at) if plain[i] == 0xff and plain[i + 1] in (0xc0, 0xc2, 0xc9, 0xca, 0xc1))
        yield "a scan before any frame", plain[:frame] + plain[at:], None
        yield "a reserved marker", plain[:frame] + b"\xff\xf3\x00\x04\x00\x00" + plain[frame:], None
        yield "a length that lands nowhere", plain[:4] + be16(rng.randrange(20, 60) * 2 + 1) + plain[6:frame - 40] + \
            rng.randbytes(4000), None
        yield "no component", plain[:frame + 9] + b"\0" + plain[frame + 10:], None
    for sof, components, precision in ((0xc0, 4, 8), (0xc3, 1, 16), (0xc1, 3, 12), (0xc3, 3, 8)):
        width, height = rng.randrange(1, 3000), rng.randrange(1, 3000)
        yield f"jpeg SOF{sof - 0xc0}, {components} components", \
            handmade_jpeg(rng, sof, components, width, height, precision), \
            {"object_type": "jpeg", "image_valid": True, "image_width": width, "image_height": height,
             "image_components": components}
        yield "frame of width 0", handmade_jpeg(rng, sof, components, 0, height, precision), None


def siz(rng, width, height, components, offset=(0, 0), wrong=0):
    body = be16(0) + be32(width, height, *offset, width, height, 0, 0) + be16(components)
    body += bytes([7, 1, 1]) * components
    return b"\xff\x51" + be16(len(body) + 2 + wrong) + body


def codestream(rng, width, height, components, **broken):
    packets = bytes(b if b <= 0x8f else b & 0x7f for b in rng.randbytes(3000))
    cod = b"\xff\x52" + be16(12) + bytes([0, 0]) + be16(1) + bytes([0, 5, 4, 4, 0, 1])
    qcd = b"\xff\x5c" + be16(19) + bytes([0x40]) + bytes(16)
    sot = b"\xff\x90" + be16(10, 0) + be32(12 + 2 + len(packets)) + bytes([0, 1])
    return b"\xff\x4f" + siz(rng, width, height, components, **broken) + cod + qcd + sot + b"\xff\x93" + packets + \
        b"\xff\xd9"


def box(kind, body, size=None):
    return be32(8 + len(body) if size is None else size) + kind + body


def jp2(rng):
    for _ in range(12):
        width, height, n = rng.randrange(1, 5000), rng.randrange(1, 5000), rng.choice((1, 3, 4))
        stream = codestream(rng, width, height, n)
        want = {"image_valid": True, "image_width": width, "image_height": height, "image_components": n}
        header = box(b"jp2h", box(b"ihdr", be32(height, width) + be16(n) + bytes([7, 7, 0, 0])) +
                     box(b"colr", bytes([1, 0, 0]) + be32(16)))
        head = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + header
        yield "jp2 file", head + box(b"jp2c", stream, rng.choice((0, 8 + len(stream)))), dict(want, object_type="jp2")
        yield "raw codestream", stream, dict(want, object_type="j2k")
        yield "SIZ of a wrong length", codestream(rng, width, height, n, wrong=rng.choice((-1, 1, 3))), None
        yield "image offset beyond its size", codestream(rng, width, height, n, offset=(width, 0)), None
        yield "signature box alone", head[:12] + rng.randbytes(400), None


def wsq_stream(rng, width, height, comment=True):
    out = b"\xff\xa0"
    if comment:
        text = f"NIST_COM 9\nPIX_WIDTH {width}\nPIX_HEIGHT {height}\nPIX_DEPTH 8\nPPI 500\nLOSSY 1\nCOLORSPACE GRAY\n" \
               "COMPRESSION WSQ\nWSQ_BITRATE 0.75\n"
        out += segment(0xa8, text.encode())
    taps = b"".join(bytes([rng.randrange(2), 9]) + be32(rng.getrandbits(32)) for _ in range(9))
    out += segment(0xa4, bytes([9, 7]) + taps)
    out += segment(0xa5, bytes([2]) + be16(44) + b"".join(struct.pack(">BHBH", 3, 7000, 3, 8000) for _ in range(64)))
    out += segment(0xa2, bytes([0, 255]) + be16(height, width) + bytes([2]) + be16(30000) + bytes([2]) + be16(4000) +
                   bytes([0]) + be16(0x1234))
    counts = bytes([0, 2, 1, 3, 3, 2, 4, 2, 2, 2, 0, 1, 2, 2, 30, 19])
    out += segment(0xa6, bytes([0]) + counts + bytes(range(sum(counts))))
    for table in range(3):
        out += segment(0xa3, bytes([0])) + entropy_coded(rng, rng.randrange(800, 4000))
    return out + b"\xff\xa1"


def wsq(rng):
    for _ in range(16):
        width, height = rng.randrange(100, 900), rng.randrange(100, 900)
        plain = wsq_stream(rng, width, height, bool(rng.getrandbits(1)))
        want = {"object_type": "wsq", "biometric_valid": True, "biometric_kind": "finger_image", "image_width": width,
                "image_height": height}
        yield "wsq", plain, want
        at = plain.index(b"\xff\xa2\x00\x11")
        yield "frame header of a wrong length", plain[:at + 3] + b"\x13" + plain[at + 4:], None
        yield "height 0", plain[:at + 6] + b"\0\0" + plain[at + 8:], None
        yield "start alone", plain[:4] + rng.randbytes(800), None


def png_chunk(kind, body, wrong=0):
    return be32(len(body)) + kind + body + be32(zlib.crc32(kind + body) ^ wrong)


def png(rng):
    for _ in range(16):
        width, height = rng.randrange(1, 300), rng.randrange(1, 200)
        header = be32(width, height) + bytes([8, 2, 0, 0, 0])
        rows = zlib.compress(b"".join(b"\0" + rng.randbytes(3 * width) for _ in range(height)))
        start = b"\x89PNG\r\n\x1a\n"
        body = png_chunk(b"tEXt", b"Software\0a test") + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
        yield "png", start + png_chunk(b"IHDR", header) + body, \
            {"object_type": "png", "image_valid": True, "image_width": width, "image_height": height,
             "image_complete": True}
        yield "header with a wrong sum", start + png_chunk(b"IHDR", header, 1 << rng.randrange(32)) + body, None
        yield "signature alone", start + rng.randbytes(300), None


def other_images(rng):
    """GIF, BMP, TIFF, WebP, HEIF and AVIF."""
    for _ in range(12):
        width, height = rng.randrange(1, 4000), rng.randrange(1, 4000)
        size = {"image_valid": True, "image_width": width, "image_height": height}
        blocks = b"\x08" + b"".join(bytes([len(p)]) + p for p in [rng.randbytes(255), rng.randbytes(80)]) + b"\0"
        gif = rng.choice((b"GIF87a", b"GIF89a")) + le16(width, height) + bytes([0x91, 0, 0]) + rng.randbytes(12)
        frame = b"," + le16(0, 0, width, height) + b"\0" + blocks
        yield "gif", gif + frame + b";", dict(size, object_type="gif")
        wide, high = rng.randrange(1, 80), rng.randrange(1, 80)
        data = rng.randbytes((wide * 3 + 3) // 4 * 4 * high)
        bmp = le32(14 + 40 + len(data)) + le32(0, 54) + le32(40, wide, high) + le16(1, 24) + le32(0, len(data), 0, 0, 0, 0)
        yield "bmp", b"BM" + bmp + data, \
            {"image_valid": True, "image_width": wide, "image_height": high, "object_type": "bmp"}
        yield "bmp of seven planes", b"BM" + bmp[:24] + le16(7) + bmp[26:] + data, None
        for order, e in ((b"II", "<"), (b"MM", ">")):
            tags = [(0x100, 4, 1, width), (0x101, 4, 1, height), (0x111, 4, 1, 200), (0x117, 4, 1, 500)]
            ifd = struct.pack(e + "H", len(tags)) + b"".join(struct.pack(e + "HHII", *t) for t in tags) + bytes(4)
            head = order + struct.pack(e + "HI", 42, 8) + ifd
            yield "tiff", head + bytes(200 - len(head)) + rng.randbytes(500), dict(size, object_type="tiff")
        vp8 = bytes([0x10, 0, 0]) + b"\x9d\x01\x2a" + le16(width & 0x3fff, height & 0x3fff) + rng.randbytes(500)
        riff = b"WEBPVP8 " + le32(len(vp8)) + vp8
        yield "webp, lossy", b"RIFF" + le32(len(riff)) + riff, dict(size, object_type="webp")
        bits = (width - 1) | (height - 1) << 14
        vp8l = b"\x2f" + le32(bits) + rng.randbytes(501)
        riff = b"WEBPVP8L" + le32(len(vp8l)) + vp8l
        yield "webp, lossless", b"RIFF" + le32(len(riff)) + riff, dict(size, object_type="webp")
        yield "wave file", b"RIFF" + le32(540) + b"WAVEfmt " + le32(16) + rng.randbytes(524), None
        brand = rng.choice((b"heic", b"mif1", b"avif"))
        listed = {b"heic": b"mif1heic", b"mif1": b"mif1heic", b"avif": b"avifmif1miaf"}[brand]
        ispe = box(b"ispe", be32(0, width, height))
        meta = bytes(4) + box(b"hdlr", bytes(8) + b"pict" + bytes(13)) + box(b"pitm", bytes(4) + be16(1))
        meta += box(b"iloc", bytes(4) + be16(0x4400, 1, 1, 0, 1) + be32(500, 900))
        meta += box(b"iinf", bytes(4) + be16(1) + box(b"infe", bytes([2, 0, 0, 0]) + be16(1, 0) + b"hvc1\0"))
        meta += box(b"iprp", box(b"ipco", ispe) + box(b"ipma", bytes(4) + be32(1) + be16(1) + bytes([1, 1])))
        ftyp = box(b"ftyp", brand + bytes(4) + listed)
        yield "heif " + brand.decode(), ftyp + box(b"meta", meta) + box(b"mdat", rng.randbytes(1200)), \
            dict(size, object_type="avif" if brand == b"avif" else "heic")
        yield "a film", box(b"ftyp", b"isom" + bytes(4) + b"isomiso2avc1mp41") + box(b"moov", rng.randbytes(900)), None


def jpeg_ls(rng):
    for _ in range(10):
        width, height, n = rng.randrange(1, 3000), rng.randrange(1, 3000), rng.choice((1, 3))
        frame = struct.pack(">BHHB", 8, height, width, n) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(n))
        scan = bytes([n]) + b"".join(bytes([i + 1, 0]) for i in range(n)) + bytes([0, 2 if n > 1 else 0, 0])
        coded = bytearray(rng.randbytes(4000))
        for i in range(1, len(coded)):
            if coded[i - 1] == 0xff:
                coded[i] &= 0x7f
        coded[-1] = 0
        yield "JPEG-LS", b"\xff\xd8" + segment(0xf7, frame) + segment(0xda, scan) + bytes(coded) + b"\xff\xd9", \
            {"image_valid": True, "image_width": width, "image_height": height, "image_components": n}
        yield "JPEG-LS of width 0", b"\xff\xd8" + segment(0xf7, frame[:3] + b"\0\0" + frame[5:]) + rng.randbytes(3000), None


def fragments(rng):
    """The middle of a photograph's entropy data, and what is not."""
    for _ in range(6):
        whole = cjpeg(picture(rng, 900, 700), "-quality", "97")
        noisy = entropy_coded(rng, 60000)
        at = whole.index(b"\xff\xda") + 400
        if len(whole) - at > 60000:
            yield "a photograph's middle", whole[at:at + 50000], {"image_fragment": True}
        yield "entropy data", noisy[:50000], {"image_fragment": True}
        yield "random bytes", rng.randbytes(50000), None
        yield "deflate", zlib.compress(picture(rng, 300, 200))[:50000] + rng.randbytes(20000), None
        yield "words", b"the quick brown fox jumps over the lazy dog. " * 1200, None
