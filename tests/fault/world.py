"""What the faults are made of: real Redis servers (plain, TLS, Sentinels, a Cluster) on loopback that can be killed,
frozen and wiped; a proxy that mistreats connections; the sensor under test."""

import collections
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "evasion"))
from wire import Conversation, jpeg, upload, write_pcap  # noqa: E402

UPLOADS = 120
SENSOR = "fault"

_ports = itertools.count(20000 + os.getpid() % 20000)
_lock = threading.Lock()


def free_port():
    """One that nobody listens on, nor on its Cluster bus 10,000 above."""
    with _lock:
        for port in _ports:
            if port > 50000:
                raise RuntimeError("no free ports")
            try:
                for each in (port, port + 10000):
                    with socket.socket() as probe:
                        probe.bind(("127.0.0.1", each))
                return port
            except OSError:
                continue


class Refused(Exception):
    """An error reply."""


class Client:
    """A connection that speaks as much of the protocol as tests need."""

    def __init__(self, address, timeout=10):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.link = socket.socket(family)
        self.link.settimeout(timeout)
        self.link.connect(address)
        self.stream = self.link.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stream.close()
        self.link.close()

    def call(self, *words):
        message = b"*%d\r\n" % len(words)
        for word in words:
            raw = str(word).encode()
            message += b"$%d\r\n%s\r\n" % (len(raw), raw)
        self.link.sendall(message)
        return self.reply()

    def reply(self):
        line = self.stream.readline()
        if not line:
            raise OSError("closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind in b"+:":
            return rest
        if kind == b"-":
            return Refused(rest)
        if kind == b"$":
            return None if rest == "-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        return None if rest == "-1" else [self.reply() for _ in range(int(rest))]


class Server:
    """One redis-server process, or a Sentinel, which may die and come back with what it had on disk."""

    def __init__(self, folder, *options, port=None, durable=True, conf=None):
        self.folder = folder
        self.port = port or free_port()
        self.path = os.path.join(folder, "redis.sock")
        self.address = ("127.0.0.1", self.port)
        self.process = None
        os.makedirs(folder, exist_ok=True)
        keep = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
        self.command = [conf, "--sentinel"] if conf else \
            ["--port", str(self.port), "--unixsocket", self.path, "--save", "", "--loglevel", "warning", *keep, *options]

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *more, ready=True):
        self.process = subprocess.Popen(["redis-server", *self.command, "--dir", self.folder, *more],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            try:
                answer = self.call("PING")
                if not ready or not isinstance(answer, Refused) or "NOAUTH" in str(answer):
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("redis-server does not start")

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def wipe(self):
        """What it kept on disk goes."""
        shutil.rmtree(os.path.join(self.folder, "appendonlydir"), ignore_errors=True)
        for name in os.listdir(self.folder):
            if name.endswith(".rdb"):
                os.unlink(os.path.join(self.folder, name))

    def signal(self, number):
        self.process.send_signal(number)

    def call(self, *words):
        with Client(self.address) as client:
            return client.call(*words)

    def must(self, *words):
        """A command on which the fault depends."""
        answer = self.call(*words)
        if isinstance(answer, Refused):
            raise RuntimeError(f"{' '.join(map(str, words))}: {answer}")
        return answer

    def stream(self, sensor=SENSOR):
        """The alert events in the sensor's stream."""
        entries = self.call("XRANGE", f"dlp:alerts:{sensor}", "-", "+")
        if isinstance(entries, Refused):
            raise RuntimeError(str(entries))
        fields = (dict(zip(values[::2], values[1::2])) for _, values in entries)
        return [f["event"] for f in fields if "event" in f]


class Proxy:
    """Between the sensor and Redis. `mode` may change at any time: pass; swallow (accepts, answers nothing);
    slow (a pause at each piece); cut (each connection ends after so many bytes, at random)."""

    def __init__(self, target, mode="pass", random=None):
        self.target = target
        self.mode = mode
        self.random = random
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            left = [self.random.randrange(1, 60000) if self.mode == "cut" else None]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(source, sink, left), daemon=True).start()

    def carry(self, source, sink, left):
        try:
            while data := source.recv(4096 if self.mode == "slow" else 65536):
                if self.mode == "swallow":
                    continue
                if self.mode == "slow":
                    time.sleep(0.02)
                if left[0] is not None:
                    data = data[:left[0]]
                    left[0] -= len(data)
                sink.sendall(data)
                if left[0] == 0:
                    break
        except OSError:
            pass
        for link in (source, sink):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def capture(folder, uploads=UPLOADS, first=0):
    """So many photographs, uploaded one after another."""
    frames = []
    for i in range(first, first + uploads):
        talk = Conversation(port=20000 + i, isn=i * 99991)
        talk.handshake()
        talk.send(upload(jpeg(400, 320, i), f"p{i}.jpg"))
        talk.answer()
        talk.close()
        frames += talk.frames
    path = os.path.join(folder, f"uploads-{first}-{uploads}.pcap")
    write_pcap(path, frames)
    return path


def keys(events):
    """What must be there: (id, is it the final state) of every alert event."""
    found = collections.Counter()
    for text in events:
        event = json.loads(text)
        if event["event_type"] == "alert":
            found[event["dlp"]["id"], event["dlp"].get("update", False)] += 1
    return found


class Sensor:
    """`replay` of a capture into Redis."""

    program = os.path.join(ROOT, "build", "dlp-sensor")

    def __init__(self, folder, url, spool=None, name=SENSOR, config=None, before=()):
        self.folder = folder
        self.stats = os.path.join(folder, f"{name}.stats")
        self.settings = [*before, self.program, "replay", "--sensor", name, "--rules", os.path.join(ROOT, "rules"),
                         "--redis", url, "--stats", self.stats]
        if spool:
            self.settings += ["--spool", spool]
        if config:
            path = os.path.join(folder, "sensor.yaml")
            with open(path, "w", encoding="utf-8") as out:
                out.write(config)
            self.settings += ["-c", path]
        self.process = None
        self.error = ""

    def start(self, *inputs):
        """Runs on its own; `inputs` as on the command line, "-" to be fed."""
        self.process = subprocess.Popen([*self.settings, *inputs], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        return self

    def feed(self, path, seconds, slices=60):
        with open(path, "rb") as source:
            data = source.read()
        try:
            for i in range(slices):
                self.process.stdin.write(data[len(data) * i // slices:len(data) * (i + 1) // slices])
                self.process.stdin.flush()
                time.sleep(seconds / slices)
            self.process.stdin.close()
        except OSError:
            pass  # it was killed
        self.process.stdin = None  # communicate() must not flush it again

    def kill(self):
        self.process.kill()

    def wait(self, timeout=90):
        """The exit code; negative for a signal."""
        try:
            _, error = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.error += error.decode(errors="replace")
        return self.process.returncode

    def run(self, path):
        return self.start(path).wait()

    def counters(self):
        with open(self.stats, encoding="utf-8") as text:
            return json.load(text)["stats"]


_clean = {}
_clean_lock = threading.Lock()


def clean_run(path):
    """The alerts of a run that nothing disturbs."""
    with _clean_lock:
        name = os.path.basename(path)
        if name not in _clean:
            out = subprocess.run([Sensor.program, "replay", "-q", "--sensor", SENSOR, "--rules",
                                  os.path.join(ROOT, "rules"), path], check=True, capture_output=True).stdout
            _clean[name] = keys(out.decode().splitlines())
        return _clean[name]


__all__ = ["Client", "Proxy", "ROOT", "Refused", "SENSOR", "Sensor", "Server", "UPLOADS", "capture", "clean_run",
           "free_port", "keys", "signal"]
