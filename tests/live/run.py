#!/usr/bin/python3
"""The sensor on a live link: real curl and nginx talk across veth pairs in namespaces of their own, the sensor listens
on the border and writes to a private Redis.

usage: run.py [--sensor PATH]"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import make_records  # noqa: E402
import netns  # noqa: E402
import tap  # noqa: E402
from record import SERVER, start_servers  # noqa: E402
from redis import Redis  # noqa: E402
from sensor import ROOT, RULES, ledger_error  # noqa: E402

CONFIG = """
sensor:
  name: live
  user: ""
spool:
  dir: {folder}/spool
metrics:
  listen: ""
"""


class Capture:
    """The sensor in the router's namespace, from its first sign of life to its end."""

    def __init__(self, lab, sensor, redis, *words, interfaces=("wan0",)):
        self.redis = redis
        redis.call("FLUSHALL")
        self.folder = tempfile.mkdtemp(dir=lab.folder)
        self.stats = os.path.join(self.folder, "stats")
        self.log = os.path.join(self.folder, "log")
        config = os.path.join(self.folder, "sensor.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(folder=self.folder))
        os.mkdir(os.path.join(self.folder, "spool"))
        listen = [word for interface in interfaces for word in ("-i", interface)]
        with open(self.log, "wb") as log:
            self.child = lab.start("router", sensor, "capture", "-c", config, "--rules", RULES, "--redis", redis.url,
                                   "--stats", self.stats, *listen, *words, stdout=log, stderr=log)
        self.wait(lambda: "capturing" in self.said(), 20, "the sensor to start")

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, condition, seconds, what):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until or (self.child.poll() is not None and not condition()):
                raise tap.Failed(f"waited for {what}; exit {self.child.poll()}\n{self.said()[-3000:]}")
            time.sleep(0.05)

    def alerts(self):
        """Every alert event now in Redis, in order."""
        return [json.loads(fields["event"]) for _, fields in self.redis.entries("dlp:alerts:live")]

    def finals(self):
        """{(signature, sha256): state} by the last event of each alert."""
        last = {event["dlp"]["id"]: event for event in self.alerts()}
        return sorted((e["alert"]["signature"], e["fileinfo"]["state"], e["fileinfo"].get("sha256", ""))
                      for e in last.values())

    def stop(self):
        """SIGTERM, exit 0, and the counters."""
        self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise tap.Failed(f"still running 20 s after SIGTERM\n{self.said()[-3000:]}") from None
        tap.equal(code, 0, f"exit code\n{self.said()[-3000:]}\nexit code")
        with open(self.stats, encoding="utf-8") as file:
            stats = json.load(file)["stats"]
        tap.expect(ledger_error(stats) is None, ledger_error(stats))
        return stats


def has(capture, picture, state):
    digest = hashlib.sha256(picture).hexdigest() if state == "CLOSED" else ""
    return ("outbound_jpeg_photo", state, digest) in capture.finals()


