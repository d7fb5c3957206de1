#!/usr/bin/python3
"""Every door with real peers: files of mixed kinds leave a network of namespaces by each protocol, tcpdump listens on the
border, and the replayed capture must show every one of them whole, with its digest. TAP on standard output.

usage: protocols.py [--sensor PATH] [--keep DIR] [--count N] [PROTOCOL...]        needs root and the peers installed"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import netns  # noqa: E402
import linux_client  # noqa: E402
from sensor import Sensor, ledger_error  # noqa: E402

OUTSIDE, INSIDE, WORKSTATION, VISITOR = "203.0.113.80", "10.20.0.80", "10.20.0.11", "203.0.113.50"
DOORS = []


class Missing(Exception):
    """A peer is not installed."""


def door(name, *programs):
    def add(function):
        DOORS.append((name, programs, function))
        return function
    return add


def make_files(folder, count, seed):
    """Mixed kinds and sizes: empty lines, dots, zeros, random bytes, text, something that begins like a JPEG."""
    chance = random.Random(seed)
    sizes = [1, 2, 511, 512, 513, 1024, 1459, 1460, 1461, 4096, 65535, 65536, 65537, 300_000]
    paths = []
    for i in range(count):
        size = sizes[i % len(sizes)] if i < len(sizes) * 2 else chance.randrange(3, 40_000)
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


class Stage:
    def __init__(self, lab, folder, count):
        self.lab, self.folder, self.count = lab, folder, count

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

    def tell(self, host, *command, **settings):
        done = self.lab.try_call(host, *command, **settings)
        if done.returncode:
            raise RuntimeError(f"{command}: {(done.stderr or b'')[-500:]!r} {(done.stdout or b'')[-500:]!r}")


# ---- the doors; each returns the files that left ----

@door("http-put", "nginx", "curl")
def http_put(stage):
    temp = stage.path("nginx", "x")[:-1]
    os.makedirs(temp + "site/up", exist_ok=True)
    os.chmod(temp + "site/up", 0o777)
    conf = stage.write("nginx.conf", f"""daemon off; user root; pid {temp}pid; error_log {temp}error;
events {{}} http {{ access_log off; client_body_temp_path {temp}b; client_max_body_size 0;
proxy_temp_path {temp}p; fastcgi_temp_path {temp}f; uwsgi_temp_path {temp}u; scgi_temp_path {temp}s;
server {{ listen 8080; root {temp}site; dav_methods PUT; }} }}""")
    stage.serve("outside", 8080, "nginx", "-c", conf, "-p", temp)
    files = stage.files("http-put")
    for i, path in enumerate(files):
        more = [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]][i % 4]
        stage.tell("workstation", "curl", "-sSf", "-o", "/dev/null", *more, "-T", path, f"http://{OUTSIDE}:8080/up/{i}")
    return files


@door("http-get", "nginx", "curl")
def http_get(stage):
    temp = stage.path("nginx-in", "x")[:-1]
    conf = stage.write("nginx-in.conf", f"""daemon off; user root; pid {temp}pid; error_log {temp}error;
