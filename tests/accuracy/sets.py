#!/usr/bin/python3
"""Precision and recall of the recognisers on sets that were made from the standards and not from the recognisers: the
makers of images.py, biometrics.py, travel.py and tables.py. What is wanted must be found with its facts; of a look-alike
nothing of its family may be found.

usage: sets.py [--sensor PATH] [--rounds N] [--seed N] [--tap] [--keep DIR]

Prints a table; with --tap one line a family, which fails where a figure is below what KNOWN allows."""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

import biometrics
import bombs
import chips
import chips
import coded
import images
import sealed
import tables
import travel
import unusual

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Families, their makers, and the facts that must be neutral for a look-alike.
IMAGE = ("image_valid",)
BIOMETRIC = ("biometric_valid",)
FAMILIES = [
    ("JPEG", images.jpeg, IMAGE), ("JPEG 2000", images.jp2, IMAGE), ("WSQ", images.wsq, BIOMETRIC),
    ("PNG", images.png, IMAGE), ("GIF, BMP, TIFF, WebP, HEIF", images.other_images, IMAGE),
    ("unusual pictures, JPEG XL", unusual.unusual, IMAGE),
    ("decompression bombs", bombs.bombs, ("image_bomb",)),
    ("JPEG-LS", images.jpeg_ls, IMAGE), ("JPEG without its head", images.fragments, ("image_fragment",)),
    ("finger minutiae (FMR)", biometrics.fmr, BIOMETRIC), ("finger images (FIR)", biometrics.fir, BIOMETRIC),
    ("faces (FAC)", biometrics.fac, BIOMETRIC), ("irises (IIR)", biometrics.iir, BIOMETRIC),
    ("ICAO data groups, 39794", biometrics.icao, BIOMETRIC), ("chip files, CBEFF, PIV", chips.chips, BIOMETRIC),
    ("encrypted containers", sealed.sealed, ("encrypted_container",)),
    ("coded inside text", coded.coded, IMAGE + BIOMETRIC), ("ANSI/NIST-ITL", biometrics.an2k, BIOMETRIC),
    ("vendor templates", biometrics.templates, BIOMETRIC), ("MRZ", travel.mrz, ("mrz_valid_count",)),
    ("PAXLST, PNRGOV", travel.passengers, ("pnr_count",)),
    ("SSN, passport numbers", travel.identifiers, ("ssn_count", "passport_count")),
    ("licence plates", tables.plates, ("plate_row_count",)), ("embeddings", tables.embeddings, ("embedding_count",)),
]

# Families that may miss something, and why: (least recall, least precision).
KNOWN = {}


def facts_of(sensor, paths):
    """Of each file itself, with those of the objects found in it under "inside"."""
    out = subprocess.run([sensor, "facts", *paths], stdout=subprocess.PIPE, check=True).stdout
    lines = [json.loads(line) for line in out.splitlines()]
    found = {line["file"]: dict(line["facts"], inside=[]) for line in lines if line["facts"]["object_depth"] == 0}
    for line in lines:
        if line["facts"]["object_depth"] > 0:
            found[line["file"]]["inside"].append(line["facts"])
    return [found[path] for path in paths]


def holds(facts, want):
    for name, value in want.items():
        if name == "inside":
            if not any(holds(inner, value) for inner in facts["inside"]):
                return False
        elif isinstance(value, tuple):
            if not value[0] <= facts[name] <= value[1]:
                return False
        elif facts[name] != value:
            return False
    return True


class Family:
    def __init__(self, name):
        self.name = name
        self.wanted = self.found = self.alike = self.taken = 0
        self.failures = []

    @property
    def recall(self):
        return self.found / self.wanted if self.wanted else 1

    @property
    def precision(self):
        return self.found / (self.found + self.taken) if self.found + self.taken else 1


def measure(sensor, name, make, neutral, rounds, seed, keep):
    family = Family(name)
    rng = random.Random(f"{seed} {name}")
    with tempfile.TemporaryDirectory(prefix="accuracy-") as folder:
        folder = keep or folder
        items = [item for _ in range(rounds) for item in make(rng)]
        paths = []
        for i, (_, data, _) in enumerate(items):
            paths.append(os.path.join(folder, f"{name.split()[0].strip(',').replace('/', '-')}-{i:04d}.bin"))
            with open(paths[-1], "wb") as out:
                out.write(data)
        facts = []
        for at in range(0, len(paths), 500):
            facts += facts_of(sensor, paths[at:at + 500])
    for (label, _, want), path, have in zip(items, paths, facts):
        if want is None:
            family.alike += 1
            bad = any(inner[fact] for inner in [have] + (have["inside"] if make is coded.coded else []) for fact in neutral)
            family.taken += bad
        else:
            family.wanted += 1
            bad = not holds(have, want)
            family.found += not bad
        if bad:
            differing = {fact: have[fact] for fact in (want or neutral) if not want or not holds(have, {fact: want[fact]})}
            wanted = {fact: want[fact] for fact in differing} if want else "nothing"
            family.failures.append(f"{os.path.basename(path)} {label}: wanted {wanted}, have {differing}")
    return family


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tap", action="store_true")
    parser.add_argument("--show", type=int, default=4, help="failures of a family")
    parser.add_argument("--keep")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    bad = 0
    if not arguments.tap:
        print(f"{'generated sets':30} {'records':>8} {'recall':>8} {'look-alikes':>12} {'precision':>10}")
    number = 0
    for name, make, neutral in FAMILIES:
        if arguments.only not in name:
            continue
        number += 1
        family = measure(arguments.sensor, name, make, neutral, arguments.rounds, arguments.seed, arguments.keep)
        least = KNOWN.get(name, (1, 1))
        good = family.recall >= least[0] and family.precision >= least[1]
        bad += not good
        if arguments.tap:
            print(f"{'ok' if good else 'not ok'} {number} - {name}: recall {family.recall:.3f} of {family.wanted},"
                  f" precision {family.precision:.3f} against {family.alike} look-alikes")
        else:
            print(f"{name:30} {family.wanted:8} {family.recall:8.3f} {family.alike:12} {family.precision:10.3f}")
        if not good:
            for failure in family.failures[:arguments.show]:
                print(f"# {failure[:400]}")
    if arguments.tap:
        print(f"1..{number}")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
