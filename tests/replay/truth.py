#!/usr/bin/python3
"""Captures nobody here wrote, against what other tools found in them. Every capture of a collection (DLP_TRUTH, by
default ../shared/pcaps) must replay without crash, hang or ledger error; every complete object, of whatever protocol,
must come out with its SHA-256; nothing known to be incomplete may be called whole. What Suricata's own tests state of
files must hold, or be explained below.

usage: truth.py [--sensor PATH] [--sanitized PATH] [--long] [-v]"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

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


# What Suricata states otherwise, and why. A row that agrees after all needs no excuse.
EXPLAINED = {
    "tests/bug-4953": "its sizes leave out the bytes that are missing; ours keep offsets true",
    "tests/bug-5392": "its sizes leave out the bytes that are missing; ours keep offsets true",
    "tests/filestore-v2.7-stream-depth": "the limit its test sets on the depth of a stream",
    "tests/http-gap-simple": "takes a line end behind Content-Length for body",
    "tests/http-gap-simple-frames": "takes a line end behind Content-Length for body",
    "tests/http-gap-simple-frames-ips": "takes a line end behind Content-Length for body",
    "tests/http-not09-file": "the client's bytes are no HTTP, so the answer is one object, head and all",
    "tests/mime/smtp-mime-encap-8649-baseline": "leaves out the last line end of a body",
    "tests/nfs4-01": "files of NFS",
    "tests/smtp-bug-5981": "takes frames with wrong checksums (-k none)",
    "tests/smtp-long-DATA-line": "takes frames with wrong checksums (-k none)",
    "tests/tcp-rst-unacked-stream-10": "the digest of a file that is not whole",
}


def agrees(row, event, digests):
    """Whether an object event is the file that a fileinfo row states, as far as the row says."""
    info, name = event["fileinfo"], row.get("filename")
    ends = {(event["src_ip"], event.get("src_port")), (event["dest_ip"], event.get("dest_port"))}
    for ip, port in (("src_ip", "src_port"), ("dest_ip", "dest_port")):
        if row.get(ip) and not any(row[ip] == end[0] and row.get(port) in (None, end[1]) for end in ends):
            return False
    if name is not None and info.get("filename", "") not in (name, re.split(r"[\\/]", name.rstrip("\\/"))[-1]):
        return False
    if row.get("md5") is not None and digests.get(info.get("sha256")) != row["md5"]:
        return False
    return all(row.get(key) in (None, info.get(key)) for key in ("size", "sha256", "state", "gaps", "tx_id"))


def md5_of_objects(sensor, path):
    """{sha256: md5} of the whole objects of a capture."""
    with tempfile.TemporaryDirectory() as folder:
        sensor.replay("--inspect", "both", "--objects", folder, path, timeout=SECONDS)
        digests = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                digests[name] = hashlib.md5(file.read()).hexdigest()
        return digests


def suricata(sensor, found, results):
    """[expected, found], and what differs, over what the tests state of files: flow, name, size, digests, state, gaps,
    transaction, and how many there are."""
    with open(os.path.join(FOLDER, "suricata_fileinfo_public.json"), encoding="utf-8") as file:
        tests = json.load(file)
    seen, missing = [0, 0], []
    for test in tests:
        result = results.get(test["pcap_sha256"])
        if result is None:
            continue
        digests = {}
        if any(row.get("md5") for row in test["files"]):
            digests = md5_of_objects(sensor, found[test["pcap_sha256"]][0])
        for row in test["files"]:
            checks = {key: row[key] for key in ("sha256", "md5", "size", "filename", "state") if row.get(key) is not None}
            if not checks or not row["count"] or row["event_type"] not in ("fileinfo", None):
                continue
            seen[0] += 1
            count = sum(agrees(row, event, digests) for event in result.events("object"))
            if count >= (row["count"] if row["event_type"] else 1):
                seen[1] += 1
            else:
                missing.append((test["test"], f"{checks} {count} of {row['count']}"))
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
    seen, differing = suricata(Sensor(arguments.sensor), found, results)
    with tap.case(f"what Suricata's tests state of files holds here, or is explained ({seen[1]} of {seen[0]} hold)"):
        unexplained = [f"{test}: {what}" for test, what in differing if test not in EXPLAINED]
        tap.expect(not unexplained, "\n".join(unexplained))
    for test, what in differing:
        print(f"# {test}: {what}: {EXPLAINED.get(test, '?')}")
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
