"""Biometric records, made from the standards' own tables: see images.py for what a maker yields."""

import base64
import struct

from images import be16, be32, codestream, wsq_stream
from images import box, handmade_jpeg


def be48(value):
    return struct.pack(">Q", value)[2:]


def minutiae(rng, count, width, height, spoil=None):
    out = b""
    for i in range(count):
        kind, x, y = rng.randrange(3), rng.randrange(width), rng.randrange(height)
        if spoil == "type" and i == 0:
            kind = 3
        if spoil == "place" and i == 0:
            x = width + 5
        out += be16(kind << 14 | x, y) + bytes([rng.randrange(180), rng.randrange(101)])
    return out


def view(rng, number, width, height, spoil=None):
    count = rng.randrange(12, 60)
    position = 30 + rng.randrange(200) if spoil == "position" else rng.randrange(11)
    return bytes([position, number << 4, rng.randrange(101), count]) + \
        minutiae(rng, count, width, height, spoil) + be16(0)


def fmr_iso_2005(rng, views, spoil=None, length=0):
    width, height = rng.randrange(200, 600), rng.randrange(200, 600)
    body = b"".join(view(rng, 0, width, height, spoil) for _ in range(views))
    return b"FMR\0 20\0" + be32(24 + len(body) + length) + be16(0, width, height, 197, 197) + bytes([views, 0]) + body


def fmr_ansi_2004(rng, views, spoil=None, length=0):
    width, height = rng.randrange(200, 600), rng.randrange(200, 600)
    body = b"".join(view(rng, 0, width, height, spoil) for _ in range(views))
    return b"FMR\0 20\0" + be16(26 + len(body) + length) + be16(0x33, 0x1, 0, width, height, 197, 197) + \
        bytes([views, 0]) + body


def fmr_ansi_2009(rng, views, spoil=None, length=0):
    width, height = rng.randrange(200, 600), rng.randrange(200, 600)
    body = b""
    for i in range(views):
        count = rng.randrange(12, 60)
        position = 30 + rng.randrange(200) if spoil == "position" else rng.randrange(11)
        body += bytes([position, 0, 0, 60]) + be16(0, 0, width, height, 197, 197) + bytes([count]) + \
            minutiae(rng, count, width, height, spoil) + be16(0)
    return b"FMR\x00030\x00" + be32(21 + len(body) + length) + be16(0x33, 1) + b"\0" + be16(0) + bytes([views, 0]) + body


def when():
    return be16(2019) + bytes([6, 5, 12, 30, 1]) + be16(0)


def fmr_iso_2011(rng, views, spoil=None, length=0):
    width, height = rng.randrange(200, 600), rng.randrange(200, 600)
    body = b""
    for i in range(views):
        count = rng.randrange(12, 60)
        position = 30 + rng.randrange(200) if spoil == "position" else rng.randrange(11)
        part = when() + bytes([0]) + be16(1, 1) + bytes([1]) + bytes([80]) + be16(0x101, 1)
        part += bytes([position, 0]) + be16(197, 197) + bytes([0]) + be16(width, height) + bytes([6 << 4 | 1, count])
        part += minutiae(rng, count, width, height, spoil) + be16(0)
        body += be32(4 + len(part)) + part
    return b"FMR\x00030\x00" + be32(15 + len(body) + length) + be16(views) + b"\0" + body


def fmr(rng):
    for make, standard in ((fmr_iso_2005, "ISO/IEC 19794-2:2005"), (fmr_ansi_2004, "INCITS 378-2004"),
                           (fmr_ansi_2009, "INCITS 378-2009"), (fmr_iso_2011, "ISO/IEC 19794-2:2011")):
        for _ in range(12):
            views = rng.randrange(1, 5)
            yield f"fmr, {standard}", make(rng, views), \
                {"object_type": "fmr", "biometric_kind": "finger_minutiae", "biometric_standard": standard,
                 "biometric_valid": True, "biometric_records": views}
            for spoil in ("type", "place", "position"):
                yield f"fmr of a wrong {spoil}", make(rng, 1, spoil=spoil), None
            yield "fmr whose length is wrong", make(rng, views, length=rng.choice((40, 4000))), \
                {"biometric_valid": True, "biometric_checks": "header,views"}
        yield "fmr head alone", make(rng, 1)[:12] + rng.randbytes(300), None


