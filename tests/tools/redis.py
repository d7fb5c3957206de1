"""A private redis-server on a Unix socket, and as much of its protocol as tests need."""

import os
import socket
import subprocess
import tempfile
import time


class Redis:
    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "redis.sock")
        self.url = "unix://" + self.path
        self.child = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.path, "--dir",
                                       self.folder.name, "--save", "", *self.options],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.connection = socket.socket(socket.AF_UNIX)
                self.connection.connect(self.path)
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError("redis-server did not start")
        self.connection.settimeout(10)
        self.reader = self.connection.makefile("rb")
        return self

    def __exit__(self, *what):
        self.child.terminate()
        self.child.wait()
        self.folder.cleanup()

    def call(self, *words):
        message = b"*%d\r\n" % len(words)
        for word in words:
            raw = word if isinstance(word, bytes) else str(word).encode()
            message += b"$%d\r\n%s\r\n" % (len(raw), raw)
        self.connection.sendall(message)
        return self.read()

    def read(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            data = self.reader.read(int(rest) + 2)[:-2]
            return data.decode("utf-8", "replace")
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise RuntimeError(f"unexpected reply {line!r}")

    def entries(self, stream):
        """[(entry id, {field: value})]"""
        return [(entry, dict(zip(pairs[::2], pairs[1::2]))) for entry, pairs in self.call("XRANGE", stream, "-", "+")]
