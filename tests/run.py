#!/usr/bin/python3
"""Everything `make test` runs, a step a line. A step that speaks TAP counts each of its cases, any other is one
case by its exit code. Output is kept in build/test/NAME.log; a failing step's is printed. The last line is
`N passed, N failed`; the exit code is 1 when anything failed.

usage: run.py [--long] [STEP...]"""

import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = "build/test"
PYTHON = "/usr/bin/python3"
MAKE = ["make", "--no-print-directory", "-j2", "WERROR=1"]
ASAN = ["SAN=address,undefined", "BUILD=build/asan"]
CASE = re.compile(r"^(ok|not ok)\b\s*\d*\s*-?\s*(.*)$")


def steps(long):
    """(name, command, seconds allowed). Commands run in the repository's root."""
    pace = 60 if long else 1
    short = [] if long else ["--short"]
    yield "build-gcc", MAKE + ["all", "unit-programs", "build/accuracy/scan", "build/app/talk"], 900
    yield "build-clang", MAKE + ["CC=clang", "BUILD=build/clang", "all"], 900
    yield "build-asan", MAKE + ASAN + ["all", "unit-programs"], 1200
    for build, suffix in (("build", ""), ("build/asan", "-asan")):
        yield "unit" + suffix, ["tests/tools/unit.sh", f"{build}/unit"], 600 * pace
    yield "replay", [PYTHON, "tests/replay/run.py", "--sensor", "build/dlp-sensor"], 600
    yield "replay-asan", [PYTHON, "tests/replay/run.py", "--sensor", "build/asan/dlp-sensor", "--once"], 900
    yield "truth", [PYTHON, "tests/replay/truth.py", "--sensor", "build/dlp-sensor", "--sanitized",
                    "build/asan/dlp-sensor"] + (["--long"] if long else []), 900 * pace
    yield "rules", [PYTHON, "tests/rules/run.py", "--sensor", "build/dlp-sensor"], 120
    yield "opaque", [PYTHON, "tests/replay/opaque.py", "--sensor", "build/dlp-sensor"], 300
    yield "workers", [PYTHON, "tests/replay/workers.py", "--sensor", "build/dlp-sensor"] + \
        (["--long"] if long else []), 600 * pace
    yield "gaps", [PYTHON, "tests/replay/gaps.py", "--sensor", "build/dlp-sensor"], 300
    yield "networks", [PYTHON, "tests/replay/networks.py", "--sensor", "build/dlp-sensor"] + \
        (["--long"] if long else []), 300 * pace
    yield "mail", [PYTHON, "tests/replay/mail.py", "--sensor", "build/dlp-sensor"], 300
    yield "mail-asan", [PYTHON, "tests/replay/mail.py", "--sensor", "build/asan/dlp-sensor"], 600
    yield "mutations", [PYTHON, "tests/replay/mutations.py", "--sensor", "build/asan/dlp-sensor", "--count",
                        "100000" if long else "2400"], 600 * pace
    yield "tuning", [PYTHON, "tests/replay/tuning.py", "--sensor", "build/dlp-sensor"], 300
    yield "walk-through", [PYTHON, "tests/rules/readme.py", "--sensor", "build/dlp-sensor"], 120
    yield "reload", [PYTHON, "tests/replay/reload.py", "--sensor", "build/dlp-sensor"] + \
        (["--long"] if long else []), 120 * pace
    yield "prefilter", [PYTHON, "tests/replay/prefilter.py", "--sensor", "build/dlp-sensor"], 900
    yield "accuracy", [PYTHON, "tests/accuracy/sets.py", "--tap", "--rounds", "20" if long else "2"], 600 * pace
    yield "linear", [PYTHON, "tests/accuracy/linear.py", "--scan", "build/accuracy/scan"] + \
        (["--size", "200000"] if long else []), 900 * pace
    yield "linear-app", [PYTHON, "tests/app/linear.py", "--talk", "build/app/talk"] + \
        (["--size", "100000"] if long else []), 900 * pace
    yield "evasion", [PYTHON, "tests/evasion/board.py", "build/dlp-sensor", "rules"], 600
    yield "encapsulations", [PYTHON, "tests/evasion/encapsulations.py", "build/dlp-sensor", "rules"], 600
    yield "evasion-asan", [PYTHON, "tests/evasion/board.py", "build/asan/dlp-sensor", "rules"], 600
    yield "encapsulations-asan", [PYTHON, "tests/evasion/encapsulations.py", "build/asan/dlp-sensor", "rules"], 600
    yield "idle", [PYTHON, "tests/evasion/idle.py", "build/dlp-sensor", "rules"] + (["--long"] if long else []), \
        3600 if long else 900
    yield "floods", [PYTHON, "tests/evasion/floods.py", "build/dlp-sensor", "rules"] + (["--long"] if long else []), \
        900 * pace
    yield "live", [PYTHON, "tests/live/run.py", "--sensor", "build/dlp-sensor"], 300
    yield "opaque-live", [PYTHON, "tests/live/opaque.py", "--sensor", "build/dlp-sensor"], 600
    yield "protocols", [PYTHON, "tests/live/protocols.py", "--sensor", "build/dlp-sensor"] + \
        (["--long"] if long else []), 300 * pace
    if os.path.exists("tests/fault/run"):
        yield "fault", ["tests/fault/run"] + short, 600 * pace
    yield "install", ["tests/tools/install.sh"], 120
    yield "fuzz", ["tests/fuzz/run.sh", str(600 if long else 8)], 900 * pace
    yield "lint", ["tests/tools/lint.sh"], 300


