#!/usr/bin/python3
"""What a person who tunes the rules relies on, through the program: overrides in a directory of one's own, named lists,
and what a bad line in one of them does, and tallies of what a sender has sent.

usage: tuning.py [--sensor PATH]"""

import argparse
import contextlib
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
sys.path.insert(0, os.path.join(HERE, "..", "evasion"))
import pcap  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402
from sensor import ROOT, RULES, Sensor  # noqa: E402

FORM = os.path.join(ROOT, "pcaps", "form.pcap")  # two photographs from 10.20.0.11 to 203.0.113.80
FACE = "9ba04cce8c8223dbe897b5b320363cf5e13eefda20ca29f1e143e7a4c4168b39"


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def photos(result):
    """(file name, severity) of each photograph's first alert."""
    tap.equal(result.code, 0, result.failed())
    return sorted((event["fileinfo"]["filename"], event["alert"]["severity"]) for event in result.events("alert")
                  if event["alert"]["signature"] == "outbound_jpeg_photo" and not event["dlp"].get("update"))


def overrides(sensor, folder):
    def replay(*rules):
        path = write(folder, "ours.yar", "\n".join(rules))
        return photos(sensor.replay("--rules", path, FORM))

    with tap.case("two photographs alert as shipped"):
        tap.equal(photos(sensor.replay(FORM)), [("face.jpg", 2), ("lane 4.jpg", 2)], "alerts")
    with tap.case("an override silences a shipped rule"):
        tap.equal(replay('rule off { meta: overrides = "outbound_jpeg_photo" enabled = false condition: true }'), [],
                  "alerts")
    with tap.case("an override changes a shipped rule's severity"):
        tap.equal(replay('rule low { meta: overrides = "outbound_jpeg_photo" severity = "low" condition: true }'),
                  [("face.jpg", 4), ("lane 4.jpg", 4)], "alerts")
    with tap.case("an override applies where its condition holds, and silence is stronger than a later change"):
        tap.equal(replay('rule no { meta: overrides = "outbound_jpeg_photo" enabled = false '
                         'condition: filename == "face.jpg" }',
                         'rule up { meta: overrides = "outbound_jpeg_photo" severity = "critical" condition: true }'),
                  [("lane 4.jpg", 1)], "alerts")
    with tap.case("rules list shows the severity in force and who decides it; a slip in the name is told"):
        path = write(folder, "ours.yar",
                     'rule off { meta: overrides = "outbound_jpeg_photo" enabled = false condition: true }\n'
                     'rule slip { meta: overrides = "outbound_jpg_camera" severity = "low" condition: true }\n')
        result = sensor.run("rules", "list", "--rules", RULES, "--rules", path)
        line = next(line for line in result.out.splitlines() if line.startswith("outbound_jpeg_photo"))
        tap.expect(" off " in line and "silenced by ours.yar:1" in line, line)
        tap.expect(not any(line.startswith("off ") for line in result.out.splitlines()), "the override is listed")
        result = sensor.run("rules", "check", RULES, path)
        tap.expect('ours.yar:2: warning: rule "slip" overrides no rule: there is none named "outbound_jpg_camera"; '
                   'did you mean "outbound_jpeg_camera"?' in result.out, result.out)


RULE_LISTS = """
rule allowed { condition: receiver_allowed and object_type == "jpeg" }
rule denied { condition: receiver_denied and object_type == "jpeg" }
rule sender { condition: sender_listed and sender_denied and object_type == "jpeg" }
rule digest { condition: digest_listed and digest_denied }
"""


