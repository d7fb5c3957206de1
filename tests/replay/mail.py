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
            text = b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + lines(os.urandom(300), 64) + b"=AbCd\r\n-----END PGP MESSAGE-----"
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(sensor, folder)
        for group in (names, encodings, structure, texts, envelopes):
            group(run)
    tap.finish()


if __name__ == "__main__":
    main()
