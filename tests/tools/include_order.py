#!/usr/bin/python3
"""Prints each #include that breaks the order of the folders: a file of sensor/X may include its own folder, headers of
include/ that belong to X or to a folder before it, and nothing of a folder after it. A header's folder is the one that
implements it; headers without code (tables, contracts) take the first folder that may need them."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
# include/NAME and its folder; "any" may be used everywhere.
OWNERS = {
    "util": "buffer counters counter_list cursor digits encoded_words fate_list fold hash intern ip list_list log mem meta meta_list"
            " ring json utf8 uuencode yenc",
    "capture": "capture", "packet": "packet", "flow": "flow evasion_list", "stream": "stream",
    "app": "app app_list object_sink", "object": "object codec codec_list container_list",
    "facts": "facts fact_list recogniser_list tally value_list", "match": "explain lists match", "alert": "alert event",
    "output": "output redis_talk redis_url spool", "ops": "metrics privileges rule_load rule_reload rule_watch", "cli": "", "any": "config option_list version",
}
# Settings are handed to folders as values: only those that read many of them take the struct.
TAKE_CONFIG = {"output", "ops", "cli", ""}


def folders():
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("FOLDERS"):
                return line.split("=")[1].split()
    sys.exit("no FOLDERS in the Makefile")


def main():
    order = folders()
    owner = {name: folder for folder, names in OWNERS.items() for name in names.split()}
    rank = {folder: place for place, folder in enumerate(order)}

    def complain(path, line, name, why):
        print(f"{path}:{line}: includes {name}: {why}")

    for base in ("sensor", "include"):
        for folder, _, names in sorted(os.walk(os.path.join(ROOT, base))):
            for name in sorted(names):
                if not name.endswith((".c", ".h", ".def")):
                    continue
                path = os.path.relpath(os.path.join(folder, name), ROOT)
                parts = path.split("/")
                stem = name.rsplit(".", 1)[0]
                if base == "include":
                    if stem not in owner:
                        print(f"{path}: belongs to no folder: add it to tests/tools/include_order.py")
                        continue
                    own = owner[stem]
                else:
                    own = parts[1] if len(parts) > 2 else ""
                with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                    for number, line in enumerate(file, 1):
                        found = INCLUDE.match(line)
                        if found:
                            check(path, number, found[1], own, owner, rank, complain)


def check(path, number, name, own, owner, rank, complain):
    mine = rank.get(own, len(rank))
    if own == "any" or "../" in name:
        if "../" in name:
            complain(path, number, name, "a path upwards")
        return
    if "/" in name:
        folder = name.split("/")[0]
        if own and folder != own:
            complain(path, number, name, f"a private header of {folder}/")
        return
    stem = name.rsplit(".", 1)[0]
    if stem not in owner:
        return  # a private header beside the file, or one the compiler will miss
    if os.path.exists(os.path.join(os.path.dirname(os.path.join(ROOT, path)), name)) and not path.startswith("include"):
        return
    folder = owner[stem]
    if folder == "any":
        if stem != "version" and own not in TAKE_CONFIG:
            complain(path, number, name, f"{own}/ takes its settings as values")
    elif rank[folder] > mine:
        complain(path, number, name, f"{folder}/ stands after {own}/")


if __name__ == "__main__":
    main()
