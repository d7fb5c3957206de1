#!/usr/bin/python3
"""An NFS 3 client over UDP, as no packaged one is left: copies files to or from an export, pieces out of order, some calls
sent twice.

usage: nfs_udp.py put|get SERVER EXPORT FILE...        get: the names of files in the export"""

import os
import random
import socket
import struct
import sys

PORTMAP, NFS, MOUNT = (100000, 2), (100003, 3), (100005, 3)
PIECE = 8192


def opaque(data):
    return struct.pack(">I", len(data)) + data + b"\0" * (-len(data) % 4)


def take_opaque(data, at=0):
    n = struct.unpack_from(">I", data, at)[0]
    return data[at + 4:at + 4 + n]


class Client:
    def __init__(self, server, seed):
        self.server = server
        self.chance = random.Random(seed)
        self.xid = self.chance.randrange(1 << 31)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for port in range(700 + seed % 200, 1024): # servers want a port that only root has
            try:
                self.socket.bind(("", port))
                break
            except OSError:
                continue
        self.ports = {PORTMAP: 111}

    def call(self, program, procedure, arguments=b""):
        if program not in self.ports:
            asked = self.call(PORTMAP, 3, struct.pack(">4I", *program, 17, 0))
            self.ports[program] = struct.unpack(">I", asked)[0]
        self.xid += 1
        unix = struct.pack(">I", 0) + opaque(b"workstation") + struct.pack(">3I", 0, 0, 0)
        message = struct.pack(">6I", self.xid, 0, 2, *program, procedure) + struct.pack(">I", 1) + opaque(unix) + bytes(8)
        twice = 1 + (self.chance.random() < 0.1)
        for _ in range(10):
            for _ in range(twice):
                self.socket.sendto(message + arguments, (self.server, self.ports[program]))
            self.socket.settimeout(1)
            try:
                while True:
                    answer = self.socket.recv(65536)
                    if answer[:4] == struct.pack(">I", self.xid):
                        return answer[24:]
            except socket.timeout:
                continue
        raise RuntimeError(f"no answer to {program} {procedure}")

    def nfs(self, procedure, arguments):
        answer = self.call(NFS, procedure, arguments)
        if answer[:4] != bytes(4):
            raise RuntimeError(f"procedure {procedure}: status {answer[:4].hex()}")
        return answer[4:]

    def put(self, root, path):
        with open(path, "rb") as file:
            data = file.read()
        name = os.path.basename(path).encode()
        answer = self.nfs(8, opaque(root) + opaque(name) + struct.pack(">I", 0) + bytes(24)) # CREATE, UNCHECKED
        handle = opaque(take_opaque(answer, 4))
        pieces = list(range(0, len(data), PIECE))
        for i in range(0, len(pieces) - 1, 2): # neighbours change places
            pieces[i], pieces[i + 1] = pieces[i + 1], pieces[i]
        for at in pieces:
            piece = data[at:at + PIECE]
            self.nfs(7, handle + struct.pack(">QII", at, len(piece), 0) + opaque(piece)) # WRITE, UNSTABLE
        self.nfs(21, handle + struct.pack(">QI", 0, 0)) # COMMIT

    def get(self, root, name):
        answer = self.nfs(3, opaque(root) + opaque(name.encode())) # LOOKUP
        handle = opaque(take_opaque(answer))
        size = struct.unpack_from(">Q", answer, 4 + len(handle) - 4 + 4 + 20)[0]
        for at in range(0, size, PIECE):
            self.nfs(6, handle + struct.pack(">QI", at, PIECE)) # READ


def main():
    what, server, export, *files = sys.argv[1:]
    client = Client(server, os.getpid())
    mounted = client.call(MOUNT, 1, opaque(export.encode()))
    if mounted[:4] != bytes(4):
        raise RuntimeError(f"MOUNT: status {mounted[:4].hex()}")
    root = take_opaque(mounted, 4)
    for file in files:
        (client.put if what == "put" else client.get)(root, file)


if __name__ == "__main__":
    main()
