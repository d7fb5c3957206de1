"""Running the sensor from tests, and reading what it says back."""

import json
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(ROOT, "rules")
IMAGES = {"jpeg"}
RECORDS = {"fmr", "wsq"}


class Result:
    def __init__(self, code, out, err, stats):
        self.code, self.out, self.err, self.stats = code, out, err, stats

    def events(self, kind=None):
        rows = [json.loads(line) for line in self.out.splitlines()]
        return [row for row in rows if kind is None or row["event_type"] == kind]

    def failed(self):
        """What a test prints when the sensor did not do as it should."""
        return f"exit {self.code}\n{self.err[-4000:]}"


class Sensor:
    def __init__(self, path):
        self.path = os.path.abspath(path)

    def run(self, *words, timeout=120, **settings):
        """Any command; standard output as text."""
        done = subprocess.run([self.path, *words], capture_output=True, timeout=timeout, check=False, **settings)
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"),
                      None)

    def replay(self, *words, rules=RULES, timeout=120, **settings):
        """A replay that also collects the counters."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "stats")
            result = self.run("replay", "--rules", rules, "--stats", path, *words, timeout=timeout, **settings)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    result.stats = json.load(file)["stats"]
        return result


def ledger_error(stats):
    """None, or how the bytes and packets of all fates miss what was captured."""
    if stats is None:
        return "no counters were written"
    captured = stats["capture"]
    for unit in ("bytes", "packets"):
        total = sum(stats[f"fate_{unit}"].values())
        if total != captured[unit]:
            return f"fate_{unit} add up to {total}, capture.{unit} is {captured[unit]}: {stats[f'fate_{unit}']}"
    return None


def final_alerts(events):
    """Each alert as its last event has it, in a form that holds still: (signature, state, size, sha256, direction,
    object type), sorted."""
    last = {}
    for event in events:
        if event["event_type"] == "alert":
            last[event["dlp"]["id"]] = event
    rows = []
    for event in last.values():
        info = event.get("fileinfo", {})
        rows.append((event["alert"]["signature"], info.get("state"), info.get("size"), info.get("sha256") or "",
                     event["dlp"]["direction"], event["dlp"]["object_type"]))
    return sorted(rows, key=str)
