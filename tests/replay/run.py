#!/usr/bin/python3
"""Replays every capture of pcaps/ and compares with the truth beside it: what left came out whole, with its hash and
its alerts; what did not leave raised none; twice the same bytes; four workers, the same set; every byte in one fate.
Then what a replay owes its user on bad input and odd inputs.

usage: run.py [--sensor PATH] [--once] [NAME...]      --once: each capture one time, for slow (sanitized) builds"""

import argparse
import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import make_records  # noqa: E402
import pcap  # noqa: E402
import tap  # noqa: E402
from sensor import IMAGES, RECORDS, ROOT, Sensor, final_alerts, ledger_error  # noqa: E402

PCAPS = os.path.join(ROOT, "pcaps")
ALL = ("--events", "all")
RULE_ANY_JPEG = 'rule any_jpeg { meta: severity = "low" category = "test" condition: object_type == "jpeg" }\n'


def load_truth(names):
    for entry in sorted(os.listdir(PCAPS)):
        if entry.endswith(".json") and (not names or entry[:-5] in names):
            with open(os.path.join(PCAPS, entry), encoding="utf-8") as file:
                yield entry[:-5], json.load(file)


def check_objects(truth, events, both):
    """The truth's objects are there, each as often as it was sent, and no other picture or record is."""
    seen = [event for event in events if event["event_type"] == "object"]
    wanted = [o for o in truth["objects"] if both or o["direction"] == "outbound"]
    for item in wanted:
        if item["state"] != "CLOSED":
            continue
        same = [e for e in seen if e["fileinfo"].get("sha256") == item["sha256"] and
                e["dlp"]["direction"] == item["direction"]]
        times = sum(1 for o in wanted if (o["sha256"], o["direction"]) == (item["sha256"], item["direction"]))
        tap.equal(len(same), times, f"objects with the hash of the {item['kind']} of {item['size']} bytes"
                  f" (seen: {[(e['fileinfo'].get('size'), e['fileinfo']['state']) for e in seen]})")
        event = same[0]
        tap.equal(event["fileinfo"]["state"], "CLOSED", "state")
        tap.equal(event["fileinfo"]["size"], item["size"], "size")
        tap.equal(event["dlp"]["direction"], item["direction"], "direction")
        tap.equal(event["dlp"]["sender"], item["sender"], "sender")
        if item["type"]:
            tap.equal(event["dlp"]["object_type"], item["type"], "object_type")
        if item["app_proto"]:
            tap.equal(event["app_proto"], item["app_proto"], "app_proto")
        if item["filename"]:
            names = [e["fileinfo"].get("filename") or "" for e in same]
            tap.expect(any(name.endswith(item["filename"]) for name in names), f"filename {names}")
    special = [e for e in seen if e["dlp"]["object_type"] in IMAGES | RECORDS]
    whole = [e for e in special if e["fileinfo"]["state"] == "CLOSED"]
    known = {o["sha256"] for o in wanted}
    for event in whole:
        tap.expect(event["fileinfo"]["sha256"] in known or "range" in truth.get("notes", ""),
                   f"an object nobody sent is called whole: {json.dumps(event)[:1500]}")
    for event in seen:
        tap.expect("sha256" not in event["fileinfo"] or event["fileinfo"]["state"] == "CLOSED",
                   "a hash for an object that was not seen whole")


def check_alerts(truth, events):
    """What left raised its alerts, each once and in its right final state, and nothing raised another."""
    wanted = sorted((signature, item["state"], item["sha256"] or "") for item in truth["objects"]
                    for signature in item["alerts"])
    got = [(signature, state, digest) for signature, state, _, digest, _, _ in final_alerts(events)]
    tap.expect(sorted(got) == wanted, "wanted:\n" + "\n".join(map(str, wanted)) + "\ngot:\n" +
               "\n".join(map(str, final_alerts(events))))
    for event in events:
        if event["event_type"] == "alert":
            tap.equal(event["dlp"]["direction"], "outbound", "direction of an alert")


