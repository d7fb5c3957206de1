#!/usr/bin/python3
"""Every door with real peers: files of mixed kinds leave a network of namespaces by each protocol, tcpdump listens on the
border, and the replayed capture must show every one of them whole, with its digest. TAP on standard output.

usage: protocols.py [--sensor PATH] [--keep DIR] [--count N] [PROTOCOL...]        needs root and the peers installed"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]
import netns  # noqa: E402
from doors import DOORS, Stage, digest  # noqa: E402
import doors_http  # noqa: E402,F401
import doors_mail  # noqa: E402,F401
import doors_share  # noqa: E402,F401
from sensor import Sensor, ledger_error  # noqa: E402


def record(stage, name, function):
    capture = stage.path("captures", f"{name}.pcap")
    tcpdump = stage.lab.start("router", "tcpdump", "-i", "wan0", "-s", "0", "-U", "--immediate-mode", "-B", "65536", "-w", capture,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tcpdump.stderr.readline()
    try:
        files = function(stage)
        time.sleep(0.5)
    finally:
        tcpdump.terminate()
        tcpdump.wait(10)
    return capture, files


def judge(sensor, rules, capture, files):
    """None, or what went wrong."""
    result = sensor.replay("--events", "object", capture, rules=rules)
    if result.code:
        return result.failed()
    error = ledger_error(result.stats)
    if error:
        return error
    whole = {row["fileinfo"].get("sha256") for row in result.events("object") if row["fileinfo"]["state"] == "CLOSED"}
    lost = [path for path in files if digest(path) not in whole]
    if lost:
        return f"{len(lost)} of {len(files)} did not come out whole: {', '.join(map(os.path.basename, lost[:8]))}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default="build/dlp-sensor")
    parser.add_argument("--keep", help="leave captures and files here")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("protocols", nargs="*")
    options = parser.parse_args()
    doors = [row for row in DOORS if not options.protocols or row[0] in options.protocols]
    print(f"1..{len(doors)}", flush=True)
    reason = netns.available()
    folder = options.keep or tempfile.mkdtemp(prefix="dlp-doors-")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    rules = os.path.join(folder, "none.yar")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('rule nothing { meta: description = "nothing" severity = "low" category = "none" condition: false }\n')
    failed = 0
    try:
        for number, (name, programs, function) in enumerate(doors, 1):
            absent = [program for program in programs if not shutil.which(program)]
            if reason or absent:
                print(f"ok {number} - {name} # SKIP {reason or 'not installed: ' + ', '.join(absent)}", flush=True)
                continue
            with netns.Lab() as lab:
                try:
                    capture, files = record(Stage(lab, folder, options.count), name, function)
                    error = judge(Sensor(options.sensor), rules, capture, files)
                except (RuntimeError, OSError, subprocess.SubprocessError) as trouble:
                    error, files = str(trouble), []
            failed += bool(error)
            print(f"{'not ok' if error else 'ok'} {number} - {name}: {len(files)} files", flush=True)
            for line in (error or "").splitlines():
                print(f"# {line}", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
