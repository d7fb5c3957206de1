#!/usr/bin/python3
"""How fast the sensor reads, beside what others need for the same bytes in the same run: tcpdump copying the file,
tcpflow putting its streams together, tshark exporting its objects. Captures are generated once into BENCH_DIR
(default /tmp/dlp-bench) and read from the page cache. Medians; `of tcpdump` is the sensor's rate as a part of
tcpdump's, which tells more than seconds on a noisy machine.

usage: run.py [--sensor PATH] [--megabytes N] [--runs N] [--no-peers] [--json FILE] [KIND...]"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.environ.get("BENCH_DIR", "/tmp/dlp-bench")
GENERATOR = ["generate.c", "generate_files.c", "generate.h"]
KINDS = {"jpeg-post": 500, "mixed": 500, "small-flows": 456, "mail-files": 300}
# What the best peer reached on one core, where it was measured: Gbit/s, or million packets a second.
MARKS = {"jpeg-post": ("gbit", 2.5), "mixed": ("gbit", 4.0), "small-flows": ("mpps", 0.35)}


def build():
    for name, parts in (("generate", GENERATOR), ("measure", ["measure.c"])):
        subprocess.run(["gcc", "-O2", "-o", f"{FOLDER}/{name}", *(f"{HERE}/{part}" for part in parts if part.endswith(".c"))],
                       check=True)


def capture(kind, megabytes):
    """(path, bytes of frames, packets, pictures that must come out whole or 0 where nobody counted)"""
    path = f"{FOLDER}/{kind}-{megabytes}.pcap"
    note = path + ".json"
    stamp = max(os.stat(f"{HERE}/{part}").st_mtime for part in GENERATOR)
    if not os.path.exists(note) or os.stat(note).st_mtime < stamp:
        said = subprocess.run([f"{FOLDER}/generate", kind, str(megabytes), path], check=True, capture_output=True,
                              text=True).stdout.split()
        packets = int(said[1])
        with open(note, "w", encoding="utf-8") as file:
            json.dump({"packets": packets, "bytes": int(said[3]) - 16 * packets, "files": int(said[7])}, file)
    with open(note, encoding="utf-8") as file:
        made = json.load(file)
    return path, made["bytes"], made["packets"], made["files"]


def whole_pictures(sensor, path):
    replay = [sensor, "replay", "-q", "--rules", f"{ROOT}/rules", "--events", "object", path]
    with subprocess.Popen(replay, stdout=subprocess.PIPE, text=True) as done:
        rows = (json.loads(line) for line in done.stdout)
        return sum(row["fileinfo"]["state"] == "CLOSED" and row["dlp"]["object_type"] == "jpeg" for row in rows)


def measure(command, runs):
    """Medians of seconds, CPU seconds and peak MiB."""
    rows = []
    for _ in range(runs):
        done = subprocess.run([f"{FOLDER}/measure", *command], capture_output=True, text=True, check=True)
        seconds, cpu, peak, code = done.stdout.split()
        if code != "0":
            sys.exit(f"{' '.join(command)}: exit {code}\n{done.stderr[-2000:]}")
        rows.append((float(seconds), float(cpu), int(peak) / 1024))
    return [statistics.median(column) for column in zip(*rows)]


def peers(path, folder):
    """(name, command, at most so many runs)"""
    yield "tcpdump -w /dev/null", ["tcpdump", "-Z", "root", "-r", path, "-w", "/dev/null"], 99
    yield "tcpflow", ["tcpflow", "-q", "-o", folder, "-r", path], 2
    yield "tshark objects", ["tshark", "-r", path, "-Q", "--export-objects", "http," + folder], 1


def run_kind(kind, arguments):
    path, size, packets, files = capture(kind, arguments.megabytes or KINDS[kind])
    if files:
        recovered = whole_pictures(arguments.sensor, path)
        print(f"\n{kind}: {recovered} of {files} files recovered whole")
        if recovered != files:
            sys.exit(f"{kind}: what is measured is not the work that it should be")
    with open(path, "rb") as file:  # into the page cache
        while file.read(1 << 24):
            pass
    print(f"\n{kind}: {size / 1e6:.0f} MB in {packets / 1e6:.2f} million packets")
    print(f"  {'':22} {'Gbit/s':>8} {'Mpps':>8} {'CPU s':>8} {'peak MiB':>9}")
    result = {}

    def row(name, command, runs):
        seconds, cpu, peak = measure(command, runs)
        result[name] = {"gbit": size * 8 / seconds / 1e9, "mpps": packets / seconds / 1e6, "cpu": cpu, "peak_mib": peak,
                        "seconds": seconds}
        print(f"  {name:22} {result[name]['gbit']:8.2f} {result[name]['mpps']:8.3f} {cpu:8.2f} {peak:9.0f}", flush=True)

    replay = [arguments.sensor, "replay", "-q", "--rules", f"{ROOT}/rules", "--json", "/dev/null"]
    row("dlp-sensor", replay + ["--workers", "1", path], arguments.runs)
    row("dlp-sensor, 2 workers", replay + ["--workers", "2", path], arguments.runs)
    for name, command, most in peers(path, ""):
        if not shutil.which(command[0]) or (arguments.no_peers and most < 99):
            continue
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            command = [folder if word == "" else word + folder if word == "http," else word for word in command]
            row(name, command, min(most, arguments.runs))
    unit, mark = MARKS.get(kind, ("gbit", None))
    own = result["dlp-sensor"]
    print(f"  one worker: {own[unit]:.2f} {'Gbit/s' if unit == 'gbit' else 'Mpps'}"
          f"{f' against the mark of {mark}' if mark else ''};"
          f" {own['seconds'] and result['tcpdump -w /dev/null']['seconds'] / own['seconds'] * 100:.0f} % of tcpdump")
    profile = subprocess.run([arguments.sensor, "replay", "--profile", "--rules", f"{ROOT}/rules", "--json", "/dev/null",
                              path], capture_output=True, text=True, check=False)
    if "ns/packet" in profile.stderr:
        print("  where the time goes (measured stage by stage, which itself costs):")
        for line in profile.stderr.splitlines():
            if "ns/packet" in line or line.rstrip().endswith("%"):
                print("    " + line)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="only tcpdump")
    parser.add_argument("--json", help="also write the numbers here")
    parser.add_argument("kinds", nargs="*", default=[])
    arguments = parser.parse_args()
    os.makedirs(FOLDER, exist_ok=True)
    build()
    results = {kind: run_kind(kind, arguments) for kind in arguments.kinds or KINDS}
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
