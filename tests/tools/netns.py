"""A small network in namespaces of its own, for recording captures and for live tests:

    workstation 10.20.0.11  fd20::11 --- lan0 \\
                                              router --- wan0 --- outside 203.0.113.80  2001:db8:113::80
    inside web  10.20.0.80  fd20::80 --- lan1 /                           203.0.113.50 (a client out there)

Everything that crosses the border is seen on the router's wan0. Segmentation and checksum offload are off, so
that frames look as they do on a cable. Needs root; `available()` says so before a test begins."""

import itertools
import os
import signal
import subprocess
import time

HOSTS = {
    "workstation": ("lan0", ["10.20.0.11/24", "fd20::11/64"], ("10.20.0.1", "fd20::1")),
    "web": ("lan1", ["10.20.0.80/24", "fd20::80/64"], ("10.20.0.1", "fd20::1")),
    "outside": ("wan0", ["203.0.113.80/24", "203.0.113.50/24", "2001:db8:113::80/64"],
                ("203.0.113.1", "2001:db8:113::1")),
}
OFFLOADS = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"]


def run(*command, **settings):
    return subprocess.run(command, check=True, capture_output=True, text=True, **settings)


def available():
    """None, or why namespaces cannot be made here."""
    name = f"dlp{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", name)
        run("ip", "netns", "del", name)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces here: {getattr(error, 'stderr', error)}".strip()
    return None


class Lab:
    made = itertools.count(1)

    def __init__(self):
        self.prefix = f"dlp{os.getpid()}.{next(Lab.made)}-"
        self.children = []
        self.names = []

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *what):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def add(self, host):
        run("ip", "netns", "add", self.prefix + host)
        self.names.append(self.prefix + host)
        self.set(host, "net/ipv6/conf/all/accept_dad", 0)
        self.set(host, "net/ipv6/conf/default/router_solicitations", 0)
        self.call(host, "ip", "link", "set", "lo", "up")

    def build(self):
        self.add("router")
        self.set("router", "net/ipv4/ip_forward", 1)
        self.set("router", "net/ipv6/conf/all/forwarding", 1)
        self.call("router", "ip", "link", "add", "br0", "type", "bridge")
        for host, (port, addresses, gateways) in HOSTS.items():
            self.add(host)
            self.call("router", "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns",
                      self.prefix + host)
            for where, link in (("router", port), (host, "eth0")):
                self.call(where, "ethtool", "-K", link, *OFFLOADS)
                self.call(where, "ip", "link", "set", link, "up")
            for address in addresses:
                self.call(host, "ip", "address", "add", address, "dev", "eth0", *nodad(address))
            if host != "outside":
                self.call("router", "ip", "link", "set", port, "master", "br0")
            for gateway in gateways:
                self.call(host, "ip", "route", "add", "default", "via", gateway)
            for resolver in resolvers():  # none is here: to look up a name fails at once
                self.call(host, "ip", "route", "add", "unreachable", resolver)
        self.call("router", "ip", "link", "set", "br0", "up")
        for link, address in (("br0", "10.20.0.1/24"), ("br0", "fd20::1/64"), ("wan0", "203.0.113.1/24"),
                              ("wan0", "2001:db8:113::1/64")):
            self.call("router", "ip", "address", "add", address, "dev", link, *nodad(address))

    def set(self, host, key, value):
        self.call(host, "sh", "-c", f"echo {value} > /proc/sys/{key}")

    def command(self, host, *command):
        # Not `ip netns exec`: that makes "/" a slave mount first, which a chroot's is none to make.
        return ["nsenter", f"--net=/run/netns/{self.prefix + host}", *command]

    def call(self, host, *command, **settings):
        """Runs to the end; raises when it fails."""
        return run(*self.command(host, *command), **settings)

    def try_call(self, host, *command, **settings):
        """Runs to the end, whatever becomes of it."""
        return subprocess.run(self.command(host, *command), capture_output=True, check=False, **settings)

    def start(self, host, *command, **settings):
        """Runs until the lab ends."""
        child = subprocess.Popen(self.command(host, *command), **settings)
        self.children.append(child)
        return child

    def wait_port(self, host, port, seconds=10):
        """Until something listens there."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            listening = self.call(host, "ss", "-Hltn", f"sport = :{port}").stdout
            if listening.strip():
                return
            time.sleep(0.05)
        raise RuntimeError(f"nothing listens on port {port} of {host}")


def resolvers():
    """The machine's own name servers, but those on its loopback."""
    try:
        with open("/etc/resolv.conf", encoding="utf-8") as file:
            words = [line.split() for line in file]
    except OSError:
        return []
    found = {line[1].split("%")[0] for line in words if line[:1] == ["nameserver"] and len(line) > 1}
    return sorted(address for address in found if not address.startswith(("127.", "::1", "fe80:")))


def nodad(address):
    return ["nodad"] if ":" in address else []