def inner_image(rng, kind, width, height):
    return {"jpeg": lambda: handmade_jpeg(rng, 0xc0, 3, width, height), "wsq": lambda: wsq_stream(rng, width, height),
            "j2k": lambda: codestream(rng, width, height, 3), "raw": lambda: rng.randbytes(width * height)}[kind]()


def fir_2005(rng, images, wrong=0):
    body = b""
    code = {"raw": 0, "wsq": 2, "jpeg": 3, "j2k": 4}
    kind = rng.choice(list(code))
    for i in range(images):
        width, height = rng.randrange(60, 200), rng.randrange(60, 200)
        image = inner_image(rng, kind, width, height)
        body += be32(14 + len(image) + wrong) + bytes([rng.randrange(11), 1, 1, 80, 0]) + be16(width, height) + b"\0" + image
    head = b"FIR\x00010\x00" + be48(32 + len(body)) + be16(0, 31) + bytes([images, 1]) + be16(500, 500, 500, 500) + \
        bytes([8, code[kind]]) + be16(0)
    return head + body, kind


def fir_2011(rng, images, wrong=0):
    body = b""
    code = {"raw": 0, "wsq": 2, "jpeg": 3, "j2k": 4}
    kind = rng.choice(list(code))
    for i in range(images):
        width, height = rng.randrange(60, 200), rng.randrange(60, 200)
        image = inner_image(rng, kind, width, height)
        part = when() + bytes([0]) + be16(1, 1) + bytes([0]) + bytes([rng.randrange(11), 0, 1]) + \
            be16(500, 500, 500, 500) + bytes([8, code[kind], 0]) + be16(width, height) + be32(len(image) + wrong) + image
        body += be32(4 + len(part)) + part
    return b"FIR\x00020\x00" + be32(16 + len(body)) + be16(images) + bytes([0, images]) + body, kind


def fir(rng):
    for make, standard in ((fir_2005, "ISO/IEC 19794-4:2005"), (fir_2011, "ISO/IEC 19794-4:2011")):
        for _ in range(10):
            images = rng.randrange(1, 4)
            record, kind = make(rng, images)
            yield f"fir, {standard}", record, \
                {"object_type": "fir", "biometric_kind": "finger_image", "biometric_standard": standard,
                 "biometric_valid": True, "biometric_records": images, "biometric_image_type": kind}
            yield "fir whose image is longer than it is", make(rng, 1, wrong=5000)[0], None
        yield "fir head alone", record[:14] + rng.randbytes(300), None


def fac_2005(rng, faces, wrong=0, picture=None):
    body = b""
    kind = "jpeg" if picture else rng.choice(("jpeg", "j2k"))
    for i in range(faces):
        width, height = rng.randrange(200, 500), rng.randrange(200, 500)
        points = rng.choice((0, 0, 4))
        image = picture or inner_image(rng, kind, width, height)
        part = be16(points) + bytes([rng.choice((0, 1, 2, 255)), rng.randrange(8), rng.randrange(8)]) + bytes(3) + \
            be16(0) + bytes(6) + b"".join(bytes([1, 0x21]) + be16(30, 40, 0) for _ in range(points))
        part += bytes([1, kind == "j2k"]) + be16(width, height) + bytes([1, 2]) + be16(0, 0) + image
        body += be32(4 + len(part) + wrong) + part
    return b"FAC\x00010\x00" + be32(14 + len(body)) + be16(faces) + body, kind


