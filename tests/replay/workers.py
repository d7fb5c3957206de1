#!/usr/bin/python3
"""Any number of workers raises what one raises. A replay is sharded by address pair, after decapsulation and
reassembly, so that whatever one flow tells another meets in one worker; here are the flows that tell each other most,
and every capture there is.

usage: workers.py [--sensor PATH] [--long]      --long: the collection that truth.py reads, too"""

import argparse
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import make_records  # noqa: E402
import pcap  # noqa: E402
import tap  # noqa: E402
import truth  # noqa: E402
from run import PCAPS, conversation, dialogue, difference  # noqa: E402
from sensor import ROOT, Sensor  # noqa: E402

WHICH = ("--events", "alert,object,flow", "--inspect", "both")


def flows_that_meet(folder):
    """What one flow tells another: announced FTP data connections, a file sent in ranges over two connections, and
    fragments and tunnels whose insides belong together. Hosts enough for every worker to have some."""
    def frames_of(talks):
        return sorted(frame for talk in talks for frame in talk)

    def shifted(packets, ns):
        return [(clock + ns, frame) for clock, frame in packets]

    def fragments(packets):
        for clock, frame in packets:
            body, head = frame[34:], frame[14:34]
            for at in range(0, len(body), 520):
                more = at + 520 < len(body)
                part = body[at:at + 520]
                ident = clock // 1000 & 0xFFFF
                ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(part), ident, (0x2000 if more else 0) | at // 8, 64,
                                 head[9], 0, head[12:16], head[16:20])
                yield clock, frame[:14] + ip + part

    def vxlan(packets, number):
        for clock, frame in packets:
            inner = struct.pack(">BBHI", 8, 0, 0, 42 << 8) + frame
            datagram = struct.pack(">HHHH", 49152 + number, 4789, 8 + len(inner), 0) + inner
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0,
                             bytes([198, 51, 100, number]), bytes([198, 51, 100, 99]))
            yield clock, frame[:12] + b"\x08\0" + ip + datagram

    talks, closed = [], b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    for n in range(12):
        client, server = f"10.20.{n}.11", f"203.0.113.{80 + n}"
        picture = make_records.photo(30 + n)
        ends = {"client": client, "server": server}
        put = b"PUT /%d.jpg HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
        whole = conversation(put % (n, len(picture)) + picture, closed, **ends)
        talks.append([whole, list(fragments(whole)), list(vxlan(whole, n + 1))][n % 3])
        half = len(picture) // 2
        for number, (low, high) in enumerate(((0, half), (half, len(picture)))):
            part = (b"PUT /parts-%d.jpg HTTP/1.1\r\nHost: b\r\nContent-Type: image/jpeg\r\n"
                    b"Content-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"
                    % (n, low, high - 1, len(picture), high - low)) + picture[low:high]
            talks.append(shifted(conversation(part, closed, **ends, client_port=41000 + number), (number + 1) * 10**9))
        control = dialogue(((1, b"220 ready\r\n"), (0, b"USER a\r\n"), (1, b"331 more\r\n"), (0, b"PASS b\r\n"),
                            (1, b"230 in\r\n"), (0, b"EPSV\r\n"), (1, b"229 go (|||%d|)\r\n" % (50000 + n)),
                            (0, b"STOR ftp-%d.jpg\r\n" % n), (1, b"150 open\r\n")), client, server, 21, 42000)
        talks.append(shifted(control, 4 * 10**9))
        talks.append(shifted(conversation(picture, b"", port=50000 + n, client_port=42001, **ends), 5 * 10**9))
    path = os.path.join(folder, "meeting.pcap")
    pcap.write(path, frames_of(talks))
    return path


def meeting(sensor, folder):
    path = flows_that_meet(folder)
    one = sensor.replay(*WHICH, path)
    with tap.case("flows that meet: every picture whole, by four ways each"):
        tap.equal(one.code, 0, one.failed())
        whole = [e for e in one.events("object")
                 if e["fileinfo"]["state"] == "CLOSED" and e["dlp"]["object_type"] == "jpeg"]
        paths = sorted(tuple(e["dlp"].get("object_path") or ()) for e in whole)
        tap.equal(len({e["fileinfo"]["sha256"] for e in whole}), 12, "pictures")
        tap.equal(paths.count(("parts",)), 12, f"joined from ranges: {paths}")
        names = [e["fileinfo"].get("filename") or "" for e in whole]
        tap.equal(sum(name.startswith("ftp-") for name in names), 12, f"by FTP: {names}")
    for count in (2, 3, 4, 8):
        with tap.case(f"flows that meet: {count} workers, the same set"):
            same_set(sensor, count, path, one=one)


def same_set(sensor, count, *paths, one=None):
    one = one or sensor.replay(*WHICH, *paths)
    more = sensor.replay("--workers", str(count), *WHICH, *paths)
    tap.equal(more.code, one.code, more.failed())
    a, b = sorted(one.out.splitlines()), sorted(more.out.splitlines())
    tap.expect(a == b, difference("\n".join(a), "\n".join(b)))
    for group in ("fate_bytes", "fate_packets", "packet", "flow", "stream", "object", "unsupported"):
        tap.equal(more.stats.get(group), one.stats.get(group), group)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    sensor = Sensor(arguments.sensor)
    with tempfile.TemporaryDirectory() as folder:
        meeting(sensor, folder)
    history = (PCAPS, truth.FOLDER) if os.path.isdir(truth.FOLDER) else (PCAPS,)  # of many years, in no order of time
    for count in (2, 4):
        with tap.case(f"all captures as one history: {count} workers, the same set"):
            same_set(sensor, count, *history)
    if arguments.long and os.path.isdir(truth.FOLDER):
        for paths in truth.captures().values():
            with tap.case(f"{os.path.relpath(paths[0], truth.FOLDER)}: four workers, the same set"):
                same_set(sensor, 4, paths[0])
    tap.finish()


if __name__ == "__main__":
    main()
