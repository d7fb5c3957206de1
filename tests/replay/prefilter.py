#!/usr/bin/python3
"""With the prefilter on or off the alerts are the same: every capture of pcaps/, replayed both ways under the shipped
rules and under a set written to be awkward for a prefilter, gives the same events.

usage: prefilter.py [--sensor PATH]"""

import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import tap  # noqa: E402
from sensor import ROOT, RULES, Sensor  # noqa: E402

META = 'meta: severity = "low" category = "test" description = "prefilter" '
AWKWARD = "\n".join(f"rule awkward_{name} {{ {META} {body} }}" for name, body in (
    ("absent", 'strings: $a = "no such words" condition: not $a'),
    ("counted", 'strings: $a = { FF DA } condition: #a == 1'),
    ("at_start", "strings: $a = { FF D8 FF } condition: $a at 0"),
    ("in_range", 'strings: $a = "Contoso" condition: $a in (0..400)'),
    ("offset", 'strings: $a = "BorderCam" condition: @a[1] < 300 and !a[1] == 9'),
    ("nocase_wide", 'strings: $a = "contoso" nocase wide ascii condition: $a'),
    ("fullword", 'strings: $a = "Imaging" fullword condition: $a'),
    ("anchored", "strings: $a = /^P<UTO[A-Z<]{39}/ condition: $a"),
    ("classes", "strings: $a = /[A-Z0-9<]{44}\\n/ condition: #a > 3"),
    ("jump", "strings: $a = { FF D8 [2-40] 45 78 69 66 } condition: $a"),
    ("chained", "strings: $a = { 45 78 69 66 [300-4000] FF DA } condition: $a"),
    ("xored", 'strings: $a = "Contoso" xor(1-3) condition: $a'),
    ("base64", 'strings: $a = "traveller" base64 condition: $a'),
    ("integers", "condition: uint16be(0) == 0xFFD8 and uint8(filesize - 1) == 0xD9"),
    ("size", "condition: filesize > 30KB and filesize < 60KB"),
    ("facts_only", 'condition: object_type == "fmr" and biometric_valid'),
    ("of_them", 'strings: $a1 = "lane" $a2 = "second" $b = "zzzzzz" condition: 2 of ($a*) and not $b'),
    ("loop", 'strings: $a = { FF C4 } condition: for all i in (1..#a) : (@a[i] > 100)'),
    ("alternatives", "strings: $a = { FF (C0 | C2) 00 11 08 } condition: $a"),
    ("nibbles", "strings: $a = { 4? 6F 6E 74 6F 73 6? } condition: $a"),
    ("not_bytes", "strings: $a = { FF D8 FF E1 0? } condition: $a"),
    ("case_regex", "strings: $a = /bordercam [0-9]/i condition: $a"),
))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = Sensor(parser.parse_args().sensor)
    folder = os.path.join(ROOT, "pcaps")
    with tempfile.TemporaryDirectory() as temporary:
        awkward = os.path.join(temporary, "awkward.yar")
        with open(awkward, "w", encoding="utf-8") as file:
            file.write(AWKWARD)
        off = os.path.join(temporary, "off.yaml")
        with open(off, "w", encoding="utf-8") as file:
            file.write("rules:\n  prefilter: false\n")
        for title, rules in (("the shipped rules", RULES), ("awkward rules", awkward)):
            with tap.case(f"{title}: the same events with and without the prefilter"):
                words = ("--each", "--inspect", "both", "--events", "alert,object", folder)
                with_it = sensor.replay(*words, rules=rules)
                without = sensor.replay("-c", off, *words, rules=rules)
                tap.expect(with_it.code == 0 and with_it.events("alert"), with_it.failed())
                a, b = with_it.out.splitlines(), without.out.splitlines()
                different = [line for line in a if line not in set(b)] + [line for line in b if line not in set(a)]
                tap.expect(a == b, f"{len(a)} and {len(b)} events; differing:\n" + "\n".join(different[:6]))
                signatures = {event["alert"]["signature"] for event in with_it.events("alert")}
                print(f"# {title}: {len(signatures)} rules matched: {' '.join(sorted(signatures))}")
    tap.finish()


if __name__ == "__main__":
    main()
