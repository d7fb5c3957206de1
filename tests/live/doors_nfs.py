"""NFS, by ganesha, libnfs, a client of our own over UDP, and a Linux kernel in user mode."""

import os
import sys

import linux_client
from doors import HERE, INSIDE, OUTSIDE, Missing, door


def is_on_a_known_mount(path):
    """Whether the system's list says what file system that is: in a chroot it does not, and ganesha exports nothing."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        points = [line.split()[4].rstrip("/") for line in mounts]
    return any((path + "/").startswith(point + "/") for point in points)


def nfs_server(stage, host, address, share):
    """Ganesha, which serves NFS 3 and 4 over TCP and UDP without a kernel's help."""
    if not is_on_a_known_mount(share):
        raise Missing("no file system is mounted here that ganesha could export: a chroot")
    state = stage.path(f"nfs-{host}", "x")[:-1]
    plugins = f"/usr/lib/{os.uname().machine}-linux-gnu/ganesha"
    conf = stage.write(f"nfs-{host}.conf", f"""
NFS_CORE_PARAM {{ Protocols = 3,4; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = true; Bind_addr = {address};
    mount_path_pseudo = true; Plugins_Dir = "{plugins}"; }}
NFSv4 {{ Graceless = true; Lease_Lifetime = 5; Grace_Period = 5; RecoveryBackend = fs; RecoveryRoot = "{state}"; }}
EXPORT {{ Export_Id = 1; Path = {share}; Pseudo = /share; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
    Protocols = 3,4; Transports = TCP,UDP; FSAL {{ Name = VFS; }} }}
LOG {{ Default_Log_Level = WARN; }}
""")
    stage.serve(host, 111, "rpcbind", "-f", "-w")
    stage.serve(host, 2049, "ganesha.nfsd", "-F", "-L", f"{state}log", "-f", conf, "-p", f"{state}pid")


def nfs_writes(stage):
    share = stage.path("nfs-share", "x")[:-1]
    os.chmod(share, 0o777)
    nfs_server(stage, "outside", OUTSIDE, share)


def nfs_reads(stage, name):
    files = stage.files(name)
    nfs_server(stage, "web", INSIDE, os.path.join(stage.folder, name))
    return files


def alone(function):
    """rpcbind's socket lies in the file system: two of them at once are one too many."""
    function.alone = True
    return function


NFS_SERVER = ("ganesha.nfsd", "rpcbind")


@door("nfs", *NFS_SERVER, "nfs-cp")
@alone
def nfs(stage):
    nfs_writes(stage)
    files = stage.files("nfs")
    for i, path in enumerate(files):
        stage.tell("workstation", "nfs-cp", path, f"nfs://{OUTSIDE}/share/{i}.bin?version=3")
    return files


@door("nfs-read", *NFS_SERVER, "nfs-cat")
@alone
def nfs_read(stage):
    files = nfs_reads(stage, "nfs-read")
    for i, path in enumerate(files):
        stage.tell("outside", "nfs-cat", f"nfs://{INSIDE}/share/{os.path.basename(path)}?version={3 + i % 2}")
    return files


@door("nfs-udp", *NFS_SERVER)
@alone
def nfs_udp(stage):
    nfs_writes(stage)
    files = stage.files("nfs-udp")
    tool = os.path.join(HERE, "..", "tools", "nfs_udp.py")
    for begin in range(0, len(files), 10):
        stage.tell("workstation", sys.executable, tool, "put", OUTSIDE, "/share", *files[begin:begin + 10])
    return files


@door("nfs-udp-read", *NFS_SERVER)
@alone
def nfs_udp_read(stage):
    files = nfs_reads(stage, "nfs-udp-read")
    tool = os.path.join(HERE, "..", "tools", "nfs_udp.py")
    for begin in range(0, len(files), 10):
        names = map(os.path.basename, files[begin:begin + 10])
        stage.tell("outside", sys.executable, tool, "get", INSIDE, "/share", *names)
    return files


def nfs_kernel(stage, host, network, server, files, copy):
    """A quarter of the files by each version that a Linux kernel speaks."""
    if reason := linux_client.missing():
        raise Missing(reason)
    script = []
    for i, version in enumerate(("3", "4.0", "4.1", "4.2")):
        script.append(f"mount -t nfs -o vers={version},nolock,proto=tcp {server}:/share /mnt/at")
        script += [copy(path, i) for path in files[i::4]]
        script.append("umount /mnt/at")
    linux_client.LinuxClient(stage.lab, host, network).run("\n".join(script), "nfsv3", "nfsv4")
    return files


@door("nfs-kernel", *NFS_SERVER)
@alone
def nfs_kernel_write(stage):
    nfs_writes(stage)
    return nfs_kernel(stage, "workstation", "10.20.9", OUTSIDE, stage.files("nfs-kernel"),
                      lambda path, i: f"cp '{path}' '/mnt/at/{i}-{os.path.basename(path)}'")


@door("nfs-kernel-read", *NFS_SERVER)
@alone
def nfs_kernel_read(stage):
    files = nfs_reads(stage, "nfs-kernel-read")
    return nfs_kernel(stage, "outside", "198.51.100", INSIDE, files,
                      lambda path, i: f"cat '/mnt/at/{os.path.basename(path)}' > /dev/null")
