#!/usr/bin/python3
"""Every door with real peers: files of mixed kinds leave a network of namespaces by each protocol, tcpdump listens on
the border, and the replayed capture must show every one of them whole, with its digest. TAP on standard output. Without
--long each door takes as many files as there are sizes; with it, a hundred.

usage: protocols.py [--sensor PATH] [--keep DIR] [--long] [--count N] [PROTOCOL...]
needs root and the peers installed"""

import argparse
import collections
import concurrent.futures
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]
import netns  # noqa: E402
from doors import DOORS, SIZES, Missing, Stage, digest  # noqa: E402
import doors_http  # noqa: E402,F401
import doors_mail  # noqa: E402,F401
import doors_mail_more  # noqa: E402,F401
import doors_nfs  # noqa: E402,F401
import doors_other  # noqa: E402,F401
import doors_share  # noqa: E402,F401
from sensor import Sensor, ledger_error  # noqa: E402


ALONE = threading.Lock()  # for doors whose servers would meet


def record(stage, name, function):
    capture = stage.path("captures", f"{name}.pcap")
    tcpdump = stage.lab.start("router", "tcpdump", "-i", "wan0", "-s", "0", "-U", "--immediate-mode", "-B", "65536",
                              "-w", capture, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
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
    whole = collections.Counter(row["fileinfo"].get("sha256") for row in result.events("object")
                                if row["fileinfo"]["state"] == "CLOSED")
    lost = []
    for path in files:
        if whole[digest(path)] == 0:
            lost.append(os.path.basename(path))
        whole[digest(path)] -= 1  # two files of the same bytes are two objects
    return f"{len(lost)} of {len(files)} did not come out whole: {', '.join(lost[:8])}" if lost else None


def absent(programs):
    """The peers that are neither a program nor a Python module here."""
    return [name for name in programs if not shutil.which(name) and not importlib.util.find_spec(name)]


def play(row, options, folder, rules):
    """(what was sent, error, why it was skipped)"""
    name, programs, function = row
    begun = time.monotonic()
    missing = absent(programs)
    if missing:
        return "", None, "not installed: " + ", ".join(missing)
    try:
        with ALONE if getattr(function, "alone", False) else contextlib.nullcontext(), netns.Lab() as lab:
            capture, files = record(Stage(lab, folder, options.count), name, function)
        error = judge(Sensor(options.sensor), rules, capture, files)
        return f"{len(files)} files, {time.monotonic() - begun:.1f} s", error, None
    except Missing as what:
        return "", None, str(what)
    except (RuntimeError, OSError, subprocess.SubprocessError) as trouble:
        return "nothing sent", f"{trouble} {getattr(trouble, 'stderr', '') or ''}", None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default="build/dlp-sensor")
    parser.add_argument("--keep", help="leave captures and files here")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--count", type=int, help="files for each door")
    parser.add_argument("protocols", nargs="*")
    options = parser.parse_args()
    options.count = options.count or (100 if options.long else len(SIZES) + 1)
    doors = [row for row in DOORS if not options.protocols or row[0] in options.protocols]
    print(f"1..{len(doors)}", flush=True)
    reason = netns.available()
    folder = options.keep or tempfile.mkdtemp(prefix="dlp-doors-")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    rules = os.path.join(folder, "none.yar")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('rule nothing { meta: description = "nothing" severity = "low" category = "none"'
                   ' condition: false }\n')
    failed = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(play, row, options, os.path.join(folder, row[0]), rules) for row in doors if not reason]
            for number, (name, _, _) in enumerate(doors, 1):
                sent, error, skipped = ("", None, reason) if reason else jobs[number - 1].result()
                failed += bool(error)
                print(f"{'not ok' if error else 'ok'} {number} - {name}" +
                      (f" # SKIP {skipped}" if skipped else f": {sent}"), flush=True)
                for line in (error or "").splitlines():
                    print(f"# {line}", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