events {{}} http {{ access_log off; gzip on; gzip_types *; gzip_min_length 20; gzip_proxied any;
client_body_temp_path {temp}b; proxy_temp_path {temp}p; fastcgi_temp_path {temp}f; uwsgi_temp_path {temp}u;
scgi_temp_path {temp}s; server {{ listen 80; root {stage.folder}/http-get; }} }}""")
    files = stage.files("http-get")
    os.chmod(stage.folder, 0o755)
    stage.serve("web", 80, "nginx", "-c", conf, "-p", temp)
    urls = [f"http://{INSIDE}/{os.path.basename(path).replace(' ', '%20')}" for path in files]
    for begin in range(0, len(urls), 20): # twenty over one connection
        out = [word for url in urls[begin:begin + 20] for word in ("-o", "/dev/null", url)]
        stage.tell("outside", "curl", "-sSf", "--interface", VISITOR, *(["--compressed"] if begin % 40 else []), *out)
    return files


@door("http2", "nghttpd", "nghttp")
def http2(stage):
    stage.serve("outside", 8081, "nghttpd", "--no-tls", "8081", "-d", stage.folder, "--echo-upload")
    files = stage.files("http2")
    for i, path in enumerate(files):
        stage.tell("workstation", "nghttp", "-n", "-d", path, f"http://{OUTSIDE}:8081/up/{i}.bin")
    return files


@door("http2-get", "nghttpd", "nghttp")
def http2_get(stage):
    files = stage.files("http2-get")
    stage.serve("web", 8082, "nghttpd", "--no-tls", "8082", "-d", os.path.join(stage.folder, "http2-get"))
    urls = [f"http://{INSIDE}:8082/{os.path.basename(path).replace(' ', '%20')}" for path in files]
    for begin in range(0, len(urls), 10): # ten streams interleaved
        stage.tell("outside", "nghttp", "-n", *urls[begin:begin + 10])
    return files


@door("ftp", "vsftpd", "curl")
def ftp(stage):
    home = stage.path("ftp", "in", "x")[:-1]
    os.chmod(home, 0o777)
    os.chmod(os.path.dirname(home.rstrip("/")), 0o755)
    empty = stage.path("ftp-empty", "x")[:-1]
    conf = stage.write("vsftpd.conf", f"""listen=YES
anonymous_enable=YES
anon_root={os.path.dirname(home.rstrip("/"))}
write_enable=YES
anon_upload_enable=YES
anon_other_write_enable=YES
anon_umask=022
no_anon_password=YES
secure_chroot_dir={empty}
background=NO
seccomp_sandbox=NO
isolate_network=NO
connect_from_port_20=YES
allow_writeable_chroot=YES
xferlog_enable=NO
""")
    stage.serve("outside", 21, "vsftpd", conf)
    files = stage.files("ftp")
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"]][i % 4]
        stage.tell("workstation", "curl", "-sSf", *more, "-T", path, f"ftp://{OUTSIDE}/in/{i}.bin")
    return files


@door("smb", "smbd", "smbclient")
def smb(stage):
    share = stage.path("smb", "share", "x")[:-1]
    os.chmod(share, 0o777)
    state = stage.path("smb", "state", "x")[:-1]
    conf = stage.write("smb.conf", f"""[global]
 workgroup = W
 server role = standalone server
 map to guest = Bad User
 guest account = root
 private dir = {state}
 lock directory = {state}
 state directory = {state}
 cache directory = {state}
 pid directory = {state}
 ncalrpc dir = {state}
 log file = {state}log
 disable netbios = yes
 smb ports = 445
 server min protocol = SMB2_02
[docs]
 path = {share}
 guest ok = yes
 writable = yes
 force user = root
""")
    stage.serve("outside", 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    files = stage.files("smb")
    for i in range(0, len(files), 10):
        puts = "; ".join(f'put "{path}" "d{k} {k}.bin"' for k, path in enumerate(files[i:i + 10], i))
        level = ["SMB3", "SMB2", "SMB3_11"][i // 10 % 3]
        stage.tell("workstation", "smbclient", f"//{OUTSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", puts)
    return files


@door("smb-read", "smbd", "smbclient")
def smb_read(stage):
    files = stage.files("smb-read")
    os.chmod(os.path.join(stage.folder, "smb-read"), 0o755)
    state = stage.path("smb-in", "state", "x")[:-1]
    conf = stage.write("smb-in.conf", f"""[global]
 server role = standalone server
 map to guest = Bad User
 guest account = root
 private dir = {state}
 lock directory = {state}
 state directory = {state}
 cache directory = {state}
 pid directory = {state}
 ncalrpc dir = {state}
 log file = {state}log
 disable netbios = yes
 smb ports = 445