def fac_2011(rng, faces, wrong=0):
    body = b""
    kind = rng.choice(("jpeg", "j2k"))
    for i in range(faces):
        width, height = rng.randrange(200, 500), rng.randrange(200, 500)
        image = inner_image(rng, kind, width, height)
        part = when() + bytes([0]) + be16(1, 1) + bytes([0])
        part += be16(0) + bytes([1, 2, 3, 170]) + bytes(3) + be16(0) + bytes(6)
        part += bytes([1, 2 if kind == "j2k" else 0]) + be16(width, height) + bytes([0]) + be16(0) + bytes([0, 1])
        part += be32(len(image) + wrong) + image
        body += be32(4 + len(part)) + part
    return b"FAC\x00030\x00" + be32(17 + len(body)) + be16(faces) + b"\0" + be16(0) + body, kind


def fac(rng):
    for make, standard in ((fac_2005, "ISO/IEC 19794-5:2005"), (fac_2011, "ISO/IEC 19794-5:2011")):
        for _ in range(10):
            faces = rng.choice((1, 1, 2))
            record, kind = make(rng, faces)
            yield f"fac, {standard}", record, \
                {"object_type": "fac", "biometric_kind": "face", "biometric_standard": standard,
                 "biometric_valid": True, "biometric_records": faces, "biometric_image_type": kind}
            yield "fac whose block is longer than it is", make(rng, 1, wrong=5000)[0], None
            record, kind = make(rng, 1)
            broken = bytearray(record)
            at = record.index(b"\xff\xd8\xff" if kind == "jpeg" else b"\xff\x4f\xff\x51")
            broken[at:at + 4] = b"none"
            yield "fac of an unknown image", bytes(broken), \
                {"biometric_valid": True, "biometric_checks": "header,views,length"}


def iir_2005(rng, eyes, header=45):
    body = b""
    for eye in range(eyes):
        image = inner_image(rng, "jpeg", 640, 480)
        body += bytes([eye + 1]) + be16(1) + be16(1) + bytes([90]) + be16(0, 0) + be32(len(image)) + image
    head = be16(0) + bytes([eyes]) + be16(header, 0, 0, 6, 640, 480) + bytes([8, 1]) + bytes(16)
    return b"IIR\x00010\x00" + be32(12 + len(head) + len(body)) + head + body


def iir_2011(rng, eyes, wrong=0):
    body = b""
    for eye in range(eyes):
        image = codestream(rng, 640, 480, 1)
        part = when() + bytes([0]) + be16(1, 1) + bytes([0]) + be16(1) + bytes([eye + 1, 2, 0x0a, 0]) + \
            be16(640, 480) + bytes([8]) + be16(0, 0, 0) + be16(320, 320, 240, 240, 100, 100) + \
            be32(len(image) + wrong) + image
        body += be32(4 + len(part)) + part
    return b"IIR\x00020\x00" + be32(16 + len(body)) + be16(eyes) + bytes([0, eyes]) + body


def iir(rng):
    for _ in range(10):
        eyes = rng.randrange(1, 3)
        want = {"object_type": "iir", "biometric_kind": "iris", "biometric_valid": True, "biometric_records": eyes}
        yield "iir, 2005", iir_2005(rng, eyes), dict(want, biometric_standard="ISO/IEC 19794-6:2005")
        yield "iir, 2011", iir_2011(rng, eyes), dict(want, biometric_standard="ISO/IEC 19794-6:2011")
        yield "iir with a header of 44", iir_2005(rng, 1, header=44), None
        yield "iir whose image is longer than it is", iir_2011(rng, 1, wrong=9000), None


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    length = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else b"\x82" + be16(n) if n < 65536 else \
        b"\x83" + be32(n)[1:]
    return bytes.fromhex(tag) + length + body


