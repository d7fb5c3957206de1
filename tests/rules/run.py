#!/usr/bin/python3
"""The shipped rules against their cases (rules/tests/*.case), every rule with cases of both kinds, and what a tuner is
told when a case fails or cannot be read.

usage: run.py [--sensor PATH]"""

import argparse
import glob
import json
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "tools"), os.path.join(HERE, "..", "evasion")]
import pcap  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402
from sensor import ROOT, RULES, Sensor  # noqa: E402

CASES = os.path.join(RULES, "tests")
RULE = """rule watched {
    meta: severity = "low" category = "test" description = "a word in a small object"
    strings: $word = "secret"
    condition: $word and object_size < 100
}
"""


def shipped(sensor):
    """Each case of each rule, and the rules that lack one of a kind."""
    result = sensor.run("rules", "test", "--rules", RULES, "--json", CASES)
    rows = [json.loads(line) for line in result.out.splitlines()]
    with tap.case("the cases can be read"):
        tap.expect(result.code in (0, 1) and rows, result.failed())
    readable = sensor.run("rules", "test", "--rules", RULES, CASES).out
    for row in rows:
        with tap.case(f"{row['rule']}: {row['case']}"):
            where = f"{os.path.relpath(row['file'], ROOT)}:{row['line']}"
            said = re.search(rf":{row['line']}: expected.*\n# facts:.*", readable)
            tap.expect(row["ok"], f"{where}: expected {row['expect']}\n{said[0] if said else ''}")
    listed = sensor.run("rules", "list", "--json", RULES)
    for line in listed.out.splitlines():
        rule = json.loads(line)
        with tap.case(f"{rule['name']} has cases of both kinds and all its metadata"):
            kinds = {row["expect"] for row in rows if row["rule"] == rule["name"]}
            tap.equal(kinds, {"match", "no match"}, "kinds of cases")
            for key in ("category", "description", "reference", "confidence"):
                tap.expect(rule.get(key) not in (None, "", "uncategorised"), f"no {key}")
    with tap.case("a case file is named for its rule"):
        for path in glob.glob(os.path.join(CASES, "*.case")):
            with open(path, encoding="utf-8") as file:
                named = set(re.findall(r"^rule (\S+)", file.read(), re.MULTILINE))
            tap.equal(named, {os.path.basename(path)[:-5]}, os.path.basename(path))
    with tap.case("rules check has nothing against the shipped rules but facts that are not found yet"):
        result = sensor.run("rules", "check", RULES)
        tap.equal(result.code, 0, result.out + result.err)
        rest = [line for line in result.out.splitlines()[:-1] if "always has its neutral value" not in line]
        tap.equal(rest, [], "warnings")


def outward(sensor, folder):
    """What a rule holds for no longer does when it came in, or when its receiver or sender is allowed: only tricks on
    the wire and the deny lists know no such excuse."""
    def held(fact):
        """The rules that hold for a case all the same."""
        names = {}
        for path in sorted(glob.glob(os.path.join(CASES, "*.case"))):
            with open(path, encoding="utf-8") as file:
                text = file.read().replace("\nfile ", f"\nfile {CASES}/")
            changed = os.path.join(folder, os.path.basename(path))
            with open(changed, "w", encoding="utf-8") as file:
                file.write(re.sub(r"(?m)^(case .*\n)(expect match\n(?:.+\n)*)", rf"\1\2fact {fact}\n", text))
        for line in sensor.run("rules", "test", "--rules", RULES, "--json", folder).out.splitlines():
            row = json.loads(line)
            if row["expect"] == "match":
                names.setdefault(row["rule"], []).append(row["ok"])
        return names

    inbound = held("direction=inbound")
    excuses = held("receiver_allowed=true"), held("sender_allowed=true")
    for rule in sorted(inbound):
        with tap.case(f"{rule}: nothing that came in, nothing the lists allow"):
            tap.expect(inbound[rule] and not any(inbound[rule]), f"inbound: {inbound[rule]}")
            for fact, allowed in zip(("receiver_allowed", "sender_allowed"), excuses):
                excused = not rule.startswith(("evasion_", "denied_"))
                tap.expect(not excused or not any(allowed[rule]), f"{fact}: {allowed[rule]}")


def evasion_names(sensor):
    """A trick nobody wrote a rule for would be seen and never said."""
    with open(os.path.join(ROOT, "include", "evasion_list.def"), encoding="utf-8") as file:
        names = re.findall(r'^EVASION\(\w+, "(\w+)"', file.read(), re.MULTILINE)
    for name in names:
        with tap.case(f"the trick {name} holds some rule"):
            result = sensor.run("rules", "test", "--rules", RULES, "--json", "--fact", "object_type=flow", "--fact",
                                f"evasion={name}", "--fact", "direction=outbound")
            held = json.loads(result.out)["rules"]
            tap.expect(any(row["category"] == "evasion" for row in held), f"only {held}")