def upload(lab, path, *words, name="photo.jpg"):
    return lab.start("workstation", "curl", "-sS", "-o", "/dev/null", "--max-time", "60", *words, "-T", path,
                     f"http://{SERVER}/upload/{name}", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def play(lab, sensor, redis):
    pictures = []
    for seed in range(31, 37):
        path = os.path.join(lab.folder, f"{seed}.jpg")
        picture = make_records.photo(seed)
        if seed == 31:  # large enough to be sent slowly
            picture += b"".join(make_records.photo(seed + 100 + i) for i in range(4))
        with open(path, "wb") as file:
            file.write(picture)
        pictures.append((path, picture))

    with tap.case("the alert is in Redis while the upload runs, and its end follows under the same id"):
        capture = Capture(lab, sensor, redis, "--workers", "1")
        path, picture = pictures[0]
        client = upload(lab, path, "--limit-rate", "60k")
        capture.wait(capture.alerts, 15, "an alert")
        tap.expect(client.poll() is None, "the upload was over before the alert came")
        first = capture.alerts()[0]
        tap.expect(first["dlp"]["in_flight"], f"in flight: {first}")
        tap.equal(first["fileinfo"]["state"], "OPEN", "state in flight")
        tap.equal(client.wait(30), 0, "curl")
        capture.wait(lambda: has(capture, picture, "CLOSED"), 10, "the alert's end")
        same = [e for e in capture.alerts() if e["dlp"]["id"] == first["dlp"]["id"]]
        tap.expect(len(same) == 2 and same[1]["dlp"]["update"], f"{len(same)} events of one alert")
        tap.equal(same[1]["in_iface"], "wan0", "in_iface")
        stats = capture.stop()
        tap.equal(stats["capture"]["kernel_drops"], 0, "kernel drops")
        tap.expect("interface_drops" in stats["capture"], "interface drops are counted")
    with tap.case("SIGTERM during an upload: the object is finished as truncated, exit 0"):
        capture = Capture(lab, sensor, redis, "--workers", "1")
        client = upload(lab, pictures[0][0], "--limit-rate", "40k")
        capture.wait(capture.alerts, 15, "an alert")
        stats = capture.stop()
        client.kill()
        tap.expect(has(capture, b"", "TRUNCATED"), f"{capture.finals()}")
        tap.expect(stats["flow"]["ended_shutdown"] >= 1, f"{stats['flow']}")
    with tap.case("two workers share the link: every upload has its alert"):
        capture = Capture(lab, sensor, redis, "--workers", "2")
        clients = [upload(lab, path, name=f"{i}-{n}.jpg") for n in range(3) for i, (path, _) in enumerate(pictures[1:])]
        for client in clients:
            tap.equal(client.wait(30), 0, "curl")
        wanted = sorted(("outbound_jpeg_photo", "CLOSED", hashlib.sha256(p).hexdigest()) for _, p in pictures[1:]) * 3
        capture.wait(lambda: [f for f in capture.finals() if f[0] == "outbound_jpeg_photo"] == sorted(wanted), 15,
                     f"{len(wanted)} alerts")
        capture.stop()
    with tap.case("an inside web server read from outside"):
        with open(os.path.join(lab.folder, "site", "seen.jpg"), "wb") as file:
            file.write(pictures[1][1])
        capture = Capture(lab, sensor, redis, "--workers", "1")
        lab.call("outside", "curl", "-sS", "-o", "/dev/null", "http://10.20.0.80/seen.jpg")
        capture.wait(lambda: has(capture, pictures[1][1], "CLOSED"), 10, "the alert")
        tap.equal(capture.alerts()[-1]["dlp"]["sender"], "server", "sender")
        capture.stop()
    with tap.case("two interfaces that see the same packets: one alert for each object"):
        capture = Capture(lab, sensor, redis, "--workers", "1", interfaces=("br0", "wan0"))
        tap.equal(upload(lab, pictures[2][0]).wait(30), 0, "curl")
        capture.wait(lambda: has(capture, pictures[2][1], "CLOSED"), 10, "the alert")
        stats = capture.stop()
        photos = [f for f in capture.finals() if f[0] == "outbound_jpeg_photo"]
        tap.equal(len(photos), 1, f"alerts: {photos}")
        tap.expect(stats["fate_bytes"]["duplicate"] >= len(pictures[2][1]), f"duplicates: {stats['fate_bytes']}")
    with tap.case("a filter keeps the sensor from reading"):
        capture = Capture(lab, sensor, redis, "--workers", "1", "-f", "not port 80")
        tap.equal(upload(lab, pictures[3][0]).wait(30), 0, "curl")
        time.sleep(1)
        stats = capture.stop()
        tap.equal((capture.alerts(), stats["fate_bytes"]["inspected"]), ([], 0), "alerts and inspected bytes")
    with tap.case("an interface that is not there: exit 2, named"):
        done = lab.try_call("router", sensor, "capture", "--rules", RULES, "--redis", redis.url, "-i", "nowhere0")
        tap.expect(done.returncode == 2 and b"nowhere0" in done.stderr, f"exit {done.returncode}: {done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sensor", default=os.path.join(ROOT, "build", "dlp-sensor"))
    sensor = os.path.abspath(parser.parse_args().sensor)
    reason = netns.available()
    if reason:
        with tap.case("capture on a live link"):
            tap.skip(reason)
        tap.finish()
    with tempfile.TemporaryDirectory() as folder, Redis() as redis, netns.Lab() as lab:
        os.chmod(folder, 0o755)
        lab.folder = folder
        start_servers(lab, folder)
        play(lab, sensor, redis)
    tap.finish()


if __name__ == "__main__":
    main()
