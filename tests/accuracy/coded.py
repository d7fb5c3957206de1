"""Pictures and records inside text, coded: what is wanted is found inside. See images.py for what a maker yields; the facts
under "inside" are those of an object within the file."""

import base64
import binascii
import json
import textwrap
import urllib.parse

from biometrics import der, fac_2005, fmr_iso_2005
from chips import SIGNED_DATA, group, security_object
from images import cjpeg, picture, wsq_stream

MRZ = b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"


def coded(rng):
    for _ in range(10):
        width, height = rng.randrange(60, 200), rng.randrange(60, 200)
        photo = cjpeg(picture(rng, width, height))
        known = {"inside": {"object_type": "jpeg", "image_valid": True, "image_complete": True, "image_width": width,
                            "object_size": len(photo)}}
        text = base64.b64encode(photo).decode()
        lines = textwrap.wrap(text, 76)
        hexes = photo.hex()
        yield "JSON", json.dumps({"id": 7, "overview_jpeg": text, "lane": 3}).encode(), known
        yield "JSON with escaped slashes", json.dumps({"image": text}).replace("/", "\\/").encode(), known
        escaped = text.replace("+", "\\u002B").replace("=", "\\u003D")
        yield "JSON with escaped marks", ('{"image":"' + escaped + '"}').encode(), known
        yield "text to its end", text.encode() + b"\n", known
        yield "JSON with lines", json.dumps({"image": "\n".join(lines) + "\n"}).encode(), known
        yield "XML", f"<r><PlateImage>{text}</PlateImage></r>".encode(), known
        yield "XML with lines", ("<r><Image>\n" + "\n".join(lines) + "\n</Image></r>").encode(), known
        yield "data: URL", f"<img src='data:image/jpeg;base64,{text}'>".encode(), known
        folded = "PHOTO;ENCODING=b;TYPE=JPEG:" + text[:40] + "".join("\r\n " + line for line in textwrap.wrap(text[40:], 74))
        yield "vCard", f"BEGIN:VCARD\r\nFN:A B\r\n{folded}\r\nEND:VCARD\r\n".encode(), known
        safe = base64.urlsafe_b64encode(photo).decode().rstrip("=")
        yield "URL-safe", json.dumps({"image": safe}).encode(), known
        yield "MySQL dump", f"INSERT INTO `faces` VALUES (1,0x{hexes.upper()},'x');\n".encode(), known
        yield "PostgreSQL dump", f"COPY public.faces (id, picture) FROM stdin;\n1\t\\\\x{hexes}\n\\.\n".encode(), known
        yield "a form", f"id=7&image={urllib.parse.quote(text, safe='')}&lane=3".encode(), known
        yield "a form's data: URL", f"image={urllib.parse.quote('data:image/jpeg;base64,' + text, safe='')}".encode(), known
        face, _ = fac_2005(rng, 1, picture=photo)
        last = "id=7&record=" + urllib.parse.quote(base64.b64encode(face).decode().rstrip("="), safe="")
        yield "a form's last field, a picture in a record in it", last.encode(), {"inside": {"object_type": "fac",
                                                                                             "image_width": width}}
        pairs = textwrap.wrap(hexes, 2)
        yield "hex pairs", ("dump: " + " ".join(pairs) + "\nend\n").encode(), known
        yield "hex pairs in lines", "\n".join(" ".join(pairs[i:i + 16]) for i in range(0, len(pairs), 16)).encode(), known
        yield "hex with colons", (":".join(pairs).upper() + "\n").encode(), known
        yield "escaped bytes", ('b = b"' + "".join("\\x" + pair for pair in pairs) + '"\n').encode(), known
        rows = [", ".join("0x" + pair for pair in pairs[i:i + 12]) for i in range(0, len(pairs), 12)]
        yield "source code", ("static const char picture[] = {\n    " + ",\n    ".join(rows) + "\n};\n").encode(), known
        lines = b"".join(binascii.b2a_uu(photo[i:i + 45], backtick=bool(rng.getrandbits(1))) for i in range(0, len(photo), 45))
        yield "uuencode", b"Hello,\n\nbegin 644 IMG_1.JPG\n" + lines + b"`\nend\n\nBye\n", known
        template = fmr_iso_2005(rng, 2)
        yield "template in JSON", json.dumps({"template": base64.b64encode(template).decode()}).encode(), \
            {"inside": {"biometric_valid": True, "object_type": "fmr"}}
        finger = wsq_stream(rng, 300, 400)
        yield "fingerprint in XML", f"<f>{base64.b64encode(finger).decode()}</f>".encode(), \
            {"inside": {"biometric_valid": True, "object_type": "wsq"}}
        chip = ("icao-dg1", der("61", der("5F1F", MRZ))), ("icao-dg2", der("75", group(2, 8, [face]))), \
               ("icao-sod", security_object(rng, False))
        for kind, file in chip:
            proof = {"inside": {"biometric_valid": True, "object_type": kind, "object_size": len(file)}}
            yield f"{kind} in JSON", json.dumps({"id": 7, "file": base64.b64encode(file).decode()}).encode(), proof
            if kind != "icao-sod":
                yield f"{kind} in hexadecimal", json.dumps({"id": 7, "file": file.hex().upper()}).encode(), proof
        # Look-alikes
        sealed = der("77", der("30", SIGNED_DATA, der("A0", rng.randbytes(900))))
        yield "signed data of something else", base64.b64encode(sealed), None
        noise = base64.b64encode(b"\xff\xd8\xff\xe0" + rng.randbytes(900)).decode()
        yield "a picture's first bytes and noise", json.dumps({"image": noise}).encode(), None
        yield "hex pairs of noise", " ".join(textwrap.wrap("ffd8ffe0" + rng.randbytes(900).hex(), 2)).encode(), None
        yield "a program", b"begin 644 things;\n" + b"do_this(); do_that();\n" * 40 + b"end\n", None
        yield "a path", ("see /9j/kept/here for the list of things, and /9j/others " * 40).encode(), None
        yield "a digest that begins like one", ("ffd8ff" + rng.randbytes(29).hex() + "  file\n").encode() * 20, None
        yield "base64 of words", json.dumps({"text": base64.b64encode(b"plain words " * 90).decode()}).encode(), None