def crops(sensor, folder):
    """A plate reader's crops, one a connection: each is small, together they are an export."""
    crop = wire.jpeg(180, 72)
    packets = []
    for number in range(120):
        talk = wire.Conversation(port=20000 + number)
        talk.handshake()
        talk.send(b"POST /crops HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % len(crop) + crop)
        talk.answer()
        talk.close()
        packets += talk.frames
    path = os.path.join(folder, "crops.pcap")
    pcap.write(path, [(1_790_000_000_000_000_000 + i * 1_000_000, frame) for i, frame in enumerate(packets)])
    result = sensor.replay(path)
    told = [event["dlp"]["facts"]["images_from_sender"] for event in result.events("alert")
            if event["alert"]["signature"] == "bulk_images" and not event["dlp"].get("update")]
    with tap.case("120 small crops to one receiver are told at the fiftieth and the hundredth"):
        tap.equal(told, [50, 100], f"images_from_sender of the alerts; {result.failed()}")
    with tap.case("and none of them pages by itself"):
        loud = {event["alert"]["signature"] for event in result.events("alert") if event["alert"]["severity"] <= 2}
        tap.equal(loud, {"bulk_images"}, "rules of severity high and critical")


def tuner(sensor, folder):
    """What the runner says of cases that fail, and of files it cannot understand."""
    rules = os.path.join(folder, "watched.yar")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULE)
    path = os.path.join(folder, "watched.case")

    def run(text, *more):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return sensor.run("rules", "test", "--rules", rules, *more, path)

    with tap.case("cases that hold: exit 0 and a count"):
        result = run("# two\nrule watched\n case said\n expect match\n text the secret\n\ncase unsaid\nexpect no match\n"
                     "text nothing\nhex 73 65\nbase64 Y3JldA==\nzeros 200\n")
        tap.equal((result.code, result.out.splitlines()[-1]), (0, "# 2 passed, 0 failed"), result.failed())
    with tap.case("pieces follow each other without a seam"):
        result = run("rule watched\ncase in pieces\nexpect match\nhex 73 65\nbase64 Y3JldA==\n")
        tap.equal(result.code, 0, result.out + result.failed())
    with tap.case("a case that fails: exit 1, its line and the facts it was judged by"):
        result = run("rule watched\ncase too large\nexpect match\ntext the secret\nzeros 200\n")
        tap.equal(result.code, 1, result.failed())
        tap.expect("not ok 1 - watched: too large" in result.out and f"{path}:2: expected match" in result.out and
                   '"object_size":211' in result.out, result.out)
    with tap.case("a fact said stands over the fact found"):
        result = run("rule watched\ncase small by word\nexpect match\nfact object_size=5\ntext the secret\nnoise 200\n")
        tap.equal(result.code, 0, result.out + result.failed())
    with tap.case("a file beside the case"):
        with open(os.path.join(folder, "body.txt"), "w", encoding="utf-8") as file:
            file.write("a secret")
        tap.equal(run("rule watched\ncase from a file\nexpect match\nfile body.txt\n").code, 0, "exit code")
    with tap.case("a rule that is not loaded fails its cases"):
        result = run("rule absent\ncase any\nexpect no match\ntext x\n")
        tap.expect(result.code == 1 and "no rule of this name" in result.out, result.out)
    with tap.case("what cannot be understood: exit 2 with file and line"):
        for text, line, word in (
                ("case any\nexpect match\n", 1, "rule NAME"),
                ("rule watched\ntext x\n", 2, "case NAME"),
                ("rule watched\ncase any\ntext x\n", 2, "expects nothing"),
                ("rule watched\ncase any\nexpect perhaps\n", 3, "expect no match"),
                ("rule watched\ncase any\nexpect match\nfact objekt_size=5\n", 4, "object_size"),
                ("rule watched\ncase any\nexpect match\nfact object_size=many\n", 4, "many"),
                ("rule watched\ncase any\nexpect match\nhex 4\n", 4, "pairs"),
                ("rule watched\ncase any\nexpect match\nbase64 ???\n", 4, "base64"),
                ("rule watched\ncase any\nexpect match\njpeg large\n", 4, "WIDTHxHEIGHT"),
                ("rule watched\ncase any\nexpect match\nzeros 99999999999\n", 4, "64 MiB"),
                ("rule watched\ncase any\nexpect match\nfile absent.bin\n", 4, "absent.bin"),
                ("rule watched\ncase any\nexpect match\npicture x\n", 4, "picture")):
            result = run(text)
            tap.equal(result.code, 2, f"{text!r}: {result.out}{result.failed()}")
            tap.expect(f"{path}:{line}:" in result.err and word in result.err, f"{text!r}: {result.err}")
    with tap.case("a directory is all its case files; one without any says so"):
        result = sensor.run("rules", "test", "--rules", rules, os.path.join(folder))
        tap.expect("watched.case" in result.err, result.err)
        empty = os.path.join(folder, "empty")
        os.mkdir(empty)
        result = sensor.run("rules", "test", "--rules", rules, empty)
        tap.expect(result.code == 0 and "no .case file" in result.err, result.failed())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    shipped(sensor)
    evasion_names(sensor)
    with tempfile.TemporaryDirectory() as folder:
        outward(sensor, folder)
    with tempfile.TemporaryDirectory() as folder:
        crops(sensor, folder)
    with tempfile.TemporaryDirectory() as folder:
        tuner(sensor, folder)
    tap.finish()


if __name__ == "__main__":
    main()
