#!/usr/bin/python3
"""The evasion board: one scripted conversation for each technique of Ptacek and Newsham (1998) and for the TCP
tricks that Geneva and zapret publish. Each carries the same JPEG upload in a way meant to blind a sensor. A case
holds when the upload's own bytes come out (an alert whose object has the picture's SHA-256), or an alert names
the trick (category "evasion"). Cases of readings.py hold only by the upload itself, those of networks.py
only if besides nothing is called a trick.

usage: board.py SENSOR RULES    prints a line a case and `n of n`
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import networks  # noqa: E402,F401  (its cases)
import published  # noqa: E402,F401
import readings  # noqa: E402,F401
from script import CASES, DIGEST, JUNK, MESSAGE, begin, case, finish, middle  # noqa: E402
from wire import ACK, FIN, MD5_OPTION, PSH, RST, SYN, URG, Conversation, timestamps, write_pcap  # noqa: E402

# --- IP fragments -------------------------------------------------------------------------------------------

def each_segment_fragmented(c, pieces):
    begin(c)
    for at in range(0, len(MESSAGE), 1400):
        part = MESSAGE[at:at + 1400]
        c.fragments(part, pieces)
        c.seq += len(part)
        c.reply()
    finish(c)


def cut(raw, size):
    return [(o, None, size, o + size < len(raw)) for o in range(0, len(raw), size)]


@case("ordered 8-byte fragments")
def _(c):
    each_segment_fragmented(c, lambda raw: cut(raw, 8))


@case("ordered 24-byte fragments")
def _(c):
    each_segment_fragmented(c, lambda raw: cut(raw, 24))


@case("fragments in reverse order")
def _(c):
    each_segment_fragmented(c, lambda raw: cut(raw, 64)[::-1])


@case("one fragment out of order")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        if len(p) > 3:
            p[1], p[3] = p[3], p[1]
        return p
    each_segment_fragmented(c, pieces)


@case("a fragment sent twice")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        return p[:1] + p
    each_segment_fragmented(c, pieces)


@case("last fragment first")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        return p[-1:] + p[:-1]
    each_segment_fragmented(c, pieces)


@case("overlapping fragments, the first copy true")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        return p[:2] + [(256, b"X" * 256, 256, True)] + p[2:] if len(p) > 3 else p
    each_segment_fragmented(c, pieces)


@case("overlapping fragments, the second copy true")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        return p[:1] + [(256, b"X" * 256, 256, True)] + p[1:] if len(p) > 3 else p
    each_segment_fragmented(c, pieces)


@case("a fragment that reaches into its neighbour")
def _(c):
    def pieces(raw):
        p = cut(raw, 256)
        return p[:1] + [(248, raw[248:256] + b"Y" * 248, 256, True)] + p[1:] if len(p) > 3 else p
    each_segment_fragmented(c, pieces)


@case("a fragment past 65,535 bytes")
def _(c):
    def pieces(raw):
        return cut(raw, 256)[:-1] + [(65528, b"Z" * 64, 64, False)] + cut(raw, 256)[-1:]
    each_segment_fragmented(c, pieces)


# --- segmentation -------------------------------------------------------------------------------------------

@case("one-byte segments")
def _(c):
    begin(c)
    c.send(MESSAGE[:3000], size=1)
    c.send(MESSAGE[3000:])
    finish(c)


@case("segments in reverse order")
def _(c):
    begin(c)
    base = c.seq
    parts = [(base + at, MESSAGE[at:at + 1000]) for at in range(0, len(MESSAGE), 1000)]
    for seq, part in parts[::-1]:
        c.segment(part, seq=seq)
    c.seq = base + len(MESSAGE)
    c.reply()
    finish(c)


@case("neighbours swapped (disorder)")
def _(c):
    begin(c)
    base = c.seq
    parts = [(base + at, MESSAGE[at:at + 700]) for at in range(0, len(MESSAGE), 700)]
    for i in range(0, len(parts) - 1, 2):
        parts[i], parts[i + 1] = parts[i + 1], parts[i]
    for seq, part in parts:
        c.segment(part, seq=seq)
    c.seq = base + len(MESSAGE)
    c.reply()
    finish(c)


@case("every segment twice")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1200):
        part = MESSAGE[at:at + 1200]
        c.segment(part)
        c.segment(part)
        c.seq += len(part)
        c.reply()
    finish(c)


@case("resent with other boundaries")
def _(c):
    begin(c)
    base = c.seq
    for at in range(0, len(MESSAGE), 900):
        low = max(0, at - 333)
        c.segment(MESSAGE[low:at + 900], seq=base + low)
        c.seq = base + min(len(MESSAGE), at + 900)
        c.reply()
    finish(c)


@case("split inside the request line")
def _(c):
    begin(c)
    c.send(MESSAGE[:2], size=2)
    c.send(MESSAGE[2:])
    finish(c)


@case("sequence numbers wrap", isn=0xFFFFFFFF - 5000)
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)


# --- overlaps that differ -----------------------------------------------------------------------------------

@case("overlap before acknowledgement, the first copy true")
def _(c):
    middle(c, lambda c: (c.segment(MESSAGE[2800:4200]), c.segment(b"X" * 1400)))


@case("overlap before acknowledgement, the second copy true")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400))


@case("overlap of an early segment, the first copy true")
def _(c):
    def trick(c):
        c.segment(MESSAGE[4200:5600], seq=c.seq + 1400)
        c.segment(b"X" * 1400, seq=c.seq + 1400)
    middle(c, trick)


@case("overlap of an early segment, the second copy true")
def _(c):
    def trick(c):
        c.segment(b"X" * 1400, seq=c.seq + 1400)
        c.segment(MESSAGE[4200:5600], seq=c.seq + 1400)
    middle(c, trick)


@case("a junk copy of the request line first (fake)")
def _(c):
    begin(c)
    c.segment(JUNK[:1400])
    c.send(MESSAGE)
    finish(c)


@case("fakes around a true split (fakedsplit)")
def _(c):
    begin(c)
    fake, base = b"A" * 700, c.seq
    c.segment(fake)
    c.segment(MESSAGE[:700])
    c.segment(fake)
    c.segment(fake, seq=base + 700)
    c.segment(MESSAGE[700:1400], seq=base + 700)
    c.segment(fake, seq=base + 700)
    c.seq = base + 1400
    c.reply()
    c.send(MESSAGE[1400:])
    finish(c)


# --- segments the receiver drops ----------------------------------------------------------------------------

@case("junk with a bad TCP checksum")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, bad_sum=True))


@case("junk with a bad IP checksum")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, ip_bad_sum=True))


@case("junk with a low TTL")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, ttl=2))


@case("junk with an MD5 option")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, options=MD5_OPTION))


@case("junk far out of the window")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, seq=c.seq + 0x40000000))


@case("junk before the window (badseq)")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, seq=c.seq - 10000))


@case("junk without ACK (datanoack)")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, flags=PSH, ack=0))


@case("junk with a wild acknowledgement number")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, ack=c.ack + 0x30000000))


@case("junk with an old timestamp (PAWS)", with_timestamps=True)
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, options=timestamps(5, 1)))


@case("junk with no flags at all")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, flags=0))


@case("junk with a bad data offset")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, offset=4))


# --- resets and ends that are not ---------------------------------------------------------------------------

@case("RST with a wrong sequence number")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, seq=c.seq + 100000))


@case("RST inside the window")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, seq=c.seq + 1000))


@case("RST with a bad checksum")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, bad_sum=True))


@case("RST with a low TTL, exact sequence number")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, ttl=2))


@case("RST/ACK with a low TTL, exact sequence number")
def _(c):
    middle(c, lambda c: c.segment(flags=RST | ACK, ttl=2))


@case("RST with an MD5 option")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, options=MD5_OPTION))


@case("RST from the server's address, wrong number")
def _(c):
    middle(c, lambda c: c.reply(flags=RST, seq=c.ack + 50000))


@case("FIN with a wrong sequence number")
def _(c):
    middle(c, lambda c: c.segment(flags=FIN | ACK, seq=c.seq + 100000))


@case("FIN with a low TTL, exact sequence number")
def _(c):
    middle(c, lambda c: c.segment(flags=FIN | ACK, ttl=2))


@case("FIN with a bad checksum")
def _(c):
    middle(c, lambda c: c.segment(flags=FIN | ACK, bad_sum=True))


@case("RST before the upload, low TTL (TCB teardown)")
def _(c):
    middle(c, lambda c: c.segment(flags=RST, ttl=3), at=0)


# --- handshakes ---------------------------------------------------------------------------------------------

@case("a second SYN with another number, connection open")
def _(c):
    middle(c, lambda c: c.segment(flags=SYN, seq=c.seq + 777777, ack=0))


@case("a SYN with data before the true one (TCB creation)")
def _(c):
    c.segment(JUNK[:600], flags=SYN, seq=c.seq + 300000, ack=0, ttl=3)
    begin(c)
    c.send(MESSAGE)
    finish(c)


@case("a bare SYN with another number before the true one")
def _(c):
    c.segment(flags=SYN, seq=c.seq + 300000, ack=0, bad_sum=True)
    c.segment(flags=SYN, seq=c.seq - 123456, ack=0, ttl=3)
    begin(c)
    c.send(MESSAGE)
    finish(c)


@case("SYN/ACK from the client first (TCB turnaround)")
def _(c):
    c.segment(flags=SYN | ACK, seq=c.seq + 9999, ack=1, ttl=3)
    begin(c)
    c.send(MESSAGE)
    finish(c)


@case("data in the SYN (TCP Fast Open)")
def _(c):
    c.segment(MESSAGE[:500], flags=SYN, ack=0, options=bytes([34, 10]) + b"cookie12")
    c.seq += 501
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE[500:])
    finish(c)


@case("data in the SYN that the server does not take")
def _(c):
    c.segment(b"X" * 500, flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("split handshake (server answers with SYN)")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN, ack=0)
    c.segment(flags=SYN | ACK, seq=c.seq - 1, ack=c.ack + 1)
    c.ack += 1
    c.reply(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("simultaneous open")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.reply(flags=SYN, ack=0)
    c.seq += 1
    c.segment(flags=SYN | ACK, seq=c.seq - 1, ack=c.ack + 1)
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.send(MESSAGE)
    finish(c)


@case("no handshake seen (midstream)")
def _(c):
    c.seq += 1
    c.ack += 1
    c.send(MESSAGE)
    finish(c)


@case("the same ports again after FIN (TIME-WAIT reuse)")
def _(c):
    begin(c)
    c.send(JUNK)
    finish(c)
    c.seq += 50000
    c.ack += 50000
    begin(c)
    c.send(MESSAGE)
    finish(c)


@case("the same ports again without an end")
def _(c):
    begin(c)
    c.send(JUNK)
    c.seq += 500000
    c.ack += 500000
    begin(c)
    c.send(MESSAGE)
    finish(c)


# --- others -------------------------------------------------------------------------------------------------

@case("urgent pointer in the request")
def _(c):
    begin(c)
    c.segment(MESSAGE[:1400], flags=ACK | PSH | URG, urgent=1)
    c.seq += 1400
    c.reply()
    c.send(MESSAGE[1400:])
    finish(c)


@case("keep-alive probes with a junk byte")
def _(c):
    middle(c, lambda c: [c.segment(b"\0", seq=c.seq - 1, flags=ACK) for _ in range(3)])


@case("tiny windows and probes (wssize)")
def _(c):
    begin(c)
    for at in range(0, 2000, 40):
        c.segment(MESSAGE[at:at + 40])
        c.seq += 40
        c.reply(window=40)
    c.send(MESSAGE[2000:])
    finish(c)


@case("window probes past a zero window")
def _(c):
    def trick(c):
        c.reply(window=0)
        for _ in range(4):
            c.segment(MESSAGE[2800:2801], flags=ACK)
            c.reply(window=0)
        c.reply(window=65535)
    middle(c, trick)


@case("the client's side alone is seen (asymmetric routing)")
def _(c):
    begin(c)
    c.send(MESSAGE, acked=False)
    finish(c)
    c.frames = [f for f in c.frames if f[26:30] == bytes([10, 1, 2, 3])]


@case("every frame captured twice")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    c.frames = [f for frame in c.frames for f in (frame, frame)]


@case("the second copy of all frames comes late")
def _(c):
    begin(c)
    c.send(MESSAGE)
    finish(c)
    c.frames = c.frames + c.frames


def run(sensor, rules, name, function, settings, folder):
    """(holds, what was seen)"""
    settings = dict(settings)
    must_be_whole, must_be_quiet = settings.pop("whole", False), settings.pop("quiet", False)
    c = Conversation(**settings)
    function(c)
    path = os.path.join(folder, "".join(ch if ch.isalnum() else "_" for ch in name) + ".pcap")
    write_pcap(path, c.frames)
    stats = path + ".stats"
    done = subprocess.run([sensor, "replay", "-q", "--rules", rules, "--stats", stats, path],
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return False, f"exit {done.returncode}: {done.stderr.strip()[-300:]}"
    with open(stats) as f:
        document = json.load(f)["stats"]
    if sum(document["fate_bytes"].values()) != document["capture"]["bytes"]:
        return False, "the byte ledger does not close"
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    final = [a["alert"]["signature"] for a in alerts if a.get("fileinfo", {}).get("sha256") == DIGEST]
    if len(final) != len(set(final)):
        return False, "the upload is told of twice"
    seen = ["the upload"] if final else []
    seen += sorted({a["alert"]["signature"] for a in alerts if a["alert"]["category"] == "evasion"})
    seen += sorted({trick for a in alerts if a["alert"]["category"] == "evasion"
                    for trick in a["dlp"]["facts"].get("evasion", "").split(",") if trick})
    if must_be_quiet and len(seen) > 1:
        return False, ", ".join(seen)
    if seen and (seen[0] == "the upload" or not must_be_whole):
        return True, ", ".join(seen)
    return False, "neither the picture nor an evasion alert: " + (
        ", ".join(sorted({a["alert"]["signature"] for a in alerts})) or "no alert at all")


def main():
    sensor, rules = sys.argv[1:3]
    wanted = sys.argv[3:]
    good = 0
    cases = [c for c in CASES if not wanted or any(w in c[0] for w in wanted)]
    with tempfile.TemporaryDirectory(prefix="evasion-") as folder:
        for name, function, settings in cases:
            holds, seen = run(sensor, rules, name, function, settings, folder)
            good += holds
            print(f"{'ok' if holds else 'not ok'} - {name}: {seen}")
    print(f"{good} of {len(cases)}")
    return good != len(cases)


if __name__ == "__main__":
    sys.exit(main())