def replay_capture(sensor, name, truth, once):
    path = os.path.join(PCAPS, truth["capture"])
    with tap.case(f"{name}: what left came out"):
        first = sensor.replay("--workers", "1", *ALL, path)
        tap.expect(first.code == 0, first.failed())
        check_objects(truth, first.events(), both=False)
    with tap.case(f"{name}: the alerts are its truth's"):
        check_alerts(truth, first.events())
    with tap.case(f"{name}: every byte has one fate"):
        tap.expect(ledger_error(first.stats) is None, ledger_error(first.stats))
    with tap.case(f"{name}: with --inspect both"):
        result = sensor.replay("--inspect", "both", *ALL, path)
        tap.expect(result.code == 0, result.failed())
        tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
        check_objects(truth, result.events(), both=True)
    if once:
        return
    with tap.case(f"{name}: the same twice"):
        second = sensor.replay("--workers", "1", *ALL, path)
        tap.expect(first.out == second.out, difference(first.out, second.out))
    with tap.case(f"{name}: four workers, the same set"):
        four = sensor.replay("--workers", "4", "--events", "alert,object,flow", path)
        one = sensor.replay("--workers", "1", "--events", "alert,object,flow", path)
        tap.expect(sorted(one.out.splitlines()) == sorted(four.out.splitlines()),
                   difference("\n".join(sorted(one.out.splitlines())), "\n".join(sorted(four.out.splitlines()))))
        tap.expect(ledger_error(four.stats) is None, ledger_error(four.stats))


def difference(one, other):
    for a, b in zip(one.splitlines() + [""], other.splitlines() + [""]):
        if a != b:
            return f"first difference:\n{a}\n{b}"
    return "one is longer"


