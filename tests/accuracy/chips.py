"""What lies around biometric records: files of passport chips, CBEFF wrappers of ISO/IEC 19785-3 and of PIV cards, the siblings
of ISO/IEC 39794-5. See images.py for what a maker yields."""

from biometrics import be16, be32, der, fac_2005, fir_2005, fmr_ansi_2004, fmr_iso_2005, iir_2005
from images import box, codestream, handmade_jpeg, wsq_stream

SIGNED_DATA = bytes.fromhex("06092A864886F70D010702")
LDS_OBJECT = bytes.fromhex("0606678108010101")


def security_object(rng, indefinite):
    content = der("30", LDS_OBJECT, der("A0", der("04", rng.randbytes(rng.randrange(80, 400)))))
    signed = der("30", b"\x02\x01\x03", der("31", der("30", bytes.fromhex("0609608648016503040201"))), content,
                 der("A0", rng.randbytes(rng.randrange(400, 1500))))
    if indefinite:
        return der("77", b"\x30\x80" + SIGNED_DATA + b"\xa0\x80" + signed + bytes(4))
    return der("77", der("30", SIGNED_DATA, der("A0", signed)))


def header(kind, code, version=False, more=b""):
    return der("A1", b"\x80\x02\x01\x01" if version else b"", b"\x81\x01" + bytes([kind]), b"\x82\x01\0", more,
               b"\x87\x02\x01\x01", b"\x88\x02" + be16(code))


def template(kind, code, record, **options):
    return der("7F60", header(kind, code, **options), der("5F2E", record))


def group(kind, code, records, **options):
    return der("7F61", b"\x02\x01" + bytes([len(records)]), *[template(kind, code, record, **options) for record in records])


def piv(rng, record, code, kind):
    return b"\x03" + rng.choice((b"\x0d", b"\x0f")) + be32(len(record)) + be16(256, 0x001b, code) + \
        bytes([20, 19, 5, 21, 10, 11, 12]) + b"Z" + rng.randbytes(16) + be32(kind)[1:] + b"\x20\x50" + b"Agency".ljust(18, b"\0") + \
        rng.randbytes(25) + bytes(4) + record + rng.randbytes(256)


def extensible(part, picture, year):
    nested = der("A1", der("A0", der("A0", der("80", picture))))
    return der(part, der("A0", b"\x80\x01\x03\x81\x02\x07" + bytes([year])), der("A1", der("30", b"\x80\x01\x00", nested)))


def chips(rng):
    for _ in range(8):
        tags = b"".join(rng.sample([b"\x61", b"\x75", b"\x63", b"\x76", b"\x6b", b"\x6e"], rng.randrange(2, 6)))
        com = der("60", b"\x5f\x01\x04" + rng.choice((b"0107", b"0108")), b"\x5f\x36\x06040000", der("5C", tags))
        yield "EF.COM", com, {"object_type": "icao-com", "biometric_valid": True, "biometric_kind": "travel_document"}
        for indefinite in (False, True):
            yield "EF.SOD", security_object(rng, indefinite), {"object_type": "icao-sod", "biometric_valid": True}
        yield "signed data of something else", der("77", der("30", SIGNED_DATA, der("A0", rng.randbytes(900)))), None
        yield "EF.COM's tag and a page", der("60", b"\x5f\x01\x04page", rng.randbytes(200)), None
        face, finger, iris = fac_2005(rng, 1)[0], fir_2005(rng, 1)[0], iir_2005(rng, 1)
        dates = b"\x83\x07" + bytes.fromhex("20190521101112") + b"\x85\x08" + bytes(8) + b"\x86\x02\0\0"
        for kind, code, record, tag, name in ((2, 8, face, "75", "face"), (8, 7, finger, "63", "finger_image"),
                                              (16, 9, iris, "76", "iris")):
            count = rng.randrange(1, 3)
            known = {"biometric_valid": True, "biometric_kind": name, "biometric_records": count}
            whole = group(kind, code, [record] * count, version=bool(rng.getrandbits(1)), more=rng.choice((b"", dates)))
            yield "data group " + tag, der(tag, whole), known
            yield "group alone", whole, dict(known, object_type="cbeff")
            yield "template alone", template(kind, code, record), dict(known, object_type="cbeff", biometric_records=1)
            yield "template within bytes", rng.randbytes(300).replace(b"\x7f", b"\0") + template(kind, code, record) + \
                rng.randbytes(300), {"inside": {"biometric_valid": True, "biometric_kind": name}}
        bare = der("7F60", b"\x83\x01\x01", der("A1", b"\x81\x01\x08", b"\x82\x01\x05", b"\x87\x02\x01\x01", b"\x88\x02\0\x05",
                                                der("B1", b"\x81\x02\x14\x28", b"\x82\x01\0")))
        yield "templates without data", der("7F61", b"\x02\x01\x02", bare, bare), {"object_type": "cbeff", "biometric_records": 2}
        picture = handmade_jpeg(rng, 0xc0, 3, 300, 400)
        yield "DG5", der("65", b"\x02\x01\x01", der("5F40", picture)), {"object_type": "icao-dg5", "biometric_kind": "face",
                                                                        "image_width": 300}
        yield "DG7", der("67", b"\x02\x01\x01", der("5F43", picture)), {"object_type": "icao-dg7", "biometric_kind": "signature"}
        details = der("5C", b"\x5f\x0e\x5f\x2b\x5f\x12"), der("5F0E", b"SMITH<<JOHN"), der("5F2B", b"19700101"), der("5F12", b"555")
        yield "DG11", der("6B", *details), {"object_type": "icao-dg11", "biometric_valid": True}
        for record, code, kind, name in ((fmr_ansi_2004(rng, 2), 0x201, 8, "finger_minutiae"), (finger, 0x401, 8, "finger_image"),
                                         (face, 0x501, 2, "face")):
            known = {"object_type": "cbeff", "biometric_valid": True, "biometric_kind": name}
            yield "PIV, " + name, piv(rng, record, code, kind), known
            yield "PIV header and noise", piv(rng, rng.randbytes(len(record)), code, kind), None
            yield "PIV header of another kind", piv(rng, b"XXXX" + record[4:], code, 16), None
        jp2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(
            b"jp2h", box(b"ihdr", be32(40, 30) + be16(1) + bytes([7, 7, 0, 0]))) + box(b"jp2c", codestream(rng, 30, 40, 1), 0)
        for part, data, name, number in (("62", fmr_iso_2005(rng, 1), "finger_minutiae", 2), ("64", wsq_stream(rng, 200, 300),
                                         "finger_image", 4), ("65", picture, "face", 5), ("66", jp2, "iris", 6)):
            known = {"object_type": "iso39794", "biometric_valid": True, "biometric_kind": name,
                     "biometric_standard": f"ISO/IEC 39794-{number}"}
            yield f"39794-{number}", extensible(part, data, rng.randrange(0xe3, 0xeb)), known
        yield "39794 of a year before it", extensible("65", picture, 0xd0), None