def data_group(rng, tag, kind, format_code, record, spoil=0):
    header = der("A1", b"\x81\x01" + bytes([kind]), b"\x82\x01\0", b"\x87\x02\x01\x01", b"\x88\x02" + be16(format_code))
    group = der("7F60", header, der("5F2E", record))
    out = der(tag, der("7F61", b"\x02\x01\x01", group))
    return out if not spoil else out[:2] + be16(struct.unpack(">H", out[2:4])[0] + spoil) + out[4:]


def icao(rng):
    from travel import td3
    for _ in range(10):
        face, _ = fac_2005(rng, 1)
        finger, _ = fir_2005(rng, 1)
        iris = iir_2005(rng, 1)
        want = {"biometric_valid": True, "biometric_records": 1}
        for tag, kind, code, record, name in (("75", 2, 8, face, "face"), ("63", 8, 7, finger, "finger_image"),
                                              ("76", 16, 9, iris, "iris")):
            yield f"data group {tag}", data_group(rng, tag, kind, code, record), dict(want, biometric_kind=name)
            yield "a group beyond its file", data_group(rng, tag, kind, code, b"XYZ\0" + record[4:], 3000), None
        lines = "".join(td3(rng)).encode()
        yield "DG1", der("61", der("5F1F", lines)), {"mrz_valid_count": 1}
        jp2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + \
            box(b"jp2h", box(b"ihdr", be32(531, 413) + be16(3) + bytes([7, 7, 0, 0]))) + \
            box(b"jp2c", codestream(rng, 413, 531, 3), 0)
        image = der("A1", der("A0", der("A0", der("80", jp2))))
        extensible = der("65", der("A0", b"\x80\x01\x03\x81\x02\x07\xe3"), der("A1", der("30", b"\x80\x01\x00", image)))
        yield "ISO/IEC 39794-5", extensible, {"biometric_valid": True, "biometric_kind": "face",
                                              "biometric_standard": "ISO/IEC 39794-5"}
        yield "39794's version block alone", b"\xa0\x07\x80\x01\x03\x81\x02\x07\xe3" + rng.randbytes(900), None
        yield "7F61 and random bytes", b"\x75\x82\x0f\xff\x7f\x61\x82\x0f\xf0\x02\x01\x01" + rng.randbytes(4000), None


FS, GS, RS, US = b"\x1c", b"\x1d", b"\x1e", b"\x1f"


def tagged(kind, fields, old=False, wrong=0):
    """A tagged record; its length counts itself."""
    name = (lambda n: f"{kind}.{n:02d}" if old and n < 100 else f"{kind}.{n:03d}")
    rest = GS.join(name(n).encode() + b":" + value for n, value in fields) + FS
    for digits in range(2, 9):
        head = f"{name(1)}:".encode()
        total = len(head) + digits + 1 + len(rest)
        if len(str(total)) == digits:
            return head + str(total + wrong).encode() + GS + rest
    raise ValueError


def transaction(rng, old, records, wrong=0, count_wrong=0):
    """records: (type, idc, bytes)"""
    listed = RS.join([b"1" + US + str(len(records) + count_wrong).encode()] +
                     [str(kind).encode() + US + f"{idc:02d}".encode() for kind, idc, _ in records])
    head = tagged(1, [(2, b"0201" if old else rng.choice((b"0300", b"0400", b"0500"))), (3, listed), (4, b"NFUF"),
                      (5, b"20190521"), (6, b"1"), (7, b"DCFBI0001"), (8, b"WVICE0000"), (9, b"T" + str(
                          rng.randrange(10 ** 8)).encode()), (11, b"19.69"), (12, b"19.69")], old, wrong)
    return head + b"".join(data for _, _, data in records)


