#!/usr/bin/python3
"""What the prefilter is worth (scan.c): the shipped rules, of which most speak of facts, and then 200 rules of strings
beside them, where the bytes alone decide. Exit 1 when the marks are missed: 5 times on JPEG and TLS-like bytes, twice on
text, with the same alerts.

usage: scan.py PROGRAM"""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(ROOT, "rules")


def strings(path):
    with open(path, "w", encoding="utf-8") as file:
        for n in range(200):
            file.write(f'rule string_{n} {{ strings: $a = "project {n:03} confidential" nocase $b = /case-{n:03}-[0-9]{{4}}/ '
                       f"$c = {{ 50 4B {n:02X} ?? 14 00 [2-6] 08 00 }} condition: any of them }}\n")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        many = os.path.join(folder, "strings.yar")
        strings(many)
        failed = False
        for title, paths in (("the shipped rules", [RULES]), ("and 200 rules of strings", [RULES, many])):
            print(f"prefilter against none: {title}", flush=True)
            failed = subprocess.run([program, "--marks", *paths], check=False).returncode != 0 or failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
