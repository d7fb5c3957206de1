#!/usr/bin/python3
"""What holds for every capture whatever the network did to it. Captures of pcaps/ and of real peers (each door of
tests/live) are rewritten as other taps would have had them, from one seed. What a network may do to packets without
harm must leave every whole object as it was; whatever is lost, nothing may be called whole that never was, every byte
has one fate, and the same input says the same, by any number of workers.

usage: networks.py [--sensor PATH] [--doors FOLDER] [--long] [--seed N] [--rounds N] [--keep FOLDER] [--once] [DOOR...]
--doors: captures that protocols.py --keep left; without it, DOORs are recorded where namespaces can be made: some, or
with --long all, and eight rounds of them"""

import argparse
import collections
import glob
import hashlib
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import network  # noqa: E402
import pcap  # noqa: E402
import tap  # noqa: E402
from sensor import ROOT, Sensor, ledger_error  # noqa: E402

QUICK = ("http-put", "smtp", "pop3")
NOTHING = 'rule nothing { meta: description = "nothing" severity = "low" category = "none" condition: false }\n'
SNAPS = (96, 200, 600, 1000)


def sources(doors):
    """{name: packets} of the Ethernet captures there are."""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "pcaps", "*.pcap")) +
                       glob.glob(os.path.join(doors or "/nowhere", "*", "captures", "*.pcap"))):
        packets, link = pcap.read(path)
        if link == pcap.ETHERNET and packets:
            found[os.path.basename(path)[:-5]] = packets
    return found


def record(folder, names):
    subprocess.run([sys.executable, os.path.join(HERE, "..", "live", "protocols.py"), "--keep", folder, "--count", "14",
                    *names], stdout=subprocess.DEVNULL, check=False)


class Bench:
    def __init__(self, sensor, folder, once):
        self.sensor, self.folder, self.once = Sensor(sensor), folder, once
        self.rules = os.path.join(folder, "nothing.yar")
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(NOTHING)

    def path(self, name):
        return os.path.join(self.folder, name + ".pcap")

    def replay(self, *words):
        result = self.sensor.replay("--each", "--inspect", "both", "--events", "object", *words, rules=self.rules,
                                    timeout=600)
        tap.equal(result.code, 0, result.failed())
        error = ledger_error(result.stats)
        tap.expect(error is None, error)
        return result

    def whole(self, captures, snap=262144):
        """{name: {(size, sha256, whether a run of base64 among other text): how often}} of the objects called whole."""
        names = sorted(captures)
        for name in names:
            pcap.write(self.path(name), captures[name], snap=snap)
        paths = [self.path(name) for name in names]
        result = self.replay(*paths)
        if not self.once:
            tap.expect(self.replay(*paths).out == result.out, "the same input said something else")
            rows = sorted(result.out.splitlines())
            others = sorted(self.replay("--workers", "3", *paths).out.splitlines())
            different = sorted(set(rows) ^ set(others))
            tap.expect(rows == others, "three workers said something else:\n" + "\n".join(different[:6]))
        found = {name: collections.Counter() for name in names}
        for row in result.events("object"):
            info = row["fileinfo"]
            if info["state"] == "CLOSED":
                name = os.path.basename(row["dlp"]["input"])[:-5]
                guess = "carve:base64" in (row["dlp"].get("object_path") or [""])[-1]
                found[name][info["size"], info["sha256"], guess] += 1
        return found


def rows_of(count):
    return ", ".join(f"{number} x {size} {digest[:12]}" for (size, digest, _), number in sorted(count.items())[:8])


def compare(before, after, streams):
    """What is wrong, a line for each capture. Where packets were lost (`streams` is then given) whole is also what one
    side of a connection sent, when nothing but its beginning to its end is left to know of it."""
    lossy = streams is not None

    def is_false(name, key):
        """A run of base64 is all of what was there between other text: no container says where it should end. And a
        stream of gRPC whose header table was lost is whole, but what frames its messages is not known."""
        known = {other[:2] for other in before[name]} | streams[name]
        return key[:2] not in known and not key[2] and name != "grpc"

    wrong = []
    for name in sorted(before):
        false = collections.Counter({key: n for key, n in after[name].items() if is_false(name, key)}) if lossy \
            else after[name] - before[name]
        lost = collections.Counter() if lossy else before[name] - after[name]
        if false or lost:
            wrong.append(f"{name}: " + "; ".join(
                [f"called whole: {rows_of(false)}"] * bool(false) + [f"lost: {rows_of(lost)}"] * bool(lost)))
    return wrong


def cut_short(_, packets):
    return packets


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--doors", help="captures of protocols.py --keep")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--keep", help="leave the captures that failed here")
    parser.add_argument("--once", action="store_true", help="one replay of each, not three")
    parser.add_argument("names", nargs="*", help="doors to record, or of --doors to read")
    options = parser.parse_args()
    options.rounds = options.rounds or (8 if options.long else 1)
    with tempfile.TemporaryDirectory(prefix="networks-") as folder:
        if not options.doors:
            record(folder, options.names or (() if options.long else QUICK))
        captures = sources(options.doors or folder)
        if options.doors and options.names:
            captures = {name: captures[name] for name in options.names}
        bench = Bench(options.sensor, folder, options.once)
        before = {}
        with tap.case(f"{len(captures)} captures as they are"):
            before = bench.whole(captures)
        streams = {name: {(len(data), hashlib.sha256(data).hexdigest()) for data in network.streams(packets)}
                   for name, packets in captures.items()}
        jobs = [(function, False, 262144) for function in network.HARMLESS] + \
            [(function, True, 262144) for function in network.LOSSY] + [(cut_short, True, snap) for snap in SNAPS]
        for seed in range(options.seed, options.seed + options.rounds):
            for function, lossy, snap in jobs:
                words = function.__name__.replace("_", " ") + (f" at {snap}" if function is cut_short else "")
                with tap.case(f"{words}, seed {seed}"):
                    changed = {name: function(random.Random(f"{seed} {words} {name}"), packets)
                               for name, packets in captures.items()}
                    wrong = compare(before, bench.whole(changed, snap), streams if lossy else None)
                    for line in wrong if options.keep else ():
                        name = line.split(":")[0]
                        os.makedirs(options.keep, exist_ok=True)
                        pcap.write(os.path.join(options.keep, f"{words.replace(' ', '-')}-{seed}-{name}.pcap"),
                                   changed[name], snap=snap)
                    tap.expect(not wrong, "\n".join(wrong))
    tap.finish()


if __name__ == "__main__":
    main()