def lists(sensor, folder):
    rules = write(folder, "lists.yar", RULE_LISTS)

    @contextlib.contextmanager
    def config(**files):
        rows = []
        for name, text in files.items():
            write(folder, name + ".txt", text)
            rows.append(f"    {name}: {name}.txt\n")
        yield write(folder, "lists.yaml", "rules:\n  lists:\n" + "".join(rows))

    def names(path):
        result = sensor.replay("-c", path, FORM, rules=rules, cwd="/")
        tap.equal(result.code, 0, result.failed())
        return sorted({event["alert"]["signature"] for event in result.events("alert")})

    with tap.case("without lists their facts are false"):
        tap.equal(sensor.replay(FORM, rules=rules).events("alert"), [], "alerts")
    with tap.case("lists of receivers, senders and digests, named relative to the configuration file"), \
            config(allow_receivers="203.0.113.0/24\n", deny_receivers="198.51.100.1\n.example.com # none\n",
                   deny_senders="10.20.0.0/16\n", deny_digests=FACE + "  face.jpg\n") as path:
        tap.equal(names(path), ["allowed", "digest", "sender"], "alerts")
    with tap.case("a bad line is refused with file and line: by replay, config check and check"), \
            config(allow_receivers="203.0.113.9\n203.0.113.0/99\n") as path:
        for words in (("replay", "-c", path, "--rules", rules, FORM), ("config", "check", "-c", path)):
            result = sensor.run(*words)
            tap.equal(result.code, 2, f"exit code of {words[0]}")
            tap.expect("allow_receivers.txt:2: '203.0.113.0/99'" in result.err, result.err)
        result = sensor.run("check", "-c", path, "--rules", rules)
        tap.expect("allow_receivers.txt:2: " in result.out, result.out)
    with tap.case("a list that is not there is refused"), config() as path:
        write(folder, "lists.yaml", "rules:\n  lists: {deny_senders: gone.txt}\n")
        result = sensor.run("config", "check", "-c", path)
        tap.equal(result.code, 2, "exit code")
        tap.expect(f"{folder}/gone.txt: No such file" in result.err, result.err)
    with tap.case("rules test knows the lists, and --fact has the last word"), \
            config(allow_receivers=".partner.example\n") as path:
        def test(*words):
            result = sensor.run("rules", "test", "-c", path, "--rules", rules, "--fact", "object_type=jpeg",
                                *words, rules)
            tap.equal(result.code, 0, result.failed())
            return "allowed" in [line.split()[1] for line in result.out.splitlines() if "  holds" in line]
        tap.expect(test("--fact", "hostname=www.partner.example"), "a listed name is not known")
        tap.expect(not test("--fact", "hostname=www.partners.example"), "a name that is not listed is known")
        tap.expect(test("--fact", "receiver_allowed=true"), "--fact is not heard")


