#!/usr/bin/python3
"""Mail as it is really written. Each case is a message or a dialogue that some mailer, server or gateway produces, legal or
not; the file somebody attached must come out with its name, its declared type and its SHA-256, and the event must name who
sent it to whom.

usage: mail.py [--sensor PATH]"""

import argparse
import base64
import binascii
import hashlib
import io
import os
import quopri
import subprocess
import sys
import tempfile
import zipfile
import zlib
from email.message import EmailMessage, MIMEPart

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("tools", "evasion"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import tap  # noqa: E402
import tnef  # noqa: E402
from sensor import ROOT, Sensor, ledger_error  # noqa: E402
from wire import ACK, PSH, Conversation, jpeg, write_pcap  # noqa: E402

PHOTO, SECOND = jpeg(640, 480, 1), jpeg(320, 240, 2)
SIZE = 1400
HEAD = b"From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: the photos\r\nMessage-ID: <1@example.com>\r\n"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def lines(data, width=76, end=b"\r\n"):
    text = base64.b64encode(data)
    return b"".join(text[at:at + width] + end for at in range(0, len(text), width))


def document():
    """A ZIP as office programs write it, with the photograph inside."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo("word/document.xml"), b"<w:document/>", zipfile.ZIP_DEFLATED)
        file.writestr(zipfile.ZipInfo("word/media/image1.jpeg"), PHOTO, zipfile.ZIP_STORED)
    return out.getvalue()


DOCUMENT = document()


class Run:
    """Dialogues to captures to events."""

    def __init__(self, sensor, folder):
        self.sensor, self.path = sensor, os.path.join(folder, "mail.pcap")

    def talk(self, *said, port=25, sides="CS", size=SIZE, lost=(), handshake=True, outside_client=False, close=True):
        """`said` are (side, bytes); `sides` those the tap saw; `lost` ranges of the client's bytes it did not."""
        talk = Conversation()
        talk.sport = port
        if outside_client:
            talk.client, talk.server = "203.0.113.9", "10.1.2.3"
        if handshake:
            talk.handshake()
        else:
            talk.seq += 1
            talk.ack += 1
        sent = {"C": 0, "S": 0}
        for side, data in said:
            for at in range(0, len(data), size):
                part = data[at:at + size]
                begin, end = sent[side], sent[side] + len(part)
                seen = side in sides and not any(low < end and begin < high for low, high in lost)
                sent[side] = end
                if side == "C":
                    if seen:
                        talk.segment(part)
                    talk.seq += len(part)
                    if "S" in sides:
                        talk.reply()
                else:
                    if seen:
                        talk.reply(part, flags=ACK | PSH)
                    talk.ack += len(part)
                    if "C" in sides:
                        talk.segment(flags=ACK)
        if close:
            talk.close()
        frames = talk.frames
        if len(sides) == 1:
            source = talk.client if sides == "C" else talk.server
            mine = bytes(int(part) for part in source.split("."))
            frames = [frame for frame in frames if frame[26:30] == mine]
        write_pcap(self.path, frames)
        result = self.sensor.replay("--events", "object,flow", self.path)
        tap.equal(result.code, 0, result.failed())
        tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
        self.result = result
        return Objects(result.events("object"), result.events("flow"))

    def smtp(self, *messages, **how):
        """Each message by DATA, in a full dialogue."""
        said = [("S", b"220 mx.example.org ESMTP\r\n"), ("C", b"EHLO pc.example.com\r\n"),
                ("S", b"250-mx.example.org\r\n250 PIPELINING\r\n")]
        for message in messages:
            said += [("C", b"MAIL FROM:<ann@example.com>\r\n"), ("S", b"250 ok\r\n"),
                     ("C", b"RCPT TO:<bob@example.org>\r\n"), ("S", b"250 ok\r\n"), ("C", b"DATA\r\n"),
                     ("S", b"354 go\r\n"), ("C", stuffed(message) + b".\r\n"), ("S", b"250 queued\r\n")]
        return self.talk(*said, ("C", b"QUIT\r\n"), ("S", b"221 bye\r\n"), **how)


class Objects:
    def __init__(self, rows, flows):
        self.rows, self.flows = rows, flows

    def show(self):
        return [(row["fileinfo"].get("filename"), row["fileinfo"]["state"], row["fileinfo"]["size"],
                 row["dlp"].get("declared_type"), row["dlp"]["object_path"], row["fileinfo"]["tx_id"]) for row in self.rows]

    def one(self, data):
        found = [row for row in self.rows if row["fileinfo"].get("sha256") == digest(data)]
        tap.expect(found, f"not whole: {self.show()}")
        return found[0]

    def has(self, data, name=None, declared=None, path=None, count=None):
        row = self.one(data)
        tap.equal(row["fileinfo"]["state"], "CLOSED", "state")
        if name is not None:
            tap.equal(row["fileinfo"].get("filename"), name, "file name")
        if declared is not None:
            tap.equal(row["dlp"].get("declared_type"), declared, "declared type")
        if path is not None:
            tap.equal(row["dlp"]["object_path"], path, "path")
        if count is not None:
            tap.equal(len(self.rows), count, f"objects {self.show()}")
        return row

    def none_whole(self, data):
        tap.expect(not any(row["fileinfo"].get("sha256") == digest(data) for row in self.rows), f"{self.show()}")


def stuffed(message):
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]


def mixed(*parts, kind=b"mixed", boundary=b"b1", head=HEAD, closing=True, more=b""):
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return head + b"MIME-Version: 1.0\r\nContent-Type: multipart/" + kind + b'; boundary="' + boundary + b'"' + more + \
        b"\r\n\r\nThis is a multi-part message in MIME format.\r\n" + body + \
        (b"--" + boundary + b"--\r\n" if closing else b"")


TEXT = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nSee attached.\r\n"


def photo(words=b'Content-Type: image/jpeg; name="p.jpg"\r\nContent-Disposition: attachment; filename="p.jpg"\r\n',
          encoding=b"base64", data=None):
    return words + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + (lines(PHOTO) if data is None else data)


def uuencoded(data, name="u.jpg", end=b"\r\n", zero=b"`"):
    out = [b"begin 644 " + name.encode()]
    for at in range(0, len(data), 45):
        out.append(binascii.b2a_uu(data[at:at + 45]).rstrip(b"\n").replace(b" ", zero))
    return end.join(out + [zero, b"end", b""])


def xxencoded(data, name="x.jpg", end=b"\r\n"):
    alphabet = b"+-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    table = bytes.maketrans(bytes(range(32, 96)), alphabet)
    out = [b"begin 644 " + name.encode()]
    for at in range(0, len(data), 45):
        out.append(binascii.b2a_uu(data[at:at + 45]).rstrip(b"\n").replace(b"`", b" ").translate(table))
    return end.join(out + [b"+", b"end", b""])


