"""Cases of the board in which copies of the same bytes differ, all over an upload: whichever copy the receiver keeps,
first or last, the upload comes out whole. Played with bodies of every framing, because a reading of the stream that
nobody decodes shows nothing of a chunked, encoded or compressed one."""

import base64
import gzip
import io
import random
import zipfile

from script import JUNK, PICTURE, begin, case, finish

BOUNDARY = b"----frontier"
NOISE = random.Random(7).randbytes(1 << 21)


def request(fields, body):
    return b"POST /in HTTP/1.1\r\nHost: drop.example\r\n" + fields + b"\r\n" + body


def chunked(data, size=1000):
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + size]), data[at:at + size])
                    for at in range(0, len(data), size)) + b"0\r\n\r\n"


def multipart(data):
    return (b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n'
            b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--" + BOUNDARY + b"--\r\n")


FORM = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
FORMED = multipart(PICTURE)
PACKED = gzip.compress(PICTURE, mtime=0)
MAIL = (b"EHLO a.example\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\nSubject: x\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
        base64.encodebytes(PICTURE).replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")

MESSAGES = {
    "Content-Length": request(b"Content-Length: %d\r\n" % len(PICTURE), PICTURE),
    "chunks": request(b"Transfer-Encoding: chunked\r\n", chunked(PICTURE)),
    "a form": request(FORM + b"Content-Length: %d\r\n" % len(FORMED), FORMED),
    "a form in chunks": request(FORM + b"Transfer-Encoding: chunked\r\n", chunked(FORMED)),
    "gzip": request(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(PACKED), PACKED),
    "gzip in chunks": request(b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", chunked(PACKED)),
    "mail": MAIL,
    "no protocol at all": PICTURE,
}


def parts(message, size=1400):
    return [(at, message[at:at + size]) for at in range(0, len(message), size)]


def noise(at, length):
    return NOISE[at:at + length]


def middle_of_each(message, at, part):
    """A decoy over the middle third of the segment, true bytes around it."""
    third = len(part) // 3
    return at, part[:third] + noise(at, third) + part[2 * third:]


def whole(message, at, part):
    return at, noise(at, len(part))


def backward(message, at, part):
    """Begins in the segment before."""
    low = max(0, at - 300)
    return low, noise(low, at + len(part) // 2 - low)


def forward(message, at, part):
    """Reaches into the segment behind."""
    low = at + len(part) // 2
    return low, noise(low, min(len(message), at + len(part) + 300) - low)


DECOYS = {"over the middle of each segment": middle_of_each, "over each segment": whole,
          "that overlap backwards": backward, "that overlap forwards": forward}


def play(c, message, decoy, order, ack=3):
    """Segments in groups of `ack`, each group with its decoys before or behind, then acknowledged."""
    base, todo = c.seq, parts(message)
    for n in range(0, len(todo), ack):
        group = todo[n:n + ack]
        true = [(base + at, part) for at, part in group]
        end = group[-1][0] + len(group[-1][1])  # no decoy reaches past it: it would be the first copy there
        false = [(base + at, data[:end - at]) for at, data in (decoy(message, at, part) for at, part in group)]
        for seq, data in {"before": false + true, "behind": true + false,
                          "out of order before": false[::-1] + true[::-1],
                          "out of order behind": true[::-1] + false[::-1]}[order]:
            c.segment(data, seq=seq)
        c.seq = base + end
        c.reply()


def bare(name):
    return name in ("mail", "no protocol at all")


for kind, message in MESSAGES.items():
    for words, decoy in DECOYS.items():
        for order in ("before", "behind", "out of order before", "out of order behind"):
            @case(f"{kind}: decoys {words}, {order}", whole=True, port=25 if kind == "mail" else 80)
            def _(c, message=message, decoy=decoy, order=order, kind=kind):
                begin(c)
                play(c, message, decoy, order)
                c.close() if bare(kind) else finish(c)


@case("the second of two uploads of a connection, behind five megabytes: one decoy late in it", whole=True)
def _(c):
    begin(c)
    c.send(request(b"Content-Length: 5000000\r\n", (NOISE * 3)[:5000000]), size=40000)
    c.answer()
    message = MESSAGES["Content-Length"]
    c.send(message[:9000])
    c.segment(b"X" * 1400)
    c.send(message[9000:])
    finish(c)


@case("the last of three mails of a connection: decoys in it", whole=True, port=25)
def _(c):
    begin(c)
    at = MAIL.index(b"MAIL FROM")
    letter = MAIL[at:MAIL.index(b"QUIT")]
    text = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n\r\n" + b"words\r\n" * 1000 + b".\r\n"
    for part in (MAIL[:at], text, text):
        c.send(part)
    play(c, letter, middle_of_each, "before")
    c.send(b"QUIT\r\n")
    c.close()


@case("a decoy three megabytes into an archive", whole=True)
def _(c):
    begin(c)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (("a", NOISE[:1500000]), ("b", NOISE[1:1500000]), ("photo.jpg", PICTURE)):
            archive.writestr(zipfile.ZipInfo(name), data)
    body = file.getvalue()
    message = request(b"Content-Length: %d\r\n" % len(body), body)
    at = message.index(PICTURE[:100]) + 2000
    c.send(message[:at], size=1460 * 20)
    c.segment(b"X" * 1400)
    c.send(message[at:])
    finish(c)


@case("one decoy over the last segment, behind it, then another request", whole=True)
def _(c):
    begin(c)
    message = MESSAGES["chunks"]
    c.send(message[:-700])
    base = c.seq
    c.segment(b"X" * 700)
    c.segment(message[-700:])
    c.segment(b"X" * 700)
    c.seq = base + 700
    c.reply()
    c.answer()
    c.send(JUNK[:44])
    finish(c)


@case("the whole upload once false, once true, nothing acknowledged between", whole=True)
def _(c):
    begin(c)
    message = MESSAGES["a form in chunks"]
    for data in (NOISE, message):
        for at, part in parts(message):
            c.segment(data[at:at + len(part)], seq=c.seq + at)
    c.seq += len(message)
    c.reply()
    finish(c)


@case("the client's side alone, decoys before each segment", whole=True)
def _(c):
    begin(c)
    play(c, MESSAGES["chunks"], middle_of_each, "before")
    finish(c)
    c.frames = [f for f in c.frames if f[26:30] == bytes([10, 1, 2, 3])]


@case("headers in a segment of their own, decoys over the body", whole=True)
def _(c):
    begin(c)
    message = MESSAGES["Content-Length"]
    at = message.index(b"\r\n\r\n") + 4
    c.send(message[:at])
    c.reply(b"HTTP/1.1 100 Continue\r\n\r\n", flags=0x18)
    c.ack += 25
    c.segment(flags=0x10)
    play(c, message[at:], middle_of_each, "before")
    finish(c)
