#!/usr/bin/python3
"""Captures nobody here wrote, against what other tools found in them. Every capture of a collection (DLP_TRUTH, by
default ../shared/pcaps) must replay without crash, hang or ledger error; every complete object, of whatever protocol,
must come out with its SHA-256; nothing known to be incomplete may be called whole. Suricata's own expectations are
counted and hold nothing up: half of them are about its limits, or about frames with wrong checksums it was told to take.

usage: truth.py [--sensor PATH] [--sanitized PATH] [--long] [-v]"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import tap  # noqa: E402
from sensor import ROOT, RULES, Sensor, ledger_error  # noqa: E402

# Complete for tools that do not verify checksums: seven segments of it have wrong ones.
WRONG_CHECKSUMS = {("a1b3ee474cd3d5c9de6a0b752597a26b9a4581b6d553ef643e1f4eaf0c80dd4c", "swf")}

FOLDER = os.environ.get("DLP_TRUTH", os.path.join(ROOT, "..", "shared", "pcaps"))
SECONDS = 60


def captures():
    """{sha256 of the file: [paths]}"""
    found = collections.defaultdict(list)
    for folder, _, names in sorted(os.walk(FOLDER)):
        for name in sorted(names):
            if not name.endswith((".json", ".jsonl", ".md")):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[hashlib.sha256(file.read()).hexdigest()].append(path)
    return found


def replay(sensor, path):
    try:
        return sensor.replay("--inspect", "both", "--events", "object", path, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return None


def replay_all(sensor, found):
    """{sha256: Result, or None for one that hung}"""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(found, pool.map(lambda digest: replay(sensor, found[digest][0]), found)))


def survive(found, results):
    bad = []
    for digest, paths in found.items():
        result = results[digest]
        name = os.path.relpath(paths[0], FOLDER)
        if result is None:
            bad.append(f"{name}: still running after {SECONDS} s")
        elif result.code not in (0, 1):
            bad.append(f"{name}: {result.failed()}")
        elif result.code == 1 and not result.err.strip():
            bad.append(f"{name}: exit 1 without a reason")
        elif ledger_error(result.stats):
            bad.append(f"{name}: {ledger_error(result.stats)}")
    tap.expect(not bad, f"{len(bad)} of {len(found)}\n" + "\n".join(bad))


def whole_hashes(result):
    """Hash of every object called whole, with how often."""
    if result is None:
        return collections.Counter()
    return collections.Counter(e["fileinfo"]["sha256"] for e in result.events("object")
                               if e["fileinfo"]["state"] == "CLOSED")


def is_detected(row, result):
    """For a file that its sender's lossy coding spoiled: that there is one of its kind is all that can be known."""
    return any(e["dlp"]["object_type"] == row["type"] for e in result.events("object"))


def compare(rows, results, hashes, verbose):
    """{(protocol, type): [expected, found]} over complete objects, and the missing rows."""
    table = collections.defaultdict(lambda: [0, 0])
    missing = []
    left = {digest: collections.Counter(seen) for digest, seen in hashes.items()}
    spoiled = set(WRONG_CHECKSUMS)
    for row in rows:
        capture = row["pcap_sha256"]
        if not row["complete"] or "detection optional" in row.get("note", ""):
            continue
        cell = table[(row["protocol"], row["type"])]
        cell[0] += 1
        if left.get(capture, {}).get(row["sha256"], 0) > 0:
            left[capture][row["sha256"]] -= 1
            cell[1] += 1
        elif row.get("exact") is False and is_detected(row, results[capture]):
            cell[1] += 1
        elif (capture, row["type"]) in spoiled:
            spoiled.remove((capture, row["type"]))
            cell[0] -= 1
        else:
            missing.append(row)
            if verbose:
                print(f"# missing: {row['pcap']} {row['protocol']} {row['type']} {row['size']} {row.get('uri')}")
    return table, missing


def suricata(found, results):
    """[expected, found] over the fileinfo rows that name a hash, a size or a file name."""
    with open(os.path.join(FOLDER, "suricata_fileinfo_public.json"), encoding="utf-8") as file:
        tests = json.load(file)
    seen, missing = [0, 0], []
    for test in tests:
        result = results.get(test["pcap_sha256"])
        if result is None:
            continue
        infos = [e["fileinfo"] for e in result.events("object")]
        for row in test["files"]:
            checks = [key for key in ("sha256", "size", "filename") if row.get(key) is not None]
            if not checks or row["event_type"] != "fileinfo":
                continue
            seen[0] += 1
            if any(all(info.get(key) == row[key] for key in checks) for info in infos):
                seen[1] += 1
            else:
                missing.append(f"{test['test']}: {({key: row[key] for key in checks})}")
    return seen, missing


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--sanitized", help="a sanitized build: reads the whole collection, too")
    parser.add_argument("--long", action="store_true", help="the sanitized build reads each capture alone")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    if not os.path.isdir(FOLDER):
        with tap.case("captures of others"):
            tap.skip(f"no collection at {FOLDER}; set DLP_TRUTH")
        tap.finish()
    with open(os.path.join(FOLDER, "expected.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = captures()
    results = replay_all(Sensor(arguments.sensor), found)
    with tap.case(f"{len(found)} captures: no crash, no hang, every byte in one fate"):
        survive(found, results)
    hashes = {digest: whole_hashes(result) for digest, result in results.items()}
    rows = [row for row in rows if row["pcap_sha256"] in found]
    table, missing = compare(rows, results, hashes, arguments.verbose)
    with tap.case(f"every complete object comes out with its SHA-256 ({sum(c[0] for c in table.values())} of them)"):
        tap.expect(not missing, "\n".join(f"{r['pcap']}: {r['protocol']} {r['type']} {r.get('uri')} {r['size']} bytes"
                                          for r in missing))
    with tap.case("nothing incomplete is called whole"):
        wrong = [row for row in rows if not row["complete"] and not row.get("embedded") and
                 row.get("http_code") != 206 and hashes[row["pcap_sha256"]][row["sha256"]]]
        tap.expect(not wrong, "\n".join(f"{r['pcap']}: {r.get('uri')} {r['size']} bytes" for r in wrong))
    for (protocol, kind), (expected, seen) in sorted(table.items()):
        print(f"# {protocol:10} {kind:6} {seen:4} of {expected}")
    seen, differing = suricata(found, results)
    print(f"# suricata's fileinfo expectations: {seen[1]} of {seen[0]}")
    if arguments.verbose:
        for line in differing:
            print(f"#   {line}")
    if arguments.sanitized:
        sanitized = Sensor(arguments.sanitized)
        with tap.case("the collection under sanitizers"):
            if arguments.long:
                survive(found, replay_all(sanitized, found))
            else:
                result = sanitized.run("replay", "--rules", RULES, "--inspect", "both", "--events", "object", "--each",
                                       FOLDER, timeout=600)
                tap.expect(result.code in (0, 1) and "Sanitizer" not in result.err and
                           "runtime error" not in result.err, result.failed())
    tap.finish()


if __name__ == "__main__":
    main()