def yenc_lines(data, width=128, end=b"\r\n"):
    out, column = bytearray(), 0
    for byte in data:
        value = (byte + 42) & 255
        if value in (0, 10, 13, 61) or (not column and value == 46):
            out += bytes([61, (value + 64) & 255])
            column += 2
        else:
            out.append(value)
            column += 1
        if column >= width:
            out += end
            column = 0
    return bytes(out) + (end if column else b"")


def yencoded(data, name="y.jpg", end=b"\r\n"):
    return b"=ybegin line=128 size=%d name=%s%s" % (len(data), name.encode(), end) + yenc_lines(data, end=end) + \
        b"=yend size=%d crc32=%08x%s" % (len(data), zlib.crc32(data), end)


def yenc_parts(data, size, name="y.jpg", end=b"\r\n"):
    total = (len(data) + size - 1) // size
    for part in range(total):
        piece = data[part * size:(part + 1) * size]
        yield b"=ybegin part=%d total=%d line=128 size=%d name=%s%s" % (part + 1, total, len(data), name.encode(), end) + \
            b"=ypart begin=%d end=%d%s" % (part * size + 1, part * size + len(piece), end) + yenc_lines(piece, end=end) + \
            b"=yend size=%d part=%d pcrc32=%08x%s" % (len(piece), part + 1, zlib.crc32(piece), end)


def printable(data):
    """Quoted-printable that keeps every byte: line ends are data, too."""
    text = b"".join(bytes([c]) if 33 <= c <= 126 and c != 61 else b"=%02X" % c for c in data)
    out = []
    while text:
        n = 75 - (text[73:74] == b"=") * 2 - (text[74:75] == b"=")
        out.append(text[:n])
        text = text[n:]
    return b"=\r\n".join(out)


# ---- messages ----

def names(run):
    for what, words, wanted in (
            ("a plain name", b'Content-Disposition: attachment; filename="p.jpg"\r\n', "p.jpg"),
            ("an unquoted name with spaces", b"Content-Disposition: attachment; filename=my photo.jpg\r\n", "my photo.jpg"),
            ("a folded header", b'Content-Disposition: attachment;\r\n\tfilename="folded.jpg"\r\n', "folded.jpg"),
            ("a name folded in its middle", b'Content-Disposition: attachment; filename="a\r\n b.jpg"\r\n', "a b.jpg"),
            ("the name parameter alone", b'Content-Type: image/jpeg; name="n.jpg"\r\n', "n.jpg"),
            ("filename beats name", b'Content-Type: image/jpeg; name="n.jpg"\r\nContent-Disposition: attachment; '
             b'filename="f.jpg"\r\n', "f.jpg"),
            ("RFC 2047, base64", b'Content-Disposition: attachment; filename="=?utf-8?B?' +
             base64.b64encode("Paß.jpg".encode()) + b'?="\r\n', "Paß.jpg"),
            ("RFC 2047, Q, two words over a fold", b'Content-Disposition: attachment;\r\n filename="=?utf-8?Q?Pa=C3=9F_?='
             b'\r\n =?UTF-8?q?bild.jpg?="\r\n', "Paß bild.jpg"),
            ("RFC 2047, Latin-1", b'Content-Disposition: attachment; filename="=?iso-8859-1?Q?M=FCller.jpg?="\r\n',
             "Müller.jpg"),
            ("RFC 2231", b"Content-Disposition: attachment; filename*=utf-8''Pa%C3%9F.jpg\r\n", "Paß.jpg"),
            ("RFC 2231, Latin-1", b"Content-Disposition: attachment; filename*=iso-8859-1'de'M%FCller.jpg\r\n", "Müller.jpg"),
            ("RFC 2231, continued", b"Content-Disposition: attachment; filename*0*=utf-8''Pa%C3%9F;\r\n filename*1=\"-of-\";"
             b"\r\n filename*2*=Ann%2Ejpg\r\n", "Paß-of-Ann.jpg"),
            ("RFC 2231, out of order", b"Content-Disposition: attachment; filename*1=\"b.jpg\";\r\n filename*0=\"a\"\r\n",
             "ab.jpg"),
            ("two headers, the second unread", b'Content-Disposition: attachment; filename="first.jpg"\r\n'
             b'Content-Disposition: attachment; filename="second.jpg"\r\n', "first.jpg"),
            ("a comment in the header", b'Content-Disposition: attachment (a picture); filename="c.jpg"\r\n', "c.jpg"),
            ("a semicolon in a quoted name", b'Content-Disposition: attachment; filename="a;b.jpg"\r\n', "a;b.jpg"),
            ("no blank behind the colon", b'Content-Disposition:attachment;filename=tight.jpg\r\n', "tight.jpg"),
            ("a blank before the colon", b'Content-Disposition : attachment; filename=loose.jpg\r\n', "loose.jpg")):
        with tap.case(f"names: {what}"):
            run.smtp(mixed(TEXT, photo(words))).has(PHOTO, name=wanted)


def encodings(run):
    text = base64.b64encode(PHOTO)
    dirty = b"".join(lines(PHOTO)[at:at + 60] + b"!*#\r\n" for at in range(0, len(lines(PHOTO)), 60))
    halves = base64.b64encode(PHOTO[:1000]) + b"\r\n" + base64.b64encode(PHOTO[1000:])
    quoted = printable(PHOTO)
    for what, label, data in (
            ("upper case", b"BASE64", None), ("with a parameter", b"base64; x=y", None),
            ("with a comment", b"base64 (as usual)", None), ("in quotes", b'"base64"', None),
            ("no line ends", b"base64", text + b"\r\n"), ("lines of 64", b"base64", lines(PHOTO, 64)),
            ("lines of 77, no whole groups", b"base64", lines(PHOTO, 77)),
            ("line feeds only", b"base64", lines(PHOTO, 76, b"\n")),
            ("spaces at line ends", b"base64", lines(PHOTO, 76, b"  \r\n")),
            ("empty lines between", b"base64", lines(PHOTO, 76, b"\r\n\r\n")),
            ("foreign characters", b"base64", dirty), ("two texts, padded in the middle", b"base64", halves),
            ("no padding", b"base64", lines(PHOTO).rstrip(b"=\r\n") + b"\r\n"),
            ("quoted-printable", b"quoted-printable", quoted),
            ("quoted-printable, upper case", b"Quoted-Printable", quoted),
            ("uuencode", b"x-uuencode", uuencoded(PHOTO)), ("uue", b"x-uue", uuencoded(PHOTO)),
            ("uuencode with spaces", b"uuencode", uuencoded(PHOTO, zero=b" ")),
            ("yEnc", b"x-yencode", yencoded(PHOTO))):
        with tap.case(f"transfer encodings: {what}"):
            run.smtp(mixed(TEXT, photo(encoding=label, data=data))).has(PHOTO, name="p.jpg", declared="image/jpeg")
    with tap.case("transfer encodings: none named, coded all the same"):
        run.smtp(mixed(TEXT, b'Content-Type: image/jpeg; name="p.jpg"\r\n\r\n' + lines(PHOTO))).has(PHOTO)
    with tap.case("transfer encodings: base64 named and not applied"):
        out = run.smtp(mixed(TEXT, b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                             b"Passport: see below. [nothing coded here]"))
        tap.expect(any(row["dlp"]["object_path"][-1] == "multipart:2" for row in out.rows), out.show())
    with tap.case("transfer encodings: 8bit, the bytes themselves"):
        raw = bytes(range(128, 256)) * 50
        run.smtp(mixed(TEXT, photo(encoding=b"8bit", data=raw))).has(raw, name="p.jpg")
    with tap.case("transfer encodings: quoted-printable cut at every byte of an escape"):
        for size in (7, 11, 13):
            run.smtp(mixed(TEXT, photo(encoding=b"quoted-printable", data=quoted)), size=size * 100 + 1).has(PHOTO)


