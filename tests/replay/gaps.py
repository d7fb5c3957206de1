#!/usr/bin/python3
"""Captures that missed something. Each case is a conversation from which segments are left out although the receiver
acknowledged them, as taps lose them: what continues keeps its offsets, what comes later is found again, and the loss is
counted to the byte.

usage: gaps.py [--sensor PATH]"""

import argparse
import base64
import gzip
import hashlib
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("tools", "evasion"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import tap  # noqa: E402
from sensor import ROOT, Sensor, ledger_error  # noqa: E402
from wire import Conversation, jpeg, write_pcap  # noqa: E402

FIRST, SECOND, THIRD = (jpeg(1280, 960, seed) for seed in (1, 2, 3))
SIZE = 1000


def digest(data):
    return hashlib.sha256(data).hexdigest()


def post(body, name="first.jpg", words=b"Content-Type: image/jpeg\r\n", length=True):
    head = b"POST /" + name.encode() + b" HTTP/1.1\r\nHost: drop.example\r\n" + words
    return head + (b"Content-Length: %d\r\n" % len(body) if length else b"") + b"\r\n" + body


def aligned(message):
    """With a header that makes the message end where a segment does."""
    pad = -(len(message) + len(b"X-Pad: \r\n")) % SIZE
    return message.replace(b"Host:", b"X-Pad: " + b"p" * pad + b"\r\nHost:", 1)


def chunked(body, size=3000):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def multipart(*files):
    body = b"".join(b'--bound\r\nContent-Disposition: form-data; name="f"; filename="' + name.encode() +
                    b'"\r\nContent-Type: image/jpeg\r\n\r\n' + data + b"\r\n" for name, data in files)
    body += b"--bound--\r\n"
    return post(body, "form", b"Content-Type: multipart/form-data; boundary=bound\r\n")


def capture(path, message, lost, port=80, before=(), handshake=True):
    """The client's words in segments, all acknowledged; those that touch a range of `lost` were not captured. Returns
    how many bytes that left out."""
    talk = Conversation()
    talk.sport = port
    if handshake:
        talk.handshake()
    else:
        talk.seq += 1
        talk.ack += 1
    for words in before:
        talk.reply(words)
        talk.ack += len(words)
    missing = 0
    for at in range(0, len(message), SIZE):
        part = message[at:at + SIZE]
        if any(low < at + len(part) and at < high for low, high in lost):
            missing += len(part)
        else:
            talk.segment(part)
        talk.seq += len(part)
        talk.reply()
    talk.answer()
    talk.close()
    write_pcap(path, talk.frames)
    return missing


def objects(result):
    """[(file name, size, state, gaps, sha256, type)]"""
    rows = []
    for event in result.events("object"):
        info = event["fileinfo"]
        rows.append((info.get("filename"), info["size"], info["state"], info["gaps"], info.get("sha256"),
                     event["dlp"]["object_type"]))
    return rows


def whole(rows, picture, what):
    tap.expect(any(row[2] == "CLOSED" and row[4] == digest(picture) for row in rows), f"{what} is not whole: {rows}")


def torn(rows, picture, name, what):
    """There in its full size, known as a picture, and said to have gaps."""
    found = [row for row in rows if row[0] == name]
    tap.expect(found == [(name, len(picture), "TRUNCATED", True, None, "jpeg")], f"{what}: {rows}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "gap.pcap")

        def replay(message, *lost, **how):
            missing = capture(path, message, lost, **how)
            result = sensor.replay("--events", "alert,object", path)
            tap.equal(result.code, 0, result.failed())
            tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
            tap.equal(result.stats["stream"]["gap_bytes"], missing, "bytes of gaps")
            tap.equal(result.stats["stream"]["upstream_lost_bytes"], missing, "bytes acknowledged and never seen")
            return objects(result)

        first, second, third = post(FIRST), post(SECOND, "second.jpg"), post(THIRD, "third.jpg")
        with tap.case("Content-Length: the object keeps its offsets, and the next request is found"):
            rows = replay(first + second, (3000, 4000))
            torn(rows, FIRST, "first.jpg", "the first")
            whole(rows, SECOND, "the second")
        with tap.case("several gaps in one object"):
            rows = replay(first + second, (2000, 3000), (5000, 7000), (8500, 8600))
            torn(rows, FIRST, "first.jpg", "the first")
            whole(rows, SECOND, "the second")
        with tap.case("a gap from one body over the next request's head into its body"):
            at = len(first)
            rows = replay(first + second + third, (at - 1500, at + 1500))
            whole(rows, THIRD, "the third")
            tap.expect(any(row[5] == "jpeg" and row[0] == "first.jpg" and row[3] for row in rows), f"the first: {rows}")
        with tap.case("a gap that is exactly a whole request"):
            lead, middle = aligned(post(FIRST)), aligned(second)
            rows = replay(lead + middle + third, (len(lead), len(lead) + len(middle)))
            whole(rows, FIRST, "the first")
            whole(rows, THIRD, "the third")
        with tap.case("multipart: a gap in the first part leaves the second whole"):
            rows = replay(multipart(("a.jpg", FIRST), ("b.jpg", SECOND)), (3000, 4000))
            torn(rows, FIRST, "a.jpg", "the first part")
            whole(rows, SECOND, "the second part")
        with tap.case("multipart: a gap over a boundary leaves the third part whole, and the next request"):
            message = multipart(("a.jpg", FIRST), ("b.jpg", SECOND), ("c.jpg", THIRD))
            at = message.index(b"b.jpg")
            rows = replay(message + second, (at - 200, at + 200))
            whole(rows, THIRD, "the third part")
            whole(rows, SECOND, "the next request")
        with tap.case("chunked: a gap inside a chunk keeps the offsets, and the next request is found"):
            message = post(chunked(FIRST), words=b"Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n",
                           length=False)
            rows = replay(message + second, (1000, 2000))
            torn(rows, FIRST, "first.jpg", "the first")
            whole(rows, SECOND, "the second")
        with tap.case("chunked: a gap over chunk heads, and the next request is found"):
            message = post(chunked(FIRST, 700), words=b"Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n",
                           length=False)
            rows = replay(message + second, (3000, 5000))
            whole(rows, SECOND, "the second")
        with tap.case("gzip: a body that cannot be undone past its gap, and the next request is found"):
            body = gzip.compress(FIRST + os.urandom(9000))
            rows = replay(post(body, words=b"Content-Encoding: gzip\r\n") + second, (4000, 5000))
            whole(rows, SECOND, "the second")
            tap.expect(any(row[0] == "first.jpg" and row[2] == "TRUNCATED" for row in rows), f"the first: {rows}")
        with tap.case("base64 in mail: the attachment goes on, and the next one is whole"):
            def attachment(name, data):
                return (b"--m\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n"
                        b'Content-Disposition: attachment; filename="' + name + b'"\r\n\r\n' + base64.encodebytes(data)
                        .replace(b"\n", b"\r\n"))
            mail = (b"EHLO a\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
                    b"Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n" + attachment(b"a.jpg", FIRST) +
                    attachment(b"b.jpg", SECOND) + b"--m--\r\n.\r\nQUIT\r\n")
            rows = replay(mail, (4000, 5000), port=25, before=(b"220 a ESMTP\r\n",))
            whole(rows, SECOND, "the second attachment")
            tap.expect(any(row[0] == "a.jpg" and row[3] and row[5] == "jpeg" for row in rows), f"the first: {rows}")
        with tap.case("the last segments of an upload are lost"):
            rows = replay(first, (len(first) - 1200, len(first)))
            torn(rows, FIRST, "first.jpg", "the upload")
        with tap.case("the beginning of the connection is lost: the request after the one under way is found"):
            rows = replay(first[5000:] + second, handshake=False)
            whole(rows, SECOND, "the second")
        with tap.case("the head of a request is lost: its picture is still one, and the next request is found"):
            rows = replay(first + second, (0, 900))
            whole(rows, SECOND, "the second")
        with tap.case("a snap length that cuts every full segment: offsets stay true"):
            capture(path, first + second, ())
            with open(path, "rb") as file:
                data = file.read()
            out, at, cut = [data[:24]], 24, 0
            while at < len(data):
                seconds, micros, length, wire = struct.unpack_from("<IIII", data, at)
                keep = min(length, 854)
                cut += length - keep
                out.append(struct.pack("<IIII", seconds, micros, keep, wire) + data[at + 16:at + 16 + keep])
                at += 16 + length
            with open(path, "wb") as file:
                file.write(b"".join(out))
            result = sensor.replay("--events", "object", path)
            tap.equal((result.code, ledger_error(result.stats)), (0, None), result.failed())
            tap.equal(result.stats["capture"]["cut_bytes"], cut, "bytes the snap length left out")
            tap.equal(result.stats["stream"]["upstream_lost_bytes"], 0, "what was cut was not lost on the way")
            torn(objects(result), FIRST, "first.jpg", "the first")
            torn(objects(result), SECOND, "second.jpg", "the second")
    tap.finish()


if __name__ == "__main__":
    main()