def an2k(rng):
    for _ in range(14):
        old = bool(rng.getrandbits(1))
        records = [(2, 0, tagged(2, [(2, b"00"), (18, b"DOE,JANE"), (22, b"19700101")], False))]
        kinds = set()
        for idc in range(1, rng.randrange(2, 5)):
            kind = rng.choice((4, 10, 14, 9))
            width, height = rng.randrange(100, 400), rng.randrange(100, 400)
            if kind == 4:
                image = wsq_stream(rng, width, height)
                data = be32(18 + len(image)) + bytes([idc, 0, rng.randrange(1, 11)]) + b"\xff" * 5 + bytes([0]) + \
                    be16(width, height) + b"\x01" + image
                kinds.add("finger_image")
            elif kind == 9:
                data = tagged(9, [(2, f"{idc:02d}".encode()), (3, b"4"), (4, b"S"), (300, b"1234")])
                kinds.add("finger_minutiae")
            else:
                image = handmade_jpeg(rng, 0xc0, 3, width, height) if kind == 10 else wsq_stream(rng, width, height)
                fields = [(2, f"{idc:02d}".encode()), (3, b"FACE" if kind == 10 else b"1"), (4, b"WVICE0000"),
                          (5, b"20190521"), (6, str(width).encode()), (7, str(height).encode()), (8, b"1"),
                          (11, b"JPEGB" if kind == 10 else b"WSQ20"), (999, image)]
                data = tagged(kind, fields)
                kinds.add("face" if kind == 10 else "finger_image")
            records.append((kind, idc, data))
        want = {"object_type": "an2k", "biometric_valid": True, "biometric_transaction": "NFUF"}
        if len(kinds) == 1:
            want["biometric_kind"] = kinds.pop()
        yield "ANSI/NIST-ITL", transaction(rng, old, records), want
        yield "a first record of a wrong length", transaction(rng, old, records, wrong=rng.choice((-3, 2))), None
        yield "more records counted than listed", transaction(rng, old, records, count_wrong=1), None
        yield "version numbers in text", b"1.001: first point\n1.002: second point\n" * 20, None
    picture = base64.b64encode(handmade_jpeg(rng, 0xc0, 3, 300, 400)).decode()
    for space in ("http://biometrics.nist.gov/standard/2011", "http://biometrics.nist.gov/standard/2-2008"):
        xml = f'<?xml version="1.0"?>\n<itl:NISTBiometricInformationExchangePackage xmlns:itl="{space}" ' \
              'xmlns:biom="http://release.niem.gov/niem/domains/biometrics/5.2/" ' \
              'xmlns:nc="http://release.niem.gov/niem/niem-core/5.0/">\n<itl:PackageFacialAndSMTImageRecord>' \
              f'<biom:FaceImage><nc:BinaryBase64Object>{picture}</nc:BinaryBase64Object></biom:FaceImage>' \
              '</itl:PackageFacialAndSMTImageRecord></itl:NISTBiometricInformationExchangePackage>\n'
        yield "NIEM-XML", xml.encode(), {"biometric_valid": True}


def templates(rng):
    for _ in range(10):
        n = rng.randrange(60, 600)
        inner = b"NFR\x10" + struct.pack("<H", n) + rng.randbytes(n - 6)
        nft = b"NFT\x10" + struct.pack("<I", len(inner) + 10) + b"\x0a\x01" + inner
        whole = b"NT\x00\x10" + struct.pack("<I", len(nft) + 10) + b"\x0a\x01" + nft
        yield "NTemplate", whole, {"biometric_valid": True}
        yield "NT and random bytes", b"NT\x00\x10" + rng.randbytes(300), None
        keys = [b"version", b"width", b"height", b"positionsX", b"positionsY", b"directions", b"types"]
        cbor = b"\xbf" + b"".join(bytes([0x60 | len(k)]) + k + (b"\x66" + b"3.17.1" if k == b"version" else
                                                               b"\x19\x01\x40" if k in (b"width", b"height") else
                                                               b"\x58\x20" + rng.randbytes(32)) for k in keys) + b"\xff"
        yield "SourceAFIS", cbor, {"biometric_valid": True}
        yield "another CBOR map", b"\xbf" + b"\x65width\x19\x01\x40\x66height\x19\x01\x40" + b"\xff" + rng.randbytes(90), None