def upload(port, server, path, body):
    talk = wire.Conversation(port=port)
    talk.server = server
    talk.handshake()
    talk.send(f"PUT /{path} HTTP/1.1\r\nHost: {server}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    talk.answer()
    talk.close()
    return talk.frames


def trickle(folder, jpeg, minutes):
    """One picture a connection, at these minutes, to two receivers in turn."""
    packets = []
    for n, minute in enumerate(minutes):
        for frame in upload(20000 + n, f"203.0.113.{1 + n % 2}", f"{n}.jpg", jpeg):
            packets.append((1_700_000_040_000_000_000 + int(minute * 60e9) + len(packets) * 1000, frame))
    path = os.path.join(folder, "trickle.pcap")
    pcap.write(path, packets)
    return path


def tallies(sensor, folder):
    rules = write(folder, "tally.yar", "rule trickle { condition: images_from_sender >= 5 and image_valid }\n"
                  "rule volume { condition: bytes_from_sender > 20000 }\n")
    jpeg = wire.jpeg()

    def replay(minutes, *words):
        result = sensor.replay("--events", "alert,object", *words, trickle(folder, jpeg, minutes), rules=rules)
        tap.equal(result.code, 0, result.failed())
        return result

    def first(result, name):
        return {event["dest_ip"]: int(event["http"]["url"].strip("/").split(".")[0])
                for event in reversed(result.events("alert")) if event["alert"]["signature"] == name}

    with tap.case("pictures one a connection are counted together, for each receiver"):
        result = replay([n / 10 for n in range(14)])
        tap.equal(first(result, "trickle"), {"203.0.113.1": 8, "203.0.113.2": 9}, "the fifth to each receiver")
        counts = [event["dlp"]["facts"].get("images_from_sender") for event in result.events("object")]
        tap.equal(counts, [1 + n // 2 for n in range(14)], "images_from_sender of each object")
    with tap.case("after ten minutes they are forgotten"):
        tap.equal(first(replay([3 * n for n in range(14)]), "trickle"), {}, "alerts")
    with tap.case("four workers count as one does"):
        minutes = [n / 7 for n in range(40)]
        one = replay(minutes)
        four = replay(minutes, "--workers", "4")
        tap.expect(len(one.events("alert")) > 30, "too few alerts to tell")
        tap.equal(sorted(map(json.dumps, four.events())), sorted(map(json.dumps, one.events())), "events")


EXPLAINED = """
private rule helper { condition: filesize > 10 }
global rule small { condition: filesize < 1MB }
rule demo
{
    strings:
        $a = "no such words" // a comment
        $b = { FF D8 FF }
    condition:
        helper and object_type == "jpeg"
        and (image_width > 10000 // wide
             or not ($a or #b > 5))
        and for any i in (1..#b) : (@b[i] > 0)
}
rule silent { meta: overrides = "quiet" enabled = false condition: true }
rule quiet { condition: true }
"""


def explain(sensor, folder):
    rules = write(folder, "explained.yar", EXPLAINED)
    picture = os.path.join(folder, "picture.jpg")
    with open(picture, "wb") as file:
        file.write(wire.jpeg())

    def rows(*words):
        result = sensor.run("rules", "explain", "--rules", rules, *words)
        tap.equal(result.code, 0, result.failed())
        return [" ".join(line.split()) for line in result.out.splitlines()]

    with tap.case("rules explain shows why a rule does not hold, part by part, with values and strings"):
        tap.equal(rows("demo", picture)[2:], [
            "FAILS line 10 all of",
            "holds line 10 helper",
            'holds line 10 object_type == "jpeg" object_type is "jpeg"',
            "holds line 11 any of",
            "FAILS line 11 image_width > 10000 image_width is 640",
            "holds line 12 not",
            "FAILS line 12 any of",
            "FAILS line 12 $a",
            "FAILS line 12 #b > 5",
            "FAILS line 13 for any i in (1..#b) : (@b[i] > 0)",
            "holds line 3 global rule small",
            "string $a not found",
            "string $b first at 0, 3 bytes, 1 time"], "the explanation")
    with tap.case("rules explain knows silence, global rules, flows and slips"):
        tap.expect("silenced" in rows("quiet", picture)[1], "a silenced rule")
        big = os.path.join(folder, "big")
        with open(big, "wb") as file:
            file.truncate(2 << 20)
        tap.expect("a global rule of its file does not hold" in rows("quiet", big)[1], "a global rule")
        tap.expect(any("FAILS line 10 helper" in row for row in rows("demo", "--fact", "object_type=flow")), "a flow")
        result = sensor.run("rules", "explain", "--rules", rules, "dmeo", picture)
        tap.equal(result.code, 2, "exit code")
        tap.expect('did you mean "demo"?' in result.err, result.err)


SLOW = """
rule quick { condition: object_type == "jpeg" }
rule loops { condition: for all i in (0..filesize) : (for all k in (0..400) : (uint8(i) >= 0 and k >= 0)) }
rule text { strings: $a = "no such words" condition: $a }
"""


def costs(sensor, folder):
    rules = write(folder, "slow.yar", SLOW)
    config = write(folder, "limit.yaml", "limits: {scan_ms: 20}\n")
    with tap.case("a scan that takes too long is stopped and counted, its rule is named, and the rest goes on"):
        result = sensor.replay("-c", config, FORM, rules=rules)
        tap.equal(result.code, 0, result.failed())
        tap.expect(result.stats["scan"]["timeouts"] > 0, "no time-out")
        tap.expect('rule "loops" (' in result.err and "slow.yar:3" in result.err, result.err)
        tap.equal(result.stats["object"]["truncated"], 0, "objects cut short")
    with tap.case("rules profile lists the dearest rules first"):
        result = sensor.run("rules", "profile", "--json", "-c", config, "--rules", rules, FORM)
        tap.equal(result.code, 0, result.failed())
        rows = [json.loads(line) for line in result.out.splitlines()]
        tap.equal([row.get("rule") for row in rows if row["shared"] or row["rule"] == "loops"], ["loops", None], "rows")
        tap.equal(rows[0]["rule"], "loops", "the dearest")
        tap.expect(rows[0]["ns_per_mb"] > 100 * max(rows[1]["ns_per_mb"], 1), result.out)
        tap.equal(sensor.run("rules", "profile").code, 2, "exit code without a capture")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    for part in (overrides, lists, tallies, explain, costs):
        with tempfile.TemporaryDirectory() as folder:
            part(sensor, folder)
    tap.finish()


if __name__ == "__main__":
    main()
