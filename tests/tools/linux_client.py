"""A real Linux kernel as the client of a protocol that only a kernel speaks well (NFS): user-mode Linux on the files of
this machine, read-only, with one interface. It runs a shell script and goes.

    LinuxClient(lab, "workstation", "10.20.9").run(script, "nfsv3", "nfsv4")"""

import os
import shutil
import subprocess
import tempfile

INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mount -t tmpfs tmp /mnt
ip link set lo up
ip link set vec0 up
ip address add {network}.2/24 dev vec0
ip route add default via {network}.1
mkdir -p /mnt/at /mnt/root/lib/modules
ln -s /usr/lib/uml/modules/* /mnt/root/lib/modules/
for module in {modules}; do modprobe -d /mnt/root $module; done
(set -e; . {folder}/script) > /mnt/log 2>&1 && echo LINUX-CLIENT-DONE || cat /mnt/log
echo o > /proc/sysrq-trigger
sleep 20
"""


def missing():
    """None, or what is not here."""
    for name in ("linux.uml", "modprobe", "mount.nfs"):
        if not shutil.which(name):
            return f"not installed: {name}"
    return None if os.path.exists("/dev/net/tun") else "no /dev/net/tun"


class LinuxClient:
    def __init__(self, lab, host, network):
        """In the namespace `host`, behind a network of its own."""
        self.lab, self.host, self.network = lab, host, network
        via = {"workstation": "10.20.0.11", "web": "10.20.0.80", "outside": "203.0.113.80"}[host]
        lab.set(host, "net/ipv4/ip_forward", 1)
        lab.call(host, "ip", "tuntap", "add", "tap0", "mode", "tap")
        lab.call(host, "ip", "address", "add", f"{network}.1/24", "dev", "tap0")
        lab.call(host, "ip", "link", "set", "tap0", "up")
        lab.call("router", "ip", "route", "add", f"{network}.0/24", "via", via)

    def run(self, script, *modules):
        with tempfile.TemporaryDirectory(prefix="dlp-linux-") as folder:
            for name, text in (("script", script),
                               ("init", INIT.format(network=self.network, modules=" ".join(modules), folder=folder))):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            os.chmod(os.path.join(folder, "init"), 0o755)
            done = self.lab.try_call(
                self.host, "linux.uml", "mem=256M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={folder}/init",
                "vec0:transport=tap,ifname=tap0,mac=02:00:00:00:00:77", "con=null", "con0=null,fd:1", "quiet",
                stdin=subprocess.DEVNULL, timeout=300, env={**os.environ, "TMPDIR": folder, "HOME": folder})
        if b"LINUX-CLIENT-DONE" not in done.stdout:
            raise RuntimeError(f"the Linux client: {done.stdout[-800:]!r} {done.stderr[-200:]!r}")
