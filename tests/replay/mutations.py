#!/usr/bin/python3
"""Damaged copies of captures, replayed by a sanitized build. Each capture of pcaps/ and of the collection truth.py
reads is cut short, has bits turned over, bytes of one place put in another, or records lost and doubled, all from one
seed. The sensor may say that an input cannot be read to its end; it may not crash, hang, or lose a byte of the ledger.
A copy that fails is kept, and named.

usage: mutations.py --sensor PATH [--count N] [--seed N] [--keep FOLDER]"""

import argparse
import concurrent.futures
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import tap  # noqa: E402
from sensor import ROOT, RULES, ledger_error  # noqa: E402

FOLDERS = (os.path.join(ROOT, "pcaps"), os.environ.get("DLP_TRUTH", os.path.join(ROOT, "..", "shared", "pcaps")))
SIZE_MAX = 4 << 20
BATCH = 24
SECONDS = 120


def captures():
    seen = set()
    for top in FOLDERS:
        for folder, _, names in sorted(os.walk(top)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.endswith((".json", ".jsonl", ".md", ".gz", ".zst")) or os.path.getsize(path) > SIZE_MAX:
                    continue
                with open(path, "rb") as file:
                    data = file.read()
                if data not in seen:
                    seen.add(data)
                    yield path, data


def records(data):
    """Where the records of a classic capture begin; empty for other formats."""
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    places, at = [], 24
    while order and at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        if at + 16 + length > len(data):
            break
        places.append((at, at + 16 + length))
        at += 16 + length
    return places


def mutate(source, data):
    """One damaged copy. Record headers of classic captures are mostly left whole, so that the damage reaches the
    decoders and not only the reader."""
    out, places = bytearray(data), records(data)
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        kind = source.randrange(7)
        low, high = source.choice(places) if places and source.random() < 0.9 else (8, len(out))
        low, high = min(low + 16, len(out)), min(high, len(out))
        if high - low < 2:
            continue
        at = source.randrange(low, high)
        if source.random() < 0.5:
            at = min(low + source.randrange(80), high - 1)  # headers are where it hurts
        if kind <= 1:
            out[at] ^= 1 << source.randrange(8)
        elif kind == 2:
            out[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
        elif kind == 3:
            width = min(source.choice((2, 4)), high - at)
            out[at:at + width] = source.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\xff\xff\0\0"))[:width]
        elif kind == 4:
            length = min(source.randrange(1, 64), high - at)
            other = source.randrange(len(data))
            piece = data[other:other + length]
            out[at:at + len(piece)] = piece
        elif kind == 5 and places:
            a, b = source.choice(places), source.choice(places)
            if b[1] - b[0] == a[1] - a[0]:
                out[a[0]:a[1]] = data[b[0]:b[1]]
        elif kind == 6 and source.random() < 0.3:
            del out[source.randrange(len(out) // 2, len(out)):]
            places = [place for place in places if place[1] <= len(out)]
    if places and source.random() < 0.2:  # the records in another order, some lost, some twice
        order = [data[a:b] for a, b in places if source.random() > 0.05]
        for _ in range(len(order) // 4):
            i = source.randrange(len(order))
            j = min(len(order) - 1, i + source.randrange(4))
            order[i], order[j] = order[j], order[i]
        out = bytearray(data[:24]) + b"".join(order)
    return bytes(out)


def run(sensor, paths, options):
    """What is wrong with replaying these, or None."""
    stats = paths[0] + ".stats"
    command = [sensor, "replay", "-q", "--rules", RULES, "--each", "--events", "all", "--json", "/dev/null", "--stats",
               stats, *options, *paths]
    if os.path.exists(stats):
        os.unlink(stats)
    environment = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS * len(paths),
                              env=environment, check=False)
    except subprocess.TimeoutExpired:
        return "still running"
    if done.returncode not in (0, 1) or "runtime error" in done.stderr or "Sanitizer" in done.stderr:
        return f"exit {done.returncode}: {done.stderr[-3000:]}"
    if not os.path.exists(stats):
        return f"exit {done.returncode} and no counters: {done.stderr[-3000:]}"
    with open(stats, encoding="utf-8") as file:
        return ledger_error(json.load(file)["stats"])


def try_batch(sensor, folder, keep, number, copies):
    """[(name, what is wrong)] of the copies that fail."""
    source = random.Random(number)
    options = source.choice((("--inspect", "both"), (), ("--inspect", "both", "--workers", "2"),
                             ("--inspect", "both", "--memory", "64")))
    paths = []
    for i, (name, data) in enumerate(copies):
        path = os.path.join(folder, f"{number}-{i}-{name}")
        with open(path, "wb") as file:
            file.write(data)
        paths.append(path)
    bad = []
    if run(sensor, paths, options):
        for path in paths:
            trouble = run(sensor, [path], options)
            if trouble:
                os.makedirs(keep, exist_ok=True)
                kept = os.path.join(keep, os.path.basename(path))
                os.rename(path, kept)
                bad.append((f"{kept} {' '.join(options)}", trouble))
        if not bad:
            bad.append((f"batch {number}", "fails together, not alone"))
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "asan", "dlp-sensor"))
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default=os.path.join(ROOT, "build", "test", "mutations"))
    arguments = parser.parse_args()
    source, found = random.Random(arguments.seed), list(captures())
    bad = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder, \
            concurrent.futures.ThreadPoolExecutor(2) as threads:
        jobs = []
        for number in range((arguments.count + BATCH - 1) // BATCH):
            chosen = [source.choice(found) for _ in range(BATCH)]
            copies = [(os.path.basename(path), mutate(source, data)) for path, data in chosen]
            jobs.append(threads.submit(try_batch, arguments.sensor, folder, arguments.keep,
                                       arguments.seed * 100000 + number, copies))
            if len(jobs) % 4 == 0:  # copies wait in memory: not too many
                bad += [trouble for job in jobs for trouble in job.result()]
                jobs.clear()
        bad += [trouble for job in jobs for trouble in job.result()]
    with tap.case(f"{arguments.count} damaged copies of {len(found)} captures: no crash, no hang, one fate a byte"):
        tap.expect(not bad, "\n".join(f"{name}: {trouble}" for name, trouble in bad))
    tap.finish()


if __name__ == "__main__":
    main()