def structure(run):
    with tap.case("structure: mixed, related, alternative, one inside the other"):
        inner = mixed(TEXT, photo(), kind=b"related", boundary=b"b3", head=b"")
        inner = mixed(TEXT, inner, kind=b"alternative", boundary=b"b2", head=b"")
        run.smtp(mixed(inner, photo(data=lines(SECOND)), boundary=b"b1")).has(PHOTO, name="p.jpg")
    with tap.case("structure: no final boundary"):
        out = run.smtp(mixed(TEXT, photo(), closing=False))
        tap.expect(any(row["dlp"]["object_type"] == "jpeg" and row["fileinfo"]["size"] == len(PHOTO) for row in out.rows),
                   out.show())
    with tap.case("structure: blanks behind the boundary"):
        message = mixed(TEXT, photo()).replace(b"--b1\r\n", b"--b1  \t\r\n")
        run.smtp(message).has(PHOTO, name="p.jpg")
    with tap.case("structure: a boundary declared with a comment, unquoted"):
        message = mixed(TEXT, photo()).replace(b'boundary="b1"', b"boundary=b1 (a comment)")
        run.smtp(message).has(PHOTO, name="p.jpg")
    with tap.case("structure: Content-Type folded and in odd case"):
        message = mixed(TEXT, photo()).replace(b'multipart/mixed; boundary="b1"', b'MULTIPART/Mixed;\r\n\tBOUNDARY="b1"')
        run.smtp(message).has(PHOTO, name="p.jpg")
    with tap.case("structure: two Content-Type headers, a reader takes the first"):
        message = mixed(TEXT, photo()).replace(b"MIME-Version: 1.0\r\n", b"").replace(
            b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1)
        run.smtp(message).has(PHOTO)
    with tap.case("structure: the only part is the attachment"):
        run.smtp(HEAD + photo()).has(PHOTO, name="p.jpg", declared="image/jpeg")
    with tap.case("structure: a forwarded message"):
        inner = mixed(TEXT, photo(), boundary=b"b2")
        run.smtp(mixed(TEXT, b"Content-Type: message/rfc822\r\n\r\n" + inner)).has(PHOTO, name="p.jpg")
    with tap.case("structure: a forwarded message in base64, as Exchange writes it"):
        inner = mixed(TEXT, photo(), boundary=b"b2")
        run.smtp(mixed(TEXT, b'Content-Type: message/rfc822; name="fw.eml"\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
                       lines(inner))).has(PHOTO, name="p.jpg")
    with tap.case("structure: a forwarded message as application/octet-stream named .eml"):
        inner = mixed(TEXT, photo(), boundary=b"b2")
        run.smtp(mixed(TEXT, b'Content-Type: application/octet-stream; name="fw.eml"\r\nContent-Transfer-Encoding: base64'
                       b'\r\n\r\n' + lines(inner))).has(PHOTO)
    with tap.case("structure: a digest"):
        inner = b"\r\n" + mixed(TEXT, photo(), boundary=b"b2")
        run.smtp(mixed(inner, kind=b"digest")).has(PHOTO, name="p.jpg")
    with tap.case("structure: a bounce with the message inside"):
        inner = mixed(TEXT, photo(), boundary=b"b2")
        run.smtp(mixed(TEXT, b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n",
                       b"Content-Type: message/rfc822\r\n\r\n" + inner, kind=b"report",
                       more=b"; report-type=delivery-status")).has(PHOTO, name="p.jpg")
    with tap.case("structure: signed"):
        run.smtp(mixed(mixed(TEXT, photo(), boundary=b"b2", head=b""),
                       b'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n-----BEGIN PGP SIGNATURE-----'
                       b"\r\n\r\nxx\r\n-----END PGP SIGNATURE-----\r\n", kind=b"signed")).has(PHOTO, name="p.jpg")
    with tap.case("structure: what Python's email package writes"):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "Ann <ann@example.com>", "bob@example.org", "Fotos für Bob"
        message.set_content("See attached, Jürgen.")
        message.add_attachment(PHOTO, maintype="image", subtype="jpeg", filename="Paßbild Jürgen.jpg")
        message.add_attachment(DOCUMENT, maintype="application",
                               subtype="vnd.openxmlformats-officedocument.wordprocessingml.document", filename="a.docx")
        row = run.smtp(message.as_bytes().replace(b"\n", b"\r\n")).has(PHOTO, name="Paßbild Jürgen.jpg")
        tap.equal(row["email"]["subject"], "Fotos für Bob", "subject")
        message.add_attachment(message.get_payload()[1].get_payload(decode=True), maintype="image", subtype="jpeg")
    with tap.case("structure: a document in base64, and the picture inside it"):
        part = b'Content-Type: application/octet-stream; name="a.docx"\r\n'
        out = run.smtp(mixed(TEXT, photo(part, data=lines(DOCUMENT))))
        out.has(DOCUMENT, name="a.docx", declared="application/octet-stream")
        out.has(PHOTO, name="word/media/image1.jpeg")
    with tap.case("structure: a vCard's photograph"):
        card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nPHOTO;ENCODING=b;TYPE=JPEG:" + \
            lines(PHOTO, 74, b"\r\n ").rstrip(b" ") + b"END:VCARD\r\n"
        run.smtp(mixed(TEXT, b"Content-Type: text/vcard; name=ann.vcf\r\n\r\n" + card)).has(PHOTO)
    with tap.case("structure: nested as deep as nothing sane, the picture is found all the same"):
        message = photo()
        for level in range(12):
            message = mixed(TEXT, message, boundary=b"n%d" % level, head=b"" if level < 11 else HEAD)
        run.smtp(message).has(PHOTO)
    with tap.case("structure: message/partial is an object of its own"):
        out = run.smtp(HEAD + b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\n" + mixed(TEXT, photo()))
        tap.expect(out.rows, "nothing")


def texts(run):
    with tap.case("uuencode in a plain text, two files in one body"):
        out = run.smtp(HEAD + b"\r\nHello,\r\n\r\n" + uuencoded(PHOTO, "one.jpg") + b"\r\nand\r\n" +
                       uuencoded(DOCUMENT, "two three.docx", zero=b" ") + b"\r\nbye\r\n")
        row = out.has(PHOTO, name="one.jpg")
        tap.equal(row["dlp"]["object_path"][-1], "uuencode:one.jpg", "path")
        row = out.has(DOCUMENT, name="two three.docx")
        tap.equal(row["email"]["attachment"], ["one.jpg", "two three.docx"], "attachments")
    with tap.case("uuencode at the very end of a nested text part"):
        part = b"Content-Type: text/plain\r\n\r\nsee\r\n" + uuencoded(PHOTO).rstrip()
        run.smtp(mixed(TEXT, mixed(TEXT, part, boundary=b"b2", head=b""))).has(PHOTO, name="u.jpg")
    with tap.case("uuencode with line feeds only, in quoted-printable"):
        body = quopri.encodestring(b"hi\n" + uuencoded(PHOTO, end=b"\n")).replace(b"\n", b"\r\n")
        run.smtp(HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body).has(PHOTO, name="u.jpg")
    with tap.case("uuencode -m"):
        run.smtp(HEAD + b"\r\nbegin-base64 644 m.jpg\r\n" + lines(PHOTO, 60) + b"====\r\n").has(PHOTO, name="m.jpg")
    with tap.case("xxencode"):
        run.smtp(HEAD + b"\r\n" + xxencoded(PHOTO) + b"bye\r\n").has(PHOTO, name="x.jpg")
    with tap.case("uuencode without its end is not whole"):
        text = uuencoded(PHOTO)[:3000].rsplit(b"\r\n", 1)[0]
        out = run.smtp(HEAD + b"\r\n" + text + b"\r\nthat was all\r\n")
        tap.expect(any(row["fileinfo"].get("filename") == "u.jpg" and row["fileinfo"]["state"] == "TRUNCATED"
                       for row in out.rows), out.show())
    with tap.case("prose that begins with begin"):
        out = run.smtp(HEAD + b"\r\nbegin 644 of the report\r\nis the place where we begin 6 more.\r\n")
        tap.equal(len(out.rows), 1, f"objects {out.show()}")
    with tap.case("yEnc in a plain text"):
        out = run.smtp(HEAD + b"\r\nhere\r\n" + yencoded(PHOTO, "a b.jpg") + b"bye\r\n")
        tap.equal(out.has(PHOTO, name="a b.jpg")["dlp"]["object_path"][-1], "yenc:a b.jpg", "path")
    with tap.case("yEnc, every byte value"):
        data = bytes(range(256)) * 40 + b"." * 500
        run.smtp(HEAD + b"\r\n" + yencoded(data, "all.bin")).has(data, name="all.bin")
    with tap.case("yEnc in parts, one after the other in one text"):
        run.smtp(HEAD + b"\r\n" + b"\r\n".join(yenc_parts(PHOTO, 1000)) + b"\r\nbye\r\n").has(PHOTO, name="y.jpg")
    with tap.case("yEnc, one part of several is not whole"):
        parts = list(yenc_parts(PHOTO, 3000))
        out = run.smtp(HEAD + b"\r\n" + parts[0], HEAD + b"\r\n" + parts[1])
        tap.equal([(row["fileinfo"]["filename"], row["fileinfo"]["state"]) for row in out.rows
                   if row["fileinfo"].get("filename")], [("y.jpg", "TRUNCATED")] * 2, "parts")
    with tap.case("yEnc with a wrong checksum is not whole"):
        text = yencoded(PHOTO)
        at = text.index(b"crc32=") + 6
        out = run.smtp(HEAD + b"\r\n" + text[:at] + b"00000000\r\n")
        out.none_whole(PHOTO)
        tap.expect(any(row["fileinfo"]["size"] == len(PHOTO) for row in out.rows), out.show())


def envelopes(run):
    with tap.case("TNEF: long names, an embedded message, bytes among the properties"):
        inner = tnef.message(tnef.attachment(SECOND, "B.JPG", "innen drin: Öl.jpg"))
        data = tnef.message(tnef.attachment(PHOTO), tnef.in_properties(inner, "Inner mail", True),
                            tnef.in_properties(DOCUMENT, "plain.docx"))
        part = b'Content-Type: application/ms-tnef; name="winmail.dat"\r\n'
        out = run.smtp(mixed(TEXT, photo(part, data=lines(data))))
        out.has(data, name="winmail.dat", declared="application/ms-tnef")
        row = out.has(PHOTO, name="Photo of a passport.jpg", declared="image/jpeg")
        tap.equal(row["dlp"]["object_path"][-1], "tnef:1", "path")
        out.has(SECOND, name="innen drin: Öl.jpg")
        out.has(DOCUMENT, name="plain.docx")
    with tap.case("TNEF cut short: what came whole is whole"):
        data = tnef.message(tnef.attachment(PHOTO), tnef.attachment(DOCUMENT))[:-len(DOCUMENT) // 2]
        part = b'Content-Type: application/octet-stream; name="winmail.dat"\r\n'
        out = run.smtp(mixed(TEXT, photo(part, data=lines(data))))
        out.has(PHOTO, name="Photo of a passport.jpg")
        out.none_whole(DOCUMENT)
    if not subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode:
        smime(run)
    for what, words in (("PGP/MIME", b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"),
                        ("inline PGP", b"Content-Type: text/plain\r\n\r\nHello Bob,\r\n\r\n")):
        with tap.case(f"{what} is an encrypted container"):
            text = b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + lines(b"\x85\x01\x0c\x03" + os.urandom(8) + b"\1" + os.urandom(300), 64) + b"=AbCd\r\n-----END PGP MESSAGE-----"
            out = run.smtp(mixed(TEXT, words + text, kind=b"encrypted", more=b"; protocol=application/pgp-encrypted"))
            tap.expect(any(row["dlp"]["facts"].get("encrypted_container") for row in out.rows), out.show())


def smime(run):
    with tempfile.TemporaryDirectory() as folder:
        def openssl(*words, data=None):
            done = subprocess.run(["openssl", *words], input=data, capture_output=True, check=True, cwd=folder)
            return done.stdout

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN=Ann")
        inner = mixed(TEXT, photo(), boundary=b"b2", head=b"")
        signed = [("opaque-signed", ["-sign", "-nodetach", "-binary", "-signer", "cert", "-inkey", "key"]),
                  ("opaque-signed, streamed in chunks", ["-sign", "-nodetach", "-binary", "-stream", "-signer", "cert",
                                                         "-inkey", "key"])]
        for what, words in signed:
            with tap.case(f"S/MIME {what}: the message inside"):
                out = run.smtp(HEAD + openssl("cms", *words, data=inner).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
                out.has(PHOTO, name="p.jpg", declared="image/jpeg")
        with tap.case("S/MIME detached: the message beside its signature"):
            text = openssl("cms", "-sign", "-binary", "-signer", "cert", "-inkey", "key", data=inner)
            run.smtp(HEAD + text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")).has(PHOTO, name="p.jpg")
        for what, words in (("enveloped", ["-aes-256-cbc"]), ("enveloped, streamed", ["-stream", "-aes-256-cbc"]),
                            ("authenticated", ["-aes-256-gcm"])):
            with tap.case(f"S/MIME {what}: an encrypted container"):
                text = openssl("cms", "-encrypt", *words, "cert", data=inner)
                out = run.smtp(HEAD + text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
                tap.expect(any(row["dlp"]["facts"].get("encrypted_container") for row in out.rows), out.show())


# ---- dialogues ----

MESSAGE = mixed(TEXT, photo())
GREETED = (("S", b"220 mx.example.org ESMTP\r\n"), ("C", b"EHLO pc.example.com\r\n"),
           ("S", b"250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 STARTTLS\r\n"))
ENVELOPE = b"MAIL FROM:<ann@example.com> BODY=8BITMIME\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<eve@example.org> NOTIFY=NEVER\r\n"


def smtp(run):
    with tap.case("SMTP: who, to whom, about what, as EVE writes it"):
        message = MESSAGE.replace(b"To: bob@example.org\r\n", b'To: "Doe, Bob" <bob@example.org>,\r\n =?utf-8?q?J=C3=BCrgen?= '
                                  b"<j@example.org>\r\nCc: c@example.org\r\n")
        row = run.talk(*GREETED, ("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                       ("C", stuffed(message) + b".\r\n"), ("S", b"250 queued\r\n")).has(PHOTO, name="p.jpg")
        tap.equal(row["app_proto"], "smtp", "app_proto")
        tap.equal(row["smtp"], {"helo": "pc.example.com", "mail_from": "<ann@example.com>",
                                "rcpt_to": ["<bob@example.org>", "<eve@example.org>"]}, "smtp")
        tap.equal(row["email"], {"from": "Ann <ann@example.com>", "to": ['"Doe, Bob" <bob@example.org>',
                                                                         "Jürgen <j@example.org>"],
                                 "cc": ["c@example.org"], "subject": "the photos", "message_id": "<1@example.com>",
                                 "attachment": ["p.jpg"]}, "email")
    with tap.case("SMTP: many recipients say that they are cut"):
        many = b"".join(b"RCPT TO:<%040d@example.org>\r\n" % i for i in range(60))
        row = run.talk(*GREETED, ("C", b"MAIL FROM:<a@b>\r\n" + many + b"DATA\r\n"), ("S", b"250 ok\r\n" * 61 + b"354 go\r\n"),
                       ("C", stuffed(MESSAGE) + b".\r\n")).has(PHOTO)
        tap.expect(row["smtp"]["rcpt_to_truncated"] is True and len(row["smtp"]["rcpt_to"]) > 15, row["smtp"])
    with tap.case("SMTP: three messages over one connection, each its own transaction"):
        out = run.smtp(MESSAGE, mixed(TEXT, photo(data=lines(SECOND))), mixed(TEXT, photo(data=lines(DOCUMENT))))
        tap.equal([out.one(data)["fileinfo"]["tx_id"] for data in (PHOTO, SECOND, DOCUMENT)], [0, 1, 2], "tx_id")
    with tap.case("SMTP: segments of every small size"):
        for size in (1, 2, 3, 61, 78, 79):
            run.smtp(MESSAGE.replace(lines(PHOTO), lines(PHOTO[:900])), size=size).has(PHOTO[:900], name="p.jpg")
    with tap.case("SMTP: the client alone, and commands, DATA and message in one go"):
        said = ENVELOPE + b"DATA\r\n" + stuffed(MESSAGE) + b".\r\n"
        run.talk(("C", b"EHLO pc\r\n" + said + said + b"QUIT\r\n"), sides="C").has(PHOTO, name="p.jpg")
        run.talk(*GREETED, ("C", said), ("S", b"250 ok\r\n" * 3 + b"354 go\r\n250 queued\r\n")).has(PHOTO)
    with tap.case("SMTP: a refused DATA, with and without the server in sight"):
        refused = (("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n550 no\r\n550 no\r\n554 no valid recipients\r\n"),
                   ("C", b"RSET\r\n"), ("S", b"250 ok\r\n"), ("C", ENVELOPE + b"DATA\r\n"),
                   ("S", b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"), ("C", stuffed(MESSAGE) + b".\r\n"))
        for sides in ("CS", "C"):
            out = run.talk(*GREETED, *refused, sides=sides)
            out.has(PHOTO, name="p.jpg")
            tap.expect(all(row["fileinfo"]["state"] == "CLOSED" for row in out.rows), out.show())
    with tap.case("SMTP: BDAT in chunks, the last one empty, binary"):
        message = mixed(TEXT, photo(encoding=b"binary", data=PHOTO))
        chunks = b"".join(b"BDAT %d\r\n" % len(message[at:at + 1000]) + message[at:at + 1000]
                          for at in range(0, len(message), 1000))
        out = run.talk(*GREETED, ("C", ENVELOPE + chunks + b"BDAT 0 LAST\r\n"), ("S", b"250 ok\r\n" * 12),
                       ("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"),
                       ("C", stuffed(mixed(TEXT, photo(data=lines(SECOND)))) + b".\r\n"))
        out.has(PHOTO, name="p.jpg")
        out.has(SECOND)
    with tap.case("SMTP: BDAT that is given up is not whole"):
        out = run.talk(*GREETED, ("C", ENVELOPE + b"BDAT %d\r\n" % len(MESSAGE) + MESSAGE + b"RSET\r\nQUIT\r\n"))
        tap.expect(out.rows, out.show())
    with tap.case("SMTP: AUTH LOGIN, whose answers look like commands or like nothing"):
        answers = [base64.b64encode(word) for word in (b"ann@example.com", b"secret")]
        said = [("C", b"AUTH LOGIN\r\n"), ("S", b"334 VXNlcm5hbWU6\r\n"), ("C", b"DATA\r\n"), ("S", b"334 UGFzc3dvcmQ6\r\n"),
                ("C", answers[1] + b"\r\n"), ("S", b"535 no\r\n")] * 20
        out = run.talk(*GREETED, *said, ("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"),
                       ("C", stuffed(MESSAGE) + b".\r\n"), ("S", b"250 queued\r\n"))
        out.has(PHOTO, name="p.jpg")
        said = [("C", b"AUTH LOGIN\r\n" + answers[0] + b"\r\n" + answers[1] + b"\r\n")] * 20
        run.talk(("C", b"EHLO pc\r\n"), *said, ("C", ENVELOPE + b"DATA\r\n" + stuffed(MESSAGE) + b".\r\n"),
                 sides="C").has(PHOTO, name="p.jpg")
    with tap.case("LMTP: one verdict for each recipient, and the next message"):
        said = (("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                ("C", stuffed(MESSAGE) + b".\r\n" + ENVELOPE + b"DATA\r\n"),
                ("S", b"250 delivered\r\n552 over quota\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
                ("C", stuffed(mixed(TEXT, photo(data=lines(SECOND)))) + b".\r\n"), ("S", b"250 ok\r\n552 full\r\n"))
        out = run.talk(("S", b"220 lmtp\r\n"), ("C", b"LHLO pc\r\n"), ("S", b"250 ok\r\n"), *said, port=24)
        out.has(PHOTO)
        out.has(SECOND)
    with tap.case("SMTP: STARTTLS, and the rest is opaque"):
        tls = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00" + b"\x17\x03\x03\x04\x00" + os.urandom(1024)
        for sides in ("CS", "C"):
            out = run.talk(*GREETED, ("C", b"STARTTLS\r\n"), ("S", b"220 go\r\n"), ("C", tls * 3), sides=sides)
            tap.equal(len(out.rows), 0, f"objects {out.show()}")
            tap.expect(run.result.stats["fate_bytes"]["opaque"] > 1500, run.result.stats["fate_bytes"])
    with tap.case("SMTP: STARTTLS refused, and the mail goes in the clear"):
        run.talk(*GREETED, ("C", b"STARTTLS\r\n"), ("S", b"454 not now\r\n"), ("C", ENVELOPE + b"DATA\r\n"),
                 ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"), ("C", stuffed(MESSAGE) + b".\r\n")).has(PHOTO, name="p.jpg")
    with tap.case("SMTP: bare line feeds do not end a message, nor do bare carriage returns"):
        tricky = mixed(TEXT, photo(), b"Content-Type: text/plain\r\n\r\na\n.\nb\r.\rc\n.\r\nd\r\n")
        run.talk(*GREETED, ("C", ENVELOPE + b"DATA\r\n"), ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"),
                 ("C", tricky + b"\r\n.\r\n"), ("S", b"250 ok\r\n")).has(PHOTO, name="p.jpg")
    with tap.case("SMTP: a client that ends its lines with line feeds"):
        run.talk(*GREETED, ("C", (ENVELOPE + b"DATA\r\n").replace(b"\r", b"")), ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"),
                 ("C", MESSAGE.replace(b"\r\n", b"\n") + b".\nQUIT\n"), ("S", b"250 ok\r\n")).has(PHOTO, name="p.jpg")
    with tap.case("SMTP: behind a PROXY header, version 1 and 2"):
        for header in (b"PROXY TCP4 203.0.113.1 203.0.113.9 4000 25\r\n",
                       b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)):
            said = ENVELOPE + b"DATA\r\n" + stuffed(MESSAGE) + b".\r\n"
            row = run.talk(("C", header), ("S", b"220 mx ESMTP\r\n"), ("C", b"EHLO pc\r\n"), ("S", b"250 mx\r\n"),
                           ("C", said)).has(PHOTO, name="p.jpg")
            tap.equal(row["app_proto"], "smtp", "app_proto")
    with tap.case("SMTP: a command missed, the message is seen all the same"):
        said = (*GREETED, ("C", ENVELOPE), ("S", b"250 ok\r\n" * 3), ("C", b"DATA\r\n"), ("S", b"354 go\r\n"),
                ("C", stuffed(MESSAGE) + b".\r\n"), ("S", b"250 ok\r\n"), ("C", ENVELOPE + b"DATA\r\n"),
                ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"), ("C", stuffed(mixed(TEXT, photo(data=lines(SECOND)))) + b".\r\n"))
        at = len(GREETED[1][1] + ENVELOPE)
        out = run.talk(*said, lost=[(at, at + 6)])
        out.has(SECOND)
        tap.expect(any(row["dlp"]["object_type"] == "jpeg" for row in out.rows), out.show())
    with tap.case("SMTP: taken up in the middle of a message"):
        out = run.talk(("C", stuffed(MESSAGE)[300:] + b".\r\n"), ("S", b"250 ok\r\n"), ("C", ENVELOPE + b"DATA\r\n"),
                       ("S", b"250 ok\r\n" * 3 + b"354 go\r\n"),
                       ("C", stuffed(mixed(TEXT, photo(data=lines(SECOND)))) + b".\r\n"), handshake=False)
        out.has(SECOND)
    with tap.case("SMTP: a gap inside an attachment leaves the next one whole"):
        message = mixed(TEXT, photo(), photo(b'Content-Type: image/jpeg; name="q.jpg"\r\n', data=lines(SECOND)))
        out = run.smtp(message, lost=[(2900, 3000)])
        out.has(SECOND, name="q.jpg")
        tap.expect(any(row["fileinfo"]["gaps"] and row["fileinfo"].get("filename") == "p.jpg" for row in out.rows), out.show())


def imap_talk(*rest):
    return (("S", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"), ("C", b"a1 LOGIN ann secret\r\n"), ("S", b"a1 OK in\r\n"), *rest)


STRUCTURE = (b'* 3 FETCH (UID 9 BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 15 1 NIL NIL NIL)'
             b'("IMAGE" "JPEG" ("NAME" "p.jpg") NIL NIL "BASE64" 8190 NIL ("ATTACHMENT" ("FILENAME" "p.jpg")) NIL)'
             b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 999 ("Mon" "subject (" NIL NIL NIL NIL NIL NIL NIL NIL) '
             b'(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)("APPLICATION" "ZIP" ("NAME" {8}\r\n"a\xc3\xbc.zip) NIL NIL "BASE64" 99) '
             b'"MIXED") 5) "MIXED" ("BOUNDARY" "b1")))\r\na3 OK\r\n')


def imap(run):
    part = lines(PHOTO)
    for what, command, tail in (("a literal that waits", b"a2 APPEND Drafts (\\Draft) \"01-Jan-2026 10:00:00 +0000\" {%d}\r\n", b"\r\n"),
                                ("LITERAL+", b"a2 APPEND Drafts {%d+}\r\n", b"\r\n"),
                                ("LITERAL-", b"a2 APPEND Drafts {%d-}\r\n", b"\r\n"),
                                ("literal8", b"a2 APPEND Drafts (\\Seen) UTF8 (~{%d}\r\n", b")\r\n"),
                                ("REPLACE", b"a2 UID REPLACE 4 Drafts {%d+}\r\n", b"\r\n")):
        with tap.case(f"IMAP: APPEND, {what}"):
            said = imap_talk(("C", command % len(MESSAGE)), ("S", b"+ go\r\n"), ("C", MESSAGE + tail), ("S", b"a2 OK\r\n"))
            for sides in ("CS", "C"):
                row = run.talk(*said, port=143, sides=sides).has(PHOTO, name="p.jpg", declared="image/jpeg")
            tap.equal(row["app_proto"], "imap", "app_proto")
            tap.equal(row["email"]["to"], ["bob@example.org"], "to")
    with tap.case("IMAP: several messages in one APPEND"):
        other = mixed(TEXT, photo(data=lines(SECOND)))
        out = run.talk(*imap_talk(("C", b"a2 APPEND Sent {%d+}\r\n" % len(MESSAGE) + MESSAGE + b" (\\Seen) {%d+}\r\n" % len(other) +
                                   other + b"\r\na3 NOOP\r\n"), ("S", b"a2 OK\r\na3 OK\r\n")), port=143)
        out.has(PHOTO)
        tap.equal(out.has(SECOND)["fileinfo"]["tx_id"], 1, "tx_id")
    with tap.case("IMAP: CATENATE puts one message together"):
        half = len(MESSAGE) // 2
        out = run.talk(*imap_talk(("C", b"a2 APPEND Drafts CATENATE (TEXT {%d+}\r\n" % half + MESSAGE[:half] +
                                   b" TEXT {%d+}\r\n" % (len(MESSAGE) - half) + MESSAGE[half:] + b")\r\n"),
                                  ("S", b"a2 OK\r\n")), port=143)
        out.has(PHOTO, name="p.jpg")
    fetch = dict(port=143, outside_client=True)
    for what, item in (("BODY[]", b"BODY[]"), ("RFC822", b"RFC822"), ("BINARY[]", b"BINARY[]")):
        with tap.case(f"IMAP: FETCH {what} from an inside server, chatter around it"):
            out = run.talk(*imap_talk(("C", b"a2 UID FETCH 9 (FLAGS BODY.PEEK[])\r\n"), ("S", b"* 5 EXISTS\r\n* 3 FETCH (UID 9 FLAGS () " +
                                      item + b" {%d}\r\n" % len(MESSAGE) + MESSAGE + b")\r\n* 1 EXPUNGE\r\na2 OK\r\n")), **fetch)
            row = out.has(PHOTO, name="p.jpg")
            tap.equal((row["dlp"]["sender"], row["email"]["subject"]), ("server", "the photos"), "sender, subject")
    for step, chunk in (("odd", 1000), ("so that the last is empty", len(MESSAGE) // 4)):
        with tap.case(f"IMAP: FETCH in pieces, {step}"):
            message = MESSAGE + b" " * (-len(MESSAGE) % 4 if step != "odd" else 0)
            if step != "odd":
                chunk = len(message) // 4
            said = []
            for at in range(0, len(message) + 1, chunk):
                piece = message[at:at + chunk]
                said += [("C", b"a2 UID FETCH 9 (BODY.PEEK[]<%d.%d>)\r\n" % (at, chunk)),
                         ("S", b"* 3 FETCH (UID 9 BODY[]<%d> {%d}\r\n" % (at, len(piece)) + piece + b")\r\na2 OK\r\n")]
            run.talk(*imap_talk(*said), **fetch).has(PHOTO, name="p.jpg")
    with tap.case("IMAP: one part alone, its structure was told"):
        out = run.talk(*imap_talk(("C", b"a3 FETCH 3 (UID BODYSTRUCTURE)\r\n"), ("S", STRUCTURE), ("C", b"a4 FETCH 3 BODY[2]\r\n"),
                                  ("S", b"* 3 FETCH (BODY[2] {%d}\r\n" % len(part) + part + b")\r\na4 OK\r\n")), **fetch)
        out.has(PHOTO, name="p.jpg", declared="image/jpeg")
    with tap.case("IMAP: a part of a message inside a message, its name a literal"):
        text = lines(DOCUMENT)
        out = run.talk(*imap_talk(("C", b"a3 FETCH 3 (UID BODYSTRUCTURE)\r\n"), ("S", STRUCTURE), ("C", b"a4 FETCH 3 BODY[3.2]\r\n"),
                                  ("S", b"* 3 FETCH (BODY[3.2] {%d}\r\n" % len(text) + text + b")\r\na4 OK\r\n")), **fetch)
        out.has(DOCUMENT, name='"aü.zip', declared="application/zip")
        out.has(PHOTO, name="word/media/image1.jpeg")
    with tap.case("IMAP: one part alone, nothing is known of it"):
        out = run.talk(*imap_talk(("C", b"a4 FETCH 3 BODY[2]\r\n"), ("S", b"* 3 FETCH (BODY[2] {%d}\r\n" % len(part) + part +
                                  b")\r\na4 OK\r\n")), **fetch)
        out.has(PHOTO)
        out = run.talk(*imap_talk(("C", b"a4 FETCH 3 BODY[1]\r\n"), ("S", b"* 3 FETCH (BODY[1] {24}\r\nAnn's passport is here\r\n)\r\n")),
                       **fetch)
        out.has(b"Ann's passport is here\r\n")
    with tap.case("IMAP: one part in pieces, and one decoded by the server"):
        said = []
        for at in range(0, len(part), 3000):
            piece = part[at:at + 3000]
            said += [("C", b"a2 FETCH 3 (BODY.PEEK[2]<%d.3000>)\r\n" % at),
                     ("S", b"* 3 FETCH (BODY[2]<%d> {%d}\r\n" % (at, len(piece)) + piece + b")\r\na2 OK\r\n")]
        run.talk(*imap_talk(*said), **fetch).has(PHOTO)
        out = run.talk(*imap_talk(("S", STRUCTURE), ("C", b"a4 FETCH 3 BINARY[2]\r\n"), ("S", b"* 3 FETCH (BINARY[2] ~{%d}\r\n" %
                                  len(PHOTO) + PHOTO + b")\r\na4 OK\r\n")), **fetch)
        out.has(PHOTO, name="p.jpg")
    with tap.case("IMAP: the text without its header"):
        text = MESSAGE[MESSAGE.index(b"\r\n\r\n") + 4:]
        run.talk(*imap_talk(("C", b"a4 FETCH 3 BODY[TEXT]\r\n"), ("S", b"* 3 FETCH (BODY[TEXT] {%d}\r\n" % len(text) + text +
                            b")\r\na4 OK\r\n")), **fetch).has(PHOTO, name="p.jpg")
    with tap.case("IMAP: COMPRESS, both ways"):
        def deflated(*pieces):
            engine = zlib.compressobj(6, zlib.DEFLATED, -15)
            return b"".join(engine.compress(piece) + engine.flush(zlib.Z_SYNC_FLUSH) for piece in pieces)
        words = b"a3 APPEND Drafts {%d+}\r\n" % len(MESSAGE)
        ask = (("C", b"a2 COMPRESS DEFLATE\r\n"), ("S", b"a2 OK on\r\n"))
        for sides in ("CS", "C"):
            row = run.talk(*imap_talk(*ask, ("C", deflated(words, MESSAGE, b"\r\na4 NOOP\r\n"))), port=143, sides=sides).has(PHOTO)
            tap.equal(row["fileinfo"]["filename"], "p.jpg", "file name")
        said = deflated(b"* 3 FETCH (BODY[] {%d}\r\n" % len(MESSAGE), MESSAGE, b")\r\na3 OK\r\n")
        run.talk(*imap_talk(*ask, ("C", deflated(b"a3 FETCH 3 BODY[]\r\n")), ("S", said)), **fetch).has(PHOTO, name="p.jpg")
    with tap.case("IMAP: an inside server's side alone"):
        run.talk(*imap_talk(("S", b"* 3 FETCH (BODY[] {%d}\r\n" % len(MESSAGE) + MESSAGE + b")\r\na2 OK\r\n")), sides="S",
                 **fetch).has(PHOTO)


def pop3(run):
    said = lambda *rest: (("S", b"+OK ready <1.2@mx>\r\n"), ("C", b"APOP ann 0123\r\n"), ("S", b"+OK in\r\n"), *rest)  # noqa: E731
    out = dict(port=110, outside_client=True)
    text = stuffed(MESSAGE) + b".\r\n"
    with tap.case("POP3: RETR, dots, pipelined, TOP before it"):
        found = run.talk(*said(("C", b"CAPA\r\nLIST\r\nTOP 1 0\r\nRETR 1\r\nRETR 2\r\nQUIT\r\n"),
                               ("S", b"+OK\r\nTOP\r\n.\r\n+OK\r\n1 99\r\n2 88\r\n.\r\n+OK\r\n" + HEAD + b"\r\n.\r\n+OK 99 octets\r\n" +
                                text + b"-ERR no such message\r\n+OK bye\r\n")), **out)
        row = found.has(PHOTO, name="p.jpg")
        tap.equal((row["app_proto"], row["email"]["from"], row["dlp"]["sender"]), ("pop3", "Ann <ann@example.com>", "server"), "words")
    with tap.case("POP3: dots at every segment's edge"):
        dots = mixed(b"Content-Type: text/plain\r\n\r\n" + b".\r\n..\r\n...x\r\n" * 40, photo())
        for size in (1, 2, 3, 5, 1399):
            run.talk(*said(("C", b"RETR 1\r\n"), ("S", b"+OK\r\n" + stuffed(dots) + b".\r\n")), size=size, **out).has(PHOTO)
    with tap.case("POP3: STLS, and the rest is opaque"):
        found = run.talk(*said(("C", b"STLS\r\n"), ("S", b"+OK go\r\n"), ("C", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
                               ("S", b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00\x17\x03\x03\x04\x00" + os.urandom(1024))), **out)
        tap.equal(len(found.rows), 0, f"objects {found.show()}")


def nntp(run):
    body = yencoded(PHOTO, "p.jpg")
    article = b"From: Ann <ann@example.com>\r\nNewsgroups: alt.test\r\nSubject: the photos\r\nMessage-ID: <1@a>\r\n\r\n" + body
    with tap.case("NNTP: POST and IHAVE"):
        for ask, go in ((b"POST\r\n", b"340 go\r\n"), (b"IHAVE <1@a>\r\n", b"335 go\r\n")):
            row = run.talk(("S", b"200 news ready\r\n"), ("C", b"MODE READER\r\n"), ("S", b"200 ok\r\n"), ("C", ask), ("S", go),
                           ("C", stuffed(article) + b".\r\n"), ("S", b"240 posted\r\n"), ("C", b"QUIT\r\n"), ("S", b"205 bye\r\n"),
                           port=119).has(PHOTO, name="p.jpg")
            tap.equal((row["app_proto"], row["email"]["subject"]), ("nntp", "the photos"), "words")
    with tap.case("NNTP: ARTICLE and BODY from an inside server"):
        for ask, reply in ((b"ARTICLE 1\r\n", b"220 1 <1@a>\r\n" + stuffed(article)), (b"BODY 1\r\n", b"222 1 <1@a>\r\n" + stuffed(body))):
            run.talk(("S", b"200 news ready\r\n"), ("C", b"GROUP alt.test\r\n"), ("S", b"211 1 1 1 alt.test\r\n"), ("C", ask),
                     ("S", reply + b".\r\n"), ("C", b"QUIT\r\n"), port=119, outside_client=True).has(PHOTO, name="p.jpg")
    with tap.case("NNTP: a refused POST is followed by commands"):
        out = run.talk(("S", b"200 news ready\r\n"), ("C", b"POST\r\n"), ("S", b"440 not allowed\r\n"), ("C", b"GROUP alt.test\r\n"),
                       ("S", b"211 1 1 1 alt.test\r\n"), ("C", b"POST\r\n"), ("S", b"340 go\r\n"), ("C", stuffed(article) + b".\r\n"),
                       port=119)
        out.has(PHOTO, name="p.jpg")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(sensor, folder)
        for group in (names, encodings, structure, texts, envelopes, smtp, imap, pop3, nntp):
            group(run)
    tap.finish()


if __name__ == "__main__":
    main()
