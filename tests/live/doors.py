"""What the doors share: the stage a transfer is played on, and the files it moves. A door is a function that moves
files out of the network by one protocol, with real peers, and returns their paths; doors_*.py hold them by kind."""

import hashlib
import os
import random
import subprocess
import time

OUTSIDE, INSIDE, WORKSTATION, VISITOR = "203.0.113.80", "10.20.0.80", "10.20.0.11", "203.0.113.50"
SIZES = [1, 2, 511, 512, 513, 1024, 1459, 1460, 1461, 4096, 65535, 65536, 65537, 300_000]
DOORS = []
HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(Exception):
    """A peer cannot run here."""


def door(name, *programs):
    def add(function):
        DOORS.append((name, programs, function))
        return function
    return add


def make_files(folder, count, seed):
    """Mixed kinds and sizes: empty lines, dots, zeros, random bytes, text, something that begins like a JPEG."""
    chance = random.Random(seed)
    paths = []
    for i in range(count):
        size = SIZES[i % len(SIZES)] if i < len(SIZES) * 2 else chance.randrange(3, 40_000)
        kind = i % 5
        if kind == 0:
            data = chance.randbytes(size)
        elif kind == 1:
            data = (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + chance.randbytes(size))[:size]
        elif kind == 2:
            data = (b"line of text %d\r\n.\r\n..\r\n\r\n--boundary\r\n" % i * (size // 30 + 1))[:size]
        elif kind == 3:
            data = chance.randbytes(7) * (size // 7 + 1)
            data = data[:size]
        else:
            data = bytes([i % 256]) * size
        path = os.path.join(folder, f"file {i}.bin" if i % 7 == 0 else f"file{i}.bin")
        with open(path, "wb") as file:
            file.write(data)
        paths.append(path)
    return paths


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def url_name(path):
    return os.path.basename(path).replace(" ", "%20")


class Stage:
    def __init__(self, lab, folder, count):
        self.lab, self.folder, self.count = lab, folder, count
        os.makedirs(folder, exist_ok=True)

    def files(self, name, count=None):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        return make_files(folder, count or self.count, name)

    def path(self, *parts):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def serve(self, host, port, *command):
        log = open(self.path("logs", f"{os.path.basename(command[0])}.log"), "ab")
        self.lab.start(host, *command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        if port:
            self.lab.wait_port(host, port)

    def wait(self, condition, seconds=10):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                raise RuntimeError("waited in vain")
            time.sleep(0.05)

    def tell(self, host, *command, **settings):
        done = self.lab.try_call(host, *command, **settings)
        if done.returncode:
            raise RuntimeError(f"{command}: {(done.stderr or b'')[-500:]!r} {(done.stdout or b'')[-500:]!r}")
