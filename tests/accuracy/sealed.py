"""Archives and documents that are encrypted, and their like that are not. See images.py for what a maker yields."""

import base64
import io
import lzma
import struct
import subprocess
import zipfile
import zlib

from images import be16, be32, le16, le32


def zip_member(rng, flags, method=8):
    data = rng.randbytes(rng.randrange(200, 2000))
    name = b"report.docx"
    head = le16(20, flags, method, 0, 0) + le32(zlib.crc32(data), len(data), len(data)) + le16(len(name), 0)
    local = b"PK\3\4" + head + name + data
    central = b"PK\1\2" + le16(20) + head + le16(0, 0, 0) + le32(0, 0) + name
    return local + central + b"PK\5\6" + le16(0, 0, 1, 1) + le32(len(central), len(local)) + le16(0)


def pdf(rng, encrypted):
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 0 >>\nendobj\n"
    body += b"3 0 obj\n<< /Length 900 >>\nstream\n" + rng.randbytes(900) + b"\nendstream\nendobj\n"
    trailer = b"trailer\n<< /Size 4 /Root 1 0 R" + (b" /Encrypt 5 0 R" if encrypted else b"") + b" >>\n"
    return body + b"xref\n0 1\n0000000000 65535 f \n" + trailer + b"startxref\n9\n%%EOF\n"


def number(value):
    """As 7z writes one: leading ones of the first byte tell how many follow."""
    for more in range(9):
        if value < 1 << 7 * (more + 1):
            first = (0xff00 >> more & 0xff) | value >> 8 * more
            return bytes([first]) + (value & (1 << 8 * more) - 1).to_bytes(more, "little")
    raise ValueError


def sevenzip(rng, coder, packed=True, members=3):
    """An archive of one folder: its list of members, packed with LZMA or not, tells the coders."""
    data = rng.randbytes(rng.randrange(500, 40000))
    names = b"".join(f"IMG_{i:04d}.jpg".encode("utf-16le") + b"\0\0" for i in range(members))
    header = b"\1\4\6\0\1\x09" + number(len(data)) + b"\0\7\x0b\1\0" + coder + b"\x0c" + number(len(data) + 9) + b"\0\x08\0\0"
    header += b"\5" + number(members) + b"\x11" + number(len(names) + 1) + b"\0" + names + b"\0\0"
    body = data
    if packed:
        small = lzma.compress(header, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 3,
                                                                  "lp": 0, "pb": 2}])
        body += small
        header = b"\x17\6" + number(len(data)) + b"\1\x09" + number(len(small)) + b"\0\7\x0b\1\0\1\x23\3\1\1\5\x5d" + \
            le32(1 << 20) + b"\x0c" + number(len(header)) + b"\0\0"
    start = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + le32(zlib.crc32(start)) + start + body + header


LZMA2 = b"\1\x21\x21\1\x16"
AES = b"\2\x24\x06\xf1\x07\x01\x0a\x53\x07" + bytes(8) + b"\x21\x21\1\x16\1\0"


def vint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def rar5(rng, sealed_member=None, sealed_headers=False):
    def header(body):
        return le32(zlib.crc32(vint(len(body)) + body)) + vint(len(body)) + body
    out = b"Rar!\x1a\x07\x01\0"
    if sealed_headers:
        return out + header(vint(4) + vint(0) * 3 + bytes([15]) + rng.randbytes(28)) + rng.randbytes(4000)
    out += header(vint(1) + vint(5) + vint(11) + vint(0) + vint(10) + vint(1) + rng.randbytes(9))
    for i in range(3):
        data = rng.randbytes(rng.randrange(100, 9000))
        times = vint(10) + vint(3) + vint(2) + rng.randbytes(8)
        extra = times + (vint(48) + vint(1) + vint(0) + vint(1) + bytes([15]) + rng.randbytes(44) if i == sealed_member else b"")
        name = f"photos/2019/IMG_{i:04d}.jpg".encode()
        out += header(vint(2) + vint(3) + vint(len(extra)) + vint(len(data)) + vint(4) + vint(len(data)) + vint(0x20) + le32(1) +
                      vint(0x80) + vint(1) + vint(len(name)) + name + extra) + data
    return out + header(vint(5) + vint(0) + vint(0))


def rar4(rng, sealed_member=None, sealed_headers=False):
    out = b"Rar!\x1a\x07\0" + le16(1) + b"\x73" + le16(0x80 if sealed_headers else 0, 13) + bytes(6)
    for i in range(3):
        data, name = rng.randbytes(rng.randrange(100, 9000)), f"IMG_{i:04d}.jpg".encode()
        out += le16(2) + b"\x74" + le16(0x8000 | (4 if i == sealed_member else 0), 32 + len(name)) + \
            le32(len(data), len(data)) + b"\2" + le32(1, 0) + b"\x1d\x33" + le16(len(name)) + le32(0x20) + name + data
    return out + b"\xc4\x3d\x7b\0\x40\7\0"


