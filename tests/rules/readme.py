#!/usr/bin/python3
"""The walk-through of rules/README.md, typed as it stands there: each file it says to save is saved, each command is
run, and what it prints must be what the page shows. `...` stands for anything, a number for any number.

usage: readme.py [--sensor PATH] [--write]        --write: puts what the commands print into the page"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import tap  # noqa: E402
from redis import Redis  # noqa: E402
from sensor import ROOT, RULES  # noqa: E402

PAGE = os.path.join(RULES, "README.md")
REDIS = "redis://127.0.0.1:6379"
SAVE = re.compile(r"(?:[Ss]ave|and) as `([^`]+)`:\n\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Desk:
    """Where the tuner sits: a folder with the shipped rules and captures, the program and Redis at hand."""

    def __init__(self, sensor, folder, redis):
        self.folder, self.redis = folder, redis
        for name in ("rules", "pcaps"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        os.mkdir(os.path.join(folder, "bin"))
        os.symlink(os.path.abspath(sensor), os.path.join(folder, "bin", "dlp-sensor"))

    def save(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def type(self, command):
        environment = dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}", TZ="UTC")
        done = subprocess.run(["bash", "-c", command.replace(REDIS, self.redis.url)], cwd=self.folder, check=False,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.stdout.decode("utf-8", "replace").replace(self.redis.url, REDIS).replace(ROOT + "/", "")


def shows(shown, printed):
    """Blanks at line ends aside, with `...` for anything, and with another number for any number that is not zero:
    rules are added and lines move."""
    def pattern(line):
        if line == "...":
            return r"(?:.*\n)*"
        parts = [re.sub(r"(?<![0-9a-f])[1-9][0-9]*(?![0-9a-f])", r"[1-9][0-9]*", re.escape(part))
                 for part in line.rstrip().split("...")]
        return ".*".join(parts) + r"\n"

    wanted = "".join(pattern(line) for line in shown.splitlines())
    return re.fullmatch(wanted, "".join(line.rstrip() + "\n" for line in printed.splitlines())) is not None


def steps(page):
    """The files to save and the blocks of commands, in the page's order: (place, match)."""
    return sorted([(m.start(), m) for m in SAVE.finditer(page)] + [(m.start(), m) for m in CONSOLE.finditer(page)],
                  key=lambda step: step[0])


def play(desk, page):
    """(command, shown, printed, where the output stands in the page) of each command."""
    for _, found in steps(page):
        if found.re is SAVE:
            desk.save(found[1], found[2])
            continue
        for part in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", found[1], re.MULTILINE):
            base = found.start(1)
            yield part[1], part[2], desk.type(part[1]), (base + part.start(2), base + part.end(2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with tempfile.TemporaryDirectory() as folder, Redis() as redis:
        results = list(play(Desk(arguments.sensor, folder, redis), page))
    if arguments.write:
        for _, shown, printed, (begin, end) in reversed(results):
            if not shows(shown, printed):
                page = page[:begin] + "".join(line.rstrip() + "\n" for line in printed.splitlines()) + page[end:]
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page)
        return
    for command, shown, printed, _ in results:
        with tap.case(f"rules/README.md: {command[:90]}"):
            tap.expect(shows(shown, printed), f"the page shows:\n{shown}\nthe command prints:\n{printed}")
    with tap.case("the walk-through has commands and files"):
        tap.expect(len(results) >= 8, f"{len(results)} commands")
    tap.finish()


if __name__ == "__main__":
    main()