[docs]
 path = {stage.folder}/smb-read
 guest ok = yes
 force user = root
""")
    stage.serve("web", 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    got = stage.path("smb-got", "x")
    for i in range(0, len(files), 10):
        gets = "; ".join(f'get "{os.path.basename(path)}" "{got}"' for path in files[i:i + 10])
        stage.tell("outside", "smbclient", f"//{INSIDE}/docs", "-N", "-m", ["SMB3", "SMB2"][i // 10 % 2], "-s", conf,
                   "-c", gets)
    return files


@door("tftp", "in.tftpd", "tftp", "curl")
def tftp(stage):
    folder = stage.path("tftp-in", "x")[:-1]
    os.chmod(folder, 0o777)
    stage.serve("outside", None, "in.tftpd", "-L", "-c", "-p", "-u", "root", "-s", "-a", f"{OUTSIDE}:69", folder)
    time.sleep(0.3)
    files = stage.files("tftp")
    for i, path in enumerate(files):
        if i % 2:
            stage.tell("workstation", "curl", "-sSf", "--tftp-blksize", "1400", "-T", path, f"tftp://{OUTSIDE}/{i}.bin")
        else:
            stage.tell("workstation", "tftp", OUTSIDE, "-m", "binary", "-c", "put", path, f"{i}.bin")
    return files


def nfs_server(stage, host, address, share):
    """Ganesha, which serves NFS 3 and 4 over TCP and UDP without a kernel's help."""
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


NFS_SERVER = ("ganesha.nfsd", "rpcbind")


@door("nfs", *NFS_SERVER, "nfs-cp")
def nfs(stage):
    nfs_writes(stage)
    files = stage.files("nfs")
    for i, path in enumerate(files):
        stage.tell("workstation", "nfs-cp", path, f"nfs://{OUTSIDE}/share/{i}.bin?version=3")
    return files


@door("nfs-read", *NFS_SERVER, "nfs-cat")
def nfs_read(stage):
    files = nfs_reads(stage, "nfs-read")
    for i, path in enumerate(files):
        stage.tell("outside", "nfs-cat", f"nfs://{INSIDE}/share/{os.path.basename(path)}?version={3 + i % 2}")
    return files


@door("nfs-udp", *NFS_SERVER)
def nfs_udp(stage):
    nfs_writes(stage)
    files = stage.files("nfs-udp")
    tool = os.path.join(HERE, "..", "tools", "nfs_udp.py")
    for begin in range(0, len(files), 10):
        stage.tell("workstation", sys.executable, tool, "put", OUTSIDE, "/share", *files[begin:begin + 10])
    return files


@door("nfs-udp-read", *NFS_SERVER)
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
def nfs_kernel_write(stage):
    nfs_writes(stage)
    return nfs_kernel(stage, "workstation", "10.20.9", OUTSIDE, stage.files("nfs-kernel"),
                      lambda path, i: f"cp '{path}' '/mnt/at/{i}-{os.path.basename(path)}'")


@door("nfs-kernel-read", *NFS_SERVER)
def nfs_kernel_read(stage):
    files = nfs_reads(stage, "nfs-kernel-read")
    return nfs_kernel(stage, "outside", "198.51.100", INSIDE, files,
                      lambda path, i: f"cat '/mnt/at/{os.path.basename(path)}' > /dev/null")


MAIL_SINK = r"""
import socketserver, sys
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 sink ESMTP\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 0\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    pass
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server((sys.argv[1], 25), Mail).serve_forever()
"""


@door("smtp", "swaks", "curl")
def smtp(stage):
    stage.serve("outside", 25, sys.executable, "-c", MAIL_SINK, OUTSIDE)
    files = stage.files("smtp")
    for i, path in enumerate(files):
        if i % 2:
            stage.tell("workstation", "curl", "-sSf", f"smtp://{OUTSIDE}", "--mail-from", "a@example.com", "--mail-rcpt",
                       "b@example.org", "-H", "Subject: file", "-F", "=see attached;type=text/plain",
                       "-F", f"=@{path};encoder=base64")
        else:
            stage.tell("workstation", "swaks", "--silent", "3", "--server", OUTSIDE, "--from", "a@example.com", "--to",
                       "b@example.org", *(["--pipeline"] if i % 4 else []), "--attach", f"@{path}")
    return files


