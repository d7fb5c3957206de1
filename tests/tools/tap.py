"""Test results as TAP (testanything.org): what tests/run.py reads from every step. A case is a `with` block:

    with tap.case("a broken rule names its line"):
        expect(code == 2, f"exit {code}")

`expect` raises Failed, `skip` raises Skipped; anything else that is raised fails the case with its traceback."""

import sys
import traceback


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def expect(truth, message):
    if not truth:
        raise Failed(message)


def equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: got {got!r}, wanted {wanted!r}")


def skip(reason):
    raise Skipped(reason)


class case:
    number = 0
    failures = 0

    def __init__(self, name):
        self.name = name.replace("#", "_")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        case.number += 1
        if kind is None:
            print(f"ok {case.number} - {self.name}", flush=True)
        elif issubclass(kind, Skipped):
            print(f"ok {case.number} - {self.name} # SKIP {value}", flush=True)
        elif issubclass(kind, Exception):
            case.failures += 1
            print(f"not ok {case.number} - {self.name}")
            text = str(value) if kind is Failed else "".join(traceback.format_exception(kind, value, trace))
            for line in text.splitlines():
                print(f"# {line}")
            sys.stdout.flush()
        else:
            return False
        return True


def finish():
    print(f"1..{case.number}", flush=True)
    sys.exit(1 if case.failures else 0)