def pgp(rng):
    """The first packet of what gpg writes, and data behind it."""
    bits = rng.choice((2048, 3072, 4096))
    rsa = b"\3" + rng.randbytes(8) + b"\1" + be16(bits - 1) + rng.randbytes(bits // 8)
    curve = b"\3" + rng.randbytes(8) + b"\x12" + be16(263) + b"\x40" + rng.randbytes(32) + b"\x30" + rng.randbytes(48)
    password = b"\4\x09\3\x0a" + rng.randbytes(8) + b"\xff"
    tag, body = rng.choice(((1, rsa), (1, curve), (3, password)))
    old = bytes([0x80 | tag << 2, len(body)]) if len(body) < 256 else bytes([0x81 | tag << 2]) + be16(len(body))
    new = bytes([0xc0 | tag]) + (bytes([len(body)]) if len(body) < 192 else bytes([(len(body) - 192 >> 8) + 192,
                                                                                    len(body) - 192 & 255]))
    return rng.choice((old, new)) + body + b"\xd2\xff" + be32(3000) + b"\1" + rng.randbytes(2999)


def armor(kind, data):
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {kind}-----\n\n{text}-----END {kind}-----\n".encode()


def cms(rng, kind):
    oid = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" + bytes([kind])
    content = b"\xa0\x82" + be16(2000) + rng.randbytes(2000)
    return b"\x30\x82" + be16(len(oid) + len(content)) + oid + content


def compound(rng, names):
    """The first sectors of an OLE2 file: its head, the table of sectors, the directory."""
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + le16(0x3e, 3, 0xfffe, 9, 6) + bytes(6)
    head += le32(0, 1, 1, 0, 4096, 0xfffffffe, 0, 0xfffffffe, 0, 0) + b"\xff" * 432
    entries = b""
    for i, name in enumerate(names):
        text = name.encode("utf-16le")
        entries += text.ljust(64, b"\0") + le16(len(text) + 2) + bytes([2 if i else 5, 1]) + b"\xff" * 12 + bytes(36) + le32(0, 0, 0)
    return head + le32(0xfffffffd, 0xfffffffe) + b"\xff" * 504 + entries.ljust(1024, b"\0") + rng.randbytes(5000)


def sealed(rng):
    want = {"encrypted_container": True}
    for _ in range(8):
        yield "zip, traditional encryption", zip_member(rng, 1), want
        yield "zip, AES", zip_member(rng, 1, 99), want
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.txt", "plain words " * 60)
            archive.writestr("b.bin", rng.randbytes(300))
        yield "plain zip", out.getvalue(), None
        yield "PDF, encrypted", pdf(rng, True), want
        yield "plain PDF", pdf(rng, False), None
        plain = rng.randbytes(3000)
        done = subprocess.run(["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", f"pass:{rng.random()}"], input=plain,
                              stdout=subprocess.PIPE, check=True)
        yield "openssl enc", done.stdout, want
        yield "age", b"age-encryption.org/v1\n-> X25519 SVrzdFfkPxf0LPHOUGB1gNb9E5Vr8EUDa9kxk04iQ0o\n" \
            b"0OrTkKHpE7klNLd0k+9Uam5hkQkzMxaqKcIPRIO1sNE\n--- gxhoSa5BciRDt8lOpYNcx4EYtKpS0CJ06F3ZwN82VaM\n" + plain, want
        yield "LUKS", b"LUKS\xba\xbe" + struct.pack(">H", 1) + b"aes".ljust(32, b"\0") + \
            b"xts-plain64".ljust(32, b"\0") + b"sha256".ljust(32, b"\0") + rng.randbytes(3000), want
        yield "openssl enc -a", base64.encodebytes(done.stdout), want
        for packed in (True, False):
            yield "7z, AES", sevenzip(rng, AES, packed, rng.choice((1, 3, 300))), dict(want, object_type="7z")
            yield "plain 7z", sevenzip(rng, LZMA2, packed, rng.choice((1, 3, 300))), None
        yield "7z, encrypted names", sevenzip(rng, LZMA2, False)[:-40] + AES + bytes(20), want
        for rar in (rar4, rar5):
            yield "RAR, encrypted member", rar(rng, rng.randrange(3)), dict(want, object_type="rar")
            yield "RAR, encrypted headers", rar(rng, None, True), want
            yield "plain RAR", rar(rng), None
        message = pgp(rng)
        yield "OpenPGP", message, dict(want, object_type="pgp")
        yield "OpenPGP, armored", armor("PGP MESSAGE", message), dict(want, object_type="pgp")
        yield "OpenPGP, compressed only", b"\xa3\x01" + plain, None
        yield "OpenPGP, armored, compressed only", armor("PGP MESSAGE", b"\xa3\x01" + plain), None
        yield "a public key", armor("PGP PUBLIC KEY BLOCK", b"\x99\x01\x0d\x04" + plain[:269]), None
        yield "age, armored", armor("AGE ENCRYPTED FILE", b"age-encryption.org/v1\n" + plain), dict(want, object_type="age")
        yield "CMS, enveloped", cms(rng, 3), dict(want, object_type="cms")
        yield "CMS, signed", cms(rng, 2), None
        yield "Office document, encrypted", compound(rng, ["Root Entry", "EncryptedPackage", "\x06DataSpaces", "EncryptionInfo"]), \
            dict(want, object_type="ole")
        yield "Office document", compound(rng, ["Root Entry", "WordDocument", "1Table", "Data"]), None
        yield "random bytes", plain, None
        yield "deflate", zlib.compress(b"words and words " * 400), None