IMAP_SINK = r"""
import re, socketserver, sys
class Imap(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, verb = (line.split() + [b"", b""])[:2]
            literal = re.search(rb"\{(\d+)(\+?)\}\r\n$", line)
            if literal:
                if not literal[2]:
                    self.wfile.write(b"+ go\r\n")
                self.rfile.read(int(literal[1]))
                self.rfile.readline()
            if verb.upper() == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            self.wfile.write(tag + b" OK done\r\n")
            if verb.upper() == b"LOGOUT":
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server((sys.argv[1], 143), Imap).serve_forever()
"""


@door("imap", "curl")
def imap(stage):
    stage.serve("outside", 143, sys.executable, "-c", IMAP_SINK, OUTSIDE)
    files = stage.files("imap", 30)
    for path in files:
        stage.tell("workstation", "curl", "-sSf", "-u", "a:b", f"imap://{OUTSIDE}/Drafts", "-H", "Subject: draft",
                   "-F", "=see attached;type=text/plain", "-F", f"=@{path};encoder=base64")
    return files


# ---- the run ----

def record(stage, name, function):
    capture = stage.path("captures", f"{name}.pcap")
    tcpdump = stage.lab.start("router", "tcpdump", "-i", "wan0", "-s", "0", "-U", "--immediate-mode", "-B", "65536", "-w", capture,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tcpdump.stderr.readline()
    try:
        files = function(stage)
        time.sleep(0.5)
    finally:
        tcpdump.terminate()
        tcpdump.wait(10)
    return capture, files


def judge(sensor, rules, capture, files):
    """None, or what went wrong."""
    result = sensor.replay("--events", "object", capture, rules=rules)
    if result.code:
        return result.failed()
    error = ledger_error(result.stats)
    if error:
        return error
    whole = {row["fileinfo"].get("sha256") for row in result.events("object") if row["fileinfo"]["state"] == "CLOSED"}
    lost = [path for path in files if digest(path) not in whole]
    if lost:
        return f"{len(lost)} of {len(files)} did not come out whole: {', '.join(map(os.path.basename, lost[:8]))}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default="build/dlp-sensor")
    parser.add_argument("--keep", help="leave captures and files here")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("protocols", nargs="*")
    options = parser.parse_args()
    doors = [row for row in DOORS if not options.protocols or row[0] in options.protocols]
    print(f"1..{len(doors)}", flush=True)
    reason = netns.available()
    folder = options.keep or tempfile.mkdtemp(prefix="dlp-doors-")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    rules = os.path.join(folder, "none.yar")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('rule nothing { meta: description = "nothing" severity = "low" category = "none" condition: false }\n')
    failed = 0
    try:
        for number, (name, programs, function) in enumerate(doors, 1):
            absent = [program for program in programs if not shutil.which(program)]
            if reason or absent:
                print(f"ok {number} - {name} # SKIP {reason or 'not installed: ' + ', '.join(absent)}", flush=True)
                continue
            with netns.Lab() as lab:
                try:
                    capture, files = record(Stage(lab, folder, options.count), name, function)
                    error = judge(Sensor(options.sensor), rules, capture, files)
                except Missing as what:
                    print(f"ok {number} - {name} # SKIP {what}", flush=True)
                    continue
                except (RuntimeError, OSError, subprocess.SubprocessError) as trouble:
                    error, files = str(trouble), []
            failed += bool(error)
            print(f"{'not ok' if error else 'ok'} {number} - {name}: {len(files)} files", flush=True)
            for line in (error or "").splitlines():
                print(f"# {line}", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