# These need no clock and disturb nobody: two at a time, when the others are done.
SIDE_BY_SIDE = {"truth", "rules", "opaque", "mail", "mail-asan", "mutations", "accuracy", "linear", "linear-app", "evasion",
                "encapsulations", "evasion-asan", "encapsulations-asan", "idle", "floods", "networks", "fuzz", "lint"}


def run_step(name, command, allowed):
    """(passed, failed, skipped, log lines)"""
    path = f"{LOGS}/{name}.log"
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", ASAN_OPTIONS="detect_leaks=1:exitcode=99",
                       UBSAN_OPTIONS="print_stacktrace=1")
    timed_out = False
    with open(path, "wb") as log:
        try:
            child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment,
                                     stdin=subprocess.DEVNULL, start_new_session=True)
            code = child.wait(timeout=allowed)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            code, timed_out = child.wait(), True
        except OSError as error:
            log.write(f"{error}\n".encode())
            code = -1
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = log.read().splitlines()
    passed = failed = 0
    skipped = []
    for line in lines:
        found = CASE.match(line)
        if not found:
            continue
        if found[1] == "not ok":
            failed += 1
        elif "# SKIP" in found[2].upper():
            skipped.append(found[2])
        else:
            passed += 1
    if timed_out:
        lines.append(f"stopped: more than {allowed} seconds")
    if code != 0 and failed == 0:
        lines.append(f"exit code {code}")
        failed += 1
    elif code == 0 and passed + failed + len(skipped) == 0:
        passed = 1
    return passed, failed, skipped, lines


def timed(step):
    start = time.monotonic()
    return step[0], run_step(*step), time.monotonic() - start


def results(chosen):
    """(name, what run_step says, seconds), as they end."""
    yield from (timed(step) for step in chosen if step[0] not in SIDE_BY_SIDE)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rest = sorted((step for step in chosen if step[0] in SIDE_BY_SIDE), key=lambda step: step[0] not in ("floods", "fuzz"))
        for job in concurrent.futures.as_completed([pool.submit(timed, step) for step in rest]):
            yield job.result()


def show_failure(name, lines):
    print(f"----- {name}: build/test/{name}.log")
    shown = [i for i, line in enumerate(lines) if line.startswith("not ok")]
    if shown:
        for i in shown:
            end = i + 1
            while end < len(lines) and lines[end].startswith("#"):
                end += 1
            print("\n".join(lines[i:end]))
    else:
        print("\n".join(lines[-60:]))
    print("-----")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("steps", nargs="*", help="only these")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    os.makedirs(LOGS, exist_ok=True)
    if arguments.long:
        os.environ.setdefault("PROPERTY_CASES", "1000000")
    total = [0, 0, 0]
    begun = time.monotonic()
    chosen = [step for step in steps(arguments.long) if not arguments.steps or step[0] in arguments.steps]
    for name, (passed, failed, skipped, lines), seconds in results(chosen):
        verdict = "FAILED" if failed else "ok"
        print(f"{name:14} {verdict:7} {passed:5} passed {failed:4} failed {len(skipped):4} skipped"
              f" {seconds:7.1f} s", flush=True)
        for reason in skipped:
            print(f"               skipped: {reason}")
        if failed:
            show_failure(name, lines)
        total = [total[0] + passed, total[1] + failed, total[2] + len(skipped)]
    print(f"{total[2]} skipped, {time.monotonic() - begun:.0f} s; logs in {LOGS}/")
    summary = f"{total[0]} passed, {total[1]} failed"
    with open(f"{LOGS}/summary", "w", encoding="utf-8") as out:
        print(summary, file=out)
    print(summary)
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
