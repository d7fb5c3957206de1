"""Archives and documents that are encrypted, and their like that are not. See images.py for what a maker yields."""

import io
import struct
import subprocess
import zipfile
import zlib

from images import le16, le32


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
        yield "random bytes", plain, None
        yield "deflate", zlib.compress(b"words and words " * 400), None