def inputs(sensor, folder):
    """Files, directories, standard input, compression, several inputs, --each."""
    put, form = os.path.join(PCAPS, "put-photo.pcap"), os.path.join(PCAPS, "form.pcap")
    with open(put, "rb") as file:
        raw = file.read()
    alone = sensor.replay(put)
    wanted = final_alerts(alone.events())

    with tap.case("standard input, plain and gzip"):
        for data in (raw, gzip.compress(raw)):
            result = sensor.replay("-", input=data)
            tap.equal(result.code, 0, result.failed())
            tap.equal(final_alerts(result.events()), wanted, "alerts")
    with tap.case("gzip and zstd files, whatever their name"):
        packed = os.path.join(folder, "named.anything")
        for data in (gzip.compress(raw), subprocess.run(["zstd", "-c"], input=raw, capture_output=True, check=True).stdout):
            with open(packed, "wb") as file:
                file.write(data)
            result = sensor.replay(packed)
            tap.equal(result.code, 0, result.failed())
            tap.equal(final_alerts(result.events()), wanted, "alerts")
    with tap.case("a directory is its captures in name order"):
        tree = os.path.join(folder, "tree")
        os.makedirs(os.path.join(tree, "b"))
        shutil.copy(form, os.path.join(tree, "a.pcap"))
        shutil.copy(put, os.path.join(tree, "b", "c.pcap"))
        result = sensor.replay(tree)
        tap.equal(result.code, 0, result.failed())
        ordered = sensor.replay(form, put)
        tap.equal(final_alerts(result.events()), final_alerts(ordered.events()), "alerts")
    with tap.case("the whole folder as one history raises what its captures raise alone"):
        result = sensor.replay("--events", "alert", PCAPS)
        tap.equal(result.code, 0, result.failed())
        each = [a for _, truth in load_truth(())
                for a in final_alerts(sensor.replay(os.path.join(PCAPS, truth["capture"])).events())]
        tap.equal(final_alerts(result.events()), sorted(each, key=str), "alerts")
    with tap.case("--each starts every input afresh and names it"):
        result = sensor.replay("--each", put, put)
        tap.equal(result.code, 0, result.failed())
        alerts = [e for e in result.events("alert") if not e["dlp"].get("update")]
        tap.expect(alerts and all(e["dlp"]["input"].endswith("put-photo.pcap") for e in alerts), f"{alerts}")
        tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
    with tap.case("one capture cut in two files is one history"):
        packets, link = pcap.read(put)
        halves = [os.path.join(folder, name) for name in ("one.pcap", "two.pcap")]
        pcap.write(halves[0], packets[:len(packets) // 2], link)
        pcap.write(halves[1], packets[len(packets) // 2:], link)
        result = sensor.replay(*halves)
        tap.equal(final_alerts(result.events()), wanted, "alerts")
        each = sensor.replay("--each", "--events", "object", *halves)
        tap.expect(all(e["fileinfo"]["state"] != "CLOSED" or e["dlp"]["object_type"] != "jpeg"
                       for e in each.events("object")), "with --each neither half may be whole")
    with tap.case("an empty capture is no error"):
        empty = os.path.join(folder, "empty.pcap")
        pcap.write(empty, [])
        result = sensor.replay(empty)
        tap.equal((result.code, result.out), (0, ""), result.failed())
    with tap.case("a filter sets frames aside and says so in the ledger"):
        result = sensor.replay("-f", "udp", put)
        tap.equal((result.code, result.out), (0, ""), result.failed())
        tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
        tap.equal(result.stats["fate_packets"]["filtered"], result.stats["capture"]["packets"], "filtered")
        words = sensor.replay(put, "--", "tcp", "and", "port", "80")
        tap.equal(final_alerts(words.events()), wanted, "alerts with the filter as words")
    with tap.case("--objects writes what was seen whole, under its hash"):
        target = os.path.join(folder, "objects")
        result = sensor.replay("--objects", target, form)
        tap.equal(result.code, 0, result.failed())
        with open(os.path.join(PCAPS, "form.json"), encoding="utf-8") as file:
            for item in json.load(file)["objects"]:
                tap.expect(item["sha256"] in os.listdir(target), f"{item['kind']} is missing: {os.listdir(target)}")
    with tap.case("--home-net decides what is outbound"):
        result = sensor.replay("--home-net", "203.0.113.0/24", os.path.join(PCAPS, "download.pcap"))
        tap.expect(result.events("alert"), "the server's answer leaves when the server is inside")
        result = sensor.replay("--home-net", "192.0.2.0/24", put)
        tap.equal(result.events("alert"), [], "alerts when neither side is inside")
    with tap.case("events go to a file with --json, and nothing to standard output"):
        path = os.path.join(folder, "events.json")
        result = sensor.replay("--json", path, put)
        tap.equal((result.code, result.out), (0, ""), result.failed())
        with open(path, encoding="utf-8") as file:
            tap.equal(file.read(), alone.out, "the file")


def bad_input(sensor, folder):
    put = os.path.join(PCAPS, "put-photo.pcap")
    with open(put, "rb") as file:
        raw = file.read()
    packets, _ = pcap.read(put)

    def written(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    last = len(raw) - 16 - len(packets[-1][1])
    with tap.case("a truncated capture: all before the damage, the offset, exit 1"):
        path = written("cut.pcap", raw[:last + 20])
        result = sensor.replay(path)
        tap.equal(result.code, 1, result.failed())
        tap.expect(path in result.err and str(last) in result.err, f"file and offset {last}: {result.err}")
        tap.expect(result.events("alert"), "the photograph before the damage has its alert")
        tap.expect(ledger_error(result.stats) is None, ledger_error(result.stats))
    with tap.case("a truncated gzip capture: exit 1, and what was there is processed"):
        result = sensor.replay(written("cut.pcap.gz", gzip.compress(raw)[:-2000]))
        tap.equal(result.code, 1, result.failed())
        tap.expect(result.stats and result.stats["capture"]["packets"] > 10, "packets before the damage")
    with tap.case("a record with an absurd length: exit 1 with the offset"):
        damaged = raw[:last] + struct.pack("<IIII", 1, 1, 0x7FFFFFFF, 0x7FFFFFFF) + raw[last + 16:]
        result = sensor.replay(written("absurd.pcap", damaged))
        tap.equal(result.code, 1, result.failed())
        tap.expect(str(last) in result.err, f"offset {last}: {result.err}")
    with tap.case("a file that is no capture: exit 1, named"):
        result = sensor.replay(written("words.pcap", b"these are only words\n" * 20))
        tap.equal(result.code, 1, result.failed())
        tap.expect("words.pcap" in result.err, result.err)
    with tap.case("an input that is not there: exit 1, and the next one is still read"):
        result = sensor.replay(os.path.join(folder, "absent.pcap"), put)
        tap.equal(result.code, 1, result.failed())
        tap.expect("absent.pcap" in result.err and result.events("alert"), result.failed())
    with tap.case("a broken rule: exit 2 with file and line, nothing processed"):
        rules = written("broken.yar", b'rule fine { condition: true }\nrule broken {\n condition: no_such_thing\n}\n')
        result = sensor.replay(put, rules=rules)
        tap.equal(result.code, 2, result.failed())
        tap.expect("broken.yar:3" in result.err and not result.out, result.failed())
    with tap.case("no such rules: exit 2"):
        result = sensor.replay(put, rules=os.path.join(folder, "absent.yar"))
        tap.equal(result.code, 2, result.failed())
    with tap.case("an unknown option: exit 2"):
        result = sensor.replay("--no-such-option", put)
        tap.equal((result.code, result.out), (2, ""), result.failed())
    with tap.case("bad values: exit 2"):
        for words in (("--workers", "many"), ("--home-net", "10.0.0.0/99"), ("--inspect", "sideways"), ("-f", "port port"),
                      ("--events", "alert,rumour")):
            result = sensor.replay(*words, put)
            tap.equal((result.code, result.out), (2, ""), f"{words}: {result.failed()}")
    with tap.case("an unknown configuration key: exit 2 naming file, line and key"):
        path = written("bad.yaml", b"sensor:\n  name: tap-1\n  nmae: tap-2\n")
        result = sensor.replay("-c", path, put)
        tap.equal(result.code, 2, result.failed())
        tap.expect("bad.yaml:3" in result.err and "nmae" in result.err, result.err)
    with tap.case("a bad configuration value: exit 2 naming what is allowed"):
        path = written("value.yaml", b"sensor:\n  inspect: sideways\n")
        result = sensor.replay("-c", path, put)
        tap.equal(result.code, 2, result.failed())
        tap.expect("value.yaml:2" in result.err and "outbound" in result.err and "both" in result.err, result.err)
        for text, said in ((b"sensor:\n  home_nets:\n    - 10.0.0.0/8\n    - 10.0.0.0/40\n", "value.yaml:4: sensor.home_nets"),
                           (b"capture:\n  filter: port and\n", "value.yaml:2: capture.filter"),
                           (b"redis:\n  url: http://10.0.0.1\n", "value.yaml:2: redis.url"),
                           (b"metrics:\n  listen: everywhere\n", "value.yaml:2: metrics.listen"),
                           (b"metrics:\n  listen: 127.0.0.1:94690\n", "value.yaml:2: metrics.listen")):
            path = written("value.yaml", text)
            for result in (sensor.replay("-c", path, put), sensor.run("config", "check", "-c", path)):
                tap.equal((result.code, result.out), (2, ""), result.failed())
                tap.expect(said in result.err, f"{said}: {result.err}")
    with tap.case("no input: exit 2; no command: exit 2"):
        tap.equal(sensor.run("replay").code, 2, "replay without input")
        tap.equal(sensor.run().code, 2, "no command")
        tap.equal(sensor.run("nonsense").code, 2, "unknown command")
    with tap.case("--fail-on-alert: 10 with an alert, 0 without"):
        tap.equal(sensor.replay("--fail-on-alert", put).code, 10, "with an alert")
        tap.equal(sensor.replay("--fail-on-alert", os.path.join(PCAPS, "download.pcap")).code, 0, "without")
    with tap.case("an output that cannot be written: not exit 0"):
        result = sensor.replay("--json", os.path.join(folder, "no", "such", "folder"), put)
        tap.expect(result.code in (2, 3), result.failed())


def strange_bytes(sensor, folder):
    """Names from the network hold escapes, broken UTF-8 and kilobytes: none reaches the output raw."""
    picture = make_records.photo(21)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    path = os.path.join(folder, "strange.pcap")

    def post(url, host, agent, name):
        part = (b'--b\r\nContent-Disposition: form-data; name="f"; filename="' + name +
                b'"\r\nContent-Type: image/jpeg\r\n\r\n' + picture + b"\r\n--b--\r\n")
        pcap.write(path, conversation(b"POST " + url + b" HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: " + agent +
                                      b"\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n"
                                      % len(part) + part, answer))
        done = subprocess.run([sensor.path, "replay", "--rules", os.path.join(ROOT, "rules"), "--events", "all", "-v",
                               path], capture_output=True, check=False, timeout=60)
        tap.equal(done.returncode, 0, done.stderr.decode("utf-8", "replace")[-2000:])
        for stream in (done.stdout, done.stderr):
            text = stream.decode("utf-8")
            bad = [c for c in text if (ord(c) < 32 and c not in "\n\r\t") or 127 <= ord(c) < 160]
            tap.expect(not bad, f"control characters {bad[:5]}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        alerts = [row for row in rows if row["event_type"] == "alert"]
        tap.expect(alerts, "the photograph still has its alert")
        tap.expect(all("http" in row for row in alerts), f"no http in {json.dumps(alerts[0])[:800]}")
        return alerts[0]

    with tap.case("names with escapes and broken UTF-8 are escaped and valid"):
        post(b"/\x1b[2J\xc2\x9b31m", b"\x1b[5mevil\x07", b"\x9b31m\xff",
             b"\x1b]0;owned\x07\x1b[31m\xff\xfe\xc3(\xe2\x80\xae\\.jpg")
    with tap.case("a request line of kilobytes is still HTTP, and its fields are bounded and say so"):
        alert = post(b"/" + b"A" * 6000, b"a.example", b"curl", b"a.jpg")
        url = alert["http"]["url"]
        tap.expect(len(url) == 6001 or alert["http"].get("url_truncated"), f"{len(url)} characters and no mark")
    with tap.case("a User-Agent of kilobytes hides nothing else"):
        alert = post(b"/here", b"a.example", b"B" * 20000, b"a.jpg")
        tap.equal((alert["http"].get("url"), alert["http"].get("hostname")), ("/here", "a.example"), "url and host")
        tap.expect(len(alert["http"]["http_user_agent"]) < 20000 and alert["http"].get("http_user_agent_truncated"),
                   "the user agent is bounded and says so")


def conversation(request, answer, client="10.20.0.11", server="203.0.113.80", port=80, client_port=40000):
    """An Ethernet TCP conversation with right checksums."""
    return dialogue(((0, request), (1, answer)), client, server, port, client_port)


def dialogue(turns, client, server, port, client_port):
    """What each side says in turn; 0 is the client."""
    import ipaddress

    ends = [ipaddress.ip_address(client).packed, ipaddress.ip_address(server).packed]
    ports, numbers, out, clock = [client_port, port], [1000, 9000], [], 1_790_000_000_000_000_000

    def checksum(data):
        data += b"\0" * (len(data) % 2)
        total = sum(struct.unpack(f">{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    def send(side, flags, data=b""):
        nonlocal clock
        clock += 1_000_000
        other = 1 - side
        ack = numbers[other] if flags & 16 else 0
        head = struct.pack(">HHIIBBHHH", ports[side], ports[other], numbers[side], ack, 0x50, flags, 65000, 0, 0)
        pseudo = ends[side] + ends[other] + struct.pack(">BBH", 0, 6, len(head) + len(data))
        head = head[:16] + struct.pack(">H", checksum(pseudo + head + data)) + head[18:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(head) + len(data), 1, 0x4000, 64, 6, 0, ends[side], ends[other])
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        out.append((clock, b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x08\0" + ip + head + data))
        numbers[side] += len(data) + (1 if flags & 3 else 0)

    send(0, 2)
    send(1, 18)
    send(0, 16)
    for side, words in turns:
        for at in range(0, len(words), 1400):
            send(side, 24, words[at:at + 1400])
            send(1 - side, 16)
    send(0, 17)
    send(1, 17)
    send(0, 16)
    return out


def commands(sensor, folder):
    photo = os.path.join(folder, "portrait.jpg")
    make_records.write_all(folder)
    rules = os.path.join(ROOT, "rules")
    with tap.case("version names the program and its libraries"):
        result = sensor.run("version")
        tap.expect(result.code == 0 and "dlp-sensor" in result.out and "libyara" in result.out, result.failed())
    with tap.case("rules check: the shipped rules are clean"):
        result = sensor.run("rules", "check", rules)
        tap.equal(result.code, 0, result.out + result.failed())
    with tap.case("rules check: an error as file:line"):
        path = os.path.join(folder, "wrong.yar")
        with open(path, "w", encoding="utf-8") as file:
            file.write("rule wrong\n{\n condition:\n  nothing_known > 3\n}\n")
        result = sensor.run("rules", "check", path)
        tap.expect(result.code == 2 and "wrong.yar:4" in result.out + result.err, result.out + result.failed())
    with tap.case("rules list shows a table"):
        result = sensor.run("rules", "list", rules)
        tap.expect(result.code == 0 and "outbound_jpeg_photo" in result.out, result.out + result.failed())
    with tap.case("rules test tells which rules hold for a plain file"):
        result = sensor.run("rules", "test", "--rules", rules, photo)
        tap.expect(result.code == 0 and "outbound_jpeg_photo" in result.out, result.out + result.failed())
    with tap.case("facts of a photograph"):
        facts = json.loads(sensor.run("facts", photo).out)
        facts = facts[0] if isinstance(facts, list) else facts
        facts = facts.get("facts", facts)
        for key, value in (("image_valid", True), ("image_width", 480), ("image_height", 600), ("exif_present", True),
                           ("exif_make", "Contoso Imaging"), ("exif_model", "BorderCam 4"), ("exif_gps", True)):
            tap.equal(facts.get(key), value, key)
    with tap.case("facts of a minutiae record and of a fingerprint"):
        for name, kind, records in (("finger.fmr", "finger_minutiae", 2), ("finger.wsq", "finger_image", 1)):
            facts = json.loads(sensor.run("facts", os.path.join(folder, name)).out)
            facts = facts[0] if isinstance(facts, list) else facts
            facts = facts.get("facts", facts)
            tap.equal((facts.get("biometric_valid"), facts.get("biometric_kind"), facts.get("biometric_records")),
                      (True, kind, records), name)
    with tap.case("config show prints what config check accepts"):
        path = os.path.join(folder, "shown.yaml")
        shown = sensor.run("config", "show")
        tap.equal(shown.code, 0, shown.failed())
        sections = [line for line in shown.out.splitlines() if not line.startswith(" ")]
        tap.equal(len(sections), len(set(sections)), f"a section that stands twice: {sections}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(shown.out)
        result = sensor.run("config", "check", "-c", path)
        tap.equal(result.code, 0, shown.out + result.failed())
    with tap.case("the sample configuration is valid"):
        result = sensor.run("config", "check", "-c", os.path.join(ROOT, "sensor", "ops", "sensor.yaml"))
        tap.equal(result.code, 0, result.failed())
    with tap.case("every command answers --help"):
        for command in ("replay", "capture", "rules", "facts", "config", "alerts", "check"):
            result = sensor.run(command, "--help")
            tap.expect(result.code == 0 and "--" in result.out, f"{command}: {result.failed()}")
    with tap.case("rules alone decide: an empty set is silent, a one-line rule alerts on downloads too"):
        quiet = os.path.join(folder, "quiet.yar")
        with open(quiet, "w", encoding="utf-8") as file:
            file.write("rule never { condition: false }\n")
        result = sensor.replay(os.path.join(PCAPS, "put-photo.pcap"), rules=quiet)
        tap.equal((result.code, result.out), (0, ""), result.failed())
        with open(quiet, "w", encoding="utf-8") as file:
            file.write(RULE_ANY_JPEG)
        result = sensor.replay("--inspect", "both", os.path.join(PCAPS, "download.pcap"), rules=quiet)
        alerts = final_alerts(result.events())
        tap.equal([(a[0], a[1], a[4]) for a in alerts], [("any_jpeg", "CLOSED", "inbound")], "alerts")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--once", action="store_true")
    parser.add_argument("names", nargs="*", help="only these captures")
    arguments = parser.parse_args()
    sensor = Sensor(arguments.sensor)
    for name, truth in load_truth(arguments.names):
        replay_capture(sensor, name, truth, arguments.once)
    if not arguments.names:
        for group in (inputs, bad_input, strange_bytes, commands):
            with tempfile.TemporaryDirectory() as folder:
                group(sensor, folder)
    tap.finish()


if __name__ == "__main__":
    main()
